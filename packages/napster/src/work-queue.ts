/**
 * Work for the index and for verification, taken from its sources in turn, so that one loud source costs the
 * others nothing. Of each source one piece is under way at a time: what a user shares and takes back takes effect in its order.
 */

/** Begins a piece of work; `done` is called once, when it is over. */
export type Job<Fx> = (fx: Fx, done: (fx: Fx) => void) => void

export interface WorkLimits {
  readonly perSourceMax: number
  readonly atATimeMax: number
  readonly waitingMax: number
}

export class WorkQueue<Source, Fx> {
  readonly #limits: WorkLimits
  /** In the order of their turns. A source without waiting work has no entry. */
  readonly #waiting = new Map<Source, Job<Fx>[]>()
  readonly #busy = new Set<Source>()
  #length = 0

  constructor(limits: WorkLimits) {
    this.#limits = limits
  }

  get underWay(): number {
    return this.#busy.size
  }

  get waiting(): number {
    return this.#length
  }

  /** False: too much of this source waits, or of all of them. */
  put(fx: Fx, source: Source, job: Job<Fx>): boolean {
    const queue = this.#waiting.get(source)
    const { perSourceMax, waitingMax } = this.#limits
    if (this.#length >= waitingMax || (queue?.length ?? 0) >= perSourceMax) return false
    if (queue === undefined) this.#waiting.set(source, [job])
    else queue.push(job)
    this.#length += 1
    this.#fill(fx)
    return true
  }

  /** Forgets what a source has waiting; what is under way ends by itself. */
  drop(source: Source): void {
    this.#length -= this.#waiting.get(source)?.length ?? 0
    this.#waiting.delete(source)
  }

  #fill(fx: Fx): void {
    while (this.#busy.size < this.#limits.atATimeMax) {
      const source = this.#next()
      if (source === undefined) return
      const queue = this.#waiting.get(source)!
      const job = queue.shift()!
      this.#length -= 1
      // To the end of the turns.
      this.#waiting.delete(source)
      if (queue.length > 0) this.#waiting.set(source, queue)
      this.#busy.add(source)
      let isOver = false
      job(fx, later => {
        if (isOver) return
        isOver = true
        this.#busy.delete(source)
        this.#fill(later)
      })
    }
  }

  #next(): Source | undefined {
    for (const source of this.#waiting.keys()) if (!this.#busy.has(source)) return source
    return undefined
  }
}
