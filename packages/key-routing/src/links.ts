/**
 * Who is linked with this peer, how long they take to answer, and which links stay. Round trips are estimated as
 * TCP does (Jacobson; RFC 6298), in whole eighths and quarters of milliseconds, so that every host rounds alike.
 */
import type { Effects, Link, MachineTypes, Peer } from '@servent/overlay/machine'
import type { Call } from './calls-types.ts'
import { BACKOFF_MAX, HOLDERS_MAX, LOOKS_PER_LINGER, ROUND_TRIPS_BEFORE_SILENT } from './constants.ts'
import type { RouterSettings } from './router-settings.ts'

/** It is time to look for links that nobody needs. Seldom, so that none of them needs a timer of its own. */
export const LINKS_TIMER = 'links'

/** No host gives this number to a link. */
export const NO_LINK: Link = -1

export class Neighbour<T extends MachineTypes> {
  readonly peer: Peer
  link: Link = NO_LINK
  inbound = false
  /** This peer asked its host for a link and has not heard of it. */
  opening = false
  /** This peer closed the link and has not heard of its end. */
  closing = false
  /** One bit for each name that holds the peer. */
  holders = 0
  /** Requests under way and waiting. */
  pending = 0
  /** Lookups under way that came from here. */
  relays = 0
  /** When something last came or went. */
  usedMs = 0
  /** What waits for a link. */
  waiting: Call<T>[] | undefined = undefined
  /** Eighths of a millisecond; 0: not measured yet. */
  #srtt8 = 0
  /** Quarters of a millisecond. */
  #rttvar4 = 0
  /** Requests in a row that were not answered in time. */
  #silences = 0

  constructor(peer: Peer) {
    this.peer = peer
  }

  /** Smoothed, in milliseconds; nothing before the first answer. */
  get rttMs(): number | undefined {
    return this.#srtt8 === 0 ? undefined : this.#srtt8 / 8
  }

  answered(tookMs: number): void {
    const sampleMs = Math.max(1, Math.round(tookMs))
    this.#silences = 0
    if (this.#srtt8 === 0) {
      this.#srtt8 = sampleMs * 8
      this.#rttvar4 = sampleMs * 2
      return
    }
    const error = sampleMs - (this.#srtt8 >> 3)
    this.#srtt8 = Math.max(1, this.#srtt8 + error)
    this.#rttvar4 += Math.abs(error) - (this.#rttvar4 >> 2)
  }

  silent(): void {
    if (this.#silences < BACKOFF_MAX) this.#silences += 1
  }

  /** How long to wait for an answer: three round trips, or TCP's time where they vary more. */
  timeoutMs(settings: RouterSettings): number {
    const { callTimeoutFirstMs, callTimeoutLowMs, callTimeoutHighMs } = settings
    const ms =
      this.#srtt8 === 0
        ? callTimeoutFirstMs
        : Math.max(
            callTimeoutLowMs,
            (ROUND_TRIPS_BEFORE_SILENT * this.#srtt8) >> 3,
            (this.#srtt8 >> 3) + this.#rttvar4
          )
    return Math.min(callTimeoutHighMs, ms << this.#silences)
  }
}

/** Neighbours by handle and by link, and the links that this peer opened. */
export class Links<T extends MachineTypes> {
  readonly #settings: RouterSettings
  readonly #byPeer = new Map<Peer, Neighbour<T>>()
  readonly #byLink = new Map<Link, Neighbour<T>>()
  readonly #holders: string[] = []
  #own = 0
  #watching = false

  constructor(settings: RouterSettings) {
    this.#settings = settings
  }

  get size(): number {
    return this.#byPeer.size
  }

  get linked(): number {
    return this.#byLink.size
  }

  /** Links that this peer opened or opens. */
  get own(): number {
    return this.#own
  }

  of(peer: Peer): Neighbour<T> | undefined {
    return this.#byPeer.get(peer)
  }

  at(link: Link): Neighbour<T> | undefined {
    return this.#byLink.get(link)
  }

  all(): IterableIterator<Neighbour<T>> {
    return this.#byPeer.values()
  }

  obtain(peer: Peer): Neighbour<T> {
    let neighbour = this.#byPeer.get(peer)
    if (neighbour === undefined) {
      neighbour = new Neighbour<T>(peer)
      this.#byPeer.set(peer, neighbour)
    }
    return neighbour
  }

  /** Takes a link that came up. One that there was to the same peer stays known until its end is told. */
  up(peer: Peer, link: Link, inbound: boolean, nowMs: number): Neighbour<T> {
    const neighbour = this.obtain(peer)
    if (this.#byLink.has(link)) this.down(link)
    const before = ownPlaces(neighbour)
    neighbour.opening = false
    neighbour.closing = false
    neighbour.link = link
    neighbour.inbound = inbound
    neighbour.usedMs = nowMs
    this.#own += ownPlaces(neighbour) - before
    this.#byLink.set(link, neighbour)
    return neighbour
  }

  /** The neighbour whose link it was. It may have another one by now. */
  down(link: Link): Neighbour<T> | undefined {
    const neighbour = this.#byLink.get(link)
    if (neighbour === undefined) return undefined
    this.#byLink.delete(link)
    if (neighbour.link === link) {
      const before = ownPlaces(neighbour)
      neighbour.link = NO_LINK
      neighbour.closing = false
      this.#own += ownPlaces(neighbour) - before
    }
    return neighbour
  }

  opening(neighbour: Neighbour<T>, is: boolean): void {
    const before = ownPlaces(neighbour)
    neighbour.opening = is
    this.#own += ownPlaces(neighbour) - before
  }

  /** A lookup that came from this peer is under way no more. */
  relayEnded(peer: Peer): void {
    const neighbour = this.#byPeer.get(peer)
    if (neighbour === undefined || neighbour.relays === 0) return
    neighbour.relays -= 1
    this.drop(neighbour)
  }

  /** Forgets a neighbour of which there is nothing to remember: who comes again begins where it went. */
  drop(neighbour: Neighbour<T>): void {
    if (
      neighbour.link === NO_LINK &&
      neighbour.holders === 0 &&
      neighbour.pending === 0 &&
      neighbour.relays === 0 &&
      !neighbour.opening &&
      this.#byPeer.get(neighbour.peer) === neighbour
    )
      this.#byPeer.delete(neighbour.peer)
  }

  hold(peer: Peer, by: string): void {
    this.obtain(peer).holders |= this.#bit(by)
  }

  release(peer: Peer, by: string): Neighbour<T> | undefined {
    const neighbour = this.#byPeer.get(peer)
    if (neighbour !== undefined) neighbour.holders &= ~this.#bit(by)
    return neighbour
  }

  /** Whether there is a place for one more own link; where not, closes the longest unused that nobody needs. */
  makeRoom(effects: Effects<T>): boolean {
    if (this.#own < this.#settings.ownLinks) return true
    let oldest: Neighbour<T> | undefined
    for (const neighbour of this.#byPeer.values()) {
      if (isIdle(neighbour) && (oldest === undefined || neighbour.usedMs < oldest.usedMs)) oldest = neighbour
    }
    if (oldest === undefined) return false
    this.close(oldest, 'Another link takes its place.', effects)
    return true
  }

  /** Closes a link that this peer opened. Its place is free at once. */
  close(neighbour: Neighbour<T>, reason: string, effects: Effects<T>): void {
    const before = ownPlaces(neighbour)
    neighbour.closing = true
    this.#own += ownPlaces(neighbour) - before
    effects.close(neighbour.link, reason)
  }

  /** Sees to it that a link which nobody holds is closed when it was not used for the linger time. */
  watchIdle(neighbour: Neighbour<T>, effects: Effects<T>): void {
    if (this.#watching || neighbour.holders !== 0 || neighbour.inbound || !isUp(neighbour)) return
    this.#watching = true
    effects.setTimer(LINKS_TIMER, this.#settings.lingerMs)
  }

  /** Closes own links that nobody holds and that were not used for the linger time. */
  closeIdle(effects: Effects<T>): void {
    const unusedSinceMs = effects.nowMs() - this.#settings.lingerMs
    let left = false
    for (const neighbour of this.#byPeer.values()) {
      if (ownPlaces(neighbour) === 0 || neighbour.opening || neighbour.holders !== 0) continue
      if (neighbour.pending > 0 || neighbour.usedMs > unusedSinceMs) left = true
      else this.close(neighbour, 'Nobody needs it.', effects)
    }
    this.#watching = left
    if (left) effects.setTimer(LINKS_TIMER, this.#settings.lingerMs / LOOKS_PER_LINGER)
  }

  /** @throws RangeError  a table more than there are bits: an assertion about the overlay, not about its peers */
  #bit(by: string): number {
    let place = this.#holders.indexOf(by)
    if (place < 0) place = this.#holders.push(by) - 1
    if (place >= HOLDERS_MAX) throw new RangeError(`At most ${HOLDERS_MAX} names may hold peers.`)
    return 1 << place
  }
}

export function isUp<T extends MachineTypes>(neighbour: Neighbour<T>): boolean {
  return neighbour.link !== NO_LINK && !neighbour.closing
}

/** 1 where it takes one of this peer's own places: opened by it, or being opened. */
function ownPlaces<T extends MachineTypes>(neighbour: Neighbour<T>): 0 | 1 {
  const { link, inbound, opening, closing } = neighbour
  return opening || (link !== NO_LINK && !inbound && !closing) ? 1 : 0
}

function isIdle<T extends MachineTypes>(neighbour: Neighbour<T>): boolean {
  return (
    !neighbour.opening && neighbour.holders === 0 && neighbour.pending === 0 && ownPlaces(neighbour) === 1
  )
}
