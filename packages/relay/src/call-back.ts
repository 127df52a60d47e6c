/**
 * Connection reversal: a peer that can be called only over a relay is asked, over that relay, to call by itself. The
 * protocol is `/servent/call-back/1.0.0`: who wants to be called opens a stream, sends nothing and closes its half; the
 * answer is one byte, 1 where a call was made and came to stand, 0 where not, and the other half is closed.
 *
 * Whom a call may reach stands in `call-rules.ts`; of its addresses, those that the peer signed itself.
 */
import {
  type Connection,
  type IdentifyResult,
  type Logger,
  type PeerId,
  type Startable,
  serviceCapabilities
} from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import {
  type HostComponents,
  isCircuit,
  isRelayed,
  relayOf,
  streamDuplex,
  systemClock,
  within
} from '@servent/libp2p-host'
import { CallRules } from './call-rules.ts'
import { CALL_BACK_MS, CALL_BACKS_MAX, CALL_BACKS_PER_RELAY_MAX } from './limits.ts'

export const CALL_BACK_PROTOCOL = '/servent/call-back/1.0.0'

const MADE = 1
const NOT_MADE = 0
const ARRIVAL_MS = 1_000
const ARRIVAL_STEP_MS = 20
/** For what identify brings over a connection that is new: part of the asker's `CALL_BACK_MS`. */
const IDENTIFY_MS = 2_000
/** Streams of one connection: one asks at a time, another one may be ending. */
const STREAMS_MAX = 2

export class CallBack implements Startable {
  readonly [Symbol.toStringTag] = '@servent/call-back'
  readonly [serviceCapabilities]: string[] = ['@servent/call-back']
  readonly #components: HostComponents
  readonly #log: Logger
  readonly #rules: CallRules
  /** Calls under way, by the relay over which they were asked for. */
  readonly #calling = new Set<{ readonly relay: string }>()

  constructor(components: HostComponents, rules = new CallRules()) {
    this.#rules = rules
    this.#components = components
    this.#log = components.logger.forComponent('servent:call-back')
  }

  async start(): Promise<void> {
    await this.#components.registrar.handle(
      CALL_BACK_PROTOCOL,
      async (stream, connection) => {
        const duplex = streamDuplex(stream)
        // Whoever asks may be gone before it is answered.
        duplex.on('error', () => {}).resume()
        duplex.end(Uint8Array.of((await this.#call(connection)) ? MADE : NOT_MADE))
      },
      { maxInboundStreams: STREAMS_MAX, maxOutboundStreams: STREAMS_MAX, runOnLimitedConnection: true }
    )
  }

  async stop(): Promise<void> {
    await this.#components.registrar.unhandle(CALL_BACK_PROTOCOL)
  }

  /**
   * The peer's own connection to here where it calls within `CALL_BACK_MS`; nothing where it cannot or will not. Not
   * asked where this peer has no address at which it could be called.
   */
  async ask(relayed: Connection, signal: AbortSignal): Promise<Connection | undefined> {
    const { addressManager } = this.#components
    if (addressManager.getAddresses().every(isCircuit)) return undefined
    try {
      const until = AbortSignal.any([signal, AbortSignal.timeout(CALL_BACK_MS)])
      const stream = await relayed.newStream(CALL_BACK_PROTOCOL, {
        signal: until,
        runOnLimitedConnection: true
      })
      const duplex = streamDuplex(stream)
      const stop = () => duplex.destroy()
      until.addEventListener('abort', stop, { once: true })
      duplex.end()
      let answer: number | undefined
      for await (const bytes of duplex) answer ??= bytes[0]
      until.removeEventListener('abort', stop)
      if (answer !== MADE) return undefined
    } catch (error) {
      signal.throwIfAborted()
      this.#log('%p did not answer whether it calls - %e', relayed.remotePeer, error)
    }
    return this.#arrived(relayed.remotePeer)
  }

  /** The call may be agreed on at its end a moment sooner than here. */
  async #arrived(peerId: PeerId): Promise<Connection | undefined> {
    for (let waitedMs = 0; waitedMs < ARRIVAL_MS; waitedMs += ARRIVAL_STEP_MS) {
      const direct = this.#direct(peerId)
      if (direct !== undefined) return direct
      await new Promise(resolve => setTimeout(resolve, ARRIVAL_STEP_MS))
    }
    return this.#direct(peerId)
  }

  #direct(peerId: PeerId): Connection | undefined {
    return this.#components.connectionManager
      .getConnections(peerId)
      .find(connection => connection.status === 'open' && !isRelayed(connection))
  }

  async #call(relayed: Connection): Promise<boolean> {
    const { remotePeer } = relayed
    if (!isRelayed(relayed)) return false
    if (this.#direct(remotePeer) !== undefined) return true
    const relay = relayOf(relayed.remoteAddr) ?? ''
    const over = [...this.#calling].filter(one => one.relay === relay).length
    if (this.#calling.size >= CALL_BACKS_MAX || over >= CALL_BACKS_PER_RELAY_MAX) return false
    const call = { relay }
    this.#calling.add(call)
    // The asker waits for so long.
    const signal = AbortSignal.timeout(CALL_BACK_MS)
    try {
      const own = await this.#signedAddresses(remotePeer)
      if (this.#direct(remotePeer) !== undefined) return true
      const addresses = this.#rules.targets(relayed, own, this.#components.connectionManager)
      if (addresses.length === 0) return false
      // `force`: the relayed connection would do otherwise.
      await this.#components.connectionManager.openConnection(addresses, {
        signal,
        force: true
      })
      return true
    } catch (error) {
      this.#log('%p asked for a call and cannot be called - %e', remotePeer, error)
      return false
    } finally {
      this.#calling.delete(call)
    }
  }

  /**
   * What a peer signed itself: identify's other addresses are anybody's word. Over a connection that is new its question
   * may come before what identify brings, and is not refused for that.
   */
  async #signedAddresses(peerId: PeerId): Promise<Multiaddr[]> {
    const { events, peerStore } = this.#components
    const identified = Promise.withResolvers<void>()
    const onIdentify = ({ detail }: CustomEvent<IdentifyResult>) => {
      if (detail.peerId.equals(peerId)) identified.resolve()
    }
    const signed = async (): Promise<Multiaddr[]> => {
      const peer = await peerStore.get(peerId).catch(() => undefined)
      return (peer?.addresses ?? [])
        .filter(({ isCertified }) => isCertified)
        .map(({ multiaddr }) => multiaddr)
    }
    events.addEventListener('peer:identify', onIdentify)
    try {
      const known = await signed()
      if (known.length > 0) return known
      await within(systemClock, IDENTIFY_MS, identified.promise)
      return await signed()
    } finally {
      events.removeEventListener('peer:identify', onIdentify)
    }
  }
}
