/** How long lookups and their requests wait, as machines do. */
import { SEARCH_MS as NAPSTER_SEARCH_MS } from '@servent/napster/machine'
import { describe, expect, it } from 'vitest'
import { REAL_ASK_MS_MAX, REAL_FILE_MS } from '../src/backends.ts'
import { looksUpFiles, lookupMsMax, waitOf } from '../src/overlays/lookup-times.ts'
import { OVERLAYS, settingsOf } from '../src/overlays/settings.ts'

const SIMULATED = { backend: 'simulator', failures: null } as const
const DEAD = { backend: 'simulator', failures: 0.5 } as const
const REAL = { backend: 'in-process', failures: 0.5 } as const

const budgets = (plan: typeof SIMULATED | typeof DEAD | typeof REAL) =>
  Object.fromEntries(
    OVERLAYS.map(overlay => {
      const withFailures = plan === DEAD
      return [overlay, lookupMsMax(overlay, settingsOf(overlay, {}, withFailures), plan)]
    })
  )

describe('a lookup', () => {
  it('is for a file in the overlays that have no keys', () => {
    expect(OVERLAYS.filter(looksUpFiles).sort()).toEqual(['fasttrack', 'gnutella', 'napster'])
  })

  it('has the time of its settings, or that of a search for files', () => {
    const files = { napster: NAPSTER_SEARCH_MS, gnutella: 10_000, fasttrack: 10_000 }
    const keys = (ms: number) => ({ chord: ms, pastry: ms, kelips: ms, kademlia: ms })
    expect(budgets(SIMULATED)).toEqual({ ...files, ...keys(10_000) })
    expect(budgets(DEAD)).toEqual({ ...files, ...keys(180_000) })
    expect(lookupMsMax('chord', { 'lookup-budget-ms': 4000 }, SIMULATED)).toBe(4000)
    expect(lookupMsMax('chord', {}, SIMULATED)).toBeUndefined()
  })

  it('of real peers has as long as the lab waits where it ends them', () => {
    const files = { napster: REAL_FILE_MS, gnutella: REAL_FILE_MS, fasttrack: REAL_FILE_MS }
    expect(budgets(REAL)).toEqual({
      ...files,
      chord: 10_000,
      pastry: 10_000,
      kelips: 10_000,
      kademlia: REAL_ASK_MS_MAX
    })
  })
})

describe('a request to a silent peer', () => {
  const waits = (overlay: (typeof OVERLAYS)[number], plan: typeof SIMULATED | typeof DEAD | typeof REAL) =>
    waitOf(overlay, settingsOf(overlay, {}, false), plan)

  it('waits by round trips, and in Kademlia as long as kad-dht does', () => {
    for (const overlay of ['chord', 'pastry', 'kelips'] as const)
      expect(waits(overlay, SIMULATED)).toEqual({ answerMs: [200, 5000], dialMs: 3000 })
    expect(waits('kademlia', SIMULATED)).toEqual({ answerMs: [5000, 5000], dialMs: 6000 })
    expect(waitOf('kademlia', { 'answer-ms': 1000, 'dial-ms': 2000 }, SIMULATED)).toEqual({
      answerMs: [1000, 5000],
      dialMs: 2000
    })
  })

  it('waits 3 s at most where peers die at once and nothing may be learnt', () => {
    expect(waits('chord', DEAD)).toEqual({ answerMs: [200, 3000], dialMs: 6000 })
    expect(waits('kademlia', DEAD)).toEqual({ answerMs: [3000, 3000], dialMs: 6000 })
  })

  it('of real peers waits as ever, of libp2p’s Kademlia nothing is known, and floods wait for nobody', () => {
    expect(waits('chord', REAL)).toEqual({ answerMs: [200, 5000], dialMs: 3000 })
    expect(waits('kademlia', REAL)).toBeUndefined()
    for (const overlay of ['napster', 'gnutella', 'fasttrack'] as const)
      expect(waits(overlay, SIMULATED)).toBeUndefined()
  })
})
