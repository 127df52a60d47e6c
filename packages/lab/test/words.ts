/** What searches of words find right after three in ten peers died. */
import { expect } from 'vitest'
import type { OverlayId } from '../src/overlays/settings.ts'
import { resolvePlan } from '../src/plan.ts'
import { runOnce } from '../src/run.ts'

const RECALL_MIN = 0.99

/** As many searches as there are peers. */
export function expectWordsFound(overlay: OverlayId, nodes: number): void {
  const plan = resolvePlan({ overlays: [overlay], nodes, failures: 0.3, lookups: 0, searches: nodes })
  const { issued, failed, unissued, wanted, right } = runOnce(plan, {}, { overlay, seed: 1 }).searches!
  expect({ issued, failed, unissued }).toEqual({ issued: nodes, failed: 0, unissued: 0 })
  // Copies of popular files lie with many, and their words with few: there is something to lose.
  expect(wanted).toBeGreaterThan(1.5 * nodes)
  expect(right / wanted).toBeGreaterThanOrEqual(RECALL_MIN)
}
