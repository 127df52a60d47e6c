/**
 * How a download reaches a provider, by the first of these ways that leads there: a connection that stands, an address
 * of its own, a call back that the overlay which found it asks it for, and a relay. Over a relay it is asked to call, too:
 * what it answers with a direct connection costs the relay nothing.
 */
import type { Connection, Libp2p, PeerId } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { isCircuit, isRelayed, streamDuplex } from '@servent/libp2p-host'
import type { ContentId, Overlay, OverlayName, Provider } from '@servent/overlay'
import type { Connector, SourceConnection } from '@servent/transfer'

/** `transfer`'s, whose code is not loaded for this one word; the compiler holds the two together. */
export const HTTP_PROTOCOL: typeof import('@servent/transfer').HTTP_PROTOCOL = '/http/1.1'

/** An overlay that can ask a peer to call: Gnutella's service has this shape. */
export interface Pusher {
  push(provider: Provider, id: ContentId, signal: AbortSignal): Promise<Omit<SourceConnection, 'relayed'>>
}

export const isPusher = (overlay: Overlay | undefined): overlay is Overlay & Pusher =>
  typeof (overlay as Partial<Pusher> | undefined)?.push === 'function'

/** A direct dial may take this long where there is another way. */
const DIRECT_MS = 5_000
/** Between two times that a peer is asked to call. */
const ASK_AGAIN_MS = 60_000
/** Peers of which that is remembered. */
const ASKED_PEERS = 256
/** Addresses of a provider that are looked at; a hit or ticket brings no more. */
const ADDRESSES_MAX = 8

export interface ConnectorInit {
  readonly network: Libp2p
  readonly pusher: (overlay: OverlayName) => Pusher | undefined
  /** Has a peer at the other end of a relayed connection call; nothing where it does not. */
  readonly callBack: (relayed: Connection, signal: AbortSignal) => Promise<Connection | undefined>
}

export class NodeConnector implements Connector {
  readonly #network: Libp2p
  readonly #init: ConnectorInit
  /** When peers were asked to call, the latest last. */
  readonly #asked = new Map<string, number>()

  constructor(init: ConnectorInit) {
    this.#network = init.network
    this.#init = init
  }

  /** @throws whatever the last way tried failed with */
  async connect(provider: Provider, id: ContentId, signal: AbortSignal): Promise<SourceConnection> {
    const held = this.#held(provider.peerId)
    const direct = held.find(connection => !isRelayed(connection))
    if (direct !== undefined) return this.#stream(direct, signal)
    const { own, relayed } = await this.#addresses(provider)
    const { push } = provider
    const pusher = push === undefined ? undefined : this.#init.pusher(push.overlay)
    const ways: (() => Promise<SourceConnection>)[] = []
    // What did not lead to a direct connection a moment ago is not tried again while there is another way.
    const isTried = held.length > 0 && this.#wasAsked(provider.peerId)
    if (own.length > 0 && !isTried)
      ways.push(() => this.#direct(own, signal, pusher !== undefined || relayed.length + held.length > 0))
    if (pusher !== undefined && !isTried) {
      ways.push(async () => ({ ...(await pusher.push(provider, id, signal)), relayed: false }))
    }
    if (relayed.length > 0 || held.length > 0)
      ways.push(() => this.#relayed(provider.peerId, relayed, signal))
    // Nobody said where it is: libp2p's peer routing may know.
    if (ways.length === 0) ways.push(() => this.#direct(peerIdFromString(provider.peerId), signal, false))
    return firstOf(ways, signal)
  }

  #held(peerId: string): Connection[] {
    return this.#network.getConnections(peerIdFromString(peerId)).filter(({ status }) => status === 'open')
  }

  async #direct(to: PeerId | Multiaddr[], signal: AbortSignal, mayFail: boolean): Promise<SourceConnection> {
    const within = mayFail ? AbortSignal.any([signal, AbortSignal.timeout(DIRECT_MS)]) : signal
    // `force`: a relayed connection that stands would do otherwise.
    return this.#stream(await this.#network.dial(to, { signal: within, force: true }), within)
  }

  /** Over a relay, or over the connection that comes when the peer at the other end is asked to call. */
  async #relayed(peerId: string, addresses: Multiaddr[], signal: AbortSignal): Promise<SourceConnection> {
    // Another source of this download may have got one meanwhile.
    const held = this.#held(peerId)
    const found = held.find(connection => !isRelayed(connection))
    if (found !== undefined) return this.#stream(found, signal)
    const relayed = held[0] ?? (await this.#network.dial(addresses, { signal }))
    const direct = this.#mayAsk(peerId) ? await this.#init.callBack(relayed, signal) : undefined
    if (direct === undefined) return this.#stream(relayed, signal)
    // It has a place at the relay for as long as it stands.
    if (relayed.streams.length === 0) relayed.close().catch(error => relayed.abort(error))
    return this.#stream(direct, signal)
  }

  #wasAsked(peer: string): boolean {
    const askedMs = this.#asked.get(peer)
    return askedMs !== undefined && performance.now() - askedMs < ASK_AGAIN_MS
  }

  /** A peer that did not call is asked again after a while: more than one source of a download is asked at a time. */
  #mayAsk(peer: string): boolean {
    if (this.#wasAsked(peer)) return false
    this.#asked.delete(peer)
    this.#asked.set(peer, performance.now())
    if (this.#asked.size > ASKED_PEERS) this.#asked.delete(this.#asked.keys().next().value!)
    return true
  }

  async #stream(connection: Connection, signal: AbortSignal): Promise<SourceConnection> {
    const stream = await connection.newStream(HTTP_PROTOCOL, { signal, runOnLimitedConnection: true })
    const peerId = connection.remotePeer.toString()
    return { duplex: streamDuplex(stream), peerId, relayed: isRelayed(connection) }
  }

  /** Those that came with the provider, and those that libp2p knows: it may have moved. */
  async #addresses({ peerId, addresses }: Provider): Promise<{ own: Multiaddr[]; relayed: Multiaddr[] }> {
    const known = await this.#network.peerStore.get(peerIdFromString(peerId)).then(
      peer => peer.addresses.map(({ multiaddr: address }) => address.toString()),
      () => []
    )
    const all = dialable(peerId, [...addresses.slice(0, ADDRESSES_MAX), ...known])
    return { own: all.filter(address => !isCircuit(address)), relayed: all.filter(isCircuit) }
  }
}

/** Tries one after the other. */
async function firstOf<T>(ways: readonly (() => Promise<T>)[], signal: AbortSignal): Promise<T> {
  let last: unknown
  for (const way of ways) {
    signal.throwIfAborted()
    try {
      return await way()
    } catch (error) {
      signal.throwIfAborted()
      last = error
    }
  }
  throw last
}

/** Addresses of a peer, each once and with its PeerId, so that nobody else can answer in its place. */
function dialable(peerId: string, texts: readonly string[]): Multiaddr[] {
  const whole = texts.flatMap(text => {
    try {
      const address = multiaddr(text)
      const last = address.getComponents().at(-1)
      if (last?.name !== 'p2p') return [address.encapsulate(`/p2p/${peerId}`).toString()]
      return last.value === peerId ? [address.toString()] : []
    } catch {
      // A peer wrote it; another address may do.
      return []
    }
  })
  return [...new Set(whole)].map(text => multiaddr(text))
}
