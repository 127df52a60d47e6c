/**
 * Searches of two words right after three in ten peers died at once, maintenance standing still: of the files that those
 * who live have, each structured overlay still finds 99 in 100. `words.full.test.ts` has 1,000 peers.
 */
import { expect, it } from 'vitest'
import type { OverlayId } from '../src/overlays/settings.ts'
import { resolvePlan } from '../src/plan.ts'
import { runOnce } from '../src/run.ts'

const RECALL_MIN = 0.99
/** Everybody announces: for Kademlia that is a lookup of its own for each word. */
const TEST_MS_MAX = 600_000

it.each<OverlayId>(['chord', 'pastry', 'kelips', 'kademlia'])(
  'of %s',
  overlay => {
    const plan = resolvePlan({ overlays: [overlay], nodes: 300, failures: 0.3, lookups: 0, searches: 300 })
    const { issued, failed, unissued, wanted, right } = runOnce(plan, {}, { overlay, seed: 1 }).searches!
    expect({ issued, failed, unissued }).toEqual({ issued: 300, failed: 0, unissued: 0 })
    // Copies of popular files lie with many, and their words with few: there is something to lose.
    expect(wanted).toBeGreaterThan(500)
    expect(right / wanted).toBeGreaterThanOrEqual(RECALL_MIN)
  },
  TEST_MS_MAX
)
