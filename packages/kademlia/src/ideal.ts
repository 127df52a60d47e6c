/**
 * Tables as an observer who knows everybody builds them: what a network's buckets come to once nothing has changed for
 * long. A bucket with no more than k candidates has them all; of more, kad-dht keeps those that came first, which are
 * random ones.
 */
import { compareKeys, KEY_BITS, type Key, keyBit } from '@servent/overlay/machine'

/** All peers of a network, by their numbers from 0. `below` gives a random whole number below its argument. */
export class IdealTables {
  /** Numbers of peers in the order of their keys. */
  readonly #order: readonly number[]
  readonly #keys: readonly Key[]

  constructor(keys: readonly Key[]) {
    this.#keys = keys
    this.#order = keys.map((_, peer) => peer).sort((a, b) => compareKeys(keys[a]!, keys[b]!))
  }

  /** Who is in the buckets of a peer. */
  peersOf(peer: number, k: number, below: (count: number) => number): number[] {
    const own = this.#keys[peer]!
    const chosen: number[] = []
    // Those that share the first bits with it, and have not been given to a bucket yet.
    let [from, to] = [0, this.#order.length]
    for (let bit = 0; bit < KEY_BITS && to - from > 1; bit += 1) {
      const middle = this.#firstWithBit(from, to, bit)
      const isLow = keyBit(own, bit) === 0
      chosen.push(...(isLow ? this.#some(middle, to, k, below) : this.#some(from, middle, k, below)))
      ;[from, to] = isLow ? [from, middle] : [middle, to]
    }
    return chosen
  }

  /** The first of a range, in which all earlier bits are alike, whose bit is set. */
  #firstWithBit(from: number, to: number, bit: number): number {
    let [low, high] = [from, to]
    while (low < high) {
      const middle = (low + high) >> 1
      if (keyBit(this.#keys[this.#order[middle]!]!, bit) === 0) low = middle + 1
      else high = middle
    }
    return low
  }

  /** At most k of a range, each at most once (Floyd's sampling). */
  #some(from: number, to: number, k: number, below: (count: number) => number): number[] {
    const count = to - from
    if (count <= k) return this.#order.slice(from, to)
    const places = new Set<number>()
    for (let last = count - k; last < count; last += 1) {
      const place = below(last + 1)
      places.add(places.has(place) ? last : place)
    }
    return [...places].map(place => this.#order[from + place]!)
  }
}
