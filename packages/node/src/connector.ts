/**
 * How a download reaches a provider: a stream of HTTP on a connection to it, dialled where there is none,
 * and where it cannot be dialled a call back, which the overlay that gave the route asks it for.
 */
import type { Connection, Libp2p } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { streamDuplex } from '@servent/libp2p-host'
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

/** A direct dial may take this long where the provider can be asked to call instead. */
const DIRECT_BEFORE_PUSH_MS = 5_000
/** Addresses of a provider that are looked at; a hit or ticket brings no more. */
const ADDRESSES_MAX = 8

export class NodeConnector implements Connector {
  readonly #network: Libp2p
  readonly #pusher: (overlay: OverlayName) => Pusher | undefined

  constructor(network: Libp2p, pusher: (overlay: OverlayName) => Pusher | undefined) {
    this.#network = network
    this.#pusher = pusher
  }

  /** @throws whatever the last way tried failed with */
  async connect(provider: Provider, id: ContentId, signal: AbortSignal): Promise<SourceConnection> {
    const { push } = provider
    const pusher = push === undefined ? undefined : this.#pusher(push.overlay)
    if (pusher === undefined) return this.#direct(provider, signal)
    try {
      return await this.#direct(
        provider,
        AbortSignal.any([signal, AbortSignal.timeout(DIRECT_BEFORE_PUSH_MS)])
      )
    } catch {
      signal.throwIfAborted()
      return { ...(await pusher.push(provider, id, signal)), relayed: false }
    }
  }

  async #direct(provider: Provider, signal: AbortSignal): Promise<SourceConnection> {
    const peerId = peerIdFromString(provider.peerId)
    const open = this.#network.getConnections(peerId).find(connection => connection.status === 'open')
    const connection = open ?? (await this.#dial(provider, signal))
    const stream = await connection.newStream(HTTP_PROTOCOL, { signal })
    return { duplex: streamDuplex(stream), peerId: provider.peerId, relayed: isRelayed(connection) }
  }

  /** By the addresses that came with the provider, and by those that libp2p knows: it may have moved. */
  async #dial(provider: Provider, signal: AbortSignal): Promise<Connection> {
    const peerId = peerIdFromString(provider.peerId)
    const known = await this.#network.peerStore.get(peerId).then(
      peer => peer.addresses.map(({ multiaddr: address }) => address.toString()),
      () => []
    )
    const addresses = dialable(provider.peerId, [...provider.addresses.slice(0, ADDRESSES_MAX), ...known])
    if (addresses.length > 0) return this.#network.dial(addresses, { signal })
    return this.#network.dial(peerId, { signal })
  }
}

/** Goes through another peer, which bounds what may be sent over it. */
export const isRelayed = (connection: Connection): boolean =>
  connection.limits !== undefined || connection.remoteAddr.toString().includes('/p2p-circuit')

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
