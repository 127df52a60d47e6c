import {
  CONTENT_SIZE_BYTES_MAX,
  matches,
  parseQuery,
  QUERY_RESULTS_DEFAULT,
  QUERY_RESULTS_MAX,
  QUERY_TEXT_BYTES_MAX,
  QUERY_WORDS_MAX,
  TAGS_MAX
} from '@servent/overlay/machine'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

const M = 2 ** 20
const refusal = expect.objectContaining({ name: 'QueryError' })

describe('a query is read', () => {
  test.each([
    ['miles davis', { words: ['miles', 'davis'] }],
    ['  Miles   DAVIS miles ', { words: ['miles', 'davis'] }],
    ['"So What" miles', { words: ['so', 'what', 'miles'] }],
    ['miles -live', { words: ['miles'], without: ['live'] }],
    ['miles -"carnegie hall"', { words: ['miles'], without: ['carnegie', 'hall'] }],
    // A minus inside a word, or alone, is none.
    ['jay-z - encore', { words: ['jay', 'z', 'encore'] }],
    ['miles type:audio', { words: ['miles'], type: 'audio' }],
    ['miles TYPE:Audio/FLAC', { words: ['miles'], type: 'audio/flac' }],
    ['iso size:>10M', { words: ['iso'], minSize: 10 * M + 1 }],
    ['iso size:>=10M', { words: ['iso'], minSize: 10 * M }],
    ['iso size:<1k', { words: ['iso'], maxSize: 1023 }],
    ['iso size:<=1.5GiB', { words: ['iso'], maxSize: 1536 * M }],
    ['iso size:10MB..1G', { words: ['iso'], minSize: 10 * M, maxSize: 1024 * M }],
    ['iso size:>1M size:<2M', { words: ['iso'], minSize: M + 1, maxSize: 2 * M - 1 }],
    ['iso size:737280b', { words: ['iso'], minSize: 737_280, maxSize: 737_280 }],
    ['iso size:4T', { words: ['iso'], minSize: CONTENT_SIZE_BYTES_MAX, maxSize: CONTENT_SIZE_BYTES_MAX }],
    ['so artist=davis', { words: ['so'], tags: { artist: 'davis' } }],
    ['so ARTIST="Miles Davis" year=1959', { words: ['so'], tags: { artist: 'Miles Davis', year: '1959' } }],
    // Only tags: their words are what an index can look up.
    [
      'artist="Miles Davis" year=1959',
      { words: ['miles', 'davis', '1959'], tags: { artist: 'Miles Davis', year: '1959' } }
    ],
    // Figures are filters and no words.
    ['bitrate=320 year=1959', { words: ['1959'], tags: { bitrate: '320', year: '1959' } }],
    // Quotes make words of what would be filters; other keys with a colon are words.
    ['"e=mc2 size:>1M -x"', { words: ['e', 'mc2', 'size', '1m', 'x'] }],
    ['re:zero', { words: ['re', 'zero'] }],
    // An open quote is a character like others.
    ['12" vinyl', { words: ['12', 'vinyl'] }],
    ['進撃の巨人', { words: ['進撃', '撃の', 'の巨', '巨人'] }]
  ])('%s', (text, expected) => {
    expect(parseQuery(text)).toEqual({ text, limit: QUERY_RESULTS_DEFAULT, ...expected })
  })

  test('filters beside the text win over those in it', () => {
    const filters = { type: 'video', minSize: 1, maxSize: 2, tags: { Year: '2000' }, limit: 5 }
    expect(parseQuery('x type:audio size:5..6 year=1959', filters)).toEqual({
      text: 'x type:audio size:5..6 year=1959',
      words: ['x'],
      type: 'video',
      minSize: 1,
      maxSize: 2,
      tags: { year: '2000' },
      limit: 5
    })
  })
})

describe('a query is refused, with what to try', () => {
  test.each([
    ['', /at least one word/],
    ['  \t ', /at least one word/],
    ['...', /at least one word/],
    ['type:audio size:>1M', /at least one word/],
    ['-live', /at least one word/],
    ['x type:music!/', /audio, video/],
    ['x type:', /audio, video/],
    [`x type:${'a'.repeat(128)}`, /audio, video/],
    ['x type:audio type:video', /twice/],
    ['x size:big', /size:>10M/],
    ['x size:>', /size:>10M/],
    ['x size:1..', /size:>10M/],
    ['x size:1M..2M..3M', /size:>10M/],
    ['x size:-5', /size:>10M/],
    ['x size:0x10', /size:>10M/],
    ['x size:<0', /between 0/],
    ['x size:>4T', /between 0/],
    ['x size:5T', /between 0/],
    ['x size:>1M size:>2M', /twice/],
    ['x size:2M..1M', /Widen/],
    ['x artist=a artist=b', /twice/],
    ['x artist=...', /one word or more/],
    [`x ${'n'.repeat(33)}=v`, /name of a tag/],
    ['x\ud800', /well-formed/]
  ])('%s', (text, sentence) => {
    expect(() => parseQuery(text)).toThrow(refusal)
    expect(() => parseQuery(text)).toThrow(sentence)
  })

  test('a type that is given beside the text is read alike', () => {
    expect(() => parseQuery('x', { type: 'a b' })).toThrow(refusal)
    expect(() => parseQuery('x', { minSize: -1 })).toThrow(refusal)
    expect(() => parseQuery('x', { maxSize: 0.5 })).toThrow(refusal)
    expect(() => parseQuery('x', { tags: { 'a b': 'v' } })).toThrow(refusal)
    expect(() => parseQuery('x', { tags: { artist: '' } })).toThrow(refusal)
  })

  test('nothing but a query or a QueryError comes out, whatever is typed', () => {
    const part = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 20 }),
      fc.constantFrom('type:', 'size:', '>', '<=', '..', '10M', 'a=', '"', '-', ' ', 'x')
    )
    fc.assert(
      fc.property(fc.array(part, { maxLength: 12, size: 'max' }), parts => {
        try {
          const query = parseQuery(parts.join(''))
          expect(query.words.length).toBeGreaterThan(0)
        } catch (error) {
          expect(error).toEqual(refusal)
        }
      }),
      { numRuns: 500 }
    )
  })
})

describe('limits', () => {
  test('QUERY_TEXT_BYTES_MAX', () => {
    expect(() => parseQuery('x'.repeat(QUERY_TEXT_BYTES_MAX))).not.toThrow()
    expect(() => parseQuery('x'.repeat(QUERY_TEXT_BYTES_MAX + 1))).toThrow(refusal)
    expect(() => parseQuery('ü'.repeat(QUERY_TEXT_BYTES_MAX / 2))).not.toThrow()
    expect(() => parseQuery(`${'ü'.repeat(QUERY_TEXT_BYTES_MAX / 2)}x`)).toThrow(refusal)
  })

  test('QUERY_WORDS_MAX, of words and of words not wanted', () => {
    const words = (count: number, sign = '') =>
      Array.from({ length: count }, (_, index) => `${sign}w${index}`).join(' ')
    expect(parseQuery(words(QUERY_WORDS_MAX)).words).toHaveLength(QUERY_WORDS_MAX)
    expect(() => parseQuery(words(QUERY_WORDS_MAX + 1))).toThrow(refusal)
    expect(parseQuery(`x ${words(QUERY_WORDS_MAX, '-')}`).without).toHaveLength(QUERY_WORDS_MAX)
    expect(() => parseQuery(`x ${words(QUERY_WORDS_MAX + 1, '-')}`)).toThrow(refusal)
  })

  test('QUERY_RESULTS_MAX', () => {
    expect(parseQuery('x', { limit: QUERY_RESULTS_MAX }).limit).toBe(QUERY_RESULTS_MAX)
    for (const limit of [QUERY_RESULTS_MAX + 1, 0, -1, 1.5, NaN])
      expect(() => parseQuery('x', { limit })).toThrow(refusal)
  })

  test('TAGS_MAX, and the bytes of a tag', () => {
    const tags = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`t${index}`, 'v']))
    expect(Object.keys(parseQuery('x', { tags: tags(TAGS_MAX) }).tags!)).toHaveLength(TAGS_MAX)
    expect(() => parseQuery('x', { tags: tags(TAGS_MAX + 1) })).toThrow(refusal)
    expect(() => parseQuery('x', { tags: { ['n'.repeat(32)]: 'v' } })).not.toThrow()
    expect(() => parseQuery('x', { tags: { ['n'.repeat(33)]: 'v' } })).toThrow(refusal)
    expect(() => parseQuery('x', { tags: { n: 'v'.repeat(255) } })).not.toThrow()
    expect(() => parseQuery('x', { tags: { n: 'v'.repeat(256) } })).toThrow(refusal)
  })

  test('a size of 4 TiB, given beside the text', () => {
    expect(() => parseQuery('x', { maxSize: CONTENT_SIZE_BYTES_MAX })).not.toThrow()
    expect(() => parseQuery('x', { maxSize: CONTENT_SIZE_BYTES_MAX + 1 })).toThrow(refusal)
  })
})

describe('a file matches', () => {
  const file = {
    name: 'So What (Live).flac',
    type: 'audio/flac',
    size: 10 * M,
    tags: { artist: 'Miles Davis', year: '1959', bitrate: '320', resolution: '64x48' }
  }

  test.each([
    ['so what', true],
    ['what so', true],
    ['SO WHÄT', true],
    ['so wha', false],
    ['so nothing', false],
    // Words are looked for in the name and the tags together.
    ['miles what 1959', true],
    // Figures are tags to ask for, and no words.
    ['so 320', false],
    ['so -320', true],
    ['so bitrate=320 resolution=64x48', true],
    ['so bitrate=128', false],
    ['so -live', false],
    ['so -miles', false],
    ['so -dead', true],
    ['so type:audio', true],
    ['so type:audio/flac', true],
    ['so type:audio/ogg', false],
    ['so type:aud', false],
    ['so type:video', false],
    ['so size:10M', true],
    ['so size:>10M', false],
    ['so size:>=10M', true],
    ['so size:<10M', false],
    ['so size:<=10M', true],
    ['so artist=davis', true],
    ['so artist="davis miles"', true],
    ['so artist=what', false],
    ['so genre=jazz', false],
    ['artist=davis', true],
    // Names of tags that every object has are tags like others.
    ['so constructor=object', false]
  ])('%s: %s', (text, expected) => {
    expect(matches(parseQuery(text), file)).toBe(expected)
  })

  test('a file is found by any part of its own name', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('miles', 'Köln', '進撃の巨人', 'हिन्दी', '한국어', '42'), {
          minLength: 1,
          maxLength: 6
        }),
        fc.nat(),
        (words, at) => {
          const query = parseQuery(words[at % words.length]!)
          expect(matches(query, { name: words.join('_'), type: 'a/b', size: 0, tags: {} })).toBe(true)
        }
      )
    )
  })
})
