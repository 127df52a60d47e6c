/**
 * Firewalled sharers push: whoever cannot be called opens a stream to the peer that asked for it through the
 * servers (`relay` with kind `call`), shows what it was asked with, and serves HTTP on it. OpenNap's sharer says
 * `SEND` and sends the bytes (napster.txt, 4.2); here follow requests, so that ranges and proofs can be asked for.
 * The protocol is `/servent/napster-push/1.0.0`, and the caller writes
 *
 *     SEND <number of the file> <nonce, 32 hexadecimal characters>\n
 *
 * The nonce is good once, and only from the peer that was asked, whose id Noise has proven.
 */
import type { Duplex } from 'node:stream'
import type { Connection, Logger, PeerId, Stream } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import type { Multiaddr } from '@multiformats/multiaddr'
import {
  type HostComponents,
  isCircuit,
  isIp,
  isNear,
  isPublic,
  isRelayed,
  multiaddrsOfContact,
  peerIdOfContact,
  streamDuplex
} from '@servent/libp2p-host'
import type { Catalogue, Contact } from '@servent/overlay'
import { toHex } from './bytes.ts'
import {
  CALL_HEAD_BYTES_MAX,
  CALL_HEAD_MS,
  CALL_MS,
  CALL_STREAMS_MAX,
  CALLS_AT_A_TIME_MAX,
  CALLS_PER_PEER_AT_A_TIME_MAX,
  PUSH_WAIT_MS,
  PUSHES_WAITING_MAX,
  QUERY_ID_BYTES
} from './constants.ts'
import { PushError } from './errors.ts'

export const PUSH_PROTOCOL = '/servent/napster-push/1.0.0'

/** What a download is given: a stream on which it speaks HTTP as the client. */
export interface PushedConnection {
  readonly duplex: Duplex
  /** PeerId in text form, proven. */
  readonly peerId: string
}

interface Waiting {
  readonly peerId: string
  readonly index: number
  readonly resolve: (connection: PushedConnection) => void
}

export interface CallAsked {
  readonly contact: Contact
  readonly index: number
  readonly nonce: Uint8Array
  /** PeerId of the server that handed it on. */
  readonly via: string
}

export interface PushCallsInit {
  readonly components: HostComponents
  readonly log: Logger
  readonly catalogue: () => Catalogue | undefined
  readonly servePushed: ((duplex: Duplex, peerId: string) => void) | undefined
}

export class PushCalls {
  readonly #init: PushCallsInit
  /** By nonce. */
  readonly #waiting = new Map<string, Waiting>()
  /** Calls under way by the peer that asked for them. */
  readonly #calls = new Map<string, number>()
  readonly counters = { callsMade: 0, callsFailed: 0, callsLeftOut: 0, callsTaken: 0, callsUnasked: 0 }
  readonly #stopped = new AbortController()

  constructor(init: PushCallsInit) {
    this.#init = init
  }

  async start(): Promise<void> {
    await this.#init.components.registrar.handle(
      PUSH_PROTOCOL,
      (stream, connection) => this.#called(stream, connection),
      { maxInboundStreams: CALL_STREAMS_MAX, maxOutboundStreams: CALL_STREAMS_MAX }
    )
  }

  async stop(): Promise<void> {
    this.#stopped.abort(new PushError('The overlay stops.'))
    await this.#init.components.registrar.unhandle(PUSH_PROTOCOL)
  }

  /**
   * Waits for a peer's call. `ask` is given the nonce that the peer must show, and has it asked.
   *
   * @throws PushError  too many wait already, what `ask` throws, or the peer did not call in time
   */
  async wait(
    { peerId, index }: Pick<Waiting, 'peerId' | 'index'>,
    ask: (nonce: Uint8Array) => void,
    signal: AbortSignal
  ): Promise<PushedConnection> {
    signal.throwIfAborted()
    if (this.#waiting.size >= PUSHES_WAITING_MAX)
      throw new PushError(`At most ${PUSHES_WAITING_MAX} peers are waited for at a time. Try again later.`)
    const nonce = crypto.getRandomValues(new Uint8Array(QUERY_ID_BYTES))
    const timeout = AbortSignal.timeout(PUSH_WAIT_MS)
    const ended = AbortSignal.any([signal, timeout, this.#stopped.signal])
    const late = new PushError(
      `Peer ${peerId} was asked to call and did not within ${PUSH_WAIT_MS / 1000} s.`
    )
    try {
      return await new Promise<PushedConnection>((resolve, reject) => {
        this.#waiting.set(toHex(nonce), { peerId, index, resolve })
        ended.addEventListener('abort', () => reject(timeout.aborted ? late : ended.reason))
        ask(nonce)
      })
    } finally {
      this.#waiting.delete(toHex(nonce))
    }
  }

  /** Calls a peer that asked for it, and serves it. */
  async call(asked: CallAsked): Promise<void> {
    const { servePushed, components, log } = this.#init
    if (servePushed === undefined) return
    let peerId: PeerId
    try {
      peerId = peerIdOfContact(asked.contact)
    } catch {
      return
    }
    const caller = peerId.toString()
    const [total, own] = [
      [...this.#calls.values()].reduce((sum, count) => sum + count, 0),
      this.#calls.get(caller) ?? 0
    ]
    if (
      total >= CALLS_AT_A_TIME_MAX ||
      own >= CALLS_PER_PEER_AT_A_TIME_MAX ||
      peerId.equals(components.peerId)
    ) {
      this.counters.callsLeftOut += 1
      return
    }
    this.#calls.set(caller, own + 1)
    try {
      const catalogue = this.#init.catalogue()
      if ((await catalogue?.byIndex(asked.index)) === undefined) return
      const duplex = streamDuplex(await this.#open(peerId, asked))
      duplex.on('error', () => {})
      duplex.write(`SEND ${asked.index} ${toHex(asked.nonce)}\n`)
      this.counters.callsMade += 1
      servePushed(duplex, caller)
    } catch (error) {
      this.counters.callsFailed += 1
      log('a peer that asked to be called cannot be - %e', error as Error)
    } finally {
      const left = this.#calls.get(caller)! - 1
      if (left === 0) this.#calls.delete(caller)
      else this.#calls.set(caller, left)
    }
  }

  async #open(peerId: PeerId, { contact, via }: CallAsked): Promise<Stream> {
    const { connectionManager } = this.#init.components
    const signal = AbortSignal.any([this.#stopped.signal, AbortSignal.timeout(CALL_MS)])
    if (connectionManager.getConnections(peerId).some(one => one.status === 'open' && !isRelayed(one)))
      return connectionManager.openStream(peerId, PUSH_PROTOCOL, { signal })
    const addresses = this.#callable(multiaddrsOfContact(contact), via)
    if (addresses.length === 0) throw new PushError('It has no address that may be called.')
    // Each with its PeerId: a dial that finds somebody else there fails.
    const targets = addresses.map(address => address.encapsulate(`/p2p/${peerId}`))
    return connectionManager.openStream(targets, PUSH_PROTOCOL, { signal })
  }

  /**
   * Addresses of private networks are called only where the server that asks is in one: a stranger on the Internet
   * must not knock at the doors of the user's own network from the inside.
   */
  #callable(addresses: readonly Multiaddr[], via: string): Multiaddr[] {
    const { connectionManager, peerId } = this.#init.components
    const mayBePrivate =
      via === peerId.toString() ||
      connectionManager
        .getConnections(peerIdFromString(via))
        .some(connection => isNear(connection, connectionManager))
    return addresses.filter(
      address => !isCircuit(address) && isIp(address) && (mayBePrivate || isPublic(address.toString()))
    )
  }

  async #called(stream: Stream, connection: Connection): Promise<void> {
    const peerId = connection.remotePeer.toString()
    const duplex = streamDuplex(stream)
    duplex.on('error', () => {})
    try {
      const head = parseCall(await readLine(duplex))
      const waiting = head === undefined ? undefined : this.#waiting.get(head.nonce)
      // A thief of the nonce does not use it up for the peer that was asked.
      if (waiting === undefined || waiting.peerId !== peerId || waiting.index !== head?.index)
        throw new PushError('Nobody asked this peer to call.')
      this.#waiting.delete(head.nonce)
      this.counters.callsTaken += 1
      waiting.resolve({ duplex, peerId })
    } catch (error) {
      this.counters.callsUnasked += 1
      duplex.destroy(error as Error)
    }
  }
}

/** Nothing where the line is none of a call. */
export function parseCall(line: string): { readonly index: number; readonly nonce: string } | undefined {
  const parts = /^SEND (\d{1,10}) ([0-9a-f]{32})$/.exec(line)
  return parts === null ? undefined : { index: Number(parts[1]), nonce: parts[2]! }
}

/**
 * The text before the first line feed. What follows it stays in the stream.
 *
 * @throws PushError  it is too long, or did not come in time, or the stream ended before
 */
export function readLine(duplex: Duplex): Promise<string> {
  return new Promise((resolve, reject) => {
    let read = Buffer.alloc(0)
    const settle = (error: PushError | undefined, line = '') => {
      clearTimeout(timer)
      duplex.off('readable', onReadable).off('end', onEnd).off('close', onEnd)
      if (error === undefined) resolve(line)
      else reject(error)
    }
    const timer = setTimeout(
      () => settle(new PushError('The caller did not say who it is in time.')),
      CALL_HEAD_MS
    )
    const onEnd = () => settle(new PushError('The caller went away before it said who it is.'))
    const onReadable = () => {
      for (
        let chunk = duplex.read() as Buffer | null;
        chunk !== null;
        chunk = duplex.read() as Buffer | null
      ) {
        read = Buffer.concat([read, chunk])
        const end = read.indexOf('\n')
        if (end >= 0 && end <= CALL_HEAD_BYTES_MAX) {
          settle(undefined, read.toString('utf8', 0, end))
          if (read.length > end + 1) duplex.unshift(read.subarray(end + 1))
          return
        }
        if (read.length > CALL_HEAD_BYTES_MAX) {
          settle(new PushError(`The caller said over ${CALL_HEAD_BYTES_MAX} bytes before it said who it is.`))
          return
        }
      }
    }
    duplex.on('readable', onReadable).on('end', onEnd).on('close', onEnd)
    onReadable()
  })
}
