/** Folders that change while they are shared. */
import { chmodSync, linkSync, mkdirSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Library } from '@servent/library'
import { parseQuery } from '@servent/overlay'
import { describe, expect, test } from 'vitest'
import { bytes, idOf, namesOf, openLibrary, record, until, workplace, write } from './helpers.ts'

/** Bytes that were hashed since it was called, when there was nothing to do. */
function hashedBytes(library: Library): () => number {
  const before = library.progress()
  let most = 0
  const timer = setInterval(() => {
    if (library.progress() !== before) most = Math.max(most, library.progress().bytes)
  }, 5)
  return () => {
    clearInterval(timer)
    return most
  }
}

describe('a watched folder', () => {
  test('shows what comes, changes and goes, by itself', async () => {
    const place = workplace()
    write(place.folder, { 'old.txt': 'old' })
    const library = await openLibrary(place)
    await library.share(place.folder)
    await library.rescan()
    const seen = record(library)
    write(place.folder, { 'new.txt': 'new', 'deep/er/below.txt': 'below' })
    await until(library, async () => (await namesOf(library)).join() === 'below.txt,new.txt,old.txt')
    writeFileSync(join(place.folder, 'new.txt'), 'newer')
    await until(library, async () =>
      (await library.list({ limit: 9 })).some(({ id }) => String(id) === idOf('newer'))
    )
    rmSync(join(place.folder, 'deep'), { recursive: true })
    await until(library, async () => (await namesOf(library)).join() === 'new.txt,old.txt')
    rmSync(join(place.folder, 'new.txt'))
    await until(library, () => seen.at(-1) === 'removed new.txt')
    expect(await namesOf(library)).toEqual(['old.txt'])
    expect(seen.filter(line => line.includes('old'))).toEqual([])
    expect(library.totals).toEqual({ files: 1, bytes: 3 })
  })

  test('a single shared file is watched, too', async () => {
    const place = workplace()
    const path = join(place.folder, 'one.txt')
    writeFileSync(path, 'one')
    const library = await openLibrary(place)
    await library.share(path)
    writeFileSync(path, 'two!')
    await until(library, async () => (await library.list({ limit: 1 }))[0]?.id?.toString() === idOf('two!'))
    rmSync(path)
    await until(library, async () => (await namesOf(library)).length === 0)
    await until(library, () => library.roots()[0]?.present === false)
    writeFileSync(path, 'back')
    await until(library, async () => (await namesOf(library)).length === 1)
  })
})

describe('renaming', () => {
  test.each([true, false])('keeps id and index, and nothing is hashed again (watched: %s)', async watch => {
    const place = workplace()
    write(place.folder, { 'a/before.bin': bytes(20 * 1024 * 1024) })
    const library = await openLibrary(place, { settings: { watch } })
    const { ids } = await library.share(place.folder)
    await library.rescan()
    await until(library, () => library.progress().phase === 'idle')
    const before = (await library.get(ids[0]!))!
    const seen = record(library)
    const hashed = hashedBytes(library)
    mkdirSync(join(place.folder, 'b'))
    renameSync(join(place.folder, 'a/before.bin'), join(place.folder, 'b/after.mp3'))
    if (!watch) await library.rescan()
    await until(library, async () => (await library.get(ids[0]!))?.name === 'after.mp3')
    await library.rescan()
    expect(await library.get(ids[0]!)).toEqual({ ...before, name: 'after.mp3', type: 'audio/mpeg' })
    expect(seen.at(-1)).toBe('added after.mp3')
    expect(hashed()).toBe(0)
    expect(await library.match(parseQuery('before'), 9)).toEqual([])
    expect(await library.match(parseQuery('after'), 9)).toHaveLength(1)
  })

  test('a whole folder keeps all ids and indices', async () => {
    const place = workplace()
    const files = Object.fromEntries(Array.from({ length: 300 }, (_, n) => [`old/${n}.txt`, `text ${n}`]))
    write(place.folder, files)
    const library = await openLibrary(place, { settings: { watch: false } })
    await library.share(place.folder)
    const indices = async (): Promise<string[]> => {
      const all: string[] = []
      for await (const { index, id } of library.files()) all.push(`${index} ${id}`)
      return all
    }
    const before = await indices()
    await until(library, () => library.progress().phase === 'idle')
    const seen = record(library)
    const hashed = hashedBytes(library)
    renameSync(join(place.folder, 'old'), join(place.folder, 'new'))
    await library.rescan()
    expect(await indices()).toEqual(before)
    expect(hashed()).toBe(0)
    // Their names are the same, so nobody else need hear of it.
    expect(seen).toEqual([])
    expect(await library.pathOf((await library.list({ limit: 1 }))[0]!.id!)).toContain('/new/')
  })

  test('over another file takes its place without hashing', async () => {
    const place = workplace()
    write(place.folder, { 'a.bin': bytes(5_000_000, 1), 'b.bin': bytes(100, 2) })
    const library = await openLibrary(place, { settings: { watch: false } })
    await library.share(place.folder)
    await until(library, () => library.progress().phase === 'idle')
    const hashed = hashedBytes(library)
    renameSync(join(place.folder, 'a.bin'), join(place.folder, 'b.bin'))
    await library.rescan()
    expect(await namesOf(library)).toEqual(['b.bin'])
    expect(
      (await library.list({ limit: 9 })).filter(({ state }) => state === 'shared').map(({ id }) => String(id))
    ).toEqual([idOf(bytes(5_000_000, 1))])
    expect(hashed()).toBe(0)
  })

  test('a second link to a file is the same content, not hashed again', async () => {
    const place = workplace()
    write(place.folder, { 'a.bin': bytes(5_000_000) })
    const library = await openLibrary(place, { settings: { watch: false } })
    const { ids } = await library.share(place.folder)
    linkSync(join(place.folder, 'a.bin'), join(place.folder, 'b.bin'))
    const again = await library.share(place.folder)
    expect(again).toMatchObject({ files: 2, bytes: 10_000_000 })
    expect(again.ids.map(String)).toEqual(ids.map(String))
    expect(library.totals).toEqual({ files: 1, bytes: 5_000_000 })
  })
})

test('chmod does not withdraw a file: it is hashed again behind its back', async () => {
  const place = workplace()
  write(place.folder, { 'a.bin': bytes(1_000_000) })
  const library = await openLibrary(place, { settings: { watch: false } })
  await library.share(place.folder)
  const seen = record(library)
  chmodSync(join(place.folder, 'a.bin'), 0o600)
  await library.rescan()
  await until(library, () => library.progress().phase === 'idle')
  expect(seen).toEqual([])
})

test('touching a file, or writing the same bytes, gives it its id and index back', async () => {
  const place = workplace()
  write(place.folder, { 'a.bin': 'the same' })
  const library = await openLibrary(place, { settings: { watch: false } })
  const { ids } = await library.share(place.folder)
  const before = await library.get(ids[0]!)
  utimesSync(join(place.folder, 'a.bin'), 1000, 1000)
  await library.share(place.folder)
  expect(await library.get(ids[0]!)).toEqual(before)
})

describe('a drive that is unplugged', () => {
  test('is withdrawn, not forgotten, and back without hashing', async () => {
    const place = workplace()
    write(place.folder, { 'a/one.bin': bytes(10_000_000, 1), 'two.bin': bytes(100, 2) })
    const library = await openLibrary(place, { settings: { watch: false } })
    await library.share(place.folder)
    await until(library, () => library.progress().phase === 'idle')
    const before = await library.list({ limit: 9 })
    renameSync(place.folder, join(place.outside, 'drawer'))
    await library.rescan()
    expect(library.totals).toEqual({ files: 0, bytes: 0 })
    await until(library, () => library.roots()[0]?.present === false)
    expect((await library.list({ limit: 9 })).map(({ state }) => state)).toEqual(['away', 'away'])
    const hashed = hashedBytes(library)
    renameSync(join(place.outside, 'drawer'), place.folder)
    await library.rescan()
    expect(await library.list({ limit: 9 })).toEqual(before)
    await until(library, () => library.roots()[0]?.present === true)
    expect(hashed()).toBe(0)
  })

  test('is noticed without being asked', async () => {
    const place = workplace()
    write(place.folder, { 'one.txt': 'one' })
    const library = await openLibrary(place)
    await library.share(place.folder)
    renameSync(place.folder, join(place.outside, 'drawer'))
    await until(library, () => library.totals.files === 0)
    renameSync(join(place.outside, 'drawer'), place.folder)
    await until(library, () => library.totals.files === 1)
  })

  test('while the program was off is not shared at the start, and can be unshared', async () => {
    const place = workplace()
    write(place.folder, { 'one.txt': 'one' })
    const first = await openLibrary(place)
    await first.share(place.folder)
    await first.stop()
    rmSync(place.folder, { recursive: true })
    const second = await openLibrary(place)
    expect(second.totals).toEqual({ files: 0, bytes: 0 })
    expect(second.roots()).toMatchObject([{ path: place.folder, present: false }])
    await second.unshare(place.folder)
    expect(second.roots()).toEqual([])
    expect(await second.list({ limit: 9 })).toEqual([])
  })
})
