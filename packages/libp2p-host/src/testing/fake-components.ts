/** The components of libp2p that a host uses, in memory: registrar, peer store, addresses, connections. */
import {
  type AbortOptions,
  type Address,
  type Connection,
  type Libp2pEvents,
  NotFoundError,
  type Peer,
  type PeerData,
  type PeerId,
  type Stream,
  type StreamHandler,
  type StreamHandlerOptions,
  type StreamMiddleware,
  type Topology,
  TypedEventEmitter
} from '@libp2p/interface'
import type { Registrar } from '@libp2p/interface-internal'

/** As libp2p's default. */
const INBOUND_STREAMS_MAX = 32

export interface FakeHandler {
  readonly handler: StreamHandler
  readonly options: StreamHandlerOptions
}

export class FakeRegistrar implements Registrar {
  readonly #handlers = new Map<string, FakeHandler>()
  readonly #topologies = new Map<string, { protocol: string; topology: Topology }>()
  readonly #onChange: () => void
  #nextTopology = 1

  constructor(onChange: () => void) {
    this.#onChange = onChange
  }

  getProtocols(): string[] {
    return [...this.#handlers.keys()].sort()
  }

  find(protocol: string): FakeHandler | undefined {
    return this.#handlers.get(protocol)
  }

  /** Gives the handler an inbound stream, within its limit for one connection. */
  accept({ handler, options }: FakeHandler, stream: Stream, connection: Connection): void {
    const open = connection.streams.filter(
      other => other.direction === 'inbound' && other.protocol === stream.protocol && other.status === 'open'
    )
    if (open.length > (options.maxInboundStreams ?? INBOUND_STREAMS_MAX)) {
      stream.abort(new Error('Too many inbound protocol streams.'))
      return
    }
    const handled = async () => {
      await handler(stream, connection)
    }
    handled().catch((error: Error) => stream.abort(error))
  }

  async handle(protocol: string, handler: StreamHandler, options: StreamHandlerOptions = {}): Promise<void> {
    this.#handlers.set(protocol, { handler, options })
    this.#onChange()
  }

  async unhandle(protocol: string): Promise<void> {
    this.#handlers.delete(protocol)
    this.#onChange()
  }

  getHandler(protocol: string): FakeHandler {
    const found = this.find(protocol)
    if (found === undefined) throw new NotFoundError(`Nobody handles ${protocol}.`)
    return found
  }

  use(_protocol: string, _middleware: StreamMiddleware[]): void {}

  unuse(_protocol: string): void {}

  getMiddleware(_protocol: string): StreamMiddleware[] {
    return []
  }

  async register(protocol: string, topology: Topology): Promise<string> {
    const id = String(this.#nextTopology)
    this.#nextTopology += 1
    this.#topologies.set(id, { protocol, topology })
    return id
  }

  unregister(id: string): void {
    this.#topologies.delete(id)
  }

  getTopologies(protocol: string): Topology[] {
    return [...this.#topologies.values()]
      .filter(entry => entry.protocol === protocol)
      .map(entry => entry.topology)
  }
}

type Tags = Map<string, { value: number }>

interface StoredPeer {
  readonly id: PeerId
  addresses: Address[]
  protocols: Set<string>
  readonly tags: Tags
}

/** What hosts use of libp2p's peer store: addresses, protocols and tags. */
export class FakePeerStore {
  readonly #peers = new Map<string, StoredPeer>()

  async get(peerId: PeerId, options?: AbortOptions): Promise<Peer> {
    options?.signal?.throwIfAborted()
    const stored = this.#peers.get(peerId.toString())
    if (stored === undefined) throw new NotFoundError('The peer is not known.')
    return this.#view(stored)
  }

  async has(peerId: PeerId): Promise<boolean> {
    return this.#peers.has(peerId.toString())
  }

  async all(): Promise<Peer[]> {
    return [...this.#peers.values()].map(stored => this.#view(stored))
  }

  async merge(peerId: PeerId, data: PeerData): Promise<Peer> {
    const key = peerId.toString()
    const stored: StoredPeer = this.#peers.get(key) ?? {
      id: peerId,
      addresses: [],
      protocols: new Set(),
      tags: new Map()
    }
    this.#peers.set(key, stored)
    const heard = (data.multiaddrs ?? []).map(multiaddr => ({ multiaddr, isCertified: false }))
    const byText = new Map<string, Address>()
    for (const { multiaddr, isCertified } of [...stored.addresses, ...(data.addresses ?? []), ...heard]) {
      const known = byText.get(`${multiaddr}`)
      byText.set(`${multiaddr}`, { multiaddr, isCertified: isCertified || known?.isCertified === true })
    }
    stored.addresses = [...byText.values()]
    for (const protocol of data.protocols ?? []) stored.protocols.add(protocol)
    const tags = data.tags instanceof Map ? data.tags : new Map(Object.entries(data.tags ?? {}))
    for (const [name, tag] of tags) {
      if (tag === undefined) stored.tags.delete(name)
      else stored.tags.set(name, { value: tag.value ?? 0 })
    }
    return this.#view(stored)
  }

  async patch(peerId: PeerId, data: PeerData): Promise<Peer> {
    const stored = this.#peers.get(peerId.toString())
    if (stored !== undefined && data.protocols !== undefined) stored.protocols = new Set()
    return await this.merge(peerId, data)
  }

  #view({ id, addresses, protocols, tags }: StoredPeer): Peer {
    return {
      id,
      addresses: [...addresses],
      protocols: [...protocols],
      metadata: new Map(),
      tags: new Map(tags)
    }
  }
}

export class FakeEvents extends TypedEventEmitter<Libp2pEvents> {}
