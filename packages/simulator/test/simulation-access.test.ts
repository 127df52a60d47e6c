/** Access links: what waits for them, in which order it goes, and what a machine hears of it. */
import { expect, test } from 'vitest'
import type { NetworkModel } from '../src/index.ts'
import { ProbeBench } from './support/probe.ts'

const KB = 1_000
const limits = { queueBytesMax: 10_000, queueBytesHigh: 5_000, queueBytesLow: 2_000 }

/** 10 ms each way; node 0 sends 100 kB and receives 50 kB a second, the others as much as they like. */
const slow: NetworkModel = {
  oneWayUs: () => 10_000,
  bandwidthBytesPerS: node => (node === 0 ? { up: 100 * KB, down: 50 * KB } : undefined)
}

const bench = (nodes: number) => {
  const made = new ProbeBench({ network: slow, limits }).nodes(nodes)
  for (let other = 1; other < nodes; other += 1) made.linked(0, other)
  return made
}

test('a message takes its time to leave, and then its way; the next one waits for it', () => {
  const probes = bench(2)
  probes.send(0, 1, 'a', 1 * KB)
  probes.send(0, 1, 'b', 2 * KB)
  expect(probes.run(100)).toEqual(['20 1 message 0 a', '40 1 message 0 b'])
})

test('the most urgent goes first, and links take turns', () => {
  const probes = bench(3)
  probes.send(0, 1, 'under way', 1 * KB)
  probes.send(0, 1, 'idle', 1 * KB, 9)
  probes.send(0, 1, 'urgent', 1 * KB, 0)
  probes.send(0, 2, 'other', 1 * KB, 9)
  probes.send(0, 2, 'another', 1 * KB, 9)
  expect(probes.run(100)).toEqual([
    '20 1 message 0 under way',
    '30 1 message 0 urgent',
    '40 2 message 0 other',
    '50 1 message 0 idle',
    '60 2 message 0 another'
  ])
})

test('what comes in from several sides shares the downlink', () => {
  const probes = bench(3)
  probes.send(1, 0, 'a', 1 * KB)
  probes.send(2, 0, 'b', 1 * KB)
  probes.send(1, 0, 'c', 1 * KB)
  expect(probes.run(100)).toEqual(['30 0 message 1 a', '50 0 message 2 b', '70 0 message 1 c'])
})

test('the machine hears when much waits, and when little does again', () => {
  const probes = bench(2)
  for (let count = 0; count < 7; count += 1) probes.send(0, 1, `${count}`, 1 * KB)
  expect(probes.take()).toEqual(['0 0 pressure 1 high'])
  const pressures = probes.run(200).filter(line => line.includes('pressure'))
  expect(pressures).toEqual(['50 0 pressure 1 low'])
})

test('queueBytesMax: what just fits is kept, one byte more ends the link after a last word', () => {
  const probes = bench(2)
  probes.react = (_, input, effects) => {
    if (input.type !== 'pressure' || input.level !== 'overflow') return
    effects.send(input.link, { text: 'bye', bytes: 100 }, 0)
  }
  probes.send(0, 1, 'under way', 1 * KB)
  for (let count = 0; count < 10; count += 1) probes.send(0, 1, `${count}`, 1 * KB)
  expect(probes.take()).toEqual(['0 0 pressure 1 high'])
  probes.send(0, 1, 'x', 1)
  probes.send(0, 1, 'after the end', 1)
  expect(probes.run(100)).toEqual([
    '0 0 pressure 1 overflow',
    '11 0 link-down 1 overflow',
    '20 1 message 0 under way',
    '21 1 message 0 bye',
    '21 1 link-down 0 closed'
  ])
  expect(probes.simulation.metrics.dropped).toBe(11)
})

test('an overflow without a last word resets the other side', () => {
  const probes = bench(2)
  probes.send(0, 1, 'too long', 10_001)
  expect(probes.run(100)).toEqual([
    '0 0 pressure 1 overflow',
    '0 0 link-down 1 overflow',
    '10 1 link-down 0 reset'
  ])
})

test('what is more urgent makes room for itself', () => {
  const probes = bench(2)
  probes.send(0, 1, 'under way', 1 * KB)
  probes.send(0, 1, 'bulk', 9_900, 9)
  probes.send(0, 1, 'urgent', 1 * KB, 0)
  expect(probes.run(1_000).filter(line => line.includes('message'))).toEqual([
    '20 1 message 0 under way',
    '30 1 message 0 urgent'
  ])
})

test('close sends what waits, as far as its time allows', () => {
  const probes = bench(2)
  probes.send(0, 1, 'a', 1 * KB)
  probes.send(0, 1, 'b', 1 * KB)
  probes.close(0, 1)
  probes.send(1, 0, 'to a link that closes', 10)
  expect(probes.run(100)).toEqual([
    '20 1 message 0 a',
    '20 0 link-down 1 local',
    '30 1 message 0 b',
    '30 1 link-down 0 closed'
  ])
  const hurried = new ProbeBench({ network: slow, limits: { ...limits, stopFlushUs: 15_000 } })
    .nodes(2)
    .linked(0, 1)
  for (const text of ['a', 'b', 'c']) hurried.send(0, 1, text, 1 * KB)
  hurried.close(0, 1)
  expect(hurried.run(100)).toEqual(['15 0 link-down 1 local', '20 1 message 0 a', '25 1 link-down 0 closed'])
})

test('a node that stops sends what waits; one that crashes takes it along, and begins with an idle uplink', () => {
  const probes = bench(2)
  probes.send(0, 1, 'a', 1 * KB)
  probes.send(0, 1, 'b', 1 * KB)
  probes.simulation.stop(0)
  expect(probes.run(100)).toEqual([
    '0 0 stop',
    '20 1 message 0 a',
    '30 1 message 0 b',
    '30 1 link-down 0 closed'
  ])
  probes.simulation.start(0)
  probes.linked(0, 1)
  probes.send(0, 1, 'never', 9 * KB)
  probes.run(10)
  probes.simulation.crash(0)
  probes.simulation.revive(0, { keepSaved: false })
  probes.run(20)
  probes.linked(0, 1)
  probes.send(0, 1, 'at once', 1 * KB)
  expect(probes.run(100)).toEqual(['150 1 message 0 at once'])
})

test('what an uplink sent in an earlier life does not free it in this one', () => {
  const probes = bench(2)
  probes.send(0, 1, 'never', 9 * KB)
  probes.run(10)
  probes.simulation.crash(0)
  probes.simulation.revive(0, { keepSaved: false })
  probes.run(20)
  probes.linked(0, 1)
  probes.send(0, 1, 'a', 9 * KB)
  probes.send(0, 1, 'b', 1 * KB)
  expect(probes.run(1_000).filter(line => line.includes('message'))).toEqual([
    '130 1 message 0 a',
    '140 1 message 0 b'
  ])
})

test.each(['close', 'stop'] as const)(
  'the end of a link by %s comes after what waits for the downlink',
  how => {
    const probes = bench(2)
    probes.send(1, 0, 'last', 5 * KB)
    if (how === 'close') probes.close(1, 0)
    else probes.simulation.stop(1)
    probes.take()
    expect(probes.run(1_000)).toEqual(['110 0 message 1 last', '110 0 link-down 1 closed'])
  }
)

test('a reset throws away what waits for the downlink', () => {
  const probes = bench(2)
  probes.send(1, 0, 'lost', 5 * KB)
  probes.simulation.crash(1)
  expect(probes.run(1_000)).toEqual(['10 0 link-down 1 reset'])
})

test('a node that stops with bytes waiting and starts again knows nothing of its old links', () => {
  const probes = bench(2)
  probes.send(0, 1, 'never', 5 * KB)
  probes.simulation.stop(0)
  probes.run(10)
  probes.simulation.start(0)
  probes.open(0, 1)
  expect(probes.run(1_000)).toEqual([
    '10 0 start',
    '20 1 link-down 0 reset',
    '42 1 link-up 0 inbound',
    '52 0 link-up 1 outbound'
  ])
  probes.send(0, 1, 'at once', 1 * KB)
  expect(probes.run(1_000)).toEqual(['1030 1 message 0 at once'])
})
