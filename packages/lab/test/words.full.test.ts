/**
 * Searches of two words right after three in ten of 1,000 peers died at once: of the files that those who live have, each
 * structured overlay is to find 99 in 100.
 */
import { expect, it } from 'vitest'
import { compare } from '../src/compare.ts'
import type { OverlayId } from '../src/overlays/settings.ts'
import { resolvePlan } from '../src/plan.ts'
import { expectWordsFound } from './words.ts'

const OVERLAYS: readonly OverlayId[] = ['chord', 'pastry', 'kelips', 'kademlia']
const RECALL_MIN = 0.99
const SEEDS = 1
const SEARCHES = 1000
const TEST_MS_MAX = 3_600_000

/** Everybody announces: for Kademlia that is a lookup of its own for each word. */
it.each(OVERLAYS)('of %s, 300 peers', overlay => expectWordsFound(overlay, 300), 600_000)

it.each(OVERLAYS)(
  'of %s, 1,000 peers',
  async overlay => {
    const plan = resolvePlan({
      overlays: [overlay],
      nodes: 1000,
      failures: 0.3,
      lookups: 0,
      searches: SEARCHES,
      seeds: SEEDS,
      workers: 2
    })
    const { searches } = (await compare(plan)).overlays[0]!
    expect(searches).toMatchObject({ issued: SEEDS * SEARCHES, failed: 0, unissued: 0 })
    expect(searches!.recall).toBeGreaterThanOrEqual(RECALL_MIN)
  },
  TEST_MS_MAX
)
