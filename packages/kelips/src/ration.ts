/**
 * What goes into a message (IPTPS section 3): a fixed number of entries, half of them fresh, half drawn evenly from
 * the older ones, and what one half does not use the other one gets. Since the ration does not grow with the tables,
 * times after which entries are gone must.
 */
import { type RandomSource, randomBelow } from '@servent/overlay/machine'

interface Rationed {
  readonly size: number
  readonly fresh: number
  isFresh(row: number): boolean
}

/** Draws for older entries that come to one that is taken or fresh already; more are not made. */
const MISSES_MAX = 8

/** Distinct rows, fresh ones first. */
export function pickRation(table: Rationed, ration: number, random: RandomSource): number[] {
  const { size, fresh } = table
  if (size <= ration) return Array.from({ length: size }, (_, row) => row)
  const old = size - fresh
  const half = Math.ceil(ration / 2)
  const ofFresh = Math.min(fresh, Math.max(half, ration - old))
  const rows = ofFresh === 0 ? [] : pickFresh(table, ofFresh, random)
  const wanted = Math.min(old, ration - rows.length)
  let misses = MISSES_MAX + wanted
  for (let picked = 0; picked < wanted && misses > 0; ) {
    const row = randomBelow(random, size)
    if (table.isFresh(row) || rows.includes(row)) misses -= 1
    else {
      rows.push(row)
      picked += 1
    }
  }
  return rows
}

/** Of the fresh ones, so many at random: each is looked at once (reservoir sampling). */
export function pickFresh(table: Rationed, count: number, random: RandomSource): number[] {
  const rows: number[] = []
  let seen = 0
  for (let row = 0; row < table.size && seen < table.fresh; row += 1) {
    if (!table.isFresh(row)) continue
    seen += 1
    if (rows.length < count) rows.push(row)
    else {
      const place = randomBelow(random, seen)
      if (place < count) rows[place] = row
    }
  }
  return rows
}
