/** Times of calls, what they found, and whether two stores found the same. */
import type { IndexHit, IndexHits } from '@servent/keyword-index'
import { round, type Times, timesOf } from '../library/measure.ts'
import { LIMIT } from './plan.ts'

export interface Asked extends Times {
  readonly perSecond: number
}

export const rate = (count: number, ms: number): number => round((count * 1000) / ms, 0)

export const asked = (ms: readonly number[]): Asked => ({
  ...timesOf(ms),
  perSecond: rate(
    ms.length,
    ms.reduce((sum, one) => sum + one, 0)
  )
})

/** What a query found, in one text; of one that found as many as it may, only how many: which ones is not said. */
export function resultOf({ hits, isCapped }: IndexHits): string {
  if (isCapped || hits.length === LIMIT) return `${hits.length}`
  return hits.map(nameOf).sort().join(' ')
}

const nameOf = ({ owner, file }: IndexHit): string => `${owner}/${file.key}`

/** @throws Error  one of the queries found something else */
export function compare(store: string, found: readonly string[], expected: readonly string[]): void {
  const at = found.findIndex((result, query) => result !== expected[query])
  if (at >= 0) throw new Error(`${store} found "${found[at]}" by query ${at}, and not "${expected[at]}".`)
}

/** Calls of something that answers later, a bounded number at once. */
export async function together<T>(
  items: Iterable<T>,
  atOnce: number,
  call: (item: T) => Promise<void>
): Promise<void> {
  const iterator = items[Symbol.iterator]()
  const lane = async (): Promise<void> => {
    for (let next = iterator.next(); !next.done; next = iterator.next()) await call(next.value)
  }
  await Promise.all(Array.from({ length: atOnce }, lane))
}
