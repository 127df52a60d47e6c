/** Folders from one real node to another: tickets of folders, what is served, and what is no longer. */
import { hash } from 'node:crypto'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { openDatabase } from '@servent/database'
import {
  ContentId,
  decodeTicket,
  encodeFolderListing,
  FOLDER_DEPTH_MAX,
  type FolderEntry,
  folderName,
  PARTIAL_INDEX_MIN
} from '@servent/overlay'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  FolderListings,
  LISTING_INDEX_MIN,
  LISTINGS_BYTES_MAX,
  LISTINGS_KEPT_MAX
} from '../src/folder-listings.ts'
import { DATABASE_FILE } from '../src/folders.ts'
import { idOf } from './support/hits.ts'
import { all, folder, last, neighbours, noise, startNode, stopNodes } from './support/nodes.ts'

afterEach(stopNodes)

const sha256 = (bytes: Uint8Array): Buffer => hash('sha256', bytes, 'buffer')

let music: string
const FILES: Readonly<Record<string, Buffer>> = {
  'words.txt': Buffer.from('a small one'),
  'Live/one.ogg': noise(1_300_000, 1),
  'Live/1971/two.ogg': noise(40_000, 2)
}
beforeEach(async () => {
  music = join(await folder('shared'), 'Music')
  for (const [path, bytes] of Object.entries(FILES)) {
    await mkdir(join(music, path, '..'), { recursive: true })
    await writeFile(join(music, path), bytes)
  }
})

async function filesIn(path: string): Promise<string[]> {
  const found = await readdir(path, { recursive: true, withFileTypes: true })
  return found
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name).slice(path.length + 1))
    .sort()
}

describe('a shared folder', () => {
  test('has one ticket, with which a node that knows nobody fetches all of it', async () => {
    const one = await startNode()
    const two = await startNode()
    const { ticket, files } = await last(one.share(music))
    expect(files).toBe(3)
    expect(folderName(decodeTicket(ticket!).name)).toBe('Music')
    const events = await all(two.get(ticket!))
    const done = events.at(-1)
    expect(done).toMatchObject({
      event: 'done',
      path: join(two.config.downloadDir, 'Music'),
      files: 3,
      bytes: 1_340_011,
      sources: 1
    })
    expect(events.at(-2)).toMatchObject({
      event: 'progress',
      files: 3,
      filesDone: 3,
      verifiedBytes: 1_340_011
    })
    const path = join(two.config.downloadDir, 'Music')
    expect(await filesIn(path)).toEqual(Object.keys(FILES).sort())
    for (const [name, bytes] of Object.entries(FILES))
      expect(bytes.equals(await readFile(join(path, name)))).toBe(true)
    expect(two.downloads()).toMatchObject([{ name: 'Music', phase: 'done', files: 3, filesDone: 3 }])
    const { id } = two.downloads()[0]!
    expect(await two.downloadFiles(ContentId.parse(id), { after: 1, limit: 1 })).toMatchObject([
      { path: 'Live/one.ogg', size: 1_300_000, isDone: true }
    ])
    // One in the middle of the network is not misled: neither the library nor searches have the listing.
    expect(one.status().library.files).toBe(3)
  })

  test('a folder inside it, and a file of it, have tickets by their paths', async () => {
    const one = await startNode()
    const two = await startNode()
    const { ticket } = await last(one.share(music))
    const live = await one.ticketOfPath(join(music, 'Live'))
    expect((await last(two.get(live.ticket))).files).toBe(2)
    const file = await one.ticketOfPath(join(music, 'words.txt'))
    expect(decodeTicket(file.ticket)).toMatchObject({ name: 'words.txt', size: 11 })
    expect((await one.ticketOfPath(music)).ticket).toBe(ticket)
    await expect(one.ticketOfPath(join(music, '..'))).rejects.toMatchObject({ name: 'NotFoundError' })
    await expect(one.ticketOfPath('/usr/bin')).rejects.toMatchObject({ name: 'NotFoundError' })
    await expect(one.ticketOfPath('/no/such')).rejects.toMatchObject({ name: 'NotFoundError' })
  })

  test.skipIf(process.platform === 'win32')(
    'files that its ticket does not stand for are counted, and names that a listing takes for one are apart',
    async () => {
      const one = await startNode()
      const two = await startNode()
      const deep = join(music, ...Array<string>(FOLDER_DEPTH_MAX).fill('d'))
      await mkdir(deep, { recursive: true })
      await writeFile(join(deep, 'deep.txt'), 'too deep')
      await writeFile(join(music, 'a\\b.txt'), 'one')
      await writeFile(join(music, 'a_b.txt'), 'other')
      const { ticket, leftOut } = await last(one.share(music))
      expect(leftOut).toBe(1)
      expect(await one.ticketOfPath(music)).toMatchObject({ ticket, leftOut: 1 })
      expect(await one.ticketOfPath(join(music, 'Live'))).not.toHaveProperty('leftOut')
      const { path } = await last(two.get(ticket!))
      const names = (await filesIn(path!)).filter(name => name.startsWith('a'))
      expect(names).toEqual(['a_b (1).txt', 'a_b.txt'])
      const texts = await Promise.all(names.map(name => readFile(join(path!, name), 'utf8')))
      expect(texts.sort()).toEqual(['one', 'other'])
    }
  )

  test('that changed has a new ticket; with the old one comes what is there still, and the rest is named', async () => {
    const one = await startNode()
    const two = await startNode()
    const { ticket: old } = await last(one.share(music))
    await rm(join(music, 'words.txt'))
    await writeFile(join(music, 'more.txt'), 'another')
    const { ticket } = await last(one.share(music))
    expect(ticket).not.toBe(old)
    await expect(all(two.get(old!))).rejects.toMatchObject({
      name: 'PartialFolderError',
      message: expect.stringContaining('1 of 3 files could not be fetched: "words.txt"')
    })
    expect(await filesIn(join(two.config.downloadDir, 'Music'))).toEqual([
      'Live/1971/two.ogg',
      'Live/one.ogg'
    ])
    expect((await last(two.get(ticket!))).path).toBe(join(two.config.downloadDir, 'Music (1)'))
  })

  test('that is shared no more is not listed to anybody', async () => {
    const one = await startNode()
    const two = await startNode()
    const { ticket } = await last(one.share(music))
    await one.unshare(music)
    const database = new DatabaseSync(join(one.config.dataDir, DATABASE_FILE), { readOnly: true })
    expect(database.prepare('SELECT count(*) AS count FROM node_listings').get()).toEqual({ count: 0 })
    database.close()
    await expect(all(two.get(ticket!))).rejects.toMatchObject({ name: 'NoSourceError' })
  })

  test('is served again after a restart, and its own node has it already', async () => {
    const dataDir = await folder()
    const before = await startNode({ dataDir })
    const { ticket } = await last(before.share(music))
    await before.stop()
    const one = await startNode({ dataDir })
    const two = await startNode({ bootstrap: [one] })
    expect(await last(one.get(ticket!))).toMatchObject({ path: music, sources: 0 })
    await expect(all(one.get(ticket!, { output: await folder() }))).rejects.toMatchObject({
      name: 'OutputError'
    })
    // The addresses of the old ticket are gone; the node is found by its neighbours.
    await expect.poll(() => two.peers().length, { timeout: 10_000 }).toBeGreaterThan(0)
    expect((await last(two.get(ticket!))).files).toBe(3)
  })
})

test('a folder of a sharer that takes no calls comes by a Push, its listing first', async () => {
  const middle = await startNode()
  // One place each: the two are no neighbours.
  const one = { bootstrap: [middle], set: ['gnutella.neighbours=1'] }
  const shut = await startNode({ ...one, flags: { noInbound: true } })
  const asker = await startNode(one)
  const { ticket } = await last(shut.share(music))
  for (const node of [middle, shut, asker])
    await expect.poll(() => neighbours(node), { timeout: 10_000 }).toBeGreaterThan(0)
  expect(await last(asker.get(ticket!))).toMatchObject({ files: 3, bytes: 1_340_011 })
}, 60_000)

describe('listings that are kept', () => {
  const entries = (index: number): FolderEntry[] => [{ path: [`${index}`], id: idOf(1), size: 100 }]

  test('LISTINGS_KEPT_MAX, and with one more the oldest is gone; one that is asked for again is the newest', () => {
    const listings = new FolderListings(openDatabase(':memory:'), () => true)
    const ids = Array.from(
      { length: LISTINGS_KEPT_MAX },
      (_, index) => listings.make('/music', entries(index)).id
    )
    expect(ids.every(id => listings.get(id) !== undefined)).toBe(true)
    listings.make('/music', entries(0))
    listings.make('/music', entries(LISTINGS_KEPT_MAX))
    expect(listings.get(ids[0]!)).toBeDefined()
    expect(listings.get(ids[1]!)).toBeUndefined()
  })

  test('have indices of their own, from LISTING_INDEX_MIN on, that stay when they are asked for again', () => {
    const listings = new FolderListings(openDatabase(':memory:'), path => path !== '/private')
    const [one, two] = [listings.make('/a/Music', entries(0)), listings.make('/b/Music', entries(1))]
    expect(one.name).toBe(two.name)
    for (const file of [one, two]) {
      expect(file.index).toBeGreaterThanOrEqual(LISTING_INDEX_MIN)
      expect(file.index).toBeLessThan(PARTIAL_INDEX_MIN)
      expect(listings.byIndex(file.index)?.id).toEqual(file.id)
    }
    expect(listings.make('/a/Music', entries(0)).index).toBe(one.index)
    expect(listings.byIndex(listings.make('/private', entries(2)).index)).toBeUndefined()
    for (const index of [0, 1, LISTING_INDEX_MIN - 1, LISTING_INDEX_MIN, PARTIAL_INDEX_MIN])
      expect(listings.byIndex(index)).toBeUndefined()
  })

  test('are hashed once, and not read again for their hashes', async () => {
    const database = openDatabase(':memory:')
    const listings = new FolderListings(database, () => true)
    const many = Array.from({ length: 1_000 }, (_, index) => ({ path: [`${index}`], id: idOf(1), size: 100 }))
    const { id } = listings.make('/music', many)
    const leaves = await listings.open(id)!.hashes(0, 0, 4)
    database.sql.exec("UPDATE node_listings SET bytes = x''")
    expect(await listings.open(id)!.hashes(0, 0, 4)).toEqual(leaves)
    // One that is gone while somebody has it open gives nothing more.
    const reader = listings.open(id)!
    database.sql.exec('DELETE FROM node_listings')
    await expect(reader.read(0, 1)).rejects.toMatchObject({ name: 'ContentChangedError' })
  })

  test('LISTINGS_BYTES_MAX of them together, and with one byte more the oldest is gone', () => {
    const { size } = new FolderListings(openDatabase(':memory:'), () => true).make('/music', entries(0))
    for (const [more, isKept] of [
      [0, true],
      [1, false]
    ] as const) {
      const database = openDatabase(':memory:')
      const listings = new FolderListings(database, () => true)
      database.sql
        .prepare('INSERT INTO node_listings (cid, path, sha1, bytes) VALUES (?, ?, ?, zeroblob(?))')
        .run(idOf(2).bytes, '/old', new Uint8Array(20), LISTINGS_BYTES_MAX - size + more)
      const { id } = listings.make('/music', entries(0))
      expect(listings.get(idOf(2)) !== undefined).toBe(isKept)
      expect(listings.get(id)).toBeDefined()
      database.close()
    }
  })

  test('those of folders that are shared no more are forgotten, and no others', () => {
    const shared = new Set(['/music', '/films'])
    const listings = new FolderListings(openDatabase(':memory:'), path => shared.has(path))
    const { id } = listings.make('/music', entries(0))
    const { id: other } = listings.make('/films', entries(1))
    shared.delete('/music')
    listings.forgetUnshared()
    shared.add('/music')
    expect([listings.get(id), listings.get(other)?.id]).toEqual([undefined, other])
  })

  test('are read and hashed as any file is', async () => {
    const listings = new FolderListings(openDatabase(':memory:'), () => true)
    const many = Array.from({ length: 9_000 }, (_, index) => ({
      path: [`${index}`.padStart(100, 'x')],
      id: idOf(1),
      size: 100
    }))
    const { id, size } = listings.make('/music', many)
    expect(size).toBeGreaterThan(2 ** 20)
    const reader = listings.open(id)!
    expect(await reader.read(10, 20)).toEqual(encodeFolderListing(many).subarray(10, 30))
    // Seven levels: what is past the end is padding, and the root is the id.
    expect(await reader.hashes(7, 0, 1)).toEqual(id.digest)
    const leaves = await reader.hashes(0, 0, 128)
    expect(sha256(leaves.subarray(6 * 32, 8 * 32)).equals(await reader.hashes(1, 3, 1))).toBe(true)
    expect(await reader.hashes(0, 127, 1)).toEqual(new Uint8Array(32))
    await reader.close()
  })
})
