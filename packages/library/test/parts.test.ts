/** The small parts: filters, parts of layers, problems, throttles, paths. */
import { createHash } from 'node:crypto'
import { closeSync, mkdtempSync, openSync, rmSync, truncateSync, writeSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  CONTENT_SIZE_BYTES_MAX,
  HASH_BYTES,
  nodeCount,
  padding,
  treeHeight,
  UpperTree
} from '@servent/overlay'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createFilter } from '../src/filter.ts'
import { hashFile, type ReadAt } from '../src/hash-file.ts'
import { type LayerParts, partsOf, upperHash } from '../src/layer.ts'
import { PART_BYTES, PART_HASHES, PROBLEMS_MAX } from '../src/limits.ts'
import { mediaType } from '../src/media-type.ts'
import { isWithin, rangeBelow } from '../src/paths.ts'
import { Problems } from '../src/problems.ts'
import { sha256 } from '../src/sha256.ts'
import { bytes, treeOf } from './helpers.ts'

const MIB = 1024 * 1024

const readerOf =
  (handle: FileHandle): ReadAt =>
  async (...args) =>
    (await handle.read(...args)).bytesRead

describe('what is left out', () => {
  const asked = (settings: Parameters<typeof createFilter>[0], path: string): boolean =>
    createFilter(settings)(path, path.slice(path.lastIndexOf('/') + 1))

  test.each([
    '.hidden',
    'a/.git',
    'film.mkv.part',
    'x.crdownload',
    'x.!qB',
    'letter.doc~',
    '~$letter.docx',
    '.~lock.a#',
    'a.TMP',
    '.DS_Store',
    'Thumbs.db',
    'THUMBS.DB',
    'desktop.ini',
    '$RECYCLE.BIN',
    '__MACOSX',
    'Icon\r',
    '.a.swp',
    'System Volume Information'
  ])('%j is, by default', path => expect(asked({}, path)).toBe(false))

  test.each(['a.txt', 'part', 'party.mp3', 'a.part.txt', 'a~b', 'thumbs.db.txt', 'a.b.c', 'icon', '#hash'])(
    '%j is not',
    path => expect(asked({}, path)).toBe(true)
  )

  test('hidden and temporary names are shared when the user wants them', () => {
    expect(asked({ includeHidden: true }, '.hidden')).toBe(true)
    expect(asked({ includeHidden: true }, '.a.swp')).toBe(false)
    expect(asked({ includeTemporary: true }, 'a.part')).toBe(true)
  })

  test.each([
    ['*.iso', 'a/b/c.iso', false],
    ['*.iso', 'c.iso.txt', true],
    ['private', 'a/private', false],
    ['private/', 'private', false],
    ['private/**', 'private/deep/a', false],
    ['private/**', 'a/private/b', true],
    ['/top', 'top', false],
    ['/top', 'a/top', true],
    ['**/cache/*.bin', 'x/cache/1.bin', false],
    ['*.{jpg,png}', 'a.png', false],
    ['[ab].txt', 'b.txt', false],
    ['!*.txt', 'a.txt', true],
    ['!*.txt', 'a.mp3', false]
  ])('the pattern %j and the path %j', (pattern, path, isShared) => {
    expect(asked({ exclude: [pattern] }, path)).toBe(isShared)
  })

  test.each(['', '/'])('the pattern %j is refused', pattern => {
    expect(() => createFilter({ exclude: [pattern] })).toThrow(
      expect.objectContaining({ name: 'LibrarySettingsError' })
    )
  })
})

test.each([
  ['a.flac', 'audio/flac'],
  ['a.MP3', 'audio/mpeg'],
  ['a.mkv', 'video/matroska'],
  ['a.txt', 'text/plain'],
  ['noend', 'application/octet-stream']
])('the media type of %s is %s', (name, type) => expect(mediaType(name)).toBe(type))

describe('a layer in parts', () => {
  /** A layer of made-up hashes: what lies above it does not depend on what is below. */
  function made(count: number): { layer: Uint8Array; parts: LayerParts; reads: number[]; size: number } {
    const layer = new Uint8Array(count * HASH_BYTES)
    for (let n = 0; n < count; n += 1)
      layer.set(createHash('sha256').update(String(n)).digest(), n * HASH_BYTES)
    const size = count * MIB - 5
    const cut = [...partsOf(layer, size)]
    const reads: number[] = []
    const parts: LayerParts = {
      part: index => {
        reads.push(index)
        return cut[index]!
      },
      roots: () => Buffer.concat(cut.map(({ root }) => root))
    }
    return { layer, parts, reads, size }
  }

  test.each([1, 2, 3, PART_HASHES - 1, PART_HASHES, PART_HASHES + 1, 5 * PART_HASHES + 3])(
    'of %i hashes gives every node of the tree',
    count => {
      const { layer, parts, size } = made(count)
      expect([...partsOf(layer, size)].every(({ hashes }) => hashes.length <= PART_BYTES)).toBe(true)
      const upper = new UpperTree(layer, size, sha256)
      for (let height = 6; height <= treeHeight(size); height += 1) {
        const nodes = nodeCount(size, height)
        for (const index of new Set([0, 1, Math.floor(nodes / 2), nodes - 1])) {
          if (index >= 2 ** (treeHeight(size) - height)) continue
          expect(Buffer.compare(upperHash(parts, size, height, index), upper.hashes(height, index, 1))).toBe(
            0
          )
        }
        expect(Buffer.compare(upperHash(parts, size, height, nodes + 7), padding(height, sha256))).toBe(0)
      }
      expect(() => upperHash(parts, size, treeHeight(size) + 1, 0)).toThrow(RangeError)
      if (count > 1) expect(() => upperHash(parts, size, 5, 0)).toThrow(RangeError)
    }
  )

  test('one block’s hash reads one part, and the root none', () => {
    const { parts, reads, size } = made(3 * PART_HASHES)
    upperHash(parts, size, 6, 2 * PART_HASHES + 5)
    expect(reads).toEqual([2])
    upperHash(parts, size, treeHeight(size), 0)
    expect(reads).toEqual([2])
  })

  test('the largest file has a layer of 128 MiB, in parts of 32 KiB', () => {
    expect(PART_BYTES).toBe(32_768)
    expect(CONTENT_SIZE_BYTES_MAX / MIB / PART_HASHES).toBe(4096)
  })
})

describe('hashing a file', () => {
  test('reads it once, in blocks, and gives tree and SHA-1', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'servent-hash-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    for (const size of [0, 1, MIB - 1, MIB, 2 * MIB, 3 * MIB + 17]) {
      const path = join(folder, String(size))
      const content = bytes(size)
      const file = openSync(path, 'w')
      writeSync(file, content)
      closeSync(file)
      const blocks: number[] = []
      const handle = await open(path)
      const hashed = await hashFile(readerOf(handle), size, length => void blocks.push(length))
      expect(blocks.reduce((sum, length) => sum + length, 0)).toBe(size)
      expect(Math.max(0, ...blocks)).toBeLessThanOrEqual(MIB)
      expect({ ...hashed, sha1: Buffer.from(hashed.sha1) }).toEqual({
        ...treeOf(content),
        sha1: createHash('sha1').update(content).digest()
      })
      await handle.close()
      truncateSync(path, Math.floor(size / 2))
      const shorter = await open(path)
      expect((await hashFile(readerOf(shorter), size)).size).toBe(Math.floor(size / 2))
      await shorter.close()
    }
  })

  test('ends when the listener throws, and leaves the handle free to be closed', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'servent-hash-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const file = openSync(join(folder, 'a'), 'w')
    writeSync(file, bytes(5 * MIB))
    closeSync(file)
    const handle = await open(join(folder, 'a'))
    const hashing = hashFile(readerOf(handle), 5 * MIB, () => {
      throw new Error('enough')
    })
    await expect(hashing).rejects.toThrow('enough')
    await handle.close()
  })
})

test('problems are bounded: the newest are kept', () => {
  let changes = 0
  const problems = new Problems(() => {
    changes += 1
  })
  for (let n = 0; n < PROBLEMS_MAX; n += 1) problems.set(`/a/${n}`, 'why')
  expect(problems.all()).toHaveLength(PROBLEMS_MAX)
  problems.set('/a/0', 'why')
  expect(changes).toBe(PROBLEMS_MAX)
  problems.set('/b/new', 'why')
  expect(problems.all()).toHaveLength(PROBLEMS_MAX)
  expect(problems.all().at(-1)).toEqual({ path: '/b/new', reason: 'why' })
  expect(problems.below('/a').map(({ path }) => path)).not.toContain('/a/0')
  problems.clearBelow('/a')
  expect(problems.all()).toEqual([{ path: '/b/new', reason: 'why' }])
})

test('a path is below a folder only past a separator', () => {
  expect(isWithin('/a/b', '/a/b')).toBe(true)
  expect(isWithin('/a/b', '/a/b/c')).toBe(true)
  expect(isWithin('/a/b', '/a/bc')).toBe(false)
  expect(isWithin('/', '/a')).toBe(true)
  const [from, to] = rangeBelow('/a/b')
  for (const [path, isBelow] of [
    ['/a/b/', true],
    ['/a/b/c', true],
    ['/a/b/\u{10ffff}', true],
    ['/a/b', false],
    ['/a/b.c', false],
    ['/a/b0', false],
    ['/a/b c', false]
  ] as const) {
    expect(path >= from && path < to).toBe(isBelow)
  }
})
