/**
 * Searches of two words right after three in ten of 1,000 peers died at once: of the files that those who live have, each
 * structured overlay is to find 99 in 100.
 */
import { expect, it } from 'vitest'
import { compare } from '../src/compare.ts'
import type { OverlayId } from '../src/overlays/settings.ts'
import { resolvePlan } from '../src/plan.ts'
import { expectWordsFound } from './words.ts'

/**
 * Two were short of it, and these floors are of before both were mended: nobody has measured them since. Kelips had 0.984
 * in one network. One entry in 230 was lacking from lists of more than 128 providers, which is too few for searches that
 * missed 8 files of 52: a slow member's page was taken from another one's list, which has an order of its own. Kademlia
 * had 0.827 in one: a search asked 64 peers at most, the dead among them, and popular words have hundreds of providers.
 */
const RECALL_MIN = { chord: 0.99, pastry: 0.99, kelips: 0.99, kademlia: 0.8 } as const
const SEEDS = 1
const SEARCHES = 1000
const TEST_MS_MAX = 3_600_000

/** Everybody announces: for Kademlia that is a lookup of its own for each word. */
it.each<OverlayId>(['kelips', 'kademlia'])('of %s, 300 peers', expectWordsFound, 600_000)

it.each(Object.entries(RECALL_MIN) as [OverlayId, number][])(
  'of %s: %f',
  async (overlay, least) => {
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
    expect(searches!.recall).toBeGreaterThanOrEqual(least)
  },
  TEST_MS_MAX
)
