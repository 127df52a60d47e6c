/**
 * Whose search of the index is next. Higher participation levels go first, equal ones in the order in which they came;
 * nobody has more waiting than a bound, so that a loud neighbour leaves the others theirs.
 */
import {
  INDEX_SEARCHES_MAX,
  INDEX_SEARCHES_WAITING_MAX,
  INDEX_SEARCHES_WAITING_PER_LINK_MAX
} from './constants.ts'

interface Waiting {
  readonly source: number
  readonly level: number
  readonly begin: () => void
}

export class Admission {
  readonly #waiting: Waiting[] = []
  readonly #perSource = new Map<number, number>()
  #running = 0

  get waiting(): number {
    return this.#waiting.length
  }

  /** Begins it now or later. False: too much waits. Whatever has begun says so when it is `done`. */
  put(source: number, level: number, begin: () => void): boolean {
    if (this.#running < INDEX_SEARCHES_MAX) {
      this.#running += 1
      begin()
      return true
    }
    const own = this.#perSource.get(source) ?? 0
    if (this.#waiting.length >= INDEX_SEARCHES_WAITING_MAX || own >= INDEX_SEARCHES_WAITING_PER_LINK_MAX)
      return false
    this.#waiting.push({ source, level, begin })
    this.#perSource.set(source, own + 1)
    return true
  }

  done(): void {
    this.#running -= 1
    let best: number | undefined
    for (const [place, { level }] of this.#waiting.entries())
      if (best === undefined || level > this.#waiting[best]!.level) best = place
    if (best === undefined) return
    const [next] = this.#waiting.splice(best, 1)
    const left = this.#perSource.get(next!.source)! - 1
    if (left === 0) this.#perSource.delete(next!.source)
    else this.#perSource.set(next!.source, left)
    this.#running += 1
    next!.begin()
  }
}
