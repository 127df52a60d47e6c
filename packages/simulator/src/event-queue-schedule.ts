/**
 * The queue of a simulation with what its entries stand for: messages on their way in one slab, everything
 * rarer in another, and timers in a third (`node-timers.ts`). An entry's `ref` holds the slot and, in its two
 * lowest bits, the slab.
 */

import type { Link } from '@servent/overlay/machine'
import { EventQueue, REF_BITS } from './event-queue.ts'
import { grownFloat64, grownInt32 } from './event-queue-arrays.ts'

/** A message that arrives at a machine. */
export const MESSAGE = 0
export const TIMER = 1
export const DEED = 2
/** A message that reaches the access link of its receiver. */
export const DOWNLINK = 3

const SLOTS_AT_FIRST = 1024
/** Of one slab: 16 million. */
export const SLOTS_MAX = 2 ** (REF_BITS - 2)
const NONE = -1

export class Schedule {
  readonly queue = new EventQueue()
  /** Virtual time. */
  nowUs = 0

  /** Of a message in a slot: the receiver's link, its bytes, and itself. Free slots are chained by their link. */
  #messageWords = new Int32Array(2 * SLOTS_AT_FIRST)
  readonly messages: unknown[] = []
  #freeMessage = NONE

  /** Of a deed in a slot: which one, two whole numbers, a time, and an object. */
  deedKinds = new Int32Array(SLOTS_AT_FIRST)
  deedAs = new Int32Array(SLOTS_AT_FIRST)
  deedBs = new Int32Array(SLOTS_AT_FIRST)
  deedTimes = new Float64Array(SLOTS_AT_FIRST)
  readonly deedObjects: unknown[] = []
  #freeDeed = NONE

  /** Gives its slot. */
  postMessage(
    atUs: number,
    kind: typeof MESSAGE | typeof DOWNLINK,
    link: Link,
    message: unknown,
    bytes: number
  ): number {
    let slot = this.#freeMessage
    if (slot === NONE) {
      slot = this.messages.length
      if (slot === SLOTS_MAX)
        throw new RangeError(`At most ${SLOTS_MAX} messages are on their way at a time.`)
      if (2 * slot === this.#messageWords.length)
        this.#messageWords = grownInt32(this.#messageWords, 4 * slot)
      this.messages.push(message)
    } else {
      this.#freeMessage = this.#messageWords[2 * slot]!
      this.messages[slot] = message
    }
    this.#messageWords[2 * slot] = link
    this.#messageWords[2 * slot + 1] = bytes
    this.queue.push(atUs, (slot << 2) | kind)
    return slot
  }

  /** Two messages of one link change places: each arrives when the other would have. */
  swapMessages(a: number, b: number): void {
    const [message, bytes] = [this.messages[a], this.messageBytes(a)]
    this.messages[a] = this.messages[b]
    this.#messageWords[2 * a + 1] = this.messageBytes(b)
    this.messages[b] = message
    this.#messageWords[2 * b + 1] = bytes
  }

  messageLink(slot: number): Link {
    return this.#messageWords[2 * slot]!
  }

  messageBytes(slot: number): number {
    return this.#messageWords[2 * slot + 1]!
  }

  freeMessage(slot: number): void {
    this.messages[slot] = undefined
    this.#messageWords[2 * slot] = this.#freeMessage
    this.#freeMessage = slot
  }

  post(atUs: number, kind: number, a: number, b: number, timeUs: number, object: unknown): void {
    this.queue.push(atUs, this.deed(kind, a, b, timeUs, object))
  }

  /** A deed that is not in the queue; gives its `ref`. */
  deed(kind: number, a: number, b: number, timeUs: number, object: unknown): number {
    let slot = this.#freeDeed
    if (slot === NONE) {
      slot = this.deedObjects.length
      if (slot === SLOTS_MAX) throw new RangeError(`At most ${SLOTS_MAX} deeds wait at a time.`)
      if (slot === this.deedKinds.length) {
        this.deedKinds = grownInt32(this.deedKinds, slot * 2)
        this.deedAs = grownInt32(this.deedAs, slot * 2)
        this.deedBs = grownInt32(this.deedBs, slot * 2)
        this.deedTimes = grownFloat64(this.deedTimes, slot * 2)
      }
      this.deedObjects.push(object)
    } else {
      this.#freeDeed = this.deedAs[slot]!
      this.deedObjects[slot] = object
    }
    this.deedKinds[slot] = kind
    this.deedAs[slot] = a
    this.deedBs[slot] = b
    this.deedTimes[slot] = timeUs
    return (slot << 2) | DEED
  }

  freeDeed(slot: number): void {
    this.deedObjects[slot] = undefined
    this.deedAs[slot] = this.#freeDeed
    this.#freeDeed = slot
  }
}
