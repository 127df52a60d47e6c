/** The frames: read as written, and refused at each bound and in every other form. */
import * as dagCbor from '@ipld/dag-cbor'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  ANSWER_BYTES_MAX,
  RECEIPTS_ASKED_MAX,
  REQUEST_BYTES_MAX,
  SEALED_RECEIPT_BYTES_MAX,
  SEALED_STATEMENT_BYTES_MAX
} from '../../src/credit/constants.ts'
import {
  type Answer,
  decodeAnswer,
  decodeRequest,
  encodeAnswer,
  encodeRequest,
  type Request
} from '../../src/credit/exchange.ts'

const sealed = fc.uint8Array({ maxLength: SEALED_RECEIPT_BYTES_MAX })
const requests: fc.Arbitrary<Request> = fc.oneof(
  fc.record({
    type: fc.constant('settle'),
    statement: fc.uint8Array({ maxLength: SEALED_STATEMENT_BYTES_MAX })
  }),
  fc.record({ type: fc.constant('ask'), count: fc.integer({ min: 1, max: RECEIPTS_ASKED_MAX }) })
)
const answers: fc.Arbitrary<Answer> = fc.oneof(
  fc.record({ type: fc.constant('receipt'), sealed }),
  fc.constant({ type: 'refused' } as const),
  fc.record({ type: fc.constant('receipts'), sealed: fc.array(sealed, { maxLength: RECEIPTS_ASKED_MAX }) })
)

describe('frames', () => {
  test('are read as they were written', () => {
    fc.assert(
      fc.property(requests, one => {
        expect(decodeRequest(encodeRequest(one))).toEqual(one)
      })
    )
    fc.assert(
      fc.property(answers, one => {
        expect(decodeAnswer(encodeAnswer(one))).toEqual(one)
      })
    )
  })

  test('nothing else is read, and nothing throws but ExchangeError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), bytes => {
        for (const [decode, encode] of [
          [decodeRequest, encodeRequest],
          [decodeAnswer, encodeAnswer]
        ] as const) {
          try {
            expect(encode(decode(bytes) as never)).toEqual(bytes)
          } catch (error) {
            expect((error as Error).name).toBe('ExchangeError')
          }
        }
      }),
      { numRuns: 2000 }
    )
  })

  test('the largest answer and the largest request fit', () => {
    const largest = new Uint8Array(SEALED_RECEIPT_BYTES_MAX)
    const all = Array.from({ length: RECEIPTS_ASKED_MAX }, () => largest)
    expect(encodeAnswer({ type: 'receipts', sealed: all }).length).toBeLessThanOrEqual(ANSWER_BYTES_MAX)
    const statement = new Uint8Array(SEALED_STATEMENT_BYTES_MAX)
    expect(encodeRequest({ type: 'settle', statement }).length).toBeLessThanOrEqual(REQUEST_BYTES_MAX)
  })

  test('are refused by their length before they are looked at', () => {
    expect(() => decodeRequest(new Uint8Array(REQUEST_BYTES_MAX))).toThrow('no DAG-CBOR')
    expect(() => decodeRequest(new Uint8Array(REQUEST_BYTES_MAX + 1))).toThrow('at most')
    expect(() => decodeAnswer(new Uint8Array(ANSWER_BYTES_MAX))).toThrow('no DAG-CBOR')
    expect(() => decodeAnswer(new Uint8Array(ANSWER_BYTES_MAX + 1))).toThrow('at most')
  })

  test('lists in lists as deep as a frame is long do no harm', () => {
    expect(() => decodeAnswer(new Uint8Array(ANSWER_BYTES_MAX).fill(0x81))).toThrow('no DAG-CBOR')
  })

  const list = (...items: unknown[]) => dagCbor.encode(items)
  const one = new Uint8Array(1)

  test.each([
    ['no list', dagCbor.encode({ ask: 1 })],
    ['none of this protocol', list('tell', 1)],
    ['none of this protocol', list('ask', 0)],
    ['none of this protocol', list('ask', RECEIPTS_ASKED_MAX + 1)],
    ['none of this protocol', list('ask', 1.5)],
    ['none of this protocol', list('ask', '1')],
    ['none of this protocol', list('settle', 'all')],
    ['none of this protocol', list('settle', new Uint8Array(SEALED_STATEMENT_BYTES_MAX + 1))],
    ['canonical', list('ask', 1, 2)],
    ['canonical', list('settle', one, one)]
  ])('a request is refused: %s', (message, bytes) => {
    expect(() => decodeRequest(bytes)).toThrow(message)
  })

  test.each([
    ['no list', dagCbor.encode('refused')],
    ['none of this protocol', list()],
    ['none of this protocol', list('receipt', 'mine')],
    ['none of this protocol', list('receipt', new Uint8Array(SEALED_RECEIPT_BYTES_MAX + 1))],
    ['none of this protocol', list('receipts', one)],
    ['none of this protocol', list('receipts', [one, 'two'])],
    ['none of this protocol', list('receipts', [new Uint8Array(SEALED_RECEIPT_BYTES_MAX + 1)])],
    [
      'none of this protocol',
      list(
        'receipts',
        Array.from({ length: RECEIPTS_ASKED_MAX + 1 }, () => one)
      )
    ],
    ['canonical', list('refused', 1)],
    ['canonical', list('receipt', one, one)],
    ['canonical', list('receipts', [one], one)]
  ])('an answer is refused: %s', (message, bytes) => {
    expect(() => decodeAnswer(bytes)).toThrow(message)
  })
})
