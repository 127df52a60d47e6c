/** Folders from honest and other peers, over real sockets, to real files. */
import { lstat, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { openDatabase } from '@servent/database'
import type { ContentId, FolderEntry } from '@servent/overlay'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { FILES as DISK, type Files } from '../src/files.ts'
import { FolderStore } from '../src/folder-store.ts'
import {
  type Downloads,
  FOLDER_BYTES_AT_ONCE_MAX,
  FOLDER_FILES_AT_ONCE_MAX,
  FOLDER_MISSING_NAMED_MAX,
  FOLDER_PAGE_FILES_MAX,
  FOLDER_UNREACHED_MAX
} from '../src/index.ts'
import { Desk } from './helpers/desk.ts'
import { type FolderFiles, failure, shareFolder, shareListing, startFolder, tree } from './helpers/folder.ts'
import { liar, sharer } from './helpers/peer.ts'
import { randomBytes, TestShare } from './helpers/share.ts'

const MiB = 2 ** 20

let desk: Desk
let peer: Awaited<ReturnType<typeof sharer>>
const stops: (() => Promise<void>)[] = []

beforeEach(async () => {
  desk = await Desk.make()
  peer = await sharer()
})
afterEach(async () => {
  await desk.remove()
  await peer.stop()
  for (const stop of stops.splice(0)) await stop()
})

const folderOf = (files: FolderFiles, name = 'Music', share = peer.share): ContentId =>
  shareFolder(share, files, name)
const listed = (entries: readonly FolderEntry[]): ContentId => shareListing(peer.share, entries)
const start = (downloads: Downloads, id: ContentId, more: object = {}) =>
  startFolder(downloads, id, peer, more)

/** A disk that lets go of nothing whose name begins like this. */
const undeletable = (name: string, isStuck: () => boolean): Files => ({
  ...DISK,
  unlink: async path => {
    if (isStuck() && basename(String(path)).startsWith(name))
      throw Object.assign(new Error('unlink'), { code: 'EACCES' })
    await DISK.unlink(path)
  }
})

const FILES: FolderFiles = {
  'a.txt': randomBytes(100, 1),
  'empty.txt': new Uint8Array(),
  'Live/1971/b.flac': randomBytes(3 * MiB + 5, 2),
  'Live/1971/c.flac': randomBytes(16_385, 3),
  'Live/cover.jpg': randomBytes(20_000, 4)
}
const BYTES = Object.values(FILES).reduce((sum, { length }) => sum + length, 0)

describe('a folder arrives', () => {
  test('as one download, each file at its place', async () => {
    const downloads = await desk.open()
    const download = await start(downloads, folderOf(FILES))
    const result = await download.finished
    expect(result).toMatchObject({ path: join(desk.folder, 'Music'), bytes: BYTES, files: 5, sources: 1 })
    expect(await tree(result.path)).toEqual(Object.keys(FILES).sort())
    for (const [path, bytes] of Object.entries(FILES)) {
      expect(Buffer.compare(await readFile(join(result.path, path)), bytes)).toBe(0)
    }
    expect(await desk.files()).toEqual(['Music'])
    expect(downloads.list()).toHaveLength(1)
    expect(downloads.list()[0]).toMatchObject({
      name: 'Music',
      phase: 'done',
      verifiedBytes: BYTES,
      totalBytes: BYTES,
      files: 5,
      filesDone: 5,
      path: result.path
    })
    expect(downloads.files(download.id).map(({ path, isDone }) => [path, isDone])).toEqual(
      ['Live/1971/b.flac', 'Live/1971/c.flac', 'Live/cover.jpg', 'a.txt', 'empty.txt'].map(path => [
        path,
        true
      ])
    )
  })

  test('many small files over few streams, a few at a time', async () => {
    const files = Object.fromEntries(
      Array.from({ length: 60 }, (_, index) => [`${index % 7}/${index}.bin`, randomBytes(10_240, index + 1)])
    )
    const id = folderOf(files)
    let most = 0
    let reading = 0
    let isListing = true
    const together = Promise.withResolvers<void>()
    // The first files wait for each other.
    peer.share.beforeRead = async () => {
      if (isListing) {
        isListing = false
        return
      }
      reading += 1
      most = Math.max(most, reading)
      if (reading === FOLDER_FILES_AT_ONCE_MAX) together.resolve()
      await together.promise
      reading -= 1
    }
    const downloads = await desk.open()
    const { path } = await (await start(downloads, id)).finished
    expect(await tree(path)).toEqual(Object.keys(files).sort())
    expect(peer.connections).toBeLessThanOrEqual(FOLDER_FILES_AT_ONCE_MAX)
    expect(most).toBe(FOLDER_FILES_AT_ONCE_MAX)
  })

  test('no more at once than FOLDER_BYTES_AT_ONCE_MAX, a larger one alone', async () => {
    const half = FOLDER_BYTES_AT_ONCE_MAX / 2
    const files = {
      a: randomBytes(half, 1),
      b: randomBytes(half, 2),
      c: randomBytes(1, 3),
      d: randomBytes(FOLDER_BYTES_AT_ONCE_MAX + 1, 4)
    }
    const id = folderOf(files)
    const sizeOf = new Map(Object.values(files).map(bytes => [bytes.length, bytes.length]))
    let most = 0
    let alone = 0
    const open = peer.share.open.bind(peer.share)
    const held = new Map<string, number>()
    const together = Promise.withResolvers<void>()
    peer.share.open = async wanted => {
      const reader = await open(wanted)
      if (reader === undefined || !sizeOf.has(reader.file.size)) return reader
      held.set(wanted.toString(), reader.file.size)
      const sum = [...held.values()].reduce((total, size) => total + size, 0)
      if (reader.file.size > FOLDER_BYTES_AT_ONCE_MAX) alone = Math.max(alone, held.size)
      else most = Math.max(most, sum)
      // The two halves wait for each other.
      if (sum === FOLDER_BYTES_AT_ONCE_MAX) together.resolve()
      if (reader.file.size === half) await together.promise
      return {
        ...reader,
        close: async () => {
          held.delete(wanted.toString())
          await reader.close()
        }
      }
    }
    await (await start(await desk.open(), id)).finished
    expect(most).toBe(FOLDER_BYTES_AT_ONCE_MAX)
    expect(alone).toBe(1)
  })

  test('in one place of those that run, beside another download', async () => {
    const id = folderOf(FILES)
    const file = peer.share.add('z.bin', randomBytes(50_000, 9))
    const downloads = await desk.open({ limits: { activeMax: 2 } })
    const hold = Promise.withResolvers<void>()
    peer.share.beforeRead = () => hold.promise
    const folder = await start(downloads, id)
    const other = await downloads.start({ id: file.id, name: 'z.bin', providers: [peer.provider] })
    expect(other.status().reason).toBeUndefined()
    hold.resolve()
    await Promise.all([folder.finished, other.finished])
  })

  test('from several, none of whom has all of it', async () => {
    const share = new TestShare()
    const second = await sharer(share, {}, 'second')
    stops.push(() => second.stop())
    const files = { 'a.bin': randomBytes(40_000, 5), 'b.bin': randomBytes(50_000, 6) }
    const id = folderOf(files)
    folderOf(files, 'Music', share)
    peer.share.remove(peer.share.add('a.bin', files['a.bin']).id)
    share.remove(share.add('b.bin', files['b.bin']).id)
    const download = await start(await desk.open(), id, { providers: [peer.provider, second.provider] })
    expect(await download.finished).toMatchObject({ sources: 2, files: 2 })
  })
})

describe('where it goes', () => {
  test('to a folder of the user: inside it, or made', async () => {
    const id = folderOf({ 'a.txt': randomBytes(10) })
    const downloads = await desk.open()
    const inside = join(desk.root, 'mine')
    await mkdir(inside)
    const first = await (await start(downloads, id, { output: inside })).finished
    expect(first.path).toBe(join(inside, 'Music'))
    const second = await (await start(downloads, id, { output: join(desk.root, 'new') })).finished
    expect(second.path).toBe(join(desk.root, 'new'))
    expect(await tree(second.path)).toEqual(['a.txt'])
  })

  test('the same command again goes on there, done or not', async () => {
    const id = folderOf({ 'a.txt': randomBytes(10), 'b.txt': randomBytes(20, 2) })
    const gone = peer.share.add('b.txt', randomBytes(20, 2))
    peer.share.remove(gone.id)
    const output = join(desk.root, 'new')
    const downloads = await desk.open()
    await failure((await start(downloads, id, { output })).finished)
    peer.share.add('b.txt', randomBytes(20, 2))
    expect((await (await start(downloads, id, { output })).finished).path).toBe(output)
    expect((await (await start(downloads, id, { output })).finished).path).toBe(output)
    expect(await tree(output)).toEqual(['a.txt', 'b.txt'])
    // Where a name was taken, the one that was made in its place is told.
    await mkdir(join(desk.folder, 'Music'))
    await downloads.cancel(id)
    const { path } = await (await start(downloads, id)).finished
    expect(path).toBe(join(desk.folder, 'Music (1)'))
    expect((await (await start(downloads, id, { output: path })).finished).path).toBe(path)
    expect(await readdir(desk.folder)).toEqual(['Music', 'Music (1)'])
  })

  test('never into a folder or link that stands there', async () => {
    const elsewhere = join(desk.root, 'elsewhere')
    await mkdir(elsewhere)
    const id = folderOf({ 'a.txt': randomBytes(10) })
    const downloads = await desk.open()
    await symlink(elsewhere, join(desk.folder, 'Music'))
    await mkdir(join(desk.folder, 'Music (1)'))
    const { path } = await (await start(downloads, id)).finished
    expect(path).toBe(join(desk.folder, 'Music (2)'))
    expect(await readdir(elsewhere)).toEqual([])
    expect(await readdir(join(desk.folder, 'Music (1)'))).toEqual([])
  })

  test('links that somebody puts into it are not followed', async () => {
    const elsewhere = join(desk.root, 'elsewhere')
    await mkdir(elsewhere)
    const id = folderOf({ 'a.txt': randomBytes(10), 'sub/b.txt': randomBytes(20_000, 2) })
    const downloads = await desk.open()
    await (await start(downloads, id)).finished
    await rm(join(desk.folder, 'Music', 'sub'), { recursive: true })
    await symlink(elsewhere, join(desk.folder, 'Music', 'sub'))
    const again = await start(downloads, id)
    for await (const event of again.events())
      if (event.event === 'progress' && event.phase === 'paused') break
    expect(again.status().reason).toContain('links are not followed')
    expect(await readdir(elsewhere)).toEqual([])
  })

  test('names that one system takes for one, or for a path or device, are apart and harmless', async () => {
    const entry = (path: string[], seed: number): FolderEntry => {
      const { id, size } = peer.share.add('x', randomBytes(50 + seed, seed))
      return { path, id, size }
    }
    const entries = [
      entry(['A.txt'], 1),
      entry(['a.txt'], 2),
      entry(['CON'], 3),
      entry(['caf\u00e9'], 4),
      entry(['cafe\u0301'], 5),
      entry(['dir'], 6),
      entry(['dir', 'inner.txt'], 7),
      entry(['DIR', 'inner.txt'], 8),
      entry(['...'], 9),
      entry(['x.part'], 10),
      entry(['C:evil', 'b'], 11),
      entry(['.hidden'], 12)
    ]
    const { path } = await (await start(await desk.open(), listed(entries))).finished
    const found = await tree(path)
    expect(found).toHaveLength(entries.length)
    expect(new Set(found.map(name => name.normalize('NFC').toLowerCase())).size).toBe(entries.length)
    expect(found).toEqual(
      [
        'A.txt',
        'C_evil/b',
        'DIR/inner.txt',
        'unnamed',
        '_CON',
        '_hidden',
        'a (1).txt',
        'caf\u00e9',
        'caf\u00e9 (1)',
        'dir (1)',
        'dir (2)/inner.txt',
        'x.part_'
      ].sort()
    )
  })
})

describe('what goes wrong', () => {
  test('missing files are named, and the rest arrives; what is whole is not asked for again', async () => {
    const id = folderOf(FILES)
    const gone = peer.share.add('cover.jpg', FILES['Live/cover.jpg']!)
    peer.share.remove(gone.id)
    const downloads = await desk.open()
    const download = await start(downloads, id)
    const error = await failure(download.finished)
    expect(error.name).toBe('PartialFolderError')
    expect(error.message).toContain('1 of 5 files could not be fetched: "Live/cover.jpg"')
    const { path, ...status } = download.status()
    expect(path).toBeUndefined()
    expect(status).toMatchObject({
      phase: 'failed',
      error: 'PartialFolderError',
      files: 5,
      filesDone: 4,
      missing: ['Live/cover.jpg'],
      verifiedBytes: BYTES - 20_000
    })
    expect(await tree(join(desk.folder, 'Music'))).toHaveLength(4)

    peer.share.add('cover.jpg', FILES['Live/cover.jpg']!)
    const asked: string[] = []
    const open = peer.share.open.bind(peer.share)
    peer.share.open = wanted => {
      asked.push(wanted.toString())
      return open(wanted)
    }
    const again = await start(downloads, id)
    expect(await again.finished).toMatchObject({ files: 5, bytes: BYTES })
    expect(new Set(asked)).toEqual(new Set([gone.id.toString()]))
    expect(again.status().missing).toBeUndefined()
  })

  test('at most FOLDER_MISSING_NAMED_MAX missing files are named', async () => {
    const files = Object.fromEntries(
      Array.from({ length: FOLDER_MISSING_NAMED_MAX + 2 }, (_, index) => [
        `${index}`.padStart(3, '0'),
        randomBytes(100, index + 1)
      ])
    )
    const id = folderOf(files)
    for (const [name, bytes] of Object.entries(files).slice(1))
      peer.share.remove(peer.share.add(name, bytes).id)
    const downloads = await desk.open({ limits: { retryMs: 1 } })
    const download = await start(downloads, id)
    const error = await failure(download.finished)
    expect(error.message).toContain(' and 1 more')
    expect(download.status().missing).toHaveLength(FOLDER_MISSING_NAMED_MAX)
  })

  test('where nobody answers at all it ends after FOLDER_UNREACHED_MAX files', async () => {
    const files = Object.fromEntries(
      Array.from({ length: 3 * FOLDER_UNREACHED_MAX }, (_, index) => [
        `${index}`,
        randomBytes(100, index + 1)
      ])
    )
    const id = folderOf(files)
    const downloads = await desk.open({ limits: { roundsMax: 1 } })
    const open = peer.share.open.bind(peer.share)
    // Who gave the listing is gone from then on.
    peer.share.open = async wanted => {
      const reader = await open(wanted)
      if (wanted.equals(id)) return reader
      await peer.stop()
      return undefined
    }
    const error = await failure((await start(downloads, id)).finished)
    expect(error.name).toBe('NoSourceError')
    expect(desk.searches).toBeLessThan(Object.keys(files).length)
  })

  test('a listing of more bytes than any has is refused before it is fetched', async () => {
    const { id } = peer.share.addRepeated('huge', randomBytes(MiB), 5)
    const downloads = await desk.open()
    const error = await failure((await start(downloads, id)).finished)
    expect(error.message).toContain('one has at most')
    expect(await desk.files()).toEqual([])
  })

  test('a listing that the user fetched as a file stays where it is', async () => {
    const id = folderOf({ a: randomBytes(100) })
    const downloads = await desk.open()
    const providers = [peer.provider]
    const file = await downloads.start({ id, name: 'Music.servent-folder', providers })
    await file.finished
    await (await start(downloads, id)).finished
    expect(await desk.files()).toEqual(['Music', 'Music.servent-folder'])
  })

  test('bytes that are no listing are said to be none', async () => {
    const { id } = peer.share.add('x', randomBytes(500))
    const error = await failure((await start(await desk.open(), id)).finished)
    expect(error.name).toBe('FolderListingError')
    expect(await desk.files()).toEqual([])
  })

  test('a listing that lies about a size: that file is left out, and nobody is banned for it', async () => {
    const { id: large } = peer.share.add('a', randomBytes(70_000, 3))
    const right = Array.from({ length: 3 * FOLDER_FILES_AT_ONCE_MAX }, (_, index) => {
      const { id, size } = peer.share.add('x', randomBytes(100, index + 1))
      return { path: [`b${index}`], id, size }
    })
    const id = listed([{ path: ['a'], id: large, size: 20_000 }, ...right])
    const download = await start(await desk.open(), id)
    const error = await failure(download.finished)
    expect(error.message).toContain(`1 of ${right.length + 1} files could not be fetched: "a"`)
    expect(download.status().banned).toEqual([])
    expect(await tree(join(desk.folder, 'Music'))).toHaveLength(right.length)
  })

  test('who lies about a size of which the listing is right is banned, and another gives the file', async () => {
    const id = folderOf({ a: randomBytes(100, 1) })
    const reader = (await peer.share.open(id))!
    const listing = await reader.read(0, reader.file.size)
    // It gives the listing as it is.
    const lies = await liar((request, response) => {
      const bytes = request.url!.endsWith(id.toString()) ? listing : Buffer.alloc(99)
      response.writeHead(200, { 'X-Servent-Size': bytes.length, 'Content-Length': bytes.length })
      response.end(request.method === 'HEAD' ? undefined : bytes)
    })
    stops.push(() => lies.stop())
    desk.found = [peer.provider]
    const download = await start(await desk.open(), id, { providers: [lies.provider] })
    expect(await download.finished).toMatchObject({ files: 1 })
    expect(download.status().banned.map(({ peer }) => peer)).toEqual(['liar'])
  })

  test('who lies in one file is asked for no other', async () => {
    let asked = 0
    const lies = await liar((_request, response) => {
      asked += 1
      response.writeHead(200, { 'X-Servent-Size': '100', 'Content-Length': '100' })
      response.end(response.req.method === 'HEAD' ? undefined : Buffer.alloc(100))
    })
    stops.push(() => lies.stop())
    const id = folderOf({ a: randomBytes(100, 1), b: randomBytes(100, 2), c: randomBytes(100, 3) })
    const downloads = await desk.open()
    const download = await start(downloads, id, { providers: [lies.provider, peer.provider] })
    expect(await download.finished).toMatchObject({ files: 3 })
    expect(download.status().banned.map(({ peer }) => peer)).toEqual(['liar'])
    expect(asked).toBeLessThanOrEqual(2)
  })
})

describe('paused, cancelled, gone on with', () => {
  /** Held after so many reads. */
  function holdAfter(reads: number) {
    const held = Promise.withResolvers<void>()
    const go = Promise.withResolvers<void>()
    let left = reads
    peer.share.beforeRead = async () => {
      left -= 1
      if (left >= 0) return
      held.resolve()
      await go.promise
    }
    return { held: held.promise, go: go.resolve }
  }

  const SMALL = Object.fromEntries(
    Array.from({ length: 20 }, (_, index) => [`${index % 3}/${index}.bin`, randomBytes(5_000, index + 1)])
  )

  test('paused and resumed after a restart: whole files are not fetched again', async () => {
    const id = folderOf(SMALL)
    const downloads = await desk.open()
    const hold = holdAfter(9)
    await start(downloads, id)
    await hold.held
    await downloads.pause(id)
    const { filesDone, phase } = downloads.list()[0]!
    const whole = downloads.files(id).filter(({ isDone }) => isDone)
    expect(whole).toHaveLength(filesDone!)
    expect(phase).toBe('paused')
    expect(filesDone).toBeGreaterThan(0)
    hold.go()
    const asked = new Set<string>()
    const open = peer.share.open.bind(peer.share)
    peer.share.open = wanted => {
      asked.add(wanted.toString())
      return open(wanted)
    }
    const reopened = await desk.open()
    expect(reopened.list()[0]).toMatchObject({ phase: 'paused', files: 20, filesDone })
    const { path } = await (await reopened.start({ id, providers: [] })).finished
    expect(await tree(path)).toEqual(Object.keys(SMALL).sort())
    expect(whole.filter(({ id }) => asked.has(id))).toEqual([])
    expect(asked.size).toBeGreaterThan(0)
  })

  test('cancelled: whole files stay, what is not whole goes with its empty folders', async () => {
    const id = folderOf({ 'a/whole.bin': randomBytes(5_000), 'z/broken.bin': randomBytes(9 * MiB, 7) })
    const downloads = await desk.open()
    const hold = holdAfter(8)
    const download = await start(downloads, id)
    await hold.held
    const ended = failure(download.finished)
    await downloads.cancel(id)
    hold.go()
    expect((await ended).name).toBe('DownloadCancelledError')
    expect(downloads.list()).toEqual([])
    expect(await tree(desk.folder)).toEqual(['Music/a/whole.bin'])
    await expect(lstat(join(desk.folder, 'Music/z'))).rejects.toMatchObject({ code: 'ENOENT' })
    // It begins anew, beside what was left.
    const again = await (await start(downloads, id)).finished
    expect(again.path).toBe(join(desk.folder, 'Music (1)'))
  })

  test('cancelled though the user put a file in the place of a folder, and made another one unwritable', async () => {
    const id = folderOf({
      'a/1': randomBytes(5_000),
      'b/2': randomBytes(9 * MiB, 7),
      'c/3': randomBytes(9 * MiB, 8)
    })
    let isStuck = false
    const downloads = await desk.open({ files: undeletable('3.', () => isStuck) })
    const hold = holdAfter(8)
    await start(downloads, id)
    await hold.held
    await downloads.pause(id)
    hold.go()
    await rm(join(desk.folder, 'Music/b'), { recursive: true })
    await writeFile(join(desk.folder, 'Music/b'), 'mine')
    isStuck = true
    await downloads.cancel(id)
    expect(downloads.list()).toEqual([])
    expect(await tree(desk.folder)).toEqual(['Music/a/1', 'Music/b'])
    expect(await readFile(join(desk.folder, 'Music/b'), 'utf8')).toBe('mine')
  })

  test('resumed on a disk that has room for what is still to come, and no more', async () => {
    const large = randomBytes(9 * MiB, 7)
    const id = folderOf({ a: randomBytes(5_000), b: large })
    // As a disk of 10 MiB that nothing else is on.
    const disk: Files = {
      ...DISK,
      statfs: (async (path: string) => {
        const stats = await Promise.all(
          (await tree(desk.folder)).map(name => lstat(join(desk.folder, name)).catch(() => undefined))
        )
        const taken = stats.reduce((sum, found) => sum + (found?.blocks ?? 0) * 512, 0)
        return { ...(await DISK.statfs(path)), bsize: 1, bavail: Math.max(0, 10 * MiB - taken) }
      }) as Files['statfs']
    }
    const downloads = await desk.open({ files: disk, limits: { checkpointBytes: MiB } })
    const hold = holdAfter(8)
    const download = await start(downloads, id)
    await hold.held
    await downloads.pause(id)
    hold.go()
    expect(download.status().verifiedBytes).toBeGreaterThan(MiB)
    const { path } = await (await start(downloads, id)).finished
    expect(await tree(path)).toEqual(['a', 'b'])
    // One that never had room for it says so before anything comes.
    const more = folderOf({ c: randomBytes(MiB, 3) }, 'More')
    const refused = await downloads.start({
      id: more,
      name: 'More',
      folder: true,
      providers: [peer.provider]
    })
    for await (const event of refused.events())
      if (event.event === 'progress' && event.phase === 'paused') break
    expect(refused.status().reason).toContain('are still to come')
  })

  test('a disk that fails while it is asked what stands: nothing is taken for gone', async () => {
    const id = folderOf(SMALL)
    const { path } = await (await start(await desk.open(), id)).finished
    let asked = 0
    peer.share.beforeRead = () => {
      asked += 1
    }
    const lstat = () => Promise.reject(Object.assign(new Error('lstat'), { code: 'EIO' }))
    const downloads = await desk.open({ files: { ...DISK, lstat } })
    const again = await start(downloads, id)
    for await (const event of again.events())
      if (event.event === 'progress' && event.phase === 'paused') break
    expect(again.status().reason).toContain('(EIO)')
    expect(downloads.files(id).every(({ isDone }) => isDone)).toBe(true)
    await (await start(await desk.open(), id)).finished
    expect(asked).toBe(0)
    expect(await tree(path)).toHaveLength(20)
  })

  test('all files that are gone are forgotten in one commit', () => {
    const database = openDatabase(':memory:')
    const store = new FolderStore(database)
    store.finish(
      'id',
      [0, 1, 2, 3].map(number => [number, `${number}`] as const)
    )
    const commits = vi.spyOn(database, 'transaction')
    store.lose('id', [0, 1, 3])
    expect(commits).toHaveBeenCalledTimes(1)
    expect([...store.finished('id').keys()]).toEqual([2])
    database.close()
  })

  test('a single file whose part cannot be removed is paused, and cancelled at another try', async () => {
    const { id } = peer.share.add('z.bin', randomBytes(3 * MiB, 9))
    let isStuck = false
    const downloads = await desk.open({ files: undeletable('z.bin', () => isStuck) })
    const hold = holdAfter(2)
    const download = await downloads.start({ id, name: 'z.bin', providers: [peer.provider] })
    await hold.held
    isStuck = true
    await expect(downloads.cancel(id)).rejects.toMatchObject({ name: 'DiskError' })
    hold.go()
    expect(download.status().phase).toBe('paused')
    isStuck = false
    await downloads.cancel(id)
    expect(downloads.list()).toEqual([])
    expect(await desk.files()).toEqual([])
  })

  test('what is gone from a finished folder comes from those whom a new ticket names', async () => {
    const id = folderOf(SMALL)
    const downloads = await desk.open()
    const { path } = await (await start(downloads, id)).finished
    const other = await sharer(peer.share.again(), {}, 'other')
    stops.push(() => other.stop())
    await peer.stop()
    await rm(join(path, '0/0.bin'))
    await (await start(downloads, id, { providers: [other.provider] })).finished
    expect(await tree(path)).toEqual(Object.keys(SMALL).sort())
  })

  test('a file that is gone or changed from a finished folder comes again, and nothing else', async () => {
    const id = folderOf(SMALL)
    const downloads = await desk.open()
    const { path } = await (await start(downloads, id)).finished
    await rm(join(path, '0/0.bin'))
    await writeFile(join(path, '1/1.bin'), 'mine')
    const { path: again } = await (await start(downloads, id)).finished
    expect(again).toBe(path)
    // Nothing is written over: the user's own stands as it is.
    expect(await readFile(join(path, '1/1.bin'), 'utf8')).toBe('mine')
    expect(await tree(path)).toEqual([...Object.keys(SMALL), '1/1 (1).bin'].sort())
  })

  test('a page of its files has at most FOLDER_PAGE_FILES_MAX', async () => {
    const { id: one, size } = peer.share.add('x', randomBytes(10))
    const entries = Array.from({ length: FOLDER_PAGE_FILES_MAX + 1 }, (_, index) => ({
      path: [`${index}`],
      id: one,
      size
    }))
    const id = listed(entries)
    const downloads = await desk.open()
    // Held where the file is asked for.
    const { open } = peer.share
    const asked = Promise.withResolvers<void>()
    const go = Promise.withResolvers<void>()
    peer.share.open = async wanted => {
      if (wanted.equals(one)) asked.resolve()
      if (wanted.equals(one)) await go.promise
      return open.call(peer.share, wanted)
    }
    await start(downloads, id)
    await asked.promise
    await downloads.pause(id)
    go.resolve()
    expect(downloads.files(id, 0, FOLDER_PAGE_FILES_MAX + 1)).toHaveLength(FOLDER_PAGE_FILES_MAX)
    expect(downloads.files(id, FOLDER_PAGE_FILES_MAX)).toHaveLength(1)
  })
})
