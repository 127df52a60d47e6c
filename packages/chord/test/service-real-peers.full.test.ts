/**
 * Sixty-four real peers with Chord's defaults. A fifth of them is killed at once: the ring is whole again within
 * two rounds of stabilisation at most one and a half times as long as they are on average, and every record has
 * all of its copies again within two rounds of repair more.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Network } from '../../../bench/lookup/network.ts'
import type { Lookup } from '../../../bench/lookup/plan.ts'
import { CHORD_SETTINGS } from '../src/machine.ts'
import { hasReplicas, isWholeRing, keysOf, startRing } from './real-peers.ts'

const SEED = 'sixty-four'
/** The last one is killed: 13 of 64 peers. */
const PROCESSES = [17, 17, 17, 13]
const KILLED = PROCESSES.length - 1
const PEERS = 64
const CONTENTS = 256
const { successors, stabiliseMs, replicas } = CHORD_SETTINGS
const REPAIR_MS = 60_000
const FORMED_MS_MAX = 4 * stabiliseMs
const MENDED_MS_MAX = 2 * 1.5 * stabiliseMs
const COPIED_MS_MAX = MENDED_MS_MAX + 2 * REPAIR_MS

let network: Network
const keys = keysOf(SEED, CONTENTS)

/** Every content three times, each time by another peer that lives. */
function everyKey(): Lookup[] {
  const alive = Array.from({ length: PEERS }, (_, peer) => peer).filter(peer => network.alive(peer))
  return Array.from({ length: 3 * CONTENTS }, (_, turn) => {
    const content = turn % CONTENTS
    const provider = content % PEERS
    const asker = alive[(turn * 7 + Math.floor(turn / CONTENTS)) % alive.length]!
    return { asker, content, provider }
  })
}

async function outcomes(): Promise<Record<string, number>> {
  const counted: Record<string, number> = {}
  for (const { outcome } of await network.find(everyKey(), 4)) counted[outcome] = (counted[outcome] ?? 0) + 1
  return counted
}

beforeAll(async () => {
  network = await startRing({ seed: SEED, processes: PROCESSES })
}, 60_000)

afterAll(() => network[Symbol.asyncDispose]())

describe('sixty-four real peers', () => {
  it(
    'form a ring',
    async () => {
      const seconds = await network.until(states => isWholeRing(states, successors), FORMED_MS_MAX)
      console.log(`a ring with whole successor lists after ${seconds?.toFixed(1)} s`)
      expect(seconds).toBeDefined()
    },
    FORMED_MS_MAX + 30_000
  )

  it('find every key', async () => {
    const provided = await network.provide(CONTENTS, 4)
    expect(provided.filter(({ outcome }) => outcome !== 'right')).toEqual([])
    expect(await outcomes()).toEqual({ right: 3 * CONTENTS })
  }, 120_000)

  it(
    'keep all copies',
    async () => {
      const seconds = await network.until(states => hasReplicas(states, keys, replicas), COPIED_MS_MAX)
      expect(seconds).toBeDefined()
    },
    COPIED_MS_MAX + 30_000
  )

  it(
    'mend ring and records when a fifth of them is killed at once',
    async () => {
      await network.kill(KILLED)
      const startMs = performance.now()
      const ring = await network.until(states => isWholeRing(states, successors), MENDED_MS_MAX)
      console.log(`the ring was whole ${ring?.toFixed(1)} s after the kill`)
      expect(ring).toBeDefined()
      const leftMs = COPIED_MS_MAX - (performance.now() - startMs)
      const copies = await network.until(states => hasReplicas(states, keys, replicas), leftMs)
      console.log(
        `all copies were there ${((performance.now() - startMs) / 1000).toFixed(1)} s after the kill`
      )
      expect(copies).toBeDefined()
      // Also the records of those that died: they stay until they expire.
      expect(await outcomes()).toEqual({ right: 3 * CONTENTS })
    },
    MENDED_MS_MAX + COPIED_MS_MAX + 120_000
  )
})
