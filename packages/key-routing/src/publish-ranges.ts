/** Roots that lookups have found, with the ranges they answer for, so that records in a row need one lookup. */
import {
  betweenRightClosed,
  clockwiseDistance,
  compareKeys,
  KEY_BYTES,
  type Key,
  NO_PEER,
  type Peer
} from '@servent/overlay/machine'
import type { KeyRange, KeyRouting } from './routing.ts'
import { RANGE_MS, RANGES_MAX } from './store-constants.ts'

export interface KnownRange {
  readonly from: Key
  readonly to: Key
  readonly root: Peer
  readonly untilMs: number
}

/** To be taken from a key. */
export const ONE: Key = new Uint8Array(KEY_BYTES).fill(1, KEY_BYTES - 1)

/**
 * What is believed of the range that a lookup of this key found. The answer comes from a hop, which may have made
 * it up: where the tables hold the range for impossible, the key alone.
 */
export function believedRange(routing: KeyRouting, key: Key, root: Peer, { from, to }: KeyRange): KeyRange {
  const isWhole =
    root !== NO_PEER &&
    betweenRightClosed(key, from, to) &&
    routing.isPlausibleRange?.(root, { from, to }) !== false
  if (isWhole) return { from, to }
  return { from: clockwiseDistance(ONE, key), to: key }
}

export class RangeCache {
  /** By their ends. No two overlap. */
  readonly #ranges: KnownRange[] = []

  get size(): number {
    return this.#ranges.length
  }

  heldPeers(hold: (peer: Peer) => void): void {
    for (const { root } of this.#ranges) hold(root)
  }

  find(key: Key, nowMs: number): KnownRange | undefined {
    const place = this.#placeOf(key)
    // Past the last end comes the range that goes around, and its end is the smallest.
    const range = this.#ranges[place] ?? this.#ranges[0]
    if (range === undefined || !betweenRightClosed(key, range.from, range.to)) return undefined
    if (range.untilMs > nowMs) return range
    this.#ranges.splice(this.#ranges.indexOf(range), 1)
    return undefined
  }

  add({ from, to }: KeyRange, root: Peer, nowMs: number): KnownRange {
    const range = { from, to, root, untilMs: nowMs + RANGE_MS }
    this.#removeAll(known => overlaps(known, range))
    if (this.#ranges.length >= RANGES_MAX) this.#removeAll(known => known.untilMs <= nowMs)
    if (this.#ranges.length >= RANGES_MAX) this.#ranges.splice(this.#placeOfOldest(), 1)
    this.#ranges.splice(this.#placeOf(to), 0, range)
    return range
  }

  /** Its root has said that it is not, or is gone. */
  forget(root: Peer): void {
    this.#removeAll(known => known.root === root)
  }

  #removeAll(isGone: (range: KnownRange) => boolean): void {
    for (let index = this.#ranges.length - 1; index >= 0; index -= 1)
      if (isGone(this.#ranges[index]!)) this.#ranges.splice(index, 1)
  }

  #placeOfOldest(): number {
    let oldest = 0
    for (const [index, { untilMs }] of this.#ranges.entries())
      if (untilMs < this.#ranges[oldest]!.untilMs) oldest = index
    return oldest
  }

  /** Of the first range whose end is not before the key. */
  #placeOf(key: Key): number {
    let low = 0
    let high = this.#ranges.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (compareKeys(this.#ranges[middle]!.to, key) < 0) low = middle + 1
      else high = middle
    }
    return low
  }
}

function overlaps(a: KnownRange, b: KnownRange): boolean {
  return betweenRightClosed(a.to, b.from, b.to) || betweenRightClosed(b.to, a.from, a.to)
}
