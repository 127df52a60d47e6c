/** The engine with a small protocol that uses everything a host gives. */
import { expect, test } from 'vitest'
import { ToyMachine, type ToyTypes, toyCodec } from '../../../test/conformance/toy.ts'
import { Simulation, type SimulationInit } from '../src/index.ts'

const SECOND_US = 1_000_000

function toys(init: Partial<SimulationInit<ToyTypes>> = {}): Simulation<ToyTypes> {
  return new Simulation<ToyTypes>({
    seed: 'toys',
    codec: toyCodec,
    createMachine: () => new ToyMachine(),
    answer: (_, node) => `I am ${node}`,
    ...init
  })
}

/** A ring of nodes that call each other. */
function ring(simulation: Simulation<ToyTypes>, size: number): void {
  for (const node of simulation.addNodes(size)) simulation.start(node)
  for (let node = 0; node < size; node += 1) simulation.contact(node, (node + 1) % size)
  simulation.runFor(SECOND_US)
}

test('a call floods a ring, and every node answers it once', () => {
  const told: string[] = []
  const simulation = toys({
    onNotice: (node, { hops, says }, nowUs) => told.push(`${nowUs} node ${node}: ${says}, ${hops} hops`)
  })
  ring(simulation, 5)
  simulation.command(0, { type: 'call', ttl: 3 })
  simulation.runFor(SECOND_US)
  expect(told).toEqual([
    '1051000 node 0: I am 4, 1 hops',
    '1051000 node 0: I am 1, 1 hops',
    '1101000 node 0: I am 3, 2 hops',
    '1101000 node 0: I am 2, 2 hops'
  ])
})

test('the same seed gives the same run, and another seed another', () => {
  const hash = (seed: string) => {
    const simulation = toys({ seed })
    ring(simulation, 20)
    simulation.command(3, { type: 'call', ttl: 7 })
    simulation.runFor(10 * SECOND_US)
    return simulation.traceHash
  }
  expect(hash('a')).toBe(hash('a'))
  expect(hash('b')).not.toBe(hash('a'))
})
