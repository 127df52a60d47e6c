/**
 * Calls that were asked for. A peer that cannot be dialled is asked, by way of an overlay, to call by itself: it opens
 * a stream of the overlay's push protocol, shows what it was asked with, and serves HTTP on it; after its first words
 * the peer that asked speaks as the client. What those words are each overlay says (`CallWords`), for they are its own
 * of old: Gnutella's `GIV`, Napster's `SEND`, FastTrack's `GIVE`.
 *
 * In all of them stands a nonce of 16 random bytes that went with the request. It is good once, for `PUSH_WAIT_MS`, and
 * from the peer alone that was asked, whose PeerId Noise has proven.
 */
import type { Duplex } from 'node:stream'
import type { Connection, Logger, PeerId, Stream } from '@libp2p/interface'
import { type Catalogue, type Contact, PUSH_NONCE_BYTES } from '@servent/overlay'
import { readCallHead } from './call-head.ts'
import { callableAddresses } from './callable.ts'
import { peerIdOfContact } from './contacts.ts'
import { PushError } from './errors.ts'
import { isRelayed } from './paths.ts'
import {
  CALL_MS,
  CALLS_AT_A_TIME_MAX,
  CALLS_PER_PEER_AT_A_TIME_MAX,
  PUSH_STREAMS_MAX,
  PUSH_WAIT_MS,
  PUSHES_WAITING_MAX
} from './push-limits.ts'
import { streamDuplex } from './stream-duplex.ts'
import type { HostComponents } from './types.ts'

/** What a download is given: a stream on which it speaks HTTP as the client. */
export interface PushedConnection {
  readonly duplex: Duplex
  /** PeerId in text form, proven. */
  readonly peerId: string
}

/** What was asked of whom. */
export interface PushTarget {
  /** PeerId in text form. */
  readonly peerId: string
  /** What the caller must say that it calls for, as `CallWords.read` gives it; empty where it says no more than the nonce. */
  readonly subject: string
}

/** How a caller of this overlay says who it is. */
export interface CallWords {
  /** Ends the words, in ASCII. They have none of it within them. */
  readonly end: string
  /** Without their end. The nonce is in hexadecimal. */
  write(call: { readonly index: number; readonly name: string; readonly nonce: string }): string
  /** Without their end; nothing where they are none of a call. The nonce is in small hexadecimal. */
  read(words: string): { readonly nonce: string; readonly subject: string } | undefined
}

/** That somebody wants to be called. */
export interface CallAsked {
  readonly contact: Contact
  /** Of the file that it wants to fetch. */
  readonly index: number
  readonly nonce: Uint8Array
  /** PeerId of the neighbour that handed it on. */
  readonly via: string
}

export interface PushCallsInit {
  readonly components: HostComponents
  readonly log: Logger
  /** As `/servent/gnutella-push/1.0.0`. */
  readonly protocol: string
  readonly words: CallWords
  /**
   * Whose calls are counted together for `CALLS_PER_PEER_AT_A_TIME_MAX`: of the neighbour that handed a request on, where
   * a servent has several and the contact in a request is anybody's word, or of the peer that is to be called, where all
   * requests come by way of one server.
   */
  readonly countBy: 'neighbour' | 'called'
  readonly catalogue: () => Catalogue | undefined
  /** Serves HTTP to a peer that was called. Without it nobody is called. */
  readonly servePushed: ((duplex: Duplex, peerId: string) => void) | undefined
}

interface Waiting extends PushTarget {
  readonly resolve: (connection: PushedConnection) => void
}

export class PushCalls {
  readonly #init: PushCallsInit
  /** By nonce. */
  readonly #waiting = new Map<string, Waiting>()
  #calls = 0
  /** Calls under way by the peer that they are counted for. */
  readonly #callsOf = new Map<string, number>()
  readonly counters = { callsMade: 0, callsFailed: 0, callsLeftOut: 0, callsTaken: 0, callsUnasked: 0 }
  readonly #stopped = new AbortController()

  constructor(init: PushCallsInit) {
    this.#init = init
  }

  async start(): Promise<void> {
    const { components, protocol } = this.#init
    await components.registrar.handle(protocol, (stream, connection) => this.#called(stream, connection), {
      maxInboundStreams: PUSH_STREAMS_MAX,
      maxOutboundStreams: PUSH_STREAMS_MAX
    })
  }

  async stop(): Promise<void> {
    this.#stopped.abort(new PushError('The overlay stops.'))
    await this.#init.components.registrar.unhandle(this.#init.protocol)
  }

  /**
   * Waits for a peer's call. `ask` is given the nonce that the peer must show, and has it asked.
   *
   * @throws PushError  too many wait already, what `ask` throws, or the peer did not call in time
   */
  async wait(
    target: PushTarget,
    ask: (nonce: Uint8Array) => void,
    signal: AbortSignal
  ): Promise<PushedConnection> {
    signal.throwIfAborted()
    this.#stopped.signal.throwIfAborted()
    if (this.#waiting.size >= PUSHES_WAITING_MAX) {
      throw new PushError(`At most ${PUSHES_WAITING_MAX} peers are waited for at a time. Try again later.`)
    }
    const nonce = crypto.getRandomValues(new Uint8Array(PUSH_NONCE_BYTES))
    const key = hexOf(nonce)
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

  /** Calls a peer that asked for it, and serves it. Never rejects: what failed is counted and logged. */
  async call(asked: CallAsked): Promise<void> {
    const { servePushed, components, countBy, log } = this.#init
    if (servePushed === undefined) return
    let counted: string | undefined
    try {
      const peerId = peerIdOfContact(asked.contact)
      if (peerId.equals(components.peerId)) return
      counted = this.#take(countBy === 'neighbour' ? asked.via : peerId.toString())
      if (counted === undefined) return
      const catalogue = this.#init.catalogue()
      const file = (await catalogue?.byIndex(asked.index)) ?? catalogue?.partials?.byIndex(asked.index)
      if (file === undefined) return
      const duplex = streamDuplex(await this.#open(peerId, asked))
      duplex.on('error', () => {})
      const { words } = this.#init
      const { index, nonce } = asked
      duplex.write(`${words.write({ index, name: file.name, nonce: hexOf(nonce) })}${words.end}`)
      this.counters.callsMade += 1
      servePushed(duplex, peerId.toString())
    } catch (error) {
      this.counters.callsFailed += 1
      log('a peer that asked to be called cannot be - %e', error as Error)
    } finally {
      if (counted !== undefined) this.#release(counted)
    }
  }

  /** A place for a call; nothing where there is none. */
  #take(counted: string): string | undefined {
    const calls = this.#callsOf.get(counted) ?? 0
    if (this.#calls >= CALLS_AT_A_TIME_MAX || calls >= CALLS_PER_PEER_AT_A_TIME_MAX) {
      this.counters.callsLeftOut += 1
      return undefined
    }
    this.#calls += 1
    this.#callsOf.set(counted, calls + 1)
    return counted
  }

  #release(counted: string): void {
    this.#calls -= 1
    const left = this.#callsOf.get(counted)! - 1
    if (left === 0) this.#callsOf.delete(counted)
    else this.#callsOf.set(counted, left)
  }

  async #open(peerId: PeerId, { contact, via }: CallAsked): Promise<Stream> {
    const { components, protocol } = this.#init
    const { connectionManager } = components
    const signal = AbortSignal.any([this.#stopped.signal, AbortSignal.timeout(CALL_MS)])
    if (connectionManager.getConnections(peerId).some(one => one.status === 'open' && !isRelayed(one))) {
      return connectionManager.openStream(peerId, protocol, { signal })
    }
    const targets = callableAddresses(peerId, contact, via, components)
    if (targets.length === 0) throw new PushError('It has no address that may be called.')
    return connectionManager.openStream(targets, protocol, { signal })
  }

  async #called(stream: Stream, connection: Connection): Promise<void> {
    const peerId = connection.remotePeer.toString()
    const duplex = streamDuplex(stream)
    duplex.on('error', () => {})
    const { words } = this.#init
    try {
      const said = words.read(await readCallHead(duplex, words.end))
      const waiting = said === undefined ? undefined : this.#waiting.get(said.nonce)
      const isAsked = waiting?.peerId === peerId && waiting.subject === said?.subject
      // A thief of the nonce does not use it up for the peer that was asked.
      if (!isAsked) throw new PushError('Nobody asked this peer to call.')
      this.#waiting.delete(said!.nonce)
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

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
