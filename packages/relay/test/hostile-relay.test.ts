/** What a relay, or who says that it is one, can make a peer do that uses relays. */

import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import type { Libp2p } from '@libp2p/interface'
import { lpStream } from '@libp2p/utils'
import { multiaddr } from '@multiformats/multiaddr'
import { systemClock } from '@servent/libp2p-host'
import { expect, onTestFinished, test } from 'vitest'
import { RELAYS_LOST_MAX, RELAYS_MAX, RESERVATION_ADDRESSES_MAX } from '../src/limits.ts'
import { sealVoucher } from '../src/voucher.ts'
import { encodeHopAnswer, HOP_PROTOCOL, Status } from '../src/wire.ts'
import { startPeer, startRelay, until } from './helpers.ts'

const SECONDS_60 = 60_000

/** Addresses that this peer calls from now on. */
function callsOf(libp2p: Libp2p): string[] {
  const { connectionManager } = (
    libp2p as unknown as { components: { connectionManager: { openConnection(to: unknown): unknown } } }
  ).components
  const openConnection = connectionManager.openConnection.bind(connectionManager)
  const called: string[] = []
  connectionManager.openConnection = (to, ...more: []) => {
    // Lost relays are called at addresses; those that stand are named by their PeerId.
    if (Array.isArray(to)) called.push(String(to))
    return openConnection(to, ...more)
  }
  return called
}

/** A port that nobody asked to be called, and how often it was. */
async function victim() {
  let calls = 0
  const server = createServer(socket => {
    calls += 1
    socket.destroy()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return { port: (server.address() as AddressInfo).port, calls: () => calls }
}

test(
  'of the addresses that a relay names, RESERVATION_ADDRESSES_MAX of its own are believed',
  async () => {
    const other = '12D3KooWGzxzKZYveHXtpG6AsrUJBcWxHBFS2HsEoGTxrMLvKXtf'
    const named = [
      '/dns4/victim.example/tcp/1',
      `/ip4/10.9.9.9/tcp/1/p2p/${other}`,
      ...Array.from({ length: 200 }, (_, n) => `/ip4/10.0.0.${n}/tcp/1`)
    ]
    const relay = await startRelay()
    await relay.libp2p.unhandle(HOP_PROTOCOL)
    const peer = await startPeer()
    await relay.libp2p.handle(HOP_PROTOCOL, async (stream, { remotePeer }) => {
      const messages = lpStream(stream)
      await messages.read()
      const expire = BigInt(Math.floor(Date.now() / 1000) + 3600)
      const voucher = await sealVoucher(relay.libp2p.peerId, remotePeer, expire, relay.privateKey)
      const addresses = named.map(text => multiaddr(text).bytes)
      await messages.write(
        encodeHopAnswer({ status: Status.OK, reservation: { expire, addresses, voucher } })
      )
    })
    await peer.libp2p.dial(relay.address)
    await until(() => peer.use.relays().length === 1)
    await until(() => peer.libp2p.getMultiaddrs().length > 0)
    const own = peer.libp2p.getMultiaddrs().map(String)
    expect(own).toHaveLength(RESERVATION_ADDRESSES_MAX)
    expect(own).toContain(`${relay.address}/p2p-circuit/p2p/${peer.id}`)
    expect(own.filter(address => address.includes('dns4') || address.includes('/10.9.9.9/'))).toEqual([])
  },
  SECONDS_60
)

test('a relay whose clock is two hours behind is a relay none the less', async () => {
  const relay = await startRelay({ clock: { ...systemClock, wallMs: () => Date.now() - 2 * 3_600_000 } })
  const peer = await startPeer()
  await peer.libp2p.dial(relay.address)
  await until(() => peer.use.relays().length === 1)
  await until(() => peer.libp2p.getMultiaddrs().length > 0)
  expect(relay.server.status().reservations).toBe(1)
})

test(
  'relays that came by themselves and went are not called again',
  async () => {
    const { port, calls } = await victim()
    const peer = await startPeer({ listen: true })
    const called = callsOf(peer.libp2p)
    const direct = peer.libp2p.getMultiaddrs().filter(address => !`${address}`.includes('circuit'))
    for (let n = 0; n < RELAYS_LOST_MAX + RELAYS_MAX; n += 1) {
      const relay = await startRelay({ announce: [`/ip4/127.0.0.1/tcp/${port}`] })
      await relay.libp2p.dial(direct)
      await until(() => peer.use.relays().includes(relay.id))
      await relay.libp2p.stop()
      await until(() => !peer.use.relays().includes(relay.id))
    }
    await new Promise(resolve => setTimeout(resolve, 3_000))
    expect([calls(), called]).toEqual([0, []])
  },
  SECONDS_60
)

test(
  'RELAYS_LOST_MAX lost relays are called again, and with one more the first is forgotten',
  async () => {
    const peer = await startPeer()
    const called = callsOf(peer.libp2p)
    const lost: string[] = []
    for (let n = 0; n <= RELAYS_LOST_MAX; n += 1) {
      const relay = await startRelay()
      await peer.libp2p.dial(relay.address)
      await until(() => peer.use.relays().includes(relay.id))
      await relay.libp2p.stop()
      await until(() => !peer.use.relays().includes(relay.id))
      lost.push(relay.id)
    }
    called.length = 0
    const isCalled = (id: string) => called.some(address => address.endsWith(id))
    await until(() => lost.slice(1).every(isCalled))
    expect(isCalled(lost[0]!)).toBe(false)
  },
  SECONDS_60
)

test(
  'nobody makes a peer dial others by hole punching, over a direct connection or by names',
  async () => {
    const { port, calls } = await victim()
    const peer = await startPeer({ listen: true })
    const stranger = await startPeer()
    const direct = peer.libp2p.getMultiaddrs().filter(address => !`${address}`.includes('circuit'))
    const connection = await stranger.libp2p.dial(direct)
    const named = [`/dns4/localhost/tcp/${port}`, `/ip4/127.0.0.1/tcp/${port}`].map(
      text => multiaddr(text).bytes
    )
    for (let n = 0; n < 5; n += 1) {
      const stream = await connection.newStream('/libp2p/dcutr')
      // CONNECT with these addresses, then SYNC: protocol buffers, each with its length before it.
      const messages = lpStream(stream)
      const connect = Uint8Array.from([8, 100, ...named.flatMap(bytes => [0x12, bytes.length, ...bytes])])
      await messages.write(connect).catch(() => {})
      // Who takes the request answers it before it dials.
      await expect(messages.read({ signal: AbortSignal.timeout(5_000) })).rejects.toThrow()
      await messages.write(Uint8Array.of(8, 0xac, 2)).catch(() => {})
      await until(() => stream.status !== 'open')
    }
    await new Promise(resolve => setTimeout(resolve, 500))
    expect(calls()).toBe(0)
  },
  SECONDS_60
)
