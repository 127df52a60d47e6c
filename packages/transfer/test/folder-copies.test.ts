/** Files of a folder that are one content, or whose names agree in what is kept of them: none stands in for another. */
import * as fs from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FILES, type Files } from '../src/files.ts'
import { PartFile, partPath } from '../src/part-file.ts'
import { Desk } from './helpers/desk.ts'
import { type FolderFiles, failure, shareFolder, startFolder, tree } from './helpers/folder.ts'
import { sharer } from './helpers/peer.ts'
import { idOf, randomBytes } from './helpers/share.ts'

const MiB = 2 ** 20

let desk: Desk
let peer: Awaited<ReturnType<typeof sharer>>
/** Bytes that were read to be sent. */
let sentBytes = 0
beforeEach(async () => {
  desk = await Desk.make()
  peer = await sharer()
  sentBytes = 0
  const { open } = peer.share
  peer.share.open = async id => {
    const reader = await open.call(peer.share, id)
    if (reader === undefined) return undefined
    const read = async (offset: number, length: number) => {
      const bytes = await reader.read(offset, length)
      sentBytes += bytes.length
      return bytes
    }
    return { ...reader, read }
  }
})
afterEach(async () => {
  await desk.remove()
  await peer.stop()
})

/** A file system that has no links, or has had enough of them. */
const linkless = (code: string): Files => ({
  ...FILES,
  link: () => Promise.reject(Object.assign(new Error('link'), { code }))
})

async function expectRight(path: string, files: FolderFiles): Promise<void> {
  expect(await tree(path)).toEqual(Object.keys(files).sort())
  for (const [name, bytes] of Object.entries(files))
    expect(Buffer.compare(await fs.readFile(join(path, name)), bytes), name).toBe(0)
}

const large = randomBytes(4 * MiB)

describe.each([
  ['with links', undefined],
  ['without links', 'EPERM'],
  ['with no more links', 'EMLINK']
])('one content at several paths, %s', (_, code) => {
  const files = code === undefined ? FILES : linkless(code)

  test('is fetched once, and right at each, though the names agree in what a .part keeps of them', async () => {
    const content = {
      [`${'a'.repeat(240)}b`]: large,
      [`${'a'.repeat(240)}c`]: large,
      'below/d': large,
      'below/other': randomBytes(20_000, 2)
    }
    const id = shareFolder(peer.share, content)
    const download = await startFolder(await desk.open({ files }), id, peer)
    const { path } = await download.finished
    await expectRight(path, content)
    expect(download.status()).toMatchObject({ filesDone: 4, verifiedBytes: 3 * large.length + 20_000 })
    expect(sentBytes).toBeLessThan(2 * large.length)
    const inodes = await Promise.all(
      Object.keys(content).map(async name => (await fs.stat(join(path, name))).ino)
    )
    expect(new Set(inodes).size).toBe(code === undefined ? 2 : 4)
  })

  test('a path that is gone later comes from one that stands', async () => {
    const content = { a: large, b: large }
    const id = shareFolder(peer.share, content)
    const downloads = await desk.open({ files })
    const { path } = await (await startFolder(downloads, id, peer)).finished
    await fs.rm(join(path, 'a'))
    sentBytes = 0
    await (await startFolder(downloads, id, peer)).finished
    await expectRight(path, content)
    expect(sentBytes).toBe(0)
  })

  test('one that was changed since is not taken for the content, though it is as long', async () => {
    const content = { a: large, b: large }
    const id = shareFolder(peer.share, content)
    const downloads = await desk.open({ files })
    const { path } = await (await startFolder(downloads, id, peer)).finished
    await fs.rm(join(path, 'a'))
    await fs.writeFile(join(path, 'b'), randomBytes(large.length, 9))
    await (await startFolder(downloads, id, peer)).finished
    expect(Buffer.compare(await fs.readFile(join(path, 'a')), large)).toBe(0)
  })

  test('one that nobody has is missing at each of its paths', async () => {
    const id = shareFolder(peer.share, { a: large, b: large, c: randomBytes(10) })
    peer.share.remove(idOf(large))
    const error = await failure((await startFolder(await desk.open({ files }), id, peer)).finished)
    expect(error.message).toContain('2 of 3 files could not be fetched: "a", "b"')
  })
})

test('a copy that was changed on its way has no final name', async () => {
  const id = shareFolder(peer.share, { a: large, b: large })
  // The first path is changed at the moment at which it is to be linked.
  const files: Files = {
    ...FILES,
    link: async from => {
      const path = String(from)
      if (!path.endsWith('.part')) await fs.writeFile(path, randomBytes(large.length, 9))
      throw Object.assign(new Error('link'), { code: 'EPERM' })
    }
  }
  const download = await startFolder(await desk.open({ files }), id, peer)
  for await (const event of download.events())
    if (event.event === 'progress' && event.phase === 'paused') break
  expect(download.status().reason).toContain('was changed while it was copied')
  expect(await tree(join(desk.folder, 'Music'))).toEqual(['a'])
})

test('a .part in whose place another file was put gets no final name', async () => {
  await fs.mkdir(desk.folder)
  const [one, other] = [randomBytes(20_000, 1), randomBytes(20_000, 2)]
  const path = partPath(desk.folder, 'x', idOf(one))
  const first = await PartFile.create(path, idOf(one), one.length)
  await first.write(0, one)
  await first.commit([0])
  const second = await PartFile.create(path, idOf(other), other.length)
  const error = await failure(first.finish(desk.folder, 'x', () => {}))
  expect(error.name).toBe('DiskError')
  expect(error.message).toContain('Something else was put in the place of')
  expect((await desk.files()).every(name => name.endsWith('.part'))).toBe(true)
  await first.close()
  await second.close()
})

test('files of a folder whose names and ids end alike have .part files of their own', () => {
  const id = idOf(large)
  const paths = [undefined, 1, 2].flatMap(number =>
    ['b', 'c'].map(end => partPath('/f', 'a'.repeat(240) + end, id, number))
  )
  // By name and id alone these two are one.
  expect(paths[0]).toBe(paths[1])
  expect(new Set([paths[0], paths[2], paths[4]]).size).toBe(3)
  expect(paths.every(path => Buffer.byteLength(path.slice(3)) <= 255)).toBe(true)
})
