/**
 * Every link of a simulation: a pair of ends, one at each node, in typed arrays. An end stands at an even or
 * odd place and its other end beside it.
 *
 * What a machine knows as its link holds the end's place in the lowest 24 bits and, above them, how often the
 * place was used, so that no number is given twice. They stay below 2^31, so tables of machines may hold them
 * in an `Int32Array`.
 */
import type { Link } from '@servent/overlay/machine'
import { grownInt32 } from './event-queue-arrays.ts'
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
/** Links of a simulation at a time: one past it ends the run. */
export const LINKS_MAX = ENDS_MAX / 2
const NONE = -1
const ENDS_AT_FIRST = 1024

export function endOf(link: Link): End {
  return link & PLACE_MASK
}

// Fields of an end: 32 bytes, so that a pair fills one cache line.
const WORDS = 8
const OWNER = 0
const ID = 1
const STATE = 2
const NEXT = 3
const PREVIOUS = 4
/** Of a pair, at its first end: how often it was given. */
const USES = 5
/** In times of eight bytes: the fourth of an end. */
const TIMES = 4
const ARRIVAL = 3

export class Links {
  #words = new Int32Array(ENDS_AT_FIRST * WORDS)
  #times = new Float64Array(this.#words.buffer)
  #ends = 0
  /** Pairs that were given back, chained by the next of their first end. */
  #free = NONE
  /** By node: its first end, how many it has, and how many of these the other side opened. */
  #first = new Int32Array(0)
  counts = new Int32Array(0)
  inboundCounts = new Int32Array(0)
  /** Ends by their two nodes: open addressing, each end's place and 1. */
  #table = new Int32Array(ENDS_AT_FIRST * 4)
  #entries = 0

  /** The node whose end it is. */
  owner(end: End): NodeIndex {
    return this.#words[end * WORDS + OWNER]!
  }

  /** The node at its other end. */
  other(end: End): NodeIndex {
    return this.#words[(end ^ 1) * WORDS + OWNER]!
  }

  /** The number by which its node knows it; 0 where the place is free. */
  id(end: End): Link {
    return this.#words[end * WORDS + ID]!
  }

  /** Whether this link still is, for one side at least. A machine may name any number. */
  has(link: Link): boolean {
    return link > 0 && this.#words[(link & PLACE_MASK) * WORDS + ID] === link
  }

  state(end: End): number {
    return this.#words[end * WORDS + STATE]!
  }

  setState(end: End, state: number): void {
    this.#words[end * WORDS + STATE] = state
  }

  /** When the last thing that it sent arrives. Nothing that is sent later arrives sooner. */
  arrivalUs(end: End): number {
    return this.#times[end * TIMES + ARRIVAL]!
  }

  setArrivalUs(end: End, us: number): void {
    this.#times[end * TIMES + ARRIVAL] = us
  }

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
      if (end === ENDS_MAX)
        throw new RangeError(
          `A simulation has at most ${LINKS_MAX} links at a time, and ${USES_MAX} times as many in all. Simulate fewer peers, or a shorter time.`
        )
      if (end * WORDS === this.#words.length) this.#grow()
      this.#ends += 2
    } else {
      this.#free = this.#words[end * WORDS + NEXT]!
    }
    const uses = this.#words[end * WORDS + USES]! + 1
    this.#words[end * WORDS + USES] = uses
    this.#set(end, node, uses)
    this.#set(end + 1, other, uses)
    return end
  }

  /** Its node counts the end among its own, and `find` finds it. */
  enter(end: End): void {
    const node = this.owner(end)
    const first = this.#first[node]!
    this.#words[end * WORDS + NEXT] = first
    this.#words[end * WORDS + PREVIOUS] = NONE
    if (first !== NONE) this.#words[first * WORDS + PREVIOUS] = end
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
    const node = this.owner(end)
    const next = this.#words[end * WORDS + NEXT]!
    const previous = this.#words[end * WORDS + PREVIOUS]!
    if (previous === NONE) this.#first[node] = next
    else this.#words[previous * WORDS + NEXT] = next
    if (next !== NONE) this.#words[next * WORDS + PREVIOUS] = previous
    this.counts[node]! -= 1
    if ((end & 1) === 1) this.inboundCounts[node]! -= 1
    this.#remove(end)
    this.setState(end, DOWN)
    const other = this.state(end ^ 1)
    if (other === DOWN || other === UNKNOWN) this.#release(end)
  }

  /** The end of `node` to `other`, whatever its state; -1 where there is none. */
  find(node: NodeIndex, other: NodeIndex): End {
    const table = this.#table
    const mask = table.length - 1
    for (let at = hash(node, other) & mask; ; at = (at + 1) & mask) {
      const end = table[at]! - 1
      if (end < 0) return NONE
      if (this.owner(end) === node && this.other(end) === other) return end
    }
  }

  /** The ends of a node, the youngest first. A copy: they may be left meanwhile. */
  endsOf(node: NodeIndex): End[] {
    const ends: End[] = []
    for (let end = this.#first[node]!; end !== NONE; end = this.#words[end * WORDS + NEXT]!) ends.push(end)
    return ends
  }

  #release(end: End): void {
    const first = end & ~1
    this.#words[first * WORDS + ID] = 0
    this.#words[(first + 1) * WORDS + ID] = 0
    // A place whose numbers are used up is given no more.
    if (this.#words[first * WORDS + USES] === USES_MAX) return
    this.#words[first * WORDS + NEXT] = this.#free
    this.#free = first
  }

  #insert(end: End): void {
    const table = this.#table
    const mask = table.length - 1
    let at = hash(this.owner(end), this.other(end)) & mask
    while (table[at] !== 0) at = (at + 1) & mask
    table[at] = end + 1
  }

  /** Closes the gap behind it, so that no mark of what was there is needed (Knuth, 6.4, Algorithm R). */
  #remove(end: End): void {
    const table = this.#table
    const mask = table.length - 1
    let gap = hash(this.owner(end), this.other(end)) & mask
    while (table[gap] !== end + 1) gap = (gap + 1) & mask
    for (let at = (gap + 1) & mask; table[at] !== 0; at = (at + 1) & mask) {
      const moved = table[at]! - 1
      const home = hash(this.owner(moved), this.other(moved)) & mask
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

  #set(end: End, node: NodeIndex, uses: number): void {
    this.#words[end * WORDS + OWNER] = node
    this.#words[end * WORDS + ID] = (uses << PLACE_BITS) | end
    this.setState(end, UNKNOWN)
    this.setArrivalUs(end, 0)
  }

  #grow(): void {
    this.#words = grownInt32(this.#words, this.#words.length * 2)
    this.#times = new Float64Array(this.#words.buffer)
  }
}

function hash(node: NodeIndex, other: NodeIndex): number {
  let mixed = Math.imul(node, 0x9e3779b1) ^ Math.imul(other, 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d)
  return mixed ^ (mixed >>> 13)
}
