/**
 * What the service of every key-routed overlay does: it runs the machine, announces the catalogue, searches by
 * words and by content, keeps values, and serves libp2p as content and peer routing. An overlay's service
 * extends it and says what is its own (`KeyRoutedOverlay`).
 *
 * Calls may come as soon as it starts: they wait, each within its own time, until the overlay is ready (`ready`).
 * Peer routing alone answers at once, since libp2p asks it when it dials, and to be ready may need a dial.
 */
import {
  type ContentRouting,
  contentRoutingSymbol,
  type Logger,
  type PeerRouting,
  peerRoutingSymbol,
  type Startable,
  serviceCapabilities,
  serviceDependencies
} from '@libp2p/interface'
import { type Clock, type HostComponents, MachineHost, stateOf, systemClock } from '@servent/libp2p-host'
import {
  type Catalogue,
  type ContentId,
  given,
  type Hit,
  type Key,
  type MachineTypes,
  type Overlay,
  type OverlayName,
  type OverlaySnapshot,
  type Peer,
  type Provider,
  type Query,
  SELF
} from '@servent/overlay'
import { Announcer } from './service-announcer.ts'
import { ServiceCommands } from './service-commands.ts'
import { LOOKUP_WAIT_MS, PUBLISH_BYTES_PER_S, READY_MS } from './service-constants.ts'
import { KeyContentRouting } from './service-content-routing.ts'
import { KeyPeerRouting } from './service-peer-routing.ts'
import { Readiness } from './service-readiness.ts'
import { ServiceReads } from './service-reads.ts'
import type { Signatures } from './service-sealing.ts'
import type {
  FoundValue,
  KeyRoutedInit,
  KeyRoutedOverlay,
  KeyRoutedSearchOptions,
  PutOptions,
  ValueOptions
} from './service-types.ts'
import { ServiceValues } from './service-values.ts'
import type { StoredRecord, StoreOutcome } from './store-messages.ts'
import type { RoutingAnswer, RoutingNotice, RoutingQuestion } from './types.ts'
import { Validators } from './validators.ts'

const NOTICES: ReadonlySet<string> = new Set<RoutingNotice['type']>([
  'looked-up',
  'lookup-failed',
  'published',
  'records',
  'records-end',
  'value-read'
])

/** The root of a key and the holders of copies, as a lookup found them. */
export type FoundKey = Extract<RoutingNotice, { readonly type: 'looked-up' }>

/** Filled in when a lookup ends, one that failed too: messages to peers that could not be reached or did not answer in time. */
export interface LookupCost {
  timeouts?: number
}

export class KeyRoutedService<T extends MachineTypes> implements Overlay, Startable {
  readonly name: OverlayName
  readonly [serviceCapabilities]: string[]
  /** Topologies, by which peers of this protocol are known, come of identify. */
  readonly [serviceDependencies]: string[] = ['@libp2p/identify']
  readonly #components: HostComponents
  readonly #init: KeyRoutedInit<T>
  readonly #overlay: KeyRoutedOverlay<T>
  readonly #clock: Clock
  readonly #log: Logger
  readonly #validators: Validators
  readonly #commands: ServiceCommands
  readonly #readiness: Readiness
  readonly #announcer: Announcer
  readonly #reads: ServiceReads
  readonly #values: ServiceValues
  readonly #contentRouting: KeyContentRouting
  readonly #peerRouting: KeyPeerRouting
  #host: MachineHost<T>
  #catalogue: Catalogue | undefined
  readonly #onSelf = () => this.#announcer.changed()

  constructor(components: HostComponents, init: KeyRoutedInit<T>, overlay: KeyRoutedOverlay<T>) {
    this.name = overlay.name
    this[serviceCapabilities] = [`@servent/${overlay.name}`]
    this.#components = components
    this.#init = init
    this.#overlay = overlay
    this.#clock = init.clock ?? systemClock
    this.#log = components.logger.forComponent(`servent:${overlay.name}`)
    this.#validators = new Validators(init.validators, init.selectors)
    this.#host = this.#newHost()
    this.#commands = new ServiceCommands({ command: command => this.#host.command(command) })
    const { bootstrap = [] } = overlay
    this.#readiness = new Readiness({
      clock: this.#clock,
      overlay: overlay.name,
      protocol: overlay.protocol,
      state: () => this.#host.state,
      membership: overlay.membership,
      bootstrap: bootstrap.filter(({ peerId }) => !peerId.equals(components.peerId)).length,
      aloneAfterMs: init.aloneAfterMs ?? 0,
      seek: () => this.#seek([]),
      why: () => overlay.whyAlone?.()
    })
    const deps = {
      commands: this.#commands,
      readiness: this.#readiness,
      clock: this.#clock,
      overlay: overlay.name,
      self: components.peerId.toString()
    }
    this.#reads = new ServiceReads(deps)
    this.#announcer = new Announcer({
      privateKey: init.privateKey,
      clock: this.#clock,
      store: init.store,
      bytesPerS: init.publishBytesPerS ?? PUBLISH_BYTES_PER_S,
      self: () => this.#host.selfContact(),
      isReady: () => this.#readiness.isReady(),
      publish: (records, signal) => this.#publish(records, signal),
      isKnown: (file, signal) => this.#reads.isAnnounced(file.id, this.#host.selfContact(), signal),
      renewOthers: (signal, spend) => this.#values.renew(signal, spend),
      audits: {
        isAmongOthers: () => this.#readiness.isReady(2),
        others: () => this.#values.audited(() => this.#announcer.changed())
      },
      onError: error => this.#log('announcing failed and goes on later - %e', error)
    })
    const stamp = () => this.#announcer.stamp()
    this.#values = new ServiceValues({ ...deps, stamp, validators: this.#validators })
    this.#contentRouting = new KeyContentRouting(this.#reads, this.#values, overlay.name)
    this.#peerRouting = new KeyPeerRouting((key, signal) => this.#lookup(key, signal, LOOKUP_WAIT_MS))
  }

  get [Symbol.toStringTag](): string {
    return `@servent/${this.name}`
  }

  get [contentRoutingSymbol](): ContentRouting {
    return this.#contentRouting
  }

  get [peerRoutingSymbol](): PeerRouting {
    return this.#peerRouting
  }

  async start(): Promise<void> {
    // A host runs once, and libp2p may be started again. What a machine may hold is known when all services are made.
    this.#host = this.#newHost()
    this.#readiness.start()
    await this.#host.start()
    const { bootstrap = [] } = this.#overlay
    const chosen = bootstrap.map(({ peerId, address }) => this.#host.addContact(peerId, [address]))
    if (chosen.length > 0) this.#seek(chosen.filter(peer => peer > SELF))
    this.#components.events.addEventListener('self:peer:update', this.#onSelf)
    if (this.#catalogue !== undefined) this.#announcer.attach(this.#catalogue)
    this.#announcer.start()
  }

  /** Neighbours are told while their connections are still open. */
  async beforeStop(): Promise<void> {
    this.#readiness.stop()
    await this.#announcer.stop()
    await this.#host.beforeStop()
  }

  async stop(): Promise<void> {
    this.#components.events.removeEventListener('self:peer:update', this.#onSelf)
    await this.#announcer.stop()
    this.#announcer.end()
    this.#readiness.stop()
    this.#commands.stop()
    await this.#host.stop()
  }

  /**
   * Resolves when calls are answered at once, from tables of at least so many peers, this one among them; calls wait
   * for this by themselves. A peer that names no bootstrap peers is ready alone (`aloneAfterMs`), one that names some
   * when it is with another, and one that has met others stays so when they are gone.
   *
   * @throws NotReadyError        not within `READY_MS` where there is no signal, nor within the signal's time
   * @throws OverlayStoppedError  the overlay does not run, or stops meanwhile
   */
  async ready({ peers = 1, signal }: { peers?: number; signal?: AbortSignal } = {}): Promise<void> {
    await this.#readiness.wait({ peers, signal, timeoutMs: signal === undefined ? READY_MS : undefined })
  }

  attach(catalogue: Catalogue): void {
    this.#catalogue = catalogue
    if (this.#host.state === 'running') this.#announcer.attach(catalogue)
  }

  /**
   * Asks the homes of all words for their counts and the rarest for its records, and gives those that match, each
   * verified. Ends with the query's limit, with the records, or after `timeoutMs` (`SEARCH_MS` where it is not
   * said). A query without words is looked for by the words of its tags. `extent` says whether more exist.
   *
   * @throws LookupError          at the end: too few could be asked, in up to `READ_TRIES_MAX` tries; others may have files
   * @throws NotReadyError        the overlay was not ready in that time
   * @throws OverlayStoppedError  the overlay does not run
   */
  search(query: Query, options: KeyRoutedSearchOptions = {}): AsyncGenerator<Hit, void> {
    return this.#reads.search(query, options)
  }

  /**
   * @throws LookupError          at the end: nobody who was asked could say whether there are others
   * @throws NotReadyError        the overlay was not ready within `timeoutMs` (`SEARCH_MS`)
   * @throws OverlayStoppedError  the overlay does not run
   */
  findProviders(id: ContentId, options: KeyRoutedSearchOptions = {}): AsyncGenerator<Provider, void> {
    return this.#reads.findProviders(id.multihash, options)
  }

  /**
   * Keeps a value under a key for `PUBLISHED_LIFETIME_MS`, and longer while this peer runs. Under a key without a
   * namespace anybody else may overwrite it.
   *
   * @param key    at most `VALUE_KEY_BYTES_MAX` bytes; a text in UTF-8. `/ns/…` needs a validator and a selector for `ns`
   * @param value  at most `VALUE_BYTES_MAX` bytes
   * @returns how many peers are known to hold it: where that is less than a majority of those that should (3 of
   *     4), it resolves all the same, and the next repair makes the missing copies
   * @throws ValueError           it is too long, its validator refuses it, or nobody could keep it
   * @throws NotReadyError        the overlay was not ready within `timeoutMs` (`VALUE_MS`)
   * @throws OverlayStoppedError  the overlay does not run
   */
  put(key: string | Uint8Array, value: Uint8Array, options: PutOptions = {}): Promise<{ copies: number }> {
    return this.#values.put(bytesOfKey(key), value, options)
  }

  /**
   * The newest value under a key that `quorum` holders have, by the validator of the key. Holders that have none
   * or an older one are given it. Nothing where nobody has one.
   *
   * @throws QuorumError          fewer answered than `quorum`, and not all that there are: without `partial`
   * @throws ValueError           nobody who could have it was reached
   * @throws NotReadyError        the overlay was not ready within `timeoutMs` (`VALUE_MS`)
   * @throws OverlayStoppedError  the overlay does not run
   */
  get(key: string | Uint8Array, options: ValueOptions = {}): Promise<FoundValue | undefined> {
    return this.#values.get(bytesOfKey(key), options)
  }

  /**
   * Finds the root of a key; nothing where the lookup failed. Either way `cost` is filled in.
   *
   * @throws NotReadyError        the overlay was not ready within `LOOKUP_WAIT_MS`
   * @throws OverlayStoppedError  the overlay does not run
   */
  async lookup(key: Key, signal?: AbortSignal, cost?: LookupCost): Promise<FoundKey | undefined> {
    const leftMs = await this.#readiness.wait({ signal, timeoutMs: LOOKUP_WAIT_MS })
    return this.#lookup(key, signal, leftMs, cost)
  }

  async #lookup(
    key: Key,
    signal: AbortSignal | undefined,
    timeoutMs: number,
    cost: LookupCost = {}
  ): Promise<FoundKey | undefined> {
    const timeout = AbortSignal.timeout(Math.ceil(timeoutMs))
    const until = signal === undefined ? timeout : AbortSignal.any([signal, timeout])
    const notice = await this.#commands.ask({ type: 'lookup', key }, ['looked-up', 'lookup-failed'], until)
    cost.timeouts = notice.timeouts
    return notice.type === 'looked-up' ? notice : undefined
  }

  snapshot(): OverlaySnapshot {
    const { neighbours, counters, store, ...tables } = this.#overlay.describe(this.#host.snapshot())
    const links = new Map(this.#host.links().map(info => [info.peerId, info]))
    return {
      ...tables,
      store,
      name: this.name,
      ...stateOf(this.#host),
      neighbours: neighbours.map(neighbour => {
        const link = links.get(neighbour.peerId)
        return link === undefined ? neighbour : { ...neighbour, connectedMs: Math.round(link.upMs) }
      }),
      announced: this.#announcer.progress,
      counters: { ...this.#host.counters, ...counters, ...store.counters, ...this.#announcer.counters }
    }
  }

  /** For an overlay's own commands and names. */
  protected get host(): MachineHost<T> {
    return this.#host
  }

  #seek(contacts: readonly Peer[]): void {
    const { seek } = this.#overlay
    if (seek !== undefined && this.#host.state === 'running') this.#host.command(seek(contacts))
  }

  async #publish(
    records: readonly StoredRecord[],
    signal: AbortSignal
  ): Promise<readonly (StoreOutcome | 'unreachable')[]> {
    const { outcomes } = await this.#commands.ask({ type: 'publish', records }, ['published'], signal)
    return outcomes
  }

  async #answer(question: RoutingQuestion): Promise<RoutingAnswer> {
    const wallMs = this.#clock.wallMs()
    if (question.type === 'select')
      return { type: 'selected', index: await this.#validators.select(question.records, wallMs) }
    const signatures: Signatures = new Map()
    const good = question.records.map(record => this.#validators.verify(record, wallMs, signatures))
    return { type: 'verified', good: await Promise.all(good) }
  }

  #newHost(): MachineHost<T> {
    const { store, acceptInbound, limits, clock, random, trace } = this.#init
    const { name, protocol, codec, createMachine, answer, onNotice } = this.#overlay
    return new MachineHost<T>(this.#components, {
      name,
      protocol,
      machine: createMachine(),
      codec,
      limits: { ...this.#overlay.limits, ...limits },
      // Tables know more peers than there may be connections: a call opens a link where there is none.
      linksGiveWay: true,
      answer: async (question, signal) => {
        const own = question as RoutingQuestion
        if (own.type === 'verify' || own.type === 'select') return this.#answer(own)
        if (answer === undefined) throw new Error('Nobody answers this question.')
        return answer(question, signal)
      },
      onNotice: notice => {
        if (NOTICES.has((notice as RoutingNotice).type)) this.#commands.onNotice(notice as RoutingNotice)
        else onNotice?.(notice)
      },
      onFailure: () => {
        this.#readiness.stop()
        this.#commands.stop()
      },
      ...given({ store, acceptInbound, clock, random, trace })
    })
  }
}

function bytesOfKey(key: string | Uint8Array): Uint8Array {
  return typeof key === 'string' ? new TextEncoder().encode(key) : key
}
