/** `X-Available-Ranges`, written and read: what fits, and what a hostile peer may write there. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { availableRanges, parseAvailableRanges } from '../src/available-ranges.ts'
import { BlockSet } from '../src/block-set.ts'
import { AVAILABLE_RANGES_BYTES_MAX, AVAILABLE_RANGES_MAX } from '../src/limits.ts'

const MiB = 2 ** 20

function setOf(count: number, blocks: Iterable<number>): BlockSet {
  const set = new BlockSet(count)
  for (const block of blocks) set.add(block)
  return set
}

const listed = (set: BlockSet): number[] => [...Array(set.count).keys()].filter(block => set.has(block))

/** Every second block, so many of them. */
const scattered = (ranges: number) =>
  setOf(
    2 * ranges,
    [...Array(ranges).keys()].map(index => 2 * index)
  )

test('as the protocol of 2002 writes them', () => {
  const size = 4 * MiB - 5
  expect(availableRanges(setOf(4, [0, 2]), size)).toBe('bytes 0-1048575,2097152-3145727')
  expect(availableRanges(setOf(4, [2, 3]), size)).toBe(`bytes 2097152-${size - 1}`)
  expect(availableRanges(setOf(4, []), size)).toBe('bytes')
})

test('what is written is read as it was, where it has no more ranges than fit', () => {
  const arbitrary = fc.record({
    count: fc.integer({ min: 1, max: 200 }),
    some: fc.array(fc.nat(199), { maxLength: 100 }),
    less: fc.integer({ min: 0, max: MiB - 1 })
  })
  fc.assert(
    fc.property(arbitrary, ({ count, some, less }) => {
      const size = count * MiB - less
      const set = setOf(
        count,
        some.filter(block => block < count)
      )
      const text = availableRanges(set, size)
      expect(text.length).toBeLessThanOrEqual(AVAILABLE_RANGES_BYTES_MAX)
      expect(listed(parseAvailableRanges(text, size))).toEqual(listed(set))
    })
  )
})

test('of as many ranges as fit all are written, of one more the longest', () => {
  const full = scattered(AVAILABLE_RANGES_MAX)
  const size = full.count * MiB
  expect(listed(parseAvailableRanges(availableRanges(full, size), size))).toEqual(listed(full))
  const over = scattered(AVAILABLE_RANGES_MAX + 1)
  over.add(over.count - 1)
  const text = availableRanges(over, over.count * MiB)
  const read = listed(parseAvailableRanges(text, over.count * MiB))
  expect(read).toHaveLength(AVAILABLE_RANGES_MAX + 1)
  expect(read).toContain(over.count - 1)
})

test('the longest text that is written, of a file of 4 TiB, is within its bound', () => {
  const count = 2 ** 22
  const far = setOf(
    count,
    [...Array(AVAILABLE_RANGES_MAX).keys()].map(index => count - 1 - 2 * index)
  )
  expect(availableRanges(far, count * MiB).length).toBeLessThanOrEqual(AVAILABLE_RANGES_BYTES_MAX)
})

describe('read', () => {
  const size = 4 * MiB
  test.each([
    ['bytes 0-1048575', [0]],
    ['bytes=0-1048575', [0]],
    ['BYTES 0-1048575, 2097152-3145727', [0, 2]],
    ['bytes', []],
    ['bytes ', []],
    // Only whole blocks count, and the last is whole with the file's end.
    ['bytes 1-1048575,1048576-2097150', []],
    ['bytes 10-3145727', [1, 2]],
    [`bytes 3145728-${size - 1}`, [3]]
  ])('%s', (text, blocks) => {
    expect(listed(parseAvailableRanges(text, size))).toEqual(blocks)
  })

  test.each([
    'words',
    '0-1048575',
    'bytes 5',
    'bytes 5-',
    'bytes 5-4',
    'bytes -4',
    'bytes 0-4194304',
    'bytes 0-9999999999999999',
    'bytes 0-99999999999999999',
    'bytes 0-9,5-20',
    'bytes 100-200,0-50',
    'bytes 0-1e3',
    'bytes 0-5;7-9'
  ])('%s is refused', text => {
    expect(() => parseAvailableRanges(text, size)).toThrow(
      'What it says of the ranges that it has cannot be.'
    )
  })

  test('as many ranges as may be, and one more', () => {
    const ranges = (count: number) =>
      `bytes ${[...Array(count).keys()].map(at => `${2 * at}-${2 * at}`).join(',')}`
    expect(parseAvailableRanges(ranges(AVAILABLE_RANGES_MAX), size).size).toBe(0)
    expect(() => parseAvailableRanges(ranges(AVAILABLE_RANGES_MAX + 1), size)).toThrow(/cannot be/)
  })

  test('as long as may be, and a byte more', () => {
    const text = 'bytes 0-1048575'.padEnd(AVAILABLE_RANGES_BYTES_MAX)
    expect(listed(parseAvailableRanges(text, size))).toEqual([0])
    expect(() => parseAvailableRanges(`${text} `, size)).toThrow(/cannot be/)
  })

  test('of a file larger than any', () => {
    expect(parseAvailableRanges('bytes 0-1048575', 2 ** 42).size).toBe(1)
    expect(() => parseAvailableRanges('bytes 0-1048575', 2 ** 42 + 1)).toThrow(/cannot be/)
  })
})
