/**
 * Timers of all nodes. To set one later, or to call it off, costs nothing in the queue: its entry stays where
 * it is and is looked at when its time comes.
 */
import type { Timer } from '@servent/overlay/machine'
import { grownInt32 } from './event-queue-arrays.ts'
import { type Schedule, SLOTS_MAX, TIMER } from './event-queue-schedule.ts'
import type { NodeIndex } from './types.ts'

const SLOTS_AT_FIRST = 1024
const NONE = -1
/** Its node has forgotten it; it waits to be taken out of the queue. */
export const DETACHED = -1

// Side by side: 32 bytes a timer.
const WORDS = 8
const NODE = 0
const STATE = 1
/** In times of eight bytes, the second half. `QUEUED` is where its entry stands in the queue. */
const TIMES = 4
const DUE = 2
const QUEUED = 3

const OFF = 0
const SET = 1
/** Its machine hears of it just now. */
const FIRING = 2

export class NodeTimers {
  readonly #schedule: Schedule
  /** By node, its timers by name: those that are set, and those called off that are still in the queue. */
  readonly #named: (Map<Timer, number> | undefined)[] = []
  readonly names: Timer[] = []
  #words = new Int32Array(SLOTS_AT_FIRST * WORDS)
  #times = new Float64Array(this.#words.buffer)
  #free = NONE

  constructor(schedule: Schedule) {
    this.#schedule = schedule
  }

  /** Whose timer it is, or `DETACHED`. */
  nodeOf(slot: number): NodeIndex {
    return this.#words[slot * WORDS + NODE]!
  }

  set(node: NodeIndex, timer: Timer, dueUs: number): void {
    this.#named[node] ??= new Map()
    const named = this.#named[node]
    let slot = named.get(timer)
    if (slot !== undefined && this.#times[slot * TIMES + QUEUED]! > dueUs) {
      // Its entry comes too late: another one takes its place.
      this.#words[slot * WORDS + STATE] = OFF
      this.#words[slot * WORDS + NODE] = DETACHED
      slot = undefined
    }
    if (slot === undefined) {
      slot = this.#allocate(node, timer)
      named.set(timer, slot)
    }
    this.#words[slot * WORDS + STATE] = SET
    this.#times[slot * TIMES + DUE] = dueUs
    if (this.#times[slot * TIMES + QUEUED] === NONE) this.#enqueue(slot)
  }

  cancel(node: NodeIndex, timer: Timer): void {
    const slot = this.#named[node]?.get(timer)
    if (slot !== undefined && this.#words[slot * WORDS + STATE] === SET)
      this.#words[slot * WORDS + STATE] = OFF
  }

  /** A node's clock runs at another rate: each of its timers is due when that shows what it was set for. */
  move(node: NodeIndex, moved: (dueUs: number) => number): void {
    for (const [timer, slot] of [...(this.#named[node] ?? [])])
      if (this.#words[slot * WORDS + STATE] === SET)
        this.set(node, timer, moved(this.#times[slot * TIMES + DUE]!))
  }

  /** Calls off every timer of a node. */
  clear(node: NodeIndex): void {
    const named = this.#named[node]
    if (named === undefined) return
    for (const slot of named.values()) {
      this.#words[slot * WORDS + STATE] = OFF
      if (this.#times[slot * TIMES + QUEUED] === NONE) this.#release(slot)
      else this.#words[slot * WORDS + NODE] = DETACHED
    }
    this.#named[node] = undefined
  }

  /** Its entry came out of the queue. True where the timer fires now; `fired` must be called then, afterwards. */
  due(slot: number): boolean {
    if (this.#words[slot * WORDS + STATE] !== SET) {
      this.#times[slot * TIMES + QUEUED] = NONE
      this.#forget(slot)
      return false
    }
    if (this.#times[slot * TIMES + DUE]! > this.#times[slot * TIMES + QUEUED]!) {
      this.#enqueue(slot)
      return false
    }
    this.#words[slot * WORDS + STATE] = FIRING
    this.#times[slot * TIMES + QUEUED] = NONE
    return true
  }

  /** After its machine has heard of it: a timer that was not set again is forgotten. */
  fired(slot: number): void {
    if (this.#words[slot * WORDS + STATE] === FIRING) this.#forget(slot)
  }

  #enqueue(slot: number): void {
    this.#times[slot * TIMES + QUEUED] = this.#times[slot * TIMES + DUE]!
    this.#schedule.queue.push(this.#times[slot * TIMES + DUE]!, (slot << 2) | TIMER)
  }

  #forget(slot: number): void {
    const node = this.#words[slot * WORDS + NODE]!
    if (node !== DETACHED) this.#named[node]!.delete(this.names[slot]!)
    this.#release(slot)
  }

  #allocate(node: NodeIndex, timer: Timer): number {
    let slot = this.#free
    if (slot === NONE) {
      slot = this.names.length
      if (slot === SLOTS_MAX) throw new RangeError(`At most ${SLOTS_MAX} timers are set at a time.`)
      if (slot * WORDS === this.#words.length) this.#grow()
      this.names.push(timer)
    } else {
      this.#free = this.#words[slot * WORDS + NODE]!
      this.names[slot] = timer
    }
    this.#words[slot * WORDS + NODE] = node
    this.#times[slot * TIMES + QUEUED] = NONE
    return slot
  }

  #release(slot: number): void {
    this.#words[slot * WORDS + STATE] = OFF
    this.names[slot] = 0
    this.#words[slot * WORDS + NODE] = this.#free
    this.#free = slot
  }

  #grow(): void {
    this.#words = grownInt32(this.#words, this.#words.length * 2)
    this.#times = new Float64Array(this.#words.buffer)
  }
}
