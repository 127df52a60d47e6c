/** Words and their numbers: in a map, in the table, and where the table has no place. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TABLE_WORDS_MIN, WordNumbers } from '../src/word-numbers.ts'
import { BUCKET_WORDS_MAX, hashOf, TABLE_WORD_UNITS_MAX, WordTable } from '../src/word-table.ts'

const many = (count: number, make: (at: number) => string): string[] =>
  Array.from({ length: count }, (_, at) => make(at))

const numberAll = (numbers: WordNumbers, words: readonly string[]): number[] => [
  ...numbers.numberAll([{ words }])
]

/** Numbers words that are all different, and asks for each of them several times, in both orders. */
function numbersAll(words: readonly string[], some: number): void {
  const numbers = new WordNumbers()
  const known: string[] = []
  for (let at = 0; at < words.length; at += some) {
    const next = words.slice(at, at + some)
    known.push(...next.filter(word => numbers.find(word) !== undefined))
    expect(numberAll(numbers, next)).toEqual(next.map((_, index) => at + index))
  }
  expect([known, numbers.size]).toEqual([[], words.length])
  const wrong = (order: readonly string[]) => order.filter(word => words[numbers.find(word)!] !== word)
  expect(wrong(words)).toEqual([])
  expect(wrong([...words].reverse())).toEqual([])
  const reversed = [...words].reverse()
  expect(numberAll(numbers, reversed).filter((number, at) => words[number] !== reversed[at])).toEqual([])
  expect([numbers.find('in no file'), numbers.size]).toEqual([undefined, words.length])
}

/** Words whose hashes end in as many zeros: they share a bucket where there are at most as many buckets. */
function colliding(count: number, bits: number): string[] {
  const found: string[] = []
  for (let at = 0; found.length < count; at += 1) {
    const word = `c${at.toString(36)}`
    if ((hashOf(word) & (2 ** bits - 1)) === 0) found.push(word)
  }
  return found
}

describe('numbers of words', () => {
  it('are theirs at the count at which the table is made, one before and one after', () => {
    for (const more of [-1, 0, 1])
      numbersAll(
        many(TABLE_WORDS_MIN + more, at => `x${at}`),
        1000
      )
  })

  it('are theirs when the table has grown several times', () => {
    numbersAll(
      many(100_000, at => `w${at.toString(36)}`),
      5000
    )
  }, 60_000)

  it('are theirs in words of every length, and of letters that differ in their high bits alone', () => {
    numbersAll(
      [
        // Before there is a table, and after.
        ...many(40, at => 'a'.repeat(at + 1)),
        ...many(5000, at => `x${at}`),
        ...many(40, at => `${'b'.repeat(at)}é`),
        ...many(200, at => String.fromCharCode(0x61 + 0x100 * at, 0x62)),
        ...many(200, at => String.fromCharCode(0x62, 0x61 + 0x100 * at)),
        '😀',
        '\ud83d\ude01',
        '東京'
      ],
      700
    )
  })

  it('are theirs in words that share a bucket, more than it holds, also after it was divided', () => {
    // They end alike in more bits than the table has buckets at first, and in fewer than it has at the end.
    const words = colliding(3 * BUCKET_WORDS_MAX, 13)
    const others = many(60_000, at => `w${at.toString(36)}`)
    numbersAll([...others.slice(0, TABLE_WORDS_MIN), ...words, ...others.slice(TABLE_WORDS_MIN)], 2000)
  }, 60_000)

  it('are one for a word that comes several times in one announcement, new or known', () => {
    const numbers = new WordNumbers()
    numberAll(
      numbers,
      many(TABLE_WORDS_MIN - 2, at => `x${at}`)
    )
    // The table is made in the middle of it.
    const words = ['new', 'x7', 'new', 'newer', 'new', 'newer', 'newest', 'x7', 'newest']
    const first = TABLE_WORDS_MIN - 2
    expect(numberAll(numbers, words)).toEqual(
      [0, -1, 0, 1, 0, 1, 2, -1, 2].map(at => (at < 0 ? 7 : first + at))
    )
  })

  it('are what a map would give, for any announcements', () => {
    const word = fc.oneof(
      fc.string({ minLength: 1, maxLength: 2 * TABLE_WORD_UNITS_MAX, unit: 'binary' }),
      fc.nat(9000).map(at => `x${at}`)
    )
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.array(word, { maxLength: 5 }), { maxLength: 3 }), { maxLength: 6 }),
        announced => {
          const numbers = new WordNumbers()
          // There is a table from the first announcement on.
          const first = many(TABLE_WORDS_MIN, at => `x${at}`)
          const map = new Map(first.map((one, at) => [one, at]))
          numberAll(numbers, first)
          const numberOf = (one: string): number => {
            if (!map.has(one)) map.set(one, map.size)
            return map.get(one)!
          }
          for (const files of announced)
            expect([...numbers.numberAll(files.map(words => ({ words })))]).toEqual(
              files.flat().map(numberOf)
            )
        }
      ),
      { numRuns: 30 }
    )
  }, 60_000)
})

describe('a table of words', () => {
  it('has a place for BUCKET_WORDS_MAX of one bucket, and for no more', () => {
    const words = colliding(BUCKET_WORDS_MAX + 1, 12)
    const table = new WordTable(1024)
    for (const [number, word] of words.entries())
      expect(table.add(word, hashOf(word), number)).toBe(number < BUCKET_WORDS_MAX)
    for (const [number, word] of words.entries())
      expect(table.find(word, hashOf(word))).toBe(number < BUCKET_WORDS_MAX ? number : undefined)
  })

  it('has words of TABLE_WORD_UNITS_MAX units, and no longer ones', () => {
    const table = new WordTable(16)
    const [longest, longer] = ['a'.repeat(TABLE_WORD_UNITS_MAX), 'a'.repeat(TABLE_WORD_UNITS_MAX + 1)]
    expect([table.add(longest, hashOf(longest), 0), table.add(longer, hashOf(longer), 1)]).toEqual([
      true,
      false
    ])
    expect([table.find(longest, hashOf(longest)), table.find(longer, hashOf(longer))]).toEqual([0, undefined])
  })

  it('tells words of one hash apart by their letters', () => {
    const table = new WordTable(16)
    for (const [number, word] of ['ab', 'ba', 'abc'].entries()) expect(table.add(word, 5, number)).toBe(true)
    expect(['ab', 'ba', 'abc', 'bb'].map(word => table.find(word, 5))).toEqual([0, 1, 2, undefined])
    // Guesses go by hash alone; a hash that nobody has is nobody's.
    const marks = new Uint32Array(2)
    table.guess(Uint32Array.of(5, 6), 2, marks, new Uint32Array(2))
    expect([...marks]).toEqual([1, 0])
    expect(['ab', 'ba'].map(word => table.isSpelt(1, word))).toEqual([true, false])
  })
})
