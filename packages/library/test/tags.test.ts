/** What media files say of themselves, in the one form that others see. */
import { type SharedFile, TAG_VALUE_BYTES_MAX } from '@servent/overlay'
import { TAG_NAME_BYTES_MAX, TAGS_MAX } from '@servent/overlay/machine'
import { parseBlob } from 'music-metadata'
import { describe, expect, test } from 'vitest'
import { TAG_CHUNK_BYTES, TAG_READ_BYTES_MAX } from '../src/limits.ts'
import { RangedBlob } from '../src/ranged-blob.ts'
import { readTags } from '../src/tag-thread.ts'
import { cleanTag, tagsOf } from '../src/tags.ts'
import {
  flac,
  id3Frame,
  id3v1,
  id3v2,
  type MediaTags,
  matroska,
  mp3,
  mp4,
  mpegFrames,
  ogg,
  wav
} from './helpers/media.ts'
import { openLibrary, workplace, write } from './helpers.ts'

const TAGS: MediaTags = {
  artist: '周杰伦',
  title: '青花瓷 😀 Café',
  album: 'Kind of Blue',
  year: '1959',
  genre: 'Jazz'
}
const PLAIN: MediaTags = { ...TAGS, artist: 'Miles Davis', title: 'So What' }

/** A blob over bytes at hand, and where it was read. */
function blobOf(bytes: Uint8Array, type: string) {
  const reads: number[] = []
  const read = async (position: number): Promise<Uint8Array> => {
    reads.push(position)
    return bytes.subarray(position, position + TAG_CHUNK_BYTES)
  }
  return { blob: new RangedBlob(bytes.length, type, [], read), reads }
}

const read = (bytes: Uint8Array, type: string) => readTags(parseBlob, blobOf(bytes, type).blob)

describe('each format', () => {
  test('is shared with its tags, and all of them announced once', async () => {
    const place = workplace()
    write(place.folder, {
      'v24.mp3': mp3(TAGS, { popm: 196 }),
      'v23.mp3': mp3(TAGS, { version: 3 }),
      'v1.mp3': Buffer.concat([
        mpegFrames(40),
        id3v1({ title: 'Old', artist: 'Song', album: 'Tape', year: '1981' })
      ]),
      'a.wav': wav(PLAIN),
      'a.flac': flac(TAGS),
      'a.ogg': ogg(TAGS),
      'a.m4a': mp4(TAGS),
      'film.mp4': mp4(TAGS, [1920, 1080]),
      'film.mkv': matroska(TAGS, [1280, 720]),
      'a.txt': mp3(TAGS),
      'short.mp3': 'not even a head',
      'none.mp3': Buffer.alloc(4000, 'no music')
    })
    const library = await openLibrary(place, { settings: { watch: false } })
    const told: [string, SharedFile][] = []
    library.subscribe(changes =>
      told.push(...changes.map(({ type, file }): [string, SharedFile] => [type, file]))
    )
    await library.share(place.folder)
    const found = Object.fromEntries(told.map(([, file]) => [file.name, file.tags]))
    expect(found).toEqual({
      'v24.mp3': { ...TAGS, rating: '3', seconds: '1', bitrate: '128', frequency: '44100' },
      'v23.mp3': { ...TAGS, seconds: '1', bitrate: '128', frequency: '44100' },
      'v1.mp3': {
        title: 'Old',
        artist: 'Song',
        album: 'Tape',
        year: '1981',
        seconds: '1',
        bitrate: '128',
        frequency: '44100'
      },
      'a.wav': { ...PLAIN, seconds: '1', bitrate: '64', frequency: '8000' },
      'a.flac': { ...TAGS, seconds: '3', frequency: '44100' },
      'a.ogg': { ...TAGS, seconds: '2', bitrate: '112', frequency: '44100' },
      'a.m4a': { ...TAGS, seconds: '5', frequency: '44100' },
      'film.mp4': { ...TAGS, seconds: '5', frequency: '44100', resolution: '1920x1080' },
      'film.mkv': {
        artist: TAGS.artist,
        album: TAGS.title,
        title: TAGS.title,
        seconds: '4',
        resolution: '1280x720'
      },
      'a.txt': {},
      'short.mp3': {},
      'none.mp3': {}
    })
    expect(told.map(([type]) => type)).toEqual(new Array(12).fill('added'))
    const entries = await library.list({ limit: 20 })
    expect(entries.find(({ name }) => name === 'a.flac')?.tags).toMatchObject({ title: TAGS.title })
  })

  test('is read wherever its tags lie, and no more of it than they take', async () => {
    const film = mp4(TAGS, [640, 480])
    const [head, rest] = [film.subarray(0, 24), film.subarray(24)]
    const sound = Buffer.alloc(40 * TAG_CHUNK_BYTES)
    sound.writeUInt32BE(sound.length)
    sound.write('mdat', 4)
    const { blob, reads } = blobOf(Buffer.concat([head, sound, rest]), 'video/mp4')
    expect(await readTags(parseBlob, blob)).toMatchObject({ title: TAGS.title, resolution: '640x480' })
    expect(new Set(reads)).toEqual(new Set([0, 40 * TAG_CHUNK_BYTES]))
  })

  test('is known by its bytes where its name says another one', async () => {
    expect(await read(flac(TAGS), 'audio/x-something')).toMatchObject({ title: TAGS.title })
  })
})

describe('a rating', () => {
  const popm = (byte: number) => read(mp3({ title: 'x' }, { popm: byte }), 'audio/mpeg')

  test('is 0 to 4 for the five bytes that Windows writes, and nothing for 0', async () => {
    const ratings = await Promise.all([1, 64, 128, 196, 255].map(popm))
    expect(ratings.map(({ rating }) => rating)).toEqual(['0', '1', '2', '3', '4'])
    expect(await popm(0)).not.toHaveProperty('rating')
  })

  test('outside of 0 to 1 is none', () => {
    const rated = (rating: number) => tagsOf(metadata({ rating: [{ rating }] })).rating
    expect([-0.01, 0, 0.5, 1, 1.01, Number.NaN].map(rated)).toEqual([
      undefined,
      '0',
      '2',
      '4',
      undefined,
      undefined
    ])
  })
})

function metadata(common: object, format: object = {}): Parameters<typeof tagsOf>[0] {
  return { common, format: { trackInfo: [], tagTypes: [], ...format } } as unknown as Parameters<
    typeof tagsOf
  >[0]
}

describe('a figure', () => {
  test('is whole, above 0, and not larger than any recording has', () => {
    const seconds = (duration: unknown) => tagsOf(metadata({}, { duration })).seconds
    expect([0.4, 0.5, 61.4, 2 ** 31 - 1].map(seconds)).toEqual([undefined, '1', '61', '2147483647'])
    expect([2 ** 31, -5, Number.NaN, Number.POSITIVE_INFINITY, '7', null].map(seconds)).toEqual(
      new Array(6).fill(undefined)
    )
    const year = (value: number) => tagsOf(metadata({ year: value })).year
    expect([9999, 10_000].map(year)).toEqual(['9999', undefined])
  })

  test('of a picture stands beside the other one', () => {
    const picture = (video: object) => tagsOf(metadata({}, { trackInfo: [{}, { video }] })).resolution
    expect(picture({ pixelWidth: 1920, pixelHeight: 1080 })).toBe('1920x1080')
    expect(picture({ pixelWidth: 1920 })).toBeUndefined()
    expect(picture({ pixelWidth: 0, pixelHeight: 5 })).toBeUndefined()
  })
})

describe('a text', () => {
  test.each([
    ['composed', 'Cafe\u0301', 'Caf\u00e9'],
    ['on one line', '  a\r\n\tb\0c\u0085d\u2028e  ', 'a b c d e'],
    ['without marks of direction', 'gpj.\u202eexe\u2066', 'gpj.exe'],
    ['without what nobody sees', 'a\u200bb\u2060c\ufeffd\u00ade', 'abcde'],
    ['without tags and fillers', 'x\u{e0041}\u{e0100}\u3164y', 'xy'],
    ['with its emoji', '\u{1f600} ok', '\u{1f600} ok']
  ])('is shown %s', (_, given, shown) => {
    expect(cleanTag(given)).toBe(shown)
  })

  test.each([
    ['half a pair', 'a\ud800b'],
    ['bytes that were no text', 'Bj\ufffdrk'],
    ['nothing', ''],
    ['nothing that is seen', '\u200b \u202e\n'],
    ['a number', 5],
    ['nobody', undefined]
  ])('is none of %s', (_, given) => {
    expect(cleanTag(given)).toBeUndefined()
  })

  test('has TAG_VALUE_BYTES_MAX bytes, and what is past them is cut between characters', () => {
    const bytes = (text: string | undefined) => Buffer.byteLength(text ?? '')
    expect(bytes(cleanTag('a'.repeat(TAG_VALUE_BYTES_MAX)))).toBe(TAG_VALUE_BYTES_MAX)
    expect(bytes(cleanTag('a'.repeat(TAG_VALUE_BYTES_MAX + 1)))).toBe(TAG_VALUE_BYTES_MAX)
    expect(cleanTag('周'.repeat(86))).toBe('周'.repeat(85))
    expect(cleanTag(`a${'😀'.repeat(64)}`)).toBe(`a${'😀'.repeat(63)}`)
    // Hebrew letters with points grow when they are composed, for Unicode keeps them apart.
    expect(bytes(cleanTag('\ufb2c'.repeat(85)))).toBeLessThanOrEqual(TAG_VALUE_BYTES_MAX)
  })

  test('of a file that is all long texts still fits a record', async () => {
    const long = '東'.repeat(500)
    const tags = await read(
      flac({ artist: long, title: long, album: long, genre: long, year: '2024' }, { RATING: '100' }),
      'audio/flac'
    )
    expect(Object.keys(tags).length).toBeLessThanOrEqual(TAGS_MAX)
    for (const [name, value] of Object.entries(tags)) {
      expect(name.length).toBeLessThanOrEqual(TAG_NAME_BYTES_MAX)
      expect(Buffer.byteLength(value)).toBeLessThanOrEqual(TAG_VALUE_BYTES_MAX)
    }
    expect(tags.title).toBe('東'.repeat(85))
  })

  test('of several genres is one', async () => {
    const two = id3Frame(4, 'TCON', 'Jazz\0Modal')
    expect((await read(Buffer.concat([id3v2(4, [two]), mpegFrames(5)]), 'audio/mpeg')).genre).toBe(
      'Jazz, Modal'
    )
  })
})

describe('what is read of a file', () => {
  const sized = (size: number) => {
    const reads: number[] = []
    const blob = new RangedBlob(size, 'audio/mpeg', [], async position => {
      reads.push(position)
      return new Uint8Array(Math.min(TAG_CHUNK_BYTES, size - position))
    })
    return { blob, reads }
  }

  test('are TAG_READ_BYTES_MAX bytes, and not one more', async () => {
    const { blob, reads } = sized(2 * TAG_READ_BYTES_MAX)
    expect((await blob.slice(0, TAG_READ_BYTES_MAX).arrayBuffer()).byteLength).toBe(TAG_READ_BYTES_MAX)
    expect((await blob.slice(5, 9).arrayBuffer()).byteLength).toBe(4)
    expect(reads).toHaveLength(TAG_READ_BYTES_MAX / TAG_CHUNK_BYTES)
    const tooFar = { name: 'TagsTooFarError' }
    await expect(blob.slice(TAG_READ_BYTES_MAX, TAG_READ_BYTES_MAX + 1).arrayBuffer()).rejects.toMatchObject(
      tooFar
    )
    await expect(blob.slice(0, TAG_READ_BYTES_MAX + 1).arrayBuffer()).rejects.toMatchObject(tooFar)
    expect(reads).toHaveLength(TAG_READ_BYTES_MAX / TAG_CHUNK_BYTES)
  })

  test('ends where the file ends, also one that has become shorter', async () => {
    const { blob } = sized(100)
    expect((await blob.slice(90, 500).arrayBuffer()).byteLength).toBe(10)
    expect((await blob.slice(500, 600).arrayBuffer()).byteLength).toBe(0)
    const cut = new RangedBlob(100, 'audio/mpeg', [], async () => new Uint8Array(50))
    await expect(cut.slice(40, 60).arrayBuffer()).rejects.toMatchObject({ name: 'TagsTooFarError' })
  })
})
