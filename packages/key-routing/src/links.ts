/**
 * Who is linked with this peer, how long they take to answer, and which links stay. Round trips are estimated as
 * TCP does (Jacobson; RFC 6298), in whole eighths and quarters of milliseconds, so that every host rounds alike.
 */
import type { Effects, Link, MachineTypes, Peer } from '@servent/overlay/machine'
import type { Call } from './calls-types.ts'
import {
  BACKOFF_MAX,
  HOLDERS_MAX,
  LOOKS_PER_LINGER,
  ROUND_TRIPS_BEFORE_SILENT,
  TURNED_AWAY_MAX
} from './constants.ts'
import { LazyMap } from './lazy-map.ts'
import { NumberIndex } from './links-index.ts'
import type { RouterSettings } from './router-settings.ts'

/** It is time to look for links that nobody needs. Seldom, so that none of them needs a timer of its own. */
export const LINKS_TIMER = 'links'

/** No host gives this number to a link. */
export const NO_LINK: Link = -1

// Bits of a neighbour's state; above them, how many times in a row it had no room, and requests that were not answered.
const INBOUND = 1
const OPENING = 2
const CLOSING = 4
const UNASKED = 8
const TURNED_AWAY = 16
const SILENCE = TURNED_AWAY * (TURNED_AWAY_MAX + 1)
const FLAGS = SILENCE - 1

/** A machine has some forty of them, so what is only true or false shares a word. */
export class Neighbour<T extends MachineTypes> {
  readonly peer: Peer
  link: Link = NO_LINK
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
  #state = 0

  constructor(peer: Peer) {
    this.peer = peer
  }

  get inbound(): boolean {
    return (this.#state & INBOUND) !== 0
  }

  set inbound(is: boolean) {
    this.#set(INBOUND, is)
  }

  /** This peer asked its host for a link and has not heard of it. */
  get opening(): boolean {
    return (this.#state & OPENING) !== 0
  }

  set opening(is: boolean) {
    this.#set(OPENING, is)
  }

  /** This peer closed the link and has not heard of its end. */
  get closing(): boolean {
    return (this.#state & CLOSING) !== 0
  }

  set closing(is: boolean) {
    this.#set(CLOSING, is)
  }

  /** Smoothed, in milliseconds; nothing before the first answer. */
  get rttMs(): number | undefined {
    return this.#srtt8 === 0 ? undefined : this.#srtt8 / 8
  }

  answered(tookMs: number): void {
    const sampleMs = Math.max(1, Math.round(tookMs))
    this.#state &= FLAGS & ~UNASKED
    if (this.#srtt8 === 0) {
      this.#srtt8 = sampleMs * 8
      this.#rttvar4 = sampleMs * 2
      return
    }
    const error = sampleMs - (this.#srtt8 >> 3)
    this.#srtt8 = Math.max(1, this.#srtt8 + error)
    this.#rttvar4 += Math.abs(error) - (this.#rttvar4 >> 2)
  }

  /** Its link was opened though no call needed it, and none was answered since. */
  get unasked(): boolean {
    return (this.#state & UNASKED) !== 0
  }

  set unasked(is: boolean) {
    this.#set(UNASKED, is)
  }

  /** It had no room for a connection. False: so often in a row that it counts as one that nobody reaches. */
  turnedAway(): boolean {
    if (((this.#state & FLAGS) / TURNED_AWAY) >> 0 >= TURNED_AWAY_MAX) return false
    this.#state += TURNED_AWAY
    return true
  }

  /** It has a link, or is given up. */
  hadRoom(): void {
    this.#state -= this.#state & (FLAGS - (TURNED_AWAY - 1))
  }

  silent(): void {
    if (this.#state < BACKOFF_MAX * SILENCE) this.#state += SILENCE
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
    return Math.min(callTimeoutHighMs, ms << Math.floor(this.#state / SILENCE))
  }

  waitsNoMore(call: Call<T>): void {
    const { waiting } = this
    if (waiting === undefined) return
    const place = waiting.indexOf(call)
    if (place >= 0) waiting.splice(place, 1)
    if (waiting.length === 0) this.waiting = undefined
  }

  #set(flag: number, is: boolean): void {
    this.#state = is ? this.#state | flag : this.#state & ~flag
  }
}

/** Neighbours by handle and by link, and the links that this peer opened. */
export class Links<T extends MachineTypes> {
  readonly #settings: RouterSettings
  /** In the order in which they came. */
  readonly #all: Neighbour<T>[] = []
  readonly #byPeer = new NumberIndex<Neighbour<T>>(({ peer }) => peer)
  readonly #byLink = new NumberIndex<Neighbour<T>>(({ link }) => link)
  /** Links that another one to the same peer took the place of, until their end is told. */
  readonly #older = new LazyMap<Link, Neighbour<T>>()
  #holders: readonly string[] = []
  #own = 0
  #watching = false

  constructor(settings: RouterSettings) {
    this.#settings = settings
  }

  get size(): number {
    return this.#byPeer.size
  }

  get linked(): number {
    return this.#byLink.size + this.#older.size
  }

  /** Links that this peer opened or opens. */
  get own(): number {
    return this.#own
  }

  of(peer: Peer): Neighbour<T> | undefined {
    return this.#byPeer.get(peer)
  }

  at(link: Link): Neighbour<T> | undefined {
    return this.#byLink.get(link) ?? this.#older.get(link)
  }

  all(): readonly Neighbour<T>[] {
    return this.#all
  }

  obtain(peer: Peer): Neighbour<T> {
    let neighbour = this.#byPeer.get(peer)
    if (neighbour === undefined) {
      neighbour = new Neighbour<T>(peer)
      this.#all.push(neighbour)
      this.#byPeer.add(neighbour)
    }
    return neighbour
  }

  /** Takes a link that came up. One that there was to the same peer stays known until its end is told. */
  up(peer: Peer, link: Link, inbound: boolean, nowMs: number): Neighbour<T> {
    const neighbour = this.obtain(peer)
    if (this.at(link) !== undefined) this.down(link)
    const before = ownPlaces(neighbour)
    if (neighbour.link !== NO_LINK) {
      this.#byLink.delete(neighbour.link)
      this.#older.set(neighbour.link, neighbour)
    }
    neighbour.opening = false
    neighbour.closing = false
    neighbour.hadRoom()
    neighbour.link = link
    neighbour.inbound = inbound
    neighbour.usedMs = nowMs
    this.#own += ownPlaces(neighbour) - before
    this.#byLink.add(neighbour)
    return neighbour
  }

  /** The neighbour whose link it was. It may have another one by now. */
  down(link: Link): Neighbour<T> | undefined {
    const neighbour = this.#byLink.get(link)
    if (neighbour === undefined) {
      const older = this.#older.get(link)
      this.#older.delete(link)
      return older
    }
    const before = ownPlaces(neighbour)
    this.#byLink.delete(link)
    neighbour.link = NO_LINK
    neighbour.closing = false
    this.#own += ownPlaces(neighbour) - before
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
    ) {
      this.#byPeer.delete(neighbour.peer)
      this.#all.splice(this.#all.indexOf(neighbour), 1)
    }
  }

  hold(peer: Peer, by: string): void {
    this.obtain(peer).holders |= this.#bit(by)
  }

  release(peer: Peer, by: string): Neighbour<T> | undefined {
    const neighbour = this.#byPeer.get(peer)
    if (neighbour !== undefined) neighbour.holders &= ~this.#bit(by)
    return neighbour
  }

  /**
   * Whether there is a place for one more own link. Where not, closes the longest unused of those that no table holds,
   * and where there is none, of those that one does: a table keeps its peer, and a call opens the link again.
   */
  makeRoom(effects: Effects<T>): boolean {
    if (this.#own < this.#settings.ownLinks) return true
    let oldest: Neighbour<T> | undefined
    for (const neighbour of this.#all)
      if (isIdle(neighbour) && (oldest === undefined || isSooner(neighbour, oldest))) oldest = neighbour
    if (oldest === undefined) return false
    this.close(oldest, 'Another link takes its place.', effects)
    return true
  }

  /**
   * Whether a link that ended for lack of use is opened again before a call needs it: a table holds its peer, and whether
   * that is still there the new link shows. Once between two calls: the other side may have had no room for it.
   */
  isMissed(neighbour: Neighbour<T>): boolean {
    if (neighbour.holders === 0 || neighbour.unasked || this.#own >= this.#settings.heldLinks) return false
    neighbour.unasked = true
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
    for (const neighbour of this.#all) {
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
    if (place < 0) {
      place = this.#holders.length
      // As long as it must be: one that grows takes room for sixteen more.
      this.#holders = this.#holders.concat(by)
    }
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
  return !neighbour.opening && neighbour.pending === 0 && ownPlaces(neighbour) === 1
}

/** Of two idle ones, which makes room first. */
function isSooner<T extends MachineTypes>(one: Neighbour<T>, other: Neighbour<T>): boolean {
  if ((one.holders === 0) !== (other.holders === 0)) return one.holders === 0
  return one.usedMs < other.usedMs
}
