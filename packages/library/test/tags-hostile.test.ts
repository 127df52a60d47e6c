/** Media files that somebody made to do harm: they have no tags, and nobody else suffers. */
import { Worker } from 'node:worker_threads'
import { TAG_VALUE_BYTES_MAX } from '@servent/overlay'
import fc from 'fast-check'
import { parseBlob } from 'music-metadata'
import { describe, expect, onTestFinished, test } from 'vitest'
import { TAG_CHUNK_BYTES, TAG_TRIES_MAX, TAGGED_BYTES_MIN } from '../src/limits.ts'
import { RangedBlob } from '../src/ranged-blob.ts'
import { TagReader, type TagReaderInit } from '../src/tag-reader.ts'
import { readTags } from '../src/tag-thread.ts'
import {
  atom,
  flac,
  id3Frame,
  id3v1,
  id3v2,
  matroska,
  mp3,
  mp4,
  mpegFrames,
  ogg,
  wav
} from './helpers/media.ts'

const TAGS = { artist: 'Miles Davis', title: 'So What 东京', album: 'Kind of Blue', year: '1959' }
const SMALL: readonly (readonly [format: string, type: string, bytes: Buffer])[] = [
  ['MP3 with ID3 2.4', 'audio/mpeg', mp3(TAGS, { popm: 3, frames: 2 })],
  ['MP3 with ID3 2.3', 'audio/mpeg', mp3(TAGS, { version: 3, frames: 2 })],
  ['MP3 with ID3v1', 'audio/mpeg', Buffer.concat([mpegFrames(2), id3v1(TAGS)])],
  ['WAV', 'audio/wav', wav(TAGS, 0)],
  ['FLAC', 'audio/flac', flac(TAGS)],
  ['Ogg', 'audio/ogg', ogg(TAGS)],
  ['MP4', 'video/mp4', mp4(TAGS, [1920, 1080])],
  ['Matroska', 'video/matroska', matroska(TAGS, [1280, 720])]
]

/** Its tags, or the name of the error that the parser throws. What it gives must be fit to be shown. */
async function outcome(bytes: Uint8Array, type: string): Promise<Readonly<Record<string, string>> | string> {
  const read = async (position: number) => bytes.subarray(position, position + TAG_CHUNK_BYTES)
  try {
    const tags = await readTags(parseBlob, new RangedBlob(bytes.length, type, [], read))
    for (const value of Object.values(tags)) {
      expect(value.isWellFormed()).toBe(true)
      expect(Buffer.byteLength(value)).toBeLessThanOrEqual(TAG_VALUE_BYTES_MAX)
      expect(value).not.toMatch(/[\p{Cc}\p{Cf}\ufffd]/u)
    }
    return tags
  } catch (error) {
    if ((error as Error).name === 'AssertionError') throw error
    return (error as Error).name
  }
}

describe.each(SMALL)('%s', (_, type, bytes) => {
  test('cut at every byte has the tags that are left, or none', async () => {
    const whole = await outcome(bytes, type)
    expect(whole).toMatchObject({ title: expect.any(String) })
    for (let length = 1; length < bytes.length; length += 1) await outcome(bytes.subarray(0, length), type)
    expect(await outcome(bytes, type)).toEqual(whole)
  })

  test('with bytes changed at random has some tags, or none', async () => {
    const change = fc.record({
      at: fc.nat(Math.min(bytes.length, 700) - 1),
      bytes: fc.uint8Array({ minLength: 1, maxLength: 8 })
    })
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 6 }), async changes => {
        const changed = Buffer.from(bytes)
        for (const { at, bytes } of changes) changed.set(bytes.subarray(0, changed.length - at), at)
        await outcome(changed, type)
      }),
      { numRuns: 200, seed: 20_261_129 }
    )
  })
})

describe('sizes that are not so', () => {
  const big64 = (type: string, size: bigint) => {
    const head = Buffer.alloc(16)
    head.writeUInt32BE(1)
    head.write(type, 4)
    head.writeBigUInt64BE(size, 8)
    return head
  }

  test.each<[string, string, Buffer]>([
    [
      'an ID3 tag of 256 MiB',
      'audio/mpeg',
      Buffer.concat([id3v2(4, [id3Frame(4, 'TIT2', 'x')], 2 ** 28 - 1), mpegFrames(2)])
    ],
    [
      'an ID3 frame of 256 MiB',
      'audio/mpeg',
      Buffer.concat([id3v2(4, [Buffer.from('TIT2\x7f\x7f\x7f\x7f\0\0\x03x')]), mpegFrames(2)])
    ],
    [
      'an atom of 2^63 bytes',
      'video/mp4',
      Buffer.concat([mp4(TAGS).subarray(0, 24), big64('moov', 2n ** 63n), Buffer.alloc(200)])
    ],
    [
      'an atom of 2^64 - 1 bytes',
      'video/mp4',
      Buffer.concat([mp4(TAGS).subarray(0, 24), big64('mdat', 2n ** 64n - 1n), Buffer.alloc(200)])
    ],
    [
      'an atom of 0 bytes',
      'video/mp4',
      Buffer.concat([mp4(TAGS).subarray(0, 24), atom('moov', Buffer.alloc(200))])
    ],
    [
      'an atom of 7 bytes',
      'video/mp4',
      Buffer.concat([mp4(TAGS).subarray(0, 24), Buffer.from('\0\0\0\x07moov'), Buffer.alloc(200)])
    ],
    [
      'frames of no length',
      'audio/mpeg',
      Buffer.concat([id3v2(4, new Array(2000).fill(id3Frame(4, 'TIT2', Buffer.alloc(0)))), mpegFrames(2)])
    ],
    [
      'a chunk of 4 GiB',
      'audio/wav',
      Buffer.concat([
        Buffer.from('RIFF\xff\xff\xff\xffWAVEfmt \xff\xff\xff\xff', 'latin1'),
        Buffer.alloc(200)
      ])
    ],
    [
      'a block of 16 MiB',
      'audio/flac',
      Buffer.concat([Buffer.from('fLaC\x84\xff\xff\xff', 'latin1'), Buffer.alloc(200)])
    ],
    [
      'an element of 2^56 bytes',
      'video/matroska',
      Buffer.concat([matroska({}, [1, 1]).subarray(0, 32), Buffer.alloc(200, 0xff)])
    ]
  ])('%s', async (_, type, bytes) => {
    const before = process.memoryUsage().arrayBuffers
    const startMs = performance.now()
    await outcome(bytes, type)
    expect(performance.now() - startMs).toBeLessThan(2000)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * 2 ** 20)
  })

  test('of a file that is as large as it says are not read all the same', async () => {
    const size = 2 ** 40
    const head = Buffer.alloc(TAG_CHUNK_BYTES)
    id3v2(4, [], 2 ** 28 - 1).copy(head)
    let reads = 0
    const blob = new RangedBlob(size, 'audio/mpeg', [], async position => {
      reads += 1
      return position === 0 ? head : Buffer.alloc(TAG_CHUNK_BYTES, 0xff)
    })
    await readTags(parseBlob, blob).catch(() => {})
    expect(reads).toBeLessThanOrEqual(128)
  })

  test('of comments: 33 million of them, of which there are three', async () => {
    const bytes = flac({ title: 'x' })
    bytes.writeUInt32LE(33_000_000, 8 + 34 + 4 + 8)
    expect(await outcome(bytes, 'audio/flac')).toBe('RangeError')
  })
})

test('atoms in atoms, 20,000 deep, are a file without tags', async () => {
  let nested = Buffer.alloc(0)
  const heads: Buffer[] = []
  for (let depth = 0; depth < 20_000; depth += 1) {
    const head = Buffer.from('\0\0\0\0moov')
    head.writeUInt32BE(8 * (depth + 1))
    heads.push(head)
  }
  nested = Buffer.concat(heads.reverse())
  await outcome(Buffer.concat([mp4({}).subarray(0, 24), nested]), 'video/mp4')
})

// The thread.

interface Said {
  readonly level: string
  readonly message: string
}

function readerOf(init: Partial<TagReaderInit> = {}) {
  const said: Said[] = []
  const reader = new TagReader({ log: (level, _, message) => said.push({ level, message }), ...init })
  onTestFinished(() => reader.stop())
  return { reader, said }
}

const fileOf = (bytes: Buffer, type = 'audio/mpeg') => ({
  path: 'file',
  size: bytes.length,
  type,
  readAt: (buffer: Uint8Array, offset: number, length: number, position: number): number =>
    bytes.copy(buffer, offset, position, position + length)
})

/** A thread that begins as the true one does, and does this over each file that has the word in it. */
function harmfulThread(harm: string) {
  const started: Worker[] = []
  const script = `
    const { parentPort } = require('node:worker_threads')
    parentPort.on('message', ({ given }) => {
      if (Buffer.from(given[0].bytes).includes('harm')) { ${harm} }
      parentPort.postMessage({ type: 'tags', tags: { title: 'fine' } })
    })
    parentPort.postMessage({ type: 'ready' })`
  const createWorker = (): Worker => {
    const worker = new Worker(script, { eval: true, resourceLimits: { maxOldGenerationSizeMb: 32 } })
    started.push(worker)
    return worker
  }
  return { started, createWorker }
}

describe('the thread that parses', () => {
  const harm = fileOf(Buffer.alloc(500, 'harm'))
  const fine = fileOf(Buffer.alloc(500, 'fine'))

  test.each([
    ['never comes back', 'for (;;);'],
    ['fills its memory', 'const all = []; for (;;) all.push(new Array(1e5).fill(0.5 + all.length))'],
    ['dies', 'throw new Error("no luck")'],
    ['ends', 'process.exit(0)'],
    ['is silent', 'return']
  ])(
    'that %s over a file is ended, TAG_TRIES_MAX times, and others are read',
    async (_, what) => {
      const { started, createWorker } = harmfulThread(what)
      const { reader, said } = readerOf({ createWorker, parseMs: 400 })
      const answers = await Promise.all([harm, fine, harm, fine].map(file => reader.read(file)))
      expect(answers).toEqual(['{}', '{"title":"fine"}', '{}', '{"title":"fine"}'])
      expect(started).toHaveLength(2 * TAG_TRIES_MAX + 1)
      expect(said.map(({ level }) => level)).toEqual(['warn', 'warn'])
    },
    30_000
  )

  test('is not started again where it cannot be, and files may be asked for later', async () => {
    let started = 0
    const { reader, said } = readerOf({
      createWorker: () => {
        started += 1
        return new Worker('throw new Error("no luck")', { eval: true })
      }
    })
    expect(await Promise.all([reader.read(fine), reader.read(fine)])).toEqual([undefined, undefined])
    expect([started, reader.canRead, said.map(({ level }) => level)]).toEqual([1, false, ['warn']])
    const { reader: other } = readerOf({
      createWorker: () => {
        throw new Error('no threads left')
      }
    })
    expect(await other.read(fine)).toBeUndefined()
  })

  test('is not asked about files that are too short', async () => {
    const { started, createWorker } = harmfulThread('')
    const { reader } = readerOf({ createWorker })
    expect(await reader.read(fileOf(Buffer.alloc(TAGGED_BYTES_MIN - 1)))).toBe('{}')
    expect(started).toHaveLength(0)
    expect(await reader.read(fileOf(Buffer.alloc(TAGGED_BYTES_MIN)))).toBe('{"title":"fine"}')
  })

  test('is ended when nobody needs it, and started again', async () => {
    const { started, createWorker } = harmfulThread('')
    const { reader } = readerOf({ createWorker, idleMs: 20 })
    await reader.read(fine)
    const ended = new Promise(resolve => started[0]!.once('exit', resolve))
    await ended
    expect(await reader.read(fine)).toBe('{"title":"fine"}')
    expect(started).toHaveLength(2)
  })

  test('that is stopped in the middle says nothing of the file', async () => {
    const { createWorker, started } = harmfulThread('for (;;);')
    const { reader, said } = readerOf({ createWorker })
    const answer = reader.read(harm)
    await expect.poll(() => started.length).toBe(1)
    reader.stop()
    expect(await answer).toBeUndefined()
    expect(await reader.read(fine)).toBeUndefined()
    expect(said).toEqual([])
  })

  test('reads what it is given and asks for the rest; a disk that fails is the reader’s business', async () => {
    const { reader, said } = readerOf()
    const film = mp4(TAGS, [64, 48])
    const sound = Buffer.alloc(10 * TAG_CHUNK_BYTES)
    sound.writeUInt32BE(sound.length)
    sound.write('free', 4)
    // Its index is neither in the first piece nor in the last.
    const bytes = Buffer.concat([film.subarray(0, 24), sound, film.subarray(24), sound])
    const file = fileOf(bytes, 'video/mp4')
    expect(JSON.parse((await reader.read(file))!)).toMatchObject({ title: TAGS.title, resolution: '64x48' })
    const broken = Object.assign(new Error('EIO'), { code: 'EIO' })
    const failing = (after: number) => {
      let reads = 0
      return reader.read({
        ...file,
        readAt: (...args) => {
          reads += 1
          if (reads > after) throw broken
          return file.readAt(...args)
        }
      })
    }
    for (const after of [0, 1, 2]) await expect(failing(after)).rejects.toBe(broken)
    expect(JSON.parse((await reader.read(file))!)).toMatchObject({ title: TAGS.title })
    expect(said.filter(({ level }) => level === 'warn')).toEqual([])
  })
})
