/**
 * The order of what a machine sends in one turn, which is mostly one call. A host sends when the turn is over, so
 * that of one link's messages the urgent go first, whenever in the turn they were sent. Where a node's bandwidth has
 * no bound they are on their way at once, and one that comes later and is more urgent changes places with those
 * before it.
 */
import type { Schedule } from './event-queue-schedule.ts'
import type { End } from './links.ts'

export class TurnOrder {
  readonly #schedule: Schedule
  /** Of the turn's messages so far: the link's end, the priority, and the slot that it travels in. */
  readonly #ends: End[] = []
  readonly #priorities: number[] = []
  readonly #slots: number[] = []
  #length = 0
  #leastUrgent = -1

  constructor(schedule: Schedule) {
    this.#schedule = schedule
  }

  /** A turn begins. */
  begin(): void {
    this.#length = 0
    this.#leastUrgent = -1
  }

  /** How many of the turn's messages on this link are less urgent than the next one. */
  overtaken(end: End, priority: number): number {
    // Mostly all are alike, or the urgent ones came first.
    if (priority >= this.#leastUrgent) return 0
    let count = 0
    for (let at = 0; at < this.#length; at += 1)
      if (this.#ends[at] === end && this.#priorities[at]! > priority) count += 1
    return count
  }

  /** The next one is on its way, in this slot, or waits elsewhere (-1) in its place already. */
  add(end: End, priority: number, slot: number): void {
    let at = this.#length
    this.#length += 1
    this.#ends[at] = end
    this.#priorities[at] = priority
    this.#slots[at] = slot
    if (priority >= this.#leastUrgent) {
      this.#leastUrgent = priority
      return
    }
    for (let before = at - 1; before >= 0; before -= 1) {
      if (this.#ends[before] !== end) continue
      if (this.#priorities[before]! <= priority) return
      this.#priorities[at] = this.#priorities[before]!
      this.#priorities[before] = priority
      if (slot !== -1) this.#schedule.swapMessages(this.#slots[before]!, this.#slots[at]!)
      at = before
    }
  }
}
