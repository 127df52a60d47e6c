/**
 * Searches of two words right after three in ten of 1,000 peers died at once: of the files that those who live have, each
 * structured overlay finds 99 in 100, the mean of three networks.
 */
import { expect, it } from 'vitest'
import { compare } from '../src/compare.ts'
import type { OverlayId } from '../src/overlays/settings.ts'
import { resolvePlan } from '../src/plan.ts'

const RECALL_MIN = 0.99
const SEEDS = 3
const SEARCHES = 1000
const TEST_MS_MAX = 3_600_000

it.each<OverlayId>(['chord', 'pastry', 'kelips', 'kademlia'])(
  'of %s',
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
