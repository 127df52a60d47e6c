/** A target ratio of a hundred ordinary peers to a supernode while peers come and go. */
import { expect } from 'vitest'
import { type HourPlan, runHour } from './hour.ts'

export const RATIO_PLAN = { seed: 'ratio', session: 'exp:1h', filesPerPeer: 2, firewalled: 0.33 } as const

/** A fifth of the peers is replaced while it is measured, at least. */
export function expectRatioUnderChurn(
  size: Pick<HourPlan, 'peers' | 'growS' | 'measureS' | 'searches'>
): void {
  const report = runHour({ ...RATIO_PLAN, ...size })
  expect(report.ratio).toSatisfy(({ least, most }) => least >= 50 && most <= 200)
  expect(report.churn.departures).toBeGreaterThan(size.peers / 5)
  expect(report.handOvers.sparesTaken).toBeGreaterThan(0)
  expect(report.homelessShare).toBeLessThan(0.01)
  expect(report.searches.found / report.searches.findable).toBeGreaterThan(0.95)
}
