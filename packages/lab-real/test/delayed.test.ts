/** The network between peers of one machine: how long bytes take there and back, in which order, and what a death loses. */
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { identify } from '@libp2p/identify'
import type { Connection, MultiaddrConnection, Stream, Transport } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import { boundedYamux, silentComponentLogger } from '@servent/libp2p-host'
import { createLibp2p } from 'libp2p'
import { afterEach, describe, expect, it } from 'vitest'
import { delayed, ON_THE_WAY_BYTES_MAX } from '../src/delayed.ts'
import { addressOfNumber, memoryNetwork } from '../src/memory-network.ts'

const PROTOCOL = '/lab/echo/1.0.0'
const ROUND_TRIP_MS = 120

// biome-ignore lint/suspicious/noExplicitAny: components of whichever transport
type Factory = (components: any) => Transport

const running: (() => Promise<void>)[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map(stop => stop()))
})

async function peer(listen: string, transport: Factory) {
  const node = await createLibp2p({
    addresses: { listen: [listen] },
    transports: [transport],
    connectionEncrypters: [noise()],
    streamMuxers: [boundedYamux()],
    connectionMonitor: { enabled: false },
    services: { identify: identify() }
  })
  await node.handle(PROTOCOL, stream => {
    stream.addEventListener('message', ({ data }) => void stream.send(data))
  })
  running.push(async () => node.stop())
  return node
}

const KINDS = {
  TCP: () => ({ listen: (_: number) => '/ip4/127.0.0.1/tcp/0', transport: tcp() as Factory }),
  memory: () => ({ listen: addressOfNumber, transport: memoryNetwork(`test-${Math.random()}`) as Factory })
}

async function pair(kind: keyof typeof KINDS, roundTripMs: number) {
  const { listen, transport } = KINDS[kind]()
  const far = await peer(listen(1), transport)
  const near = await peer(
    listen(0),
    delayed(transport, peerId => (peerId === `${far.peerId}` ? roundTripMs : 0))
  )
  const startedMs = performance.now()
  const connection = await near.dial(multiaddr(`${far.getMultiaddrs()[0]}`))
  return { near, far, connection, dialMs: performance.now() - startedMs }
}

/** Resolves with what came back once it is as long as what was sent. */
async function echo(stream: Stream, bytes: Uint8Array): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  let length = 0
  const all = Promise.withResolvers<void>()
  stream.addEventListener('message', ({ data }) => {
    pieces.push(data instanceof Uint8Array ? data : data.subarray())
    length += data.byteLength
    if (length >= bytes.length) all.resolve()
  })
  stream.addEventListener('close', () => all.reject(new Error('It closed.')))
  for (let at = 0; at < bytes.length; at += 16_384)
    if (!stream.send(bytes.subarray(at, at + 16_384))) await stream.onDrain()
  await all.promise
  return new Uint8Array(Buffer.concat(pieces))
}

const open = (connection: Connection) => connection.newStream(PROTOCOL)

describe.each(Object.keys(KINDS) as (keyof typeof KINDS)[])('over %s', kind => {
  it('an echo takes one round trip, and a dial several', async () => {
    const { connection, dialMs } = await pair(kind, ROUND_TRIP_MS)
    // The handshake of TCP, and those of libp2p above it.
    expect(dialMs).toBeGreaterThan(2 * ROUND_TRIP_MS - 5)
    const stream = await open(connection)
    await echo(stream, Uint8Array.of(1))
    const again = await open(connection)
    const startedMs = performance.now()
    await echo(again, Uint8Array.of(2))
    const tookMs = performance.now() - startedMs
    expect(tookMs).toBeGreaterThan(ROUND_TRIP_MS - 5)
    expect(tookMs).toBeLessThan(2 * ROUND_TRIP_MS)
  })

  it('whoever is near answers at once', async () => {
    const { connection } = await pair(kind, 0)
    const stream = await open(connection)
    await echo(stream, Uint8Array.of(1))
    const startedMs = performance.now()
    await echo(await open(connection), Uint8Array.of(2))
    expect(performance.now() - startedMs).toBeLessThan(ROUND_TRIP_MS - 20)
  })

  it('bytes come in their order, also more than may be on their way', async () => {
    const { connection } = await pair(kind, 40)
    const bytes = Uint8Array.from({ length: 2 * ON_THE_WAY_BYTES_MAX + 1 }, (_, at) => at % 251)
    const back = await echo(await open(connection), bytes)
    expect(back.length).toBe(bytes.length)
    expect(Buffer.compare(back, bytes)).toBe(0)
  })

  it('a death is noticed', async () => {
    const { near, far, connection } = await pair(kind, ROUND_TRIP_MS)
    const stream = await open(connection)
    await echo(stream, Uint8Array.of(1))
    const gone = new Promise<void>(resolve => near.addEventListener('peer:disconnect', () => resolve()))
    for (const one of far.getConnections()) one.abort(new Error('The process is gone.'))
    await gone
    expect(near.getConnections()).toEqual([])
  })
})

describe('an end', () => {
  /** The connection as the transport makes it, without what libp2p puts above it. */
  async function raw(server: Server): Promise<MultiaddrConnection> {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    running.push(async () => void server.close())
    const transport = delayed(tcp(), () => ROUND_TRIP_MS)({ logger: silentComponentLogger } as never)
    const made = Promise.withResolvers<MultiaddrConnection>()
    const upgrader = { upgradeOutbound: async (connection: MultiaddrConnection) => made.resolve(connection) }
    const { port } = server.address() as AddressInfo
    await transport.dial(multiaddr(`/ip4/127.0.0.1/tcp/${port}`), {
      upgrader: upgrader as never,
      signal: AbortSignal.timeout(5_000)
    })
    return made.promise
  }

  it('here comes after what was sent before it', async () => {
    const received = Promise.withResolvers<number>()
    const connection = await raw(
      createServer(async socket => {
        let bytes = 0
        for await (const piece of socket) bytes += piece.length
        received.resolve(bytes)
      })
    )
    for (let piece = 0; piece < 50; piece += 1) connection.send(new Uint8Array(10_000))
    await connection.close()
    expect(await received.promise).toBe(500_000)
  })

  it('there comes after what was sent before it, and half a round trip late', async () => {
    const connection = await raw(createServer(socket => void socket.end(new Uint8Array(5000))))
    const startedMs = performance.now()
    let bytes = 0
    connection.addEventListener('message', ({ data }) => {
      bytes += data.byteLength
    })
    await new Promise(resolve => connection.addEventListener('close', resolve))
    expect(bytes).toBe(5000)
    expect(performance.now() - startedMs).toBeGreaterThan(ROUND_TRIP_MS / 2 - 10)
  })

  it('by a reset loses what is on its way', async () => {
    const received = Promise.withResolvers<number>()
    const connection = await raw(
      createServer(socket => {
        let bytes = 0
        socket.on('data', piece => {
          bytes += piece.length
        })
        socket.on('error', () => {})
        socket.on('close', () => received.resolve(bytes))
      })
    )
    connection.send(new Uint8Array(1000))
    connection.abort(new Error('The process is gone.'))
    expect(await received.promise).toBe(0)
  })
})

it('peers of two networks in memory do not meet', async () => {
  const one = await peer(addressOfNumber(0), memoryNetwork('test-one') as Factory)
  const other = await peer(addressOfNumber(1), memoryNetwork('test-other') as Factory)
  await expect(other.dial(multiaddr(`${one.getMultiaddrs()[0]}`))).rejects.toThrow()
})
