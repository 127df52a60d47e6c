/**
 * Calls back: whoever cannot be dialled opens a stream to the peer that asked, shows what it was asked with,
 * and serves HTTP on it. The protocol is `/servent/gnutella-push/1.0.0`. The caller writes
 *
 *     GIV <index>:<servent GUID, 32 hexadecimal characters>/<name>\n
 *     Nonce: <32 hexadecimal characters>\n
 *     \n
 *
 * where the first and the last line are Gnutella's, and the nonce between them is ours: 16 random bytes that
 * the Push carried, good once and for `PUSH_WAIT_MS`. After the blank line the peer that asked speaks HTTP
 * as the client. It takes the stream only from the peer that it asked, whose id Noise has proven.
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
  CALL_MS,
  CALLS_AT_A_TIME_MAX,
  CALLS_PER_LINK_AT_A_TIME_MAX,
  GIV_BYTES_MAX,
  GIV_MS,
  PUSH_NONCE_BYTES,
  PUSH_STREAMS_MAX,
  PUSH_WAIT_MS,
  PUSHES_WAITING_MAX
} from './constants.ts'
import { PushError } from './errors.ts'
import type { Guid } from './messages.ts'

export const PUSH_PROTOCOL = '/servent/gnutella-push/1.0.0'

/** What a download is given: a stream on which it speaks HTTP as the client. */
export interface PushedConnection {
  readonly duplex: Duplex
  /** PeerId in text form, proven. */
  readonly peerId: string
}

/** What was asked of whom. */
export interface PushTarget {
  readonly peerId: string
  readonly servent: Guid
  readonly index: number
}

interface Waiting extends PushTarget {
  readonly resolve: (connection: PushedConnection) => void
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
  #calls = 0
  /** Calls under way by the neighbour that handed their Push on. */
  readonly #callsVia = new Map<string, number>()
  readonly counters = { callsMade: 0, callsFailed: 0, callsLeftOut: 0, callsTaken: 0, callsUnasked: 0 }
  readonly #stopped = new AbortController()

  constructor(init: PushCallsInit) {
    this.#init = init
  }

  async start(): Promise<void> {
    await this.#init.components.registrar.handle(
      PUSH_PROTOCOL,
      (stream, connection) => this.#called(stream, connection),
      { maxInboundStreams: PUSH_STREAMS_MAX, maxOutboundStreams: PUSH_STREAMS_MAX }
    )
  }

  async stop(): Promise<void> {
    this.#stopped.abort(new PushError('The overlay stops.'))
    await this.#init.components.registrar.unhandle(PUSH_PROTOCOL)
  }

  /**
   * Waits for a peer's call. `ask` is given the nonce that the peer must show, and has the Push sent.
   *
   * @throws PushError  too many wait already, what `ask` throws, or the peer did not call in time
   */
  async wait(
    target: PushTarget,
    ask: (nonce: Uint8Array) => void,
    signal: AbortSignal
  ): Promise<PushedConnection> {
    signal.throwIfAborted()
    if (this.#waiting.size >= PUSHES_WAITING_MAX) {
      throw new PushError(`At most ${PUSHES_WAITING_MAX} peers are waited for at a time. Try again later.`)
    }
    const nonce = crypto.getRandomValues(new Uint8Array(PUSH_NONCE_BYTES))
    const key = toHex(nonce)
    const timeout = AbortSignal.timeout(PUSH_WAIT_MS)
    const ended = AbortSignal.any([signal, timeout, this.#stopped.signal])
    try {
      return await new Promise<PushedConnection>((resolve, reject) => {
        this.#waiting.set(key, { ...target, resolve })
        ended.addEventListener('abort', () => reject(timeout.aborted ? lateError(target) : ended.reason))
        ask(nonce)
      })
    } finally {
      this.#waiting.delete(key)
    }
  }

  /** Calls a peer that asked for it, and serves it. `via` is the neighbour that handed the Push on. */
  async call(asked: {
    readonly servent: Guid
    readonly contact: Contact
    readonly index: number
    readonly nonce: Uint8Array
    readonly via: string
  }): Promise<void> {
    const { servePushed, components, log } = this.#init
    if (servePushed === undefined) return
    const { via } = asked
    const callsVia = this.#callsVia.get(via) ?? 0
    if (this.#calls >= CALLS_AT_A_TIME_MAX || callsVia >= CALLS_PER_LINK_AT_A_TIME_MAX) {
      this.counters.callsLeftOut += 1
      return
    }
    this.#calls += 1
    this.#callsVia.set(via, callsVia + 1)
    try {
      const catalogue = this.#init.catalogue()
      const file = (await catalogue?.byIndex(asked.index)) ?? catalogue?.partials?.byIndex(asked.index)
      if (file === undefined) return
      const peerId = peerIdOfContact(asked.contact)
      if (peerId.equals(components.peerId)) return
      const stream = await this.#open(peerId, asked.contact, via)
      const duplex = streamDuplex(stream)
      duplex.on('error', () => {})
      duplex.write(givText({ ...asked, name: file.name }))
      this.counters.callsMade += 1
      servePushed(duplex, peerId.toString())
    } catch (error) {
      this.counters.callsFailed += 1
      log('a peer that asked to be called cannot be - %e', error as Error)
    } finally {
      this.#calls -= 1
      const left = this.#callsVia.get(via)! - 1
      if (left === 0) this.#callsVia.delete(via)
      else this.#callsVia.set(via, left)
    }
  }

  async #open(peerId: PeerId, contact: Contact, via: string): Promise<Stream> {
    const { connectionManager } = this.#init.components
    const signal = AbortSignal.any([this.#stopped.signal, AbortSignal.timeout(CALL_MS)])
    if (connectionManager.getConnections(peerId).some(one => one.status === 'open' && !isRelayed(one))) {
      return connectionManager.openStream(peerId, PUSH_PROTOCOL, { signal })
    }
    const addresses = this.#callable(multiaddrsOfContact(contact), via)
    if (addresses.length === 0) throw new PushError('It has no address that may be called.')
    // Each with its PeerId: a dial that finds somebody else there fails.
    const targets = addresses.map(address => address.encapsulate(`/p2p/${peerId}`))
    return connectionManager.openStream(targets, PUSH_PROTOCOL, { signal })
  }

  /**
   * Addresses that a Push may have called. Those of private networks only where the Push came over one: a
   * stranger on the Internet must not knock at the doors of the user's own network from the inside. A call over a
   * relay gains nothing: whoever asked could have come that way.
   */
  #callable(addresses: readonly Multiaddr[], via: string): Multiaddr[] {
    const { connectionManager } = this.#init.components
    const mayBePrivate = connectionManager
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
      const giv = parseGiv(await readHead(duplex))
      const waiting = giv === undefined ? undefined : this.#waiting.get(giv.nonce)
      const isAsked =
        waiting !== undefined &&
        waiting.peerId === peerId &&
        waiting.index === giv?.index &&
        waiting.servent === giv.servent
      // A thief of the nonce does not use it up for the peer that was asked.
      if (!isAsked) throw new PushError('Nobody asked this peer to call.')
      this.#waiting.delete(giv!.nonce)
      this.counters.callsTaken += 1
      waiting.resolve({ duplex, peerId })
    } catch (error) {
      this.counters.callsUnasked += 1
      duplex.destroy(error as Error)
    }
  }
}

function lateError({ peerId }: PushTarget): PushError {
  return new PushError(`Peer ${peerId} was asked to call and did not within ${PUSH_WAIT_MS / 1000} s.`)
}

export interface Giv {
  readonly index: number
  readonly servent: Guid
  readonly name: string
  readonly nonce: string
}

export function givText(giv: { servent: Guid; index: number; name: string; nonce: Uint8Array }): string {
  // A line must stay one, whatever a file is called.
  const name = giv.name.replace(/\p{Cc}/gu, ' ')
  return `GIV ${giv.index}:${giv.servent}/${name}\nNonce: ${toHex(giv.nonce)}\n\n`
}

/** The head without its blank line; nothing where it is none. */
export function parseGiv(head: string): Giv | undefined {
  const parts = /^GIV (\d{1,10}):([0-9a-f]{32})\/([^\n]*)\nNonce: ([0-9a-f]{32})$/i.exec(head)
  if (parts === null) return undefined
  const [, index, servent, name, nonce] = parts
  return {
    index: Number(index),
    servent: servent!.toLowerCase(),
    name: name!,
    nonce: nonce!.toLowerCase()
  }
}

/**
 * The text before the first blank line. What follows it stays in the stream.
 *
 * @throws PushError  it is too long, or did not come in time, or the stream ended before
 */
export function readHead(duplex: Duplex): Promise<string> {
  return new Promise((resolve, reject) => {
    let head = Buffer.alloc(0)
    const timer = setTimeout(() => settle(new PushError('The caller did not say who it is in time.')), GIV_MS)
    const settle = (error?: Error, text = '') => {
      clearTimeout(timer)
      duplex.off('readable', onReadable).off('end', onEnd).off('close', onEnd)
      if (error === undefined) resolve(text)
      else reject(error)
    }
    const onEnd = () => settle(new PushError('The caller went away before it said who it is.'))
    const onReadable = () => {
      for (
        let chunk = duplex.read() as Buffer | null;
        chunk !== null;
        chunk = duplex.read() as Buffer | null
      ) {
        head = Buffer.concat([head, chunk])
        const end = head.indexOf('\n\n')
        if (end >= 0 && end <= GIV_BYTES_MAX) {
          settle(undefined, head.toString('utf8', 0, end))
          if (head.length > end + 2) duplex.unshift(head.subarray(end + 2))
          return
        }
        if (head.length > GIV_BYTES_MAX) {
          settle(new PushError(`The caller said over ${GIV_BYTES_MAX} bytes before it said who it is.`))
          return
        }
      }
    }
    duplex.on('readable', onReadable).on('end', onEnd).on('close', onEnd)
    onReadable()
  })
}
