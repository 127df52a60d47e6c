/** What is counted, and what a node costs. */
import type { Machine } from '@servent/overlay/machine'
import { expect, test } from 'vitest'
import { Simulation } from '../src/index.ts'
import { ProbeBench, type ProbeTypes, probeCodec } from './support/probe.ts'

test('messages and bytes by type and by node, and what p2psim would have counted', () => {
  const bench = new ProbeBench({ idsIn: message => message.text.length }).nodes(3).linked(0, 1).linked(1, 2)
  bench.send(0, 1, 'ping abc', 30)
  bench.send(1, 2, 'ping abc', 30)
  bench.send(1, 0, 'pong', 12)
  bench.run(100)
  bench.send(0, 1, 'lost', 5)
  bench.simulation.crash(1)
  bench.run(100)
  const { metrics } = bench.simulation
  expect(metrics.byType()).toEqual({
    ping: { messages: 2, bytes: 60 },
    pong: { messages: 1, bytes: 12 },
    lost: { messages: 1, bytes: 5 }
  })
  expect([metrics.messages, metrics.bytes]).toEqual([4, 77])
  expect(metrics.p2psimBytes).toBe(20 * 4 + 4 * (8 + 8 + 4 + 4))
  expect(metrics.sentBy(1)).toEqual({ messages: 2, bytes: 42 })
  expect(metrics.receivedBy(1)).toEqual({ messages: 1, bytes: 30 })
  expect(metrics.receivedBy(2)).toEqual({ messages: 1, bytes: 30 })
  expect([metrics.delivered, metrics.dropped]).toEqual([3, 1])
  expect([metrics.linksOpened, metrics.linksEnded]).toEqual([2, 2])
})

test('a flood of one message is priced once, and each message of a type by itself', () => {
  let priced = 0
  const bench = new ProbeBench({
    codec: {
      ...probeCodec,
      byteLength: message => {
        priced += 1
        return message.bytes
      }
    }
  })
    .nodes(4)
    .linked(0, 1)
    .linked(0, 2)
    .linked(0, 3)
  const message = { text: 'flood', bytes: 50 }
  bench.do(0, effects => {
    for (const other of [1, 2, 3]) effects.send(bench.link(0, other), message, 1)
    effects.send(bench.link(0, 1), { text: 'flood', bytes: 70 }, 1)
  })
  expect(priced).toBe(2)
  expect(bench.simulation.metrics.byType()).toEqual({ flood: { messages: 4, bytes: 220 } })
})

test('an idle node that was started, with a timer and a link, takes less than a kibibyte beside its machine', () => {
  const machine: Machine<ProbeTypes> = {
    handle: (input, effects) => {
      if (input.type === 'start') effects.setTimer('beat', 1_000)
    },
    heldPeers: () => {},
    snapshot: () => ({ inputs: 0 })
  }
  const count = 20_000
  const used = () => {
    const { heapUsed, arrayBuffers } = process.memoryUsage()
    return heapUsed + arrayBuffers
  }
  const before = used()
  const simulation = new Simulation<ProbeTypes>({
    seed: 's',
    codec: probeCodec,
    createMachine: () => machine
  })
  for (const node of simulation.addNodes(count)) simulation.start(node)
  for (let node = 0; node < count; node += 2) simulation.connect(node, node + 1)
  const bytesPerNode = (used() - before) / count
  expect(simulation.size).toBe(count)
  expect(bytesPerNode).toBeLessThan(1024)
})
