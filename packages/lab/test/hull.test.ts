/** The convex line under points of cost and loss, by hand and against its definition. */

import * as fc from 'fast-check'
import { property } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { lowerHull } from '../src/hull.ts'

type Point = readonly [number, number]
const hullOf = (points: readonly Point[]) => lowerHull(points, point => point)

describe('the lower hull', () => {
  it('goes from the cheapest point to the best one, under all the others', () => {
    const points: Point[] = [
      [40, 150],
      [5, 400],
      [10, 200],
      [20, 190],
      [8, 390],
      [30, 150],
      [60, 300]
    ]
    // [20, 190] lies above the line from [10, 200] to [30, 150], [8, 390] above the one from [5, 400] to [10, 200].
    expect(hullOf(points)).toEqual([
      [5, 400],
      [10, 200],
      [30, 150]
    ])
  })

  it('is one point where the cheapest is the best, of two that cost the same the better', () => {
    expect(
      hullOf([
        [5, 10],
        [5, 9],
        [7, 9],
        [9, 12]
      ])
    ).toEqual([[5, 9]])
  })

  it('leaves out what lies on a straight line, and what was not measured', () => {
    expect(
      hullOf([
        [0, 4],
        [1, 3],
        [2, 2],
        [3, Number.NaN],
        [Number.POSITIVE_INFINITY, 0]
      ])
    ).toEqual([
      [0, 4],
      [2, 2]
    ])
    expect(hullOf([])).toEqual([])
  })

  it('lies under every point, and each of its corners is needed', () => {
    const coordinate = fc.integer({ min: 0, max: 50 })
    fc.assert(
      property(fc.array(fc.tuple(coordinate, coordinate), { minLength: 1, maxLength: 40 }), points => {
        const hull = hullOf(points)
        const least = Math.min(...points.map(([, loss]) => loss))
        expect(hull[0]![0]).toBe(Math.min(...points.map(([cost]) => cost)))
        expect(hull.at(-1)![1]).toBe(least)
        for (const point of points) expect(point[1]).toBeGreaterThanOrEqual(heightAt(hull, point[0]) - 1e-9)
        for (const [index, corner] of hull.entries()) {
          if (index === 0 || index === hull.length - 1) continue
          const without = hull.filter(other => other !== corner)
          expect(heightAt(without, corner[0])).toBeGreaterThan(corner[1])
        }
      })
    )
  })
})

/** Of the line through the corners; to the right of the last one as low as it. */
function heightAt(hull: readonly Point[], x: number): number {
  const right = hull.findIndex(([cost]) => cost >= x)
  if (right < 0) return hull.at(-1)![1]
  const [b, d] = hull[right]!
  if (right === 0) return d
  const [a, c] = hull[right - 1]!
  return c + ((d - c) * (x - a)) / (b - a)
}
