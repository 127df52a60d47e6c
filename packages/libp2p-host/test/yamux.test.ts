/** A length beyond its limit is refused before anything is buffered, at every layer that reads lengths. */

import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { Libp2p, MultiaddrConnection, Stream, StreamMuxer, StreamMuxerFactory } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { multiaddrConnectionPair } from '@libp2p/utils'
import { yamux } from '@libp2p/yamux'
import { createLibp2p } from 'libp2p'
import { afterEach, describe, expect, test } from 'vitest'
import { boundedYamux } from '../src/index.ts'
import {
  CONNECTION_WRITE_BUFFER_BYTES_MAX,
  INBOUND_STREAMS_MAX,
  READ_BUFFER_BYTES_MAX,
  WINDOW_BYTES_MAX,
  WRITE_BUFFER_BYTES_MAX
} from '../src/limits.ts'
import { link, send, startNode, stopAll } from './support/nodes.ts'
import { bodyOf, text } from './support/puppet.ts'
import { eventually, stands, streamPair, turns } from './support/stream-pair.ts'

const MIB = 1024 * 1024
const WINDOW_BYTES_INITIAL = 256 * 1024
const [DATA, WINDOW_UPDATE, PING] = [0, 1, 2]
const SYN = 1

afterEach(stopAll)

function header(type: number, flags: number, streamId: number, length: number): Uint8Array {
  const bytes = new Uint8Array(12)
  const view = new DataView(bytes.buffer)
  view.setUint8(1, type)
  view.setUint16(2, flags)
  view.setUint32(4, streamId)
  view.setUint32(8, length)
  return bytes
}

interface Wire {
  readonly muxer: StreamMuxer
  /** The end of the peer that breaks rules. */
  readonly hostile: MultiaddrConnection
  readonly server: MultiaddrConnection
  readonly streams: Stream[]
  /** Bytes that the multiplexer has taken in and not handed on. */
  held(): number
}

/** A multiplexer on one end of a connection in memory, and raw bytes on the other. */
function wire(factory: () => StreamMuxerFactory): Wire {
  const [hostile, server] = multiaddrConnectionPair({ delay: 0 })
  const muxer = factory().createStreamMuxer(server)
  const streams: Stream[] = []
  muxer.addEventListener('stream', event => streams.push(event.detail))
  hostile.addEventListener('message', () => {})
  const { decoder } = muxer as unknown as { decoder: { buffer: { byteLength: number } } }
  return { muxer, hostile, server, streams, held: () => decoder.buffer.byteLength }
}

/** Opens a stream as the remote peer does. */
async function opened(at: Wire): Promise<Stream> {
  at.hostile.send(header(WINDOW_UPDATE, SYN, 1, 0))
  await eventually(() => at.streams.length).toBe(1)
  return at.streams[0]!
}

describe('a data frame that is longer than what its stream may receive', () => {
  test('is buffered by the stock multiplexer as long as bytes come', async () => {
    const at = wire(() => yamux({ enableKeepAlive: false })())
    await opened(at)
    at.hostile.send(header(DATA, 0, 1, 0xffff_ffff))
    for (let sent = 0; sent < 4; sent += 1) at.hostile.send(new Uint8Array(MIB))
    await eventually(() => at.held()).toBe(4 * MIB + 12)
    expect(at.server.status).toBe('open')
    at.server.abort(new Error('enough'))
  })

  test.each([
    ['4 GiB', 0xffff_ffff],
    ['one byte more than the window', WINDOW_BYTES_INITIAL + 1]
  ])('%s: the connection is reset and not one byte of it is held', async (_name, length) => {
    const at = wire(() => boundedYamux({ enableKeepAlive: false })())
    const stream = await opened(at)
    at.hostile.send(header(DATA, 0, 1, length))
    await eventually(() => at.server.status).toBe('aborted')
    expect(at.held()).toBe(0)
    expect(stream.status).toBe('aborted')
  })

  test('exactly the window passes, cut anywhere', async () => {
    const at = wire(() => boundedYamux({ enableKeepAlive: false })())
    const stream = await opened(at)
    let read = 0
    stream.addEventListener('message', event => {
      read += event.data.byteLength
    })
    const head = header(DATA, 0, 1, WINDOW_BYTES_INITIAL)
    at.hostile.send(head.subarray(0, 5))
    await turns(2)
    at.hostile.send(head.subarray(5))
    for (let sent = 0; sent < 4; sent += 1) at.hostile.send(new Uint8Array(WINDOW_BYTES_INITIAL / 4))
    await eventually(() => read).toBe(WINDOW_BYTES_INITIAL)
    expect(at.server.status).toBe('open')
    at.server.abort(new Error('enough'))
  })

  test.each([
    ['at the largest window', WINDOW_BYTES_MAX, 'open'],
    ['one byte past it', WINDOW_BYTES_MAX + 1, 'aborted']
  ])('for a stream that is gone, %s', async (_name, length, status) => {
    const at = wire(() => boundedYamux({ enableKeepAlive: false })())
    at.hostile.send(header(DATA, 0, 77, length))
    await turns()
    await stands(() => at.held())
    expect(at.server.status).toBe(status)
    at.server.abort(new Error('enough'))
  })
})

test('many short frames make no search among the streams each, and frames without data none at all', async () => {
  const at = wire(() => boundedYamux({ enableKeepAlive: false })())
  for (let stream = 0; stream < INBOUND_STREAMS_MAX; stream += 1)
    at.hostile.send(header(WINDOW_UPDATE, SYN, 1 + 2 * stream, 0))
  await eventually(() => at.streams.length).toBe(INBOUND_STREAMS_MAX)
  const last = at.streams.at(-1)!
  let read = 0
  last.addEventListener('message', event => {
    read += event.data.byteLength
  })
  let looks = 0
  const { id } = last
  Object.defineProperty(last, 'id', {
    get: () => {
      looks += 1
      return id
    }
  })
  const frames = async (length: number) => {
    const frame = new Uint8Array(12 + length)
    frame.set(header(DATA, 0, Number(id), length))
    for (let sent = 0; sent < 100; sent += 1) at.hostile.send(frame)
    await turns()
  }
  await frames(0)
  expect(looks).toBe(0)
  await frames(1)
  await eventually(() => read).toBe(100)
  expect(looks).toBe(1)
  at.server.abort(new Error('enough'))
})

test('a peer that asks for answers and never reads is cut off when they pass the bound of the connection', async () => {
  const at = wire(() => boundedYamux({ enableKeepAlive: false })())
  // A connection that takes nothing more, as a socket does whose other end never reads.
  at.server.writableNeedsDrain = true
  const pings = new Uint8Array(12 * 1000)
  for (let ping = 0; ping < 1000; ping += 1) pings.set(header(PING, SYN, 0, ping), 12 * ping)
  let peak = 0
  for (let sent = 0; sent < 1000 && at.server.status === 'open'; sent += 1) {
    at.hostile.send(pings.slice())
    await turns(1)
    at.server.writableNeedsDrain = true
    peak = Math.max(peak, at.server.writeBufferLength)
  }
  expect(at.server.status).toBe('aborted')
  expect(peak).toBeLessThanOrEqual(CONNECTION_WRITE_BUFFER_BYTES_MAX)
  expect(peak).toBeGreaterThan(CONNECTION_WRITE_BUFFER_BYTES_MAX - 2 * 12_000)
})

test('a reader that rests never has more than its window to hold', async () => {
  await using pair = await streamPair()
  pair.far.pause()
  for (let sent = 0; sent < 3; sent += 1) pair.near.send(new Uint8Array(MIB))
  const held = await stands(() => pair.far.readBufferLength)
  expect(held).toBeLessThanOrEqual(WINDOW_BYTES_MAX)
  expect(pair.far.status).toBe('open')
})

test('READ_BUFFER_BYTES_MAX may be left unread, and one byte more resets the stream', async () => {
  const at = wire(() => boundedYamux({ enableKeepAlive: false })())
  const stream = await opened(at)
  expect(stream.maxReadBufferLength).toBe(READ_BUFFER_BYTES_MAX)
  // Nobody reads and nobody pauses: the window is granted again with each frame.
  for (let sent = 0; sent < READ_BUFFER_BYTES_MAX; sent += WINDOW_BYTES_INITIAL) {
    at.hostile.send(header(DATA, 0, 1, WINDOW_BYTES_INITIAL))
    at.hostile.send(new Uint8Array(WINDOW_BYTES_INITIAL))
    await turns(2)
  }
  await eventually(() => stream.readBufferLength).toBe(READ_BUFFER_BYTES_MAX)
  expect(stream.status).toBe('open')
  at.hostile.send(header(DATA, 0, 1, 1))
  at.hostile.send(new Uint8Array(1))
  await eventually(() => stream.status).toBe('aborted')
  at.server.abort(new Error('enough'))
})

test('WRITE_BUFFER_BYTES_MAX may wait for the window, and one byte more resets the stream', async () => {
  const at = wire(() => boundedYamux({ enableKeepAlive: false })())
  const stream = await opened(at)
  stream.send(new Uint8Array(WINDOW_BYTES_INITIAL))
  stream.send(new Uint8Array(WRITE_BUFFER_BYTES_MAX))
  expect(stream.writeBufferLength).toBe(WRITE_BUFFER_BYTES_MAX)
  expect(stream.status).toBe('open')
  stream.send(new Uint8Array(1))
  expect(stream.status).toBe('aborted')
  at.server.abort(new Error('enough'))
})

test('INBOUND_STREAMS_MAX streams of a remote peer are open at a time, and one more is reset', async () => {
  const at = wire(() => boundedYamux({ enableKeepAlive: false })())
  for (let stream = 0; stream <= INBOUND_STREAMS_MAX; stream += 1) {
    at.hostile.send(header(WINDOW_UPDATE, SYN, 1 + 2 * stream, 0))
  }
  await eventually(() => at.streams.length).toBe(INBOUND_STREAMS_MAX)
  await turns()
  expect(at.streams).toHaveLength(INBOUND_STREAMS_MAX)
  at.server.abort(new Error('enough'))
})

describe('below and above the multiplexer', () => {
  async function socketTo(libp2p: Libp2p): Promise<Socket> {
    const [address] = libp2p.getMultiaddrs()
    const port = address!.getComponents().find(part => part.name === 'tcp')!.value!
    const socket = connect(Number(port), '127.0.0.1')
    socket.on('error', () => {})
    await once(socket, 'connect')
    return socket
  }

  const closed = (socket: Socket) =>
    new Promise<void>(resolve => socket.resume().on('close', () => resolve()))
  const line = (word: string) => Buffer.concat([Buffer.of(word.length + 1), Buffer.from(`${word}\n`)])

  test('multistream-select refuses a line over 1024 bytes by its length', async () => {
    const node = await startNode()
    const socket = await socketTo(node.libp2p)
    // A varint of 1025, and nothing of the line itself.
    socket.write(Uint8Array.of(0x81, 0x08))
    await closed(socket)
  })

  test('noise has lengths of 16 bits, and what follows the largest messages is refused as no handshake', async () => {
    const node = await startNode()
    const socket = await socketTo(node.libp2p)
    socket.write(Buffer.concat([line('/multistream/1.0.0'), line('/noise')]))
    await once(socket, 'data')
    const longest = Buffer.concat([Buffer.of(0xff, 0xff), Buffer.alloc(0xffff, 1)])
    socket.write(Buffer.concat([longest, longest]))
    await closed(socket)
  })

  test('a handshake that stops in the middle of a message is ended by the time it may take', async () => {
    const libp2p = await createLibp2p({
      addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
      transports: [tcp()],
      connectionEncrypters: [noise()],
      streamMuxers: [boundedYamux()],
      connectionManager: { inboundUpgradeTimeout: 200 }
    })
    const socket = await socketTo(libp2p)
    socket.write(Buffer.concat([line('/multistream/1.0.0'), line('/noise')]))
    await once(socket, 'data')
    socket.write(Buffer.of(0xff, 0xff, 1))
    await closed(socket)
    await libp2p.stop()
  })

  test('the link above refuses a frame by its length, before the rest has come', async () => {
    const [alice, bob] = await Promise.all([startNode(), startNode()])
    const stream = await alice.libp2p.dialProtocol(
      bob.libp2p.getMultiaddrs(),
      bob.components.registrar.getProtocols().find(protocol => protocol.includes('puppet'))!
    )
    const { link: inbound } = await bob.puppet.until('link-up')
    stream.send(Uint8Array.of(0, 1, 0, 1))
    expect(await bob.puppet.until('link-down')).toMatchObject({ link: inbound, end: { kind: 'malformed' } })
    expect(bob.host.counters).toMatchObject({ malformed: 1 })
    // Others are served as before.
    const { out } = await link(alice, bob)
    send(alice, out, text('q', 'still there'))
    expect(bodyOf((await bob.puppet.until('message')).message)).toBe('still there')
  })
})

test('a stream that is opened just when the peer hung up ends with its connection, and nothing is thrown in between', async () => {
  const at = wire(() => boundedYamux()())
  const thrown: Error[] = []
  const onThrown = (error: Error) => void thrown.push(error)
  process.on('uncaughtException', onThrown)
  const opening = at.muxer.createStream()
  // Its first frame goes out in a microtask, after this.
  at.server.abort(new Error('The peer hung up.'))
  const stream = await opening.catch(() => undefined)
  await turns(4)
  process.off('uncaughtException', onThrown)
  expect(thrown).toEqual([])
  expect(stream?.status).not.toBe('open')
})
