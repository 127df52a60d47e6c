/** Timers, questions, notices and acts of the plan: what a machine is told, and in which order. */
import { expect, test } from 'vitest'
import { type NetworkModel, Simulation } from '../src/index.ts'
import { ProbeBench, type ProbeTypes, probeCodec } from './support/probe.ts'

const tenMs: NetworkModel = { oneWayUs: () => 10_000 }

test('timers fire in the order of their times, and those of one time in the order in which they were set', () => {
  const bench = new ProbeBench().nodes(2)
  bench.do(0, effects => {
    effects.setTimer('c', 30)
    effects.setTimer('a', 10)
    effects.setTimer(7, 10)
    effects.setTimer('half', 10.5)
    effects.setTimer('now', 0)
  })
  bench.do(1, effects => effects.setTimer('a', 10))
  expect(bench.run(100)).toEqual([
    '0 0 timer now',
    '10 0 timer a',
    '10 0 timer 7',
    '10 1 timer a',
    '10.5 0 timer half',
    '30 0 timer c'
  ])
})

test('to set a timer again replaces it, sooner or later; one called off does not fire', () => {
  const bench = new ProbeBench().nodes(1)
  bench.do(0, effects => {
    effects.setTimer('later', 10)
    effects.setTimer('later', 30)
    effects.setTimer('sooner', 30)
    effects.setTimer('sooner', 10)
    effects.setTimer('off', 10)
    effects.cancelTimer('off')
    effects.setTimer('off and on', 10)
    effects.cancelTimer('off and on')
    effects.setTimer('off and on', 20)
    effects.cancelTimer('none')
  })
  expect(bench.run(100)).toEqual(['10 0 timer sooner', '20 0 timer off and on', '30 0 timer later'])
  expect(bench.run(1_000)).toEqual([])
})

test('a timer may be set again, or called off, while it fires', () => {
  const bench = new ProbeBench().nodes(1)
  let beats = 0
  bench.react = (_, input, effects) => {
    if (input.type !== 'timer') return
    beats += 1
    if (input.timer === 'off') {
      effects.setTimer('off', 5)
      effects.cancelTimer('off')
    } else if (beats < 4) {
      effects.setTimer('beat', 10)
      effects.cancelTimer('beat')
      effects.setTimer('beat', 10)
    }
  }
  bench.do(0, effects => effects.setTimer('beat', 10))
  expect(bench.run(100)).toEqual(['10 0 timer beat', '20 0 timer beat', '30 0 timer beat', '40 0 timer beat'])
  bench.do(0, effects => effects.setTimer('off', 10))
  expect(bench.run(100)).toEqual(['110 0 timer off'])
})

test('many timers that come and go keep their names apart', () => {
  const bench = new ProbeBench().nodes(3)
  const expected: string[] = []
  for (let round = 0; round < 200; round += 1) {
    const node = round % 3
    bench.do(node, effects => {
      effects.setTimer(`t${round}`, 1 + (round % 7))
      effects.setTimer(round, 50)
      if (round % 2 === 0) effects.cancelTimer(round)
    })
    expected.push(`${node} timer t${round}`)
    if (round % 2 === 1) expected.push(`${node} timer ${round}`)
  }
  const fired = bench.run(100).map(line => line.slice(line.indexOf(' ') + 1))
  expect(fired.toSorted()).toEqual(expected.toSorted())
})

test.each([-1, Number.NaN, Number.POSITIVE_INFINITY])('a timer of %d ms fails the machine', afterMs => {
  const bench = new ProbeBench().nodes(1)
  expect(() => bench.do(0, effects => effects.setTimer('t', afterMs))).toThrow(/a time is 0 or more/)
})

test.each([-1, 32, 1.5, Number.NaN])('a message of priority %d fails the machine', priority => {
  const bench = new ProbeBench().nodes(2).linked(0, 1)
  expect(() => bench.send(0, 1, 'x', 1, priority)).toThrow(/from 0 to 31/)
})

test('an answer comes after the delay; none, and a throw, are errors', () => {
  const bench = new ProbeBench({
    answerDelayUs: 3_000,
    answer: (question, node) => {
      if (question === 'throw') throw new Error('no luck')
      return question === 'nothing' ? undefined : `${node}: ${question}`
    }
  }).nodes(1)
  bench.do(0, effects => {
    effects.ask(1, 'why')
    effects.ask(2, 'throw')
    effects.ask(3, 'nothing')
  })
  expect(bench.run(2)).toEqual([])
  expect(bench.run(2)).toEqual([
    '3 0 answer 1 0: why',
    '3 0 answer 2 error: no luck',
    '3 0 answer 3 error: Nobody answers here.'
  ])
  bench.do(0, effects => effects.ask(1, 'again'))
  expect(bench.run(3)).toEqual(['7 0 answer 1 0: again'])
})

test('a save that is asked for is kept and answered; one question has one answer', () => {
  const bench = new ProbeBench().nodes(1)
  bench.do(0, effects => effects.ask(5, { type: 'save', key: 'k', bytes: Uint8Array.of(7) } as never))
  expect(bench.run(1)).toEqual(['1 0 answer 5 undefined'])
  expect(bench.simulation.saved(0).get('k')).toEqual(Uint8Array.of(7))
  const twice = () =>
    bench.do(0, effects => {
      effects.ask(6, 'a')
      effects.ask(6, 'b')
    })
  expect(twice).toThrow(/asked again before it was answered/)
})

test('notices come after the call, in their order; a command given from one comes after what is being done', () => {
  const order: string[] = []
  const bench: ProbeBench = new ProbeBench({
    network: tenMs,
    onNotice: (node, notice, nowUs) => {
      order.push(`${nowUs} ${node} ${notice}`)
      if (notice === 'first') bench.do(node, effects => effects.notify('from the notice'))
    }
  })
  bench.nodes(2).linked(0, 1)
  bench.do(0, effects => {
    effects.notify('first')
    effects.close(bench.link(0, 1), 'enough')
    effects.notify('second')
    expect(order).toEqual([])
  })
  expect(order).toEqual(['0 0 first', '0 0 second', '0 0 from the notice'])
  expect(bench.take()).toEqual(['0 0 link-down 1 local'])
})

test('a node may be ended from a notice', () => {
  const bench: ProbeBench = new ProbeBench({
    network: tenMs,
    onNotice: node => bench.simulation.crash(node)
  })
  bench.nodes(2).linked(0, 1)
  bench.do(0, effects => {
    effects.notify('I fail')
    effects.send(bench.link(0, 1), { text: 'still out', bytes: 1 }, 0)
  })
  expect(bench.run(100)).toEqual(['10 1 message 0 still out', '10 1 link-down 0 reset'])
})

test('a node that is stopped from a notice is told so', () => {
  const bench: ProbeBench = new ProbeBench({ network: tenMs, onNotice: node => bench.simulation.stop(node) })
  bench.nodes(2).linked(0, 1)
  bench.do(0, effects => effects.notify('enough'))
  expect(bench.run(100)).toEqual(['0 0 stop', '10 1 link-down 0 closed'])
})

test('acts of the plan happen in the total order, never in the past', () => {
  const bench = new ProbeBench({ network: tenMs }).nodes(2).linked(0, 1)
  const { simulation } = bench
  const order: string[] = []
  simulation.at(5_000, () => order.push('at 5'))
  bench.do(0, effects => effects.setTimer('t', 5))
  simulation.after(5_000, () => {
    order.push('after 5')
    simulation.after(1_000, () => order.push(`then ${simulation.nowUs}`))
  })
  bench.react = (_, input) => order.push(input.type)
  bench.run(10)
  expect(order).toEqual(['at 5', 'timer', 'after 5', 'then 6000'])
  for (const us of [9_999, 10_000.5, Number.NaN])
    expect(() => simulation.at(us, () => {})).toThrow(RangeError)
})

test('time stands still between events, goes on to where the plan wants, and runWhile stops in between', () => {
  const bench = new ProbeBench().nodes(1)
  const { simulation } = bench
  for (const ms of [10, 20, 30]) bench.do(0, effects => effects.setTimer(ms, ms))
  expect(simulation.runWhile(() => simulation.nowUs < 20_000)).toBe(true)
  expect(simulation.nowUs).toBe(20_000)
  expect(simulation.step()).toBe(true)
  expect(simulation.step()).toBe(false)
  expect(simulation.runWhile(() => true)).toBe(false)
  simulation.runUntil(1_000_000)
  expect(simulation.nowUs).toBe(1_000_000)
})

test('peers have one numbering: 0 is the own one, and a contact is known by its PeerId, whoever copied it', () => {
  const bench = new ProbeBench().nodes(3)
  const { simulation } = bench
  bench.do(1, ({ peers }) => {
    expect(peers.contact(0)).toBe(simulation.contactOf(1))
    expect(peers.key(0)).toEqual(simulation.keyOf(1))
    expect(peers.key(3)).toEqual(simulation.keyOf(2))
    expect(peers.intern(simulation.contactOf(1))).toBe(0)
    expect(peers.intern({ id: Uint8Array.from(simulation.contactOf(2).id), addresses: [] })).toBe(3)
    const strange = Uint8Array.from(simulation.contactOf(2).id)
    strange[10]! ^= 1
    expect(peers.intern({ id: strange, addresses: [] })).toBe(-1)
    expect(peers.intern({ id: Uint8Array.of(1), addresses: [] })).toBe(-1)
    for (const nobody of [-1, 4, 1.5]) expect(() => peers.contact(nobody)).toThrow(RangeError)
  })
  expect(simulation.peerOf(1, 1)).toBe(0)
  expect(simulation.nodeOfPeer(1, simulation.peerOf(1, 2))).toBe(2)
  expect(simulation.nodeOf(simulation.contactOf(2))).toBe(2)
})

test('keys can be chosen', () => {
  const simulation = new Simulation<ProbeTypes>({
    seed: 's',
    codec: probeCodec,
    createMachine: () => {
      throw new Error('None is made before a node starts.')
    },
    keyOf: node => new Uint8Array(32).fill(node + 1)
  })
  simulation.addNodes(2)
  expect(simulation.keyOf(1)).toEqual(new Uint8Array(32).fill(2))
  expect(() => simulation.machine(0)).toThrow(/has no machine/)
})
