/** One machine, one scenario, every host: the same results, and where time is the host's own, the same logs. */
import { expect, test } from 'vitest'
import { onFakes, onTcp, type Scenario } from './backends.ts'
import { onSimulator } from './on-simulator.ts'

/**
 * A tree, where the way of a flood does not depend on time:
 *
 *     a - b - c - d
 *         |   |
 *         e   f - g
 */
const tree: Scenario = {
  nodes: ['a', 'b', 'c', 'd', 'e', 'f', 'g'],
  edges: [
    ['a', 'b'],
    ['c', 'b'],
    ['c', 'd'],
    ['e', 'b'],
    ['f', 'c'],
    ['f', 'g']
  ],
  calls: [
    { from: 'a', ttl: 7 },
    { from: 'g', ttl: 2 },
    { from: 'e', ttl: 0 },
    { from: 'd', ttl: 3 }
  ]
}

/** A ring with chords, where calls meet themselves again. */
function mesh(size: number, calls: number): Scenario {
  const nodes = Array.from({ length: size }, (_, place) => `n${place}`)
  const edges = nodes.flatMap((name, place) =>
    [1, 3, 7].map(step => [name, nodes[(place + step) % size]!] as const)
  )
  return {
    nodes,
    edges,
    calls: Array.from({ length: calls }, (_, call) => ({ from: nodes[(call * 5) % size]!, ttl: 7 }))
  }
}

test('a flood reaches whom it should, and every echo finds its way back', async () => {
  const { echoes, received } = await onFakes(tree)
  expect(echoes.a).toEqual([
    'I am b, 1 hops',
    'I am c, 2 hops',
    'I am d, 3 hops',
    'I am e, 2 hops',
    'I am f, 3 hops',
    'I am g, 4 hops'
  ])
  expect(echoes.g).toEqual(['I am c, 2 hops', 'I am f, 1 hops'])
  expect(echoes.e).toEqual([])
  expect(received.g).toEqual([2, 2])
})

test('over TCP the results are the same as in virtual time', async () => {
  const [virtual, real] = await Promise.all([onFakes(tree), onTcp(tree)])
  expect(real.echoes).toEqual(virtual.echoes)
  expect(real.received).toEqual(virtual.received)
})

test('on the simulator the results are the same as on fakes', async () => {
  const [fakes, simulated] = [await onFakes(tree), await onSimulator(tree)]
  expect(simulated.echoes).toEqual(fakes.echoes)
  expect(simulated.received).toEqual(fakes.received)
})

test('on the simulator each node has the same log of inputs and effects in every run', async () => {
  const scenario = mesh(24, 12)
  const [one, other] = [await onSimulator(scenario), await onSimulator(scenario)]
  for (const node of scenario.nodes) expect(other.logs![node], node).toBe(one.logs![node])
  const messages = Object.values(one.received).reduce((sum, [calls, echoes]) => sum + calls + echoes, 0)
  expect(messages).toBeGreaterThan(2_000)
  for (const { from } of scenario.calls)
    expect(one.echoes[from]!.length).toBeGreaterThanOrEqual(scenario.nodes.length - 1)
  for (const words of [
    '"type":"start"',
    '"type":"link-up"',
    '-> open',
    '-> send',
    '-> setTimer',
    '-> ask',
    '-> save'
  ])
    expect(one.logs!.n0).toContain(words)
})

test('in virtual time each node has the same log of inputs and effects in every run', async () => {
  const scenario = mesh(24, 12)
  const [one, other] = [await onFakes(scenario), await onFakes(scenario)]
  for (const node of scenario.nodes) expect(other.logs![node], node).toBe(one.logs![node])
  const messages = Object.values(one.received).reduce((sum, [calls, echoes]) => sum + calls + echoes, 0)
  expect(messages).toBeGreaterThan(2_000)
  for (const { from } of scenario.calls)
    expect(one.echoes[from]!.length).toBeGreaterThanOrEqual(scenario.nodes.length - 1)
})

test('a log shows every input and effect, so that another machine would not pass for this one', async () => {
  const { logs } = await onFakes(tree)
  for (const word of [
    'start saved={}',
    'contact peer=',
    'link-up link=',
    'message link=',
    'timer timer="beat"',
    'answer id=',
    'stop'
  ]) {
    expect(logs!.c).toContain(word)
  }
  for (const word of ['-> open', '-> send', '-> set-timer', '-> ask', '-> save key="beats"'])
    expect(logs!.c).toContain(word)
  expect(logs!.a).toContain('-> notify')
})
