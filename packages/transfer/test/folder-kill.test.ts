/** Kill -9 of a process that fetches a folder: what is whole is not fetched again, and all of it arrives. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { openDatabase } from '@servent/database'
import { encodeFolderListing, listingName } from '@servent/overlay'
import { expect, test } from 'vitest'
import { FolderStore } from '../src/folder-store.ts'
import { Desk } from './helpers/desk.ts'
import { sharer } from './helpers/peer.ts'
import { randomBytes, TestShare } from './helpers/share.ts'

const PROGRAM = fileURLToPath(new URL('./helpers/folder-downloader.ts', import.meta.url))
const KILLS = 5
const FILES = 40

test('killed again and again in its middle, a folder arrives, and no whole file is asked for twice', async () => {
  const desk = await Desk.make()
  const share = new TestShare()
  const contents = Array.from({ length: FILES }, (_, index) => randomBytes(20_000 + index, index + 1))
  const entries = contents.map((bytes, index) => {
    const { id, size } = share.add(`${index}.bin`, bytes)
    return { path: [`${index % 4}`, `${index}.bin`], id, size }
  })
  const listing = share.add(listingName('Music'), encodeFolderListing(entries))
  const asked = new Set<string>()
  /** Called with each file that is asked for. */
  let onAsked = () => {}
  const open = share.open.bind(share)
  share.open = async wanted => {
    if (!wanted.equals(listing.id)) {
      asked.add(wanted.toString())
      onAsked()
    }
    return open(wanted)
  }
  const peer = await sharer(share)
  const port = peer.provider.addresses[0]!.split('/').at(-1)!
  const start = async (): Promise<{ child: ChildProcess; lines: AsyncIterator<string> }> => {
    const child = spawn(
      process.execPath,
      ['--conditions=source', PROGRAM, desk.root, port, listing.id.toString()],
      { stdio: ['ignore', 'pipe', 'inherit'] }
    )
    const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]()
    expect((await lines.next()).value).toBe('open')
    return { child, lines }
  }
  const finished = (): Set<string> => {
    const database = openDatabase(join(desk.root, 'servent.db'))
    try {
      const numbers = new FolderStore(database).finished(listing.id.toString()).keys()
      // The listing is sorted: its first folder has the files 0, 10, 12, …
      const sorted = entries
        .map(({ path, id }) => ({ path: path.join('/'), id: id.toString() }))
        .sort((a, b) => (a.path < b.path ? -1 : 1))
      return new Set([...numbers].map(number => sorted[number]!.id))
    } finally {
      database.close()
    }
  }
  try {
    for (let kill = 1; kill <= KILLS; kill += 1) {
      asked.clear()
      const whole = finished()
      // A few files further than the time before.
      const reached = Promise.withResolvers<void>()
      onAsked = () => {
        if (asked.size >= 6) reached.resolve()
      }
      const { child } = await start()
      const closed = once(child, 'close')
      await reached.promise
      child.kill('SIGKILL')
      await closed
      expect([...asked].filter(id => whole.has(id))).toEqual([])
    }
    const whole = finished()
    expect(whole.size).toBeGreaterThan(0)
    expect(whole.size).toBeLessThan(FILES)
    asked.clear()
    const { child, lines } = await start()
    const closed = once(child, 'close')
    const { path, files } = JSON.parse((await lines.next()).value!)
    expect(await closed).toEqual([0, null])
    expect(files).toBe(FILES)
    // Fewer than were not marked: bytes of some stood there when it was killed.
    expect([...asked].filter(id => whole.has(id))).toEqual([])
    const found = (await readdir(path, { recursive: true })).filter(name => name.endsWith('.bin'))
    expect(found.sort()).toEqual(entries.map(entry => entry.path.join('/')).sort())
    for (const [index, bytes] of contents.entries()) {
      expect(Buffer.compare(await readFile(join(path, `${index % 4}`, `${index}.bin`)), bytes)).toBe(0)
    }
    expect(await desk.files()).toEqual(['Music'])
  } finally {
    await peer.stop()
    await desk.remove()
  }
}, 60_000)
