/**
 * A relay as a libp2p service: circuit relay v2's hop protocol. Peers that nobody can call reserve a place here, and
 * others reach them through it. What goes through is encrypted between the two, so a relay learns who talks to whom
 * and how much, and nothing else.
 *
 * Differs from libp2p's own server in what it is for: a whole file comes through, back-pressure reaches from one end to
 * the other, and every peer has a budget (`relay-table.ts`).
 */
import {
  type Connection,
  type Logger,
  type PeerId,
  type PrivateKey,
  type Startable,
  type Stream,
  serviceCapabilities
} from '@libp2p/interface'
import type { AddressManager, ConnectionManager, Registrar } from '@libp2p/interface-internal'
import { peerIdFromMultihash } from '@libp2p/peer-id'
import { type LengthPrefixedStream, lpStream } from '@libp2p/utils'
import { type Clock, type HostComponents, hostOf, isRelayed, systemClock } from '@servent/libp2p-host'
import * as Digest from 'multiformats/hashes/digest'
import { join } from './join.ts'
import {
  HOP_STREAMS_PER_CONNECTION_MAX,
  RELAY_LIMITS,
  RELAY_MESSAGE_BYTES_MAX,
  RESERVATION_ADDRESSES_MAX,
  type RelayLimits
} from './limits.ts'
import { type Circuit, RelayTable } from './relay-table.ts'
import { sealVoucher } from './voucher.ts'
import {
  decodeHopRequest,
  decodeStopAnswer,
  encodeHopAnswer,
  encodeStopConnect,
  HOP_PROTOCOL,
  type HopAnswer,
  type Limit,
  STOP_PROTOCOL,
  Status
} from './wire.ts'

/** Keeps a connection to a peer that is called over this relay from being pruned. */
const TAG = 'servent-relayed'
const TAG_VALUE = 50

export interface RelayServerInit {
  readonly privateKey: PrivateKey
  readonly limits?: Partial<RelayLimits>
  readonly clock?: Clock
}

export interface RelayServerStatus {
  /** Peers that may be called over this relay. */
  readonly reservations: number
  /** Connections through it, now. */
  readonly circuits: number
  /** Brought since it started, in both directions together. */
  readonly relayedBytes: number
}

interface Call {
  readonly connection: Connection
  readonly stream: Stream
  readonly messages: LengthPrefixedStream<Stream>
  readonly signal: AbortSignal
}

export class RelayServer implements Startable {
  readonly [Symbol.toStringTag] = '@servent/relay-server'
  readonly [serviceCapabilities]: string[] = ['@servent/relay-server']
  readonly #registrar: Registrar
  readonly #connections: ConnectionManager
  readonly #addresses: AddressManager
  readonly #components: HostComponents
  readonly #privateKey: PrivateKey
  readonly #limits: RelayLimits
  readonly #clock: Clock
  readonly #log: Logger
  readonly #running = new Map<Circuit, AbortController>()
  #table: RelayTable
  #relayedBytes = 0
  readonly #onDisconnect = (event: CustomEvent<PeerId>) => this.#table.release(event.detail.toString())

  constructor(components: HostComponents, init: RelayServerInit) {
    this.#components = components
    this.#registrar = components.registrar
    this.#connections = components.connectionManager
    this.#addresses = components.addressManager
    this.#privateKey = init.privateKey
    this.#limits = { ...RELAY_LIMITS, ...init.limits }
    this.#clock = init.clock ?? systemClock
    this.#log = components.logger.forComponent('servent:relay')
    this.#table = new RelayTable(this.#limits, this.#clock.nowMs())
  }

  async start(): Promise<void> {
    this.#components.events.addEventListener('peer:disconnect', this.#onDisconnect)
    await this.#registrar.handle(HOP_PROTOCOL, (stream, connection) => this.#take(stream, connection), {
      maxInboundStreams: HOP_STREAMS_PER_CONNECTION_MAX
    })
  }

  async stop(): Promise<void> {
    this.#components.events.removeEventListener('peer:disconnect', this.#onDisconnect)
    await this.#registrar.unhandle(HOP_PROTOCOL)
    for (const end of this.#running.values()) end.abort(new Error('The relay stops.'))
    this.#table = new RelayTable(this.#limits, this.#clock.nowMs())
  }

  status(): RelayServerStatus {
    const { reservations, circuits } = this.#table
    return { reservations, circuits, relayedBytes: this.#relayedBytes }
  }

  async #take(stream: Stream, connection: Connection): Promise<void> {
    const signal = AbortSignal.timeout(this.#limits.hopMs)
    const messages = lpStream(stream, { maxDataLength: RELAY_MESSAGE_BYTES_MAX })
    const call = { connection, stream, messages, signal }
    try {
      const request = await readRequest(call)
      if (request.type === 'reserve') await this.#reserve(call)
      else if (request.type === 'connect') await this.#connect(call, request.peer)
      else await refuse(call, request.status)
    } catch (error) {
      this.#log('a request of %p failed - %e', connection.remotePeer, error)
      stream.abort(error as Error)
    }
  }

  async #reserve(call: Call): Promise<void> {
    const { remotePeer, remoteAddr } = call.connection
    if (call.connection.status !== 'open') return
    // A relay behind a relay would spend two budgets on one connection.
    if (isRelayed(call.connection)) return refuse(call, Status.PERMISSION_DENIED)
    const status = this.#table.reserve(remotePeer.toString(), hostOf(remoteAddr), this.#clock.nowMs())
    if (status !== Status.OK) return refuse(call, status)
    const endsMs = this.#clock.wallMs() + this.#limits.reservationMs
    const expire = BigInt(Math.floor(endsMs / 1000))
    await this.#components.peerStore.merge(remotePeer, {
      tags: { [TAG]: { value: TAG_VALUE, ttl: this.#limits.reservationMs } }
    })
    const addresses = this.#addresses
      .getAddresses()
      .filter(address => !address.toString().includes('/p2p-circuit'))
      .slice(0, RESERVATION_ADDRESSES_MAX)
      .map(address => address.bytes)
    const voucher = await sealVoucher(this.#components.peerId, remotePeer, expire, this.#privateKey)
    const reservation = { expire, addresses, voucher }
    await answer(call, { status, reservation, limit: this.#limit() })
    await call.stream.close({ signal: call.signal })
  }

  async #connect(call: Call, peer: Uint8Array): Promise<void> {
    const { connection, signal } = call
    if (isRelayed(connection)) return refuse(call, Status.PERMISSION_DENIED)
    const to = peerOf(peer)
    if (to === undefined) return refuse(call, Status.MALFORMED_MESSAGE)
    const from = connection.remotePeer
    const host = hostOf(connection.remoteAddr)
    const circuit = this.#table.connect(from.toString(), host, to.toString(), this.#clock.nowMs())
    if (typeof circuit === 'number') return refuse(call, circuit)
    const end = new AbortController()
    const onGone = () => end.abort(new Error('The caller has gone.'))
    call.stream.addEventListener('close', onGone, { once: true })
    this.#running.set(circuit, end)
    const timer = this.#clock.setTimeout(
      () => end.abort(new Error('The time of a relayed connection is up.')),
      this.#limits.circuitMs
    )
    try {
      const reached = await this.#reach(to, from, AbortSignal.any([signal, end.signal]))
      if (typeof reached === 'number') return await refuse(call, reached)
      try {
        await answer(call, { status: Status.OK, limit: this.#limit() })
      } catch (error) {
        reached.abort(error as Error)
        throw error
      }
      // From here on an end of the caller's half is an end of its bytes alone.
      call.stream.removeEventListener('close', onGone)
      await join(call.messages.unwrap(), reached, {
        signal: end.signal,
        spend: bytes => {
          this.#relayedBytes += bytes
          return this.#table.spend(circuit, bytes, this.#clock.nowMs())
        }
      })
    } finally {
      this.#clock.clearTimeout(timer)
      call.stream.removeEventListener('close', onGone)
      this.#running.delete(circuit)
      this.#table.close(circuit)
    }
  }

  /** A stream to the peer that takes the call, or why there is none. */
  async #reach(to: PeerId, from: PeerId, signal: AbortSignal): Promise<Stream | Status> {
    const connection = this.#connections
      .getConnections(to)
      .find(connection => connection.status === 'open' && !isRelayed(connection))
    if (connection === undefined) return Status.NO_RESERVATION
    let stream: Stream | undefined
    try {
      stream = await connection.newStream(STOP_PROTOCOL, {
        signal,
        maxOutboundStreams: this.#limits.circuitsToPeerMax
      })
      const messages = lpStream(stream, { maxDataLength: RELAY_MESSAGE_BYTES_MAX })
      await messages.write(encodeStopConnect(from.toMultihash().bytes, this.#limit()), { signal })
      const status = decodeStopAnswer((await messages.read({ signal })).subarray())
      if (status === Status.OK) return messages.unwrap()
      stream.abort(new Error('The peer does not take the call.'))
    } catch (error) {
      this.#log('%p cannot be reached - %e', to, error)
      stream?.abort(error as Error)
    }
    return Status.CONNECTION_FAILED
  }

  #limit(): Limit {
    return { durationSeconds: Math.floor(this.#limits.circuitMs / 1000) }
  }
}

async function readRequest({ messages, signal }: Call) {
  const bytes = (await messages.read({ signal })).subarray()
  try {
    const request = decodeHopRequest(bytes)
    return request.type === 'unexpected' ? { ...request, status: Status.UNEXPECTED_MESSAGE } : request
  } catch {
    return { type: 'malformed' as const, status: Status.MALFORMED_MESSAGE }
  }
}

async function answer({ messages, signal }: Call, message: HopAnswer): Promise<void> {
  await messages.write(encodeHopAnswer(message), { signal })
}

async function refuse(call: Call, status: Status): Promise<void> {
  await answer(call, { status })
  await call.stream.close({ signal: call.signal })
}

function peerOf(bytes: Uint8Array): PeerId | undefined {
  try {
    return peerIdFromMultihash(Digest.decode(bytes))
  } catch {
    return undefined
  }
}

/** A service for libp2p: `services: { relay: relayServer({ privateKey }) }`. */
export const relayServer =
  (init: RelayServerInit) =>
  (components: HostComponents): RelayServer =>
    new RelayServer(components, init)
