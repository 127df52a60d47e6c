import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { Counter, register } from 'prom-client'
import { afterEach, describe, expect, test } from 'vitest'
import type { Config } from '../src/index.ts'
import { explainListen } from '../src/listening.ts'
import { NodeMetrics } from '../src/metrics.ts'
import {
  DIALS_MAX,
  DIALS_WAITING_MAX,
  INBOUND_PENDING_MAX,
  INBOUND_PER_HOST_PER_SECOND_MAX,
  INBOUND_UPGRADE_MS
} from '../src/network-limits.ts'
import { Peers } from '../src/peers.ts'
import { Rejoin } from '../src/rejoin.ts'
import { createTestNetwork as create, startNetwork as start, stopNetworks } from './support/networks.ts'

afterEach(stopNetworks)

test('a port that is taken is told by number, with what to do', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const network = await create({ listen: [`/ip4/127.0.0.1/tcp/${port}`] })
  const error = await Promise.resolve(network.start()).then(
    () => undefined,
    cause => explainListen(cause) as Error
  )
  expect(error).toMatchObject({
    name: 'ListenError',
    message: expect.stringContaining(`Port ${port} of 127.0.0.1 is taken`)
  })
  server.close()
})

test('a peer that takes no calls listens on nothing, and calls others', async () => {
  const [open, shut] = [await start(), await start({ noInbound: true })]
  expect(shut.getMultiaddrs()).toEqual([])
  const peers = new Peers(open)
  const identified = once(open as never, 'peer:identify')
  const connection = await shut.dial(open.getMultiaddrs())
  await identified
  expect(connection.status).toBe('open')
  expect(peers.views()).toMatchObject([
    { peerId: shut.peerId.toString(), direction: 'inbound', relayed: false, agent: 'servent/1.2.3' }
  ])
  expect(peers.views()[0]!.protocols).toContain('/ipfs/ping/1.0.0')
  expect(peers.calledFromOutside).toBe(false)
})

test('a kad table is there when it is asked for, and finds a peer through another', async () => {
  const kad = { discovery: ['kad'] as Config['discovery'] }
  const [a, b, c] = [await start(kad), await start(kad), await start(kad)]
  expect(a.getProtocols()).toContain('/servent/kad/1.0.0')
  expect((await start()).getProtocols()).not.toContain('/servent/kad/1.0.0')
  await a.dial(b.getMultiaddrs())
  await c.dial(b.getMultiaddrs())
  // A peer enters b's table once b has pinged it, and nothing tells when that is.
  await expect
    .poll(() => a.peerRouting.findPeer(c.peerId, { signal: AbortSignal.timeout(500) }), { timeout: 10_000 })
    .toMatchObject({ multiaddrs: c.getMultiaddrs().map(address => address.decapsulate('/p2p')) })
})

test('a bootstrap peer that comes up later is met, and one in its place is not', async () => {
  const privateKey = await generateKeyPair('Ed25519')
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  const { port } = taken.address() as { port: number }
  taken.close()
  await once(taken, 'close')
  const listen = [`/ip4/127.0.0.1/tcp/${port}`]
  const address = `${listen[0]}/p2p/${peerIdFromPrivateKey(privateKey)}`
  const network = await start({ bootstrap: [address] })
  const rejoin = new Rejoin(network, [address])
  rejoin.start()
  try {
    const other = await start({ listen })
    await expect(network.dial(multiaddr(address))).rejects.toThrow()
    expect(network.getConnections()).toEqual([])
    await other.stop()
    const met = once(network as never, 'peer:connect')
    await start({ listen }, undefined, privateKey)
    const [event] = await met
    expect(`${(event as CustomEvent).detail}`).toBe(`${peerIdFromPrivateKey(privateKey)}`)
  } finally {
    rejoin.stop()
  }
})

describe('strangers', () => {
  test('one host alone cannot fill the places of those not authenticated yet', () => {
    expect((INBOUND_PER_HOST_PER_SECOND_MAX * INBOUND_UPGRADE_MS) / 1000).toBeLessThan(INBOUND_PENDING_MAX)
  })

  test('connections are bounded: one past the most is refused', async () => {
    const hub = await start({ maxConnections: 2 })
    const others = await Promise.all(Array.from({ length: 3 }, () => start()))
    for (const other of others.slice(0, 2)) await other.dial(hub.getMultiaddrs())
    await expect.poll(() => hub.getConnections().length).toBe(2)
    await others[2]!.dial(hub.getMultiaddrs()).catch(() => {})
    await expect.poll(() => others[2]!.getConnections().length).toBe(0)
    expect(hub.getConnections()).toHaveLength(2)
  })

  test('eight peers of one host come in at once', async () => {
    const hub = await start()
    const others = await Promise.all(Array.from({ length: 8 }, () => start()))
    await Promise.all(others.map(other => other.dial(hub.getMultiaddrs())))
    await expect.poll(() => hub.getConnections().length).toBe(8)
  })

  test('sockets that say nothing do not keep a peer out, and are few', async () => {
    const hub = await start()
    const { host, port } = hub
      .getMultiaddrs()[0]!
      .toString()
      .match(/ip4\/(?<host>[^/]+)\/tcp\/(?<port>\d+)/)!.groups as never
    const silent = () => connect(Number(port), host).on('error', () => {})
    const mute = Array.from({ length: INBOUND_PER_HOST_PER_SECOND_MAX - 2 }, silent)
    await Promise.all(mute.map(socket => once(socket, 'connect')))
    const peer = await start()
    await peer.dial(hub.getMultiaddrs())
    await expect.poll(() => hub.getConnections().length).toBe(1)
    const more = Array.from({ length: 4 }, silent)
    // One second's share of one host is used up: what comes on top is closed at once.
    await Promise.all(
      more.slice(1).map(socket => new Promise(resolve => socket.resume().on('close', resolve)))
    )
    for (const socket of [...mute, ...more]) socket.destroy()
  })
})

test('as many dials run and wait as may; one past them is refused at once', async () => {
  const node = await start()
  // It accepts calls and says nothing, so that no dial comes to its end.
  const held: Socket[] = []
  const mute = createServer(socket => held.push(socket.on('error', () => {})))
  await once(mute.listen(0, '0.0.0.0'), 'listening')
  const { port } = mute.address() as AddressInfo
  // Dials of one address share one place, so each has an address of its own.
  const addressOf = (n: number) => multiaddr(`/ip4/127.0.${1 + (n >> 7)}.${1 + (n & 127)}/tcp/${port}`)
  const dials = Array.from({ length: DIALS_MAX + DIALS_WAITING_MAX }, (_, n) => node.dial(addressOf(n)))
  const ends = Promise.allSettled(dials)
  await expect.poll(() => held.length).toBe(DIALS_MAX)
  await expect(node.dial(addressOf(DIALS_MAX + DIALS_WAITING_MAX))).rejects.toThrow(/queue is full/i)
  expect(held).toHaveLength(DIALS_MAX)
  await node.stop()
  for (const { status } of await ends) expect(status).toBe('rejected')
  for (const socket of held) socket.destroy()
  mute.close()
})

test('two nodes of one process have a registry each, and leave the shared one alone', async () => {
  register.clear()
  new Counter({ name: 'somebody_elses_total', help: 'of the program around' }).inc()
  const [first, second] = [new NodeMetrics(tmpdir()), new NodeMetrics(tmpdir())]
  const a = await start({}, first)
  const b = await start({}, second)
  for (const metrics of [first, second]) await metrics.text()
  await a.dial(b.getMultiaddrs())
  for (const metrics of [first, second]) {
    const text = await metrics.text()
    expect(text).toMatch(/^process_resident_memory_bytes \d+/m)
    expect(text).toMatch(/^libp2p_data_transfer_bytes_total\{protocol="global sent"\} [1-9]/m)
  }
  expect(await register.metrics()).toContain('somebody_elses_total 1')
  register.clear()
})
