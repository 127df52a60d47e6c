/**
 * Sixty-four real peers, and a fifth of them killed at once. How long mending may take, in rounds of stabilisation
 * (one lasts half to one and a half of `stabiliseMs`): first successors two rounds; lists, which fill from their
 * heads, one entry a round, r + 1 rounds; then every record has all of its copies after two comparisons more.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Network } from '../../../bench/lookup/network.ts'
import type { PeerState } from '../../../bench/lookup/peers.ts'
import type { Lookup } from '../../../bench/lookup/plan.ts'
import { CHORD_SETTINGS } from '../src/machine.ts'
import { hasReplicas, isWholeRing, keysOf, startRing } from './real-peers.ts'

const SEED = 'sixty-four'
/** The last one is killed: 13 of 64 peers. */
const PROCESSES = [17, 17, 17, 13]
const KILLED = PROCESSES.length - 1
const PEERS = 64
const CONTENTS = 256
const { successors, replicas } = CHORD_SETTINGS
/** A sixth of the defaults, so that the test need not take half an hour. */
const STABILISE_MS = 5_000
const REPAIR_MS = 10_000
const SETTINGS = {
  stabiliseMs: STABILISE_MS,
  fixFingersMs: 2 * STABILISE_MS,
  checkPredecessorMs: 2 * STABILISE_MS,
  records: { repairMs: REPAIR_MS }
}
const ROUND_MS_MAX = 1.5 * STABILISE_MS
const HEADS_MS_MAX = 2 * ROUND_MS_MAX
const LISTS_MS_MAX = (successors + 1) * ROUND_MS_MAX
const COPIES_MS_MAX = LISTS_MS_MAX + 2 * 1.5 * REPAIR_MS

/** Of 768 lookups. */
const ERRORS_MAX = 8
const PASSES_MAX = 3

let network: Network
const keys = keysOf(SEED, CONTENTS)

/** Every content three times, each time by another peer that lives, and never by its provider: nobody finds itself. */
function everyKey(): Lookup[] {
  const alive = Array.from({ length: PEERS }, (_, peer) => peer).filter(peer => network.alive(peer))
  return Array.from({ length: 3 * CONTENTS }, (_, turn) => {
    const content = turn % CONTENTS
    const provider = content % PEERS
    const others = alive.filter(peer => peer !== provider)
    const asker = others[(turn * 7 + Math.floor(turn / CONTENTS)) % others.length]!
    return { asker, content, provider }
  })
}

/** Who was not reached in ten seconds on a machine with other work is an error, and all are asked again: who is wrong is wrong. */
async function outcomes(): Promise<Record<string, number>> {
  for (let pass = 1; ; pass += 1) {
    const counted: Record<string, number> = {}
    for (const { outcome } of await network.find(everyKey(), 4))
      counted[outcome] = (counted[outcome] ?? 0) + 1
    const { right = 0, error = 0 } = counted
    if (error === 0 || error > ERRORS_MAX || right + error < 3 * CONTENTS || pass === PASSES_MAX)
      return counted
  }
}

/** Seconds until the states please, told on the way. */
async function within(what: string, ms: number, pleases: (states: readonly PeerState[]) => boolean) {
  const seconds = await network.until(pleases, ms)
  console.log(`${what} after ${seconds?.toFixed(1)} s of at most ${ms / 1000}`)
  expect(seconds, what).toBeDefined()
}

beforeAll(async () => {
  network = await startRing({ seed: SEED, processes: PROCESSES, settings: SETTINGS })
}, 120_000)

afterAll(() => network[Symbol.asyncDispose]())

describe('sixty-four real peers', () => {
  it(
    'form a ring',
    async () => {
      await within('first successors are right', HEADS_MS_MAX, states => isWholeRing(states, 1))
      await within('lists are right', LISTS_MS_MAX, states => isWholeRing(states, successors))
    },
    HEADS_MS_MAX + LISTS_MS_MAX + 30_000
  )

  it('find every key', async () => {
    const provided = await network.provide(CONTENTS, 4)
    expect(provided.filter(({ outcome }) => outcome !== 'right')).toEqual([])
    expect(await outcomes()).toEqual({ right: 3 * CONTENTS })
  }, 240_000)

  it(
    'keep all copies',
    () => within('all copies are there', COPIES_MS_MAX, states => hasReplicas(states, keys, replicas)),
    COPIES_MS_MAX + 30_000
  )

  it(
    'mend ring and records when a fifth of them is killed at once',
    async () => {
      await network.kill(KILLED)
      await within('first successors are right again', HEADS_MS_MAX, states => isWholeRing(states, 1))
      await within('lists are right again', LISTS_MS_MAX, states => isWholeRing(states, successors))
      await within('all copies are there again', COPIES_MS_MAX, states => hasReplicas(states, keys, replicas))
      // Also the records of those that died: they stay until they expire.
      expect(await outcomes()).toEqual({ right: 3 * CONTENTS })
    },
    HEADS_MS_MAX + LISTS_MS_MAX + COPIES_MS_MAX + 240_000
  )
})
