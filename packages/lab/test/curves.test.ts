/** Curves of a point, of all its runs together. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { RunResult } from '../src/run-result.ts'
import { curvesOf } from '../src/study/curves.ts'

const loadOf = (received: readonly number[]) =>
  curvesOf([
    {
      lookups: { hops: new Float64Array(), latencyUs: new Float64Array() },
      nodes: { messagesReceived: Float64Array.from(received) }
    } as RunResult
  ]).load!

describe('the Lorenz curve of the load', () => {
  it.each([1, 2, 3, 12, 19, 21])('of %i peers with the same load is the line of equality', peers => {
    const curve = loadOf(new Array(peers).fill(7))
    expect(curve).toEqual(Array.from({ length: 21 }, (_, step) => expect.closeTo(step / 20, 12)))
  })

  it('of few peers lies on the lines between them', () => {
    const curve = loadOf([3, 1, 0, 0])
    expect([0, 5, 10, 12, 15, 16, 20].map(step => curve[step])).toEqual(
      [0, 0, 0, 0.1, 0.25, 0.4, 1].map(part => expect.closeTo(part, 12))
    )
  })

  it('never falls or lies above the line of equality, gets no flatter, and ends with all', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(1_000_000), { minLength: 1, maxLength: 60 }), received => {
        fc.pre(received.some(count => count > 0))
        const curve = loadOf(received)
        expect(curve[0]).toBe(0)
        expect(curve.at(-1)).toBe(1)
        const rises = curve.slice(1).map((part, step) => part - curve[step]!)
        for (const [step, part] of curve.entries()) expect(part).toBeLessThanOrEqual(step / 20 + 1e-12)
        for (const [step, rise] of rises.entries())
          expect(rise).toBeGreaterThanOrEqual(Math.max(0, (rises[step - 1] ?? 0) - 1e-12))
      })
    )
  })
})
