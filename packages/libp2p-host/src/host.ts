/**
 * Runs one machine as a libp2p service.
 *
 * It turns streams into links, bytes into messages, and effects into deeds; it holds every bound that a
 * machine itself need not know of. One rule orders everything: inputs reach the machine one at a time, and
 * the effects of one are carried out before the next comes.
 */
import type { Connection, Logger, PeerId, Startable, Stream } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import {
  type Contact,
  type Input,
  type Machine,
  type MachineTypes,
  NO_PEER,
  type NoRoom,
  OverlayStoppedError,
  type Peer,
  PeerInterner,
  type RequestId,
  SELF
} from '@servent/overlay'
import { Asks } from './asks.ts'
import { Carrier } from './carrier.ts'
import { type Clock, systemClock, within } from './clock.ts'
import { contactOf, peerIdOfContact } from './contacts.ts'
import { DialledConnections } from './dialled.ts'
import { Discovery, type HeardAddresses } from './discovery.ts'
import { EARLY_CONTACTS_MAX, type HostLimits, hostLimits } from './limits.ts'
import { LinkTable, NO_PLACE } from './link-table.ts'
import { MachineRunner } from './machine-runner.ts'
import { HostMetrics } from './metrics.ts'
import { Opener } from './opener.ts'
import { originOf } from './paths.ts'
import { Protection } from './protection.ts'
import { cryptoRandom } from './random.ts'
import { Room } from './room.ts'
import { MemoryStore, StateWriter } from './saves.ts'
import { Turns } from './turns.ts'
import type { HostComponents, HostInit, HostState, LinkInfo } from './types.ts'

/** How long the own addresses are believed: libp2p works them out anew with each question. */
const SELF_CONTACT_MS = 1_000
/** How long `stop` waits for a store that does not answer. */
const SAVE_FLUSH_MS = 5_000

/**
 * Its service calls `start` and `stop`, and `beforeStop` where libp2p calls that: connections are open then,
 * and neighbours are told goodbye. A host runs once; a new one takes its place.
 */
export class MachineHost<T extends MachineTypes> implements Startable {
  readonly #machine: Machine<T>
  readonly #init: HostInit<T>
  readonly #clock: Clock
  readonly #limits: HostLimits
  readonly #log: Logger
  readonly #components: HostComponents
  readonly #metrics = new HostMetrics()
  readonly #peers: PeerInterner
  readonly #turns: Turns
  readonly #links: LinkTable<T['message']>
  readonly #opener: Opener
  readonly #dialled: DialledConnections
  readonly #asks: Asks<T['question'], T['answer']>
  readonly #saves: StateWriter
  readonly #runner: MachineRunner<T>
  readonly #carrier: Carrier<T>
  readonly #discovery: Discovery
  readonly #protection: Protection
  readonly #room: Room | undefined
  readonly #early: Peer[] = []
  #state: HostState = 'new'
  #failure: string | undefined
  #nextRequest: RequestId = 1
  #self: Contact | undefined
  #selfAtMs = 0
  #stopped: Promise<void> | undefined

  constructor(components: HostComponents, init: HostInit<T>) {
    this.#components = components
    this.#init = init
    this.#machine = init.machine
    this.#clock = init.clock ?? systemClock
    this.#limits = hostLimits(init.limits)
    this.#log = components.logger.forComponent(`servent:${init.name}`)
    this.#peers = new PeerInterner(() => this.selfContact())
    const clock = this.#clock
    const limits = this.#limits
    const metrics = this.#metrics
    const dispatch = (input: Input<T>) => this.#runner.dispatch(input)
    const fail = (error: unknown) => this.#runner.fail('effects', error)
    this.#turns = new Turns(clock, () => this.#carrier.flush())
    this.#protection = new Protection(components.peerStore, init.name, this.#log)
    this.#saves = new StateWriter(init.store ?? new MemoryStore(), limits.savesWaitingMax, (key, error) => {
      metrics.count('savesFailed')
      this.#log.error('could not save %s - %e', key, error)
    })
    this.#asks = new Asks(limits, init.answer, (id, outcome) => {
      if ('error' in outcome) this.#log.trace('question %d failed: %s', id, outcome.error)
      dispatch({ type: 'answer', id, ...outcome })
    })
    const { peerStore } = components
    const dialled = new DialledConnections({ clock, peerStore, log: this.#log })
    this.#dialled = dialled
    const links = () => this.#links.all()
    if (init.linksGiveWay) this.#room = new Room(components, { ...init, links, clock, log: this.#log })
    this.#opener = new Opener({
      connectionManager: components.connectionManager,
      peerStore,
      protocol: init.protocol,
      clock,
      limits,
      onDialled: connection => dialled.add(connection),
      room: this.#room,
      onOpen: (peer, stream, connection) => this.#opened(peer, stream, connection),
      onFailure: (peer, reason, noRoom) => this.#openFailed(peer, reason, noRoom)
    })
    this.#links = new LinkTable<T['message']>({
      self: components.peerId,
      originOf: connection => originOf(connection, components.connectionManager),
      clock,
      limits,
      metrics,
      codec: init.codec,
      turns: this.#turns,
      stageOf: peer => this.#opener.stageOf(peer),
      cancelOpen: peer => this.#opener.cancel(peer),
      openings: () => this.#opener.size,
      onMessage: (link, message) => dispatch({ type: 'message', link: link.place.id, message }),
      onPressure: (link, level) => dispatch({ type: 'pressure', link: link.place.id, level }),
      onUp: link => {
        const { id, peer, peerId, inbound, origin } = link.place
        this.#log('link %d to %p is up, %s', id, peerId, inbound ? 'inbound' : 'outbound')
        this.#protection.protect(peerId)
        dispatch({ type: 'link-up', link: id, peer, inbound, origin })
      },
      onDown: (link, end) => {
        const { id, peerId, connection } = link.place
        this.#log('link %d to %p is down: %s, %s', id, peerId, end.kind, end.message)
        this.#protection.release(peerId)
        dialled.linkEnded(connection)
        dispatch({ type: 'link-down', link: id, end })
      }
    })
    this.#runner = new MachineRunner<T>({
      machine: init.machine,
      peers: this.#peers,
      clock,
      random: init.random ?? cryptoRandom(),
      trace: init.trace,
      carryOut: effect => this.#carrier.carryOut(effect),
      onEffects: (input, phase) => this.#carrier.onEffects(input, phase),
      holdPeers: hold => {
        for (const peer of this.#links.peers()) hold(peer)
        for (const peer of this.#opener.peers) hold(peer)
        for (const peer of this.#early) hold(peer)
      },
      // Within a turn the turn's end sends for all its slices at once.
      onIdle: () => {
        if (!this.#turns.running) this.#carrier.flush()
      },
      onFailure: failure => this.#fail(failure)
    })
    this.#carrier = new Carrier<T>({
      links: this.#links,
      opener: this.#opener,
      asks: this.#asks,
      saves: this.#saves,
      peers: this.#peers,
      clock,
      metrics,
      log: this.#log,
      onNotice: init.onNotice,
      dispatch,
      fail
    })
    this.#discovery = new Discovery({
      components,
      protocol: init.protocol,
      acceptInbound: init.acceptInbound ?? true,
      onPeer: (peerId, addresses, hasOpened) => this.#heard(peerId, addresses, hasOpened),
      onStream: (stream, connection) => this.#accept(stream, connection),
      onSelfChanged: () => {
        this.#self = undefined
      }
    })
    metrics.register(components.metrics, init.name, () => this.#gauges())
  }

  get state(): HostState {
    return this.#state
  }

  /** Why the overlay failed, with the stack of the error. */
  get failure(): string | undefined {
    return this.#failure
  }

  /** Totals since the start: what happened, and messages and bytes by type. */
  get counters(): Record<string, number> {
    return { ...this.#metrics.read(), ...this.#gauges() }
  }

  /**
   * Loads what was saved, tells the machine `start`, and then listens for streams and peers: nothing reaches
   * the machine before `start`.
   *
   * @throws OverlayStoppedError  it was started before
   */
  async start(): Promise<void> {
    if (this.#state !== 'new')
      throw new OverlayStoppedError(`The ${this.#init.name} overlay was started before.`)
    this.#state = 'starting'
    const saved = (await this.#init.store?.load()) ?? new Map<string, Uint8Array>()
    if (!this.#is('starting')) return
    this.#state = 'running'
    this.#runner.dispatch({ type: 'start', saved })
    if (!this.#is('running')) return
    for (const peer of this.#early.splice(0)) this.#runner.dispatch({ type: 'contact', peer })
    this.#room?.start()
    await this.#discovery.start()
  }

  /** The same as `stop`, at the moment when neighbours can still be told. */
  async beforeStop(): Promise<void> {
    await this.stop()
  }

  /**
   * Answers open questions with an error, tells the machine `stop`, sends what it sends then for at most
   * `stopFlushMs`, ends the links, and waits for the store. Resolves when all of that is over; a second call
   * waits for the first.
   */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop()
    return this.#stopped
  }

  /**
   * Gives the machine a command and returns its id. The machine has handled it when this returns, unless it
   * is called from within a notice: then it comes after what the machine is doing.
   *
   * @throws OverlayStoppedError  the overlay does not run
   */
  command(command: T['command']): RequestId {
    if (this.#state !== 'running') {
      const why = this.#failure === undefined ? `is ${this.#state}` : 'has failed'
      throw new OverlayStoppedError(`The ${this.#init.name} overlay ${why}.`)
    }
    const id = this.#nextRequest
    this.#nextRequest += 1
    this.#runner.dispatch({ type: 'command', id, command })
    return id
  }

  /**
   * Tells the machine of a peer that speaks its protocol. Before `start` it is kept for then. Nobody else's word takes
   * the place of these addresses. Gives the peer's handle; `NO_PEER` where there is no room, or the host has ended.
   */
  addContact(peerId: PeerId, addresses: readonly Multiaddr[]): Peer {
    return this.#heard(peerId, { own: addresses, hearsay: [] }, false)
  }

  snapshot(): T['snapshot'] {
    return this.#machine.snapshot()
  }

  /** Links that are up, oldest first. */
  links(): readonly LinkInfo[] {
    return this.#links.all().map(link => link.info())
  }

  /** Undefined where nobody has this handle any more. */
  peerIdOf(peer: Peer): PeerId | undefined {
    if (peer === SELF) return this.#components.peerId
    if (!this.#peers.has(peer)) return undefined
    try {
      return peerIdOfContact(this.#peers.contact(peer))
    } catch {
      return undefined
    }
  }

  /** This peer with the addresses at which it can be reached now. */
  selfContact(): Contact {
    const nowMs = this.#clock.nowMs()
    if (this.#self === undefined || nowMs - this.#selfAtMs > SELF_CONTACT_MS) {
      this.#self = contactOf(this.#components.peerId, this.#components.addressManager.getAddresses())
      this.#selfAtMs = nowMs
    }
    return this.#self
  }

  #heard(peerId: PeerId, { own, hearsay }: HeardAddresses, hasOpened: boolean): Peer {
    const isEarly = this.#state === 'new' || this.#state === 'starting'
    if (!isEarly && this.#state !== 'running') return NO_PEER
    const peer = this.#peers.intern(contactOf(peerId, hearsay))
    if (own.length > 0) this.#peers.internOwn(contactOf(peerId, own))
    if (peer === SELF) return SELF
    if (peer === NO_PEER) {
      this.#metrics.count('peersRefused')
    } else if (isEarly) {
      if (this.#early.length < EARLY_CONTACTS_MAX && !this.#early.includes(peer)) this.#early.push(peer)
    } else if (hasOpened && this.#opener.stageOf(peer) !== undefined) {
      // Both open at once, and its stream waits for what becomes of this peer's own: its addresses are all the news.
    } else if (!this.#links.has(peer)) {
      this.#runner.dispatch({ type: 'contact', peer })
    }
    return peer
  }

  #accept(stream: Stream, connection: Connection): void {
    const peerId = connection.remotePeer
    const peer = this.#state === 'running' ? this.#peers.intern(contactOf(peerId, [])) : NO_PEER
    if (peer === NO_PEER || peer === SELF) {
      this.#metrics.count('inboundRefused')
      stream.abort(new Error('This overlay takes no link from this peer.'))
      return
    }
    this.#links.inbound(peer, peerId, stream, connection)
    // Its addresses, where identify has told them already. No topology tells of a peer that opens links and
    // takes none, for it does not say that it speaks the protocol.
    void this.#discovery.learn(peerId)
  }

  #opened(peer: Peer, stream: Stream, connection: Connection): void {
    if (this.#links.size >= this.#limits.linksMax) {
      stream.abort(new Error(NO_PLACE))
      this.#openFailed(peer, NO_PLACE, 'here')
      return
    }
    this.#links.outbound(peer, connection.remotePeer, stream, connection)
  }

  #openFailed(peer: Peer, reason: string, noRoom: NoRoom | undefined): void {
    this.#metrics.count('opensFailed')
    if (this.#links.openFailed(peer)) return
    this.#log('peer %d is unreachable: %s', peer, reason)
    this.#runner.dispatch({ type: 'unreachable', peer, reason, ...(noRoom !== undefined && { noRoom }) })
  }

  async #stop(): Promise<void> {
    const wasRunning = this.#state === 'running'
    if (this.#state !== 'failed') this.#state = wasRunning ? 'stopping' : 'stopped'
    if (wasRunning) {
      this.#endOpening()
      this.#asks.stop('The overlay stops.')
      this.#carrier.stop()
      this.#runner.dispatch({ type: 'stop' })
      this.#carrier.flush()
      this.#runner.end()
      this.#links.endAll({ kind: 'stopped', message: 'The overlay stops.' }, 'close')
    }
    await this.#discovery.stop()
    await this.#links.emptied()
    await within(this.#clock, SAVE_FLUSH_MS, Promise.all([this.#saves.settled(), this.#protection.settled()]))
    if (this.#state === 'stopping') this.#state = 'stopped'
  }

  #fail(failure: string): void {
    this.#state = 'failed'
    this.#failure = failure
    this.#log.error('the %s overlay has stopped: %s', this.#init.name, failure)
    this.#endOpening()
    this.#asks.stop('The overlay has failed.')
    this.#carrier.stop()
    this.#links.endAll({ kind: 'stopped', message: 'The overlay has failed.' }, 'end')
    this.#discovery
      .stop()
      .catch((error: Error) => this.#log.error('could not leave the registrar - %e', error))
    try {
      this.#init.onFailure?.(failure)
    } catch (error) {
      this.#log.error('the failure could not be delivered - %e', error as Error)
    }
  }

  /** Connections are libp2p's own matter from now on. */
  #endOpening(): void {
    this.#opener.cancelAll()
    this.#dialled.stop()
    this.#room?.stop()
  }

  #is(state: HostState): boolean {
    return this.#state === state
  }

  #gauges(): Record<string, number> {
    const links = this.#links.all()
    return {
      links: links.length,
      inboundLinks: links.filter(link => link.place.inbound).length,
      opening: this.#opener.size,
      queueBytes: links.reduce((sum, link) => sum + link.queueBytes, 0),
      asks: this.#asks.size,
      peers: this.#peers.size
    }
  }
}
