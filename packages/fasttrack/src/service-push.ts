/**
 * Calls back: a sharer that cannot be dialled opens a stream to the peer that asked, says `GIVE <id>\r\n` as FastTrack's did
 * (giFT, packet 0D), and serves HTTP on it. The id is the nonce of the Push, 32 hexadecimal digits, good once and
 * for `PUSH_WAIT_MS`. It is taken from the peer alone that was asked, whose PeerId Noise has proven. The protocol is
 * `/servent/fasttrack-push/1.0.0`.
 */
import type { Duplex } from 'node:stream'
import type { Connection, Logger, PeerId, Stream } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
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
import {
  CALL_MS,
  CALLS_AT_A_TIME_MAX,
  GIVE_BYTES_MAX,
  GIVE_MS,
  PUSH_NONCE_BYTES,
  PUSH_STREAMS_MAX,
  PUSH_WAIT_MS,
  PUSHES_WAITING_MAX
} from './constants.ts'
import { PushError } from './errors.ts'

export const PUSH_PROTOCOL = '/servent/fasttrack-push/1.0.0'

/** What a download is given: a stream on which it speaks HTTP as the client. */
export interface PushedConnection {
  readonly duplex: Duplex
  /** PeerId in text form, proven. */
  readonly peerId: string
}

export interface PushCallsInit {
  readonly components: HostComponents
  readonly log: Logger
  readonly catalogue: () => Catalogue | undefined
  readonly servePushed: ((duplex: Duplex, peerId: string) => void) | undefined
}

interface Waiting {
  readonly peerId: string
  readonly resolve: (connection: PushedConnection) => void
}

export class PushCalls {
  readonly #init: PushCallsInit
  /** By nonce. */
  readonly #waiting = new Map<string, Waiting>()
  #calls = 0
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
    peerId: string,
    ask: (nonce: Uint8Array) => void,
    signal: AbortSignal
  ): Promise<PushedConnection> {
    signal.throwIfAborted()
    if (this.#waiting.size >= PUSHES_WAITING_MAX) {
      throw new PushError(`At most ${PUSHES_WAITING_MAX} peers are waited for at a time. Try again later.`)
    }
    const nonce = crypto.getRandomValues(new Uint8Array(PUSH_NONCE_BYTES))
    const key = hexOf(nonce)
    const timeout = AbortSignal.timeout(PUSH_WAIT_MS)
    const ended = AbortSignal.any([signal, timeout, this.#stopped.signal])
    const late = new PushError(
      `Peer ${peerId} was asked to call and did not within ${PUSH_WAIT_MS / 1000} s.`
    )
    try {
      return await new Promise<PushedConnection>((resolve, reject) => {
        this.#waiting.set(key, { peerId, resolve })
        ended.addEventListener('abort', () => reject(timeout.aborted ? late : ended.reason))
        ask(nonce)
      })
    } finally {
      this.#waiting.delete(key)
    }
  }

  /** Calls a peer that asked for it, and serves it. `via` is the neighbour that handed the Push on. */
  async call(asked: {
    readonly contact: Contact
    readonly index: number
    readonly nonce: Uint8Array
    readonly via: string
  }): Promise<void> {
    const { servePushed, components, log } = this.#init
    if (servePushed === undefined) return
    if (this.#calls >= CALLS_AT_A_TIME_MAX) {
      this.counters.callsLeftOut += 1
      return
    }
    this.#calls += 1
    try {
      const catalogue = this.#init.catalogue()
      const file = (await catalogue?.byIndex(asked.index)) ?? catalogue?.partials?.byIndex(asked.index)
      const peerId = peerIdOfContact(asked.contact)
      if (file === undefined || peerId.equals(components.peerId)) return
      const duplex = streamDuplex(await this.#open(peerId, asked.contact, asked.via))
      duplex.on('error', () => {})
      duplex.write(`GIVE ${hexOf(asked.nonce)}\r\n`)
      this.counters.callsMade += 1
      servePushed(duplex, peerId.toString())
    } catch (error) {
      this.counters.callsFailed += 1
      log('a peer that asked to be called cannot be - %e', error as Error)
    } finally {
      this.#calls -= 1
    }
  }

  async #open(peerId: PeerId, contact: Contact, via: string): Promise<Stream> {
    const { connectionManager } = this.#init.components
    const signal = AbortSignal.any([this.#stopped.signal, AbortSignal.timeout(CALL_MS)])
    if (connectionManager.getConnections(peerId).some(one => one.status === 'open' && !isRelayed(one))) {
      return connectionManager.openStream(peerId, PUSH_PROTOCOL, { signal })
    }
    // Doors of the user's own network are not knocked at from the inside because a stranger says so.
    const mayBePrivate = connectionManager
      .getConnections(peerIdFromString(via))
      .some(connection => isNear(connection, connectionManager))
    const targets = multiaddrsOfContact(contact)
      .filter(address => !isCircuit(address) && isIp(address))
      .filter(address => mayBePrivate || isPublic(address.toString()))
      .map(address => address.encapsulate(`/p2p/${peerId}`))
    if (targets.length === 0) throw new PushError('It has no address that may be called.')
    return connectionManager.openStream(targets, PUSH_PROTOCOL, { signal })
  }

  async #called(stream: Stream, connection: Connection): Promise<void> {
    const peerId = connection.remotePeer.toString()
    const duplex = streamDuplex(stream)
    duplex.on('error', () => {})
    try {
      const nonce = /^GIVE ([0-9a-f]{32})$/.exec(await readLine(duplex))?.[1]
      const waiting = nonce === undefined ? undefined : this.#waiting.get(nonce)
      // A thief of the nonce does not use it up for the peer that was asked.
      if (waiting?.peerId !== peerId) throw new PushError('Nobody asked this peer to call.')
      this.#waiting.delete(nonce!)
      this.counters.callsTaken += 1
      waiting.resolve({ duplex, peerId })
    } catch (error) {
      this.counters.callsUnasked += 1
      duplex.destroy(error as Error)
    }
  }
}

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/**
 * The text before the first CR and LF. What follows stays in the stream.
 *
 * @throws PushError  it is too long, or did not come in time, or the stream ended before
 */
export function readLine(duplex: Duplex): Promise<string> {
  return new Promise((resolve, reject) => {
    let line = Buffer.alloc(0)
    const timer = setTimeout(
      () => settle(new PushError('The caller did not say who it is in time.')),
      GIVE_MS
    )
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
        line = Buffer.concat([line, chunk])
        const end = line.indexOf('\r\n')
        if (end >= 0 && end <= GIVE_BYTES_MAX) {
          settle(undefined, line.toString('latin1', 0, end))
          if (line.length > end + 2) duplex.unshift(line.subarray(end + 2))
          return
        }
        if (line.length > GIVE_BYTES_MAX) {
          settle(new PushError(`The caller said over ${GIVE_BYTES_MAX} bytes before it said who it is.`))
          return
        }
      }
    }
    duplex.on('readable', onReadable).on('end', onEnd).on('close', onEnd)
    onReadable()
  })
}
