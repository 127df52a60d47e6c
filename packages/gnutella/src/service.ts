/** Gnutella as a libp2p service: the machine on its host, searches and pushes as promises. */
import type { Duplex } from 'node:stream'
import {
  type Logger,
  type PrivateKey,
  type Startable,
  serviceCapabilities,
  serviceDependencies
} from '@libp2p/interface'
import {
  type Clock,
  type HostComponents,
  type HostLimits,
  MachineHost,
  multiaddrsOfContact,
  PushCalls,
  PushError,
  type PushedConnection,
  pushRouteOf,
  REACHABILITY_EVENTS,
  RunningSearches,
  type StateStore,
  stateOf,
  systemClock,
  type TraceStep,
  withTraffic
} from '@servent/libp2p-host'
import {
  type Catalogue,
  type ContentId,
  clamp,
  type FileRecord,
  given,
  type Hit,
  matches,
  type Overlay,
  type OverlaySnapshot,
  type Provider,
  peerIdText,
  QUERY_RESULTS_MAX,
  type Query,
  SealedRecords,
  type SearchOptions
} from '@servent/overlay'
import {
  IDLE_MS,
  LINKS_OVER_PLACES_MAX,
  NEIGHBOURS_DEFAULT,
  NEIGHBOURS_MAX,
  QUEUE_BYTES_HIGH,
  QUEUE_BYTES_LOW,
  QUEUE_BYTES_MAX,
  SEARCH_MS
} from './constants.ts'
import { urnOfCid } from './huge.ts'
import { GnutellaMachine } from './machine.ts'
import { Answers } from './service-answers.ts'
import { givSubject, givWords, PUSH_PROTOCOL } from './service-push.ts'
import { type Found, GnutellaSearch, type GnutellaSearchInit } from './service-search.ts'
import { type Bandwidth, Sharing } from './service-sharing.ts'
import { LEAVES_MAX } from './tier-constants.ts'
import type { GnutellaNotice, GnutellaTypes, Role, SearchStyle, Wanted } from './types.ts'
import { gnutellaCodec } from './wire.ts'

export const GNUTELLA_PROTOCOL = '/servent/gnutella/0.6.0'

export interface GnutellaInit {
  /** Signs the records of what is shared: the node's own key. */
  readonly privateKey: PrivateKey
  /** Places for neighbours where all are alike: `NEIGHBOURS_DEFAULT` where it is not said, at most `NEIGHBOURS_MAX`. */
  readonly neighbours?: number
  /** TTL of own queries: `TTL_MAX`, which is the most, where it is not said. In the two tiers, between ultrapeers. */
  readonly ttl?: number
  /** What the handshake says: `Servent` where it is not said. */
  readonly agent?: string
  /** Walkers of a search of the style `random-walk`: `WALKERS_DEFAULT` where it is not said. */
  readonly walkers?: number
  /** False: repeated queries of others are not answered from the cache. */
  readonly queryCache?: boolean
  /** Serves HTTP to a peer that was called because it asked. Without it nobody is called. */
  readonly servePushed?: (duplex: Duplex, peerId: string) => void
  /** Keeps the host cache and the servent's GUID between runs. */
  readonly store?: StateStore
  /** Whether others cannot dial this peer; asked whenever it matters. */
  readonly firewalled?: () => boolean
  /** Bytes a second that this peer can take and give, where that is known; asked whenever it matters. */
  readonly bandwidth?: () => Bandwidth
  /** `flat` where it is not said. */
  readonly role?: Role
  /** Whether route tables are told to others: yes where it is not said. */
  readonly queryRouting?: boolean
  /** Places for leaves of an ultrapeer, `LEAVES_DEFAULT` where it is not said, and for other ultrapeers, `DEGREE_DEFAULT`. */
  readonly leaves?: number
  readonly degree?: number
  /** How searches are spread: `dynamic` where it is not said, which in a network without tiers is a flood. */
  readonly search?: SearchStyle
  /** False: no link from others is taken. */
  readonly acceptInbound?: boolean
  readonly limits?: Partial<HostLimits>
  readonly clock?: Clock
  readonly random?: () => number
  readonly trace?: (step: TraceStep<GnutellaTypes>) => void
}

export interface GnutellaSearchOptions extends SearchOptions {
  /** Results after which a search goes no further, if its style lets it: as many as the query's limit where it is not said. */
  readonly enough?: number
}

export class GnutellaService implements Overlay, Startable {
  readonly name = 'gnutella'
  readonly [Symbol.toStringTag] = '@servent/gnutella'
  readonly [serviceCapabilities]: string[] = ['@servent/gnutella']
  /** Topologies, by which peers of this protocol are known, come of identify. */
  readonly [serviceDependencies]: string[] = ['@libp2p/identify']
  readonly #components: HostComponents
  readonly #init: GnutellaInit
  readonly #clock: Clock
  readonly #log: Logger
  readonly #records: SealedRecords
  readonly #answers: Answers
  readonly #searches: RunningSearches<GnutellaNotice, Found, GnutellaSearch>
  #host: MachineHost<GnutellaTypes>
  #pushes: PushCalls
  #places: number
  #degree: number | undefined
  #catalogue: Catalogue | undefined
  readonly #sharing: Sharing
  readonly #onSelf = () => this.#sharing.tell()

  constructor(components: HostComponents, init: GnutellaInit) {
    this.#components = components
    this.#init = init
    this.#clock = init.clock ?? systemClock
    this.#log = components.logger.forComponent('servent:gnutella')
    this.#places = clamp(init.neighbours ?? NEIGHBOURS_DEFAULT, 1, NEIGHBOURS_MAX)
    this.#degree = init.degree
    this.#searches = new RunningSearches({
      clock: this.#clock,
      onEnd: search => {
        if (this.#host.state === 'running') this.#host.command({ type: 'end-search', search })
      }
    })
    this.#records = new SealedRecords(init.privateKey)
    this.#answers = new Answers({
      records: this.#records,
      catalogue: () => this.#catalogue,
      wallMs: () => this.#clock.wallMs(),
      wants: (search, record) => this.#searches.get(search)?.wants(record) ?? false
    })
    this.#sharing = new Sharing({
      catalogue: () => this.#catalogue,
      firewalled: () => init.firewalled?.() ?? false,
      bandwidth: () => init.bandwidth?.() ?? {},
      tiered: (init.role ?? 'flat') !== 'flat',
      clock: this.#clock,
      log: this.#log,
      command: command => {
        if (this.#host.state === 'running') this.#host.command(command)
      },
      onChanged: index => this.#records.forget(index)
    })
    this.#host = this.#newHost()
    this.#pushes = this.#newPushes()
  }

  async start(): Promise<void> {
    // A host runs once; libp2p may be started again.
    if (this.#host.state !== 'new') {
      this.#host = this.#newHost()
      this.#pushes = this.#newPushes()
    }
    await this.#host.start()
    await this.#pushes.start()
    for (const event of REACHABILITY_EVENTS) this.#components.events.addEventListener(event, this.#onSelf)
    this.#sharing.start()
  }

  /** Neighbours are told goodbye while their connections are still open. */
  async beforeStop(): Promise<void> {
    await this.#host.beforeStop()
  }

  async stop(): Promise<void> {
    for (const event of REACHABILITY_EVENTS) this.#components.events.removeEventListener(event, this.#onSelf)
    this.#sharing.stop()
    this.#searches.endAll()
    await this.#host.stop()
    await this.#pushes.stop()
  }

  attach(catalogue: Catalogue): void {
    this.#catalogue = catalogue
    if (this.#host.state === 'running') this.#sharing.follow()
  }

  /**
   * Floods a query and gives hits as they come, each verified, one for each file and provider. Ends after
   * `timeoutMs` (`SEARCH_MS` where it is not said) or with the query's limit.
   *
   * @throws OverlayStoppedError  the overlay does not run
   * @throws SearchRefusedError   too many searches run, or the query is one that peers ignore
   */
  async *search(query: Query, options: GnutellaSearchOptions = {}): AsyncGenerator<Hit, void> {
    const wanted = { text: query.text, urns: [] }
    const wants = (record: FileRecord) => matches(query, record)
    for await (const found of this.#flood(wanted, { wants, limit: query.limit }, options)) {
      const { record, notice, elapsedMs } = found
      yield { record, provider: providerOf(found), overlay: this.name, hops: notice.hops, elapsedMs }
    }
  }

  /**
   * Asks for a content by `urn:cid`, as HUGE asks by `urn:sha1`.
   *
   * @throws OverlayStoppedError  the overlay does not run
   * @throws SearchRefusedError   too many searches run
   */
  async *findProviders(id: ContentId, options: SearchOptions = {}): AsyncGenerator<Provider, void> {
    const wanted = { text: '', urns: [urnOfCid(id.toString())] }
    const wants = (record: FileRecord) => record.id.equals(id)
    for await (const found of this.#flood(wanted, { wants, limit: QUERY_RESULTS_MAX }, options)) {
      yield providerOf(found)
    }
  }

  /**
   * Has a provider that cannot be dialled call this peer, and gives the stream on which it serves HTTP.
   *
   * @throws PushError            it has no route, nobody can call this peer, the way is not known any more,
   *                              or it did not call in time
   * @throws OverlayStoppedError  the overlay does not run
   */
  async push(provider: Provider, id: ContentId, signal: AbortSignal): Promise<PushedConnection> {
    const self = this.#host.selfContact()
    const { servent, index } = pushRouteOf(this.name, provider, id, self)
    return this.#pushes.wait(
      { peerId: provider.peerId, subject: givSubject(servent, index) },
      nonce => this.#askPush(servent, index, nonce),
      signal
    )
  }

  /** Changes the number of places while the overlay runs: for neighbours, or in the two tiers for other ultrapeers. */
  resize(neighbours: number): void {
    this.#places = clamp(neighbours, 1, NEIGHBOURS_MAX)
    this.#degree = this.#places
    if (this.#host.state === 'running') this.#host.command({ type: 'resize', neighbours: this.#places })
  }

  snapshot(): OverlaySnapshot {
    const { neighbours, counters, ...tables } = this.#host.snapshot()
    return {
      ...tables,
      // By which an introducer lists it; of equals there is none.
      ...given({ role: tables.tiers?.tier }),
      name: this.name,
      ...stateOf(this.#host),
      neighbours: withTraffic(neighbours, this.#host.links()),
      counters: { ...this.#host.counters, ...counters, ...this.#pushes.counters }
    }
  }

  #flood(
    wanted: Wanted,
    init: Pick<GnutellaSearchInit, 'wants' | 'limit'>,
    { signal, timeoutMs = SEARCH_MS, ttl, traffic, enough = init.limit }: GnutellaSearchOptions
  ): AsyncGenerator<Found, void> {
    const search = new GnutellaSearch({ ...init, traffic, nowMs: () => this.#clock.nowMs() })
    const command = () => this.#host.command({ type: 'search', ...wanted, enough, ...given({ ttl }) })
    return this.#searches.read(search, command, { signal, timeoutMs })
  }

  #askPush(servent: string, index: number, nonce: Uint8Array): void {
    let refusal: string | undefined
    const take = (notice: GnutellaNotice) => {
      if (notice.type === 'push-refused') refusal = notice.reason
    }
    this.#searches.begin({ take }, () => this.#host.command({ type: 'push', servent, index, nonce }))
    if (refusal !== undefined) throw new PushError(refusal)
  }

  #onNotice(notice: GnutellaNotice): void {
    switch (notice.type) {
      case 'found':
      case 'search-traffic':
      case 'search-refused':
        this.#searches.take(notice.search, notice)
        break
      case 'push-sent':
      case 'push-refused':
        this.#searches.take(undefined, notice)
        break
      case 'push-asked':
        void this.#pushes.call(notice)
        break
    }
  }

  #newHost(): MachineHost<GnutellaTypes> {
    const { store, acceptInbound, limits, clock, random, trace } = this.#init
    const { ttl, agent, role, queryRouting, leaves, search, walkers, queryCache } = this.#init
    const degree = this.#degree
    // The machine keeps to its places, which the user may change; these are for all that it could have.
    const leavesMax = (role ?? 'flat') === 'flat' ? 0 : LEAVES_MAX
    const linksMax = NEIGHBOURS_MAX + leavesMax + LINKS_OVER_PLACES_MAX
    const settings = {
      neighbours: this.#places,
      ...given({ ttl, agent, role, queryRouting, leaves, degree, search, walkers, queryCache })
    }
    return new MachineHost<GnutellaTypes>(this.#components, {
      name: this.name,
      protocol: GNUTELLA_PROTOCOL,
      machine: new GnutellaMachine(settings),
      codec: gnutellaCodec,
      limits: {
        linksMax,
        inboundLinksMax: linksMax,
        queueBytesMax: QUEUE_BYTES_MAX,
        queueBytesHigh: QUEUE_BYTES_HIGH,
        queueBytesLow: QUEUE_BYTES_LOW,
        idleMs: IDLE_MS,
        ...limits
      },
      answer: question => {
        this.#sharing.tell()
        return this.#answers.to(question)
      },
      onNotice: notice => this.#onNotice(notice),
      ...given({ store, acceptInbound, clock, random, trace })
    })
  }

  #newPushes(): PushCalls {
    return new PushCalls({
      components: this.#components,
      log: this.#log,
      protocol: PUSH_PROTOCOL,
      words: givWords(() => this.#host.snapshot().servent),
      countBy: 'neighbour',
      catalogue: () => this.#catalogue,
      servePushed: this.#init.servePushed
    })
  }
}

/** Who has the file, and the way to have it called. */
function providerOf({ notice, index }: Found): Provider {
  const { contact, servent } = notice
  return {
    peerId: peerIdText(contact.id),
    addresses: multiaddrsOfContact(contact).map(address => address.toString()),
    overlay: 'gnutella',
    push: { overlay: 'gnutella', servent, index }
  }
}
