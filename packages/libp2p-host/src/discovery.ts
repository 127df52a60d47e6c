/** How a host hears of peers: discovery, topologies, and the streams that they open. */
import type { Connection, Libp2pEvents, PeerId, PeerInfo, Stream } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { STREAMS_A_CONNECTION_MAX } from './limits.ts'
import type { HostComponents } from './types.ts'

/** Where a peer is said to be. */
export interface HeardAddresses {
  /** By the record that it signed: identify brings it. */
  readonly own: readonly Multiaddr[]
  /** By anybody: discovery, and what else the peer store was told. */
  readonly hearsay: readonly Multiaddr[]
}

export interface DiscoveryInit {
  readonly components: HostComponents
  readonly protocol: string
  readonly acceptInbound: boolean
  /** `hasOpened`: it is heard of by a stream that it opened. */
  readonly onPeer: (peerId: PeerId, addresses: HeardAddresses, hasOpened: boolean) => void
  readonly onStream: (stream: Stream, connection: Connection) => void
  readonly onSelfChanged: () => void
}

export class Discovery {
  readonly #init: DiscoveryInit
  readonly #onDiscovery: (event: CustomEvent<PeerInfo>) => void
  readonly #onSelf: (event: Libp2pEvents['self:peer:update']) => void
  /**
   * Where the program has registered middleware for this protocol, libp2p 3.3 calls a handler several times
   * for one stream, once more with each stream. What this house needs done first, handlers do themselves.
   */
  readonly #seen = new WeakSet<Stream>()
  #topology: string | undefined
  #handling = false
  #ended = false

  constructor(init: DiscoveryInit) {
    this.#init = init
    this.#onDiscovery = event =>
      init.onPeer(event.detail.id, { own: [], hearsay: event.detail.multiaddrs }, false)
    this.#onSelf = () => init.onSelfChanged()
  }

  async start(): Promise<void> {
    const { components, protocol, acceptInbound } = this.#init
    const { events, registrar, connectionManager } = components
    events.addEventListener('peer:discovery', this.#onDiscovery)
    events.addEventListener('self:peer:update', this.#onSelf)
    const topology = await registrar.register(protocol, { onConnect: peerId => this.#known(peerId, true) })
    if (this.#ended) {
      registrar.unregister(topology)
      return
    }
    this.#topology = topology
    if (acceptInbound) {
      this.#handling = true
      await registrar.handle(protocol, (stream, connection) => this.#accept(stream, connection), {
        maxInboundStreams: STREAMS_A_CONNECTION_MAX,
        maxOutboundStreams: STREAMS_A_CONNECTION_MAX,
        // A peer behind a relay has its overlays nevertheless. Whom only a relay leads to is not sought: it may come.
        runOnLimitedConnection: true
      })
    }
    // Topologies tell of peers that are identified from now on, not of those that are connected already.
    const connected = new Map(
      connectionManager.getConnections().map(({ remotePeer }) => [`${remotePeer}`, remotePeer])
    )
    await Promise.all([...connected.values()].map(peerId => this.#known(peerId, false)))
  }

  /** Tells what libp2p knows of a peer that has opened a stream of the protocol. */
  async learn(peerId: PeerId): Promise<void> {
    await this.#known(peerId, true, true)
  }

  /** No streams and no peers come any more. */
  async stop(): Promise<void> {
    if (this.#ended) return
    this.#ended = true
    const { events, registrar } = this.#init.components
    events.removeEventListener('peer:discovery', this.#onDiscovery)
    events.removeEventListener('self:peer:update', this.#onSelf)
    if (this.#topology !== undefined) registrar.unregister(this.#topology)
    if (this.#handling) await registrar.unhandle(this.#init.protocol)
  }

  #accept(stream: Stream, connection: Connection): void {
    if (this.#seen.has(stream)) return
    this.#seen.add(stream)
    if (this.#ended) stream.abort(new Error('This overlay has stopped.'))
    else this.#init.onStream(stream, connection)
  }

  async #known(peerId: PeerId, speaksProtocol: boolean, hasOpened = false): Promise<void> {
    const { components, protocol, onPeer } = this.#init
    const own: Multiaddr[] = []
    const hearsay: Multiaddr[] = []
    let speaks = speaksProtocol
    try {
      const peer = await components.peerStore.get(peerId)
      for (const { multiaddr, isCertified } of peer.addresses) (isCertified ? own : hearsay).push(multiaddr)
      speaks ||= peer.protocols.includes(protocol)
    } catch {
      // The peer store has not heard of it: its connection is all there is to reach it by.
    }
    if (speaks && !this.#ended) onPeer(peerId, { own, hearsay }, hasOpened)
  }
}
