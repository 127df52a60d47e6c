/**
 * Keeps places free among the connections that libp2p may have (`maxConnections`), for machines whose tables know more
 * peers than that. libp2p refuses whoever comes when it has as many, and closes none that carries a stream: a peer
 * whose links take all places would refuse newcomers for as long as it runs, and those that look for it would take it
 * for dead.
 *
 * So links give way. Before a dial, and when somebody came, the connection that was unused for longest is closed, its
 * link in good order before it, until a few places are free. What others use or value is left alone: a connection
 * with a stream of another protocol, and one to a peer that carries a tag of somebody else's.
 */
import type { Connection, Logger, PeerId } from '@libp2p/interface'
import type { LinkEnd, OverlayName } from '@servent/overlay'
import type { Clock } from './clock.ts'
import {
  CONNECTIONS_KEPT_FREE_MAX,
  CONNECTIONS_PER_FREE,
  ROOM_CLOSE_MS,
  ROOM_LOOK_MS,
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

export class Room {
  readonly #components: RoomComponents
  readonly #init: RoomInit
  /** Ids of connections that are being closed: their places count as free. */
  readonly #leaving = new Set<string>()
  readonly #onOpen = () => void this.#clear()
  /** Dials under way: each has a place. */
  #dials = 0
  #timer: unknown
  /** Of connections whose links are ending. */
  readonly #closing = new Set<unknown>()
  #clearing: Promise<void> | undefined
  #ended = false

  constructor(components: RoomComponents, init: RoomInit) {
    this.#components = components
    this.#init = init
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
    this.#dials += 1
    await this.#clear()
    // Where nothing gives way just now, a dial may have one of the places that are kept for those who come.
    if (this.#used() <= this.#components.connectionManager.getMaxConnections()) return true
    this.#dials -= 1
    return false
  }

  /** The dial is over: either there is a connection now, or there is none. */
  give(): void {
    this.#dials -= 1
  }

  #used(): number {
    const open = this.#components.connectionManager
      .getConnections()
      .filter(({ id }) => !this.#leaving.has(id))
    return open.length + this.#dials
  }

  #isOver(): boolean {
    const most = this.#components.connectionManager.getMaxConnections()
    return this.#used() > most - Math.min(CONNECTIONS_KEPT_FREE_MAX, Math.floor(most / CONNECTIONS_PER_FREE))
  }

  /** One at a time: whoever comes meanwhile waits for the one that runs, which sees them. */
  #clear(): Promise<void> {
    this.#clearing ??= this.#clearOut().finally(() => {
      this.#clearing = undefined
    })
    return this.#clearing
  }

  async #clearOut(): Promise<void> {
    const valued = new Set<string>()
    while (!this.#ended && this.#isOver()) {
      const candidate = this.#longestUnused(valued)
      if (candidate === undefined) {
        this.#lookLater()
        return
      }
      const { id, remotePeer } = candidate.connection
      this.#leaving.add(id)
      const isValued = await this.#isValued(remotePeer)
      // It may have closed meanwhile, or be in use.
      if (!isValued && this.#isUnused(candidate)) this.#giveWay(candidate)
      else {
        this.#leaving.delete(id)
        valued.add(id)
      }
    }
  }

  /** What is in use now need not be so in a while. */
  #lookLater(): void {
    const { clock } = this.#init
    clock.clearTimeout(this.#timer)
    this.#timer = clock.setTimeout(() => void this.#clear(), ROOM_LOOK_MS)
  }

  #longestUnused(valued: ReadonlySet<string>): Candidate | undefined {
    const { connectionManager } = this.#components
    const byConnection = new Map(this.#init.links().map(link => [link.place.connection, link]))
    let longest: Candidate | undefined
    for (const connection of connectionManager.getConnections()) {
      const { id, status } = connection
      if (status !== 'open' || this.#leaving.has(id) || valued.has(id)) continue
      const link = byConnection.get(id)
      const unusedMs = this.#unusedMs(connection, link)
      if (unusedMs >= Math.max(ROOM_QUIET_MS, longest?.unusedMs ?? 0))
        longest = { connection, link, unusedMs }
    }
    return longest
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
    connection.addEventListener('close', () => this.#leaving.delete(id), { once: true })
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
      this.#leaving.delete(connection.id)
      return
    }
    connection.close().catch((error: Error) => {
      log('could not close a connection that gives way - %e', error)
      connection.abort(error)
    })
  }
}
