/**
 * Work for the index and for verification, taken from its sources in turn, so that one loud source costs the
 * others nothing. Of a user one piece is under way at a time: what they share and take back takes effect in its order.
 * Other servers ask for many users, whose searches need no order.
 */

/** Begins a piece of work; `done` is called once, when it is over. */
export type Job<Fx> = (fx: Fx, done: (fx: Fx) => void) => void

export interface SourceLimits {
  readonly waitingMax: number
  readonly atATimeMax: number
}

export interface WorkLimits<Source> {
  readonly ofSource: (source: Source) => SourceLimits
  readonly atATimeMax: number
  readonly waitingMax: number
}

export class WorkQueue<Source, Fx> {
  readonly #limits: WorkLimits<Source>
  /** In the order of their turns. A source without waiting work has no entry. */
  readonly #waiting = new Map<Source, Job<Fx>[]>()
  /** How many of each source are under way. */
  readonly #busy = new Map<Source, number>()
  #underWay = 0
  #length = 0

  constructor(limits: WorkLimits<Source>) {
    this.#limits = limits
  }

  get underWay(): number {
    return this.#underWay
  }

  get waiting(): number {
    return this.#length
  }

  /** False: too much of this source waits, or of all of them. */
  put(fx: Fx, source: Source, job: Job<Fx>): boolean {
    const queue = this.#waiting.get(source)
    const { ofSource, waitingMax } = this.#limits
    if (this.#length >= waitingMax || (queue?.length ?? 0) >= ofSource(source).waitingMax) return false
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
    while (this.#underWay < this.#limits.atATimeMax) {
      const source = this.#next()
      if (source === undefined) return
      const queue = this.#waiting.get(source)!
      const job = queue.shift()!
      this.#length -= 1
      // To the end of the turns.
      this.#waiting.delete(source)
      if (queue.length > 0) this.#waiting.set(source, queue)
      this.#count(source, 1)
      let isOver = false
      job(fx, later => {
        if (isOver) return
        isOver = true
        this.#count(source, -1)
        this.#fill(later)
      })
    }
  }

  #next(): Source | undefined {
    const { ofSource } = this.#limits
    for (const source of this.#waiting.keys())
      if ((this.#busy.get(source) ?? 0) < ofSource(source).atATimeMax) return source
    return undefined
  }

  #count(source: Source, by: number): void {
    this.#underWay += by
    const busy = (this.#busy.get(source) ?? 0) + by
    if (busy > 0) this.#busy.set(source, busy)
    else this.#busy.delete(source)
  }
}
