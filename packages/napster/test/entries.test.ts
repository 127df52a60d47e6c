/** What a server gives its index lies within what every index takes. */
import {
  FILE_BODY_BYTES_MAX,
  FILE_KEY_BYTES_MAX,
  FILE_WORDS_MAX,
  type IndexedFile,
  OWNER_BYTES_MAX,
  WORD_BYTES_MAX
} from '@servent/keyword-index'
import {
  CONTENT_SIZE_BYTES_MAX,
  type FileRecord,
  SEALED_RECORD_BYTES_MAX,
  TAG_NAME_BYTES_MAX,
  TAGS_MAX
} from '@servent/overlay/machine'
import { describe, expect, it } from 'vitest'
import { FILE_NAME_BYTES_MAX, WORD_BYTES_MAX as OWN_WORD_BYTES_MAX } from '../src/constants.ts'
import { entryOf, fileOfLine, fileOfRecord, NO_MD5, tagWord } from '../src/entries.ts'
import { ipOf } from '../src/ip.ts'
import { contentOf, peerIdOf } from './peer.ts'

const bytes = (text: string) => Buffer.byteLength(text)
const record = (fields: Partial<FileRecord> = {}): FileRecord => ({
  id: contentOf('x'),
  size: 20_000,
  name: 'Kind of Blue.mp3',
  type: 'audio/mpeg',
  tags: {},
  provider: peerIdOf(1),
  sequence: 1,
  expiresMs: 4e12,
  ...fields
})

function expectFit(file: IndexedFile): void {
  expect(bytes(file.key)).toBeLessThanOrEqual(FILE_KEY_BYTES_MAX)
  expect(file.words.length).toBeLessThanOrEqual(FILE_WORDS_MAX)
  for (const word of file.words) expect(bytes(word)).toBeLessThanOrEqual(WORD_BYTES_MAX)
  expect(file.body.length).toBeLessThanOrEqual(FILE_BODY_BYTES_MAX)
  for (const value of Object.values(file.numbers ?? {})) expect(value).toBeLessThan(2 ** 31)
}

describe('a file of a record', () => {
  it('has the words of its name and its tags, and those of each tag by its name', () => {
    const tags = { artist: 'Miles Davis', bitrate: '320 kbit/s', seconds: 'long', frequency: '99999999999' }
    const file = fileOfRecord(record({ tags }), { index: 7, record: Uint8Array.of(1) }, 9)
    expect(file).toMatchObject({ key: '#0000000007', size: 20_000, type: 'audio/mpeg' })
    expect(file.words).toEqual(
      expect.arrayContaining(['kind', 'blue', 'miles', 'davis', tagWord('artist', 'davis')])
    )
    expect(file.numbers).toEqual({ bitrate: 320, frequency: 2 ** 31 - 1, seconds: 0, link: 9 })
    expect(entryOf(file.body)).toMatchObject({
      index: 7,
      name: 'Kind of Blue.mp3',
      md5: NO_MD5,
      record: Uint8Array.of(1)
    })
  })

  it('fits, however much it says', () => {
    const long = '𐐀'.repeat(63)
    const tags = Object.fromEntries(
      Array.from({ length: TAGS_MAX }, (_, at) => [
        `${'t'.repeat(TAG_NAME_BYTES_MAX - 2)}${at + 10}`,
        `${long} ${at}`
      ])
    )
    const name = Array.from({ length: 120 }, (_, at) =>
      String.fromCharCode(97 + (at % 26), 97 + ((at / 26) | 0))
    ).join(' ')
    expectFit(
      fileOfRecord(
        record({ tags }),
        { index: 2 ** 32 - 1, record: new Uint8Array(SEALED_RECORD_BYTES_MAX) },
        10
      )
    )
    expectFit(
      fileOfRecord(record({ name: name.slice(0, 255), tags }), { index: 1, record: new Uint8Array() }, 10)
    )
    expect(OWN_WORD_BYTES_MAX).toBe(WORD_BYTES_MAX)
    expect(bytes(`${peerIdOf(1)}/${peerIdOf(2)}`)).toBeLessThanOrEqual(OWNER_BYTES_MAX)
  })
})

describe('a file of message 100', () => {
  const line = (name: string, md5 = 'ab'.repeat(16)) =>
    fileOfLine({ type: 'share', name, md5, size: 1, bitrate: 2 ** 40, frequency: 1, seconds: 1 }, 3)

  it('fits, or is none', () => {
    const whole = line(`${'x '.repeat(FILE_NAME_BYTES_MAX / 2 - 2)}.mp3`)
    expectFit(whole!)
    expect(line('x'.repeat(FILE_NAME_BYTES_MAX + 1))).toBeUndefined()
    expect(line('---')).toBeUndefined()
    const sized = { type: 'share', name: 'a', md5: '0', bitrate: 1, frequency: 1, seconds: 1 } as const
    expect(fileOfLine({ ...sized, size: CONTENT_SIZE_BYTES_MAX }, 3)).toBeDefined()
    expect(fileOfLine({ ...sized, size: CONTENT_SIZE_BYTES_MAX + 1 }, 3)).toBeUndefined()
  })

  it('is music, unless its name says otherwise, and its checksum is one or zeros', () => {
    expect([line('a.mp3')!.type, line('a')!.type, line('a.pdf')!.type]).toEqual([
      'audio/mpeg',
      'audio/mpeg',
      'application/octet-stream'
    ])
    expect(entryOf(line('a', 'no checksum')!.body)!.md5).toBe(NO_MD5)
  })
})

it('the place for an address of IPv4 holds zero where there is none', () => {
  expect(ipOf([Uint8Array.of(41, 1), Uint8Array.of(4, 1)])).toBe(0)
  expect(ipOf([Uint8Array.of(41, 1), Uint8Array.of(4, 127, 0, 0, 1, 6, 0, 1)])).toBe(16_777_343)
})
