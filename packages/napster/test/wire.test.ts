/** The codec at its bounds, and texts that break the grammar. */
import { faultOf } from '@servent/overlay/machine'
import { describe, expect, it } from 'vitest'
import { CountingFrame, StoringFrame } from '../src/bytes.ts'
import {
  BATCH_FILES_MAX,
  COMMAND_BYTES_MAX,
  EXTENSION_BYTES_MAX,
  EXTENSION_TYPE_MIN,
  FILE_NAME_BYTES_MAX,
  LINK_SPEED_MAX,
  SEARCH_PARTS_MAX,
  SERVERS_NAMED_MAX,
  TEXT_BYTES_MAX,
  WORD_BYTES_MAX
} from '../src/constants.ts'
import type { NapsterMessage, Wanted } from '../src/messages.ts'
import { napsterCodec } from '../src/wire.ts'
import { readEntry, writeEntry } from '../src/wire-extension.ts'
import { encode, frame, readAll } from './laws.ts'

const read = (code: number, text: string | Uint8Array): NapsterMessage =>
  readAll([frame(code, text)]).messages[0]!
const wanted: Wanted = {
  words: ['blue'],
  without: [],
  mediaType: '',
  size: {},
  link: {},
  bitrate: {},
  limit: 10
}
const malformed = expect.objectContaining({ type: 'malformed' })

describe('frames', () => {
  it('have at most COMMAND_BYTES_MAX bytes of text, and are refused by their header', () => {
    const link = napsterCodec.open('responder')
    expect(read(404, 'x'.repeat(COMMAND_BYTES_MAX))).toMatchObject({ type: 'error' })
    const header = frame(404, '', COMMAND_BYTES_MAX + 1)
    expect(() => link.decode(header, () => {})).toThrow(`at most ${COMMAND_BYTES_MAX} bytes`)
    expect(() => link.decode(header, () => {})).toThrow('malformed before')
    expect(() => encode({ type: 'error', text: 'x'.repeat(COMMAND_BYTES_MAX + 1) })).toThrow('at most')
  })

  it('of ours have at most EXTENSION_BYTES_MAX bytes', () => {
    expect(readAll([frame(EXTENSION_TYPE_MIN, '', EXTENSION_BYTES_MAX)]).malformed).toBeUndefined()
    expect(readAll([frame(EXTENSION_TYPE_MIN, '', EXTENSION_BYTES_MAX + 1)]).malformed).toContain('at most')
    expect(readAll([frame(EXTENSION_TYPE_MIN - 1, '', COMMAND_BYTES_MAX + 1)]).malformed).toContain('at most')
    const body = new Uint8Array(EXTENSION_BYTES_MAX + 1)
    expect(() => encode({ type: 'other', code: 30_000, body })).toThrow('at most')
  })

  it('of types that nobody acts on are kept as they came', () => {
    for (const code of [10_015, 400, 830, 29_999])
      expect(read(code, 'a "b')).toEqual({ type: 'other', code, body: Uint8Array.from(Buffer.from('a "b')) })
  })
})

describe('texts', () => {
  it.each([
    [211, ''],
    [211, '"quoted"'],
    [211, 'two words'],
    [211, 'tab\tbed'],
    [2, 'nick pass port "client" 3'],
    [2, 'nick pass 6699 "client 3'],
    [2, 'nick pass 6699 "client"3'],
    [2, 'nick pass 6699'],
    [100, '"a "quoted" name" 0 1 1 1 1'],
    [100, '"a " name" 0 1 1 1 1'],
    [100, '"two\nlines" 0 1 1 1 1'],
    [100, '"name" 0 -1 1 1 1'],
    [100, '"name" 0 1 1 1 1 1'],
    [214, '1 2'],
    [200, 'FILENAME CONTAINS "a "quoted" string" MAX_RESULTS 100'],
    [200, 'FILENAME HAS "a"'],
    [200, 'MAX_RESULTS many'],
    [200, 'BITRATE "ABOUT" "128"'],
    [200, 'COLOUR "blue"']
  ])('of type %i that break the grammar cost that message alone: %s', (code, text) => {
    const { messages } = readAll([frame(code, text), frame(750, '')])
    expect(messages).toEqual([malformed, { type: 'ping-server' }])
  })

  it('are read as UTF-8, and as Latin-1 where they are none', () => {
    expect(read(404, 'né')).toEqual({ type: 'error', text: 'né' })
    expect(read(404, Uint8Array.of(0x6e, 0xe9))).toEqual({ type: 'error', text: 'né' })
  })

  it('never carry what would break the grammar', () => {
    expect(encode({ type: 'whois', nick: 'a "b"' })).toEqual(frame(603, 'a__b_'))
    expect(encode({ type: 'whois', nick: '' })).toEqual(frame(603, '_'))
    expect(encode({ type: 'download', nick: 'x', name: 'a "b"\n' })).toEqual(frame(203, 'x "a \'b\' "'))
    expect(encode({ type: 'motd', text: 'a\r\nb' })).toEqual(frame(621, 'a  b'))
    expect(encode({ type: 'search', contains: ['a "b"'] })).toEqual(frame(200, 'FILENAME CONTAINS "a \'b\'"'))
  })

  it('may have names without quotes, and something after a message without fields', () => {
    expect(read(102, 'song.mp3')).toEqual({ type: 'unshare', name: 'song.mp3' })
    expect(read(218, 'nick "song.mp3"')).toEqual({ type: 'downloading' })
    expect(read(211, 'nick ')).toEqual({ type: 'browse', nick: 'nick' })
  })

  it(`of searches have at most ${SEARCH_PARTS_MAX} parts (SEARCH_PARTS_MAX)`, () => {
    const parts = (count: number) => Array(count).fill('FILENAME CONTAINS "a"').join(' ')
    expect(read(200, parts(SEARCH_PARTS_MAX))).toMatchObject({ type: 'search' })
    expect(read(200, parts(SEARCH_PARTS_MAX + 1))).toEqual(malformed)
    expect(read(200, 'WMA-FILE LOCAL_ONLY')).toEqual({ type: 'search', contains: [], localOnly: true })
  })
})

describe('bodies of ours', () => {
  const many = <T>(count: number, item: T): T[] => Array(count).fill(item)
  const again = (message: NapsterMessage) => readAll([encode(message)]).messages[0]

  it('hold so many and no more', () => {
    const files = (count: number): NapsterMessage => ({
      type: 'unshare-records',
      batch: 1,
      indexes: many(count, 7)
    })
    expect(again(files(BATCH_FILES_MAX))).toEqual(files(BATCH_FILES_MAX))
    expect(again(files(BATCH_FILES_MAX + 1))).toEqual(malformed)
    const refused = (...places: number[]): NapsterMessage => ({
      type: 'share-ack',
      batch: 1,
      refused: places.map(place => ({ place, reason: 'later' }))
    })
    const all = Array.from({ length: BATCH_FILES_MAX }, (_, place) => place)
    expect(again(refused(...all))).toEqual(refused(...all))
    for (const bad of [[...all, BATCH_FILES_MAX], [BATCH_FILES_MAX], [1, 1], [1, 0]])
      expect(again(refused(...bad))).toEqual(malformed)
    const end = (count: number): NapsterMessage => ({
      type: 'mesh-end',
      id: new Uint8Array(16),
      unanswered: many(count, Uint8Array.of(1, 2, 3))
    })
    expect(again(end(SERVERS_NAMED_MAX))).toEqual(end(SERVERS_NAMED_MAX))
    expect(again(end(SERVERS_NAMED_MAX + 1))).toEqual(malformed)
    const reason = (bytes: number): NapsterMessage => ({
      type: 'found-end',
      query: 1,
      unanswered: [],
      reason: 'x'.repeat(bytes)
    })
    expect(again(reason(TEXT_BYTES_MAX))).toEqual(reason(TEXT_BYTES_MAX))
    expect(again(reason(TEXT_BYTES_MAX + 1))).toEqual(malformed)
  })

  it('look for words or for a content, and say how many', () => {
    const find = (fields: Partial<Wanted>): NapsterMessage => ({
      type: 'find',
      query: 1,
      wanted: { ...wanted, ...fields }
    })
    expect(again(find({ limit: 1000 }))).toEqual(find({ limit: 1000 }))
    expect(again(find({ limit: 1001 }))).toEqual(malformed)
    expect(again(find({ limit: 0 }))).toEqual(malformed)
    expect(again(find({ words: [] }))).toEqual(malformed)
    const word = 'x'.repeat(WORD_BYTES_MAX)
    expect(again(find({ words: [word] }))).toEqual(find({ words: [word] }))
    for (const bad of [`${word}x`, '', 'two words', 'a\u0000'])
      expect(again(find({ words: [bad] }))).toEqual(malformed)
    const page = (after: string): NapsterMessage => ({ type: 'browse-page', query: 1, user: 'n', after })
    expect(again(page('#1'))).toEqual(page('#1'))
    expect(again(page('a\u0000'))).toEqual(malformed)
    expect(again(find({ words: [], content: new Uint8Array(32) }))).toMatchObject({ type: 'find' })
    expect(again(find({ content: new Uint8Array(31) }))).toEqual(malformed)
  })

  it('are refused where they end too early or too late, or hold what is not known', () => {
    const ack = encode({ type: 'share-ack', batch: 1, refused: [{ place: 5, reason: 'full' }] }).slice(4)
    expect([...ack]).toEqual([1, 0, 0, 0, 1, 5, 2])
    expect(read(20_003, ack)).toMatchObject({ refused: [{ place: 5, reason: 'full' }] })
    expect(read(20_003, ack.slice(0, 6))).toEqual(malformed)
    expect(read(20_003, Buffer.concat([ack, Buffer.of(0)]))).toEqual(malformed)
    expect(
      read(
        20_003,
        ack.map((byte, at) => (at === 6 ? 3 : byte))
      )
    ).toEqual(malformed)
    const browse = encode({ type: 'browse-page', query: 1, user: 'é', after: '' }).slice(4)
    expect(
      read(
        20_008,
        browse.map(byte => (byte === 0xc3 ? 0xff : byte))
      )
    ).toEqual(malformed)
  })

  it('have link speeds up to LINK_SPEED_MAX, and numbers up to 2^53', () => {
    const found = (link: number): NapsterMessage => ({
      type: 'found',
      query: 1,
      hops: 0,
      found: {
        nick: 'n',
        link,
        firewalled: true,
        contact: { id: Uint8Array.of(1), addresses: [] },
        entry: new Uint8Array()
      }
    })
    expect(again(found(LINK_SPEED_MAX))).toEqual(found(LINK_SPEED_MAX))
    expect(again(found(LINK_SPEED_MAX + 1))).toEqual(found(LINK_SPEED_MAX))
    const find = encode({ type: 'find', query: 1, wanted: { ...wanted, size: { min: 2 ** 40 } } }).slice(4)
    const high = find.findIndex(
      (_, at) => find[at] === 1 && find[at - 1] === 0 && find[at - 5] === 0 && at > 12
    )
    expect(high).toBeGreaterThan(0)
    expect(
      read(
        20_005,
        find.map((byte, at) => (at === high + 2 ? 0xff : byte))
      )
    ).toEqual(malformed)
  })

  it('entries of an index are read as they were written', () => {
    const entry = {
      index: 1,
      name: 'x'.repeat(FILE_NAME_BYTES_MAX),
      size: 2 ** 42,
      md5: '0'.repeat(32),
      bitrate: 128,
      frequency: 44_100,
      seconds: 60,
      record: Uint8Array.of(1, 2)
    }
    const bytesOf = (one: typeof entry) => {
      const count = new CountingFrame()
      writeEntry(count, one)
      const sink = new StoringFrame(count.length)
      writeEntry(sink, one)
      return sink.stored
    }
    expect(readEntry(bytesOf(entry))).toEqual(entry)
    expect(() => readEntry(bytesOf({ ...entry, name: `${entry.name}x` }))).toThrow('at most')
    expect(() => readEntry(new Uint8Array(3))).toThrow('too early')
  })
})

it('a fault of this program is not blamed on a peer', () => {
  expect(() => faultOf(new TypeError('ours'))).toThrow('ours')
})
