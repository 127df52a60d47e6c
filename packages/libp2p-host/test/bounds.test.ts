/** Every number of `HostLimits` at the limit and one past it, in virtual time. */

import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import type { PeerId, Stream } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { describe, expect, test } from 'vitest'
import { Comers } from '../src/comers.ts'
import { contactOf, dialTargetOf, MachineHost } from '../src/index.ts'
import {
  COMERS_MAX,
  DIAL_ADDRESSES_MAX,
  DIALLED_UNUSED_MS,
  EARLY_CONTACTS_MAX,
  REASON_CHARACTERS_MAX,
  STREAMS_A_CONNECTION_MAX
} from '../src/limits.ts'
import { reasonOf } from '../src/link.ts'
import { Opener } from '../src/opener.ts'
import { FakeNetwork, VirtualClock } from '../src/testing.ts'
import { addPuppet, FAKE_PROTOCOL, type FakePuppet } from './support/fakes.ts'
import { blob, bodyOf, Puppet, type PuppetTypes, puppetCodec, text } from './support/puppet.ts'
import { eventually, turns } from './support/stream-pair.ts'

async function linked(network: FakeNetwork, from: FakePuppet, to: FakePuppet): Promise<number> {
  const before = from.puppet.of('link-up').length
  from.open(to)
  await network.runUntil(() => from.puppet.of('link-up').length > before)
  await network.runFor(50)
  return from.puppet.of('link-up').at(-1)!.link
}

describe('links', () => {
  test('inboundLinksMax are accepted, one more is refused, and a place that is free again is given', async () => {
    const network = new FakeNetwork()
    const hub = await addPuppet(network, 'hub', 100, { limits: { inboundLinksMax: 2 } })
    const others = await Promise.all([1, 2, 3].map(seed => addPuppet(network, `n${seed}`, seed)))
    const first = await linked(network, others[0]!, hub)
    await linked(network, others[1]!, hub)
    await linked(network, others[2]!, hub)
    expect(hub.host.links()).toHaveLength(2)
    expect(others[2]!.puppet.of('link-down')).toMatchObject([{ end: { kind: 'reset' } }])
    expect(hub.host.counters).toMatchObject({ limitHits: 1, inboundRefused: 1 })

    others[0]!.act(effects => effects.close(first, 'to make room'))
    await network.runFor(100)
    await linked(network, others[2]!, hub)
    expect(hub.host.links()).toHaveLength(2)
  })

  test('linksMax counts both directions and opens on their way; one past it is unreachable', async () => {
    const network = new FakeNetwork()
    const hub = await addPuppet(network, 'hub', 100, { limits: { linksMax: 2 } })
    const others = await Promise.all([1, 2, 3].map(seed => addPuppet(network, `n${seed}`, seed)))
    await linked(network, others[0]!, hub)
    hub.open(others[1]!)
    hub.open(others[2]!)
    expect(hub.puppet.of('unreachable')).toMatchObject([
      { reason: 'There is no place for another link.', noRoom: 'here' }
    ])
    await network.runFor(1_000)
    expect(hub.host.links()).toHaveLength(2)
  })

  test('an inbound link that takes the last place while a dial is under way wins; the dial is unreachable', async () => {
    const network = new FakeNetwork()
    const hub = await addPuppet(network, 'hub', 100, { limits: { linksMax: 1 } })
    const others = await Promise.all([1, 2].map(seed => addPuppet(network, `n${seed}`, seed)))
    others[0]!.open(hub)
    await network.runFor(30)
    hub.open(others[1]!)
    await network.runFor(1_000)
    expect(hub.host.links()).toMatchObject([{ inbound: true }])
    expect(hub.puppet.of('unreachable')).toMatchObject([{ noRoom: 'here' }])
    expect(others[1]!.host.links()).toHaveLength(0)
  })

  test('opensMax dials run at a time, opensWaitingMax wait, one more is unreachable at once', async () => {
    const network = new FakeNetwork()
    const hub = await addPuppet(network, 'hub', 100, { limits: { opensMax: 2, opensWaitingMax: 1 } })
    const others = await Promise.all([1, 2, 3, 4].map(seed => addPuppet(network, `n${seed}`, seed)))
    for (const other of others) hub.open(other)
    expect(hub.puppet.of('unreachable')).toMatchObject([{ reason: 'Too many opens wait.', noRoom: 'here' }])
    expect(hub.host.counters.opening).toBe(3)
    // Two dials of 60 ms side by side, and then the third.
    await network.runFor(61)
    expect(hub.host.links()).toHaveLength(2)
    await network.runFor(60)
    expect(hub.host.links()).toHaveLength(3)
  })

  test('an open while a link is up or on its way does nothing', async () => {
    const network = new FakeNetwork()
    const [a, b] = await Promise.all([addPuppet(network, 'a', 1), addPuppet(network, 'b', 2)])
    a.open(b)
    a.open(b)
    await network.runFor(1_000)
    a.open(b)
    await network.runFor(1_000)
    expect(a.puppet.of('link-up')).toHaveLength(1)
    expect(b.puppet.of('link-up')).toHaveLength(1)
  })

  test('openTimeoutMs: a peer that never answers is unreachable then and not before', async () => {
    const network = new FakeNetwork({ delayMs: 1_000_000 })
    const [a, b] = await Promise.all([
      addPuppet(network, 'a', 1, { limits: { openTimeoutMs: 5_000 } }),
      addPuppet(network, 'b', 2)
    ])
    a.open(b)
    await network.runFor(4_999)
    expect(a.puppet.of('unreachable')).toHaveLength(0)
    await network.runFor(1)
    expect(a.puppet.of('unreachable')).toMatchObject([{ reason: 'No stream within 5000 ms.' }])
  })

  test('inboundLinksBurst comings of one peer are taken, the next is refused; another peer is not held to it', async () => {
    const network = new FakeNetwork()
    const hub = await addPuppet(network, 'hub', 100, {
      limits: { inboundLinksBurst: 3, inboundLinksPerMinute: 1 }
    })
    const [a, b] = await Promise.all([addPuppet(network, 'a', 1), addPuppet(network, 'b', 2)])
    for (let coming = 0; coming < 4; coming += 1) {
      const link = await linked(network, a, hub)
      a.act(effects => effects.close(link, 'to come again'))
      await network.runFor(100)
    }
    expect(hub.puppet.of('link-up')).toHaveLength(3)
    await linked(network, b, hub)
    expect(hub.puppet.of('link-up')).toHaveLength(4)
    await network.runFor(60_000)
    await linked(network, a, hub)
    expect(hub.puppet.of('link-up')).toHaveLength(5)
  })
})

describe('what waits to be sent', () => {
  test('the queue tells of its marks; over its end it overflows and the link is down at both ends', async () => {
    const network = new FakeNetwork()
    const limits = { queueBytesMax: 100_000, queueBytesHigh: 50_000, queueBytesLow: 10_000 }
    const a = await addPuppet(network, 'a', 1, { limits })
    // Its reader takes a byte a second: a reader that never reads.
    const b = await addPuppet(network, 'b', 2, { limits: { inboundBytesPerSecond: 1, inboundBytesBurst: 1 } })
    const link = await linked(network, a, b)
    // Fill the window and what the other end takes in before it rests.
    for (let sent = 0; sent < 30 && a.puppet.of('pressure').length === 0; sent += 1) {
      a.act(effects => effects.send(link, blob('d', 20_000), 5))
      await network.runFor(100)
    }
    expect(a.puppet.of('pressure').map(({ level }) => level)).toEqual(['high'])
    const held = a.host.links()[0]!.queueBytes
    expect(held).toBeGreaterThan(50_000)

    // Less urgent messages make room for urgent ones, and are counted.
    while (a.host.links()[0]!.queueBytes + 20_005 <= 100_000)
      a.act(effects => effects.send(link, blob('d', 20_000), 5))
    a.act(effects => effects.send(link, blob('u', 20_000), 0))
    expect(a.host.counters.messagesDropped).toBeGreaterThan(0)
    expect(a.puppet.of('link-down')).toHaveLength(0)

    a.act(effects => effects.send(link, blob('d', 100_000), 5))
    expect(a.puppet.of('pressure').at(-1)).toMatchObject({ level: 'overflow' })
    expect(a.puppet.of('link-down')).toMatchObject([{ link, end: { kind: 'overflow' } }])
    await network.runFor(100)
    expect(b.puppet.of('link-down')).toMatchObject([{ end: { kind: 'reset' } }])
    expect(a.host.counters).toMatchObject({ overflows: 1, queueBytes: 0 })
  })

  test('urgent messages overtake, equal ones keep their order', async () => {
    const network = new FakeNetwork()
    const [a, b] = await Promise.all([addPuppet(network, 'a', 1), addPuppet(network, 'b', 2)])
    const link = await linked(network, a, b)
    a.act(effects => {
      effects.send(link, text('m', 'third'), 9)
      effects.send(link, text('m', 'first'), 1)
      effects.send(link, text('m', 'fourth'), 9)
      effects.send(link, text('m', 'second'), 1)
    })
    await network.runFor(100)
    expect(b.puppet.of('message').map(({ message }) => bodyOf(message))).toEqual([
      'first',
      'second',
      'third',
      'fourth'
    ])
  })

  test('close flushes what was sent before, and then is down with kind local', async () => {
    const network = new FakeNetwork()
    const [a, b] = await Promise.all([addPuppet(network, 'a', 1), addPuppet(network, 'b', 2)])
    const link = await linked(network, a, b)
    a.act(effects => {
      for (let sent = 0; sent < 20; sent += 1) effects.send(link, blob('m', 20_000), 3)
      effects.close(link, 'done')
      effects.send(link, text('m', 'too late'), 0)
    })
    await network.runFor(500)
    expect(b.puppet.of('message')).toHaveLength(20)
    expect(a.puppet.of('link-down')).toMatchObject([{ link, end: { kind: 'local', message: 'done' } }])
    expect(b.puppet.of('link-down')).toMatchObject([{ end: { kind: 'closed' } }])
  })

  test('close of a link that cannot be flushed takes stopFlushMs', async () => {
    const network = new FakeNetwork()
    const a = await addPuppet(network, 'a', 1, { limits: { stopFlushMs: 700 } })
    const b = await addPuppet(network, 'b', 2, { limits: { inboundBytesPerSecond: 1, inboundBytesBurst: 1 } })
    const link = await linked(network, a, b)
    a.act(effects => {
      for (let sent = 0; sent < 24; sent += 1) effects.send(link, blob('m', 20_000), 3)
      effects.close(link, 'done')
    })
    await network.runFor(699)
    expect(a.puppet.of('link-down')).toHaveLength(0)
    await network.runFor(1)
    expect(a.puppet.of('link-down')).toMatchObject([{ end: { kind: 'local' } }])
  })
})

describe('a link that was closed', () => {
  test('is down with kind local though the connection breaks while it is flushed', async () => {
    const network = new FakeNetwork()
    const a = await addPuppet(network, 'a', 1)
    const b = await addPuppet(network, 'b', 2, { limits: { inboundBytesPerSecond: 1, inboundBytesBurst: 1 } })
    const link = await linked(network, a, b)
    a.act(effects => {
      for (let sent = 0; sent < 24; sent += 1) effects.send(link, blob('m', 20_000), 3)
      effects.close(link, 'done')
    })
    await network.runFor(100)
    expect(a.puppet.of('link-down')).toHaveLength(0)
    network.cut(a.node, b.node)
    expect(a.puppet.of('link-down')).toMatchObject([{ end: { kind: 'local', message: 'done' } }])
  })

  test('leaves no timer behind once both halves are closed', async () => {
    const network = new FakeNetwork()
    const [a, b] = await Promise.all([addPuppet(network, 'a', 1), addPuppet(network, 'b', 2)])
    const link = await linked(network, a, b)
    a.act(effects => effects.close(link, 'done'))
    await network.runFor(100)
    expect(b.puppet.of('link-down')).toHaveLength(1)
    // The connection was dialled for it, and nobody uses it.
    await network.runFor(DIALLED_UNUSED_MS)
    expect(network.clock.nextAtMs).toBeUndefined()
  })

  test('throws away what a peer still sends that does not close its half, and resets it after a while', async () => {
    const network = new FakeNetwork()
    const a = await addPuppet(network, 'a', 1)
    const node = await network.addNode({ name: 'raw', seed: 2 })
    const taken = Promise.withResolvers<Stream>()
    await node.components.registrar.handle(FAKE_PROTOCOL, stream => taken.resolve(stream))
    a.host.addContact(node.peerId, [...node.addresses])
    const { peer } = a.puppet.of('contact')[0]!
    a.act(effects => effects.open(peer))
    await network.runFor(100)
    const stream = await taken.promise
    a.act(effects => effects.close(1, 'done'))
    await network.runFor(100)
    const [near] = a.node.components.connectionManager.getConnections().flatMap(({ streams }) => streams)
    for (let sent = 0; sent < 10; sent += 1) {
      stream.send(new Uint8Array(10_000))
      await network.runFor(20)
    }
    expect(near!.status).toBe('open')
    expect(near!.readBufferLength).toBe(0)
    await network.runFor(5_000)
    expect(stream.status).toBe('reset')
  })
})

describe('what comes in', () => {
  test('inboundMessagesBurst at once, then inboundMessagesPerSecond; nothing is lost', async () => {
    const network = new FakeNetwork()
    const a = await addPuppet(network, 'a', 1)
    const b = await addPuppet(network, 'b', 2, {
      limits: { inboundMessagesBurst: 50, inboundMessagesPerSecond: 100 }
    })
    const link = await linked(network, a, b)
    a.act(effects => {
      for (let sent = 0; sent < 250; sent += 1) effects.send(link, text('m', String(sent)), 0)
    })
    await network.runFor(11)
    expect(b.puppet.of('message')).toHaveLength(50)
    await network.runFor(1_000)
    expect(b.puppet.of('message').length).toBeGreaterThanOrEqual(140)
    expect(b.puppet.of('message').length).toBeLessThanOrEqual(151)
    await network.runFor(1_100)
    expect(b.puppet.of('message').map(({ message }) => Number(bodyOf(message)))).toEqual([
      ...Array(250).keys()
    ])
    expect(b.host.counters.messageRateHits).toBeGreaterThan(0)
  })

  test('inboundBytesBurst at once, then inboundBytesPerSecond', async () => {
    const network = new FakeNetwork()
    const a = await addPuppet(network, 'a', 1)
    const b = await addPuppet(network, 'b', 2, {
      limits: { inboundBytesBurst: 20_000, inboundBytesPerSecond: 20_000 }
    })
    const link = await linked(network, a, b)
    a.act(effects => {
      for (let sent = 0; sent < 60; sent += 1) effects.send(link, blob('m', 1_995), 0)
    })
    await network.runFor(11)
    expect(b.puppet.of('message').length).toBeGreaterThanOrEqual(10)
    expect(b.puppet.of('message').length).toBeLessThanOrEqual(12)
    await network.runFor(2_000)
    expect(b.puppet.of('message').length).toBeGreaterThanOrEqual(28)
    expect(b.puppet.of('message').length).toBeLessThanOrEqual(32)
    await network.runFor(4_000)
    expect(b.puppet.of('message')).toHaveLength(60)
    expect(b.host.counters.byteRateHits).toBeGreaterThan(0)
  })

  test('what came before the end is handled before the link is down, however slowly', async () => {
    const network = new FakeNetwork()
    const a = await addPuppet(network, 'a', 1)
    const b = await addPuppet(network, 'b', 2, {
      limits: { inboundMessagesBurst: 1, inboundMessagesPerSecond: 10 }
    })
    const link = await linked(network, a, b)
    a.act(effects => {
      for (let sent = 0; sent < 30; sent += 1) effects.send(link, text('m', String(sent)), 0)
      effects.close(link, 'all said')
    })
    await network.runFor(1_000)
    expect(b.puppet.of('link-down')).toHaveLength(0)
    await network.runFor(3_000)
    expect(b.puppet.of('message')).toHaveLength(30)
    expect(b.puppet.inputs.at(-1)).toMatchObject({ type: 'link-down', end: { kind: 'closed' } })
  })

  test('idleMs: a link on which nothing comes or goes ends then, and traffic puts it off', async () => {
    const network = new FakeNetwork()
    const a = await addPuppet(network, 'a', 1, { limits: { idleMs: 10_000 } })
    const b = await addPuppet(network, 'b', 2)
    const link = await linked(network, a, b)
    await network.runFor(9_000)
    a.act(effects => effects.send(link, text('m'), 0))
    await network.runFor(9_999)
    expect(a.host.links()).toHaveLength(1)
    await network.runFor(1)
    expect(a.puppet.of('link-down')).toMatchObject([{ end: { kind: 'idle' } }])
    await network.runFor(100)
    expect(b.puppet.of('link-down')).toMatchObject([{ end: { kind: 'closed' } }])
  })

  test('assemblyMs: a message that dribbles in and is not complete then ends the link', async () => {
    const network = new FakeNetwork()
    const [a, b] = await Promise.all([
      network.addNode({ name: 'a', seed: 1 }),
      addPuppet(network, 'b', 2, { limits: { assemblyMs: 3_000 } })
    ])
    const stream = await network.finish(
      a.components.connectionManager.openStream([...b.node.addresses], FAKE_PROTOCOL)
    )
    const atMs = network.clock.nowMs()
    stream.send(Uint8Array.of(0, 0, 0, 200))
    for (let dribble = 0; dribble < 29; dribble += 1) {
      await network.runFor(100)
      stream.send(Uint8Array.of(1))
    }
    expect(b.puppet.of('link-down')).toHaveLength(0)
    await network.runUntil(() => b.puppet.of('link-down').length > 0)
    expect(b.puppet.of('link-down')).toMatchObject([{ end: { kind: 'limit' } }])
    // The first byte arrived one delay after it was sent.
    expect(network.clock.nowMs() - atMs).toBe(3_010)
  })
})

describe('questions and saves', () => {
  interface Asked {
    readonly question: string
    readonly signal: AbortSignal
    answer(text: string): void
    fail(error: Error): void
  }

  async function asker(limits: object): Promise<{ network: FakeNetwork; a: FakePuppet; asked: Asked[] }> {
    const network = new FakeNetwork()
    const asked: Asked[] = []
    const a = await addPuppet(network, 'a', 1, {
      limits,
      answer: (question, signal) => {
        const { promise, resolve, reject } = Promise.withResolvers<string>()
        asked.push({ question, signal, answer: resolve, fail: reject })
        return promise
      }
    })
    return { network, a, asked }
  }

  test('asksMax run at a time, asksWaitingMax wait, one more fails at once; each has exactly one answer', async () => {
    const { network, a, asked } = await asker({ asksMax: 2, asksWaitingMax: 1 })
    a.act(effects => {
      for (let id = 1; id <= 4; id += 1) effects.ask(id, `question ${id}`)
    })
    expect(asked.map(({ question }) => question)).toEqual(['question 1', 'question 2'])
    expect(a.puppet.of('answer')).toEqual([{ type: 'answer', id: 4, error: 'More than 1 questions wait.' }])

    asked[1]!.answer('two')
    asked[0]!.fail(new Error('the disk is gone'))
    await network.runFor(0)
    expect(asked.map(({ question }) => question)).toEqual(['question 1', 'question 2', 'question 3'])
    asked[2]!.answer('three')
    await network.runFor(0)
    expect(a.puppet.of('answer').slice(1)).toEqual([
      { type: 'answer', id: 2, answer: 'two' },
      { type: 'answer', id: 1, error: 'the disk is gone' },
      { type: 'answer', id: 3, answer: 'three' }
    ])
  })

  test('stop aborts what runs and answers every open question with an error before the machine stops', async () => {
    const { network, a, asked } = await asker({ asksMax: 1 })
    a.act(effects => {
      effects.ask(1, 'long')
      effects.ask(2, 'longer')
    })
    await network.finish(a.host.stop())
    expect(asked).toHaveLength(1)
    expect(asked[0]!.signal.aborted).toBe(true)
    asked[0]!.answer('too late')
    await network.runFor(0)
    expect(a.puppet.inputs.slice(-3)).toEqual([
      { type: 'answer', id: 1, error: 'The overlay stops.' },
      { type: 'answer', id: 2, error: 'The overlay stops.' },
      { type: 'stop' }
    ])
  })

  test('an id that is owed an answer cannot be asked again: the machine is at fault', async () => {
    const { a } = await asker({})
    a.act(effects => {
      effects.ask(7, 'once')
      effects.ask(7, 'twice')
    })
    expect(a.host.state).toBe('failed')
    expect(a.host.failure).toContain('Question 7 was asked again')
  })

  test('a SaveQuestion is answered when the bytes are durable; saves go to the store in their order', async () => {
    const network = new FakeNetwork()
    const written: string[] = []
    const durable: (() => void)[] = []
    const store = {
      load: async () => new Map([['cache', Uint8Array.of(9)]]),
      save: (key: string, bytes: Uint8Array | undefined) => {
        written.push(`${key}=${bytes?.join() ?? 'forgotten'}`)
        return new Promise<void>(resolve => durable.push(resolve))
      }
    }
    const a = await addPuppet(network, 'a', 1, { store })
    expect(a.puppet.inputs[0]).toEqual({ type: 'start', saved: new Map([['cache', Uint8Array.of(9)]]) })

    a.act(effects => {
      effects.save('cache', Uint8Array.of(1))
      effects.save('other', Uint8Array.of(2))
      effects.save('other', Uint8Array.of(3))
      effects.ask(1, { type: 'save', key: 'record', bytes: Uint8Array.of(4) })
      effects.save('cache', undefined)
    })
    for (const expected of ['cache=1', 'other=3', 'record=4', 'cache=forgotten']) {
      await network.runFor(0)
      expect(written.at(-1)).toBe(expected)
      expect(a.puppet.of('answer')).toHaveLength(expected === 'cache=forgotten' ? 1 : 0)
      durable.shift()!()
    }
    expect(a.puppet.of('answer')).toEqual([{ type: 'answer', id: 1, answer: undefined }])
  })

  test('a question about a save is neither merged with the save before it nor overtaken by the one after', async () => {
    const network = new FakeNetwork()
    const written: string[] = []
    const store = {
      load: async () => new Map(),
      save: async (key: string, bytes: Uint8Array | undefined) => {
        written.push(`${key}=${bytes?.join()}`)
      }
    }
    const a = await addPuppet(network, 'a', 1, { store })
    a.act(effects => {
      // Under way at once, so that the others wait.
      effects.save('first', Uint8Array.of(0))
      effects.save('record', Uint8Array.of(1))
      effects.ask(1, { type: 'save', key: 'record', bytes: Uint8Array.of(2) })
      effects.save('record', Uint8Array.of(3))
    })
    await network.runFor(0)
    expect(written).toEqual(['first=0', 'record=1', 'record=2', 'record=3'])
    expect(a.puppet.of('answer')).toEqual([{ type: 'answer', id: 1, answer: undefined }])
  })

  test('savesWaitingMax saves wait; one more is not kept, and a question is told so', async () => {
    const network = new FakeNetwork()
    const store = { load: async () => new Map(), save: () => new Promise<void>(() => {}) }
    const a = await addPuppet(network, 'a', 1, { store, limits: { savesWaitingMax: 2 } })
    a.act(effects => {
      // The first is under way at once and waits no more.
      for (const key of ['a', 'b', 'c']) effects.save(key, Uint8Array.of(1))
      effects.ask(1, { type: 'save', key: 'd', bytes: Uint8Array.of(1) })
    })
    expect(a.host.counters.savesFailed).toBe(1)
    expect(a.puppet.of('answer')).toMatchObject([
      { id: 1, error: expect.stringContaining('More than 2 saves wait') }
    ])
  })

  test('a store that fails is an error in the answer, and the next save is tried', async () => {
    const network = new FakeNetwork()
    let calls = 0
    const store = {
      load: async () => new Map(),
      save: async () => {
        calls += 1
        if (calls === 1) throw new Error('the disk is full')
      }
    }
    const a = await addPuppet(network, 'a', 1, { store })
    a.act(effects => {
      effects.ask(1, { type: 'save', key: 'a', bytes: Uint8Array.of(1) })
      effects.ask(2, { type: 'save', key: 'a', bytes: Uint8Array.of(2) })
    })
    await network.runFor(0)
    expect(a.puppet.of('answer')).toEqual([
      { type: 'answer', id: 1, error: 'the disk is full' },
      { type: 'answer', id: 2, answer: undefined }
    ])
  })
})

test('contacts given before the start are told after it, the first EARLY_CONTACTS_MAX', async () => {
  const network = new FakeNetwork()
  const node = await network.addNode({ name: 'a', seed: 1 })
  const others = await Promise.all(
    [...Array(EARLY_CONTACTS_MAX + 1).keys()].map(seed =>
      network.addNode({ name: `n${seed}`, seed: seed + 2 })
    )
  )
  const puppet = new Puppet()
  const host = new MachineHost<PuppetTypes>(node.components, {
    name: 'gnutella',
    protocol: FAKE_PROTOCOL,
    machine: puppet,
    codec: puppetCodec,
    answer: async () => '',
    onNotice: () => {},
    clock: network.clock
  })
  for (const other of others) host.addContact(other.peerId, [...other.addresses])
  await network.finish(host.start())
  expect(puppet.inputs[0]).toMatchObject({ type: 'start' })
  expect(puppet.of('contact')).toHaveLength(EARLY_CONTACTS_MAX)
})

test('COMERS_MAX peers are remembered by how often they came; one more, and the oldest begins anew', () => {
  const comers = new Comers({ inboundLinksBurst: 1, inboundLinksPerMinute: 1 })
  expect(comers.mayCome('first', 0)).toBe(true)
  for (let other = 1; other < COMERS_MAX; other += 1) expect(comers.mayCome(`other ${other}`, 0)).toBe(true)
  expect(comers.mayCome('other 1', 0)).toBe(false)
  expect(comers.mayCome('first', 0)).toBe(false)
  // `other 2` is the one that came longest ago now.
  expect(comers.mayCome('one more', 0)).toBe(true)
  expect(comers.mayCome('first', 0)).toBe(false)
  expect(comers.mayCome('other 2', 0)).toBe(true)
})

test('a reason has at most REASON_CHARACTERS_MAX characters', () => {
  expect(reasonOf(new Error('x'.repeat(REASON_CHARACTERS_MAX)))).toHaveLength(REASON_CHARACTERS_MAX)
  expect(reasonOf(new Error('x'.repeat(REASON_CHARACTERS_MAX + 1)))).toHaveLength(REASON_CHARACTERS_MAX)
})

test('libp2p is told to take STREAMS_A_CONNECTION_MAX streams of a peer, and resets one more', async () => {
  const network = new FakeNetwork()
  const [a, b] = await Promise.all([addPuppet(network, 'a', 1), addPuppet(network, 'b', 2)])
  expect(b.node.components.registrar.getHandler(FAKE_PROTOCOL).options).toMatchObject({
    maxInboundStreams: STREAMS_A_CONNECTION_MAX,
    maxOutboundStreams: STREAMS_A_CONNECTION_MAX
  })
  const handled: string[] = []
  await b.node.components.registrar.handle('/count/1.0.0', stream => void handled.push(stream.id), {
    maxInboundStreams: STREAMS_A_CONNECTION_MAX
  })
  const [connection] = [
    await network.finish(a.node.components.connectionManager.openConnection([...b.node.addresses]))
  ]
  for (let opened = 0; opened <= STREAMS_A_CONNECTION_MAX; opened += 1) {
    await network.finish(connection.newStream('/count/1.0.0'))
  }
  expect(handled).toHaveLength(STREAMS_A_CONNECTION_MAX)
})

test('a stream that comes of an open that was called off is reset', async () => {
  const peerId = peerIdFromPrivateKey(await generateKeyPairFromSeed('Ed25519', new Uint8Array(32)))
  const negotiated = Promise.withResolvers<Stream>()
  const reset = Promise.withResolvers<Error>()
  const opener = new Opener({
    // A connection that does not look at the signal.
    connectionManager: {
      getConnections: () => [{ status: 'open', newStream: () => negotiated.promise }]
    } as never,
    peerStore: {} as never,
    protocol: FAKE_PROTOCOL,
    clock: { nowMs: () => 0, wallMs: () => 0, setTimeout: () => 0, clearTimeout: () => {} },
    limits: { opensMax: 1, opensWaitingMax: 1, openTimeoutMs: 1 },
    onDialled: () => {},
    onOpen: () => expect.unreachable(),
    onFailure: () => expect.unreachable()
  })
  opener.open(1, peerId, [])
  await eventually(() => opener.stageOf(1)).toBe('negotiating')
  opener.cancel(1)
  negotiated.resolve({ abort: reset.resolve } as unknown as Stream)
  expect((await reset.promise).message).toBe('The open was called off.')
  expect(opener.size).toBe(0)
})

test('an open that is called off between two tries ends at once, and the next one has its turn', async () => {
  const peerId = peerIdFromPrivateKey(await generateKeyPairFromSeed('Ed25519', new Uint8Array(32)))
  const clock = new VirtualClock()
  let dials = 0
  const opener = new Opener({
    connectionManager: {
      getConnections: () => [],
      openConnection: async () => {
        dials += 1
        throw Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' })
      }
    } as never,
    peerStore: {} as never,
    protocol: FAKE_PROTOCOL,
    clock,
    limits: { opensMax: 1, opensWaitingMax: 1, openTimeoutMs: 60_000 },
    onDialled: () => {},
    onOpen: () => expect.unreachable(),
    onFailure: () => expect.unreachable()
  })
  opener.open(1, peerId, [])
  await eventually(() => dials).toBe(1)
  opener.open(2, peerId, [])
  // No time passes here: a pause that went on would hold the second one up for ever.
  opener.cancel(1)
  await eventually(() => dials).toBe(2)
  opener.cancelAll()
  await turns()
  expect([opener.size, clock.nextAtMs]).toEqual([0, undefined])
})

describe('a dial', () => {
  async function dialled(heard: number, stored: number): Promise<Multiaddr[] | PeerId> {
    const peerId = peerIdFromPrivateKey(await generateKeyPairFromSeed('Ed25519', new Uint8Array(32)))
    const address = (port: number) => multiaddr(`/ip4/127.0.0.1/tcp/${port}`)
    const target = Promise.withResolvers<Multiaddr[] | PeerId>()
    const opener = new Opener({
      connectionManager: {
        getConnections: () => [],
        openConnection: async (to: Multiaddr[] | PeerId) => {
          target.resolve(to)
          throw new Error('enough')
        }
      } as never,
      peerStore: {
        get: async () => ({
          addresses: [...Array(stored).keys()].map(port => ({ multiaddr: address(2_000 + port) }))
        })
      } as never,
      protocol: FAKE_PROTOCOL,
      clock: { nowMs: () => 0, wallMs: () => 0, setTimeout: () => 0, clearTimeout: () => {} },
      limits: { opensMax: 1, opensWaitingMax: 1, openTimeoutMs: 1 },
      onDialled: () => {},
      onOpen: () => {},
      onFailure: () => {}
    })
    const contact = contactOf(
      peerId,
      [...Array(heard).keys()].map(port => address(1_000 + port))
    )
    opener.open(1, peerId, dialTargetOf(peerId, contact))
    return await target.promise
  }

  test('tries what was heard and what is stored, DIAL_ADDRESSES_MAX in all, each with the PeerId to prove', async () => {
    const atLimit = (await dialled(4, DIAL_ADDRESSES_MAX - 4)) as Multiaddr[]
    expect(atLimit).toHaveLength(DIAL_ADDRESSES_MAX)
    expect(atLimit.every(address => /\/p2p\/12D3Koo/.test(address.toString()))).toBe(true)
    expect(await dialled(4, DIAL_ADDRESSES_MAX - 3)).toHaveLength(DIAL_ADDRESSES_MAX)
  })

  test('of a peer of which nothing was heard is left to libp2p', async () => {
    expect(await dialled(0, 3)).not.toBeInstanceOf(Array)
  })
})
