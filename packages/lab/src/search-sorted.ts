/** Binary search. */

/** The first index whose value is not below the wanted one; the length where all are. */
export function lowerBound(sorted: ArrayLike<number>, wanted: number): number {
  let from = 0
  let to = sorted.length
  while (from < to) {
    const middle = (from + to) >>> 1
    if (sorted[middle]! < wanted) from = middle + 1
    else to = middle
  }
  return from
}
