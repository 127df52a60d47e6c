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
  /** Messages that it went into. */
  toldAt(row: number): number
}

/** Draws for older entries, of which some come to one that is taken or fresh; what is missing then is looked for. */
const DRAWS_MAX = 32

/** Distinct rows, fresh ones first. */
export function pickRation(table: Rationed, ration: number, random: RandomSource): number[] {
  const { size, fresh } = table
  if (size <= ration)
    return turned(
      Array.from({ length: size }, (_, row) => row),
      random
    )
  const old = size - fresh
  const half = Math.ceil(ration / 2)
  const ofFresh = Math.min(fresh, Math.max(half, ration - old))
  const rows = ofFresh === 0 ? [] : pickFresh(table, ofFresh, random)
  const isFit = (row: number): boolean => !table.isFresh(row) && !rows.includes(row)
  let left = Math.min(old, ration - rows.length)
  for (let draw = 0; draw < DRAWS_MAX && left > 0; draw += 1) {
    const row = randomBelow(random, size)
    if (!isFit(row)) continue
    rows.push(row)
    left -= 1
  }
  // Among many fresh ones they are hard to come by.
  for (let row = 0; row < size && left > 0; row += 1) {
    if (!isFit(row)) continue
    rows.push(row)
    left -= 1
  }
  return rows
}

/** Of the fresh ones those that went into the fewest messages, and of equal ones any. */
export function pickFresh(table: Rationed, count: number, random: RandomSource): number[] {
  if (table.fresh === 0) return []
  const rows: number[] = []
  for (let row = 0; row < table.size && rows.length < table.fresh; row += 1)
    if (table.isFresh(row)) rows.push(row)
  const all = turned(rows, random)
  all.sort((a, b) => table.toldAt(a) - table.toldAt(b))
  return all.slice(0, count)
}

/** Rows are in no order that means anything, so where the count begins is chance enough. */
function turned(rows: readonly number[], random: RandomSource): number[] {
  if (rows.length === 0) return []
  const first = randomBelow(random, rows.length)
  return [...rows.slice(first), ...rows.slice(0, first)]
}
