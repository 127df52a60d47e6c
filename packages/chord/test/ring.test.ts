/** Rings that form, grow, shrink, part and meet again; each as its observer sees it. */
import { compareKeys, KEY_BYTES, type Key } from '@servent/overlay/machine'
import type { NodeIndex } from '@servent/simulator'
import { describe, expect, it } from 'vitest'
import {
  type ChordMachine,
  type ChordSettings,
  FORMING_MS,
  FORMING_SETTLE_MS,
  mergeBoundMs
} from '../src/machine.ts'
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

describe('a ring forms', () => {
  it.each([1, 2, 3, R])(
    '%i members, r = 4: everybody knows everybody, and the theorems do not hold yet',
    count => {
      const network = joined(`forming-${count}`, count)
      network.simulation.runFor(20_000_000)
      for (const node of network.simulation.aliveNodes()) {
        const { mode, theoremsHold, forming } = network.tablesOf(node)
        expect({ mode, theoremsHold, others: forming.length }).toEqual({
          mode: 'forming',
          theoremsHold: false,
          others: count - 1
        })
      }
      expect(network.whatIsNotIdeal()).toBeUndefined()
      expectAllFound(network)
    }
  )

  it('those that come at one time know each other when what they heard can be relied on', () => {
    const network = joined('at-once', 3)
    const nodes = network.simulation.aliveNodes()
    const membership = (node: NodeIndex) => (network.simulation.machine(node) as ChordMachine).membership
    const nowMs = () => network.simulation.nowUs / 1000
    const isSettled = (node: NodeIndex) => nowMs() >= (membership(node).sinceMs ?? Number.POSITIVE_INFINITY)
    while (!nodes.every(isSettled) && nowMs() < FORMING_MS) network.simulation.runFor(10_000)
    expect(nowMs()).toBeLessThan(FORMING_MS)
    // The first to settle did so this long after the first met another.
    expect(Math.min(...nodes.map(node => membership(node).sinceMs!))).toBeGreaterThanOrEqual(
      FORMING_SETTLE_MS
    )
    expect(nodes.map(node => membership(node).others)).toEqual([2, 2, 2])
    expect(network.whatIsNotIdeal()).toBeUndefined()
  })

  it('with r + 1 members whole lists are built at once', () => {
    const network = joined('founded', R + 1)
    expect(network.runUntilIdeal(10_000)).toBeDefined()
    network.simulation.runFor(5_000_000)
    for (const node of network.simulation.aliveNodes()) {
      const { mode, theoremsHold, counters } = network.tablesOf(node)
      expect({ mode, theoremsHold, founded: counters.founded }).toEqual({
        mode: 'ring',
        theoremsHold: true,
        founded: 1
      })
    }
    expectAllFound(network)
  })

  it('sixty peers that start at one time become one ring', () => {
    const network = joined('sixty', 60)
    expect(network.runUntilIdeal(120_000)).toBeDefined()
    expectAllFound(network)
  })

  it('a crowd of three hundred comes to the same founders by hearsay, and need not all speak with all', () => {
    const network = joined('crowd', 300)
    network.simulation.runFor(15_000_000)
    const nodes = network.simulation.aliveNodes()
    expect(nodes.filter(node => !network.isMember(node))).toEqual([])
    // One ring, and no second one that would have to be merged with it.
    const founders = nodes.filter(node => network.tablesOf(node).counters.founded !== undefined)
    const byKey = nodes.toSorted((a, b) =>
      compareKeys(network.simulation.keyOf(a), network.simulation.keyOf(b))
    )
    expect(new Set(founders)).toEqual(new Set(byKey.slice(0, R + 1)))
    // By then fewer than one for each pair in all, with maintenance.
    expect(network.simulation.metrics.messages).toBeLessThan(nodes.length ** 2)
    // Where all spoke with all, each pair would exchange its members in two messages at least.
    const types = network.simulation.metrics.byType()
    const exchanged = ['members-request', 'members'].map(type => types[type]!.messages)
    expect(exchanged[0]! + exchanged[1]!).toBeLessThan(nodes.length ** 2 / 2)
    expect(network.runUntilIdeal(60_000)).toBeDefined()
  })

  it('a peer whose contacts never answer is a ring of its own after a while', () => {
    const network = new ChordNetwork({ seed: 'alone', settings: QUICK })
    const [dead, alone] = network.simulation.addNodes(2) as [NodeIndex, NodeIndex]
    network.simulation.start(dead)
    network.simulation.crash(dead)
    network.join(alone, dead)
    network.simulation.runFor(15_000_000)
    expect(network.tablesOf(alone)).toMatchObject({ mode: 'forming', theoremsHold: false })
    expectAllFound(network, 5)
  })

  it('peers with another r are not taken in, and are told', () => {
    const told: { node: number; listLength: number }[] = []
    const network = new ChordNetwork({
      seed: 'mismatch',
      settings: QUICK,
      settingsOf: node => ({ successors: node === 5 ? 3 : R })
    })
    network.notices.push((node, notice) => {
      if (notice.type === 'mismatch') told.push({ node, listLength: notice.listLength })
    })
    const nodes = network.simulation.addNodes(6)
    network.simulation.start(nodes[0]!)
    for (const node of nodes.slice(1)) network.join(node, nodes[0]!)
    network.simulation.runFor(15_000_000)
    expect(told[0]).toEqual({ node: 5, listLength: R })
    expect(network.tablesOf(5)).toMatchObject({ mode: 'forming', forming: [] })
    expect(network.tablesOf(0)).toMatchObject({ mode: 'ring', theoremsHold: true })
  })
})

describe('ids that are hard on a ring', () => {
  const adjacent = (node: NodeIndex): Key => {
    const key = new Uint8Array(KEY_BYTES).fill(node < 8 ? 0 : 255)
    key[KEY_BYTES - 1] = node
    return key
  }

  it('neighbours of each other, around zero', () => {
    const network = joined('adjacent', 16, { simulation: { keyOf: adjacent } })
    expect(network.runUntilIdeal(120_000)).toBeDefined()
    expectAllFound(network)
    for (const { fingers } of network.places()) expect(fingers.length).toBeLessThanOrEqual(16)
  })

  it('twenty join into one gap at one time', () => {
    const keyOf = (node: NodeIndex): Key => {
      const key = new Uint8Array(KEY_BYTES)
      key[0] = node < 6 ? 40 * node : 1
      key[1] = node
      return key
    }
    const network = new ChordNetwork({ seed: 'gap', settings: QUICK, simulation: { keyOf } })
    const nodes = network.startIdeal(6)
    for (let count = 0; count < 20; count += 1)
      network.join(network.simulation.addNode(), nodes[count % nodes.length]!)
    expect(network.runUntilIdeal(60_000)).toBeDefined()
    expectAllFound(network)
  })
})

describe('a ring shrinks', () => {
  it('a fifth dies at once, loudly: the ring is whole again within r + 1 rounds and their jitter', () => {
    const network = new ChordNetwork({ seed: 'fifth', settings: QUICK })
    const nodes = network.startIdeal(60)
    network.simulation.runFor(5_000_000)
    for (const node of nodes.filter(node => node % 5 === 0)) network.simulation.crash(node)
    const tookMs = network.runUntilIdeal(60_000, 100)
    expect(tookMs).toBeLessThan((R + 1) * 1.5 * 2000 + 5000)
    expectAllFound(network)
  })

  it('a half dies one after the other, silently', () => {
    const network = new ChordNetwork({ seed: 'half', settings: QUICK })
    const nodes = network.startIdeal(40)
    for (const node of nodes.filter(node => node % 2 === 0)) {
      network.simulation.runFor(6_000_000)
      network.simulation.silence(node)
    }
    expect(network.runUntilIdeal(60_000)).toBeDefined()
    expectAllFound(network)
  })

  it('whoever leaves tells both neighbours, which are linked at once', () => {
    const network = new ChordNetwork({ seed: 'leave', settings: QUICK })
    const nodes = network.startIdeal(20)
    network.simulation.runFor(3_000_000)
    const before = network.places()
    network.simulation.command(nodes[7]!, { type: 'leave' })
    network.simulation.runFor(1_000_000)
    expect(network.tablesOf(nodes[7]!)).toMatchObject({ mode: 'idle' })
    const at = before.findIndex(({ id }) => id === 7 * 32)
    const [left, right] = [before[(at + 19) % 20]!, before[(at + 1) % 20]!]
    const after = new Map(network.places().map(place => [place.id, place]))
    expect(after.get(left.id)!.successors[0]).toBe(right.id)
    expect(after.get(right.id)!.predecessor).toBe(left.id)
  })

  it('down to one, which then serves alone', () => {
    const network = joined('last', 3)
    network.simulation.runFor(10_000_000)
    network.simulation.crash(1)
    network.simulation.crash(2)
    network.simulation.runFor(30_000_000)
    expect(network.tablesOf(0)).toMatchObject({ mode: 'forming' })
    expectAllFound(network, 5)
  })

  it('whose whole list died finds back by its fingers, and nobody before it falls out too', () => {
    const network = new ChordNetwork({ seed: 'isolated', settings: QUICK })
    const nodes = network.startIdeal(40)
    network.simulation.runFor(20_000_000)
    const places = network.places()
    const [victim] = places
    for (const { id } of places.slice(1, R + 1)) network.simulation.silence(nodes[id / 32]!)
    expect(victim!.successors.every(id => !network.simulation.alive(id / 32))).toBe(true)
    expect(network.runUntilIdeal(120_000)).toBeDefined()
    expect(network.tablesOf(nodes[victim!.id / 32]!).counters.refilled).toBe(1)
    expect(
      network.simulation.aliveNodes().map(node => network.tablesOf(node).counters.isolated ?? 0)
    ).not.toContain(1)
    expectAllFound(network)
  })

  it('one that is cut off from everybody serves alone, and joins again by those that it remembers', () => {
    let cut = false
    const network = new ChordNetwork({
      seed: 'cut off',
      settings: QUICK,
      simulation: {
        network: { oneWayUs: () => 20_000, usable: (from, to) => !cut || (from !== 0 && to !== 0) },
        limits: { stallTimeoutUs: 3_000_000, openTimeoutUs: 2_000_000 }
      }
    })
    network.startIdeal(20)
    cut = true
    network.simulation.runFor(120_000_000)
    expect(network.tablesOf(0)).toMatchObject({ mode: 'forming', theoremsHold: false })
    cut = false
    expect(network.runUntilIdeal(60_000)).toBeDefined()
    expectAllFound(network)
  })

  it('a node that restarts finds its ring by what it saved', () => {
    const network = new ChordNetwork({ seed: 'restart', settings: { ...QUICK, saveMs: 5000 } })
    const nodes = network.startIdeal(20)
    network.simulation.runFor(20_000_000)
    network.simulation.crash(nodes[3]!)
    network.simulation.runFor(20_000_000)
    network.simulation.revive(nodes[3]!, { keepSaved: true })
    expect(network.runUntilIdeal(60_000)).toBeDefined()
  })
})

describe('two rings meet', () => {
  it.each([8, 20])(
    '%i peers, cut in two halves and joined again, are one ring within the stated time',
    count => {
      let cut = false
      const mergeMs = 5000
      const network = new ChordNetwork({
        seed: `merge-${count}`,
        settings: { ...QUICK, mergeMs },
        simulation: {
          network: { oneWayUs: () => 20_000, usable: (from, to) => !cut || from % 2 === to % 2 },
          limits: { stallTimeoutUs: 3_000_000, openTimeoutUs: 2_000_000 }
        }
      })
      network.startIdeal(count)
      network.simulation.runFor(10_000_000)
      cut = true
      network.simulation.runFor(120_000_000)
      const places = network.places()
      const own = places.filter(({ id, successors }) =>
        successors.every(other => ((id - other) / 32) % 2 === 0)
      )
      expect(own.length).toBe(count)
      cut = false
      const remembered = Math.max(
        ...network.simulation.aliveNodes().map(node => network.tablesOf(node).remembered.length)
      )
      const boundMs = mergeBoundMs({ mergeMs, stabiliseMs: 2000, successors: R }, remembered, 20_000)
      const tookMs = network.runUntilIdeal(boundMs)
      console.log(`${count} peers: ${tookMs} ms, bound ${boundMs} ms`)
      expect(tookMs).toBeDefined()
      expectAllFound(network)
    }
  )

  it('one remembered peer is enough: the rings are woven into each other from there', () => {
    const network = new ChordNetwork({ seed: 'weave', settings: { ...QUICK, mergeMs: 5000 } })
    const first = network.startIdeal(16)
    const second = network.startIdeal(16)
    network.simulation.runFor(20_000_000)
    expect(network.whatIsNotIdeal()).toBeDefined()
    network.simulation.contact(first[0]!, second[5]!)
    expect(network.runUntilIdeal(120_000)).toBeDefined()
    expectAllFound(network)
  })
})

describe('virtual nodes', () => {
  it('six peers with five places each are one ring of thirty', () => {
    const network = joined('virtual', 6, { settings: { virtualNodes: 5, successors: 5 } })
    expect(network.runUntilIdeal(120_000)).toBeDefined()
    expect(network.places().length).toBe(30)
    expectAllFound(network)
  })

  it('an ideal start is whole, and replicas are on distinct peers', () => {
    const network = new ChordNetwork({
      seed: 'virtual',
      settings: { ...QUICK, virtualNodes: 8, successors: 8, replicas: 4 }
    })
    network.startIdeal(20)
    expect(network.whatIsNotIdeal()).toBeUndefined()
    const replicas: number[] = []
    network.notices.push((_node, notice) => {
      if (notice.type !== 'looked-up') return
      const holders = [notice.root, ...notice.replicas].map(contact => network.simulation.nodeOf(contact))
      expect(new Set(holders).size).toBe(holders.length)
      replicas.push(notice.replicas.length)
    })
    expectAllFound(network)
    expect(Math.max(...replicas)).toBe(3)
  })
})

describe('proximity', () => {
  it('rounds exchange fingers for nearer ones of their interval', () => {
    const place = (node: number) => (node * 7919) % 100_000
    const oneWayUs = (from: number, to: number) => 1000 + Math.abs(place(from) - place(to))
    const meanRttUs = (proximity: 'on' | 'off') => {
      const network = new ChordNetwork({
        seed: 'near',
        settings: { ...QUICK, proximity, samples: 16, successors: 8 },
        simulation: { network: { oneWayUs } }
      })
      network.startIdeal(100)
      network.simulation.runFor(120_000_000)
      expectAllFound(network)
      const rtts = network
        .places()
        .flatMap(({ id, fingers }) => fingers.map(finger => 2 * oneWayUs(id / 32, finger.id / 32)))
      return rtts.reduce((sum, rtt) => sum + rtt, 0) / rtts.length
    }
    expect(meanRttUs('on')).toBeLessThan(0.5 * meanRttUs('off'))
  })
})

describe('an ideal start and a joined one', () => {
  it('settle to the same tables', () => {
    const grown = joined('settle', 50)
    expect(grown.runUntilIdeal(120_000)).toBeDefined()
    grown.simulation.runFor(60_000_000)
    const born = new ChordNetwork({ seed: 'settle', settings: QUICK })
    born.startIdeal(50)
    born.simulation.runFor(60_000_000)
    const tables = (network: ChordNetwork) =>
      network
        .places()
        .map(({ id, successors, predecessor, fingers }) => ({ id, successors, predecessor, fingers }))
    expect(tables(grown)).toEqual(tables(born))
  })
})
