/** Sharing folders and files, and taking them out again. */
import { createHash } from 'node:crypto'
import { mkdirSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import type { LibraryProgress } from '@servent/library'
import { describe, expect, test } from 'vitest'
import { bytes, idOf, namesOf, openLibrary, record, until, workplace, write } from './helpers.ts'

describe('sharing a folder', () => {
  test('ends when every file under it is hashed and can be found', async () => {
    const place = workplace()
    const song = bytes(3 * 1024 * 1024 + 5)
    write(place.folder, { 'song.flac': song, 'deep/er/note.txt': 'hello', 'deep/empty.bin': '' })
    const library = await openLibrary(place)
    const seen = record(library)
    const result = await library.share(place.folder)
    expect(result).toMatchObject({
      path: place.folder,
      files: 3,
      bytes: song.length + 5,
      more: 0,
      problems: []
    })
    expect(result.ids.map(String).sort()).toEqual([idOf(song), idOf('hello'), idOf('')].sort())
    expect(seen.sort()).toEqual(['added empty.bin', 'added note.txt', 'added song.flac'])
    expect(library.totals).toEqual({ files: 3, bytes: song.length + 5 })
    const file = (await library.get(result.ids.find(id => String(id) === idOf(song))!))!
    expect(file).toMatchObject({ name: 'song.flac', size: song.length, type: 'audio/flac', tags: {} })
    expect(Buffer.from(file.sha1)).toEqual(createHash('sha1').update(song).digest())
    expect(await library.byIndex(file.index)).toEqual(file)
    expect(await library.bySha1(file.sha1)).toEqual(file)
    expect(await library.pathOf(file.id)).toBe(join(place.folder, 'song.flac'))
    expect(library.roots()).toEqual([
      { path: place.folder, kind: 'folder', present: true, files: 3, bytes: song.length + 5 }
    ])
  })

  test('tells how far it is, in files and bytes of totals', async () => {
    const place = workplace()
    write(place.folder, { a: bytes(2_500_000, 1), b: bytes(1000, 2) })
    const library = await openLibrary(place)
    const told: LibraryProgress[] = []
    await library.share(place.folder, { onProgress: progress => told.push(progress) })
    expect(told.at(-1)).toMatchObject({
      phase: 'idle',
      files: 2,
      filesTotal: 2,
      bytes: 2_501_000,
      bytesTotal: 2_501_000
    })
    for (const { files, filesTotal, bytes, bytesTotal } of told) {
      expect(files).toBeLessThanOrEqual(filesTotal)
      expect(bytes).toBeLessThanOrEqual(bytesTotal)
    }
    await until(library, () => library.progress().phase === 'idle')
  })

  test('two paths with one content are one id, one index, and found by both names', async () => {
    const place = workplace()
    write(place.folder, { 'first.txt': 'same', 'second.txt': 'same' })
    const library = await openLibrary(place)
    const { files, ids } = await library.share(place.folder)
    expect({ files, ids: ids.map(String) }).toEqual({ files: 2, ids: [idOf('same')] })
    expect(library.totals).toEqual({ files: 1, bytes: 4 })
    const seen = record(library)
    const shown = (await namesOf(library))[0]!
    rmSync(join(place.folder, shown))
    await library.rescan()
    const other = shown === 'first.txt' ? 'second.txt' : 'first.txt'
    expect(await namesOf(library)).toEqual([other])
    expect(seen).toEqual([`removed ${shown}`, `added ${other}`])
  })

  test('one file works too, whatever its name, and shares nothing beside it', async () => {
    const place = workplace()
    write(place.folder, { '.hidden.part': 'mine', 'other.txt': 'not this' })
    const library = await openLibrary(place)
    const { files, ids } = await library.share(join(place.folder, '.hidden.part'))
    expect({ files, ids: ids.map(String) }).toEqual({ files: 1, ids: [idOf('mine')] })
    expect(library.roots()).toEqual([
      { path: join(place.folder, '.hidden.part'), kind: 'file', present: true, files: 1, bytes: 4 }
    ])
    await library.rescan()
    expect(await namesOf(library)).toEqual(['.hidden.part'])
  })

  test('through a link is sharing what the link leads to', async () => {
    const place = workplace()
    write(place.folder, { 'a.txt': 'a' })
    const link = join(place.outside, 'link')
    symlinkSync(place.folder, link)
    const library = await openLibrary(place)
    expect(await library.share(link)).toMatchObject({ path: place.folder, files: 1 })
    expect(await library.unshare(link)).toEqual({ files: 1 })
    expect(library.roots()).toEqual([])
  })

  test('that is empty gives nothing, and what is put into it later is shared', async () => {
    const place = workplace()
    const library = await openLibrary(place)
    expect(await library.share(place.folder)).toMatchObject({ files: 0, bytes: 0, ids: [] })
    write(place.folder, { 'late.txt': 'late' })
    await until(library, async () => (await namesOf(library)).includes('late.txt'))
  })

  test('can be left waiting, and goes on', async () => {
    const place = workplace()
    write(place.folder, { 'big.bin': bytes(40 * 1024 * 1024) })
    const library = await openLibrary(place)
    const controller = new AbortController()
    const shared = library.share(place.folder, {
      signal: controller.signal,
      onProgress: () => controller.abort(new Error('enough'))
    })
    await expect(shared).rejects.toThrow('enough')
    await expect(library.share(place.folder, { signal: controller.signal })).rejects.toThrow('enough')
    await until(library, async () => (await namesOf(library)).includes('big.bin'))
  })

  test('several times at once, and parts of it meanwhile, ends for each when its files are hashed', async () => {
    const place = workplace()
    const names = Array.from({ length: 30 }, (_, n) => `${n % 2 === 0 ? 'even' : 'odd'}/${n}.bin`)
    write(place.folder, Object.fromEntries(names.map((name, n) => [name, bytes(1_000_000, n)])))
    const library = await openLibrary(place, { settings: { watch: false } })
    const even = join(place.folder, 'even')
    const shares = [place.folder, even, place.folder, join(even, '4.bin'), even, place.folder]
    const results = await Promise.all(shares.map(path => library.share(path)))
    expect(results.map(({ files }) => files)).toEqual([30, 15, 30, 1, 15, 30])
    expect(library.roots().map(({ path }) => path)).toContain(place.folder)
  })

  test('a small share does not wait behind a large file', async () => {
    const place = workplace()
    write(place.folder, { 'large.bin': bytes(200 * 1024 * 1024) })
    write(place.outside, { 'small.txt': 'small' })
    const library = await openLibrary(place)
    let isLargeDone = false
    const large = library.share(place.folder).then(() => {
      isLargeDone = true
    })
    await until(library, () => library.progress().bytes > 0)
    expect(await library.share(join(place.outside, 'small.txt'))).toMatchObject({ files: 1 })
    expect(isLargeDone).toBe(false)
    await large
  })
})

describe('what is not shared', () => {
  test('a path where nothing is', async () => {
    const library = await openLibrary(workplace())
    await expect(library.share('/no/such/place')).rejects.toMatchObject({
      name: 'PathNotFoundError',
      message: 'There is nothing at /no/such/place. Check the path.'
    })
  })

  test('a whole drive', async () => {
    const library = await openLibrary(workplace())
    await expect(library.share('/')).rejects.toMatchObject({
      name: 'NotShareableError',
      message: /whole drive/
    })
  })

  test('a device', async () => {
    const library = await openLibrary(workplace())
    await expect(library.share('/dev/null')).rejects.toMatchObject({
      name: 'NotShareableError',
      message: /neither/
    })
  })

  test('the data folder, neither by name nor with a folder above it, but the downloads in it', async () => {
    const place = workplace()
    const data = join(place.databasePath, '..')
    write(data, { 'identity.key': 'secret', 'downloads/got.txt': 'got', 'downloads/more.txt.part': 'half' })
    write(place.folder, { 'mine.txt': 'mine' })
    const library = await openLibrary(place)
    await expect(library.share(data)).rejects.toMatchObject({
      name: 'NotShareableError',
      message: /own files/
    })
    await expect(library.share(join(data, 'identity.key'))).rejects.toMatchObject({
      name: 'NotShareableError'
    })
    expect(await library.share(join(data, 'downloads'))).toMatchObject({ files: 1, ids: [{}] })
    await library.share(join(data, '..'))
    expect(await namesOf(library)).toEqual(['got.txt', 'mine.txt'])
  })
})

describe('roots inside roots', () => {
  test('a folder in a shared folder is shared already, and is unshared with it', async () => {
    const place = workplace()
    write(place.folder, { 'a/one.txt': 'one', 'b/two.txt': 'two' })
    const library = await openLibrary(place)
    await library.share(place.folder)
    expect(await library.share(join(place.folder, 'a'))).toMatchObject({ files: 1, bytes: 3 })
    expect(library.roots().map(({ path }) => path)).toEqual([place.folder])
    await expect(library.unshare(join(place.folder, 'a'))).rejects.toMatchObject({
      name: 'NotSharedError',
      message: expect.stringContaining(`as a part of ${place.folder}`)
    })
    expect(await library.unshare(place.folder)).toEqual({ files: 2 })
    expect(await namesOf(library)).toEqual([])
  })

  test('a folder above a shared one takes it in, and leaves it when it goes', async () => {
    const place = workplace()
    write(place.folder, { 'a/one.txt': 'one', 'b/two.txt': 'two' })
    const library = await openLibrary(place)
    await library.share(join(place.folder, 'a'))
    const seen = record(library)
    expect(await library.share(place.folder)).toMatchObject({ files: 2 })
    await library.rescan()
    expect(seen).toEqual(['added two.txt'])
    expect(await library.unshare(place.folder)).toEqual({ files: 1 })
    expect(await namesOf(library)).toEqual(['one.txt'])
    expect(library.roots().map(({ path }) => path)).toEqual([join(place.folder, 'a')])
  })

  test('the inner one goes, and its files stay with the outer one', async () => {
    const place = workplace()
    write(place.folder, { 'a/one.txt': 'one', 'two.txt': 'two' })
    const library = await openLibrary(place)
    await library.share(join(place.folder, 'a'))
    await library.share(place.folder)
    const seen = record(library)
    expect(await library.unshare(join(place.folder, 'a'))).toEqual({ files: 0 })
    await library.rescan()
    expect(seen).toEqual([])
    expect(await namesOf(library)).toEqual(['one.txt', 'two.txt'])
  })

  test('a hidden folder that is shared by name is no part of the folder around it', async () => {
    const place = workplace()
    write(place.folder, { '.secret/one.txt': 'one', 'two.txt': 'two' })
    const library = await openLibrary(place)
    await library.share(place.folder)
    expect(await namesOf(library)).toEqual(['two.txt'])
    await library.share(join(place.folder, '.secret'))
    await library.rescan()
    expect(await namesOf(library)).toEqual(['one.txt', 'two.txt'])
    expect(await library.unshare(join(place.folder, '.secret'))).toEqual({ files: 1 })
    expect(await namesOf(library)).toEqual(['two.txt'])
  })

  test('two paths of which one begins with the other are two folders', async () => {
    const place = workplace()
    mkdirSync(join(place.folder, 'a'))
    write(place.folder, { 'a/one.txt': 'one', 'a b/two.txt': 'two', 'a0/three.txt': 'three' })
    const library = await openLibrary(place)
    await library.share(place.folder)
    expect(await library.share(join(place.folder, 'a'))).toMatchObject({ files: 1, bytes: 3 })
  })
})

test('unsharing what is not shared says so', async () => {
  const library = await openLibrary(workplace())
  await expect(library.unshare('/no/such/place')).rejects.toMatchObject({
    name: 'NotSharedError',
    message: '/no/such/place is not shared. The library lists what is.'
  })
})

test('listing goes page by page, and below a path', async () => {
  const place = workplace()
  write(place.folder, { 'a/1': '1', 'a/2': '2', 'b/3': '3' })
  const library = await openLibrary(place)
  await library.share(place.folder)
  const first = await library.list({ limit: 2 })
  const rest = await library.list({ limit: 2, after: first.at(-1)!.entry })
  expect([...first, ...rest].map(({ path }) => path).sort()).toEqual(
    ['a/1', 'a/2', 'b/3'].map(path => join(place.folder, path))
  )
  expect(first[0]).toMatchObject({
    state: 'shared',
    size: 1,
    type: 'application/octet-stream',
    index: expect.any(Number)
  })
  expect((await library.list({ limit: 9, under: join(place.folder, 'b') })).map(({ name }) => name)).toEqual([
    '3'
  ])
})
