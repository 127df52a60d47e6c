/**
 * Who may upload now, and who waits for it: Gnutella's active queue (`X-Queue`), fair by peer. Pure: the
 * caller says what time it is.
 *
 * A place belongs to one peer and one file, whatever connection it asks by. Peers who gave this one something come
 * first, then newcomers, and then those who took much and gave little; whoever waited for `queuePromoteMs` moves up one
 * of these standings. Among those of one standing a higher participation level goes first, where levels are known;
 * whoever waited for `queuePromoteMs` with the givers goes before all levels, so that nobody waits for ever. Of one
 * level peers take turns: a peer's second place comes after the first places of all others, and so does the first place
 * of a peer that is being served. The peer asks again between `queuePollMinMs` and `queuePollMaxMs` after it last asked:
 * sooner or later than that, its place is lost.
 */
import type { Standing } from './ledger.ts'
import type { ServerLimits } from './limits.ts'

export type QueueLimits = Pick<
  ServerLimits,
  | 'slotsMax'
  | 'slotsPerPeerMax'
  | 'slotLingerMs'
  | 'slotTurnMs'
  | 'queuePlacesMax'
  | 'queuePlacesPerPeerMax'
  | 'queuePollMinMs'
  | 'queuePollMaxMs'
  | 'queuePromoteMs'
>

const RANKS: Readonly<Record<Standing, number>> = { giver: 0, newcomer: 1, freeloader: 2 }

export interface Slot {
  readonly peer: string
  readonly file: string
  /** Since when the peer goes from file to file in it. */
  readonly heldMs?: number
}

export type QueueAnswer =
  | { readonly type: 'granted'; readonly slot: Slot }
  /** `position` counts from 1. */
  | { readonly type: 'queued'; readonly position: number; readonly length: number }
  /** No place is left, or this peer has as many as it may. */
  | { readonly type: 'full' }

/** Whether one place is before another, turns aside. */
interface Rank {
  /** That of its peer's standing, or of a better one for how long it waits. Lower goes first. */
  readonly rank: number
  /** Of its peer; beyond all levels for how long it waits. Higher goes first. */
  readonly level: number
}

interface Place extends Slot {
  /** Since when it waits without a break. */
  sinceMs: number
  askedMs: number
}

export class UploadQueue {
  readonly #limits: QueueLimits
  readonly #standing: (peer: string) => Standing
  readonly #level: ((peer: string) => number) | undefined
  readonly #active = new Set<Slot>()
  /** Slots that wait for their peer's next request, and until when. */
  readonly #lingering = new Map<Slot, number>()
  /** In the order of arrival. */
  #places: Place[] = []

  /** Both are asked for each place whenever somebody asks for one. Without `level` all of one standing are alike. */
  constructor(
    limits: QueueLimits,
    standing: (peer: string) => Standing = () => 'newcomer',
    level?: (peer: string) => number
  ) {
    this.#limits = limits
    this.#standing = standing
    this.#level = level
  }

  get activeCount(): number {
    return this.#active.size
  }

  ask(peer: string, file: string, nowMs: number): QueueAnswer {
    this.#expire(nowMs)
    for (const slot of this.#lingering.keys()) {
      if (slot.peer === peer && slot.file === file) {
        this.#lingering.delete(slot)
        return this.#grant(peer, file, slot.heldMs ?? nowMs)
      }
    }
    const moved = this.#move(peer, nowMs)
    if (moved !== undefined) {
      this.#places = this.#places.filter(place => place.peer !== peer || place.file !== file)
      return this.#grant(peer, file, moved.heldMs ?? nowMs)
    }
    const place = this.#place(peer, file, nowMs)
    const free = this.#limits.slotsMax - this.#active.size - this.#lingering.size
    const order = this.#order(nowMs)
    // Peers that are served to their bound cannot use a free slot, so they do not stand before others.
    const able = order.filter(({ peer }) => this.#held(peer) < this.#limits.slotsPerPeerMax)
    const ahead = place === undefined ? able.length : able.indexOf(place)
    if (this.#held(peer) < this.#limits.slotsPerPeerMax && ahead < free) {
      if (place !== undefined) this.#places.splice(this.#places.indexOf(place), 1)
      return this.#grant(peer, file, nowMs)
    }
    if (place === undefined) return { type: 'full' }
    return { type: 'queued', position: order.indexOf(place) + 1, length: order.length }
  }

  /** With `linger`, the slot is kept a while for the same peer's next request. */
  release(slot: Slot, linger: boolean, nowMs: number): void {
    if (!this.#active.delete(slot) || !linger) return
    this.#lingering.set(slot, nowMs + this.#limits.slotLingerMs)
  }

  /** Who waits, first in line first. */
  waiting(nowMs: number): readonly Slot[] {
    this.#expire(nowMs)
    return this.#order(nowMs)
  }

  /** A slot that this peer leaves for its next file: the files of a folder need not queue one by one. */
  #move(peer: string, nowMs: number): Slot | undefined {
    const isWaitedFor = this.#places.some(place => place.peer !== peer)
    for (const slot of this.#lingering.keys()) {
      if (slot.peer !== peer) continue
      if (isWaitedFor && nowMs - (slot.heldMs ?? nowMs) >= this.#limits.slotTurnMs) continue
      this.#lingering.delete(slot)
      return slot
    }
    return undefined
  }

  #grant(peer: string, file: string, heldMs: number): QueueAnswer {
    const slot = { peer, file, heldMs }
    this.#active.add(slot)
    return { type: 'granted', slot }
  }

  /** The place of this peer and file, made where there is none and room for one. */
  #place(peer: string, file: string, nowMs: number): Place | undefined {
    const known = this.#places.find(place => place.peer === peer && place.file === file)
    if (known !== undefined) {
      const early = nowMs - known.askedMs < this.#limits.queuePollMinMs
      known.askedMs = nowMs
      if (early) {
        this.#places.splice(this.#places.indexOf(known), 1)
        this.#places.push(known)
        known.sinceMs = nowMs
      }
      return known
    }
    const own = this.#places.filter(place => place.peer === peer).length
    if (own >= this.#limits.queuePlacesPerPeerMax) return undefined
    const place = { peer, file, sinceMs: nowMs, askedMs: nowMs }
    if (this.#places.length >= this.#limits.queuePlacesMax) {
      // The last in line gives way to whoever stands higher, so that a crowd of strangers cannot lock givers out.
      const last = this.#order(nowMs).at(-1)
      if (last === undefined || compare(this.#rank(last, nowMs), this.#rank(place, nowMs)) <= 0)
        return undefined
      this.#places.splice(this.#places.indexOf(last), 1)
    }
    this.#places.push(place)
    return place
  }

  #rank({ peer, sinceMs }: Place, nowMs: number): Rank {
    const promotions = Math.floor((nowMs - sinceMs) / this.#limits.queuePromoteMs)
    const own = RANKS[this.#standing(peer)]
    const rank = Math.max(0, own - promotions)
    if (this.#level === undefined) return { rank, level: 0 }
    return { rank, level: promotions > own ? Infinity : this.#level(peer) }
  }

  #held(peer: string): number {
    let held = 0
    for (const slot of this.#active) if (slot.peer === peer) held += 1
    for (const slot of this.#lingering.keys()) if (slot.peer === peer) held += 1
    return held
  }

  /** Places by standing and level, and where both are the same by rounds: in a round every peer has one. */
  #order(nowMs: number): Place[] {
    const rounds = new Map<string, number>()
    const numbered = this.#places.map(place => {
      const round = rounds.get(place.peer) ?? this.#held(place.peer)
      rounds.set(place.peer, round + 1)
      return { place, round, ...this.#rank(place, nowMs) }
    })
    return numbered.sort((a, b) => compare(a, b) || a.round - b.round).map(({ place }) => place)
  }

  #expire(nowMs: number): void {
    this.#places = this.#places.filter(place => nowMs - place.askedMs <= this.#limits.queuePollMaxMs)
    for (const [slot, untilMs] of this.#lingering) if (untilMs <= nowMs) this.#lingering.delete(slot)
  }
}

/** Below 0 where `a` goes first. */
function compare(a: Rank, b: Rank): number {
  if (a.rank !== b.rank) return a.rank - b.rank
  return a.level === b.level ? 0 : b.level - a.level
}
