/**
 * Connection reversal: a peer that can be called only over a relay is asked, over that relay, to call by itself. The
 * protocol is `/servent/call-back/1.0.0`: who wants to be called opens a stream, sends nothing and closes its half; the
 * other side calls, or does not, and closes its half when that is over. Whether there is a connection now is the answer.
 *
 * Whom a call may reach: the addresses that identify knows of the peer that asked, and nobody else's PeerId would do at
 * their end. Those of private networks only where the relay itself is reached over one: a stranger must not have this
 * peer knock at the doors of its own network. Each peer and all together are held to a rate.
 */
import { finished } from 'node:stream/promises'
import {
  type Connection,
  type Logger,
  type PeerId,
  type Startable,
  serviceCapabilities
} from '@libp2p/interface'
import { isPrivate } from '@libp2p/utils'
import type { Multiaddr } from '@multiformats/multiaddr'
import {
  contactOf,
  dialTargetOf,
  type HostComponents,
  isCircuit,
  isRelayed,
  streamDuplex
} from '@servent/libp2p-host'
import { TokenBucket } from '@servent/overlay'
import {
  CALL_BACK_ADDRESSES_MAX,
  CALL_BACK_ASKERS_MAX,
  CALL_BACK_MS,
  CALL_BACKS_MAX,
  CALL_BACKS_PER_MINUTE
} from './limits.ts'

export const CALL_BACK_PROTOCOL = '/servent/call-back/1.0.0'

const MINUTE_SECONDS = 60
/** Streams of one connection: one asks at a time, another one may be ending. */
const STREAMS_MAX = 2

export class CallBack implements Startable {
  readonly [Symbol.toStringTag] = '@servent/call-back'
  readonly [serviceCapabilities]: string[] = ['@servent/call-back']
  readonly #components: HostComponents
  readonly #log: Logger
  readonly #askers = new Map<string, TokenBucket>()
  #calling = 0

  constructor(components: HostComponents) {
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
        await this.#call(connection)
        duplex.end()
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
      await finished(duplex.resume(), { writable: false })
      until.removeEventListener('abort', stop)
    } catch (error) {
      signal.throwIfAborted()
      this.#log('%p did not answer whether it calls - %e', relayed.remotePeer, error)
    }
    return this.#direct(relayed.remotePeer)
  }

  #direct(peerId: PeerId): Connection | undefined {
    return this.#components.connectionManager
      .getConnections(peerId)
      .find(connection => connection.status === 'open' && !isRelayed(connection))
  }

  async #call(relayed: Connection): Promise<void> {
    const { remotePeer } = relayed
    if (!isRelayed(relayed) || this.#direct(remotePeer) !== undefined) return
    if (this.#calling >= CALL_BACKS_MAX || !this.#isAllowed(remotePeer)) return
    const addresses = await this.#addressesOf(relayed)
    if (addresses.length === 0 || this.#calling >= CALL_BACKS_MAX) return
    this.#calling += 1
    try {
      // `force`: the relayed connection would do otherwise.
      await this.#components.connectionManager.openConnection(addresses, {
        signal: AbortSignal.timeout(CALL_BACK_MS),
        force: true
      })
    } catch (error) {
      this.#log('%p asked for a call and cannot be called - %e', remotePeer, error)
    } finally {
      this.#calling -= 1
    }
  }

  async #addressesOf({ remotePeer, remoteAddr }: Connection): Promise<Multiaddr[]> {
    const peer = await this.#components.peerStore.get(remotePeer).catch(() => undefined)
    const mayBePrivate = isPrivate(remoteAddr)
    const allowed = (peer?.addresses ?? [])
      .map(({ multiaddr }) => multiaddr)
      .filter(address => !isCircuit(address) && isIp(address) && (mayBePrivate || !isPrivate(address)))
      .slice(0, CALL_BACK_ADDRESSES_MAX)
    return dialTargetOf(remotePeer, contactOf(remotePeer, allowed))
  }

  #isAllowed(peerId: PeerId): boolean {
    const key = peerId.toString()
    const nowMs = performance.now()
    const asker =
      this.#askers.get(key) ??
      new TokenBucket(CALL_BACKS_PER_MINUTE, CALL_BACKS_PER_MINUTE / MINUTE_SECONDS, nowMs)
    this.#askers.delete(key)
    this.#askers.set(key, asker)
    if (this.#askers.size > CALL_BACK_ASKERS_MAX) this.#askers.delete(this.#askers.keys().next().value!)
    return asker.take(1, nowMs)
  }
}

/** Names are not looked up for strangers: they may lead anywhere. */
const isIp = (address: Multiaddr): boolean => /^ip[46]$/.test(address.getComponents()[0]?.name ?? '')
