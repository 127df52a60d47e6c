/** What searches of words find of 300 peers right after three in ten of them died. */
import { expect } from 'vitest'
import type { OverlayId } from '../src/overlays/settings.ts'
import { resolvePlan } from '../src/plan.ts'
import { runOnce } from '../src/run.ts'

const RECALL_MIN = 0.99

export function expectWordsFound(overlay: OverlayId): void {
  const plan = resolvePlan({ overlays: [overlay], nodes: 300, failures: 0.3, lookups: 0, searches: 300 })
  const { issued, failed, unissued, wanted, right } = runOnce(plan, {}, { overlay, seed: 1 }).searches!
  expect({ issued, failed, unissued }).toEqual({ issued: 300, failed: 0, unissued: 0 })
  // Copies of popular files lie with many, and their words with few: there is something to lose.
  expect(wanted).toBeGreaterThan(500)
  expect(right / wanted).toBeGreaterThanOrEqual(RECALL_MIN)
}
