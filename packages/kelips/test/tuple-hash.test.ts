/** By what tuples are found: nobody who chooses keys can make searches slow, and no answer depends on what was drawn. */
import { keyOfPeer } from '@servent/overlay/machine'
import { randomOf } from '@servent/simulator'
import { expect, it } from 'vitest'
import { FRESH_TOLD_MAX, PREFIX_BYTES } from '../src/constants.ts'
import { ROWS_MAX } from '../src/row-index.ts'
import { TupleTable } from '../src/tuple-table.ts'
import { lone, tupleOf } from './support/lone.ts'

const prefixOf = (n: number): Uint8Array => keyOfPeer(Uint8Array.of(n >> 8, n)).slice(0, PREFIX_BYTES)
const tuple = (prefix: Uint8Array) => tupleOf(1, 1, { prefix })
const source = (seed: string) => {
  const random = randomOf(seed)
  return { random: () => random.below(2 ** 32) }
}

it('says the same in the same order, whatever was drawn', () => {
  const tables = ['one', 'other'].map(draws => {
    const table = new TupleTable(1000, FRESH_TOLD_MAX)
    table.scatter(source(draws))
    // Many of one key among others, which are in each other's way when the index grows.
    for (let n = 0; n < 600; n += 1) table.add(tuple(prefixOf(n % 3 === 0 ? n : 1)), n)
    for (let row = 500; row > 0; row -= 7) table.remove(row)
    return table.under('provider', prefixOf(1))
  })
  expect(tables[0]!.length).toBeGreaterThan(300)
  expect(tables[0]).toEqual(tables[1])
  expect(tables[0]).toEqual(tables[0]!.toSorted((one, other) => one - other))
})

it('is as fast where somebody chose the keys', () => {
  /** Of searches for one that is not there, in milliseconds. */
  const searchMs = (prefixAt: (n: number) => Uint8Array, draws: string): number => {
    const table = new TupleTable(ROWS_MAX, FRESH_TOLD_MAX)
    table.scatter(source(draws))
    for (let n = 0; n < 8000; n += 1) table.add(tuple(prefixAt(n)), 5)
    const beganMs = performance.now()
    for (let n = 0; n < 2000; n += 1) table.find('provider', prefixAt(n), 6)
    return performance.now() - beganMs
  }
  const usualMs = searchMs(prefixOf, 'usual')
  for (let from = 0; from + 4 <= PREFIX_BYTES; from += 1)
    for (const step of [1, 2 ** 16, 2 ** 19]) {
      // All else is the same.
      const chosen = (n: number): Uint8Array => {
        const prefix = new Uint8Array(PREFIX_BYTES).fill(18)
        new DataView(prefix.buffer).setUint32(from, n * step)
        return prefix
      }
      expect(searchMs(chosen, `chosen ${from}`) / usualMs).toBeLessThan(20)
    }
})

it('is drawn when its peer begins, and not anew while there are tuples', () => {
  const { kelips, fx } = lone()
  const drawn: unknown[] = []
  kelips.tuples.scatter = from => drawn.push(from)
  kelips.begin(fx)
  expect(drawn).toEqual([fx])
  kelips.tuples.add(tuple(prefixOf(1)), 5)
  kelips.begin(fx)
  expect(drawn).toHaveLength(1)
})
