/** Eight real peers: a ring, records, and two of them killed. The sixty-four are in `service-real-peers.full`. */
import { keyToHex } from '@servent/overlay'
import { expect, it } from 'vitest'
import type { PeerState } from '../../../bench/lookup/peers.ts'
import { lookups } from '../../../bench/lookup/plan.ts'
import { hasReplicas, isWholeRing, keysOf, startRing } from './real-peers.ts'

const SEED = 'eight'
const PROCESSES = [6, 2]
const PEERS = 8
const CONTENTS = 16
const COPIES = 3
/** Half a second between two rounds in place of half a minute, so that a test need not wait. */
const SETTINGS = {
  successors: 3,
  replicas: COPIES,
  stabiliseMs: 500,
  fixFingersMs: 500,
  checkPredecessorMs: 1_000
}
const FORMED_MS_MAX = 15_000
const MENDED_MS_MAX = 15_000

it('copies are told apart by their keys: as many records of other keys are none', () => {
  const keys = keysOf(SEED, 2)
  const [first, second] = keys.map(key => keyToHex(key)) as [string, string]
  const peer = (number: number, rootRecords: number, heldKeys: string[]): PeerState => ({
    peer: number,
    peerId: `${number}`,
    key: `${number}0`.repeat(32),
    connections: 0,
    entries: 0,
    successors: [],
    records: heldKeys.length,
    rootRecords,
    heldKeys
  })
  const root = keys.map(key => (key[0]! <= 0x10 || key[0]! > 0x80 ? 0 : 1))
  const states = (held: string[]) =>
    [1, 8].map((number, at) => peer(number, root.filter(is => is === at).length, held))
  expect(hasReplicas(states([first, second]), keys, 2)).toBe(true)
  expect(hasReplicas(states([first, first]), keys, 2)).toBe(false)
})

it('eight peers make a ring, find every key, and mend it when two are killed', async () => {
  await using network = await startRing({ seed: SEED, processes: PROCESSES, settings: SETTINGS })
  const keys = keysOf(SEED, CONTENTS)
  const isWhole = (states: readonly PeerState[]) =>
    isWholeRing(states, SETTINGS.successors) && hasReplicas(states, keys, COPIES)
  const findAll = async (label: string) => {
    const tasks = lookups(SEED, label, {
      count: 3 * CONTENTS,
      peers: PEERS,
      contents: CONTENTS,
      alive: peer => network.alive(peer)
    })
    return (await network.find(tasks, 4)).map(({ outcome }) => outcome)
  }

  expect(
    await network.until(states => isWholeRing(states, SETTINGS.successors), FORMED_MS_MAX, 100)
  ).toBeDefined()
  const provided = await network.provide(CONTENTS, 4)
  expect(provided.map(({ outcome }) => outcome)).toEqual(Array(CONTENTS).fill('right'))
  expect(await findAll('whole')).toEqual(Array(3 * CONTENTS).fill('right'))
  expect(await network.until(isWhole, MENDED_MS_MAX, 100)).toBeDefined()

  await network.kill(1)
  expect(await findAll('killed')).toEqual(Array(3 * CONTENTS).fill('right'))
  expect(await network.until(isWhole, MENDED_MS_MAX, 100)).toBeDefined()
}, 60_000)
