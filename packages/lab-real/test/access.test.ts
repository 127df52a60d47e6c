/**
 * The network between peers of one machine: how long bytes wait there and back, in which order they come, what a death loses,
 * and lines, resets, firewalls and partitions. A busy machine is slow: no time has an upper bound here. `laid-connection.test`
 * and `line.test` have those, on a clock of their own.
 */
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { identify } from '@libp2p/identify'
import type { Connection, MultiaddrConnection, Stream, Transport } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import { boundedYamux, silentComponentLogger } from '@servent/libp2p-host'
import { createLibp2p } from 'libp2p'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { Access, type Conditions, TIMER_MS_MAX } from '../src/access.ts'
import { ON_THE_WAY_BYTES_MAX, WAITING_BYTES_MIN } from '../src/laid-connection.ts'
import { Lane, PIECE_BYTES_MAX } from '../src/line.ts'
import { addressOfNumber, memoryNetwork } from '../src/memory-network.ts'

const { add } = Lane.prototype

const PROTOCOL = '/lab/echo/1.0.0'
const ROUND_TRIP_MS = 120

// biome-ignore lint/suspicious/noExplicitAny: components of whichever transport
type Factory = (components: any) => Transport

const running: (() => Promise<void>)[] = []
afterEach(async () => {
  vi.restoreAllMocks()
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

type Made = Partial<Conditions>

async function pair(
  kind: keyof typeof KINDS,
  roundTripMs: number,
  made: { near?: Made; far?: Made; othersMs?: number } = {},
  { listen, transport } = KINDS[kind]()
) {
  const farAccess = new Access({ roundTripMs: () => 0, conditions: { isFirewalled: false, ...made.far } })
  const far = await peer(listen(1), farAccess.around(transport))
  const nearAccess = new Access({
    roundTripMs: peerId => (peerId === `${far.peerId}` ? roundTripMs : (made.othersMs ?? 0)),
    conditions: { isFirewalled: false, ...made.near }
  })
  const near = await peer(listen(0), nearAccess.around(transport))
  const startedMs = performance.now()
  const connection = await near.dial(multiaddr(`${far.getMultiaddrs()[0]}`))
  return { near, far, connection, nearAccess, farAccess, dialMs: performance.now() - startedMs }
}

const gone = (node: Awaited<ReturnType<typeof peer>>) =>
  new Promise<void>(resolve => node.addEventListener('peer:disconnect', () => resolve(), { once: true }))

/** Resolves with what came back once it is as long as what was sent. `onLength` is told how much that is so far. */
async function echo(
  stream: Stream,
  bytes: Uint8Array,
  onLength: (length: number) => void = () => {}
): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  let length = 0
  const all = Promise.withResolvers<void>()
  stream.addEventListener('message', ({ data }) => {
    pieces.push(data instanceof Uint8Array ? data : data.subarray())
    length += data.byteLength
    onLength(length)
    if (length >= bytes.length) all.resolve()
  })
  stream.addEventListener('close', () => all.reject(new Error('It closed.')))
  for (let at = 0; at < bytes.length; at += 16_384)
    if (!stream.send(bytes.subarray(at, at + 16_384))) await stream.onDrain()
  await all.promise
  return new Uint8Array(Buffer.concat(pieces))
}

/** Of a round trip, and the half of it: whether timers of these lengths were set in the meantime. */
async function waitsIn(work: Promise<unknown>): Promise<{ half: boolean; whole: boolean }> {
  const timers = vi.spyOn(globalThis, 'setTimeout')
  await work
  const waits = timers.mock.calls.map(([, ms]) => ms)
  timers.mockRestore()
  return { half: waits.includes(ROUND_TRIP_MS / 2), whole: waits.includes(ROUND_TRIP_MS) }
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
    const waits = await waitsIn(echo(again, Uint8Array.of(2)))
    expect(performance.now() - startedMs).toBeGreaterThan(ROUND_TRIP_MS - 5)
    expect(waits).toEqual({ half: true, whole: false })
  })

  it('whoever is near answers at once, however far others are', async () => {
    const { connection } = await pair(kind, 0, { othersMs: ROUND_TRIP_MS })
    const stream = await open(connection)
    expect(await waitsIn(echo(stream, Uint8Array.of(1)))).toEqual({ half: false, whole: false })
  })

  it('bytes come in their order, also more than may be on their way', async () => {
    const { connection } = await pair(kind, 40)
    const bytes = Uint8Array.from({ length: 2 * ON_THE_WAY_BYTES_MAX + 1 }, (_, at) => at % 251)
    const back = await echo(await open(connection), bytes)
    expect(back.length).toBe(bytes.length)
    expect(Buffer.compare(back, bytes)).toBe(0)
  })

  it('counts what goes into the socket, with what is put around it, also of connections that are closed', async () => {
    for (const roundTripMs of [0, 40]) {
      const { connection, near, nearAccess, farAccess } = await pair(kind, roundTripMs)
      const stream = await open(connection)
      await echo(stream, Uint8Array.of(1))
      const before = nearAccess.wire
      // Handshakes, and identify.
      expect(before.openBytes).toBe(before.sentBytes)
      expect(before.sentBytes).toBeGreaterThan(300)
      const bytes = new Uint8Array(100_000)
      await echo(stream, bytes)
      const { sentBytes, openBytes } = nearAccess.wire
      expect(openBytes).toBe(sentBytes)
      // Of each frame 12 bytes for Yamux and 18 for Noise; and windows are told.
      expect(sentBytes - before.sentBytes).toBeGreaterThan(bytes.length + 30)
      expect(sentBytes - before.sentBytes).toBeLessThan(1.02 * bytes.length)
      const left = gone(near)
      await connection.close()
      await left
      await vi.waitFor(() => expect(farAccess.wire.openBytes).toBe(0))
      expect(nearAccess.wire.openBytes).toBe(0)
      expect(nearAccess.wire.sentBytes).toBeGreaterThanOrEqual(sentBytes)
    }
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

describe.each(Object.keys(KINDS) as (keyof typeof KINDS)[])('a line over %s', kind => {
  const BYTES = new Uint8Array(60_000)
  const tookMs = async (made: { near?: Made; far?: Made }) => {
    const { connection } = await pair(kind, 0, made)
    const startedMs = performance.now()
    await echo(await open(connection), BYTES)
    return performance.now() - startedMs
  }
  const line = (up: number, down: number) => ({ bandwidth: { up, down } })

  it('carries what it can up and down, at either end', async () => {
    const ways = [
      (rate: number) => ({ near: line(rate, 10_000_000) }),
      (rate: number) => ({ near: line(10_000_000, rate) }),
      (rate: number) => ({ far: line(rate, 10_000_000) }),
      (rate: number) => ({ far: line(10_000_000, rate) })
    ]
    const took = await Promise.all(ways.map(made => tookMs(made(40_000))))
    // 60,000 bytes at least, at so many a second.
    for (const slow of took) expect(slow).toBeGreaterThan(1_490)
  })

  it('is shared by all connections of a peer, and who asks little waits little', async () => {
    const network = KINDS[kind]()
    const { near, connection } = await pair(kind, 0, { near: line(50_000, 50_000_000) }, network)
    const other = await peer(network.listen(7), network.transport)
    const aside = await open(await near.dial(multiaddr(`${other.getMultiaddrs()[0]}`)))
    const stream = await open(connection)
    const startedMs = performance.now()
    const sinceMs = () => performance.now() - startedMs
    let ofBulk = 0
    const [bulkMs, ofBulkThen] = await Promise.all([
      echo(stream, BYTES, length => {
        ofBulk = length
      }).then(sinceMs),
      echo(aside, new Uint8Array(30_000)).then(() => ofBulk)
    ])
    // Alone it would be done after 1,200 ms.
    expect(bulkMs).toBeGreaterThan(1_750)
    // About as much of each has passed.
    expect(ofBulkThen).toBeGreaterThan(10_000)
    expect(ofBulkThen).toBeLessThan(55_000)
  })

  it('tells who sends to wait, and has no more waiting than fits', async ({ signal }) => {
    const { connection } = await pair(kind, 0, { far: line(50_000_000, 20_000) })
    const stream = await open(connection)
    await echo(stream, Uint8Array.of(1))
    const most = vi.spyOn(Lane.prototype, 'add')
    let waited = 0
    most.mockImplementation(function (this: Lane, ...given) {
      add.apply(this, given)
      waited = Math.max(waited, this.bytes)
    })
    // What sockets hold comes before it can be told.
    const tooMuch = WAITING_BYTES_MIN + 2 * PIECE_BYTES_MAX
    let told = 0
    while ((told < 200 || waited <= WAITING_BYTES_MIN) && waited < tooMuch && !signal.aborted) {
      // More than its own buffer holds would end the stream.
      if (stream.writeBufferLength === 0) stream.send(new Uint8Array(16_384))
      else told += 1
      await new Promise(resolve => setTimeout(resolve, 1))
    }
    expect(stream.status).toBe('open')
    expect(told).toBeGreaterThan(199)
    expect(waited).toBeGreaterThan(WAITING_BYTES_MIN)
    expect(waited).toBeLessThan(tooMuch)
    connection.abort(new Error('Enough.'))
  })
})

describe.each(Object.keys(KINDS) as (keyof typeof KINDS)[])('what a network does to peers over %s', kind => {
  it('breaks connections in the middle, after times that the seed gives', async () => {
    const resets = { lifeMs: 200, seed: 'a' }
    const { near, far, nearAccess, farAccess, connection } = await pair(kind, 0, { near: { resets } })
    const over = Promise.all([gone(near), gone(far)])
    const stream = await open(connection)
    const ended = (async () => {
      for (;;) {
        await echo(stream, new Uint8Array(1_000))
        // In memory an echo lets no timer in.
        await new Promise(resolve => setTimeout(resolve, 1))
      }
    })()
    await expect(ended).rejects.toThrow()
    await over
    expect([nearAccess.faults, farAccess.faults]).toEqual([
      { broken: 1, refused: 0 },
      { broken: 0, refused: 0 }
    ])
    // It is there again for whoever dials again.
    await near.dial(multiaddr(`${far.getMultiaddrs()[0]}`))
  })

  it('lets nobody in through a firewall, and whoever is behind it out', async () => {
    const { near, far, nearAccess, connection } = await pair(kind, 0, { near: { isFirewalled: true } })
    await echo(await open(connection), Uint8Array.of(1))
    // Who was dialled may call back over that connection, and when it is gone may not.
    const back = far.getConnections(near.peerId)[0]!
    await echo(await open(back), Uint8Array.of(2))
    const over = gone(far)
    await connection.close()
    await over
    await expect(far.dial(multiaddr(`${near.getMultiaddrs()[0]}`))).rejects.toThrow()
    expect(near.getConnections()).toEqual([])
    expect(nearAccess.faults).toEqual({ broken: 0, refused: 1 })
  })

  it('parts: connections across break, dials across are refused, and others go on, until it is whole', async () => {
    const { near, far, nearAccess, farAccess, connection } = await pair(kind, 0)
    const stream = await open(connection)
    await echo(stream, Uint8Array.of(1))
    nearAccess.cutOff(['somebody else'])
    await echo(await open(connection), Uint8Array.of(2))
    const over = Promise.all([gone(near), gone(far)])
    nearAccess.cutOff([`${far.peerId}`])
    farAccess.cutOff([`${near.peerId}`])
    await over
    const address = multiaddr(`${far.getMultiaddrs()[0]}`)
    await expect(near.dial(address)).rejects.toThrow('The network has parted.')
    expect(nearAccess.faults).toEqual({ broken: 1, refused: 1 })
    nearAccess.cutOff([])
    farAccess.cutOff([])
    await echo(await open(await near.dial(address)), Uint8Array.of(3))
  })

  it('parts while a dial is under way', async () => {
    const { near, far, nearAccess, connection } = await pair(kind, 100)
    const over = gone(near)
    await connection.close()
    await over
    const dial = near.dial(multiaddr(`${far.getMultiaddrs()[0]}`))
    nearAccess.cutOff([`${far.peerId}`])
    await expect(dial).rejects.toThrow('The network has parted.')
  })
})

it('a connection that would live longer than a timer waits does not break', async () => {
  const timers = vi.spyOn(globalThis, 'setTimeout')
  // One draw in a thousand is as short as the limit.
  const resets = { lifeMs: 1_000 * TIMER_MS_MAX, seed: 'a' }
  const { connection } = await pair('memory', 0, { near: { resets } })
  await echo(await open(connection), Uint8Array.of(1))
  expect(connection.status).toBe('open')
  expect(timers.mock.calls.filter(([, ms]) => (ms ?? 0) > TIMER_MS_MAX)).toEqual([])
})

describe('an end', () => {
  /** The connection as the transport makes it, without what libp2p puts above it. */
  async function raw(server: Server): Promise<MultiaddrConnection> {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    running.push(async () => void server.close())
    const transport = new Access({ roundTripMs: () => ROUND_TRIP_MS }).around(tcp())({
      logger: silentComponentLogger
    } as never)
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
