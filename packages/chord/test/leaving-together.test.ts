/** Peers that leave in good order at the same time: what was acknowledged is with somebody who stays. */
import { LEAVE_MS, type StoredRecord } from '@servent/key-routing/machine'
import { type Key, keyToHex } from '@servent/overlay/machine'
import { type NodeIndex, WALL_START_MS } from '@servent/simulator'
import { describe, expect, it } from 'vitest'
import type { ChordMachine } from '../src/machine.ts'
import { ChordNetwork } from './support/network.ts'

const NODES = 16
const RECORDS = 40

interface Leave {
  readonly seed: string
  /** Copies beside the root's. */
  readonly replicas: number
  readonly leavers: number
  readonly apartMs: number
  readonly successors: number
}

/** Neighbours leave, and the program of each ends when it has left, or its time is over. Gives what nobody has then. */
function lostBy({ seed, replicas, leavers, apartMs, successors }: Leave): Key[] {
  const network = new ChordNetwork({
    seed,
    settings: {
      successors,
      replicas: replicas + 1,
      proximity: 'off',
      stabiliseMs: 2000,
      fixFingersMs: 2000,
      checkPredecessorMs: 4000
    },
    simulation: {
      answer: question =>
        question.type === 'verify'
          ? { type: 'verified', good: question.records.map(() => true) }
          : { type: 'selected', index: 0 }
    }
  })
  const { simulation } = network
  const nodes = network.startIdeal(NODES)
  simulation.runFor(5_000_000)
  const records = publish(network, nodes[0]!)
  const order = nodes.toSorted((a, b) =>
    keyToHex(simulation.keyOf(a)) < keyToHex(simulation.keyOf(b)) ? -1 : 1
  )
  const leaving = order.slice(3, 3 + leavers)
  for (const [index, node] of leaving.entries()) {
    simulation.after(index * apartMs * 1000, () => simulation.command(node, { type: 'leave' }))
    simulation.after((index * apartMs + LEAVE_MS) * 1000, () => simulation.stop(node))
  }
  simulation.runFor((leavers * apartMs + LEAVE_MS + 1000) * 1000)
  const alive = simulation.aliveNodes()
  expect(alive).toHaveLength(NODES - leavers)
  const held = new Set(alive.flatMap(node => (simulation.machine(node) as ChordMachine).heldKeys()))
  return records.map(({ key }) => key).filter(key => !held.has(keyToHex(key)))
}

function publish(network: ChordNetwork, node: NodeIndex): StoredRecord[] {
  const { simulation } = network
  const records = Array.from({ length: RECORDS }, (_, index) => {
    const key = new Uint8Array(32)
    key[0] = Math.floor((256 * index) / RECORDS)
    return {
      kind: 'word' as const,
      key,
      publisher: simulation.contactOf(node),
      sequence: 1,
      expiresMs: WALL_START_MS + 24 * 3_600_000,
      subject: new Uint8Array(32).fill(7),
      body: new Uint8Array(200)
    }
  })
  const outcomes: string[] = []
  network.notices.push((_, notice) => {
    if (notice.type === 'published') outcomes.push(...notice.outcomes)
  })
  simulation.command(node, { type: 'publish', records })
  simulation.runFor(20_000_000)
  expect(outcomes).toEqual(records.map(() => 'kept'))
  return records
}

describe('peers that leave in good order', () => {
  it.each([
    { replicas: 0, leavers: 2, apartMs: 0, successors: 4 },
    { replicas: 1, leavers: 2, apartMs: 0, successors: 4 },
    { replicas: 3, leavers: 4, apartMs: 0, successors: 4 },
    { replicas: 3, leavers: 4, apartMs: 200, successors: 4 },
    // Where everybody knows everybody, those who stay still take peers for the root that have left.
    { replicas: 3, leavers: 8, apartMs: 50, successors: NODES },
    { replicas: 3, leavers: 10, apartMs: 200, successors: NODES }
  ])(
    '$leavers of a ring in turn, $apartMs ms apart, with $replicas replicas and $successors successors, lose nothing',
    leave => {
      for (const seed of ['rev0', 'rev1', 'rev2', 'rev3'])
        expect({ seed, lost: lostBy({ ...leave, seed }) }).toEqual({ seed, lost: [] })
    }
  )
})
