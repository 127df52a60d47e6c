/** FastTrack as a libp2p service: the machine on its host, the index of a supernode, searches and pushes as promises. */
import type { Duplex } from 'node:stream'
import {
  type Logger,
  type PrivateKey,
  type Startable,
  serviceCapabilities,
  serviceDependencies
} from '@libp2p/interface'
import type { KeywordIndex } from '@servent/keyword-index'
import { MemoryIndex } from '@servent/keyword-index/memory'
import {
  type Clock,
  type HostComponents,
  type HostLimits,
  MachineHost,
  PushCalls,
  PushError,
  type PushedConnection,
  pushRouteOf,
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
  given,
  type Hit,
  type Overlay,
  type OverlaySnapshot,
  type Provider,
  QUERY_RESULTS_MAX,
  type Query,
  type RequestId,
  type SearchOptions
} from '@servent/overlay'
import {
  CIRCUMSTANCES_MS,
  GUESTS_MAX,
  IDLE_MS,
  ORDINARIES_PER_SUPERNODE,
  ORDINARIES_PER_SUPERNODE_MAX,
  PEERINGS_MAX,
  SEARCH_MS,
  STANDBYS_PART,
  USERS_HARD_PART
} from './constants.ts'
import { FastTrackMachine } from './machine.ts'
import type { Wanted } from './messages.ts'
import { refusalText } from './refusals.ts'
import { Answers } from './service-answers.ts'
import { DialBack } from './service-dialling.ts'
import { UserLevels } from './service-levels.ts'
import { giveWords, PUSH_PROTOCOL } from './service-push.ts'
import { OwnRecords } from './service-records.ts'
import { FastTrackSearch, type Found, providerOf } from './service-search.ts'
import { Sharing } from './service-sharing.ts'
import type { FastTrackNotice, FastTrackSettings, FastTrackTypes } from './types.ts'
import { wantedContent, wantedOf } from './wanted.ts'
import { fasttrackCodec } from './wire.ts'

export const FASTTRACK_PROTOCOL = '/servent/fasttrack/1.0.0'

export interface FastTrackInit extends Partial<FastTrackSettings> {
  /** Signs the records of what is shared: the node's own key. */
  readonly privateKey: PrivateKey
  /**
   * Where this peer keeps what its users share, while it is a supernode: in memory where it is not said. It belongs to this
   * service alone, and begins empty: what users of an earlier run left in it nobody takes out.
   */
  readonly index?: KeywordIndex
  /** Serves HTTP to a peer that was called because it asked. Without it nobody is called. */
  readonly servePushed?: (duplex: Duplex, peerId: string) => void
  /** Keeps the list of supernodes between runs. */
  readonly store?: StateStore
  /** Whether others cannot dial this peer; asked from time to time. One that cannot be dialled is no supernode. */
  readonly firewalled?: () => boolean
  /** kbit/s that this peer can send as far as it knows; 0 where it does not. Asked from time to time. */
  readonly uploadKbps?: () => number
  /**
   * Participation level of a peer, 0 to 1000, by its PeerId: in which order searches that wait have their turn. Asked when
   * a user comes, and from time to time of some.
   */
  readonly levelOf?: (peerId: string) => number
  /**
   * Supernodes that a search goes through, one after the other ("search more"), as long as it has found fewer than
   * `SEARCH_ENOUGH` files and has time left; 1 where it is not said. Each but the first moves this peer and its records.
   */
  readonly rounds?: number
  /** False: no link from others is taken. */
  readonly acceptInbound?: boolean
  readonly limits?: Partial<HostLimits>
  readonly clock?: Clock
  readonly random?: () => number
  readonly trace?: (step: TraceStep<FastTrackTypes>) => void
}

export interface FastTrackSearchOptions extends SearchOptions {
  /** Instead of the service's own number; a search for providers has 1 where it is not said here. */
  readonly rounds?: number
}

export class FastTrackService implements Overlay, Startable {
  readonly name = 'fasttrack'
  readonly [Symbol.toStringTag] = '@servent/fasttrack'
  readonly [serviceCapabilities]: string[] = ['@servent/fasttrack']
  /** Topologies, by which peers of this protocol are known, come of identify. */
  readonly [serviceDependencies]: string[] = ['@libp2p/identify']
  readonly #components: HostComponents
  readonly #init: FastTrackInit
  readonly #clock: Clock
  readonly #log: Logger
  readonly #records: OwnRecords
  readonly #answers: Answers
  readonly #searches: RunningSearches<FastTrackNotice, Found, FastTrackSearch>
  #host: MachineHost<FastTrackTypes>
  #pushes: PushCalls
  #catalogue: Catalogue | undefined
  readonly #sharing: Sharing
  readonly #levels: UserLevels
  #timer: unknown

  constructor(components: HostComponents, init: FastTrackInit) {
    this.#components = components
    this.#init = init
    this.#clock = init.clock ?? systemClock
    this.#log = components.logger.forComponent('servent:fasttrack')
    this.#searches = new RunningSearches({
      clock: this.#clock,
      onEnd: search => {
        if (this.#host.state === 'running') this.#host.command({ type: 'end-search', search })
      }
    })
    this.#records = new OwnRecords(init.privateKey)
    this.#answers = new Answers({
      index: init.index ?? new MemoryIndex(),
      records: this.#records,
      dialBack: new DialBack(components),
      catalogue: () => this.#catalogue,
      wallMs: () => this.#clock.wallMs()
    })
    this.#sharing = new Sharing({
      records: this.#records,
      wallMs: () => this.#clock.wallMs(),
      tell: command => {
        if (this.#host.state === 'running') this.#host.command(command)
      }
    })
    this.#levels = new UserLevels({
      levelOf: init.levelOf,
      tell: (peerId, level) => this.setLevel(peerId, level)
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
    this.#tellCircumstances()
    this.#sharing.follow(this.#catalogue)
  }

  /** Links end while their connections are still open. */
  async beforeStop(): Promise<void> {
    await this.#host.beforeStop()
  }

  async stop(): Promise<void> {
    this.#clock.clearTimeout(this.#timer)
    this.#sharing.end()
    this.#searches.endAll()
    await this.#host.stop()
    await this.#pushes.stop()
  }

  attach(catalogue: Catalogue): void {
    this.#catalogue = catalogue
    if (this.#host.state === 'running') this.#sharing.follow(catalogue)
  }

  /**
   * Searches through the supernode, and gives hits as they come, each verified, one for each file and provider. Ends after
   * `timeoutMs` (`SEARCH_MS` where it is not said), with the query's limit, or when the supernodes have no more.
   *
   * @throws OverlayStoppedError  the overlay does not run
   * @throws SearchRefusedError   too many searches run, or the query has no word to look for
   */
  async *search(query: Query, options: FastTrackSearchOptions = {}): AsyncGenerator<Hit, void> {
    const { rounds = this.#init.rounds } = options
    for await (const found of this.#look(wantedOf(query), query.limit, {
      ...options,
      ...given({ rounds })
    })) {
      const { record, notice, elapsedMs } = found
      yield { record, provider: providerOf(found), overlay: this.name, hops: notice.hops, elapsedMs }
    }
  }

  /**
   * Asks for a content by the digest of its id, as FastTrack asks by the tag of its hash.
   *
   * @throws OverlayStoppedError  the overlay does not run
   * @throws SearchRefusedError   too many searches run
   */
  async *findProviders(id: ContentId, options: FastTrackSearchOptions = {}): AsyncGenerator<Provider, void> {
    for await (const found of this.#look(wantedContent(id), QUERY_RESULTS_MAX, options)) {
      if (found.record.id.equals(id)) yield providerOf(found)
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
    const { index, target } = pushRouteOf(this.name, provider, id, this.#host.selfContact())
    return this.#pushes.wait(
      { peerId: provider.peerId, subject: '' },
      nonce => this.#askPush(target, index, nonce),
      signal
    )
  }

  /** A peer's participation level has changed. */
  setLevel(peerId: string, level: number): void {
    if (this.#host.state === 'running') this.#host.command({ type: 'level', peerId, level })
  }

  snapshot(): OverlaySnapshot {
    const { neighbours, counters, announced, ...tables } = this.#host.snapshot()
    return {
      ...tables,
      name: this.name,
      ...stateOf(this.#host),
      neighbours: withTraffic(neighbours, this.#host.links()),
      counters: { ...this.#host.counters, ...counters, ...this.#pushes.counters },
      announced: {
        files: announced.files,
        of: this.#catalogue?.totals.files ?? 0,
        ...(announced.refused === 0
          ? {}
          : { refused: announced.refused, why: refusalText(announced.reasons) })
      }
    }
  }

  async *#look(
    wanted: Wanted,
    limit: number,
    { signal, timeoutMs = SEARCH_MS, ttl, traffic, rounds = 1 }: FastTrackSearchOptions
  ): AsyncGenerator<Found, void> {
    let id: RequestId | undefined
    const onMore = () => {
      if (this.#host.state === 'running' && id !== undefined && this.#searches.get(id) === search)
        this.#host.command({ type: 'more', search: id })
    }
    const clock = this.#clock
    const nowMs = () => clock.nowMs()
    const enoughOf = wanted.content.length === 0 ? 'files' : 'providers'
    const search = new FastTrackSearch({ limit, rounds, enoughOf, traffic, nowMs, clock, onMore })
    const command = () => {
      id = this.#host.command({ type: 'search', wanted, ...given({ ttl }) })
      return id
    }
    try {
      yield* this.#searches.read(search, command, { signal, timeoutMs })
    } finally {
      search.dispose()
    }
  }

  #askPush(target: Uint8Array, index: number, nonce: Uint8Array): void {
    let refusal: string | undefined
    const take = (notice: FastTrackNotice) => {
      if (notice.type === 'push-refused') refusal = notice.reason
    }
    this.#searches.begin({ take }, () => this.#host.command({ type: 'push', target, index, nonce }))
    if (refusal !== undefined) throw new PushError(refusal)
  }

  #onNotice(notice: FastTrackNotice): void {
    switch (notice.type) {
      case 'found':
      case 'searched':
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
      case 'role':
        this.#log('now %s: %s', notice.role, notice.reason)
        break
      case 'user':
        this.#levels.came(notice.peerId)
        break
    }
  }

  /** Told at the start, and again from time to time: nobody says when a firewall opens. */
  #tellCircumstances(): void {
    if (this.#host.state !== 'running') return
    const { firewalled, uploadKbps } = this.#init
    this.#host.command({
      type: 'circumstances',
      isReachable: !(firewalled?.() ?? false),
      uploadKbps: Math.max(0, Math.trunc(uploadKbps?.() ?? 0))
    })
    this.#levels.again(() =>
      this.#host.snapshot().neighbours.flatMap(({ bond, peerId }) => (bond === 'user' ? [peerId] : []))
    )
    this.#timer = this.#clock.setTimeout(() => this.#tellCircumstances(), CIRCUMSTANCES_MS)
  }

  #newHost(): MachineHost<FastTrackTypes> {
    const { role, ordinariesPerSupernode, ttl, uploadBytesPerSecond, promotionDelayMs } = this.#init
    const { store, acceptInbound, limits, clock, random, trace } = this.#init
    const target = Math.min(ORDINARIES_PER_SUPERNODE_MAX, ordinariesPerSupernode ?? ORDINARIES_PER_SUPERNODE)
    // Places for all that a supernode of this target may have; the machine keeps to its own bounds.
    const linksMax = Math.ceil((USERS_HARD_PART + STANDBYS_PART) * target) + PEERINGS_MAX + GUESTS_MAX
    return new MachineHost<FastTrackTypes>(this.#components, {
      name: this.name,
      protocol: FASTTRACK_PROTOCOL,
      machine: new FastTrackMachine(
        given({ role, ordinariesPerSupernode, ttl, uploadBytesPerSecond, promotionDelayMs })
      ),
      codec: fasttrackCodec,
      limits: { linksMax, inboundLinksMax: linksMax, idleMs: IDLE_MS, ...limits },
      answer: (question, signal) => this.#answers.to(question, signal),
      onNotice: notice => this.#onNotice(notice),
      ...given({ store, acceptInbound, clock, random, trace })
    })
  }

  #newPushes(): PushCalls {
    return new PushCalls({
      components: this.#components,
      log: this.#log,
      protocol: PUSH_PROTOCOL,
      words: giveWords,
      countBy: 'called',
      catalogue: () => this.#catalogue,
      servePushed: this.#init.servePushed
    })
  }
}
