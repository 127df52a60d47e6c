/** The index of neighbours against a map that is told the same. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { NumberIndex } from '../src/links-index.ts'

it('holds what a map holds, whatever is put in and taken out', () => {
  // Few numbers, so that they come again, and far ones, as links have that count their uses in the high bits.
  const number = fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 2 ** 31 - 1 }))
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), number), { maxLength: 300 }), steps => {
      const index = new NumberIndex<{ readonly number: number }>(({ number }) => number)
      const known = new Map<number, { readonly number: number }>()
      for (const [isIn, number] of steps) {
        const value = known.get(number)
        if (isIn && value === undefined) {
          const added = { number }
          index.add(added)
          known.set(number, added)
        } else if (!isIn && value !== undefined) {
          index.delete(number)
          known.delete(number)
        }
        expect(index.size).toBe(known.size)
      }
      for (const [, number] of steps) expect(index.get(number)).toBe(known.get(number))
    })
  )
})
