/**
 * Keeps places free among the connections that libp2p may have (`maxConnections`), for machines whose tables know more
 * peers than that. libp2p refuses whoever comes when it has as many, and closes none that carries a stream: a peer
 * whose links take all places would refuse newcomers for as long as it runs, and those that look for it would take it
 * for dead.
 *
 * So links give way. Before a dial, and when somebody came, the connection that was unused for longest is closed, its
 * link in good order before it, until a few places are free. What others use or value is left alone: a connection
 * with a stream of another protocol, and one to a peer that carries a tag of somebody else's. Overlays of one node keep
 * its places together.
 */
import type { Connection, Logger, PeerId } from '@libp2p/interface'
import type { LinkEnd, OverlayName } from '@servent/overlay'
import type { Clock } from './clock.ts'
import {
  CONNECTIONS_KEPT_FREE_MAX,
  CONNECTIONS_PER_FREE,
  ROOM_CLOSE_MS,
  ROOM_LOOK_MS,
  ROOM_LOOK_MS_MAX,
  ROOM_QUIET_MS
} from './limits.ts'
import type { LinkPlace } from './link.ts'
import { neighbourTag } from './protection.ts'
import type { HostComponents } from './types.ts'

/** Of a link, what is asked here. */
export interface RoomLink {
  readonly place: Pick<LinkPlace, 'connection' | 'stream'>
  readonly activeAtMs: number
  readonly queueBytes: number
  close(end: LinkEnd): void
}

export interface RoomInit {
  readonly name: OverlayName
  readonly protocol: string
  readonly links: () => readonly RoomLink[]
  readonly clock: Clock
  readonly log: Logger
}

type RoomComponents = Pick<HostComponents, 'connectionManager' | 'peerStore' | 'events'>

interface Candidate {
  readonly connection: Connection
  readonly link: RoomLink | undefined
  readonly unusedMs: number
}

const GIVES_WAY: LinkEnd = {
  kind: 'room',
  message: 'It was unused for longest, and another needs its place.'
}

/** What all overlays of one libp2p node have in common, since its connections are the same ones. */
interface Places {
  /** Ids of connections that are being closed: their places count as free. */
  readonly leaving: Set<string>
  /** Dials under way: each has a place. */
  dials: number
  /** Room is made by one overlay at a time: two that see one place lacking would both give one. */
  clearing: Promise<void>
}

const placesOf = new WeakMap<RoomComponents['connectionManager'], Places>()

function sharedPlaces(connectionManager: RoomComponents['connectionManager']): Places {
  const places = placesOf.get(connectionManager) ?? {
    leaving: new Set(),
    dials: 0,
    clearing: Promise.resolve()
  }
  placesOf.set(connectionManager, places)
  return places
}

export class Room {
  readonly #components: RoomComponents
  readonly #init: RoomInit
  readonly #places: Places
  readonly #onOpen = () => {
    this.#lookMs = ROOM_LOOK_MS
    void this.#clear()
  }
  #timer: unknown
  /** How long until it is looked for again, where nothing gives way. */
  #lookMs = ROOM_LOOK_MS
  /** Of connections whose links are ending. */
  readonly #closing = new Set<unknown>()
  #clearing: Promise<void> | undefined
  #ended = false

  constructor(components: RoomComponents, init: RoomInit) {
    this.#components = components
    this.#init = init
    this.#places = sharedPlaces(components.connectionManager)
  }

  start(): void {
    this.#components.events.addEventListener('connection:open', this.#onOpen)
  }

  stop(): void {
    this.#ended = true
    this.#components.events.removeEventListener('connection:open', this.#onOpen)
    for (const timer of [this.#timer, ...this.#closing]) this.#init.clock.clearTimeout(timer)
    this.#closing.clear()
  }

  /** A place for a dial, until `give`. False: every connection is in use, and no dial may be made. */
  async take(): Promise<boolean> {
    this.#places.dials += 1
    await this.#clear()
    // Where nothing gives way just now, a dial may have one of the places that are kept for those who come.
    if (this.#used() <= this.#components.connectionManager.getMaxConnections()) return true
    this.#places.dials -= 1
    return false
  }

  /** The dial is over: either there is a connection now, or there is none. */
  give(): void {
    this.#places.dials -= 1
  }

  #used(): number {
    const open = this.#components.connectionManager
      .getConnections()
      .filter(({ id }) => !this.#places.leaving.has(id))
    return open.length + this.#places.dials
  }

  #isOver(): boolean {
    const most = this.#components.connectionManager.getMaxConnections()
    return this.#used() > most - Math.min(CONNECTIONS_KEPT_FREE_MAX, Math.floor(most / CONNECTIONS_PER_FREE))
  }

  /** One at a time: whoever comes meanwhile waits for the one that waits or runs, which sees them. */
  #clear(): Promise<void> {
    if (this.#clearing !== undefined) return this.#clearing
    const places = this.#places
    const clearing = places.clearing
      .then(() => this.#clearOut())
      .finally(() => {
        this.#clearing = undefined
      })
    this.#clearing = clearing
    places.clearing = clearing.catch(() => {})
    return clearing
  }

  async #clearOut(): Promise<void> {
    const { leaving } = this.#places
    const candidates = !this.#ended && this.#isOver() ? this.#unused() : []
    for (const candidate of candidates) {
      if (this.#ended || !this.#isOver()) break
      const { id, remotePeer } = candidate.connection
      leaving.add(id)
      const isValued = await this.#isValued(remotePeer)
      // It may have closed meanwhile, or be in use.
      if (!isValued && this.#isUnused(candidate)) {
        this.#giveWay(candidate)
        this.#lookMs = ROOM_LOOK_MS
      } else leaving.delete(id)
    }
    if (this.#ended) return
    if (this.#isOver()) this.#lookLater()
    else this.#lookMs = ROOM_LOOK_MS
  }

  /**
   * What is in use now need not be so in a while. Nothing says when that is: it is looked for soon, and then less and
   * less often, for where all are valued it may be so for as long as the node runs.
   */
  #lookLater(): void {
    const { clock } = this.#init
    clock.clearTimeout(this.#timer)
    this.#timer = clock.setTimeout(() => {
      this.#lookMs = Math.min(ROOM_LOOK_MS_MAX, 2 * this.#lookMs)
      void this.#clear()
    }, this.#lookMs)
  }

  /** Those that may give way, the longest unused first. */
  #unused(): Candidate[] {
    const byConnection = new Map(this.#init.links().map(link => [link.place.connection, link]))
    return this.#components.connectionManager
      .getConnections()
      .filter(({ id, status }) => status === 'open' && !this.#places.leaving.has(id))
      .map(connection => {
        const link = byConnection.get(connection.id)
        return { connection, link, unusedMs: this.#unusedMs(connection, link) }
      })
      .filter(({ unusedMs }) => unusedMs >= ROOM_QUIET_MS)
      .sort((a, b) => b.unusedMs - a.unusedMs)
  }

  #isUnused({ connection, link }: Candidate): boolean {
    return connection.status === 'open' && this.#unusedMs(connection, link) >= ROOM_QUIET_MS
  }

  /** 0 where somebody uses it now. One without a link has been of no use since it was opened. */
  #unusedMs({ streams, timeline }: Connection, link: RoomLink | undefined): number {
    const { clock, protocol } = this.#init
    if (link === undefined) return streams.length > 0 ? 0 : clock.wallMs() - timeline.open
    const isOnly = link.queueBytes === 0 && streams.every(stream => stream.protocol === protocol)
    return isOnly ? clock.nowMs() - link.activeAtMs : 0
  }

  async #isValued(peerId: PeerId): Promise<boolean> {
    const own = neighbourTag(this.#init.name)
    return await this.#components.peerStore.get(peerId).then(
      ({ tags }) => [...tags.keys()].some(name => name !== own),
      () => false
    )
  }

  #giveWay({ connection, link }: Candidate): void {
    const { clock } = this.#init
    const { id } = connection
    connection.addEventListener('close', () => this.#places.leaving.delete(id), { once: true })
    if (link === undefined) {
      this.#close(connection)
      return
    }
    // The other side is to read that the link ended in good order before its connection goes.
    const { stream } = link.place
    let timer: unknown
    const close = () => {
      clock.clearTimeout(timer)
      this.#closing.delete(timer)
      stream.removeEventListener('close', close)
      this.#close(connection, stream.id)
    }
    timer = clock.setTimeout(close, ROOM_CLOSE_MS)
    this.#closing.add(timer)
    stream.addEventListener('close', close)
    link.close(GIVES_WAY)
  }

  /** Unless somebody began to use it meanwhile. */
  #close(connection: Connection, ended?: string): void {
    const { log } = this.#init
    if (connection.streams.some(({ id }) => id !== ended)) {
      this.#places.leaving.delete(connection.id)
      return
    }
    connection.close().catch((error: Error) => {
      log('could not close a connection that gives way - %e', error)
      connection.abort(error)
    })
  }
}
