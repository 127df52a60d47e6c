/** What is read of a node with every message: its status, its life, its chance and its counters. */
import { grownInt32 } from './event-queue-arrays.ts'
import type { Random } from './random.ts'
import type { NodeIndex } from './types.ts'

// Side by side: 64 bytes a node, one cache line.
const WORDS = 16
const STATUS = 0
const LIFE = 1
/** Four words of its generator. */
const CHANCE = 2
/** In counters of eight bytes, the second half. */
const COUNTERS = 8
const SENT_MESSAGES = 4
const SENT_BYTES = 5
const RECEIVED_MESSAGES = 6
const RECEIVED_BYTES = 7

const NODES_AT_FIRST = 16
const WARM_UP_DRAWS = 20

/** What went over the links of a node, one way. */
export interface Traffic {
  readonly messages: number
  readonly bytes: number
}

export class NodeRecords {
  #words = new Int32Array(NODES_AT_FIRST * WORDS)
  #counters = new Float64Array(this.#words.buffer)
  readonly #chanceSeed: readonly [number, number, number]

  constructor(random: Random) {
    this.#chanceSeed = [random.u32(), random.u32(), random.u32()]
  }

  status(node: NodeIndex): number {
    return this.#words[node * WORDS + STATUS]!
  }

  /** How often it was started: answers and timers of an earlier life are void. */
  life(node: NodeIndex): number {
    return this.#words[node * WORDS + LIFE]!
  }

  beginLife(node: NodeIndex): void {
    this.#words[node * WORDS + LIFE]! += 1
  }

  countSent(node: NodeIndex, bytes: number): void {
    this.#counters[node * COUNTERS + SENT_MESSAGES]! += 1
    this.#counters[node * COUNTERS + SENT_BYTES]! += bytes
  }

  countReceived(node: NodeIndex, bytes: number): void {
    this.#counters[node * COUNTERS + RECEIVED_MESSAGES]! += 1
    this.#counters[node * COUNTERS + RECEIVED_BYTES]! += bytes
  }

  sentBy(node: NodeIndex): Traffic {
    const at = node * COUNTERS
    return { messages: this.#counters[at + SENT_MESSAGES]!, bytes: this.#counters[at + SENT_BYTES]! }
  }

  receivedBy(node: NodeIndex): Traffic {
    const at = node * COUNTERS
    return { messages: this.#counters[at + RECEIVED_MESSAGES]!, bytes: this.#counters[at + RECEIVED_BYTES]! }
  }

  protected markStatus(node: NodeIndex, status: number): void {
    this.#words[node * WORDS + STATUS] = status
  }

  /** Nodes begin in the order of their numbers. */
  protected begin(node: NodeIndex): void {
    if (node * WORDS === this.#words.length) {
      this.#words = grownInt32(this.#words, this.#words.length * 2)
      this.#counters = new Float64Array(this.#words.buffer)
    }
    const at = node * WORDS + CHANCE
    this.#words[at] = this.#chanceSeed[0]
    this.#words[at + 1] = this.#chanceSeed[1] ^ node
    this.#words[at + 2] = this.#chanceSeed[2]
    this.#words[at + 3] = 1
    for (let draw = 0; draw < WARM_UP_DRAWS; draw += 1) this.draw(node)
  }

  /** sfc32, as in `random.ts`, on this node's own words. */
  draw(node: NodeIndex): number {
    const words = this.#words
    const at = node * WORDS + CHANCE
    const b = words[at + 1]!
    const c = words[at + 2]!
    const counter = words[at + 3]!
    const sum = (words[at]! + b + counter) | 0
    words[at + 3] = counter + 1
    words[at] = b ^ (b >>> 9)
    words[at + 1] = c + (c << 3)
    words[at + 2] = ((c << 21) | (c >>> 11)) + sum
    return sum >>> 0
  }
}
