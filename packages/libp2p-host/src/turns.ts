/**
 * Who may work next. Links with messages to handle take turns, a slice each, and after a few slices the
 * event loop gets its own turn: one link's backlog neither starves other links nor blocks timers and sockets.
 */
import type { Clock } from './clock.ts'

/** Slices between two looks at the event loop. With 32 messages a slice this is about 10 ms of work at most. */
const SLICES_A_TURN = 8

export interface Task {
  /** Does a bounded piece of work and says whether more is ready. */
  slice(): boolean
}

export class Turns {
  readonly #clock: Clock
  readonly #onTurnEnd: () => void
  /** In the order in which they take turns. */
  readonly #ready = new Set<Task>()
  #running = false
  #deferred = false
  #yielding = false

  /** `onTurnEnd` runs after each turn, for what is cheaper done once than after each slice. */
  constructor(clock: Clock, onTurnEnd: () => void) {
    this.#clock = clock
    this.#onTurnEnd = onTurnEnd
  }

  /** True while a slice runs, or what comes after them. */
  get running(): boolean {
    return this.#running
  }

  /** True where the slice under way should end with the message it handles. */
  get yielding(): boolean {
    return this.#yielding
  }

  /** Ends the turn under way early: something waits for what only the event loop brings. */
  yield(): void {
    if (this.#running) this.#yielding = true
  }

  /** Runs the task at once where nobody waits, or puts it at the end of the queue. */
  add(task: Task): void {
    this.#ready.add(task)
    if (!this.#running && !this.#deferred) this.#turn()
  }

  remove(task: Task): void {
    this.#ready.delete(task)
  }

  #turn(): void {
    this.#running = true
    this.#yielding = false
    try {
      for (let slices = 0; slices < SLICES_A_TURN && this.#ready.size > 0 && !this.#yielding; slices += 1) {
        const [task] = this.#ready
        this.#ready.delete(task!)
        if (task!.slice()) this.#ready.add(task!)
      }
      this.#onTurnEnd()
    } finally {
      this.#running = false
    }
    if (this.#ready.size > 0) this.#defer()
  }

  #defer(): void {
    this.#deferred = true
    const run = () => {
      this.#deferred = false
      this.#turn()
    }
    if (this.#clock.defer !== undefined) this.#clock.defer(run)
    else this.#clock.setTimeout(run, 0)
  }
}
