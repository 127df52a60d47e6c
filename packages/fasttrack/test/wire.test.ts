/** FastTrack's frames: byte by byte, each bound at its limit and one past it, and another's protobuf over the same. */
import { join } from 'node:path'
import {
  ADDRESS_BYTES_MAX,
  CONTACT_ADDRESSES_MAX,
  QUERY_WORDS_MAX,
  SEALED_RECORD_BYTES_MAX
} from '@servent/overlay/machine'
import fc from 'fast-check'
import protobuf from 'protobufjs'
import { describe, expect, it } from 'vitest'
import { bytesOf, cuts, cutUp, mutate, mutation, streamsOf } from '../../overlay/test/wire-streams.ts'
import {
  FRAME_BYTES_MAX,
  FRAME_LENGTH_BYTES_MAX,
  HEIRS_MAX,
  HOPS_MAX,
  LOAD_MAX,
  QUERY_WORD_BYTES_MAX,
  RESULTS_BYTES_MAX,
  RESULTS_PER_MESSAGE_MAX,
  SAID_MAX,
  SHARE_BYTES_MAX,
  SHARE_FILES_MAX,
  SUPERNODES_MAX,
  SUPERNODES_PER_MESSAGE_MAX,
  TARGETS_MAX,
  TERM_TEXT_BYTES_MAX,
  TERMS_MAX
} from '../src/constants.ts'
import type { FastTrackMessage, QueryMessage, Wanted } from '../src/messages.ts'
import { fasttrackCodec } from '../src/wire.ts'
import { TYPES } from '../src/wire-messages.ts'
import { message } from './wire-arbitraries.ts'

const { encode, readAll } = streamsOf(fasttrackCodec)

const ID = Uint8Array.of(0, 36, 8, 1, 18, 32, ...new Uint8Array(32).fill(7))
const contact = { id: ID, addresses: [] }
/** The largest that there can be. */
const wide = {
  id: ID,
  addresses: Array.from({ length: CONTACT_ADDRESSES_MAX }, (_, place) =>
    new Uint8Array(ADDRESS_BYTES_MAX).fill(place + 1)
  )
}
const times = <T>(count: number, item: T): T[] => Array.from({ length: count }, () => item)
const QUERY_ID = 'ab'.repeat(16)
const wanted: Wanted = {
  words: ['a'],
  without: [],
  mediaType: '',
  terms: [],
  content: new Uint8Array(0),
  limit: 9
}
const query = (fields: Partial<Wanted> = {}): QueryMessage => ({
  type: 'query',
  id: QUERY_ID,
  ttl: 2,
  hops: 0,
  wanted: { ...wanted, ...fields }
})
const read = (...parts: (Uint8Array | readonly number[])[]) => readAll([bytesOf(...parts)])

/** What a peer that knows no bounds would send. */
const frame = (field: number, ...body: number[]) => [body.length + 2, (field << 3) | 2, body.length, ...body]

describe('a frame', () => {
  it('is a varint length and a message', () => {
    expect(encode({ type: 'ping' })).toEqual(Uint8Array.of(2, (13 << 3) | 2, 0))
    expect(encode({ type: 'pong', users: 3, usersMax: 150 })).toEqual(
      Uint8Array.of(7, (14 << 3) | 2, 5, 1 << 3, 3, 2 << 3, 0x96, 1)
    )
    expect(encode({ type: 'unshare', batch: 1, indices: [0, 300] })).toEqual(
      Uint8Array.of(9, (5 << 3) | 2, 7, 1 << 3, 1, (2 << 3) | 2, 3, 0, 0xac, 2)
    )
    expect(encode({ type: 'query-end', id: QUERY_ID })).toEqual(
      bytesOf([20, (9 << 3) | 2, 18, (1 << 3) | 2, 16], times(16, 0xab))
    )
  })

  it('of a kind or with fields that are not known is passed over', () => {
    const ping = encode({ type: 'ping' })
    expect(read([3, (15 << 3) | 1 | 4, 1, 1, 1], ping).malformed).toBeDefined()
    expect(read([4, 0x82, 1, 1, 1], ping)).toMatchObject({
      messages: [{ type: 'ping' }],
      malformed: undefined
    })
    expect(read(frame(13, 9 << 3, 9))).toMatchObject({ messages: [{ type: 'ping' }] })
  })

  it('takes a reason that is not known yet for the first', () => {
    const shared = (reason: number) =>
      read(frame(TYPES.indexOf('shared') + 1, 1 << 3, 1, (2 << 3) | 2, 1, 5, (3 << 3) | 2, 1, reason))
    expect(shared(2)).toMatchObject({ messages: [{ type: 'shared', refused: [5], reasons: ['files'] }] })
    expect(shared(99)).toMatchObject({ messages: [{ type: 'shared', refused: [5], reasons: ['other'] }] })
  })

  it.each([
    ['empty', [0], 'A frame is empty.'],
    ['two messages', [4, (13 << 3) | 2, 0, (13 << 3) | 2, 0], 'A frame holds one message.'],
    ['a message longer than its frame', [2, (13 << 3) | 2, 9], 'longer'],
    ['a message that ends within a field', frame(14, 1 << 3), 'index out of range'],
    ['a message of another wire type', [2, 13 << 3, 1], 'wrong wire type'],
    ['a length of four bytes', times(FRAME_LENGTH_BYTES_MAX, 0xff), 'at most 3 bytes'],
    ['a hello that wants nothing', frame(1), 'no wants'],
    ['a hello that wants 0', frame(1, 1 << 3, 0), 'no wants'],
    ['a hello that wants what is not known', frame(1, 1 << 3, 5), 'at most 4'],
    ['an empty address', frame(1, 1 << 3, 1, (6 << 3) | 2, 0), 'no addresses'],
    ['an entry without a contact', frame(3, (1 << 3) | 2, 0), 'no contact'],
    ['a contact without a PeerId', frame(12, (1 << 3) | 2, 0), 'has a PeerId'],
    ['a file without a record', frame(4, (2 << 3) | 2, 2, 1 << 3, 1), 'no record'],
    ['a query without an id', frame(7), 'no id'],
    ['an id that is too short', frame(9, (1 << 3) | 2, 1, 1), '16 bytes, not 1'],
    ['an empty word', frame(7, (4 << 3) | 2, 0), 'empty'],
    ['a word that is no UTF-8', frame(7, (4 << 3) | 2, 1, 0xff), 'not UTF-8'],
    ['a term that compares by 1', frame(7, (7 << 3) | 2, 4, 1 << 3, 1, 2 << 3, 1), 'not known'],
    ['a term of a tag with a number that is not known', frame(7, (7 << 3) | 2, 2, 2 << 3, 7), 'not known'],
    ['a term of no tag', frame(7, (7 << 3) | 2, 0), 'no tag'],
    ['a packed list that ends within a number', frame(5, (2 << 3) | 2, 1, 0x80), ''],
    ['a packed list whose last number goes on', frame(5, (2 << 3) | 2, 1, 0x80, 1), 'longer than its list'],
    [
      'a push without a nonce',
      frame(15, (1 << 3) | 2, 1, 1, (3 << 3) | 2, 40, (1 << 3) | 2, 38, ...ID),
      'no nonce'
    ],
    ['a push without a target', frame(15), 'no target'],
    ['a push without a contact', frame(15, (1 << 3) | 2, 1, 1), 'no contact']
  ])('that is %s ends the link', (_, bytes, why) => {
    const { messages, malformed } = read(bytes as number[], encode({ type: 'ping' }))
    expect(malformed).toContain(why)
    expect(messages).toEqual([])
    expect(malformed).toBeDefined()
  })

  it('may be as long as FRAME_BYTES_MAX, and no longer: nothing of a longer one is buffered', () => {
    const lengthOf = (value: number) => [(value & 0x7f) | 0x80, ((value >> 7) & 0x7f) | 0x80, value >> 14]
    const head = read(lengthOf(FRAME_BYTES_MAX), [1])
    expect(head).toMatchObject({ malformed: undefined, buffered: FRAME_LENGTH_BYTES_MAX + 1 })
    expect(read(lengthOf(FRAME_BYTES_MAX + 1), [1]).malformed).toContain(`${FRAME_BYTES_MAX}`)
    const files = times(15, { index: 1, record: new Uint8Array(SEALED_RECORD_BYTES_MAX) })
    expect(() => fasttrackCodec.byteLength({ type: 'share', batch: 1, files })).not.toThrow()
    expect(() => encode({ type: 'share', batch: 1, files: [...files, ...files] })).toThrow(
      `at most ${FRAME_BYTES_MAX}`
    )
  })

  it('holds an upload of SHARE_BYTES_MAX, results of RESULTS_BYTES_MAX, and the longest of every other kind', () => {
    const record = new Uint8Array(SHARE_BYTES_MAX / SHARE_FILES_MAX)
    const files = times(SHARE_FILES_MAX, { index: 2 ** 32 - 1, record })
    // One record more than fits is what a page of one file may have.
    const longest: FastTrackMessage[] = [
      { type: 'share', batch: 2 ** 32 - 1, files },
      {
        type: 'results',
        id: QUERY_ID,
        hops: 2,
        results: times(RESULTS_PER_MESSAGE_MAX, {
          index: 2 ** 32 - 1,
          record: new Uint8Array(RESULTS_BYTES_MAX / RESULTS_PER_MESSAGE_MAX - 72),
          contact
        })
      },
      {
        type: 'supernodes',
        entries: times(SUPERNODES_PER_MESSAGE_MAX, { contact: wide, users: LOAD_MAX, seenS: SAID_MAX }),
        heirs: times(HEIRS_MAX, wide)
      },
      { type: 'hand-over', to: times(TARGETS_MAX, wide) },
      query({
        words: times(QUERY_WORDS_MAX, 'x'.repeat(QUERY_WORD_BYTES_MAX)),
        without: times(QUERY_WORDS_MAX, 'x'.repeat(QUERY_WORD_BYTES_MAX)),
        terms: times(TERMS_MAX, {
          compare: 'near',
          tag: 'x'.repeat(32),
          value: 'y'.repeat(TERM_TEXT_BYTES_MAX)
        })
      })
    ]
    for (const one of longest) expect(fasttrackCodec.byteLength(one)).toBeLessThanOrEqual(FRAME_BYTES_MAX + 3)
    for (const one of longest) expect(readAll([encode(one)])).toMatchObject({ messages: [one] })
  })
})

describe('a bound', () => {
  const bounds: [string, (count: number) => FastTrackMessage, number][] = [
    ['addresses', n => ({ ...hello, addresses: times(n, Uint8Array.of(1)) }), CONTACT_ADDRESSES_MAX],
    [
      'entries',
      n => ({ ...list, entries: times(n, { contact, users: 1, seenS: 1 }) }),
      SUPERNODES_PER_MESSAGE_MAX
    ],
    ['heirs', n => ({ ...list, heirs: times(n, contact) }), HEIRS_MAX],
    [
      'files',
      n => ({ type: 'share', batch: 1, files: times(n, { index: 1, record: Uint8Array.of(1) }) }),
      SHARE_FILES_MAX
    ],
    ['indices', n => ({ type: 'unshare', batch: 1, indices: times(n, 7) }), SHARE_FILES_MAX],
    ['refused', n => ({ type: 'shared', batch: 1, refused: times(n, 0), reasons: [] }), SHARE_FILES_MAX],
    [
      'reasons',
      n => ({ type: 'shared', batch: 1, refused: [], reasons: times(n, 'index') }),
      SHARE_FILES_MAX
    ],
    ['words', n => query({ words: times(n, 'a') }), QUERY_WORDS_MAX],
    ['without', n => query({ without: times(n, 'a') }), QUERY_WORDS_MAX],
    ['terms', n => query({ terms: times(n, { compare: 'near', tag: 'artist', value: 'a' }) }), TERMS_MAX],
    [
      'results',
      n => ({
        type: 'results',
        id: QUERY_ID,
        hops: 1,
        results: times(n, { index: 1, record: Uint8Array.of(1), contact })
      }),
      RESULTS_PER_MESSAGE_MAX
    ],
    ['to', n => ({ type: 'hand-over', to: times(n, contact) }), TARGETS_MAX],
    ['users', n => ({ type: 'pong', users: n, usersMax: 0 }), LOAD_MAX],
    ['supernodesWanted', n => ({ ...hello, supernodesWanted: n }), SUPERNODES_MAX],
    ['uptimeS', n => ({ ...hello, uptimeS: n }), SAID_MAX],
    ['ttl', n => ({ ...query(), ttl: n }), HOPS_MAX],
    ['hops', n => ({ type: 'results', id: QUERY_ID, hops: n, results: [] }), 2 * HOPS_MAX],
    ['a word', n => query({ words: ['x'.repeat(n)] }), QUERY_WORD_BYTES_MAX],
    [
      'a text',
      n => query({ terms: [{ compare: 'near', tag: 'artist', value: 'x'.repeat(n) }] }),
      TERM_TEXT_BYTES_MAX
    ],
    [
      'a record',
      n => ({ type: 'share', batch: 1, files: [{ index: 1, record: new Uint8Array(n) }] }),
      SEALED_RECORD_BYTES_MAX
    ]
  ]
  const hello: FastTrackMessage = {
    type: 'hello',
    wants: 'probe',
    isSupernode: false,
    isReachable: false,
    uploadKbps: 0,
    uptimeS: 0,
    addresses: [],
    supernodesWanted: 0
  }
  const list: FastTrackMessage = { type: 'supernodes', entries: [], heirs: [] }

  it.each(bounds)('of %s holds at the limit and not one past it', (_, make, max) => {
    expect(readAll([encode(make(max))])).toMatchObject({ messages: [make(max)], malformed: undefined })
    expect(readAll([encode(make(max + 1))]).malformed).toContain('at most')
  })
})

describe('every message', () => {
  it('that is made here is read as it was made', () => {
    fc.assert(
      fc.property(message, made => {
        expect(readAll([encode(made)])).toMatchObject({ messages: [made], malformed: undefined })
      }),
      { numRuns: 500 }
    )
  })

  it('has the length that it is priced at, and its type as its word for metrics', () => {
    fc.assert(
      fc.property(message, made => {
        expect(fasttrackCodec.byteLength(made)).toBe(encode(made).length)
        expect(fasttrackCodec.typeOf(made)).toBe(made.type)
      }),
      { numRuns: 500 }
    )
  })
})

describe('every stream', () => {
  it('gives the same messages wherever it is cut', () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 5 }), cuts, (made, at) => {
        expect(readAll(cutUp(bytesOf(...made.map(encode)), at)).messages).toEqual(made)
      })
    )
  })

  it('that went wrong on its way gives the same wherever it is cut, and buffers no more than a frame', () => {
    fc.assert(
      fc.property(
        fc.array(message, { minLength: 1, maxLength: 3 }),
        fc.array(mutation, { minLength: 1, maxLength: 4 }),
        cuts,
        (made, mutations, at) => {
          const broken = mutate(bytesOf(...made.map(encode)), mutations)
          const { messages, malformed } = readAll([broken])
          const cut = readAll(cutUp(broken, at))
          expect(cut).toMatchObject({ messages, malformed })
          expect(cut.buffered).toBeLessThanOrEqual(FRAME_BYTES_MAX + FRAME_LENGTH_BYTES_MAX)
        }
      ),
      { numRuns: 300 }
    )
  })
})

describe('fasttrack.proto', () => {
  const root = new protobuf.Root()
  root.loadSync(join(import.meta.dirname, '../src/fasttrack.proto'), { keepCase: true })
  const Frame = root.lookupType('servent.fasttrack.Frame')

  it('has a field for each type, in their order', () => {
    const names = Frame.oneofs.message!.oneof.map(name => name.replaceAll('_', '-'))
    expect(names).toEqual(TYPES)
    expect(TYPES.map((type, place) => Frame.fields[type.replaceAll('-', '_')]!.id === place + 1)).toEqual(
      times(TYPES.length, true)
    )
  })

  it('reads every message that is written here, and what it writes again is the same', () => {
    fc.assert(
      fc.property(message, made => {
        const bytes = encode(made)
        const reader = protobuf.Reader.create(bytes)
        reader.uint32()
        const decoded = Frame.decode(reader)
        expect((decoded as unknown as { message: string }).message).toBe(made.type.replaceAll('-', '_'))
        const again = Frame.encode(decoded).finish()
        expect(
          readAll([bytesOf(protobuf.Writer.create().uint32(again.length).finish(), again)])
        ).toMatchObject({
          messages: [made],
          malformed: undefined
        })
      })
    )
  })
})
