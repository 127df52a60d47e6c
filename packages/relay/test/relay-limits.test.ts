/** What a stranger gets from a relay when it asks for more than it may, or in no language at all. */

import type { Connection, Stream } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { lpStream } from '@libp2p/utils'
import { HOP_PROTOCOL, STOP_PROTOCOL } from '@servent/relay'
import { expect, test } from 'vitest'
import {
  HOP_STREAMS_PER_CONNECTION_MAX,
  RELAY_MESSAGE_BYTES_MAX,
  RELAYED_CALLS_MAX,
  RESERVATION_ADDRESSES_MAX
} from '../src/limits.ts'
import { Status } from '../src/wire.ts'
import { startPeer, startRelay, until } from './helpers.ts'

const RESERVE = Uint8Array.of(8, 0)
const NOBODY = '12D3KooWGzxzKZYveHXtpG6AsrUJBcWxHBFS2HsEoGTxrMLvKXtf'

async function stranger(options: Parameters<typeof startRelay>[0] = {}) {
  const relay = await startRelay(options)
  const peer = await startPeer()
  const connection = await peer.libp2p.dial(relay.libp2p.getMultiaddrs())
  return { relay, connection }
}

/** The status that a relay answers this message with; nothing where it resets the stream. */
async function ask(connection: Connection, message: Uint8Array): Promise<number | undefined> {
  const stream = await connection.newStream(HOP_PROTOCOL)
  const messages = lpStream(stream)
  try {
    await messages.write(message)
    const answer = (await messages.read({ signal: AbortSignal.timeout(10_000) })).subarray()
    // The status stands last: its tag, and two bytes or one.
    const at = answer.lastIndexOf(0x28)
    return answer[at + 1]! >= 0x80 ? (answer[at + 1]! & 0x7f) | (answer[at + 2]! << 7) : answer[at + 1]
  } catch {
    return undefined
  } finally {
    stream.abort(new Error('The test is over.'))
  }
}

const connect = (id: Uint8Array): Uint8Array =>
  Uint8Array.of(8, 1, 0x12, id.length + 2, 0x0a, id.length, ...id)

test('requests that make no sense have an answer that says so', async () => {
  const { connection } = await stranger()
  expect(await ask(connection, RESERVE)).toBe(Status.OK)
  expect(await ask(connection, connect(peerIdFromString(NOBODY).toMultihash().bytes))).toBe(
    Status.NO_RESERVATION
  )
  expect(await ask(connection, connect(Uint8Array.of(1, 2, 3)))).toBe(Status.MALFORMED_MESSAGE)
  expect(await ask(connection, Uint8Array.of(8, 2))).toBe(Status.UNEXPECTED_MESSAGE)
  expect(await ask(connection, Uint8Array.of(0x12, 0xff))).toBe(Status.MALFORMED_MESSAGE)
})

test('a message of RELAY_MESSAGE_BYTES_MAX is read, and of one more byte not begun', async () => {
  const { connection } = await stranger()
  // A reservation, and a field that nobody knows: its tag, a length of two bytes, and zeroes.
  const message = (bytes: number) => {
    const rest = bytes - RESERVE.length - 3
    return Uint8Array.of(...RESERVE, 0x3a, (rest & 0x7f) | 0x80, rest >> 7, ...new Uint8Array(rest))
  }
  expect(message(RELAY_MESSAGE_BYTES_MAX)).toHaveLength(RELAY_MESSAGE_BYTES_MAX)
  expect(await ask(connection, message(RELAY_MESSAGE_BYTES_MAX))).toBe(Status.OK)
  expect(await ask(connection, message(RELAY_MESSAGE_BYTES_MAX + 1))).toBeUndefined()
})

test('who says nothing is cut after hopMs', async () => {
  const { connection } = await stranger({ limits: { hopMs: 300 } })
  const stream = await connection.newStream(HOP_PROTOCOL)
  await until(() => stream.status !== 'open')
})

test('one connection has HOP_STREAMS_PER_CONNECTION_MAX requests open, and not one more', async () => {
  const { connection } = await stranger()
  const streams: Stream[] = []
  for (let n = 0; n < HOP_STREAMS_PER_CONNECTION_MAX; n += 1)
    streams.push(await connection.newStream(HOP_PROTOCOL))
  expect(await ask(connection, RESERVE)).toBeUndefined()
  streams.pop()!.abort(new Error('enough'))
  await until(async () => (await ask(connection, RESERVE)) === Status.OK)
  expect(streams.every(({ status }) => status === 'open')).toBe(true)
})

test('a reservation names RESERVATION_ADDRESSES_MAX addresses of the relay at most', async () => {
  const { relay, connection } = await stranger()
  const observed = Array.from({ length: 3 * RESERVATION_ADDRESSES_MAX }, (_, n) => `/ip4/10.0.0.${n}/tcp/1`)
  const manager = (
    relay.libp2p as unknown as { components: { addressManager: { getAddresses(): unknown[] } } }
  ).components.addressManager
  const { multiaddr } = await import('@multiformats/multiaddr')
  manager.getAddresses = () => observed.map(text => multiaddr(text))
  const messages = lpStream(await connection.newStream(HOP_PROTOCOL))
  await messages.write(RESERVE)
  const answer = Buffer.from((await messages.read()).subarray())
  const named = observed.filter(text => answer.includes(Buffer.from(multiaddr(text).bytes)))
  expect(named).toHaveLength(RESERVATION_ADDRESSES_MAX)
})

test('a relay may hand on RELAYED_CALLS_MAX calls at a time, and not one more', async () => {
  const { relay, connection } = await stranger()
  await until(() => relay.server.status().reservations === 1)
  const back = relay.libp2p.getConnections()[0]!
  expect(back.remotePeer.equals(connection.remotePeer)).toBe(false)
  const streams: Stream[] = []
  const call = () => back.newStream(STOP_PROTOCOL, { maxOutboundStreams: 2 * RELAYED_CALLS_MAX })
  for (let n = 0; n < RELAYED_CALLS_MAX; n += 1) streams.push(await call())
  const over = await call().catch(() => undefined)
  await until(() => over === undefined || over.status !== 'open')
  expect(streams.every(({ status }) => status === 'open')).toBe(true)
})
