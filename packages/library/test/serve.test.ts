/** Reading what is shared: right bytes, or none. */
import { createHash } from 'node:crypto'
import {
  appendFileSync,
  closeSync,
  ftruncateSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
  writeSync
} from 'node:fs'
import { join } from 'node:path'
import type { Library } from '@servent/library'
import { ContentId, leafHashes, treeHeight, UpperTree, verifyHashes } from '@servent/overlay'
import { describe, expect, test } from 'vitest'
import {
  bytes,
  idOf,
  namesOf,
  openLibrary,
  record,
  treeOf,
  until,
  type Workplace,
  workplace,
  write
} from './helpers.ts'

const MIB = 1024 * 1024
const sha256 = (data: Uint8Array): Uint8Array => createHash('sha256').update(data).digest()

async function shareOne(
  content: Uint8Array
): Promise<{ place: Workplace; library: Library; path: string; id: ContentId }> {
  const place = workplace()
  write(place.folder, { 'file.bin': content })
  utimesSync(join(place.folder, 'file.bin'), WRITTEN_S, WRITTEN_S)
  const library = await openLibrary(place, { settings: { watch: false } })
  const { ids } = await library.share(place.folder)
  return { place, library, path: join(place.folder, 'file.bin'), id: ids[0]! }
}

/** Whole seconds: what `utimes` can set again to the nanosecond. */
const WRITTEN_S = 1_700_000_000

/** Writes over bytes of a file and sets its mtime back, as a careful forger does. */
function forge(path: string, offset: number, data: string): void {
  const file = openSync(path, 'r+')
  writeSync(file, data, offset)
  closeSync(file)
  utimesSync(path, WRITTEN_S, WRITTEN_S)
}

async function canBeOpened(library: Library, id: ContentId): Promise<boolean> {
  const reader = await library.open(id)
  await reader?.close()
  return reader !== undefined
}

describe('reading', () => {
  test('gives files of every kind of size, whole and in ranges', async () => {
    const sizes = [0, 1, 16_384, 16_385, MIB - 1, MIB, MIB + 1, 3 * MIB + 7]
    const place = workplace()
    write(place.folder, Object.fromEntries(sizes.map(size => [String(size), bytes(size)])))
    const library = await openLibrary(place, { settings: { watch: false } })
    await library.share(place.folder)
    for (const size of sizes) {
      const content = bytes(size)
      const reader = (await library.open(ContentId.parse(idOf(content))))!
      expect(reader.file.size).toBe(size)
      expect(Buffer.compare(await reader.read(0, size), content)).toBe(0)
      for (const [from, to] of [
        [0, 1],
        [16_383, 16_386],
        [MIB - 1, MIB + 1],
        [size - 1, size],
        [size, size]
      ] as const) {
        if (from < 0 || to > size || from > to) continue
        expect(Buffer.compare(await reader.read(from, to - from), content.subarray(from, to))).toBe(0)
      }
      await reader.close()
    }
  })

  test('many at once, out of order, gives each its own', async () => {
    const content = bytes(4 * MIB + 100)
    const { library, id } = await shareOne(content)
    const reader = (await library.open(id))!
    const offsets = [3 * MIB + 5, 5, 2 * MIB - 3, 4 * MIB, MIB, 5, 0]
    const pieces = await Promise.all(offsets.map(offset => reader.read(offset, 90)))
    for (const [index, piece] of pieces.entries()) {
      expect(Buffer.compare(piece, content.subarray(offsets[index]!, offsets[index]! + 90))).toBe(0)
    }
    await reader.close()
  })

  test('a range that does not lie in the file is refused', async () => {
    const { library, id } = await shareOne(bytes(100))
    const reader = (await library.open(id))!
    for (const [offset, length] of [
      [0, 101],
      [101, 0],
      [-1, 2],
      [0, -1],
      [0.5, 1],
      [0, Number.NaN]
    ] as const) {
      await expect(reader.read(offset, length)).rejects.toThrow(RangeError)
    }
    await reader.close()
  })

  test('an id that is not shared gives nothing', async () => {
    const { library } = await shareOne(bytes(100))
    const other = ContentId.parse(idOf('something else'))
    expect(await library.open(other)).toBeUndefined()
    expect(await library.get(other)).toBeUndefined()
    expect(await library.bySha1(new Uint8Array(20))).toBeUndefined()
    expect(await library.byIndex(999)).toBeUndefined()
  })

  test('the 64 bytes below a root are not the file that the root names', async () => {
    const content = bytes(2 * 16_384)
    const { library, place } = await shareOne(content)
    const leaves = leafHashes(content, sha256)
    write(place.folder, { 'twin.bin': leaves })
    await library.share(place.folder)
    const large = (await library.get(ContentId.parse(idOf(content))))!
    const twin = (await library.get(ContentId.parse(idOf(leaves))))!
    expect(Buffer.compare(large.id.digest, twin.id.digest)).toBe(0)
    expect([large.size, twin.size]).toEqual([32_768, 64])
  })
})

test('hashes of the tree are those of BEP 52 at every height', async () => {
  const sizes = [1, 16_385, 5 * 16_384, MIB, MIB + 1, 5 * MIB + 16_385]
  const place = workplace()
  write(place.folder, Object.fromEntries(sizes.map(size => [String(size), bytes(size)])))
  const library = await openLibrary(place, { settings: { watch: false } })
  await library.share(place.folder)
  for (const size of sizes) {
    const content = bytes(size)
    const reader = (await library.open(ContentId.parse(idOf(content))))!
    const { layer, root } = treeOf(content)
    const upper = new UpperTree(layer, size, sha256)
    const height = treeHeight(size)
    expect(Buffer.compare(await reader.hashes(height, 0, 1), root)).toBe(0)
    for (let at = 0; at < height; at += 1) {
      const width = 2 ** (height - at)
      const all = await reader.hashes(at, 0, width)
      const run = { root, size, height: at, index: 0, count: width, hashes: all, proof: new Uint8Array() }
      expect(verifyHashes(run, sha256)).toBe(true)
      const half = await reader.hashes(at, width / 2, width / 2)
      expect(Buffer.compare(half, all.subarray(all.length / 2))).toBe(0)
      if (at >= Math.min(6, height)) expect(Buffer.compare(all, upper.hashes(at, 0, width))).toBe(0)
    }
    await expect(reader.hashes(height + 1, 0, 1)).rejects.toThrow(RangeError)
    await expect(reader.hashes(0, -1, 1)).rejects.toThrow(RangeError)
    await reader.close()
  }
})

describe('a file that is changed', () => {
  test('under a reader gives none of its bytes, is withdrawn, and is shared again by its new id', async () => {
    const content = bytes(2 * MIB)
    const { library, path, id } = await shareOne(content)
    const seen = record(library)
    const reader = (await library.open(id))!
    expect(await reader.read(0, 10)).toHaveLength(10)
    const file = openSync(path, 'r+')
    writeSync(file, 'changed', MIB + 5)
    closeSync(file)
    await expect(reader.read(MIB, 10)).rejects.toMatchObject({ name: 'ContentChangedError' })
    await reader.close()
    const changed = Buffer.from(content)
    changed.write('changed', MIB + 5)
    const next = ContentId.parse(idOf(changed))
    await until(library, async () => (await library.get(next)) !== undefined)
    expect(await library.get(id)).toBeUndefined()
    // The catalogue may have it a moment before whoever watches hears of it.
    await until(library, () => seen.length >= 2)
    expect(seen).toEqual(['removed file.bin', 'added file.bin'])
  })

  test('with its mtime set back is caught by its hashes, in each of its bytes', async () => {
    const content = bytes(MIB + 50_000)
    const { library, path, id } = await shareOne(content)
    for (const offset of [0, 20_000, MIB - 7, MIB + 10]) {
      const reader = (await library.open(id))!
      forge(path, offset, 'forged!')
      const at = Math.floor(offset / MIB) * MIB
      await expect(reader.read(at, 100)).rejects.toMatchObject({ name: 'ContentChangedError' })
      await expect(reader.hashes(0, at / 16_384, 1)).rejects.toMatchObject({ name: 'ContentChangedError' })
      await reader.close()
      writeFileSync(path, content)
      utimesSync(path, WRITTEN_S, WRITTEN_S)
      // Where it was hashed again before it was written back, only a scan sees that it was.
      while (!(await canBeOpened(library, id))) await library.rescan()
    }
  })

  test('with its mtime set back is found by the next scan, and stays shared until it is known to be another', async () => {
    const { library, path, id } = await shareOne(bytes(MIB))
    forge(path, 10, 'forged!')
    await library.rescan()
    await until(library, async () => (await library.get(id)) === undefined)
    await until(library, async () => (await namesOf(library)).length === 1)
  })

  test.each([
    [
      'cut short',
      (path: string) => {
        const f = openSync(path, 'r+')
        ftruncateSync(f, 1000)
        closeSync(f)
      }
    ],
    ['made longer', (path: string) => appendFileSync(path, 'more')],
    [
      'replaced',
      (path: string) => {
        writeFileSync(`${path}.new`, 'another')
        renameSync(`${path}.new`, path)
      }
    ]
  ])('while nobody reads (%s) is not opened any more', async (_how, change) => {
    const { library, path, id } = await shareOne(bytes(MIB))
    change(path)
    expect(await library.open(id)).toBeUndefined()
    await until(library, async () => (await library.get(id)) === undefined)
    await until(library, async () => (await namesOf(library)).length === 1)
  })

  test('into nothing is withdrawn when it is asked for', async () => {
    const { library, path, id } = await shareOne(bytes(MIB))
    rmSync(path)
    expect(await library.open(id)).toBeUndefined()
    await until(library, async () => (await library.get(id)) === undefined)
    await until(library, () => library.totals.files === 0)
    expect(library.totals).toEqual({ files: 0, bytes: 0 })
  })

  test('is served from another path that has the same content', async () => {
    const { library, place, path, id } = await shareOne(bytes(1000))
    write(place.folder, { 'copy.bin': bytes(1000) })
    await library.share(place.folder)
    writeFileSync(path, 'another')
    const reader = (await library.open(id))!
    expect(Buffer.compare(await reader.read(0, 1000), bytes(1000))).toBe(0)
    await reader.close()
  })

  test('while it is hashed is not shared before it rests', async () => {
    const place = workplace()
    const path = join(place.folder, 'growing.bin')
    writeFileSync(path, bytes(30 * MIB))
    const library = await openLibrary(place, { settings: { watch: false, settleMs: 50 } })
    const writing = setInterval(() => appendFileSync(path, 'x'), 5)
    const { files, problems } = await library.share(place.folder)
    expect(files).toBe(0)
    expect(problems).toEqual([{ path, reason: 'It changes while it is read. It is hashed when it rests.' }])
    clearInterval(writing)
    await until(library, async () => (await namesOf(library)).length === 1)
    const [entry] = await library.list({ limit: 1 })
    expect(entry).toMatchObject({ state: 'shared', size: statSync(path).size })
    await until(library, () => library.problems().length === 0)
  })

  test('is read on when it is only renamed', async () => {
    const content = bytes(2 * MIB)
    const { library, place, path, id } = await shareOne(content)
    const reader = (await library.open(id))!
    renameSync(path, join(place.folder, 'renamed.bin'))
    expect(Buffer.compare(await reader.read(MIB, 5), content.subarray(MIB, MIB + 5))).toBe(0)
    await reader.close()
  })
})
