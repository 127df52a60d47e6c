/** Hosts over TCP, Noise and Yamux on loopback, with peers that break rules. */
import { afterEach, describe, expect, test } from 'vitest'
import { comparePeerIds } from '../src/index.ts'
import {
  act,
  keysInOrder,
  link,
  open,
  rawStream,
  send,
  startLibp2p,
  startNode,
  stopAll,
  type TestNode
} from './support/nodes.ts'
import { blob, bodyOf, text } from './support/puppet.ts'
import { eventually, pattern, stands, turns } from './support/stream-pair.ts'

const MIB = 1024 * 1024

afterEach(stopAll)

/** Links that are up, by what the machine was told. */
function upLinks({ puppet }: TestNode): number[] {
  const up = new Set(puppet.of('link-up').map(({ link: id }) => id))
  for (const { link: id } of puppet.of('link-down')) up.delete(id)
  return [...up]
}

/** Resolves when both ends hold the same single link and nothing changes any more. */
async function settled(a: TestNode, b: TestNode): Promise<void> {
  await eventually(() => [upLinks(a).length, upLinks(b).length]).toEqual([1, 1])
  await stands(() => a.puppet.inputs.length + b.puppet.inputs.length)
}

describe('both sides open at once', () => {
  test('exactly one link stays at both ends and carries messages, again and again', async () => {
    const [low, high] = await keysInOrder(1, 2)
    const [a, b] = await Promise.all([startNode({}, low), startNode({}, high)])
    expect(
      comparePeerIds(a.libp2p.peerId.toMultihash().bytes, b.libp2p.peerId.toMultihash().bytes)
    ).toBeLessThan(0)
    // The first time both dial; afterwards a connection is there, and the streams cross on it.
    for (let round = 0; round < 5; round += 1) {
      open(a, b)
      open(b, a)
      await settled(a, b)
      const [outA] = upLinks(a)
      const [outB] = upLinks(b)
      expect(a.host.links()[0]!.inbound).toBe(!b.host.links()[0]!.inbound)
      send(a, outA!, text('m', `a ${round}`))
      send(b, outB!, text('m', `b ${round}`))
      await b.puppet.until('message', ({ message }) => bodyOf(message) === `a ${round}`)
      await a.puppet.until('message', ({ message }) => bodyOf(message) === `b ${round}`)
      act(a, effects => effects.close(outA!, 'next round'))
      await b.puppet.until('link-down', ({ link: id }) => id === outB)
    }
  })

  test('and one of them opens again at once when its own link gives way: still one link', async () => {
    const [low, high] = await keysInOrder(6, 7)
    const [a, b] = await Promise.all([startNode({}, low), startNode({}, high)])
    const gaveWay: string[] = []
    for (const node of [a, b]) {
      const peers = new Map<number, number>()
      node.puppet.react = (input, effects) => {
        if (input.type === 'link-up') peers.set(input.link, input.peer)
        if (input.type !== 'link-down') return
        gaveWay.push(input.end.kind)
        if (input.end.kind === 'duplicate') effects.open(peers.get(input.link)!)
      }
    }
    const { out } = await link(b, a)
    open(a, b)
    // The lower one does not know yet that the link is up at the other end: its own stream takes the place.
    await settled(a, b)
    act(b, effects => effects.close(out, 'next round'))
    for (let round = 0; round < 5; round += 1) {
      open(b, a)
      open(a, b)
      await settled(a, b)
      send(b, upLinks(b)[0]!, text('m', `b ${round}`))
      await a.puppet.until('message', ({ message }) => bodyOf(message) === `b ${round}`)
      const [last] = upLinks(a)
      act(a, effects => effects.close(last!, 'next round'))
      await eventually(() => upLinks(b)).toEqual([])
    }
    expect(gaveWay).toContain('duplicate')
    // No stream was opened beside a link that was up.
    expect(gaveWay).not.toContain('reset')
  })

  test('where a connection is there, the stream of the lower PeerId is the one that stays', async () => {
    const [low, high] = await keysInOrder(3, 4)
    const [a, b] = await Promise.all([startNode({}, low), startNode({}, high)])
    const { out, in: inbound } = await link(a, b)
    act(a, effects => effects.close(out, 'to begin anew'))
    await b.puppet.until('link-down', ({ link: id }) => id === inbound)
    open(b, a)
    open(a, b)
    await settled(a, b)
    expect(a.host.links()).toMatchObject([{ inbound: false }])
    expect(b.host.links()).toMatchObject([{ inbound: true }])
  })
})

test('a peer that restarted is linked again under its id', async () => {
  const [key] = await keysInOrder(5)
  const hub = await startNode()
  const first = await startNode({}, key)
  const { in: old } = await link(first, hub)
  // Killed: no goodbye, its sockets are closed by the system.
  for (const connection of first.libp2p.getConnections()) connection.abort(new Error('killed'))
  const down = await hub.puppet.until('link-down', ({ link: id }) => id === old)
  expect(down.end.kind).toBe('reset')
  await first.stop()

  const second = await startNode({}, key)
  const { out } = await link(second, hub)
  send(second, out, text('m', 'back again'))
  const { message } = await hub.puppet.until('message')
  expect(bodyOf(message)).toBe('back again')
  expect(hub.host.links()).toHaveLength(1)
})

describe('a peer that floods', () => {
  test('is slowed by back-pressure, while another peer is answered at once', async () => {
    const hub = await startNode({ limits: { inboundMessagesPerSecond: 200, inboundMessagesBurst: 200 } })
    hub.puppet.react = (input, effects) => {
      if (input.type === 'message' && input.message.type === 'q')
        effects.send(input.link, text('a', bodyOf(input.message)), 0)
    }
    const peer = await startLibp2p(undefined, [])
    const flood = await rawStream(peer, hub)
    let sent = 0
    let stopped = false
    const frame = new Uint8Array(64 * 1024)
    // Frames of 9 bytes with one byte of type and four of body: 7,281 messages a write.
    for (let offset = 0; offset + 9 <= frame.length; offset += 9) {
      frame[offset + 3] = 5
      frame[offset + 4] = 'f'.charCodeAt(0)
    }
    const whole = frame.subarray(0, frame.length - (frame.length % 9))
    const flooding = (async () => {
      while (!stopped && flood.status === 'open') {
        sent += whole.length
        if (!flood.send(whole))
          await Promise.race([
            new Promise(resolve => flood.addEventListener('drain', resolve, { once: true })),
            turnsUntil(() => stopped)
          ])
      }
    })().catch(() => {})

    const honest = await startNode()
    const { out } = await link(honest, hub)
    const waits: number[] = []
    const until = performance.now() + 1_500
    for (let asked = 0; performance.now() < until; asked += 1) {
      const before = performance.now()
      send(honest, out, text('q', String(asked)))
      await honest.puppet.until('message', ({ message }) => bodyOf(message) === String(asked))
      waits.push(performance.now() - before)
      await turns(50)
    }
    stopped = true
    await flooding

    const taken = hub.puppet.of('message').filter(({ message }) => message.type === 'f').length
    expect(taken).toBeLessThan(200 + 200 * 4)
    expect(sent).toBeLessThan(4 * MIB)
    waits.sort((x, y) => x - y)
    expect(waits[Math.floor(waits.length * 0.95)]).toBeLessThan(250)
    expect(hub.host.counters.messageRateHits).toBeGreaterThan(0)
    await peer.stop()
  })

  test('with its backlog of thousands of messages the event loop still turns', async () => {
    // No rate holds it here: only turns keep the loop free.
    const limits = {
      inboundMessagesPerSecond: 1e9,
      inboundMessagesBurst: 1e9,
      inboundBytesPerSecond: 1e12,
      inboundBytesBurst: 1e12
    }
    const hub = await startNode({ limits })
    let sinceTurn = 0
    let mostInATurn = 0
    hub.puppet.react = input => {
      if (input.type !== 'message') return
      sinceTurn += 1
      mostInATurn = Math.max(mostInATurn, sinceTurn)
    }
    const sender = await startNode({ limits: { queueBytesMax: 4 * MIB, queueBytesHigh: 3 * MIB } })
    const { out } = await link(sender, hub)
    act(sender, effects => {
      for (let sent = 0; sent < 20_000; sent += 1) effects.send(out, blob('m', 4), 0)
    })
    while (hub.puppet.of('message').length < 20_000) {
      sinceTurn = 0
      await turns(1)
    }
    // One read of the socket brings thousands of such messages; a turn of the loop handles a few hundred.
    expect(mostInATurn).toBeLessThanOrEqual(1_024)
  })
})

test('a reader that never reads ends in overflow, with what it held bounded', async () => {
  const limits = { queueBytesMax: 2 * MIB, queueBytesHigh: MIB, queueBytesLow: MIB / 2 }
  const hub = await startNode({ limits })
  const peer = await startLibp2p(undefined, [])
  const stream = await rawStream(peer, hub)
  stream.pause()
  const { link: inbound } = await hub.puppet.until('link-up')
  let sent = 0
  while (hub.puppet.of('link-down').length === 0 && sent < 64 * MIB) {
    send(hub, inbound, blob('m', 60_000), 1)
    sent += 60_005
    await turns(1)
  }
  expect(hub.puppet.of('link-down')).toMatchObject([{ end: { kind: 'overflow' } }])
  // The queue, one batch in the stream, and a window at the other end.
  expect(sent).toBeLessThan(2 * MIB + 2 * MIB)
  expect(hub.host.links()).toHaveLength(0)
  await peer.stop()
})

test('malformed bytes end the link at once and are counted; messages before them are handled', async () => {
  const hub = await startNode()
  const peer = await startLibp2p(undefined, [])
  const stream = await rawStream(peer, hub)
  stream.send(Uint8Array.of(0, 0, 0, 2, 0x6d, 0x21, 0xff, 0xff, 0xff, 0xff, 1, 2, 3))
  const down = await hub.puppet.until('link-down')
  expect(down.end).toEqual({ kind: 'malformed', message: 'A frame has 1 to 65536 bytes, not 4294967295.' })
  expect(hub.puppet.of('message').map(({ message }) => bodyOf(message))).toEqual(['!'])
  expect(hub.host.counters.malformed).toBe(1)
  await eventually(() => stream.status).toBe('reset')
  await peer.stop()
})

test('random bytes of many peers do no harm', async () => {
  const hub = await startNode()
  for (let seed = 1; seed <= 6; seed += 1) {
    const peer = await startLibp2p(undefined, [])
    const stream = await rawStream(peer, hub)
    stream.send(pattern(10_000, seed))
    await eventually(() => stream.status).not.toBe('open')
    await peer.stop()
  }
  expect(hub.host.state).toBe('running')
  expect(hub.host.links()).toHaveLength(0)
  const honest = await startNode()
  await link(honest, hub)
})

test('a link on which nothing happens is closed in good order', async () => {
  const [a, b] = await Promise.all([startNode({ limits: { idleMs: 150 } }), startNode()])
  const { out, in: inbound } = await link(a, b)
  expect(await a.puppet.until('link-down')).toMatchObject({ link: out, end: { kind: 'idle' } })
  expect(await b.puppet.until('link-down')).toMatchObject({ link: inbound, end: { kind: 'closed' } })
})

test('the connection manager can prune a stranger while a neighbour stays', async () => {
  const hub = await startNode()
  const neighbour = await startNode()
  await link(neighbour, hub)
  await eventually(async () => [
    ...(await hub.components.peerStore.get(neighbour.libp2p.peerId)).tags.keys()
  ]).toContain('servent-gnutella')
  const stranger = await startLibp2p(undefined, [])
  await stranger.dial(hub.libp2p.getMultiaddrs())
  // libp2p leaves a connection alone while identify runs on it, and looks once.
  await eventually(
    async () => (await hub.components.peerStore.get(stranger.peerId).catch(() => undefined))?.protocols.length
  ).toBeGreaterThan(0)
  await eventually(() =>
    hub.libp2p.getConnections(stranger.peerId).map(({ streams }) => streams.length)
  ).toEqual([0])
  hub.components.connectionManager.setMaxConnections(1)
  await eventually(() => hub.libp2p.getConnections().map(({ remotePeer }) => remotePeer.toString())).toEqual([
    neighbour.libp2p.peerId.toString()
  ])
  expect(hub.host.links()).toHaveLength(1)
  await stranger.stop()
})

test('a host started beside the connection manager may open at once', async () => {
  const [hub, late] = await Promise.all([startNode(), startNode()])
  // What libp2p does while it starts: the manager is not ready, and says so.
  const manager = late.components.connectionManager as unknown as { started: boolean }
  manager.started = false
  open(late, hub)
  await turns()
  expect(late.puppet.of('unreachable')).toHaveLength(0)
  manager.started = true
  await late.puppet.until('link-up')
})

async function turnsUntil(holds: () => boolean): Promise<void> {
  while (!holds()) await turns(1)
}
