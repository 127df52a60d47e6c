/** A target ratio of ordinary peers to supernodes holds at any size: 100 and 1,000 here, 10,000 in `paper.full.test.ts`. */
import { describe, expect, it } from 'vitest'
import { type HourReport, runHour } from './hour.ts'

const plan = { seed: 'ratio', session: 'exp:1h', filesPerPeer: 2, firewalled: 0.33 } as const

const within = ({ ratio }: HourReport): boolean => ratio.least >= 50 && ratio.most <= 200

describe('one supernode to a hundred', () => {
  it('holds within a factor of two at 100 peers', () => {
    const report = runHour({ ...plan, peers: 100, growS: 120, measureS: 900, searches: 60 })
    // When the only supernode dies, two heirs may serve 98 peers until one of them steps down.
    expect(report.ratio.least).toBeGreaterThanOrEqual(49)
    expect(report.ratio.mean).toBeGreaterThanOrEqual(50)
    expect(report.ratio.most).toBeLessThanOrEqual(200)
    expect(report.searches.found).toBe(report.searches.findable)
  }, 60_000)

  it('holds within a factor of two at 1,000 peers, while a third of them are replaced', () => {
    const report = runHour({ ...plan, peers: 1_000, growS: 300, measureS: 1_200, searches: 100 })
    expect(report.ratio).toSatisfy(() => within(report))
    expect(report.churn.departures).toBeGreaterThan(200)
    expect(report.handOvers.sparesTaken).toBeGreaterThan(0)
    expect(report.homelessShare).toBeLessThan(0.01)
    expect(report.searches.found / report.searches.findable).toBeGreaterThan(0.95)
  }, 120_000)
})
