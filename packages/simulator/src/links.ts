/**
 * Every link of a simulation: a pair of ends, one at each node, in typed arrays. An end stands at an even or
 * odd place and its other end beside it.
 *
 * What a machine knows as its link holds the end's place in the lowest 24 bits and, above them, how often the
 * place was used, so that no number is given twice. They stay below 2^31, so tables of machines may hold them
 * in an `Int32Array`.
 */
import type { Link } from '@servent/overlay/machine'
import { grownFloat64, grownInt32, grownUint8 } from './event-queue-arrays.ts'
import type { NodeIndex } from './types.ts'

/** An end's place. */
export type End = number

/** Its node knows nothing of it: the other one is opening it. */
export const UNKNOWN = 0
/** Its node is opening it; the other side has not taken it. */
export const OPENING = 1
/** Its node is opening it, the other side has taken it and may send already. */
export const TAKEN = 2
export const UP = 3
/** What waits is sent, and then it is down. Nothing comes from it any more. */
export const CLOSING = 4
/** Its queue overflowed, and its node has not said its last word. */
export const OVERFLOWED = 5
/** Its node has done with it. */
export const DOWN = 6

const PLACE_BITS = 24
const PLACE_MASK = 2 ** PLACE_BITS - 1
const USES_MAX = 2 ** (31 - PLACE_BITS) - 1
const ENDS_MAX = 2 ** PLACE_BITS
const NONE = -1
const ENDS_AT_FIRST = 1024

export function endOf(link: Link): End {
  return link & PLACE_MASK
}

export class Links {
  /** By end: the node whose end it is. */
  owners = new Int32Array(ENDS_AT_FIRST)
  /** By end: the number by which its node knows it; 0 where the place is free. */
  ids = new Int32Array(ENDS_AT_FIRST)
  states = new Uint8Array(ENDS_AT_FIRST)
  /** By end: when the last thing that it sent arrives. Nothing that is sent later arrives sooner. */
  arrivalsUs = new Float64Array(ENDS_AT_FIRST)
  #next = new Int32Array(ENDS_AT_FIRST)
  #previous = new Int32Array(ENDS_AT_FIRST)
  #uses = new Uint8Array(ENDS_AT_FIRST / 2)
  #ends = 0
  /** Pairs that were given back, chained by `#next` of their first end. */
  #free = NONE
  /** By node: its first end, how many it has, and how many of these the other side opened. */
  #first = new Int32Array(0)
  counts = new Int32Array(0)
  inboundCounts = new Int32Array(0)
  /** Ends by their two nodes: open addressing, each end's place and 1. */
  #table = new Int32Array(ENDS_AT_FIRST * 4)
  #entries = 0

  /** Makes room for nodes up to this number. */
  hold(nodes: number): void {
    const held = this.counts.length
    if (nodes <= held) return
    const length = Math.max(nodes, held * 2)
    this.#first = grownInt32(this.#first, length)
    this.#first.fill(NONE, held)
    this.counts = grownInt32(this.counts, length)
    this.inboundCounts = grownInt32(this.inboundCounts, length)
  }

  /** A pair whose first end belongs to `node` and whose second end belongs to `other`; gives the first. */
  allocate(node: NodeIndex, other: NodeIndex): End {
    let end = this.#free
    if (end === NONE) {
      end = this.#ends
      if (end === ENDS_MAX) throw new RangeError(`A simulation has at most ${ENDS_MAX / 2} links at a time.`)
      if (end === this.ids.length) this.#grow(end * 2)
      this.#ends += 2
    } else {
      this.#free = this.#next[end]!
    }
    const uses = this.#uses[end >> 1]! + 1
    this.#uses[end >> 1] = uses
    this.owners[end] = node
    this.owners[end + 1] = other
    this.ids[end] = (uses << PLACE_BITS) | end
    this.ids[end + 1] = (uses << PLACE_BITS) | (end + 1)
    this.states[end] = UNKNOWN
    this.states[end + 1] = UNKNOWN
    this.arrivalsUs[end] = 0
    this.arrivalsUs[end + 1] = 0
    return end
  }

  /** Its node counts the end among its own, and `find` finds it. */
  enter(end: End): void {
    const node = this.owners[end]!
    const first = this.#first[node]!
    this.#next[end] = first
    this.#previous[end] = NONE
    if (first !== NONE) this.#previous[first] = end
    this.#first[node] = end
    this.counts[node]! += 1
    // The second end of a pair is that of the node which was called.
    if ((end & 1) === 1) this.inboundCounts[node]! += 1
    if ((this.#entries + 1) * 2 > this.#table.length) this.#rehash(this.#table.length * 2)
    this.#insert(end)
    this.#entries += 1
  }

  /** Its node has done with an end that it had entered: it is down. The pair is free where both are. */
  leave(end: End): void {
    const node = this.owners[end]!
    const next = this.#next[end]!
    const previous = this.#previous[end]!
    if (previous === NONE) this.#first[node] = next
    else this.#next[previous] = next
    if (next !== NONE) this.#previous[next] = previous
    this.counts[node]! -= 1
    if ((end & 1) === 1) this.inboundCounts[node]! -= 1
    this.#remove(end)
    this.states[end] = DOWN
    const other = this.states[end ^ 1]!
    if (other === DOWN || other === UNKNOWN) this.#release(end)
  }

  /** The end of `node` to `other`, whatever its state; -1 where there is none. */
  find(node: NodeIndex, other: NodeIndex): End {
    const table = this.#table
    const mask = table.length - 1
    for (let at = hash(node, other) & mask; ; at = (at + 1) & mask) {
      const end = table[at]! - 1
      if (end < 0) return NONE
      if (this.owners[end] === node && this.owners[end ^ 1] === other) return end
    }
  }

  /** The ends of a node, the youngest first. A copy: they may be left meanwhile. */
  endsOf(node: NodeIndex): End[] {
    const ends: End[] = []
    for (let end = this.#first[node]!; end !== NONE; end = this.#next[end]!) ends.push(end)
    return ends
  }

  #release(end: End): void {
    const first = end & ~1
    this.ids[first] = 0
    this.ids[first + 1] = 0
    // A place whose numbers are used up is given no more.
    if (this.#uses[first >> 1] === USES_MAX) return
    this.#next[first] = this.#free
    this.#free = first
  }

  #insert(end: End): void {
    const table = this.#table
    const mask = table.length - 1
    let at = hash(this.owners[end]!, this.owners[end ^ 1]!) & mask
    while (table[at] !== 0) at = (at + 1) & mask
    table[at] = end + 1
  }

  /** Closes the gap behind it, so that no mark of what was there is needed (Knuth, 6.4, Algorithm R). */
  #remove(end: End): void {
    const table = this.#table
    const mask = table.length - 1
    let gap = hash(this.owners[end]!, this.owners[end ^ 1]!) & mask
    while (table[gap] !== end + 1) gap = (gap + 1) & mask
    for (let at = (gap + 1) & mask; table[at] !== 0; at = (at + 1) & mask) {
      const moved = table[at]! - 1
      const home = hash(this.owners[moved]!, this.owners[moved ^ 1]!) & mask
      if (((at - home) & mask) < ((at - gap) & mask)) continue
      table[gap] = moved + 1
      gap = at
    }
    table[gap] = 0
    this.#entries -= 1
  }

  #rehash(length: number): void {
    const old = this.#table
    this.#table = new Int32Array(length)
    for (const entry of old) if (entry !== 0) this.#insert(entry - 1)
  }

  #grow(length: number): void {
    this.owners = grownInt32(this.owners, length)
    this.ids = grownInt32(this.ids, length)
    this.states = grownUint8(this.states, length)
    this.arrivalsUs = grownFloat64(this.arrivalsUs, length)
    this.#next = grownInt32(this.#next, length)
    this.#previous = grownInt32(this.#previous, length)
    this.#uses = grownUint8(this.#uses, length / 2)
  }
}

function hash(node: NodeIndex, other: NodeIndex): number {
  let mixed = Math.imul(node, 0x9e3779b1) ^ Math.imul(other, 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d)
  return mixed ^ (mixed >>> 13)
}
