/**
 * The leaf set (Rowstron section 2.1): on each side the |L|/2 nodes with the numerically closest ids, the nearest
 * first. In a network of fewer than |L| others a node may stand on both sides; then the two meet, and the set
 * covers the whole circle.
 */
import {
  betweenRightClosed,
  clockwiseDistance,
  compareClockwise,
  type Key,
  NO_PEER,
  type Peer,
  ringDistance,
  SELF
} from '@servent/overlay/machine'
import { compareCloseness, keyBefore } from './node-ids.ts'

/** What a leaf set, a routing table and a neighbourhood set know of peers. */
export type KeyOf = (peer: Peer) => Key

/** So many leaves within so many 256ths of the circle are there by chance in no network of few nodes. */
const DENSE_LEAVES_LEAST = 8
const DENSE_SPAN = 16

/** Of a side, those that stand before the first of these. */
function before(side: readonly Peer[], fillers: ReadonlySet<Peer>): readonly Peer[] {
  const at = fillers.size === 0 ? -1 : side.findIndex(peer => fillers.has(peer))
  return at < 0 ? side : side.slice(0, at)
}

export class LeafSet {
  readonly #half: number
  readonly #keyOf: KeyOf
  readonly #smaller: Peer[] = []
  readonly #larger: Peer[] = []
  /**
   * Of each side, those that fill the place of one that was taken out, and lie on the other one: between them and the
   * leaves before them there may be others.
   */
  readonly #fillers = { smaller: new Set<Peer>(), larger: new Set<Peer>() }

  /** `size` is |L|, an even number. */
  constructor(size: number, keyOf: KeyOf) {
    this.#half = size / 2
    this.#keyOf = keyOf
  }

  /** Counter-clockwise, the nearest first. */
  get smaller(): readonly Peer[] {
    return this.#smaller
  }

  /** Clockwise, the nearest first. */
  get larger(): readonly Peer[] {
    return this.#larger
  }

  get isEmpty(): boolean {
    return this.#larger.length === 0 && this.#smaller.length === 0
  }

  /** Each once. */
  get members(): readonly Peer[] {
    const { length } = this.#larger
    // The sides meet only where they share their furthest.
    if (length === 0 || !this.#larger.includes(this.#smaller.at(-1)!))
      return [...this.#larger, ...this.#smaller]
    return [...new Set([...this.#larger, ...this.#smaller])]
  }

  has(peer: Peer): boolean {
    return this.#larger.includes(peer) || this.#smaller.includes(peer)
  }

  /** Whether a peer would have a place. */
  wants(peer: Peer): boolean {
    if (peer === SELF || this.has(peer)) return false
    return this.sidesOf(peer).length > 0
  }

  /** Of so many candidates, those who would have a place when all of them had come. */
  wantsOf(candidates: readonly Peer[], others: Iterable<Peer> = []): Peer[] {
    const all = new LeafSet(2 * this.#half, this.#keyOf)
    for (const peers of [this.#larger, this.#smaller, others, candidates])
      for (const peer of peers) all.add(peer)
    return candidates.filter(peer => all.has(peer) && !this.has(peer))
  }

  /** Whether nobody fills a place for want of others (`confirm`). */
  get isSure(): boolean {
    return this.#fillers.smaller.size + this.#fillers.larger.size === 0
  }

  /** Of each side, those that no unknown one may lie between: all but who fills a place, and whoever is behind it. */
  get sure(): { readonly smaller: readonly Peer[]; readonly larger: readonly Peer[] } {
    const { smaller, larger } = this.#fillers
    return { smaller: before(this.#smaller, smaller), larger: before(this.#larger, larger) }
  }

  /** The furthest leaves that are sure: they know who comes behind them. Where none is, the furthest. */
  get ends(): readonly Peer[] {
    const furthest = (smaller: readonly Peer[], larger: readonly Peer[]) =>
      [larger.at(-1), smaller.at(-1)].filter(peer => peer !== undefined)
    const ends = furthest(this.sure.smaller, this.sure.larger)
    return ends.length > 0 ? ends : furthest(this.#smaller, this.#larger)
  }

  /** One of the ends knows nobody else: those that fill a place are the next. */
  confirm(): void {
    this.#fillers.smaller.clear()
    this.#fillers.larger.clear()
  }

  /** The sides on which a peer has a place, or would have one, without itself and whoever only fills a place. */
  sidesOf(peer: Peer): Peer[][] {
    const { sure } = this
    const isWide = this.#isWide
    const sides: [Peer[], readonly Peer[], boolean][] = [
      [this.#smaller, sure.smaller, false],
      [this.#larger, sure.larger, true]
    ]
    return sides
      .filter(
        ([side, , clockwise]) => side.includes(peer) || this.#placeIn(side, peer, clockwise, isWide) >= 0
      )
      .map(([, sureOnes]) => sureOnes.filter(leaf => leaf !== peer))
  }

  /** Whether anything changed. */
  add(peer: Peer): boolean {
    if (peer === SELF || this.has(peer)) return false
    const isWide = this.#isWide
    const isFilling = !this.isWhole && !this.isEmpty
    const larger = this.#insert(this.#larger, peer, true, isWide, isFilling && !this.#isAhead(peer))
    return this.#insert(this.#smaller, peer, false, isWide, isFilling && this.#isAhead(peer)) || larger
  }

  /**
   * Who stands on one side may have a place on the other one then, where there are few. That they are few only a set
   * knows that was whole.
   */
  remove(peer: Peer): boolean {
    let removed = false
    const wasWide = this.#isWide
    const isFilling = !this.isWhole
    this.#fillers.smaller.delete(peer)
    this.#fillers.larger.delete(peer)
    for (const side of [this.#larger, this.#smaller]) {
      const at = side.indexOf(peer)
      if (at < 0) continue
      side.splice(at, 1)
      removed = true
    }
    if (!removed) return false
    if (!wasWide) return true
    for (const other of [...this.#smaller]) this.#insert(this.#larger, other, true, true, isFilling)
    for (const other of [...this.#larger]) this.#insert(this.#smaller, other, false, true, isFilling)
    return true
  }

  clear(): void {
    this.#larger.length = 0
    this.#smaller.length = 0
    this.confirm()
  }

  /** Whether every node of the network is in it, as far as it is right: the sides meet, and not for want of others. */
  get isWhole(): boolean {
    return this.isSure && this.#sidesMeet
  }

  get #sidesMeet(): boolean {
    const [left, right] = [this.#smaller.at(-1), this.#larger.at(-1)]
    if (left === undefined || right === undefined) return this.isEmpty
    return compareClockwise(this.#keyOf(SELF), this.#keyOf(left), this.#keyOf(right)) <= 0
  }

  /**
   * Whether nodes are few, so that one of the other side may be the next of this one. Where a full side spans little of
   * the circle they are many: then a side that has lost a leaf is short for a while, and who lies behind the other side
   * is not its next.
   */
  get #isWide(): boolean {
    return this.#sidesMeet || !(this.#isDense(this.#smaller) || this.#isDense(this.#larger))
  }

  #isDense(side: readonly Peer[]): boolean {
    if (side.length < this.#half || side.length < DENSE_LEAVES_LEAST) return false
    return ringDistance(this.#keyOf(SELF), this.#keyOf(side.at(-1)!))[0]! < DENSE_SPAN
  }

  /** Ids of the furthest leaves that are sure; the own one where a side has none. */
  get #range(): { readonly left: Key; readonly right: Key } {
    const { smaller, larger } = this.sure
    return { left: this.#keyOf(smaller.at(-1) ?? SELF), right: this.#keyOf(larger.at(-1) ?? SELF) }
  }

  /** Whether a key lies within the range of the set, so that the closest of all nodes is in it. */
  covers(key: Key): boolean {
    if (this.isWhole) return true
    const { left, right } = this.#range
    // The furthest leaves themselves are within.
    return betweenRightClosed(key, keyBefore(left), right)
  }

  /** Whether all keys clockwise from one to another lie within the range of the set. */
  coversAll(first: Key, last: Key): boolean {
    if (this.isWhole) return true
    return this.covers(first) && this.covers(last) && compareClockwise(this.#range.left, first, last) <= 0
  }

  /** Of the leaves and this node itself, whoever is closest to a key and not left out. */
  closest(key: Key, isLeftOut: (peer: Peer) => boolean): Peer {
    let [before, behind] = [NO_PEER, NO_PEER]
    const look = (peer: Peer): void => {
      if (isLeftOut(peer)) return
      const id = this.#keyOf(peer)
      if (behind === NO_PEER || compareClockwise(key, id, this.#keyOf(behind)) < 0) behind = peer
      if (before === NO_PEER || compareClockwise(key, id, this.#keyOf(before)) > 0) before = peer
    }
    look(SELF)
    for (const peer of this.#larger) look(peer)
    for (const peer of this.#smaller) look(peer)
    if (before === behind || before === NO_PEER) return behind
    return compareCloseness(key, this.#keyOf(before), this.#keyOf(behind)) < 0 ? before : behind
  }

  /** So many leaves, in the order of how close they are to a key. */
  nearest(key: Key, count: number): Peer[] {
    const found: Peer[] = []
    while (found.length < count) {
      const peer = this.closest(key, other => other === SELF || found.includes(other))
      if (peer === NO_PEER) break
      found.push(peer)
    }
    return found
  }

  #insert(side: Peer[], peer: Peer, clockwise: boolean, isWide: boolean, isFilling: boolean): boolean {
    if (side.includes(peer)) return false
    const at = this.#placeIn(side, peer, clockwise, isWide)
    if (at < 0) return false
    const fillers = clockwise ? this.#fillers.larger : this.#fillers.smaller
    if (isFilling && at >= before(side, fillers).length) fillers.add(peer)
    side.splice(at, 0, peer)
    if (side.length > this.#half) fillers.delete(side.pop()!)
    return true
  }

  /** Whether it lies in the half of the circle that is clockwise of this node. */
  #isAhead(peer: Peer): boolean {
    return clockwiseDistance(this.#keyOf(SELF), this.#keyOf(peer))[0]! < 0x80
  }

  /** -1 where it would be the first to go. */
  #placeIn(side: readonly Peer[], peer: Peer, clockwise: boolean, isWide: boolean): number {
    const own = this.#keyOf(SELF)
    const id = this.#keyOf(peer)
    let at = side.length
    while (at > 0) {
      const order = compareClockwise(own, id, this.#keyOf(side[at - 1]!))
      if (clockwise ? order > 0 : order < 0) break
      at -= 1
    }
    if (at >= this.#half) return -1
    // At the end of a short side stands nobody who lies on the other one, but where nodes are few.
    const isNext = at < side.length || isWide || this.#isAhead(peer) === clockwise
    return isNext ? at : -1
  }
}
