/** Every link of a host: one for each peer at most, within the host's numbers, and what waits to become one. */
import type { Connection, PeerId, Stream } from '@libp2p/interface'
import type { Link, LinkEnd, LinkOrigin, Peer } from '@servent/overlay'
import { Comers } from './comers.ts'
import { HostLink, type LinkContext } from './link.ts'
import type { OpeningStage } from './opener.ts'
import { comparePeerIds, judgeInbound } from './tie-break.ts'

export const NO_PLACE = 'There is no place for another link.'

/** A stream that waits for what becomes of another one to the same peer. */
interface Held {
  readonly peerId: PeerId
  readonly stream: Stream
  readonly connection: Connection
  readonly release: () => void
  graceTimer: unknown
}

export interface LinkTableInit<Message> extends Omit<LinkContext<Message>, 'onDown'> {
  readonly self: PeerId
  readonly originOf: (connection: Connection) => LinkOrigin
  readonly stageOf: (peer: Peer) => OpeningStage | undefined
  /** Calls off this host's own open. */
  readonly cancelOpen: (peer: Peer) => void
  /** Opens under way and waiting: their places are taken. */
  readonly openings: () => number
  readonly onUp: (link: HostLink<Message>) => void
  readonly onDown: (link: HostLink<Message>, end: LinkEnd) => void
}

export class LinkTable<Message> {
  readonly #init: LinkTableInit<Message>
  readonly #context: LinkContext<Message>
  readonly #selfId: Uint8Array
  readonly #links = new Map<Link, HostLink<Message>>()
  readonly #byPeer = new Map<Peer, HostLink<Message>>()
  readonly #held = new Map<Peer, Held>()
  readonly #comers: Comers
  readonly #onEmpty: (() => void)[] = []
  #inboundCount = 0
  #nextId: Link = 1

  constructor(init: LinkTableInit<Message>) {
    this.#init = init
    this.#context = { ...init, onDown: (link, end) => this.#down(link, end) }
    this.#comers = new Comers(init.limits)
    this.#selfId = init.self.toMultihash().bytes
  }

  get size(): number {
    return this.#links.size
  }

  get(link: Link): HostLink<Message> | undefined {
    return this.#links.get(link)
  }

  all(): HostLink<Message>[] {
    return [...this.#links.values()]
  }

  /** Whether a link to the peer is up, or waits to be. */
  has(peer: Peer): boolean {
    return this.#byPeer.has(peer)
  }

  *peers(): Iterable<Peer> {
    yield* this.#byPeer.keys()
    yield* this.#held.keys()
  }

  /** Whether one more `open` has a place. */
  get hasRoom(): boolean {
    return this.#links.size + this.#init.openings() < this.#init.limits.linksMax
  }

  /** A stream that the remote peer opened. */
  inbound(peer: Peer, peerId: PeerId, stream: Stream, connection: Connection): void {
    const { limits, clock, metrics } = this.#init
    if (!this.#comers.mayCome(peerId.toString(), clock.nowMs())) {
      this.#refuse(stream, 'This peer opens links too often.')
      return
    }
    const up = this.#byPeer.get(peer)
    const stage = this.#init.stageOf(peer)
    const verdict = judgeInbound({
      selfIsLower: comparePeerIds(this.#selfId, peerId.toMultihash().bytes) < 0,
      ...(up !== undefined && {
        up: {
          inbound: up.place.inbound,
          sameConnection: up.place.connection === connection.id,
          isYoung: clock.nowMs() - up.upAtMs < limits.duplicateGraceMs
        }
      }),
      ...(stage !== undefined && { opening: stage === 'negotiating' ? 'negotiating' : 'dialing' })
    })
    if (verdict === 'refuse') {
      this.#refuse(stream, 'A link to this peer is up.')
    } else if (verdict === 'accept') {
      if (!this.#hasInboundRoom()) {
        metrics.count('limitHits')
        this.#refuse(stream, NO_PLACE)
        return
      }
      this.#init.cancelOpen(peer)
      this.#drop(peer, 'The peer opened another stream.')
      this.#raise(peer, peerId, stream, connection, true)
    } else {
      this.#hold(peer, peerId, stream, connection)
      if (verdict === 'replace')
        up!.end({ kind: 'duplicate', message: 'Another link to this peer takes its place.' })
    }
  }

  /** A stream that this host opened. */
  outbound(peer: Peer, peerId: PeerId, stream: Stream, connection: Connection): void {
    this.#raise(peer, peerId, stream, connection, false)
    const held = this.#held.get(peer)
    if (held === undefined) return
    // The remote peer drops its stream when it sees this one. It cannot be another one of a dead connection
    // where both came over the same connection.
    if (held.connection.id === connection.id) this.#drop(peer, 'Both sides opened a link at once.')
    else this.#startGrace(peer, held)
  }

  /** True where a stream that waited took the place of the one that could not be opened. */
  openFailed(peer: Peer): boolean {
    return this.#promote(peer)
  }

  /** Ends every link: at once, or as `close` does. Streams that wait are reset. */
  endAll(end: LinkEnd, how: 'end' | 'close'): void {
    for (const peer of [...this.#held.keys()]) this.#drop(peer, end.message)
    for (const link of this.all()) link[how](end)
  }

  /** Resolves when no link is left. Links that close take `stopFlushMs` at most. */
  emptied(): Promise<void> {
    if (this.#links.size === 0) return Promise.resolve()
    return new Promise(resolve => this.#onEmpty.push(resolve))
  }

  #hasInboundRoom(): boolean {
    const { linksMax, inboundLinksMax } = this.#init.limits
    return this.#links.size < linksMax && this.#inboundCount < inboundLinksMax
  }

  #raise(peer: Peer, peerId: PeerId, stream: Stream, connection: Connection, inbound: boolean): void {
    const origin = this.#init.originOf(connection)
    const place = { id: this.#nextId, peer, peerId, inbound, stream, connection: connection.id, origin }
    this.#nextId += 1
    const link = new HostLink(place, this.#context)
    this.#links.set(place.id, link)
    this.#byPeer.set(peer, link)
    if (inbound) this.#inboundCount += 1
    this.#init.metrics.count(inbound ? 'linksAccepted' : 'linksOpened')
    this.#init.onUp(link)
    link.begin()
  }

  #down(link: HostLink<Message>, end: LinkEnd): void {
    const { id, peer, inbound } = link.place
    this.#links.delete(id)
    this.#byPeer.delete(peer)
    if (inbound) this.#inboundCount -= 1
    this.#init.metrics.count('linksEnded')
    this.#init.onDown(link, end)
    this.#promote(peer)
    if (this.#links.size === 0) for (const resolve of this.#onEmpty.splice(0)) resolve()
  }

  #hold(peer: Peer, peerId: PeerId, stream: Stream, connection: Connection): void {
    this.#drop(peer, 'The peer opened another stream.')
    const onClose = () => this.#drop(peer, 'The peer called it off.')
    stream.addEventListener('close', onClose)
    const release = () => stream.removeEventListener('close', onClose)
    const held: Held = { peerId, stream, connection, release, graceTimer: undefined }
    this.#held.set(peer, held)
    if (this.#byPeer.has(peer)) this.#startGrace(peer, held)
  }

  #startGrace(peer: Peer, held: Held): void {
    const { clock, limits } = this.#init
    const run = () => {
      this.#byPeer.get(peer)?.end({ kind: 'duplicate', message: 'The peer came back on another connection.' })
    }
    held.graceTimer = clock.setTimeout(run, limits.duplicateGraceMs)
  }

  /** The stream that waits becomes the link, where nothing else is and there is room. */
  #promote(peer: Peer): boolean {
    const held = this.#held.get(peer)
    if (held === undefined || this.#byPeer.has(peer)) return false
    if (!this.#hasInboundRoom()) {
      this.#drop(peer, NO_PLACE)
      return false
    }
    this.#take(peer, held)
    // Who heard that the link before it went may have asked for another one since.
    this.#init.cancelOpen(peer)
    this.#raise(peer, held.peerId, held.stream, held.connection, true)
    return true
  }

  #drop(peer: Peer, reason: string): void {
    const held = this.#held.get(peer)
    if (held === undefined) return
    this.#take(peer, held)
    this.#refuse(held.stream, reason)
  }

  #take(peer: Peer, held: Held): void {
    this.#held.delete(peer)
    held.release()
    this.#init.clock.clearTimeout(held.graceTimer)
  }

  #refuse(stream: Stream, reason: string): void {
    this.#init.metrics.count('inboundRefused')
    if (stream.status === 'open') stream.abort(new Error(reason))
  }
}
