/** Networks that come about by joins, and what they do then. */
import { describe, expect, it } from 'vitest'
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
  return lookups.tally
}

describe('a network that comes about by joins', () => {
  it.each([1, 2, 3, 8, 9, 17, 40])('%i nodes, one after the other: leaf sets are ideal', count => {
    const network = new PastryNetwork({ seed: `join-${count}`, settings: { leafSet: 8 } })
    const { simulation } = network
    const nodes = simulation.addNodes(count)
    simulation.start(nodes[0]!)
    for (const node of nodes.slice(1)) {
      simulation.runFor(2 * SECOND_US)
      network.join(node, nodes[simulation.random.of('by').below(node)]!)
    }
    simulation.runFor(5 * SECOND_US)
    expect(network.whatIsNotIdeal()).toBeUndefined()
    const { correct, incorrect, failed } = lookUp(network, 100)
    expect({ correct, incorrect, failed }).toEqual({ correct: 100, incorrect: 0, failed: 0 })
  })

  it('40 nodes at once by one contact', () => {
    const network = new PastryNetwork({ seed: 'join-at-once', settings: { leafSet: 8 } })
    const { simulation } = network
    const nodes = simulation.addNodes(40)
    simulation.start(nodes[0]!)
    for (const node of nodes.slice(1)) network.join(node, nodes[0]!)
    const ms = network.runUntilIdeal(60_000)
    expect(network.whatIsNotIdeal()).toBeUndefined()
    expect(ms).toBeLessThan(30_000)
    const { correct, incorrect, failed } = lookUp(network, 200)
    expect({ correct, incorrect, failed }).toEqual({ correct: 200, incorrect: 0, failed: 0 })
  })
})

describe('lookups', () => {
  it.each(['semi-recursive', 'recursive', 'iterative'] as const)(
    '%s, with two in ten dead: all find their root',
    style => {
      const network = new PastryNetwork({ seed: `style ${style}`, settings: { style, leafSet: 16 } })
      const { simulation } = network
      const nodes = network.startIdeal(60)
      for (const node of nodes) simulation.command(node, { type: 'maintenance', on: false })
      for (const node of nodes.slice(0, 12)) simulation.silence(node)
      expect(lookUp(network, 200)).toMatchObject({ correct: 200, incorrect: 0, failed: 0 })
    }
  )
})
