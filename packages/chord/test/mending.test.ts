/** Who leaves, who is another's, and who was remembered: what must not stay in anybody's tables, and what must. */

import { type Peer, SELF } from '@servent/overlay/machine'
import type { NodeIndex } from '@servent/simulator'
import { describe, expect, it } from 'vitest'
import { FORMING_NAMES_MAX, FOUNDERS_KEPT_MS } from '../src/constants.ts'
import { FormingTable } from '../src/forming-table.ts'
import type { ChordSettings } from '../src/machine.ts'
import { rectify } from '../src/rectify.ts'
import { peerOfRef } from '../src/ring-key.ts'
import { onMessage } from '../src/ring-messages.ts'
import { loadPeers, savePeers } from '../src/ring-save.ts'
import { answeredRing, contactOfNumber, nodeOfNumber, ref } from './support/answered-ring.ts'
import { Lookups, randomKey, truthOf } from './support/lookups.ts'
import { ChordNetwork, type NetworkInit } from './support/network.ts'

const R = 4
const QUICK: Partial<ChordSettings> = {
  successors: R,
  proximity: 'off',
  stabiliseMs: 2000,
  fixFingersMs: 2000,
  checkPredecessorMs: 4000,
  replicas: 2,
  traceLookups: true
}

function joined(seed: string, count: number, init: Partial<NetworkInit> = {}): ChordNetwork {
  const network = new ChordNetwork({ seed, ...init, settings: { ...QUICK, ...init.settings } })
  const nodes = network.simulation.addNodes(count)
  network.simulation.start(nodes[0]!)
  for (const node of nodes.slice(1)) network.join(node, nodes[0]!)
  return network
}

function expectAllFound(network: ChordNetwork, count = 40): void {
  const { simulation } = network
  const lookups = new Lookups(network, truthOf(network))
  const random = simulation.random.of('look')
  const alive = simulation.aliveNodes()
  for (let issued = 0; issued < count; issued += 1)
    lookups.issue(alive[random.below(alive.length)]!, randomKey(random))
  simulation.runFor(30_000_000)
  const { correct, incorrect, failed } = lookups.tally
  expect({ correct, incorrect, failed }).toEqual({ correct: count, incorrect: 0, failed: 0 })
}

describe('a peer that goes silent', () => {
  /** How many of them in a row. */
  it.each([1, 2])(
    'is nobody’s predecessor any more after two rounds, by who lives before it: %i in a row',
    many => {
      const stabiliseMs = 30_000
      const network = new ChordNetwork({
        seed: `silent ${many}`,
        settings: { successors: R, proximity: 'off' }
      })
      network.startIdeal(24)
      const { simulation } = network
      simulation.runFor(100_000_000)
      const places = network.places()
      for (const { id } of places.slice(5, 5 + many)) simulation.silence(peerOfRef(id))
      const [before, behind] = [places[4]!.id, places[5 + many]!.id]
      const predecessor = () => network.places().find(({ id }) => id === behind)!.predecessor
      const diedUs = simulation.nowUs
      while (predecessor() !== before && simulation.nowUs - diedUs < 200_000_000) simulation.runFor(1_000_000)
      // A round lasts one and a half periods at most.
      expect((simulation.nowUs - diedUs) / 1000).toBeLessThanOrEqual(2 * 1.5 * stabiliseMs)
    }
  )
})

describe('a predecessor', () => {
  it('whose peer lives and whose place left the ring gives way to who claims its place', () => {
    for (const standing of ['ring', 'out'] as const) {
      const all = answeredRing({ successors: R }, [1], (_peer, { type, id }) =>
        type === 'neighbours-request'
          ? {
              type: 'neighbours',
              id,
              standing,
              version: 1,
              unchanged: false,
              listLength: R,
              successors: []
            }
          : { type: 'pong', id }
      )
      all.place.predecessor = ref(200)
      rectify(all.ring, all.place, ref(100), all.fx)
      expect(all.place.predecessor, standing).toBe(standing === 'ring' ? ref(200) : ref(100))
    }
  })

  it('that was started anew and forms a ring is no member; a founder that is a moment behind is one', () => {
    const claimed = (founders: readonly Peer[], foundedMs: number) => {
      const all = answeredRing({ successors: R }, [1], (_peer, { id }) => ({
        type: 'neighbours',
        id,
        standing: 'forming',
        version: 1,
        unchanged: false,
        listLength: R,
        successors: []
      }))
      all.ring.founders = founders
      all.ring.foundedMs = foundedMs
      all.place.predecessor = ref(200)
      rectify(all.ring, all.place, ref(100), all.fx)
      return all.place.predecessor
    }
    expect(claimed([], 0)).toBe(ref(100))
    expect(claimed([150], 0)).toBe(ref(100))
    expect(claimed([150, 200], -FOUNDERS_KEPT_MS)).toBe(ref(200))
    expect(claimed([150, 200], -FOUNDERS_KEPT_MS - 1)).toBe(ref(100))
  })

  it('that leaves names the one before it, which is taken in only if it answers', () => {
    for (const lives of [true, false]) {
      const all = answeredRing({ successors: R }, [1], (_peer, { id }) =>
        lives
          ? {
              type: 'neighbours',
              id,
              standing: 'ring',
              version: 1,
              unchanged: false,
              listLength: R,
              successors: [nodeOfNumber(200)]
            }
          : undefined
      )
      all.place.predecessor = ref(200)
      const message = { type: 'leave', sender: 0, predecessor: nodeOfNumber(100), successors: [] } as const
      onMessage(all.ring, 200, message, all.fx)
      expect(all.place.predecessor).toBe(lives ? ref(100) : ref(200))
      expect(all.place.predecessorLost).toBe(!lives)
    }
  })

  it('that was lost and asks something is asked whether it is a member again; a joiner of that place is none', () => {
    const asked = (standing: 'ring' | 'out', sender: number) => {
      const all = answeredRing({ successors: R }, [1], (_peer, { id }) => ({
        type: 'neighbours',
        id,
        standing,
        version: 1,
        unchanged: false,
        listLength: R,
        successors: []
      }))
      all.place.predecessor = ref(200)
      all.place.predecessorLost = true
      const request = { type: 'neighbours-request', id: 1, index: 0, version: 0, sender } as const
      onMessage(all.ring, 200, request, all.fx)
      return { asked: all.sent.map(({ peer }) => peer), lost: all.place.predecessorLost }
    }
    expect(asked('ring', 0)).toEqual({ asked: [200], lost: false })
    expect(asked('out', 0)).toEqual({ asked: [200], lost: true })
    // Another place of its peer.
    expect(asked('ring', 1)).toEqual({ asked: [], lost: true })
  })
})

describe('a ring that forms', () => {
  it('forgets who leaves, in its tables too', () => {
    const network = joined('forming leave', 3)
    network.simulation.runFor(10_000_000)
    network.simulation.command(1, { type: 'leave' })
    network.simulation.runFor(1_000_000)
    for (const node of [0, 2]) {
      const [place] = network.viewOf(node)
      const peer = network.simulation.peerOf(node, 1)
      expect(place!.successors).not.toContain(peer * 32)
      expect(place!.predecessor).not.toBe(peer * 32)
    }
  })
})

describe('rings of unlike r', () => {
  it('do not mix, though a contact of one is known to the other', () => {
    const network = new ChordNetwork({
      seed: 'unlike',
      settings: { ...QUICK, mergeMs: 3000 },
      settingsOf: node => ({ successors: node < 12 ? R : 2 })
    })
    const { simulation } = network
    const nodes = simulation.addNodes(20)
    for (const node of nodes) {
      simulation.start(node)
      if (node !== 0 && node !== 12) simulation.contact(node, node < 12 ? 0 : 12)
    }
    simulation.runFor(60_000_000)
    simulation.contact(3, 15)
    simulation.runFor(120_000_000)
    for (const { id, predecessor, successors, fingers } of network.places()) {
      const mine = Math.floor(id / 32) < 12
      const known = [...successors, ...fingers.map(finger => finger.id), predecessor!]
      expect(known.filter(other => Math.floor(other / 32) < 12 !== mine)).toEqual([])
      expect(successors.length).toBe(mine ? R : 2)
    }
    expect(network.tablesOf(3).remembered).not.toContain(simulation.peerOf(3, 15))
  })
})

describe('what is remembered', () => {
  it('a peer that stops before its cache was saved once finds its ring again', () => {
    const network = new ChordNetwork({ seed: 'stopped', settings: { ...QUICK, saveMs: 3_600_000 } })
    const nodes = network.startIdeal(12)
    network.simulation.runFor(5_000_000)
    network.simulation.stop(nodes[3]!)
    network.simulation.runFor(20_000_000)
    network.simulation.revive(nodes[3]!, { keepSaved: true })
    expect(network.runUntilIdeal(60_000)).toBeDefined()
  })

  it('a good cache is not written over with fewer by a peer that is out, and the first in it are kept', () => {
    const saved: Uint8Array[] = []
    const save = () => {
      const all = answeredRing({ successors: R }, [], () => undefined)
      const fx = { ...all.fx, save: (_name: string, bytes: Uint8Array) => saved.push(bytes) }
      return { ring: all.ring, fx: fx as unknown as typeof all.fx }
    }
    const whole = save()
    whole.ring.places[0]!.successors = Array.from({ length: 24 }, (_, at) => ref(at + 1))
    savePeers(whole.ring, whole.fx)
    expect(saved.length).toBe(1)
    const out = save()
    loadPeers(out.ring, saved[0])
    expect(out.ring.lost.peers).toContain(1)
    out.ring.lost.remove(1)
    out.ring.mode = 'forming'
    out.ring.places[0]!.member = false
    savePeers(out.ring, out.fx)
    expect(saved.length).toBe(1)
    out.ring.mode = 'ring'
    savePeers(out.ring, out.fx)
    expect(saved.length).toBe(2)
    expect(contactOfNumber(1).id).toEqual(saved[0]!.slice(1, 4))
  })
})

describe('a ring that shrinks below r + 1', () => {
  it('says that the theorems do not hold, serves what it has, and says that they hold when it has grown', () => {
    const network = joined('below', 6)
    expect(network.runUntilIdeal(60_000)).toBeDefined()
    network.simulation.runFor(5_000_000)
    const holds = () => network.simulation.aliveNodes().map(node => network.tablesOf(node).theoremsHold)
    expect(holds()).toEqual(Array(6).fill(true))
    for (const node of [5, 4, 3] as NodeIndex[]) {
      network.simulation.crash(node)
      network.simulation.runFor(10_000_000)
    }
    expect(network.runUntilIdeal(30_000)).toBeDefined()
    expect(holds()).toEqual(Array(3).fill(false))
    expectAllFound(network, 10)
    for (const node of network.simulation.addNodes(3)) network.join(node, 0)
    expect(network.runUntilIdeal(60_000)).toBeDefined()
    expect(holds()).toEqual(Array(6).fill(true))
  })
})

describe('made-up members', () => {
  const table = () => new FormingTable(R, (a, b) => a - b)
  const all = (peers: readonly number[]) => new Set([SELF, ...peers])

  it('FORMING_NAMES_MAX: so many of one peer are looked at, and no more whatever it names', () => {
    const forming = table()
    const liar = 1000
    forming.heard(liar, 1, all([]))
    let taken = 0
    for (let name = 999; name > 900; name -= 1) {
      if (!forming.heardOf(name, 1, liar)) continue
      taken += 1
      while (forming.has(name) && !forming.silent(name));
    }
    expect(taken).toBe(FORMING_NAMES_MAX)
    expect(forming.heardOf(899, 1, 1001)).toBe(true)
  })

  it('push nobody out who was heard, and hold up an agreement only until they are given up', () => {
    const forming = table()
    const heard = [50, 60, 70, 80]
    for (const peer of heard) forming.heard(peer, 1, all(heard))
    for (let name = 10; name < 40; name += 1) forming.heardOf(name, 1, 80)
    expect(forming.confirmed).toEqual(heard)
    for (let round = 0; round < 4; round += 1)
      for (const peer of forming.peers) if (!heard.includes(peer)) forming.silent(peer)
    for (let name = 10; name < 40; name += 1) forming.heardOf(name, 1, 80)
    for (let round = 0; round < 4; round += 1)
      for (const peer of forming.peers) if (!heard.includes(peer)) forming.silent(peer)
    expect(forming.agreed).toBe(true)
  })
})
