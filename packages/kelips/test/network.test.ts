/** Networks of machines in the simulator: joining, finding, announcing, values, dying. */
import { describe, expect, it } from 'vitest'
import { FOUND_TUPLES_MAX, groupOf, PREFIX_BYTES } from '../src/machine.ts'
import { KelipsNetwork } from './support/network.ts'
import { keyOf, randomKey, Workload } from './support/workload.ts'

const SECOND_US = 1_000_000

/** So many peers that come one after the other, each by one of those before it. */
function joined(seed: string, count: number, settings = {}): { network: KelipsNetwork; work: Workload } {
  const network = new KelipsNetwork({ seed, settings })
  const work = new Workload(network)
  const { simulation } = network
  simulation.start(simulation.addNode())
  simulation.runFor(SECOND_US / 10)
  for (let at = 1; at < count; at += 1) {
    network.join(simulation.addNode(), work.random.below(at))
    simulation.runFor(SECOND_US / 5)
  }
  simulation.runFor(60 * SECOND_US)
  return { network, work }
}

describe('a network that came one by one', () => {
  const { network, work } = joined('joined', 48, { groups: 4 })
  const { simulation } = network

  it('everybody knows everybody in its group, and two contacts in each other one', () => {
    expect(network.views()).toMatchObject({ missing: 0, dead: 0 })
    for (const node of simulation.aliveNodes()) expect(network.contactsOf(node).length).toBe(6)
  })

  it('a lookup finds the peer that is nearest to a key, in one hop or none', () => {
    const asked = Array.from({ length: 100 }, () => {
      const key = randomKey(work.random)
      return { key, command: work.give(work.anybody(), { type: 'lookup', key }) }
    })
    simulation.runFor(5 * SECOND_US)
    for (const { key, command } of asked) {
      const [found] = work.told(command, 'looked-up')
      expect(simulation.nodeOf(found!.root)).toBe(network.rootOf(key))
      expect(found!.hops).toBeLessThanOrEqual(1)
      expect(found!.replicas.length).toBe(3)
    }
  })

  it('what two announce, everybody finds; what one takes back is gone', () => {
    const key = keyOf('a content')
    const commands = [3, 17].map(node => work.publish(node, work.record(node, 'provider', key)))
    simulation.runFor(5 * SECOND_US)
    for (const command of commands)
      expect(work.told(command, 'published')[0]).toMatchObject({ outcomes: ['kept'] })
    const fetch = { type: 'fetch', kind: 'provider', key, limit: 10 } as const
    const found = simulation.aliveNodes().map(node => work.give(node, fetch))
    simulation.runFor(5 * SECOND_US)
    for (const nodes of work.providersOf(found)) expect(nodes).toEqual([3, 17])
    work.publish(3, work.record(3, 'provider', key, { withdrawn: true }))
    simulation.runFor(20 * SECOND_US)
    const later = simulation.aliveNodes().map(node => work.give(node, fetch))
    simulation.runFor(5 * SECOND_US)
    for (const nodes of work.providersOf(later)) expect(nodes).toEqual([17])
  })

  it('a search of two words finds who has both', () => {
    const [red, fish] = [keyOf('red'), keyOf('fish')]
    const has = (node: number, ...keys: Uint8Array[]) =>
      work.publish(node, ...keys.map(key => work.record(node, 'word', key)))
    has(1, red, fish)
    has(2, red)
    has(3, fish)
    has(4, fish)
    simulation.runFor(10 * SECOND_US)
    const both = work.give(20, { type: 'fetch-rarest', keys: [red, fish], limit: 10 })
    const nobody = work.give(20, { type: 'fetch-rarest', keys: [red, keyOf('blue')], limit: 10 })
    simulation.runFor(5 * SECOND_US)
    expect(work.providersOf([both, nobody])).toEqual([[1], []])
    expect(work.told(both, 'records-end')[0]).toMatchObject({ total: 1 })
    expect(work.told(nobody, 'records-end')[0]).toMatchObject({ total: 0 })
  })

  it('a value is read by everybody at once, and its next version too', () => {
    const key = keyOf('a value')
    for (const body of ['one', 'two', 'three']) {
      const put = work.publish(work.anybody(), work.record(7, 'value', key, { body }))
      simulation.runFor(3 * SECOND_US)
      expect(work.told(put, 'published')[0]).toMatchObject({ outcomes: ['kept'], copies: [4] })
      const reads = simulation
        .aliveNodes()
        .map(node => work.give(node, { type: 'read-value', key, quorum: 0 }))
      simulation.runFor(5 * SECOND_US)
      for (const read of reads) {
        const [told] = work.told(read, 'value-read')
        expect(new TextDecoder().decode(told!.record!.body)).toBe(body)
        expect(told!.incomplete).toBeUndefined()
      }
    }
  })

  it('a value that nobody put is not there', () => {
    const read = work.give(5, { type: 'read-value', key: keyOf('nothing'), quorum: 0 })
    simulation.runFor(5 * SECOND_US)
    expect(work.told(read, 'value-read')[0]).toEqual({ type: 'value-read', command: read, holders: 0 })
  })

  it('half of them die: views and contacts settle, and lookups are right again', () => {
    for (const node of simulation.aliveNodes().filter((_, at) => at % 2 === 0)) simulation.silence(node)
    simulation.runFor(80 * SECOND_US)
    expect(network.views()).toMatchObject({ missing: 0, dead: 0 })
    const asked = Array.from({ length: 50 }, () => {
      const key = randomKey(work.random)
      return { key, command: work.give(work.anybody(), { type: 'lookup', key }) }
    })
    simulation.runFor(15 * SECOND_US)
    for (const { key, command } of asked)
      expect(simulation.nodeOf(work.told(command, 'looked-up')[0]!.root)).toBe(network.rootOf(key))
  })
})

it('a word of three pages is read whole after four in ten died, whoever tells of its pages', () => {
  const network = new KelipsNetwork({ seed: 'pages', settings: { groups: 4 } })
  const work = new Workload(network)
  const { simulation } = network
  const nodes = network.startIdeal(160, 2)
  const key = keyOf('of three pages')
  const providers = nodes.slice(0, 2 * FOUND_TUPLES_MAX + 12)
  for (const node of providers) work.publish(node, work.record(node, 'word', key))
  const knowing = (node: number) =>
    network.machine(node).state.tuples.under('word', key.slice(0, PREFIX_BYTES)).length
  const group = nodes.filter(node => groupOf(simulation.keyOf(node), 2) === groupOf(key, 2))
  // Until gossip has told them all.
  for (let s = 0; s < 1800 && group.some(node => knowing(node) < providers.length); s += 60)
    simulation.runFor(60 * SECOND_US)
  for (const node of nodes) simulation.command(node, { type: 'maintenance', on: false })
  for (const node of nodes.filter((_, at) => at % 5 < 2)) simulation.silence(node)
  const living = providers.filter(node => simulation.alive(node))
  const asking = simulation.aliveNodes().slice(-20)
  const found = asking.map(node =>
    work.give(node, { type: 'fetch-rarest', keys: [key], limit: providers.length })
  )
  simulation.runFor(60 * SECOND_US)
  for (const [at, nodes] of work.providersOf(found).entries())
    expect(nodes).toEqual(living.filter(node => node !== asking[at] || nodes.includes(node)))
}, 180_000)

it('whoever leaves in good order is missed at once, and nobody waits for its time to be over', () => {
  const { network } = joined('leaving', 24, { groups: 2 })
  network.simulation.stop(5)
  network.simulation.stop(6)
  network.simulation.runFor(6 * SECOND_US)
  expect(network.views()).toMatchObject({ missing: 0, dead: 0 })
})

it('meets another network by a bootstrap peer also while it remembers somebody who is gone for good', () => {
  const network = new KelipsNetwork({ seed: 'two', settings: { groups: 1, mergeMs: 2000 } })
  const { simulation } = network
  const nodes = network.startIdeal(12, 0)
  const [one] = nodes
  const other = simulation.addNode()
  simulation.start(other)
  simulation.silence(nodes[11]!)
  simulation.runFor(60 * SECOND_US)
  const { mode } = network.machine(other)
  const lost = network.machine(one!).snapshot().remembered.length
  expect([mode, lost, network.views().dead]).toEqual(['member', 1, 0])
  // It knows enough others not to ask at once.
  simulation.contact(one!, other)
  simulation.runFor(SECOND_US / 2)
  expect(network.membersOf(one!)).not.toContain(other)
  simulation.runFor(20 * SECOND_US)
  expect(network.membersOf(one!)).toContain(other)
})
