/**
 * Timers of all nodes. To set one later, or to call it off, costs nothing in the queue: its entry stays where
 * it is and is looked at when its time comes.
 */
import type { Timer } from '@servent/overlay/machine'
import { grownFloat64, grownInt32, grownUint8 } from './event-queue-arrays.ts'
import { type Schedule, SLOTS_MAX, TIMER } from './event-queue-schedule.ts'
import type { NodeIndex } from './types.ts'

const SLOTS_AT_FIRST = 1024
const NONE = -1
/** Its node has forgotten it; it waits to be taken out of the queue. */
export const DETACHED = -1

const OFF = 0
const SET = 1
/** Its machine hears of it just now. */
const FIRING = 2

export class NodeTimers {
  readonly #schedule: Schedule
  /** By node, its timers by name: those that are set, and those called off that are still in the queue. */
  readonly #named: (Map<Timer, number> | undefined)[] = []
  readonly names: Timer[] = []
  nodes = new Int32Array(SLOTS_AT_FIRST)
  #states = new Uint8Array(SLOTS_AT_FIRST)
  #dueUs = new Float64Array(SLOTS_AT_FIRST)
  /** Where its entry stands in the queue. */
  #queuedUs = new Float64Array(SLOTS_AT_FIRST)
  #free = NONE

  constructor(schedule: Schedule) {
    this.#schedule = schedule
  }

  set(node: NodeIndex, timer: Timer, dueUs: number): void {
    this.#named[node] ??= new Map()
    const named = this.#named[node]
    let slot = named.get(timer)
    if (slot !== undefined && this.#queuedUs[slot]! > dueUs) {
      // Its entry comes too late: another one takes its place.
      this.#states[slot] = OFF
      this.nodes[slot] = DETACHED
      slot = undefined
    }
    if (slot === undefined) {
      slot = this.#allocate(node, timer)
      named.set(timer, slot)
    }
    this.#states[slot] = SET
    this.#dueUs[slot] = dueUs
    if (this.#queuedUs[slot] === NONE) this.#enqueue(slot)
  }

  cancel(node: NodeIndex, timer: Timer): void {
    const slot = this.#named[node]?.get(timer)
    if (slot !== undefined && this.#states[slot] === SET) this.#states[slot] = OFF
  }

  /** Calls off every timer of a node. */
  clear(node: NodeIndex): void {
    const named = this.#named[node]
    if (named === undefined) return
    for (const slot of named.values()) {
      this.#states[slot] = OFF
      if (this.#queuedUs[slot] === NONE) this.#release(slot)
      else this.nodes[slot] = DETACHED
    }
    this.#named[node] = undefined
  }

  /** Its entry came out of the queue. True where the timer fires now; `fired` must be called then, afterwards. */
  due(slot: number): boolean {
    if (this.#states[slot] !== SET) {
      this.#queuedUs[slot] = NONE
      this.#forget(slot)
      return false
    }
    if (this.#dueUs[slot]! > this.#queuedUs[slot]!) {
      this.#enqueue(slot)
      return false
    }
    this.#states[slot] = FIRING
    this.#queuedUs[slot] = NONE
    return true
  }

  /** After its machine has heard of it: a timer that was not set again is forgotten. */
  fired(slot: number): void {
    if (this.#states[slot] === FIRING) this.#forget(slot)
  }

  #enqueue(slot: number): void {
    this.#queuedUs[slot] = this.#dueUs[slot]!
    this.#schedule.queue.push(this.#dueUs[slot]!, (slot << 2) | TIMER)
  }

  #forget(slot: number): void {
    const node = this.nodes[slot]!
    if (node !== DETACHED) this.#named[node]!.delete(this.names[slot]!)
    this.#release(slot)
  }

  #allocate(node: NodeIndex, timer: Timer): number {
    let slot = this.#free
    if (slot === NONE) {
      slot = this.names.length
      if (slot === SLOTS_MAX) throw new RangeError(`At most ${SLOTS_MAX} timers are set at a time.`)
      if (slot === this.nodes.length) this.#grow(slot * 2)
      this.names.push(timer)
    } else {
      this.#free = this.nodes[slot]!
      this.names[slot] = timer
    }
    this.nodes[slot] = node
    this.#queuedUs[slot] = NONE
    return slot
  }

  #release(slot: number): void {
    this.#states[slot] = OFF
    this.names[slot] = 0
    this.nodes[slot] = this.#free
    this.#free = slot
  }

  #grow(length: number): void {
    this.nodes = grownInt32(this.nodes, length)
    this.#dueUs = grownFloat64(this.#dueUs, length)
    this.#queuedUs = grownFloat64(this.#queuedUs, length)
    this.#states = grownUint8(this.#states, length)
  }
}
