/** What befalls nodes, and what the others notice of it. */
import { expect, test } from 'vitest'
import { DRIFT_PPM_MAX, type NetworkModel, WALL_START_MS } from '../src/index.ts'
import { ProbeBench } from './support/probe.ts'

const tenMs: NetworkModel = { oneWayUs: () => 10_000 }
const bytes = (...values: number[]) => Uint8Array.of(...values)

test('a crash resets the links of the others one way later, after what was sent before', () => {
  const bench = new ProbeBench({ network: tenMs }).nodes(3).linked(0, 1).linked(2, 0)
  bench.send(0, 1, 'last words')
  bench.do(0, effects => effects.setTimer('never', 5))
  bench.send(1, 0, 'too late')
  bench.simulation.crash(0)
  expect(bench.run(100)).toEqual([
    '10 1 message 0 last words',
    '10 2 link-down 0 reset',
    '10 1 link-down 0 reset'
  ])
  expect(bench.simulation.alive(0)).toBe(false)
  expect(bench.simulation.aliveNodes()).toEqual([1, 2])
})

test('a node that crashes while it opens is forgotten; one that is being opened refuses', () => {
  const bench = new ProbeBench({ network: tenMs }).nodes(3)
  bench.open(0, 1)
  bench.open(2, 0)
  bench.run(20)
  bench.simulation.crash(0)
  expect(bench.run(100)).toEqual(['42 2 unreachable 0: The connection was refused.'])
})

test('who crashes between taking a link and telling of it leaves the opener with a broken one', () => {
  const bench = new ProbeBench({ network: tenMs }).nodes(2)
  bench.open(0, 1)
  bench.run(35)
  bench.simulation.crash(1)
  expect(bench.run(100)).toEqual(['42 0 link-up 1 outbound', '45 0 link-down 1 reset'])
})

test('a silent node stays linked and hears nothing; what is written to it resets the link in the end', () => {
  const bench = new ProbeBench({ network: tenMs }).nodes(2).linked(0, 1)
  bench.do(1, effects => effects.setTimer('never', 50))
  bench.simulation.silence(1)
  bench.run(1_000)
  expect(bench.simulation.linkedTo(0)).toEqual([1])
  bench.send(0, 1, 'hello?')
  bench.send(0, 1, 'hello??')
  expect(bench.run(29_999)).toEqual([])
  expect(bench.run(10)).toEqual(['31000 0 link-down 1 reset'])
})

test('what was on its way when the node fell silent resets the link in the end, as what was sent later', () => {
  const bench = new ProbeBench({ network: tenMs }).nodes(2).linked(0, 1)
  bench.send(0, 1, 'hello?')
  bench.run(5)
  bench.simulation.silence(1)
  expect(bench.run(30_004)).toEqual([])
  expect(bench.run(10)).toEqual(['30010 0 link-down 1 reset'])
})

test('what a silent node missed is refused once it comes back', () => {
  const bench = new ProbeBench({ network: tenMs }).nodes(3).linked(0, 1).linked(2, 1)
  bench.simulation.silence(1)
  bench.send(0, 1, 'hello?')
  bench.run(1_000)
  bench.simulation.revive(1, { keepSaved: true })
  // Nobody wrote on the other link.
  expect(bench.run(60_000)).toEqual(['1000 1 start', '1010 0 link-down 1 reset'])
  expect(bench.simulation.linkedTo(2)).toEqual([1])
})

test.each(['pause', 'crash'] as const)(
  'a node that forgot a link refuses what comes, also after its %s',
  how => {
    const bench = new ProbeBench({ network: tenMs }).nodes(2).linked(0, 1)
    bench.simulation.silence(1)
    bench.simulation.revive(1, { keepSaved: true })
    bench.simulation[how](1)
    bench.take()
    bench.send(0, 1, 'hello?')
    expect(bench.run(100)).toEqual(['20 0 link-down 1 reset'])
  }
)

test('one that is silent again refuses nothing: the link is given up in its time', () => {
  const bench = new ProbeBench({ network: tenMs }).nodes(2).linked(0, 1)
  bench.simulation.silence(1)
  bench.simulation.revive(1, { keepSaved: true })
  bench.take()
  bench.send(0, 1, 'hello?')
  bench.simulation.silence(1)
  expect(bench.run(60_000)).toEqual(['30010 0 link-down 1 reset'])
})

test('while a node stops, others do what they are told in answer to its notice', () => {
  const bench: ProbeBench = new ProbeBench({
    network: tenMs,
    answer: question => question,
    onNotice: () =>
      bench.do(1, effects => {
        effects.open(3)
        effects.setTimer('later', 5)
        effects.ask(7, 'yes')
      })
  }).nodes(3)
  bench.react = (_, input, effects) => {
    if (input.type === 'stop') effects.notify('I go')
  }
  bench.simulation.stop(0)
  expect(bench.run(100)).toEqual([
    '0 0 stop',
    '1 1 answer 7 yes',
    '5 1 timer later',
    '32 2 link-up 1 inbound',
    '42 1 link-up 2 outbound'
  ])
})

test('a silent node that comes back knows no link; the others learn it when they write', () => {
  const bench = new ProbeBench({ network: tenMs }).nodes(2).linked(0, 1)
  bench.simulation.silence(1)
  bench.run(1_000)
  bench.simulation.revive(1, { keepSaved: true })
  bench.send(0, 1, 'hello?')
  bench.send(0, 1, 'hello??')
  expect(bench.take()).toEqual(['1000 1 start'])
  expect(bench.run(100)).toEqual(['1020 0 link-down 1 reset'])
  bench.open(1, 0)
  expect(bench.run(100)).toHaveLength(2)
})

test('a node comes back with what it saved or without, and its earlier life is void', () => {
  const bench = new ProbeBench({ network: tenMs, answer: question => question }).nodes(1)
  const { simulation } = bench
  bench.do(0, effects => {
    effects.save('a', bytes(1, 2))
    effects.save('b', bytes(3))
    effects.save('b', undefined)
    effects.ask(1, 'unheard')
    effects.setTimer('unheard', 5)
  })
  simulation.crash(0)
  simulation.revive(0, { keepSaved: true })
  expect(bench.run(100)).toEqual(['0 0 start a=1,2'])
  simulation.stop(0)
  simulation.revive(0, { keepSaved: false })
  expect(bench.run(100)).toEqual(['100 0 stop', '100 0 start'])
  simulation.crash(0)
  simulation.start(0, new Map([['c', bytes(9)]]))
  expect(bench.run(0)).toEqual(['200 0 start c=9'])
})

test('an answer to an earlier life is not one to this, though the question has the same number', () => {
  const bench = new ProbeBench({ answer: question => question, answerDelayUs: 10_000 }).nodes(1)
  bench.do(0, effects => effects.ask(1, 'old'))
  bench.run(5)
  bench.simulation.crash(0)
  bench.simulation.revive(0, { keepSaved: true })
  bench.do(0, effects => effects.ask(1, 'new'))
  expect(bench.run(100)).toEqual(['5 0 start', '15 0 answer 1 new'])
})

test('those alive can be told and picked, whoever went and came in between', () => {
  const { simulation } = new ProbeBench().nodes(10)
  const random = simulation.random.of('workload')
  for (const node of [9, 0, 5, 1]) simulation.crash(node)
  simulation.silence(8)
  for (const node of [0, 8]) simulation.revive(node, { keepSaved: true })
  for (const node of [2, 0]) simulation.stop(node)
  expect(simulation.aliveNodes()).toEqual([3, 4, 6, 7, 8])
  expect(simulation.aliveCount).toBe(5)
  const picked = new Set(Array.from({ length: 200 }, () => simulation.pickAlive(random)))
  expect([...picked].toSorted()).toEqual([3, 4, 6, 7, 8])
  for (const node of simulation.aliveNodes()) simulation.crash(node)
  expect(simulation.pickAlive(random)).toBeUndefined()
})

test('who stops before it heard that its open was taken leaves the other side with a reset', () => {
  const bench = new ProbeBench({ network: tenMs }).nodes(2)
  bench.open(0, 1)
  bench.run(35)
  bench.simulation.stop(0)
  expect(bench.run(100)).toEqual(['35 0 stop', '45 1 link-down 0 reset'])
})

test('what was saved is a copy: a machine may go on with its bytes', () => {
  const bench = new ProbeBench().nodes(1)
  const own = bytes(1)
  bench.do(0, effects => effects.save('a', own))
  own[0] = 2
  expect(bench.simulation.saved(0).get('a')).toEqual(bytes(1))
})

test('stop: open questions fail, the machine says goodbye, links close after that, and nothing comes then', () => {
  const bench = new ProbeBench({ network: tenMs, answer: question => question }).nodes(3).linked(0, 1)
  bench.react = (node, input, effects) => {
    if (input.type !== 'stop') return
    effects.send(bench.link(node, 1), { text: 'goodbye', bytes: 7 }, 0)
    effects.setTimer('never', 1)
    effects.open(3)
    effects.ask(2, 'never')
    effects.save('left', bytes(1))
  }
  bench.open(0, 2)
  bench.do(0, effects => {
    effects.ask(1, 'a question')
    effects.setTimer('never', 1)
  })
  bench.simulation.stop(0)
  bench.send(1, 0, 'to nobody')
  expect(bench.run(1_000)).toEqual([
    '0 0 answer 1 error: The overlay stops.',
    '0 0 stop',
    '10 1 message 0 goodbye',
    '10 1 link-down 0 closed'
  ])
  expect(bench.simulation.saved(0).get('left')).toEqual(bytes(1))
})

test('pause: inputs wait and come in their order at once; timers wait with them', () => {
  const bench = new ProbeBench({ network: tenMs, answer: question => question }).nodes(3).linked(0, 1)
  const { simulation } = bench
  bench.do(0, effects => {
    effects.setTimer('short', 5)
    effects.setTimer('long', 200)
    effects.ask(1, 'yes')
  })
  simulation.pause(0)
  bench.send(1, 0, 'a')
  bench.run(20)
  bench.send(1, 0, 'b')
  bench.open(2, 0)
  bench.do(0, effects => effects.setTimer('commanded', 1))
  simulation.contact(0, 2)
  expect(bench.run(80)).toEqual([])
  expect(simulation.alive(0)).toBe(true)
  simulation.resume(0)
  expect(bench.run(10)).toEqual([
    '100 0 answer 1 yes',
    '100 0 timer short',
    '100 0 message 1 a',
    '100 0 contact 2',
    '100 0 message 1 b',
    '100 0 link-up 2 inbound',
    '101 0 timer commanded',
    '110 2 link-up 0 outbound'
  ])
  expect(bench.run(100)).toEqual(['200 0 timer long'])
})

test('an input that waited can undo one that waited behind it', () => {
  const bench = new ProbeBench({ network: tenMs }).nodes(2).linked(0, 1)
  bench.react = (node, input, effects) => {
    if (node === 0 && input.type === 'message') effects.cancelTimer('undone')
    if (node === 0 && input.type === 'message') effects.setTimer('later', 20)
  }
  bench.do(0, effects => {
    effects.setTimer('undone', 30)
    effects.setTimer('later', 30)
  })
  bench.simulation.pause(0)
  bench.send(1, 0, 'undo')
  bench.run(100)
  bench.simulation.resume(0)
  expect(bench.run(100)).toEqual(['100 0 message 1 undo', '120 0 timer later'])
})

test('who opens to a paused node waits for its time, and no longer; a crash of the paused undoes all', () => {
  const bench = new ProbeBench({ network: tenMs }).nodes(3)
  bench.simulation.pause(0)
  bench.open(1, 0)
  expect(bench.run(20_000)).toEqual(['15000 1 unreachable 0: No stream within the time for an open.'])
  bench.open(2, 0)
  bench.run(100)
  bench.simulation.crash(0)
  expect(bench.run(20_000)).toEqual(['20110 2 unreachable 0: The connection was refused.'])
})

test('a clock runs fast or slow and never jumps; the time of day jumps', () => {
  const seen: number[][] = []
  const bench = new ProbeBench().nodes(2)
  bench.react = (node, input, effects) => {
    if (input.type === 'timer') seen.push([node, effects.nowMs(), effects.wallMs() - WALL_START_MS])
  }
  const { simulation } = bench
  bench.run(1_000)
  simulation.setDrift(0, 10_000)
  simulation.jumpWall(0, -3_600_000)
  for (const node of [0, 1]) bench.do(node, effects => effects.setTimer('t', 101_000))
  // A clock that gains one in a hundred shows 101 s after 100.
  expect(bench.run(102_000)).toEqual(['101000.001 0 timer t', '102000 1 timer t'])
  expect(seen).toEqual([
    [0, 102_000, 102_000 - 3_600_000],
    [1, 102_000, 102_000]
  ])
  simulation.setDrift(0, -DRIFT_PPM_MAX)
  expect(() => simulation.setDrift(0, DRIFT_PPM_MAX + 1)).toThrow(RangeError)
})

test('timers that are set follow the clock whose rate changes', () => {
  const bench = new ProbeBench().nodes(2)
  const { simulation } = bench
  const seen: number[] = []
  bench.react = (node, input, effects) => {
    if (node === 0 && input.type === 'timer') seen.push(effects.nowMs())
  }
  for (const node of [0, 1]) bench.do(node, effects => effects.setTimer('t', 102_000))
  bench.do(0, effects => {
    effects.setTimer('undone', 50_000)
    effects.cancelTimer('undone')
  })
  bench.run(1_000)
  // Of 101 s that are left on a clock that gains one in a hundred 50.5 s pass in 50 s, and then it loses as much.
  simulation.setDrift(0, DRIFT_PPM_MAX)
  bench.run(50_000)
  simulation.setDrift(0, -DRIFT_PPM_MAX)
  const log = bench.run(60_000)
  expect(log[0]).toBe('102000 1 timer t')
  expect(log[1]).toMatch(/^102010\.1\d* 0 timer t$/)
  expect(log).toHaveLength(2)
  expect(seen).toEqual([102_000])
  // Sooner again, and of a node that rests meanwhile.
  bench.do(0, effects => effects.setTimer('t', 99_000))
  bench.simulation.pause(0)
  simulation.setDrift(0, 0)
  simulation.setDrift(0, DRIFT_PPM_MAX)
  bench.run(200_000)
  simulation.setDrift(0, 0)
  simulation.resume(0)
  expect(bench.run(1)).toEqual([expect.stringMatching(/ 0 timer t$/)])
})

test('machines of the dead are kept, unless they are to be forgotten', () => {
  for (const forgetDead of [false, true]) {
    const { simulation } = new ProbeBench({ forgetDead }).nodes(3)
    simulation.crash(0)
    simulation.silence(1)
    simulation.stop(2)
    for (const node of [0, 1, 2])
      if (forgetDead) expect(() => simulation.machine(node)).toThrow(/has no machine/)
      else expect(simulation.machine(node).snapshot().inputs).toBeGreaterThan(0)
    simulation.revive(1, { keepSaved: false })
    expect(simulation.machine(1).snapshot()).toEqual({ inputs: 1 })
  }
})

test.each(['crash', 'silence', 'stop', 'pause'] as const)('what does not run cannot %s', how => {
  const bench = new ProbeBench()
  const node = bench.simulation.addNode()
  expect(() => bench.simulation[how](node)).toThrow(/does not run/)
})

test('what runs cannot be started or revived, and what never ran cannot be revived', () => {
  const started = new ProbeBench().nodes(1).simulation
  expect(() => started.start(0)).toThrow(/cannot be started/)
  const running = new ProbeBench().nodes(1).simulation
  expect(() => running.revive(0, { keepSaved: true })).toThrow(/cannot be revived/)
  const fresh = new ProbeBench().simulation
  fresh.addNode()
  expect(() => fresh.revive(0, { keepSaved: true })).toThrow(/cannot be revived/)
  expect(() => fresh.command(0, () => {})).toThrow(/does not run/)
})
