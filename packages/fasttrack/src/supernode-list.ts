/**
 * Other supernodes: at most 200 (giFT), whoever told of them. One that this peer was linked with itself counts for more than
 * hearsay, and no one who tells of many fills the list. Kept across restarts as the message that tells it to others.
 */
import type { Peer } from '@servent/overlay/machine'
import {
  RETRIES_MAX,
  RETRY_MS,
  RETRY_MS_MAX,
  SEEN_RETRIES_MAX,
  SUPERNODE_STALE_MS,
  SUPERNODES_MAX
} from './constants.ts'

/** Nobody told of it: this peer has reached it itself, in this run or the last. */
export const OWN_EYES: Peer = -1
/** All that came by themselves and said it of themselves are one teller: keys cost nothing. */
export const COMERS: Peer = -2

export interface KnownSupernode {
  readonly peer: Peer
  teller: Peer
  /** Since when it is in the list. */
  readonly sinceMs: number
  users: number
  seenMs: number
  failures: number
  /** Not tried again before. */
  retryMs: number
  /** A user told of it, who is nobody to believe: others are not told before it was seen. */
  isHint: boolean
}

interface Hearsay {
  readonly peer: Peer
  readonly teller: Peer
  readonly users: number
  readonly seenMs: number
  readonly isHint: boolean
  /** Entries of this teller that are kept. */
  readonly most: number
}

export class SupernodeList {
  readonly #known = new Map<Peer, KnownSupernode>()
  readonly #toldBy = new Map<Peer, number>()
  changed = false

  get size(): number {
    return this.#known.size
  }

  get all(): IterableIterator<KnownSupernode> {
    return this.#known.values()
  }

  get(peer: Peer): KnownSupernode | undefined {
    return this.#known.get(peer)
  }

  peers(hold: (peer: Peer) => void): void {
    for (const { peer, teller } of this.#known.values()) {
      hold(peer)
      if (teller >= 0) hold(teller)
    }
  }

  /** This peer has reached it, and it said that it is a supernode. */
  seen(peer: Peer, users: number, nowMs: number): void {
    const entry = this.#known.get(peer) ?? this.#add(peer, OWN_EYES, nowMs)
    this.#setTeller(entry, OWN_EYES)
    entry.users = users
    entry.seenMs = nowMs
    entry.failures = 0
    entry.retryMs = nowMs
    entry.isHint = false
    this.changed = true
  }

  /** Somebody told of it, and when it was seen. */
  told({ peer, teller, users, seenMs, isHint, most }: Hearsay, nowMs: number): void {
    const known = this.#known.get(peer)
    if (known !== undefined) {
      // What was seen here is believed rather than what others say.
      if (known.teller === OWN_EYES || seenMs <= known.seenMs) return
      known.users = users
      known.seenMs = Math.min(seenMs, nowMs)
      known.isHint &&= isHint
      return
    }
    if ((this.#toldBy.get(teller) ?? 0) >= most) this.#evict(entry => entry.teller === teller)
    const entry = this.#add(peer, teller, nowMs)
    entry.users = users
    entry.seenMs = Math.min(seenMs, nowMs)
    entry.isHint = isHint
    this.changed = true
  }

  /** It could not be reached, or would not take this peer. */
  failed(peer: Peer, nowMs: number): void {
    const entry = this.#known.get(peer)
    if (entry === undefined) return
    entry.failures += 1
    if (entry.failures >= (entry.teller === OWN_EYES ? SEEN_RETRIES_MAX : RETRIES_MAX)) {
      this.forget(peer)
      return
    }
    entry.retryMs = nowMs + Math.min(RETRY_MS_MAX, RETRY_MS * 2 ** Math.min(entry.failures - 1, 10))
  }

  postpone(peer: Peer, untilMs: number): void {
    const entry = this.#known.get(peer)
    if (entry !== undefined) entry.retryMs = Math.max(entry.retryMs, untilMs)
  }

  /** It is no supernode any more. */
  forget(peer: Peer): void {
    const entry = this.#known.get(peer)
    if (entry === undefined) return
    this.#setTeller(entry, OWN_EYES)
    this.#known.delete(peer)
    this.changed = true
  }

  /** Those that may be tried now, in an order of chance. */
  candidates(count: number, nowMs: number, random: () => number, isTaken: (peer: Peer) => boolean): Peer[] {
    const free: Peer[] = []
    for (const { peer, retryMs } of this.#known.values())
      if (retryMs <= nowMs && !isTaken(peer)) free.push(peer)
    return sample(free, count, random)
  }

  /** Some to tell others of: those seen lately, and in the list since then, in an order of chance. */
  toTell(
    count: number,
    nowMs: number,
    random: () => number,
    sinceMs = Number.NEGATIVE_INFINITY
  ): KnownSupernode[] {
    const fresh: KnownSupernode[] = []
    for (const entry of this.#known.values())
      if (entry.sinceMs >= sinceMs && isFresh(entry, nowMs)) fresh.push(entry)
    return sample(fresh, count, random)
  }

  /** Whether there are so many that could be told of. */
  hasFresh(count: number, nowMs: number): boolean {
    let fresh = 0
    for (const entry of this.#known.values()) {
      if (isFresh(entry, nowMs)) fresh += 1
      if (fresh >= count) return true
    }
    return false
  }

  #add(peer: Peer, teller: Peer, nowMs: number): KnownSupernode {
    if (this.#known.size >= SUPERNODES_MAX) this.#evict(() => true)
    const entry: KnownSupernode = {
      peer,
      teller: OWN_EYES,
      sinceMs: nowMs,
      users: 0,
      seenMs: nowMs,
      failures: 0,
      retryMs: nowMs,
      isHint: false
    }
    this.#known.set(peer, entry)
    this.#setTeller(entry, teller)
    return entry
  }

  #setTeller(entry: KnownSupernode, teller: Peer): void {
    if (entry.teller !== OWN_EYES) {
      const left = this.#toldBy.get(entry.teller)! - 1
      if (left === 0) this.#toldBy.delete(entry.teller)
      else this.#toldBy.set(entry.teller, left)
    }
    entry.teller = teller
    if (teller !== OWN_EYES) this.#toldBy.set(teller, (this.#toldBy.get(teller) ?? 0) + 1)
  }

  /** What fails goes first, then hearsay, then what was not seen for the longest. */
  #evict(which: (entry: KnownSupernode) => boolean): void {
    let worst: KnownSupernode | undefined
    for (const entry of this.#known.values()) {
      if (which(entry) && (worst === undefined || isWorse(entry, worst))) worst = entry
    }
    if (worst !== undefined) this.forget(worst.peer)
  }
}

function isFresh({ seenMs, failures, isHint }: KnownSupernode, nowMs: number): boolean {
  return nowMs - seenMs < SUPERNODE_STALE_MS && failures === 0 && !isHint
}

function isWorse(a: KnownSupernode, b: KnownSupernode): boolean {
  if (a.failures !== b.failures) return a.failures > b.failures
  const hearsay = Number(b.teller === OWN_EYES) - Number(a.teller === OWN_EYES)
  if (hearsay !== 0) return hearsay > 0
  return a.seenMs < b.seenMs
}

/** So many of them, the beginning of a shuffle. The list given is shuffled. */
export function sample<T>(items: T[], count: number, random: () => number): T[] {
  const most = Math.min(count, items.length)
  for (let place = 0; place < most; place += 1) {
    const other = place + (random() % (items.length - place))
    const moved = items[place]!
    items[place] = items[other]!
    items[other] = moved
  }
  return items.slice(0, most)
}
