/** What Pastry does when peers die, come back, leave, or are cut off from each other. */
import { keyToHex } from '@servent/overlay/machine'
import { latencyModel, type NodeIndex, randomOf } from '@servent/simulator'
import { describe, expect, it } from 'vitest'
import { UNLIKE_KEPT_MS } from '../src/machine.ts'
import { PEERS_SAVED_AS } from '../src/save.ts'
import { Lookups, randomKey } from './support/lookups.ts'
import { PastryNetwork, truthOf } from './support/network.ts'

const SECOND_US = 1_000_000

function lookUp(network: PastryNetwork, count: number) {
  const { simulation } = network
  const random = simulation.random.of('lookups')
  const lookups = new Lookups(network, truthOf(network))
  const alive = simulation.aliveNodes()
  for (let issued = 0; issued < count; issued += 1)
    lookups.issue(alive[random.below(alive.length)]!, randomKey(random))
  simulation.runFor(30 * SECOND_US)
  const { correct, incorrect, failed } = lookups.tally
  return { correct, incorrect, failed }
}

describe('a leaf that dies silently', () => {
  it('is noticed by its left neighbour within T_ls + T_o, which tells all: leaf sets are right soon after', () => {
    const network = new PastryNetwork({
      seed: 'heartbeat',
      // Nothing but heartbeats can find it out.
      settings: { leafSet: 8, leafExchangeMs: 86_400_000, tableProbeMs: 86_400_000 }
    })
    const nodes = network.startIdeal(60)
    network.simulation.runFor(60 * SECOND_US)
    network.simulation.silence(nodes[7]!)
    const tookMs = network.runUntilIdeal(120_000)
    expect(network.whatIsNotIdeal()).toBeUndefined()
    // 30 s and 3 s of grace, then three tries of the left neighbour, and three of those that it told.
    expect(tookMs).toBeLessThan(33_000 + 2 * 10_000)
    expect(lookUp(network, 50)).toEqual({ correct: 50, incorrect: 0, failed: 0 })
  })

  it('|L|/2 - 1 in a row are mended too', () => {
    const network = new PastryNetwork({ seed: 'in a row', settings: { leafSet: 8, heartbeatMs: 2000 } })
    const nodes = network.startIdeal(40)
    const inOrder = network.ideal(nodes).peers
    network.simulation.runFor(10 * SECOND_US)
    for (const place of [10, 11, 12]) network.simulation.silence(nodes[inOrder[place]!]!)
    expect(network.runUntilIdeal(120_000)).toBeLessThan(60_000)
  })
})

describe('a network of two', () => {
  it('of which one dies: the other goes on alone, and takes in who comes', () => {
    const network = new PastryNetwork({ seed: 'two', settings: { heartbeatMs: 2000 } })
    const { simulation } = network
    const [first, second, third] = simulation.addNodes(3)
    simulation.start(first!)
    network.join(second!, first!)
    expect(network.runUntilIdeal(20_000)).toBeDefined()
    simulation.silence(second!)
    expect(network.runUntilIdeal(60_000)).toBeDefined()
    expect(network.machine(first!).membership).toMatchObject({ isMember: true, others: 0 })
    network.join(third!, first!)
    expect(network.runUntilIdeal(60_000)).toBeDefined()
  })

  it('that know each other and start at once: one begins, and the other joins it', () => {
    const network = new PastryNetwork({ seed: 'both' })
    const { simulation } = network
    const [first, second] = simulation.addNodes(2)
    for (const node of [first!, second!]) simulation.start(node)
    simulation.contact(first!, second!)
    simulation.contact(second!, first!)
    expect(network.runUntilIdeal(10_000)).toBeLessThan(5000)
  })
})

describe('a node that leaves of its own accord', () => {
  it('tells its leaves: sets are right within a second', () => {
    const network = new PastryNetwork({ seed: 'leave', settings: { leafSet: 8 } })
    const nodes = network.startIdeal(30)
    network.simulation.runFor(SECOND_US)
    network.simulation.stop(nodes[3]!)
    expect(network.runUntilIdeal(10_000, 100)).toBeLessThan(1500)
  })
})

describe('a node that comes back', () => {
  it('finds its network by the peers that it saved', () => {
    const network = new PastryNetwork({
      seed: 'saved',
      settings: { leafSet: 8, saveMs: 5000, heartbeatMs: 2000 }
    })
    const { simulation } = network
    const nodes = network.startIdeal(12)
    simulation.runFor(20 * SECOND_US)
    expect(simulation.saved(nodes[5]!).has(PEERS_SAVED_AS)).toBe(true)
    simulation.crash(nodes[5]!)
    simulation.runFor(30 * SECOND_US)
    expect(network.whatIsNotIdeal()).toBeUndefined()
    simulation.revive(nodes[5]!, { keepSaved: true })
    expect(network.runUntilIdeal(60_000)).toBeLessThan(20_000)
  })
})

describe('a partition', () => {
  it('parts a network in two, each of which serves its side; they find each other again and merge', () => {
    let isCut = false
    const base = latencyModel('planetlab', randomOf('partition'))
    const side = (node: NodeIndex) => node % 2
    const network = new PastryNetwork({
      seed: 'partition',
      settings: { leafSet: 8, heartbeatMs: 2000, leafExchangeMs: 4000, mergeMs: 10_000 },
      simulation: {
        network: {
          oneWayUs: (from, to, random) => base.oneWayUs(from, to, random),
          usable: (from, to) => !isCut || side(from) === side(to)
        },
        limits: { stallTimeoutUs: 10 * SECOND_US, openTimeoutUs: 5 * SECOND_US }
      }
    })
    const { simulation } = network
    network.startIdeal(24)
    simulation.runFor(10 * SECOND_US)
    isCut = true
    simulation.runFor(300 * SECOND_US)
    for (const half of [0, 1]) {
      const nodes = simulation.aliveNodes().filter(node => side(node) === half)
      const rootOf = truthOf(network, nodes)
      const random = randomOf(`half ${half}`)
      const answered: boolean[] = []
      const asked = new Map<number, string>()
      const wanted = new Map<string, NodeIndex>()
      network.notices.push((_node, notice) => {
        const name = notice.type === 'looked-up' ? asked.get(notice.command) : undefined
        if (notice.type === 'looked-up' && name !== undefined)
          answered.push(simulation.nodeOf(notice.root) === wanted.get(name))
      })
      for (let count = 0; count < 20; count += 1) {
        const key = randomKey(random)
        const origin = nodes.find(node => node !== rootOf(key))!
        wanted.set(keyToHex(key), rootOf(key))
        asked.set(simulation.command(origin, { type: 'lookup', key }), keyToHex(key))
      }
      simulation.runFor(30 * SECOND_US)
      expect(answered).toEqual(Array.from({ length: 20 }, () => true))
    }
    isCut = false
    const healedMs = network.runUntilIdeal(300_000)
    expect(network.whatIsNotIdeal()).toBeUndefined()
    console.log(`merged after ${healedMs} ms`)
    expect(lookUp(network, 50)).toEqual({ correct: 50, incorrect: 0, failed: 0 })
  }, 120_000)
})

describe('peers of another kind', () => {
  it('with another |L| are told of once, and not joined', () => {
    const network = new PastryNetwork({
      seed: 'unlike',
      settingsOf: node => ({ leafSet: node === 0 ? 8 : 16 })
    })
    const { simulation } = network
    const told: unknown[] = []
    network.notices.push((node, notice) => {
      if (notice.type === 'mismatch' && node === 1) told.push(notice)
    })
    const [first, second] = simulation.addNodes(2)
    simulation.start(first!)
    network.join(second!, first!)
    simulation.runFor(60 * SECOND_US)
    expect(told).toEqual([expect.objectContaining({ leafSet: 8, digitBits: 4 })])
    expect(network.machine(second!).membership.others).toBe(0)
  })

  it('keep two others that chose them from nothing: these meet as soon as without', () => {
    const network = new PastryNetwork({
      seed: 'unlike and two',
      settingsOf: node => ({ leafSet: node === 0 ? 8 : 16 })
    })
    const { simulation } = network
    const [unlike, one, two] = simulation.addNodes(3)
    simulation.start(unlike!)
    for (const [node, other] of [
      [one!, two!],
      [two!, one!]
    ] as const) {
      network.join(node, unlike!)
      const contacts = [unlike!, other].map(at => simulation.peerOf(node, at))
      simulation.command(node, { type: 'join', contacts })
    }
    simulation.runFor(8 * SECOND_US)
    for (const node of [one!, two!]) expect(network.machine(node).membership.others).toBe(1)
  })

  it.each([
    ['it is told of again', false],
    ['it was chosen', true]
  ])(
    'are joined when they come back with the same |L|, after UNLIKE_KEPT_MS, where %s',
    (_where, isChosen) => {
      let leafSet = 8
      const network = new PastryNetwork({
        seed: 'alike',
        settings: { mergeMs: 60_000 },
        settingsOf: node => ({ leafSet: node === 0 ? leafSet : 16 })
      })
      const { simulation } = network
      const alike: number[] = []
      network.notices.push((node, { type }) => {
        if (type === 'match') alike.push(node)
      })
      const [first, second] = simulation.addNodes(2)
      const peer = simulation.peerOf(second!, first!)
      simulation.start(first!)
      network.join(second!, first!)
      if (isChosen) simulation.command(second!, { type: 'join', contacts: [peer] })
      simulation.runFor(60 * SECOND_US)
      expect(network.machine(second!).membership.others).toBe(0)
      simulation.crash(first!)
      leafSet = 16
      simulation.revive(first!, { keepSaved: false })
      if (isChosen) {
        expect(network.runUntilIdeal(1000 * UNLIKE_KEPT_MS)).toBeDefined()
        expect(alike).toContain(second)
        return
      }
      // What is said of it within that time is what was said before.
      simulation.contact(second!, first!)
      simulation.runFor(1000 * UNLIKE_KEPT_MS)
      expect(network.machine(second!).membership.others).toBe(0)
      simulation.contact(second!, first!)
      expect(network.runUntilIdeal(60_000)).toBeDefined()
    }
  )
})

describe('tables after much time', () => {
  it('of 60 nodes that joined have about as many entries as an observer would give them, and near ones', () => {
    const network = new PastryNetwork({
      seed: 'tables',
      settings: { leafSet: 8, rowMs: 20_000, neighbourhoodMs: 20_000 },
      simulation: { network: latencyModel('planetlab', randomOf('tables')) }
    })
    const { simulation } = network
    const nodes = simulation.addNodes(60)
    simulation.start(nodes[0]!)
    for (const node of nodes.slice(1)) {
      simulation.runFor(2 * SECOND_US)
      network.join(node, nodes[simulation.random.of('by').below(node)]!)
    }
    simulation.runFor(300 * SECOND_US)
    const ideal = network.ideal()
    let [is, should] = [0, 0]
    for (const [at, node] of nodes.entries()) {
      is += network.viewOf(node).table.size
      should += ideal.tables(at, 8, 4).entries.length
      expect(network.viewOf(node).neighbours.length).toBeGreaterThan(8)
    }
    expect(is / should).toBeGreaterThan(0.97)
    expect(lookUp(network, 100)).toEqual({ correct: 100, incorrect: 0, failed: 0 })
  }, 60_000)

  it('have no dead in them, though everybody who had not missed them named them for a while', () => {
    const network = new PastryNetwork({
      seed: 'the dead',
      settings: { leafSet: 8, tableProbeMs: 60_000, rowMs: 20_000, neighbourhoodMs: 10_000 },
      simulation: { network: latencyModel('planetlab', randomOf('the dead')) }
    })
    const { simulation } = network
    const nodes = simulation.addNodes(50)
    simulation.start(nodes[0]!)
    for (const node of nodes.slice(1)) {
      simulation.runFor(2 * SECOND_US)
      network.join(node, nodes[0]!)
    }
    // Everybody has measured the most of the others, and remembers how far they are.
    simulation.runFor(600 * SECOND_US)
    for (const node of nodes.slice(20, 30)) simulation.silence(node)
    simulation.runFor(1200 * SECOND_US)
    for (const node of simulation.aliveNodes()) {
      const { table, neighbours } = network.machine(node).snapshot()
      const known = [...table, ...neighbours].map(({ peer }) => simulation.nodeOfPeer(node, peer))
      expect(known.filter(other => !simulation.alive(other))).toEqual([])
    }
  }, 60_000)
})
