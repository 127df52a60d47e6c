/** Numbers beside points: none over another, none lost, none outside. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { labelled, placeOf } from '../src/plots/point-labels.ts'
import { tradePlots } from '../src/plots/trade.ts'
import { scaled } from '../src/spec.ts'
import type { PartView } from '../src/view.ts'

const FRAME = { width: 300, height: 200 }
const NAMES = Array.from({ length: 12 }, (_, at) => `${at + 1}`)
const placed = (...points: [number, number][]) => labelled(points, NAMES.slice(0, points.length), FRAME)

/** Roomier than a digit is, as a reader's letters may be. */
function boxes(points: readonly (readonly [number, number])[], labels: ReturnType<typeof labelled>) {
  return labels.map(({ at, side, text }) => {
    const [x, y] = points[at]!
    const width = 7 * text.length
    const from = { above: x - width / 2, below: x - width / 2, right: x + 6, left: x - 6 - width }[side]
    const top = { above: y - 17, below: y + 6, right: y - 5.5, left: y - 5.5 }[side]
    return { left: from, right: from + width, top, bottom: top + 11 }
  })
}

describe('labels beside points', () => {
  it('stand above a point that is alone, and where there is room beside others', () => {
    expect(placed([50, 50], [150, 100])).toEqual([
      { at: 0, side: 'above', text: '1' },
      { at: 1, side: 'above', text: '2' }
    ])
    expect(placed([50, 50], [50, 64]).map(({ side, text }) => [side, text])).toEqual([
      ['above', '1'],
      ['below', '2']
    ])
    expect(placed([50, 50], [50, 64], [50, 78]).map(({ side }) => side)).toEqual(['above', 'right', 'below'])
  })

  it('stay inside: below at the top, beside it in the corners', () => {
    expect(placed([150, 2])[0]!.side).toBe('below')
    expect(placed([0, 0])[0]!.side).toBe('right')
    expect(placed([300, 200])[0]!.side).toBe('left')
  })

  it('are one where points lie on one spot', () => {
    expect(placed([50, 50], [150, 100], [51, 51])).toEqual([
      { at: 0, side: 'above', text: '1, 3' },
      { at: 1, side: 'above', text: '2' }
    ])
  })

  it('are one where a crowd leaves no room, and outside when not even that has any', () => {
    const crowd = NAMES.map((_, at) => [100 + 4 * (at % 4), 100 + 4 * Math.floor(at / 4)] as [number, number])
    const labels = placed(...crowd)
    expect(labels.length).toBeLessThan(12)
    expect(labels.flatMap(({ text }) => text.split(', ')).toSorted((a, b) => +a - +b)).toEqual(NAMES)
    expect(labelled([[5, 5]], ['1'], { width: 10, height: 10 })).toEqual([
      { at: 0, side: 'above', text: '1' }
    ])
    expect(labelled([], [], FRAME)).toEqual([])
  })

  it('never lie over one another, and name every point once', () => {
    const point = fc.tuple(fc.nat(300), fc.nat(200))
    fc.assert(
      fc.property(fc.array(point, { minLength: 1, maxLength: 12 }), points => {
        const labels = labelled(points, NAMES.slice(0, points.length), FRAME)
        expect(new Set(labels.flatMap(({ text }) => text.split(', '))).size).toBe(points.length)
        const all = boxes(points, labels)
        for (const [at, a] of all.entries())
          for (const b of all.slice(at + 1)) {
            const x = Math.min(a.right, b.right) - Math.max(a.left, b.left)
            const y = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top)
            expect(x > 1 && y > 4, JSON.stringify({ points, labels })).toBe(false)
          }
      }),
      { numRuns: 500 }
    )
  })
})

describe('where a value lies along an axis', () => {
  it('is as the axis is drawn: by its logarithm, from a part on, or from nothing to a round number', () => {
    expect(placeOf(scaled('Bytes', [1, 100], 'x'), 100, 300)(10)).toBeCloseTo(150, 0)
    expect(placeOf(scaled('Found', [0.9, 1], 'y', true), 1, 200)(0.95)).toBeCloseTo(100)
    expect(placeOf(scaled('Bytes', [60, 96], 'x'), 96, 300)(50)).toBeCloseTo(150)
  })

  it('has intervals in it, where those are drawn: points that are one spot there have one label', () => {
    const row = (messages: number, most: number) => ({
      panel: '',
      set: `${messages}`,
      point: {
        overlay: 'chord',
        set: { 'chord.successors': messages },
        results: { seeds: [1, 2, 3, 4, 5] },
        figures: {
          search_messages: { median: messages, ci95: [messages, most] },
          recall: { median: 0.8, ci95: [0.8, 0.8] }
        }
      }
    })
    const labelsOf = (most: number) => {
      const rows = [row(80, 80), row(84, most)]
      const [plot] = tradePlots({ rows, hasGrid: true, axis: undefined } as unknown as PartView)
      const { values } = plot!.spec.data as { values: { label: string | null }[] }
      return values.map(({ label }) => label)
    }
    expect(labelsOf(84)).toEqual(['1', '2'])
    expect(labelsOf(1_000)).toEqual(['1, 2', null])
  })
})
