/**
 * Who is on the ring, and who therefore is the root of a key, by an observer who sees everybody: what every
 * answer of a ring overlay is held against. A peer may have several places.
 */
import { compareKeys, KEY_BITS, type Key, keyBit, xorDistance } from '@servent/overlay/machine'
import { compareCloseness } from '@servent/pastry/machine'
import type { NodeIndex } from '@servent/simulator'

export interface RingPlace {
  readonly key: Key
  readonly node: NodeIndex
  /** Which of the peer's places it is. */
  readonly index: number
}

export class RingTruth {
  /** In the order of their keys. */
  readonly #places: RingPlace[] = []

  /** Everybody at once. */
  addAll(members: readonly (readonly [NodeIndex, readonly Key[]])[]): void {
    for (const [node, keys] of members)
      for (const [index, key] of keys.entries()) this.#places.push({ key, node, index })
    this.#places.sort((a, b) => compareKeys(a.key, b.key))
  }

  add(node: NodeIndex, keys: readonly Key[]): void {
    for (const [index, key] of keys.entries())
      this.#places.splice(this.#firstAt(key), 0, { key, node, index })
  }

  /** Nothing happens where the peer was no member. */
  remove(node: NodeIndex, keys: readonly Key[]): void {
    for (const key of keys) {
      const at = this.#firstAt(key)
      if (this.#places[at]?.node === node) this.#places.splice(at, 1)
    }
  }

  /** That of some of them. */
  of(isIn: (node: NodeIndex) => boolean): RingTruth {
    const some = new RingTruth()
    some.#places.push(...this.#places.filter(({ node }) => isIn(node)))
    return some
  }

  /** The root of a key: the first place at or after it. */
  successorOf(key: Key): NodeIndex | undefined {
    const { length } = this.#places
    return length === 0 ? undefined : this.#places[this.#firstAt(key) % length]!.node
  }

  /** The last place before a key. */
  predecessorOf(key: Key): RingPlace | undefined {
    const { length } = this.#places
    return length === 0 ? undefined : this.#places[(this.#firstAt(key) - 1 + length) % length]!
  }

  /** The numerically closest place of all; of two that are as close, the one before the key, as Pastry has it. */
  nearestTo(key: Key): NodeIndex | undefined {
    const { length } = this.#places
    if (length === 0) return undefined
    const at = this.#firstAt(key)
    const behind = this.#places[at % length]!
    const before = this.#places[(at - 1 + length) % length]!
    return compareCloseness(key, before.key, behind.key) < 0 ? before.node : behind.node
  }

  /** So many places on each side of a key, each once; one that lies at the key itself is not among them. */
  around(key: Key, count: number): RingPlace[] {
    const { length } = this.#places
    const at = this.#firstAt(key)
    const here = length > 0 && compareKeys(this.#places[at % length]!.key, key) === 0 ? 1 : 0
    const found = new Set<RingPlace>()
    for (let step = 0; step < Math.min(count, length - here); step += 1) {
      found.add(this.#places[(at + here + step) % length]!)
      found.add(this.#places[(at - 1 - step + length) % length]!)
    }
    return [...found]
  }

  /** So many places that follow a key, the nearest first, without one that lies at it. */
  behind(key: Key, count: number): NodeIndex[] {
    const { length } = this.#places
    const at = this.#firstAt(key)
    const here = length > 0 && compareKeys(this.#places[at % length]!.key, key) === 0 ? 1 : 0
    return Array.from(
      { length: Math.min(count, length - here) },
      (_, step) => this.#places[(at + here + step) % length]!.node
    )
  }

  /** The so many nearest to a key by XOR, the nearest first: they stand together, in the smallest part that has them. */
  nearestByXorOf(key: Key, count: number): NodeIndex[] {
    let from = 0
    let to = this.#places.length
    for (let bit = 0; bit < KEY_BITS && to - from > count; bit += 1) {
      const middle = this.#firstWithBit(from, to, bit)
      const [first, last] = keyBit(key, bit) === 1 ? [middle, to] : [from, middle]
      if (last - first < count) break
      from = first
      to = last
    }
    const apart = this.#places
      .slice(from, to)
      .map(({ key: own, node }) => ({ node, far: xorDistance(key, own) }))
    apart.sort((a, b) => compareKeys(a.far, b.far))
    return apart.slice(0, count).map(({ node }) => node)
  }

  /** The peer nearest to a key by XOR, with one bit after the other of the key as long as anybody has it. */
  nearestByXor(key: Key): NodeIndex | undefined {
    let from = 0
    let to = this.#places.length
    for (let bit = 0; bit < KEY_BITS && to - from > 1; bit += 1) {
      const middle = this.#firstWithBit(from, to, bit)
      const isHigh = keyBit(key, bit) === 1
      const isLeftOut = isHigh ? middle === to : middle === from
      if (isLeftOut) continue
      if (isHigh) from = middle
      else to = middle
    }
    return this.#places[from]?.node
  }

  /** Of places whose bits before this one are alike, the first that has it. */
  #firstWithBit(from: number, to: number, bit: number): number {
    let low = from
    let high = to
    while (low < high) {
      const middle = (low + high) >>> 1
      if (keyBit(this.#places[middle]!.key, bit) === 0) low = middle + 1
      else high = middle
    }
    return low
  }

  /** The index of the first place whose key is not below this one; the length where all are. */
  #firstAt(key: Key): number {
    let from = 0
    let to = this.#places.length
    while (from < to) {
      const middle = (from + to) >>> 1
      if (compareKeys(this.#places[middle]!.key, key) < 0) from = middle + 1
      else to = middle
    }
    return from
  }
}
