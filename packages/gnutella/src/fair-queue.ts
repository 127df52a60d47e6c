/** Work that waits, taken from its sources in turn, so that one loud source costs the others nothing. */
export class FairQueue<Source, Work> {
  readonly #perSourceMax: number
  readonly #totalMax: number
  /** In the order of their turns. A source without work has no entry. */
  readonly #waiting = new Map<Source, Work[]>()
  #length = 0

  constructor(perSourceMax: number, totalMax: number) {
    this.#perSourceMax = perSourceMax
    this.#totalMax = totalMax
  }

  get length(): number {
    return this.#length
  }

  /** False: the source has too much waiting, or all of them together have. */
  push(source: Source, work: Work): boolean {
    const queue = this.#waiting.get(source)
    if (this.#length >= this.#totalMax || (queue?.length ?? 0) >= this.#perSourceMax) return false
    if (queue === undefined) this.#waiting.set(source, [work])
    else queue.push(work)
    this.#length += 1
    return true
  }

  /** The oldest work of the source whose turn it is. */
  shift(): Work | undefined {
    for (const [source, queue] of this.#waiting) {
      const work = queue.shift()!
      this.#waiting.delete(source)
      if (queue.length > 0) this.#waiting.set(source, queue)
      this.#length -= 1
      return work
    }
    return undefined
  }

  /** Forgets what a source has waiting. */
  drop(source: Source): void {
    this.#length -= this.#waiting.get(source)?.length ?? 0
    this.#waiting.delete(source)
  }
}
