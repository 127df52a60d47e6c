/** Time that passes only when it is told to: events in the order of their time, equal ones in that of setting. */
import type { Clock } from '../clock.ts'

/** The first of January 2026: some date, so that expiry has something to compare with. */
const WALL_AT_START_MS = Date.UTC(2026, 0, 1)

interface Event {
  readonly atMs: number
  readonly order: number
  run: (() => void) | undefined
}

export class VirtualClock implements Clock {
  /** A binary heap: the next event first. */
  readonly #events: Event[] = []
  #nowMs = 0
  #order = 0

  nowMs(): number {
    return this.#nowMs
  }

  wallMs(): number {
    return WALL_AT_START_MS + this.#nowMs
  }

  setTimeout(run: () => void, afterMs: number): Event {
    const event: Event = { atMs: this.#nowMs + Math.max(0, afterMs), order: this.#order, run }
    this.#order += 1
    this.#push(event)
    return event
  }

  clearTimeout(handle: unknown): void {
    if (handle !== undefined) (handle as Event).run = undefined
  }

  defer(run: () => void): void {
    this.setTimeout(run, 0)
  }

  /** When the next event is due; undefined where none waits. */
  get nextAtMs(): number | undefined {
    while (this.#events.length > 0 && this.#events[0]!.run === undefined) this.#pop()
    return this.#events[0]?.atMs
  }

  /** Runs the next event, at its time. */
  step(): void {
    if (this.nextAtMs === undefined) return
    const event = this.#pop()
    this.#nowMs = event.atMs
    const { run } = event
    event.run = undefined
    run!()
  }

  /** Lets time pass in which nothing is due. */
  advanceTo(atMs: number): void {
    this.#nowMs = Math.max(this.#nowMs, atMs)
  }

  #push(event: Event): void {
    const events = this.#events
    let place = events.length
    events.push(event)
    while (place > 0) {
      const parent = (place - 1) >> 1
      if (!isBefore(event, events[parent]!)) break
      events[place] = events[parent]!
      place = parent
    }
    events[place] = event
  }

  #pop(): Event {
    const events = this.#events
    const first = events[0]!
    const last = events.pop()!
    if (events.length === 0) return first
    let place = 0
    for (;;) {
      let child = 2 * place + 1
      if (child >= events.length) break
      if (child + 1 < events.length && isBefore(events[child + 1]!, events[child]!)) child += 1
      if (!isBefore(events[child]!, last)) break
      events[place] = events[child]!
      place = child
    }
    events[place] = last
    return first
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)
}
