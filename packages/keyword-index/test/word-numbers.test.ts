/** Words and their numbers, also where the cache before the map is in use. */
import { describe, expect, it } from 'vitest'
import { WordNumbers } from '../src/word-numbers.ts'

const many = (count: number, make: (at: number) => string): string[] =>
  Array.from({ length: count }, (_, at) => make(at))

/** Adds words that are all different, and asks for each of them several times, in both orders. */
function numbersAll(words: readonly string[]): void {
  const numbers = new WordNumbers()
  let known = 0
  for (const word of words) {
    if (numbers.find(word) !== undefined) known += 1
    numbers.add(word)
  }
  expect([known, numbers.size]).toEqual([0, words.length])
  const wrong = (order: readonly string[]) => order.filter(word => words[numbers.find(word)!] !== word)
  for (let again = 0; again < 2; again += 1) {
    expect(wrong(words)).toEqual([])
    expect(wrong([...words].reverse())).toEqual([])
  }
  expect(numbers.find('in no file')).toBeUndefined()
}

describe('numbers of words', () => {
  it('are found by more words than the cache has places', () => {
    numbersAll(many(100_000, at => `w${at.toString(36)}`))
  }, 60_000)

  it('are found by words of every length, and of letters that differ in their high bits alone', () => {
    numbersAll([
      ...many(5000, at => `x${at}`),
      ...many(40, at => 'a'.repeat(at + 1)),
      ...many(200, at => String.fromCharCode(0x61 + 0x100 * at, 0x62)),
      ...many(200, at => String.fromCharCode(0x62, 0x61 + 0x100 * at)),
      '😀',
      '\ud83d\ude01',
      '東京'
    ])
  })

  it('are found by words that share one place of the cache', () => {
    // The hash of a text of one unit is a product: units that agree in what is left of it share a place.
    const numbers = new WordNumbers()
    for (let at = 0; at < 5000; at += 1) numbers.add(`w${at}`)
    const units = many(0xd800, at => String.fromCharCode(at + 0x100))
    for (const unit of units) numbers.add(unit)
    expect(units.every((unit, at) => numbers.find(unit) === 5000 + at)).toBe(true)
    expect(units.every((unit, at) => numbers.find(unit) === 5000 + at)).toBe(true)
  })
})
