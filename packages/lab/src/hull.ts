/**
 * The lower hull of settings that were measured, as Li, Stribling, Morris, Kaashoek and Gil draw it ("A performance vs. cost
 * framework for evaluating DHT design tradeoffs under churn", INFOCOM 2005): each setting of an overlay is a point of
 * what it costs and what it gives, and the overlay is as good as the convex line under all of its points. One setting
 * says little of an overlay; its hull says what it gives to whoever sets it well.
 */

export type At<T> = (point: T) => readonly [cost: number, loss: number]

/**
 * Corners of the convex line under the points, from the cheapest one to the one of the least loss: beyond that more
 * cost buys nothing, and the line that leads up again is none that anybody would take. Points on a straight line
 * between two corners are left out, and so are points whose cost or loss is no finite number.
 */
export function lowerHull<T>(points: readonly T[], at: At<T>): T[] {
  const sorted = points
    .map(point => ({ point, at: at(point) }))
    .filter(({ at }) => at.every(Number.isFinite))
    .sort((a, b) => a.at[0] - b.at[0] || a.at[1] - b.at[1])
  const hull: typeof sorted = []
  for (const next of sorted) {
    // Of those that cost as much the best one comes first, and what gives no more than its corner is none.
    if (hull.length > 0 && next.at[1] >= hull.at(-1)!.at[1]) continue
    while (hull.length > 1 && !turnsUp(hull.at(-2)!.at, hull.at(-1)!.at, next.at)) hull.pop()
    hull.push(next)
  }
  return hull.map(({ point }) => point)
}

type Corner = ReturnType<At<never>>

/** Whether the line from `a` by `b` to `c` bends to the left, so that `b` lies under the straight line. */
function turnsUp(a: Corner, b: Corner, c: Corner): boolean {
  return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]) > 0
}
