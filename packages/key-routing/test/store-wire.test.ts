/** Messages about records on the wire: against `store.proto`, and each bound at its limit and one past it. */

import { fileURLToPath } from 'node:url'
import { testContact } from '@servent/overlay/testing'
import fc from 'fast-check'
import protobuf from 'protobufjs'
import { writer as newWriter } from 'protons-runtime'
import { describe, expect, it } from 'vitest'
import {
  COUNT_MAX,
  DIGEST_BRANCHES,
  DIGEST_DEPTH_MAX,
  FINGERPRINTS_MAX,
  PAGE_RECORDS_MAX,
  RECORD_BODY_BYTES_MAX,
  recordByteLength,
  STORE_BYTES_MAX,
  STORE_RECORDS_MAX,
  type StoredRecord,
  type StoreOutcome
} from '../src/machine.ts'
import { readStore, type StoreMessage, storeByteLength, writeStore } from '../src/store-wire.ts'
import { fitInMessage } from '../src/store-wire-records.ts'
import { withoutField, withUnknownFields } from './proto-surgery.ts'

const root = protobuf.loadSync(fileURLToPath(new URL('../src/store.proto', import.meta.url)))
const StoreProto = root.lookupType('servent.store.StoreMessage')

function encode(message: StoreMessage): Uint8Array {
  const writer = newWriter()
  writeStore(message, writer)
  return Uint8Array.from(writer.finish())
}

const key = fc.uint8Array({ minLength: 32, maxLength: 32 })
const count = fc.maxSafeNat()
const id = fc.integer({ min: 0, max: 2 ** 32 - 1 })
const kind = fc.constantFrom('provider' as const, 'word' as const, 'value' as const)
const record: fc.Arbitrary<StoredRecord> = fc
  .record({
    kind,
    key,
    publisher: fc.nat({ max: 99 }).map(number => testContact(number)),
    sequence: count,
    expiresMs: count,
    subject: key,
    body: fc.uint8Array({ maxLength: 300 }),
    withdrawn: fc.boolean()
  })
  .map(({ withdrawn, ...fields }) => ({
    ...fields,
    subject: fields.kind === 'value' ? new Uint8Array(0) : fields.subject,
    ...(withdrawn && { withdrawn })
  }))
const records = fc.array(record, { maxLength: 4 })
const fingerprints = fc.array(fc.integer({ min: 0, max: 2 ** 52 - 1 }), { maxLength: STORE_RECORDS_MAX })
const OUTCOMES: StoreOutcome[] = [
  'kept',
  'few-copies',
  'older',
  'refused',
  'full',
  'busy',
  'not-root',
  'full-key',
  'full-publisher'
]
const message: fc.Arbitrary<StoreMessage> = fc.oneof(
  fc.record({
    type: fc.constant('store' as const),
    id,
    as: fc.constantFrom('root' as const, 'replica' as const, 'hand-over' as const),
    records
  }),
  fc
    .array(fc.tuple(fc.constantFrom(...OUTCOMES), fc.nat({ max: 255 })), { maxLength: STORE_RECORDS_MAX })
    .chain(all =>
      id.map(own => ({
        type: 'stored' as const,
        id: own,
        outcomes: all.map(([outcome]) => outcome),
        copies: all.map(([, copies]) => copies)
      }))
    ),
  fc.record({
    type: fc.constant('get' as const),
    id,
    kind,
    key,
    after: count,
    limit: fc.nat({ max: PAGE_RECORDS_MAX })
  }),
  fc
    .record({
      type: fc.constant('page' as const),
      id,
      records,
      total: fc.nat({ max: COUNT_MAX }),
      next: count
    })
    .map(({ next, ...page }) => (next === 0 ? page : { ...page, next })),
  fc.record({
    type: fc.constant('digest-request' as const),
    id,
    from: key,
    to: key,
    prefix: fc.array(fc.nat({ max: DIGEST_BRANCHES - 1 }), { maxLength: DIGEST_DEPTH_MAX }),
    digest: fc.integer({ min: 0, max: 2 ** 52 - 1 })
  }),
  fc.record({
    type: fc.constant('digest-answer' as const),
    id,
    what: fc.constant('all' as const),
    hashes: fingerprints
  }),
  fc.record({
    type: fc.constant('digest-answer' as const),
    id,
    what: fc.constantFrom('same' as const, 'busy' as const),
    hashes: fc.constant([])
  }),
  fc.record({ type: fc.constant('pull' as const), id, from: key, to: key, fingerprints })
)

describe('a message', () => {
  it('is read as it was written, and has the length that was said', () => {
    fc.assert(
      fc.property(message, one => {
        const bytes = encode(one)
        expect(readStore(bytes)).toEqual(one)
        expect(bytes.length).toBe(storeByteLength(one))
      }),
      { numRuns: 300 }
    )
  })

  it('is the same to another implementation of protobuf, both ways', () => {
    fc.assert(
      fc.property(message, one => {
        const bytes = encode(one)
        const theirs = StoreProto.decode(bytes)
        expect(readStore(Uint8Array.from(StoreProto.encode(theirs).finish()))).toEqual(one)
      }),
      { numRuns: 200 }
    )
  })

  it('may have fields that are not known, wherever a later version may add one', () => {
    fc.assert(
      fc.property(message, one => {
        expect(readStore(withUnknownFields(StoreProto, encode(one)))).toEqual(one)
      }),
      { numRuns: 300 }
    )
  })

  it('has the fields of store.proto', () => {
    const stored: StoredRecord = {
      kind: 'word',
      key: new Uint8Array(32).fill(1),
      publisher: testContact(3),
      sequence: 2 ** 40,
      expiresMs: 5,
      subject: new Uint8Array(32).fill(2),
      body: Uint8Array.of(9),
      withdrawn: true
    }
    const bytes = encode({ type: 'store', id: 77, as: 'hand-over', records: [stored] })
    const plain = StoreProto.toObject(StoreProto.decode(bytes), {
      enums: String,
      longs: Number,
      bytes: Array
    })
    expect(plain).toEqual({
      store: {
        id: 77,
        as: 'HAND_OVER',
        records: [
          {
            kind: 'WORD',
            key: [...stored.key],
            publisher: { id: [...testContact(3).id], addresses: [[...testContact(3).addresses[0]!]] },
            sequence: 2 ** 40,
            expiresMs: 5,
            subject: [...stored.subject],
            body: [9],
            withdrawn: true
          }
        ]
      }
    })
  })

  it('that is cut, or any bytes at all, is refused as malformed and nothing else', () => {
    fc.assert(
      fc.property(message, fc.nat(), (one, at) => {
        const bytes = encode(one)
        const cut = bytes.subarray(0, at % bytes.length)
        expect(() => readStore(cut)).toThrow(expect.objectContaining({ name: 'MalformedError' }))
      }),
      { numRuns: 200 }
    )
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), bytes => {
        try {
          readStore(bytes)
        } catch (error) {
          expect((error as Error).name).toBe('MalformedError')
        }
      })
    )
  })

  it('skips fields that it does not know', () => {
    const bytes = encode({ type: 'get', id: 1, kind: 'word', key: new Uint8Array(32), after: 0, limit: 1 })
    // Field 15, one byte.
    expect(readStore(Uint8Array.from([...bytes, (15 << 3) | 2, 1, 0]))).toMatchObject({ type: 'get' })
  })
})

/** Writes by another implementation, which has no bounds. */
function foreign(fields: Record<string, unknown>): Uint8Array {
  return Uint8Array.from(StoreProto.encode(StoreProto.fromObject(fields)).finish())
}

const plainRecord = (body: number) => ({
  kind: 1,
  key: new Uint8Array(32),
  publisher: { id: testContact(1).id, addresses: [] },
  sequence: 1,
  expiresMs: 1,
  subject: new Uint8Array(32),
  body: new Uint8Array(body)
})

describe('bounds', () => {
  const range = { from: new Uint8Array(32), to: new Uint8Array(32) }

  it.each<[string, (size: number) => Record<string, unknown>, number]>([
    ['RECORD_BODY_BYTES_MAX', size => ({ store: { records: [plainRecord(size)] } }), RECORD_BODY_BYTES_MAX],
    [
      'STORE_RECORDS_MAX',
      size => ({ store: { records: Array.from({ length: size }, () => plainRecord(8)) } }),
      STORE_RECORDS_MAX
    ],
    [
      'STORE_RECORDS_MAX of a page',
      size => ({ page: { records: Array.from({ length: size }, () => plainRecord(8)) } }),
      STORE_RECORDS_MAX
    ],
    [
      'outcomes',
      size => ({ stored: { outcomes: new Uint8Array(size), copies: new Uint8Array(size) } }),
      STORE_RECORDS_MAX
    ],
    ['PAGE_RECORDS_MAX', size => ({ get: { key: range.from, limit: size } }), PAGE_RECORDS_MAX],
    ['COUNT_MAX', size => ({ page: { total: size } }), COUNT_MAX],
    [
      'DIGEST_DEPTH_MAX',
      size => ({ digestRequest: { ...range, prefix: new Uint8Array(size) } }),
      DIGEST_DEPTH_MAX
    ],
    [
      'DIGEST_BRANCHES',
      size => ({ digestRequest: { ...range, prefix: Uint8Array.of(size) } }),
      DIGEST_BRANCHES - 1
    ],
    [
      'FINGERPRINTS_MAX',
      size => ({ digestAnswer: { what: 2, hashes: Array.from({ length: size }, () => 7) } }),
      FINGERPRINTS_MAX
    ],
    [
      'fingerprints of a pull',
      size => ({ pull: { ...range, fingerprints: Array.from({ length: size }, () => 7) } }),
      STORE_RECORDS_MAX
    ]
  ])('%s: taken at the limit, refused one past it', (_, make, max) => {
    expect(() => readStore(foreign(make(max)))).not.toThrow()
    expect(() => readStore(foreign(make(max + 1)))).toThrow(
      expect.objectContaining({ name: 'MalformedError' })
    )
  })

  it('STORE_BYTES_MAX: of all records of a message together', () => {
    // Six records, the last of which fills what is left.
    const bodies = Array.from({ length: 6 }, () => RECORD_BODY_BYTES_MAX)
    const build = (last: number) =>
      foreign({ store: { records: [...bodies.slice(0, 5), last].map(plainRecord) } })
    let last = RECORD_BODY_BYTES_MAX
    const lengthOf = (size: number) => build(size).length - 4
    while (lengthOf(last) > STORE_BYTES_MAX) last -= 1
    expect(lengthOf(last)).toBe(STORE_BYTES_MAX)
    expect(() => readStore(build(last))).not.toThrow()
    expect(() => readStore(build(last + 1))).toThrow(/at most 49152 bytes/)
  })

  it.each<[string, Record<string, unknown>]>([
    ['no key', { get: { limit: 1 } }],
    ['a key of 31 bytes', { get: { key: new Uint8Array(31) } }],
    ['a key of 33 bytes', { get: { key: new Uint8Array(33) } }],
    ['a range with one end', { pull: { from: range.from } }],
    ['an outcome that is not known', { stored: { outcomes: [9], copies: [1] } }],
    ['outcomes without counts', { stored: { outcomes: [0] } }],
    ['a record without a publisher', { store: { records: [{ ...plainRecord(1), publisher: undefined }] } }],
    [
      'a publisher that is no PeerId',
      { store: { records: [{ ...plainRecord(1), publisher: { id: [1, 2] } }] } }
    ],
    ['a word without a subject', { store: { records: [{ ...plainRecord(1), subject: undefined }] } }],
    ['a value with a subject', { store: { records: [{ ...plainRecord(1), kind: 2 }] } }],
    ['branches that are not sixteen', { digestAnswer: { what: 1, hashes: [1, 2] } }],
    ['hashes where all is the same', { digestAnswer: { what: 0, hashes: [1] } }],
    ['a digest that is no exact number', { digestRequest: { ...range, digest: 2 ** 53 } }],
    ['nothing', {}]
  ])('%s is malformed', (_, fields) => {
    expect(() => readStore(foreign(fields))).toThrow(expect.objectContaining({ name: 'MalformedError' }))
  })

  const asked = { type: 'digest-request', id: 1, ...range, prefix: [1], digest: 5 } as const
  it.each<[string, string, StoreMessage]>([
    ['DigestRequest', 'from', asked],
    ['DigestRequest', 'to', asked],
    ['PullRecords', 'from', { type: 'pull', id: 1, ...range, fingerprints: [1] }],
    ['PullRecords', 'to', { type: 'pull', id: 1, ...range, fingerprints: [1] }]
  ])('a %s without its %s is malformed', (kind, field, message) => {
    const less = withoutField(StoreProto, encode(message), kind, field)
    expect(() => readStore(less)).toThrow('A range has two ends.')
  })

  const inside = (kind: number, bytes: readonly number[]) =>
    Uint8Array.of((kind << 3) | 2, bytes.length, ...bytes)
  it.each([
    ['id', inside(3, [1 << 3, 1])],
    ['place', inside(3, [(4 << 3) | 2, 0])],
    ['key', inside(3, [3 << 3, 1])],
    ['digest', inside(5, [5 << 3, 1])]
  ])('a %s of another wire type is malformed', (what, bytes) => {
    expect(() => readStore(bytes)).toThrow(`A ${what} has the wrong wire type.`)
  })

  it('a message that ends within one of its fields is malformed, though there are bytes behind it', () => {
    const request = inside(3, [(1 << 3) | 5, 1, 2, 3, 4])
    request[1] = 3
    expect(() => readStore(request)).toThrow('A field is longer than its message.')
  })

  it('what has its default is left out, and read as that', () => {
    const page = { type: 'page', id: 0, records: [], total: 0 } as const
    expect(encode(page)).toEqual(inside(4, []))
    expect(readStore(encode(page))).toEqual(page)
    expect(storeByteLength(page)).toBe(2)
    const same = { type: 'digest-request', id: 0, ...range, prefix: [], digest: 0 } as const
    expect(readStore(encode(same))).toEqual(same)
    expect(storeByteLength(same)).toBe(encode(same).length)
  })

  it('the largest records go in several messages', () => {
    const large = { ...plainRecord(RECORD_BODY_BYTES_MAX), kind: 'word', publisher: testContact(1) } as const
    expect(fitInMessage(Array.from({ length: 10 }, () => large))).toHaveLength(
      Math.floor(STORE_BYTES_MAX / recordByteLength(large))
    )
  })

  it('two messages in one are malformed', () => {
    const get = encode({ type: 'get', id: 1, kind: 'word', key: range.from, after: 0, limit: 1 })
    expect(() => readStore(Uint8Array.of(...get, ...get))).toThrow(/more than one/)
  })

  it('a sender puts no more in a message than may be read', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: RECORD_BODY_BYTES_MAX }), { maxLength: 80 }), sizes => {
        const all = sizes.map(
          size => ({ ...plainRecord(size), kind: 'word', publisher: testContact(1) }) as const
        )
        const fitting = fitInMessage(all)
        expect(fitting.length).toBe(Math.min(fitting.length, STORE_RECORDS_MAX))
        if (all.length > 0) expect(fitting.length).toBeGreaterThan(0)
        expect(() => readStore(encode({ type: 'store', id: 1, as: 'root', records: fitting }))).not.toThrow()
        const next = all[fitting.length]
        if (next === undefined || fitting.length === STORE_RECORDS_MAX) return
        const bytes = [...fitting, next].reduce((sum, one) => sum + recordByteLength(one), 0)
        expect(bytes).toBeGreaterThan(STORE_BYTES_MAX - 4 * STORE_RECORDS_MAX)
      }),
      { numRuns: 50 }
    )
  })
})
