/** The words protocol: what is written is read again, its bounds at the limit and one past, and whatever else comes. */
import {
  CONTENT_SIZE_BYTES_MAX,
  MEDIA_TYPE_BYTES_MAX,
  parseQuery,
  QUERY_RESULTS_MAX,
  QUERY_TEXT_BYTES_MAX,
  QUERY_WORDS_MAX,
  type Query,
  SEALED_RECORD_BYTES_MAX,
  TAG_NAME_BYTES_MAX,
  TAG_VALUE_BYTES_MAX,
  TAGS_MAX
} from '@servent/overlay'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ANSWER_RECORDS_MAX } from '../src/constants.ts'
import { decodeAnswer, decodeQuestion, encodeAnswer, encodeQuestion } from '../src/wire.ts'

const query = (fields: Partial<Query> = {}): Query => ({ text: 'a', words: ['a'], limit: 1, ...fields })
const again = (one: Query) => decodeQuestion(encodeQuestion(one))
const words = (count: number) => Array.from({ length: count }, (_, at) => `w${at}`)
const tags = (count: number) => Object.fromEntries(words(count).map(name => [name, 'v']))
const text = fc.string({ minLength: 1, maxLength: 40, unit: 'grapheme' })

describe('a question', () => {
  it('is read as it was written, with all its filters', () => {
    const whole = parseQuery('miles davis -live', { type: 'audio', minSize: 1, maxSize: 2 ** 40, limit: 7 })
    expect(again(whole)).toEqual({ ...whole, text: 'miles davis' })
    fc.assert(
      fc.property(
        fc.record({
          words: fc.array(text, { minLength: 1, maxLength: QUERY_WORDS_MAX }),
          without: fc.array(text, { minLength: 1, maxLength: QUERY_WORDS_MAX }),
          tags: fc.dictionary(fc.stringMatching(/^[a-z]{1,9}$/), text, { minKeys: 1, maxKeys: TAGS_MAX }),
          type: fc.stringMatching(/^[a-z]{1,20}$/),
          minSize: fc.integer({ min: 1, max: CONTENT_SIZE_BYTES_MAX }),
          maxSize: fc.integer({ min: 1, max: CONTENT_SIZE_BYTES_MAX }),
          limit: fc.integer({ min: 1, max: QUERY_RESULTS_MAX })
        }),
        one => {
          const read = again({ ...one, text: '' })
          expect(read).toEqual({ ...one, text: one.words.join(' '), tags: { ...one.tags } })
        }
      )
    )
  })

  it('has bounds for all that it holds', () => {
    const at: Query[] = [
      query({ words: words(QUERY_WORDS_MAX) }),
      query({ without: words(QUERY_WORDS_MAX) }),
      query({ words: ['w'.repeat(QUERY_TEXT_BYTES_MAX)] }),
      query({ type: 't'.repeat(MEDIA_TYPE_BYTES_MAX) }),
      query({ maxSize: CONTENT_SIZE_BYTES_MAX }),
      query({ limit: QUERY_RESULTS_MAX }),
      query({ tags: tags(TAGS_MAX) }),
      query({ words: [], tags: { ['n'.repeat(TAG_NAME_BYTES_MAX)]: 'v'.repeat(TAG_VALUE_BYTES_MAX) } })
    ]
    for (const one of at) expect(again(one)).toMatchObject({ words: one.words, limit: one.limit })
    const past: Query[] = [
      query({ words: words(QUERY_WORDS_MAX + 1) }),
      query({ without: words(QUERY_WORDS_MAX + 1) }),
      query({ words: ['w'.repeat(QUERY_TEXT_BYTES_MAX + 1)] }),
      query({ type: 't'.repeat(MEDIA_TYPE_BYTES_MAX + 1) }),
      query({ minSize: CONTENT_SIZE_BYTES_MAX + 1 }),
      query({ maxSize: CONTENT_SIZE_BYTES_MAX + 1 }),
      query({ limit: QUERY_RESULTS_MAX + 1 }),
      query({ limit: 0 }),
      query({ words: [] }),
      query({ tags: tags(TAGS_MAX + 1) }),
      query({ tags: { '': 'v' } }),
      query({ tags: { ['n'.repeat(TAG_NAME_BYTES_MAX + 1)]: 'v' } }),
      query({ tags: { n: 'v'.repeat(TAG_VALUE_BYTES_MAX + 1) } })
    ]
    for (const one of past)
      expect(() => again(one)).toThrow(expect.objectContaining({ name: 'MalformedError' }))
  })
})

describe('an answer', () => {
  it('is read as it was written, with ANSWER_RECORDS_MAX records of SEALED_RECORD_BYTES_MAX bytes', () => {
    const record = (length: number) => new Uint8Array(length).fill(7)
    const whole = { records: Array.from({ length: ANSWER_RECORDS_MAX }, () => record(3)), more: true }
    expect(decodeAnswer(encodeAnswer(whole))).toEqual(whole)
    const long = { records: [record(SEALED_RECORD_BYTES_MAX)], more: false }
    expect(decodeAnswer(encodeAnswer(long))).toEqual(long)
    expect(decodeAnswer(new Uint8Array(0))).toEqual({ records: [], more: false })
    for (const past of [
      { ...whole, records: [...whole.records, record(3)] },
      { ...long, records: [record(SEALED_RECORD_BYTES_MAX + 1)] }
    ])
      expect(() => decodeAnswer(encodeAnswer(past))).toThrow(
        expect.objectContaining({ name: 'MalformedError' })
      )
  })
})

it('whatever else comes is malformed and nothing worse, and unknown fields are skipped', () => {
  const bytes = fc.uint8Array({ maxLength: 200 })
  const takes = (decode: (bytes: Uint8Array) => unknown, bytes: Uint8Array) => {
    try {
      decode(bytes)
    } catch (error) {
      expect((error as Error).name).toBe('MalformedError')
    }
  }
  fc.assert(
    fc.property(bytes, some => {
      takes(decodeQuestion, some)
      takes(decodeAnswer, some)
    }),
    { numRuns: 2_000 }
  )
  const good = encodeQuestion(query({ tags: tags(2), type: 'audio' }))
  fc.assert(
    fc.property(fc.nat(good.length - 1), fc.nat(255), (at, byte) => {
      const changed = good.slice()
      changed[at] = byte
      takes(decodeQuestion, changed)
      takes(decodeQuestion, good.subarray(0, at))
    })
  )
  const unknown = Uint8Array.from([...good, 0x98, 0x06, 0x01])
  expect(decodeQuestion(unknown)).toEqual(decodeQuestion(good))
  // A tag may hold more than it does now; what is no UTF-8 is no word.
  const tagged = Uint8Array.from([0x32, 5, 0x0a, 1, 0x6e, 0x18, 1, 0x38, 1])
  expect(decodeQuestion(tagged)).toMatchObject({ tags: { n: '' }, limit: 1 })
  expect(() => decodeQuestion(Uint8Array.from([0x0a, 1, 0xff, 0x38, 1]))).toThrow('no UTF-8')
})
