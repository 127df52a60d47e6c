/** Zipf's law, by arithmetic whose last bits are the same on every CPU: division, and a square root at most. */
import type { Random } from '@servent/simulator'
import { lowerBound } from './search-sorted.ts'

/** Ranks 0 to n - 1, the chance of each proportional to its weight: 1 / (k + 1) of rank k where nothing is said. */
export class Zipf {
  readonly #sums: Float64Array

  constructor(n: number, weightOf: (rank: number) => number = rank => 1 / (rank + 1)) {
    this.#sums = new Float64Array(n)
    let sum = 0
    for (let rank = 0; rank < n; rank += 1) {
      sum += weightOf(rank)
      this.#sums[rank] = sum
    }
  }

  draw(random: Random): number {
    const wanted = random.unit() * this.#sums.at(-1)!
    return Math.min(this.#sums.length - 1, lowerBound(this.#sums, wanted))
  }
}
