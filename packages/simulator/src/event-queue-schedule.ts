/**
 * The queue of a simulation with what its entries stand for: messages on their way in one slab, everything
 * rarer in another, and timers in a third (`node-timers.ts`). An entry's `ref` holds the slot and, in its two
 * lowest bits, the slab.
 */

import { EventQueue } from './event-queue.ts'
import { grownFloat64, grownInt32 } from './event-queue-arrays.ts'

/** A message that arrives at a machine. */
export const MESSAGE = 0
export const TIMER = 1
export const DEED = 2
/** A message that reaches the access link of its receiver. */
export const DOWNLINK = 3

const SLOTS_AT_FIRST = 1024
const NONE = -1

export class Schedule {
  readonly queue = new EventQueue()
  /** Virtual time. */
  nowUs = 0
  #sequence = 0

  /** Of a message in a slot: the receiver's link, its bytes, and itself. Free slots are chained by their link. */
  messageLinks = new Int32Array(SLOTS_AT_FIRST)
  messageBytes = new Int32Array(SLOTS_AT_FIRST)
  readonly messages: unknown[] = []
  #freeMessage = NONE

  /** Of a deed in a slot: which one, two whole numbers, a time, and an object. */
  deedKinds = new Int32Array(SLOTS_AT_FIRST)
  deedAs = new Int32Array(SLOTS_AT_FIRST)
  deedBs = new Int32Array(SLOTS_AT_FIRST)
  deedTimes = new Float64Array(SLOTS_AT_FIRST)
  readonly deedObjects: unknown[] = []
  #freeDeed = NONE

  /** The place in the order of the next entry. */
  nextSequence(): number {
    this.#sequence += 1
    return this.#sequence
  }

  postMessage(
    atUs: number,
    kind: typeof MESSAGE | typeof DOWNLINK,
    link: number,
    message: unknown,
    bytes: number
  ): void {
    let slot = this.#freeMessage
    if (slot === NONE) {
      slot = this.messages.length
      if (slot === this.messageLinks.length) {
        this.messageLinks = grownInt32(this.messageLinks, slot * 2)
        this.messageBytes = grownInt32(this.messageBytes, slot * 2)
      }
      this.messages.push(message)
    } else {
      this.#freeMessage = this.messageLinks[slot]!
      this.messages[slot] = message
    }
    this.messageLinks[slot] = link
    this.messageBytes[slot] = bytes
    this.#sequence += 1
    this.queue.push(atUs, this.#sequence, (slot << 2) | kind)
  }

  freeMessage(slot: number): void {
    this.messages[slot] = undefined
    this.messageLinks[slot] = this.#freeMessage
    this.#freeMessage = slot
  }

  post(atUs: number, kind: number, a: number, b: number, timeUs: number, object: unknown): void {
    this.#sequence += 1
    this.queue.push(atUs, this.#sequence, this.deed(kind, a, b, timeUs, object))
  }

  /** A deed that is not in the queue; gives its `ref`. */
  deed(kind: number, a: number, b: number, timeUs: number, object: unknown): number {
    let slot = this.#freeDeed
    if (slot === NONE) {
      slot = this.deedObjects.length
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
