/** One seed reproduces everything, and whatever is different shows in the trace hash. */
import { expect, test } from 'vitest'
import { ToyMachine, type ToyTypes, toyCodec } from '../../../test/conformance/toy.ts'
import {
  latencyModel,
  type NetworkModel,
  Simulation,
  SimulationError,
  Streams,
  withConditions
} from '../src/index.ts'
import { ProbeBench } from './support/probe.ts'

const SECOND_US = 1_000_000

/** Half an hour in the life of fifty toys, with chance everywhere. */
function life(seed: string, meddle?: (simulation: Simulation<ToyTypes>) => void): Simulation<ToyTypes> {
  const network = withConditions(
    latencyModel('planetlab', new Streams(seed).of('latency')),
    { jitter: 0.2 },
    new Streams(seed).of('conditions')
  ) as NetworkModel
  const simulation = new Simulation<ToyTypes>({
    seed,
    codec: toyCodec,
    createMachine: () => new ToyMachine(),
    answer: (_, node) => `I am ${node}`,
    network
  })
  const random = simulation.random.of('workload')
  for (const node of simulation.addNodes(50)) simulation.start(node)
  for (let node = 1; node < 50; node += 1) simulation.contact(node, random.below(node))
  meddle?.(simulation)
  for (let round = 0; round < 10; round += 1) {
    simulation.runFor(SECOND_US)
    simulation.command(simulation.pickAlive(random)!, { type: 'call', ttl: 4 })
    if (round === 5) simulation.crash(simulation.pickAlive(random)!)
  }
  simulation.runFor(SECOND_US)
  return simulation
}

test('the same seed gives the same run', () => {
  const [one, other] = [life('a'), life('a')]
  expect(other.traceHash).toBe(one.traceHash)
  expect(other.events).toBe(one.events)
  expect(other.metrics.byType()).toEqual(one.metrics.byType())
  expect(life('b').traceHash).not.toBe(one.traceHash)
})

test('draws for another purpose change nothing; draws for the same one do', () => {
  const { traceHash } = life('a')
  const extra = (name: string) => life('a', simulation => simulation.random.of(name).u32()).traceHash
  expect(extra('a new purpose')).toBe(traceHash)
  expect(extra('churn')).toBe(traceHash)
  expect(extra('workload')).not.toBe(traceHash)
  expect(extra('network')).not.toBe(traceHash)
})

test('one more node leaves the chance of the others alone', () => {
  const draws = (nodes: number) => {
    const bench = new ProbeBench().nodes(nodes)
    const drawn: number[] = []
    for (const node of [0, 1, 1]) bench.do(node, effects => drawn.push(effects.random()))
    return drawn
  }
  expect(draws(2)).toEqual(draws(3))
  expect(new Set(draws(2)).size).toBe(3)
})

test('events of one time in another order are another run', () => {
  const hash = (order: readonly number[]) => {
    const bench = new ProbeBench().nodes(3)
    for (const node of order) bench.do(node, effects => effects.setTimer('t', 5))
    const before = bench.simulation.traceHash
    bench.run(10)
    return [before, bench.simulation.traceHash]
  }
  expect(hash([0, 1, 2])).toEqual(hash([0, 1, 2]))
  expect(hash([1, 0, 2])[1]).not.toBe(hash([0, 1, 2])[1])
  // Scripted acts too, which tell the order of nothing but themselves.
  const acts = (order: readonly number[]) => {
    const bench = new ProbeBench().nodes(3)
    for (const node of order) bench.simulation.at(5_000, () => bench.do(node, () => {}))
    bench.run(10)
    return bench.simulation.traceHash
  }
  expect(acts([1, 0, 2])).not.toBe(acts([0, 1, 2]))
})

test.each<[string, (bench: ProbeBench) => void]>([
  ['the length of a message', bench => bench.send(0, 1, 'x', 101)],
  ['the type of a message', bench => bench.send(0, 1, 'y', 100)],
  ['its priority', bench => bench.send(0, 1, 'x', 100, 2)],
  ['its time', bench => bench.simulation.after(1, () => bench.send(0, 1, 'x', 100))],
  ['who sends it', bench => bench.send(1, 0, 'x', 100)],
  ['a timer', bench => bench.do(0, effects => effects.setTimer('u', 5))],
  [
    'a timer that never fires',
    bench =>
      bench.do(0, effects => {
        effects.setTimer('u', 5)
        effects.cancelTimer('u')
        effects.setTimer('v', 6)
      })
  ],
  ['another timer', bench => bench.do(0, effects => effects.setTimer('v', 5))],
  ['a fault', bench => bench.simulation.crash(1)]
])('%s shows in the trace hash', (_, meddle) => {
  const hash = (deed: (bench: ProbeBench) => void) => {
    const bench = new ProbeBench().nodes(2).linked(0, 1)
    deed(bench)
    bench.run(1_000)
    return bench.simulation.traceHash
  }
  expect(hash(meddle)).toBe(hash(meddle))
  expect(hash(meddle)).not.toBe(hash(bench => bench.send(0, 1, 'x', 100)))
  expect(hash(meddle)).not.toBe(hash(bench => bench.do(0, effects => effects.setTimer('v', 6))))
})

test('a trace that is not kept costs nothing, and nothing but the hash is different', () => {
  const bench = new ProbeBench({ trace: false }).nodes(2).linked(0, 1)
  const before = bench.simulation.traceHash
  bench.send(0, 1, 'x')
  expect(bench.run(100)).toEqual(['25 1 message 0 x'])
  expect(bench.simulation.traceHash).toBe(before)
})

test('the observer sees the world after every so many events, and what it throws says where', () => {
  const seen: number[] = []
  const bench = new ProbeBench({
    observer: {
      every: 10,
      check: simulation => {
        seen.push(simulation.events)
        if (simulation.events >= 40) throw new Error('the invariant broke')
      }
    }
  }).nodes(1)
  bench.react = (_, input, effects) => {
    if (input.type === 'timer') effects.setTimer('t', 1)
  }
  bench.do(0, effects => effects.setTimer('t', 1))
  let failure: unknown
  try {
    bench.run(1_000)
  } catch (error) {
    failure = error
  }
  expect(seen).toEqual([10, 20, 30, 40])
  expect(failure).toBeInstanceOf(SimulationError)
  const error = failure as SimulationError
  expect(error.name).toBe('SimulationError')
  expect([error.seed, error.nowUs, error.event]).toEqual(['probes', 38_000, 40])
  expect(error.traceHash).toBe(bench.simulation.traceHash)
  expect(error.message).toBe(
    `The run failed with seed "probes" at 38000 us, event 40, trace ${error.traceHash}: Error: the invariant broke`
  )
  expect(error.cause).toEqual(new Error('the invariant broke'))
  // It is final.
  expect(() => bench.run(1)).toThrow(error)
})

test('the observer sees each input, also those of one moment', () => {
  const seen: number[] = []
  const bench = new ProbeBench({ observer: { every: 1, check: ({ events }) => void seen.push(events) } })
  bench.nodes(2).linked(0, 1)
  const link = bench.link(0, 1)
  // A command, an end that follows it at once, and on the other side one that comes later.
  bench.do(0, effects => effects.close(link, 'enough'))
  bench.simulation.after(1, () => bench.do(1, () => {}))
  bench.run(100)
  expect(bench.simulation.events).toBe(9)
  expect(seen.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 8, 8, 9])
})

test('a machine that throws fails the run with the same report', () => {
  const bench = new ProbeBench().nodes(1)
  bench.react = (_, input) => {
    if (input.type === 'timer') throw new TypeError('a bug')
  }
  bench.do(0, effects => effects.setTimer('t', 7))
  expect(() => bench.run(100)).toThrow(
    /seed "probes" at 7000 us, event 3, trace [0-9a-f]{16}: TypeError: a bug/
  )
})

test('eventsMax: as many events as may be, and one past it', () => {
  const bench = new ProbeBench({ limits: { eventsMax: 5 } }).nodes(1)
  bench.react = (_, input, effects) => {
    if (input.type === 'timer') effects.setTimer('round and round', 0)
  }
  bench.do(0, effects => effects.setTimer('round and round', 0))
  expect(() => bench.run(1)).toThrow(/at most 5 events/)
  expect(bench.take()).toHaveLength(3)
})

test.each([
  ['linksMax', 0],
  ['inboundLinksMax', -1],
  ['openTimeoutUs', Number.NaN],
  ['queueBytesHigh', 1]
])('with %s of %d nothing can run', (name, value) => {
  expect(() => new ProbeBench({ limits: { [name]: value } })).toThrow(RangeError)
})
