/** What a machine says to a neighbour that takes too little, before the link ends. */
import { expect, test } from 'vitest'
import { FakeNetwork } from '../src/testing.ts'
import { addPuppet, type FakePuppet } from './support/fakes.ts'
import { blob, bodyOf, text } from './support/puppet.ts'

const STOP_FLUSH_MS = 5_000
const LIMITS = {
  queueBytesMax: 100_000,
  queueBytesHigh: 50_000,
  queueBytesLow: 10_000,
  stopFlushMs: STOP_FLUSH_MS
}

interface Overflowing {
  readonly network: FakeNetwork
  readonly a: FakePuppet
  readonly b: FakePuppet
  /** Sends until the remote peer takes no more. */
  fill(): Promise<void>
  overflow(): void
}

/** `a` says a last word to `b`, which reads at a rate of its own. */
async function overflowing(inboundBytesPerSecond: number): Promise<Overflowing> {
  const network = new FakeNetwork()
  const a = await addPuppet(network, 'a', 1, { limits: LIMITS })
  const b = await addPuppet(network, 'b', 2, { limits: { inboundBytesPerSecond, inboundBytesBurst: 1 } })
  a.puppet.react = (input, effects) => {
    if (input.type === 'pressure' && input.level === 'overflow')
      effects.send(input.link, text('b', 'goodbye'), 0)
  }
  a.open(b)
  await network.runUntil(() => a.host.links().length + b.host.links().length === 2)
  const { link } = a.puppet.of('link-up')[0]!
  return {
    network,
    a,
    b,
    fill: async () => {
      for (let sent = 0; sent < 30 && a.puppet.of('pressure').length === 0; sent += 1) {
        a.act(effects => effects.send(link, blob('d', 20_000), 0))
        await network.runFor(100)
      }
    },
    overflow: () =>
      a.act(effects => {
        // More than the window, the stream and the queue hold, and as urgent as the last word.
        for (let sent = 0; sent < 60; sent += 1) effects.send(link, blob('d', 20_000), 0)
      })
  }
}

test('the last word after an overflow arrives once the remote peer reads again, and then the link is down', async () => {
  const { network, a, b, overflow } = await overflowing(200_000)
  overflow()
  expect(a.puppet.of('pressure').at(-1)).toMatchObject({ level: 'overflow' })
  expect(a.puppet.of('link-down')).toHaveLength(0)
  expect(a.host.counters.overflows).toBe(1)
  await network.runFor(STOP_FLUSH_MS - 1)
  expect(a.puppet.of('link-down')).toMatchObject([{ end: { kind: 'overflow' } }])
  await network.runFor(STOP_FLUSH_MS)
  expect(bodyOf(b.puppet.of('message').at(-1)!.message)).toBe('goodbye')
  expect(b.puppet.of('link-down')).toMatchObject([{ end: { kind: 'closed' } }])
})

test('a last word that the remote peer does not take holds the link for stopFlushMs and no longer', async () => {
  const { network, a, b, fill, overflow } = await overflowing(1)
  await fill()
  overflow()
  await network.runFor(STOP_FLUSH_MS - 1)
  expect(a.puppet.of('link-down')).toHaveLength(0)
  await network.runFor(1)
  expect(a.puppet.of('link-down')).toMatchObject([{ end: { kind: 'overflow' } }])
  await network.runFor(100)
  expect(b.puppet.of('link-down')).toMatchObject([{ end: { kind: 'reset' } }])
  expect(a.host.counters).toMatchObject({ overflows: 1, queueBytes: 0 })
})

test('a host that stops while a last word waits is done within stopFlushMs', async () => {
  const { network, a, fill, overflow } = await overflowing(1)
  await fill()
  overflow()
  const atMs = network.clock.nowMs()
  await network.finish(a.host.stop())
  expect(network.clock.nowMs() - atMs).toBeLessThanOrEqual(STOP_FLUSH_MS)
  expect(a.host.links()).toHaveLength(0)
})
