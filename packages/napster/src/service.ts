/** Napster as a libp2p service: the machine on its host, what users ask as promises. */
import { type Logger, type Startable, serviceCapabilities, serviceDependencies } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import type { Multiaddr } from '@multiformats/multiaddr'
import {
  type Clock,
  contactOf,
  type HostComponents,
  MachineHost,
  PushCalls,
  type PushedConnection,
  pushRouteOf,
  REACHABILITY_EVENTS,
  stateOf,
  systemClock,
  withTraffic
} from '@servent/libp2p-host'
import {
  type Catalogue,
  type Contact,
  type ContentId,
  clamp,
  given,
  type Hit,
  type Overlay,
  type OverlaySnapshot,
  type Provider,
  type Query,
  type RequestId,
  SealedRecords,
  type SearchOptions
} from '@servent/overlay'
import {
  IDLE_MS,
  LINKS_SPARE,
  MESH_LINKS_MAX,
  QUEUE_BYTES_HIGH,
  QUEUE_BYTES_LOW,
  QUEUE_BYTES_MAX,
  RENEW_MS,
  USERS_DEFAULT,
  USERS_MAX
} from './constants.ts'
import { PeerIdMissingError } from './errors.ts'
import { NapsterMachine } from './machine.ts'
import { Answers } from './service-answers.ts'
import type { NapsterInit, NapsterSearchOptions } from './service-init.ts'
import { type HotlistEvent, People } from './service-people.ts'
import { PUSH_PROTOCOL, sendSubject, sendWords } from './service-push.ts'
import { Searches } from './service-searches.ts'
import type { NapsterNotice, NapsterTables, NapsterTypes, WhoisReply } from './types.ts'
import { isWanted, wantedContent, wantedOf } from './wanted.ts'
import { napsterCodec } from './wire.ts'

export const NAPSTER_PROTOCOL = '/servent/napster/1.0.0'

export class NapsterService implements Overlay, Startable {
  readonly name = 'napster'
  readonly [Symbol.toStringTag] = '@servent/napster'
  readonly [serviceCapabilities]: string[] = ['@servent/napster']
  /** Topologies, by which peers of this protocol are known, come of identify. */
  readonly [serviceDependencies]: string[] = ['@libp2p/identify']
  readonly #components: HostComponents
  readonly #init: NapsterInit
  readonly #clock: Clock
  readonly #log: Logger
  readonly #records: SealedRecords
  readonly #searches: Searches
  readonly #people: People
  readonly #servers: readonly Contact[]
  #answers: Answers
  #host: MachineHost<NapsterTypes>
  #pushes: PushCalls
  #catalogue: Catalogue | undefined
  #unsubscribe: (() => void) | undefined
  #renewal: unknown
  #told = ''
  readonly #onSelf = () => this.#tellSharing()

  /** @throws PeerIdMissingError  an address of a server has no `/p2p`: who is there could not be proven */
  constructor(components: HostComponents, init: NapsterInit) {
    this.#components = components
    this.#init = init
    this.#clock = init.clock ?? systemClock
    this.#log = components.logger.forComponent('servent:napster')
    this.#records = new SealedRecords(init.privateKey)
    this.#servers = [...(init.servers ?? []), ...(init.server?.peers ?? [])].map(serverContact)
    const command = (asked: NapsterTypes['command']) => this.#host.command(asked)
    const isRunning = () => this.#host.state === 'running'
    this.#searches = new Searches({ clock: this.#clock, command, isRunning })
    this.#people = new People({ components, command, rates: init.rates })
    this.#answers = this.#newAnswers()
    this.#host = this.#newHost()
    this.#pushes = this.#newPushes()
  }

  async start(): Promise<void> {
    // A host runs once; libp2p may be started again.
    if (this.#host.state !== 'new') {
      this.#answers = this.#newAnswers()
      this.#host = this.#newHost()
      this.#pushes = this.#newPushes()
    }
    this.#told = ''
    await this.#host.start()
    await this.#pushes.start()
    for (const event of REACHABILITY_EVENTS) this.#components.events.addEventListener(event, this.#onSelf)
    this.#follow()
    this.#tellSharing()
    if (this.#servers.length > 0) this.#host.command({ type: 'servers', contacts: this.#servers })
    if (this.#init.server !== undefined) this.#host.command({ type: 'index-check' })
    this.#renewLater()
  }

  /** What is under way is sent while connections are still open. */
  async beforeStop(): Promise<void> {
    await this.#host.beforeStop()
  }

  async stop(): Promise<void> {
    for (const event of REACHABILITY_EVENTS) this.#components.events.removeEventListener(event, this.#onSelf)
    this.#clock.clearTimeout(this.#renewal)
    this.#unsubscribe?.()
    this.#unsubscribe = undefined
    this.#searches.stop()
    this.#people.stop()
    await this.#host.stop()
    await this.#pushes.stop()
    await this.#answers.stop()
  }

  attach(catalogue: Catalogue): void {
    this.#catalogue = catalogue
    if (this.#host.state !== 'running') return
    this.#follow()
    this.#tellSharing()
    this.#host.command({ type: 'announce' })
  }

  /**
   * Asks the server, and through it those that it is linked with, and gives hits as they come, each verified.
   * Ends with the query's limit, when all servers have answered, or after a server's deadline.
   *
   * @throws OverlayStoppedError  the overlay does not run
   * @throws NobodyToAskError     there is no server
   * @throws QueryError           the query has bounds on numbers alone, and no word
   * @throws ServerError          nothing was found because no server could answer
   */
  async *search(query: Query, options: NapsterSearchOptions = {}): AsyncGenerator<Hit, void> {
    yield* this.#searches.find(wantedOf(query, options), options, record => isWanted(query, record))
  }

  /**
   * @throws OverlayStoppedError  the overlay does not run
   * @throws NobodyToAskError     there is no server
   * @throws ServerError          nothing was found because no server could answer
   */
  async *findProviders(id: ContentId, options: NapsterSearchOptions = {}): AsyncGenerator<Provider, void> {
    const wanted = wantedContent(id, options)
    for await (const { provider } of this.#searches.find(wanted, options, record => record.id.equals(id)))
      yield provider
  }

  /**
   * What a user of the same server shares, by nick or PeerId, in the order in which they share it.
   *
   * @throws ServerError  they are not at this server, or it does not answer
   */
  async *browse(user: string, options: Pick<SearchOptions, 'signal'> = {}): AsyncGenerator<Hit, void> {
    yield* this.#searches.browse(user, options)
  }

  /** Nothing where the server knows nobody of that nick, or there is no server. */
  whois(nick: string): Promise<WhoisReply | undefined> {
    return this.#people.whois(nick)
  }

  /** Nicks of which the server tells when they come and go. It is kept while the service lives. */
  readonly hotlist = {
    add: (nick: string): void => this.#people.setHotlist('add', nick),
    remove: (nick: string): void => this.#people.setHotlist('remove', nick),
    list: (): readonly string[] => this.#host.snapshot().hotlist,
    /** The function that it returns ends that. */
    subscribe: (listener: (event: HotlistEvent) => void): (() => void) => this.#people.subscribe(listener)
  }

  /** As the server last told; nothing before that. */
  stats(): NapsterTables['stats'] {
    return this.#host.snapshot().stats
  }

  /**
   * The best host first: by measured rates, then by round trips of pings through the servers, then by what the
   * sharers say of their links. Takes a second or less for each eight providers.
   */
  rankHosts<Host extends Provider>(providers: readonly Host[]): Promise<Host[]> {
    return this.#people.rankHosts(providers)
  }

  /** A transfer began or ended: the server counts them for who asks about this user. */
  transferring(direction: 'down' | 'up', begun: boolean): void {
    if (this.#host.state === 'running') this.#host.command({ type: 'transfer', direction, begun })
  }

  /** As a server whose index lost what it had: all users are asked to announce again. */
  announceAgain(): void {
    this.#host.command({ type: 'index-lost' })
  }

  /**
   * Has a provider that cannot be dialled call this peer, and gives the stream on which it serves HTTP.
   *
   * @throws PushError            it has no route, nobody can call this peer, or the provider did not call in time
   * @throws OverlayStoppedError  the overlay does not run
   */
  async push(provider: Provider, id: ContentId, signal: AbortSignal): Promise<PushedConnection> {
    const { index, target } = pushRouteOf(this.name, provider, id, this.#host.selfContact())
    return this.#pushes.wait(
      { peerId: provider.peerId, subject: sendSubject(index) },
      nonce => this.#people.askCall(target, index, nonce),
      signal
    )
  }

  snapshot(): OverlaySnapshot {
    const { neighbours, counters, announced, ...tables } = this.#host.snapshot()
    return {
      ...tables,
      name: this.name,
      ...stateOf(this.#host),
      ...given({ reason: this.#host.failure ?? this.#indexProblem(tables.indexReachable) }),
      announced,
      neighbours: withTraffic(neighbours, this.#host.links()),
      counters: { ...this.#host.counters, ...counters, ...this.#pushes.counters }
    }
  }

  /** A server without its index goes on: it says what it cannot do meanwhile. */
  #indexProblem(isReachable: boolean): string | undefined {
    if (isReachable) return undefined
    const why = this.#init.server?.indexProblem?.() ?? 'It cannot be reached.'
    return `The index is away: shares are acknowledged later, and searches find nothing here. ${why}`
  }

  #onNotice(notice: NapsterNotice): void {
    switch (notice.type) {
      case 'found':
      case 'search-ended':
      case 'search-traffic':
      case 'browsed':
        this.#searches.take(notice)
        if (notice.type === 'found') for (const file of notice.files) this.#people.heard(file)
        break
      case 'call-asked':
        void this.#pushes.call(notice)
        break
      case 'session':
        this.#log(
          '%s',
          notice.server === undefined ? 'not logged in any more' : `logged in at ${notice.server}`
        )
        break
      default:
        this.#people.take(notice)
    }
  }

  #follow(): void {
    this.#unsubscribe?.()
    this.#unsubscribe = this.#catalogue?.subscribe(changes => {
      for (const { file } of changes) this.#records.forget(file.index)
      this.#tellSharing()
      if (this.#host.state !== 'running') return
      const of = (type: 'added' | 'removed') =>
        changes.filter(change => change.type === type).map(({ file }) => file.index)
      this.#host.command({ type: 'changed', added: of('added'), removed: of('removed') })
    })
  }

  /** Tells the machine what the server is told of this peer, where that changed. */
  #tellSharing(): void {
    if (this.#host.state !== 'running') return
    const files = this.#catalogue?.totals.files ?? 0
    const firewalled = this.#init.firewalled?.() ?? false
    const told = `${files} ${firewalled} ${this.#components.addressManager.getAddresses().join()}`
    if (told === this.#told) return
    this.#told = told
    this.#host.command({ type: 'sharing', files, firewalled })
  }

  #renewLater(): void {
    this.#renewal = this.#clock.setTimeout(() => {
      if (this.#host.state !== 'running') return
      this.#host.command({ type: 'announce' })
      this.#renewLater()
    }, RENEW_MS)
  }

  #newAnswers(): Answers {
    return new Answers({
      records: this.#records,
      catalogue: () => this.#catalogue,
      index: this.#init.server?.index,
      wallMs: () => this.#clock.wallMs(),
      wants: (search: RequestId, record) => this.#searches.wants(search, record)
    })
  }

  #newHost(): MachineHost<NapsterTypes> {
    const { nick, linkSpeed, agent, server, store, limits, clock, random, trace } = this.#init
    const { usersMax, usersPerAddressMax, sharedMax, motd } = server ?? {}
    const users = server === undefined ? 0 : clamp(usersMax ?? USERS_DEFAULT, 1, USERS_MAX)
    const linksMax = users + MESH_LINKS_MAX + LINKS_SPARE
    const settings =
      server === undefined ? {} : { server: given({ usersMax, usersPerAddressMax, sharedMax, motd }) }
    return new MachineHost<NapsterTypes>(this.#components, {
      name: this.name,
      protocol: NAPSTER_PROTOCOL,
      machine: new NapsterMachine({ ...given({ nick, linkSpeed, agent }), ...settings }),
      codec: napsterCodec,
      acceptInbound: server !== undefined,
      limits: {
        linksMax,
        inboundLinksMax: linksMax,
        queueBytesMax: QUEUE_BYTES_MAX,
        queueBytesHigh: QUEUE_BYTES_HIGH,
        queueBytesLow: QUEUE_BYTES_LOW,
        idleMs: IDLE_MS,
        ...limits
      },
      answer: question => this.#answers.to(question),
      onNotice: notice => this.#onNotice(notice),
      ...given({ store, clock, random, trace })
    })
  }

  #newPushes(): PushCalls {
    return new PushCalls({
      components: this.#components,
      log: this.#log,
      protocol: PUSH_PROTOCOL,
      words: sendWords,
      countBy: 'called',
      catalogue: () => this.#catalogue,
      servePushed: this.#init.servePushed
    })
  }
}

function serverContact(address: Multiaddr): Contact {
  const last = address.getComponents().at(-1)
  if (last?.name !== 'p2p' || last.value === undefined)
    throw new PeerIdMissingError(`The address of a server ends in /p2p/ and its PeerId; ${address} does not.`)
  return contactOf(peerIdFromString(last.value), [address])
}
