/**
 * libp2p's own Kademlia (`@libp2p/kad-dht`, unchanged) as an overlay: it finds providers of a content as it is, with
 * addresses that live as long as their records (`service-providers.ts`), and files by words with one protocol more
 * (`service-words.ts`). Who has files with a word provides the word's key; whoever searches asks those providers for them.
 */
import {
  type ContentRouting,
  contentRoutingSymbol,
  type PeerRouting,
  type PrivateKey,
  peerDiscoverySymbol,
  peerRoutingSymbol,
  type Startable,
  serviceCapabilities,
  serviceDependencies,
  start,
  stop
} from '@libp2p/interface'
import { type KadDHT, kadDHT, passthroughMapper, type SingleKadDHT } from '@libp2p/kad-dht'
import { multiaddr } from '@multiformats/multiaddr'
import { NotReadyError } from '@servent/key-routing'
import { type Clock, contactOf, type HostComponents, systemClock } from '@servent/libp2p-host'
import {
  type Catalogue,
  type ContentId,
  type Hit,
  LimitError,
  type Overlay,
  type OverlaySnapshot,
  OverlayStoppedError,
  type Provider,
  type Query,
  SealedRecords,
  type SearchOptions
} from '@servent/overlay'
import {
  KADEMLIA_PROTOCOL,
  KEYS_PROVIDED_MAX,
  PROVIDES_PER_SECOND,
  SEARCH_MS,
  SEARCHES_MAX,
  VALUE_MS
} from './constants.ts'
import { Announcer } from './service-announcer.ts'
import { rememberProviders } from './service-providers.ts'
import { Searches } from './service-search.ts'
import { type FoundValue, selectorOf, Values, validatorOf } from './service-values.ts'
import { Words } from './service-words.ts'

type KadComponents = Parameters<ReturnType<typeof kadDHT>>[0]

/** What libp2p gives a service, beside what a host needs: kad-dht pings whom it would evict, and keeps records. */
export interface KademliaComponents extends HostComponents {
  readonly privateKey: PrivateKey
  readonly datastore: KadComponents['datastore']
}

export interface KademliaInit {
  /** Signs records. Where it is not given, that of the libp2p node. */
  readonly privateKey?: PrivateKey
  /** Multiaddrs, with `/p2p`, of peers by whom the network is joined. Any other peer that speaks it will do, too. */
  readonly bootstrap?: readonly string[]
  /** k, peers in a bucket and holders of a record: 20. */
  readonly k?: number
  /** Requests under way at a time on each path of a lookup: 10. */
  readonly alpha?: number
  /** Paths of a lookup that share no peer: as many as `alpha`. */
  readonly disjointPaths?: number
  /** Asks others and answers nobody, as a peer must that nobody can reach. */
  readonly clientMode?: boolean
  readonly clock?: Clock
}

const STATES = { new: 'starting', running: 'running', stopped: 'stopped' } as const

export class KademliaService implements Overlay, Startable {
  readonly name = 'kademlia'
  readonly [Symbol.toStringTag] = '@servent/kademlia'
  readonly [serviceCapabilities]: string[] = ['@servent/kademlia']
  readonly [serviceDependencies]: string[] = ['@libp2p/identify', '@libp2p/ping']
  readonly #components: KademliaComponents
  readonly #init: KademliaInit
  readonly #clock: Clock
  readonly #dht: KadDHT & SingleKadDHT
  readonly #words: Words
  readonly #searches: Searches
  readonly #values: Values
  readonly #announcer: Announcer
  /** Peers that speak this, by their PeerIds. */
  readonly #neighbours = new Map<string, { readonly inbound: boolean; readonly sinceMs: number }>()
  readonly #counters = { searches: 0, messagesSent: 0, messagesReceived: 0 }
  #state: keyof typeof STATES = 'new'
  #running = 0
  #catalogue: Catalogue | undefined
  #topology: string | undefined
  #ended = new AbortController()

  constructor(components: KademliaComponents, init: KademliaInit = {}) {
    const { privateKey = components.privateKey, clock = systemClock, k, alpha, disjointPaths } = init
    this.#components = components
    this.#init = init
    this.#clock = clock
    const log = components.logger.forComponent('servent:kademlia')
    this.#dht = kadDHT({
      protocol: KADEMLIA_PROTOCOL,
      clientMode: init.clientMode ?? false,
      // Addresses of a private network are as good as others here: who is dialled proves its PeerId.
      peerInfoMapper: passthroughMapper,
      logPrefix: 'servent:kademlia',
      datastorePrefix: '/servent/kademlia',
      metricsPrefix: 'servent_kademlia',
      validators: { servent: validatorOf(clock) },
      selectors: { servent: selectorOf(clock) },
      ...(k === undefined ? {} : { kBucketSize: k }),
      ...(alpha === undefined ? {} : { alpha }),
      ...(disjointPaths === undefined ? {} : { disjointPaths })
      // Among libp2p's components is its own ping, which its type for services does not say.
    })(components as unknown as KadComponents) as KadDHT & SingleKadDHT
    rememberProviders(this.#dht, components.peerStore, clock)
    const self = () => contactOf(components.peerId, components.addressManager.getAddresses())
    this.#words = new Words(components, {
      clock,
      log,
      sealed: new SealedRecords(privateKey),
      catalogue: () => this.#catalogue
    })
    this.#searches = new Searches({ dht: this.#dht, words: this.#words, clock, self: `${components.peerId}` })
    this.#values = new Values({ dht: () => this.#dht, clock, privateKey, self })
    this.#announcer = new Announcer({
      clock,
      isReady: () => this.#dht.routingTable.size > 0,
      provide: (cid, signal) => this.#provide(cid, signal),
      withdraw: cid => this.#dht.cancelReprovide(cid),
      onError: error => log('announcing failed and goes on - %e', error)
    })
  }

  get [contentRoutingSymbol](): ContentRouting {
    return (this.#dht as unknown as { [contentRoutingSymbol]: ContentRouting })[contentRoutingSymbol]
  }

  get [peerRoutingSymbol](): PeerRouting {
    return (this.#dht as unknown as { [peerRoutingSymbol]: PeerRouting })[peerRoutingSymbol]
  }

  get [peerDiscoverySymbol](): unknown {
    return (this.#dht as unknown as { [peerDiscoverySymbol]: unknown })[peerDiscoverySymbol]
  }

  async start(): Promise<void> {
    this.#ended = new AbortController()
    const { registrar, connectionManager } = this.#components
    await start(this.#dht)
    await this.#words.start()
    this.#topology = await registrar.register(KADEMLIA_PROTOCOL, {
      onConnect: (peer, connection) => {
        const inbound = connection.direction === 'inbound'
        this.#neighbours.set(`${peer}`, { inbound, sinceMs: this.#clock.nowMs() })
      },
      onDisconnect: peer => void this.#neighbours.delete(`${peer}`)
    })
    this.#state = 'running'
    if (this.#catalogue !== undefined) this.#announcer.attach(this.#catalogue)
    this.#announcer.start()
    for (const address of this.#init.bootstrap ?? []) {
      connectionManager
        .openConnection(multiaddr(address), { signal: this.#ended.signal })
        // Whoever does not answer now may later, when it comes by itself or is told of by others.
        .catch(() => {})
    }
  }

  async stop(): Promise<void> {
    this.#state = 'stopped'
    this.#ended.abort(new OverlayStoppedError('The overlay stops.'))
    this.#announcer.stop()
    if (this.#topology !== undefined) this.#components.registrar.unregister(this.#topology)
    this.#neighbours.clear()
    await this.#words.stop()
    await stop(this.#dht)
  }

  attach(catalogue: Catalogue): void {
    this.#catalogue = catalogue
    if (this.#state === 'running') this.#announcer.attach(catalogue)
  }

  /**
   * Looks up who has files with the words, and asks at most `ASKED_PER_SEARCH_MAX` of them, at most `ASKED_AT_A_TIME` at
   * a time and `ASKED_WAITED_FOR_MAX` with those who take long. Ends with the query's limit, with the answers, or after
   * `timeoutMs` (`SEARCH_MS`).
   *
   * @throws NotReadyError        this peer knew nobody in that time
   * @throws LimitError           `SEARCHES_MAX` are under way
   * @throws OverlayStoppedError  the overlay does not run
   */
  search(query: Query, options: SearchOptions = {}): AsyncGenerator<Hit, void> {
    return this.#run(options, (signal, traffic) => this.#searches.search(query, signal, traffic))
  }

  /** @throws as `search` */
  findProviders(id: ContentId, options: SearchOptions = {}): AsyncGenerator<Provider, void> {
    return this.#run(options, (signal, traffic) => this.#searches.providers(id, signal, traffic))
  }

  /**
   * Keeps a value for a day on the k peers nearest to its key. Anybody may overwrite it with a newer one.
   *
   * @throws ValueError           it is too long, or nobody took it
   * @throws OverlayStoppedError  the overlay does not run
   */
  async put(
    key: string | Uint8Array,
    value: Uint8Array,
    { signal }: { readonly signal?: AbortSignal } = {}
  ): Promise<{ copies: number }> {
    return this.#values.put(bytesOf(key), value, this.#until(signal, VALUE_MS))
  }

  /** The newest value under a key; nothing where nobody who was asked has one. @throws OverlayStoppedError */
  async get(
    key: string | Uint8Array,
    { signal }: { readonly signal?: AbortSignal } = {}
  ): Promise<FoundValue | undefined> {
    return this.#values.get(bytesOf(key), this.#until(signal, VALUE_MS))
  }

  snapshot(): OverlaySnapshot {
    const nowMs = this.#clock.nowMs()
    return {
      name: this.name,
      state: STATES[this.#state],
      mode: this.#dht.getMode(),
      k: this.#dht.k,
      alpha: this.#dht.a,
      disjointPaths: this.#dht.d,
      routingTable: this.#dht.routingTable.size,
      neighbours: [...this.#neighbours].map(([peerId, { inbound, sinceMs }]) => ({
        peerId,
        inbound,
        connectedMs: Math.round(nowMs - sinceMs)
      })),
      announced: this.#announcer.progress,
      announcing: {
        keys: this.#announcer.keys,
        keysMax: KEYS_PROVIDED_MAX,
        keysPerSecond: PROVIDES_PER_SECOND
      },
      counters: { ...this.#counters, ...this.#words.counters, ...this.#announcer.counters }
    }
  }

  async *#run<T>(
    { signal, timeoutMs = SEARCH_MS, traffic = { messages: 0, bytes: 0 } }: SearchOptions,
    begin: (signal: AbortSignal, traffic: { messages: number; bytes: number }) => AsyncGenerator<T, void>
  ): AsyncGenerator<T, void> {
    const until = this.#until(signal, timeoutMs)
    if (this.#running >= SEARCHES_MAX)
      throw new LimitError(
        'SEARCHES_MAX',
        `At most ${SEARCHES_MAX} searches run at a time. Search again later.`
      )
    this.#running += 1
    this.#counters.searches += 1
    // So that what is under way ends with whoever asked.
    const left = new AbortController()
    let count = 0
    try {
      for await (const one of begin(AbortSignal.any([until, left.signal]), traffic)) {
        count += 1
        yield one
      }
    } catch (error) {
      signal?.throwIfAborted()
      // Its time is over: what was found was told.
      if (!until.aborted || this.#ended.signal.aborted) throw error
    } finally {
      left.abort(new Error('Nobody waits for more.'))
      this.#running -= 1
    }
    if (count === 0 && until.aborted && this.#dht.routingTable.size === 0) {
      throw new NotReadyError(
        `kademlia knows no other peer yet, so nobody could be asked. It needs one that speaks ${KADEMLIA_PROTOCOL}.`
      )
    }
  }

  #until(signal: AbortSignal | undefined, timeoutMs: number): AbortSignal {
    if (this.#state !== 'running') throw new OverlayStoppedError('kademlia does not run.')
    const ends = [AbortSignal.timeout(timeoutMs), this.#ended.signal]
    return AbortSignal.any(signal === undefined ? ends : [...ends, signal])
  }

  async #provide(cid: Parameters<KadDHT['provide']>[0], signal: AbortSignal): Promise<void> {
    let kept = 0
    for await (const event of this.#dht.provide(cid, { signal })) {
      if (event.name === 'PEER_RESPONSE' && event.messageName === 'ADD_PROVIDER') kept += 1
    }
    if (kept === 0) throw new Error('Nobody took the key.')
  }
}

const bytesOf = (key: string | Uint8Array): Uint8Array =>
  typeof key === 'string' ? new TextEncoder().encode(key) : key
