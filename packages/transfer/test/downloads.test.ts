/** Downloads from honest peers over real sockets to real files. */
import { mkdir, open, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openDatabase } from '@servent/database'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type DownloadEvent, Ledger } from '../src/index.ts'
import { partPath } from '../src/part-file.ts'
import { Desk } from './helpers/desk.ts'
import { type Peer, sharer } from './helpers/peer.ts'
import { idOf, randomBytes, TestShare } from './helpers/share.ts'

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

async function fetched(bytes: Uint8Array, name = 'a.bin') {
  const { id } = peer.share.add(name, bytes)
  const downloads = await desk.open()
  const download = await downloads.start({ id, name, providers: [peer.provider] })
  return download.finished
}

describe('a file arrives', () => {
  test.each([
    ['empty', 0],
    ['one byte', 1],
    ['one leaf', 16_384],
    ['one leaf and a byte', 16_385],
    ['one block', MiB],
    ['one block and a byte', MiB + 1],
    ['three blocks less a byte', 3 * MiB - 1],
    ['seventeen blocks', 17 * MiB + 4242]
  ])('%s', async (_what, length) => {
    const bytes = randomBytes(length)
    const result = await fetched(bytes)
    expect(result).toMatchObject({
      path: join(desk.folder, 'a.bin'),
      bytes: length,
      sources: length === 0 ? 0 : 1
    })
    expect(Buffer.compare(await readFile(result.path), bytes)).toBe(0)
    expect(await desk.files()).toEqual(['a.bin'])
  })

  test('over one stream, whatever the number of requests', async () => {
    const { id } = peer.share.add('a.bin', randomBytes(9 * MiB))
    const downloads = await desk.open({ limits: { rangeBytesMax: 2 * MiB } })
    await (await downloads.start({ id, name: 'a.bin', providers: [peer.provider] })).finished
    expect(peer.connections).toBe(1)
  })

  test('who gave is told with each block that was verified, when the ledger has counted it', async () => {
    const { id } = peer.share.add('a.bin', randomBytes(3 * MiB + 5))
    const ledger = new Ledger(openDatabase(':memory:'))
    const told: [string, number, number][] = []
    const onGave = (giver: string, bytes: number) =>
      void told.push([giver, bytes, ledger.of(giver).givenBytes])
    const downloads = await desk.open({ ledger, onGave })
    await (await downloads.start({ id, name: 'a.bin', providers: [peer.provider] })).finished
    // Blocks come in any order.
    expect(told.map(([, bytes]) => bytes).sort((a, b) => a - b)).toEqual([5, MiB, MiB, MiB])
    let sum = 0
    for (const [giver, bytes, counted] of told) {
      sum += bytes
      expect([giver, counted]).toEqual(['honest', sum])
    }
  })

  test('an empty file needs nobody', async () => {
    const downloads = await desk.open()
    const download = await downloads.start({ id: idOf(new Uint8Array()), name: 'void', providers: [] })
    expect((await stat((await download.finished).path)).size).toBe(0)
  })

  test('found by a search where no provider was given, and named by its source', async () => {
    const { id } = peer.share.add('../Käse.txt', Buffer.from('brie'))
    desk.found = [peer.provider]
    const download = await (await desk.open()).start({ id, providers: [] })
    expect((await download.finished).path).toBe(join(desk.folder, '__Käse.txt'))
  })

  test('with its phases shown', async () => {
    const { id } = peer.share.add('a.bin', randomBytes(5 * MiB))
    const download = await (await desk.open()).start({ id, name: 'a.bin', providers: [peer.provider] })
    const events: DownloadEvent[] = []
    for await (const event of download.events()) events.push(event)
    const phases = events.map(event => (event.event === 'progress' ? event.phase : event.event))
    expect([...new Set(phases)]).toEqual(['locating', 'fetching', 'verifying', 'done'])
    const fetching = events.find(event => event.event === 'progress' && event.phase === 'fetching')
    expect(fetching).toMatchObject({ totalBytes: 5 * MiB, sources: [{ peer: 'honest', relayed: false }] })
    expect(events.at(-1)).toMatchObject({ event: 'done', bytes: 5 * MiB, sources: 1 })
  })
})

describe('where it goes', () => {
  const bytes = Buffer.from('new')

  test('beside what has its name', async () => {
    await mkdir(desk.folder, { recursive: true })
    await writeFile(join(desk.folder, 'a.txt'), 'old')
    await writeFile(join(desk.folder, 'A (1).TXT'), 'old, on a disk that knows no case')
    expect((await fetched(bytes, 'a.txt')).path).toBe(join(desk.folder, 'a (2).txt'))
    expect(await readFile(join(desk.folder, 'a.txt'), 'utf8')).toBe('old')
  })

  test('not over a name that only differs in how its accent is written', async () => {
    await mkdir(desk.folder, { recursive: true })
    await writeFile(join(desk.folder, 'cafe\u0301.txt'), 'old')
    expect((await fetched(bytes, 'caf\u00e9.txt')).path).toBe(join(desk.folder, 'caf\u00e9 (1).txt'))
  })

  test('into the folder or file that the user names', async () => {
    const { id } = peer.share.add('x', bytes)
    const other = peer.share.add('y', Buffer.from('other'))
    const downloads = await desk.open()
    const first = await downloads.start({ id, name: 'x', providers: [peer.provider], output: desk.root })
    expect((await first.finished).path).toBe(join(desk.root, 'x'))
    const output = join(desk.root, '.as I: wish')
    const second = await downloads.start({ id: other.id, name: 'y', providers: [peer.provider], output })
    expect((await second.finished).path).toBe(output)
  })

  test('nowhere where there is no folder', async () => {
    const downloads = await desk.open()
    const output = join(desk.root, 'missing', 'file')
    await expect(downloads.start({ id: idOf(bytes), providers: [], output })).rejects.toMatchObject({
      name: 'OutputError',
      message: `There is no folder ${join(desk.root, 'missing')}. Make it, or choose another output.`
    })
  })

  test('never through a link that waits in the place of the .part', async () => {
    const { id } = peer.share.add('a.txt', bytes)
    const victim = join(desk.root, 'victim')
    await writeFile(victim, 'precious')
    const downloads = await desk.open()
    for (const ending of ['.part', '.tree.part']) {
      await symlink(victim, join(desk.folder, `a.txt.${id.toString().slice(-8)}${ending}`))
    }
    const { path } = await (await downloads.start({ id, name: 'a.txt', providers: [peer.provider] })).finished
    expect(await readFile(path, 'utf8')).toBe('new')
    expect(await readFile(victim, 'utf8')).toBe('precious')
  })
})

describe('stopped and gone on with', () => {
  const bytes = randomBytes(20 * MiB + 77)

  /** Starts a download and ends when this many bytes are verified. */
  async function begun(verified: number, init = {}) {
    const share = new TestShare()
    const { id } = share.add('a.bin', bytes)
    const slow = await sharer(share, { maxUploadBytesPerSecond: 40 * MiB }, 'slow')
    stops.push(() => slow.stop())
    const downloads = await desk.open(init)
    const download = await downloads.start({ id, name: 'a.bin', providers: [slow.provider] })
    for await (const event of download.events()) {
      if (event.event === 'progress' && event.verifiedBytes >= verified) break
    }
    return { id, downloads, download, slow }
  }

  async function sentSince(slow: Peer, before: number): Promise<number> {
    await slow.stop()
    return slow.sentBytes - before
  }

  test('by a pause: nothing verified is fetched again', async () => {
    const { id, downloads, download, slow } = await begun(6 * MiB)
    await downloads.pause(id)
    const { verifiedBytes, phase } = download.status()
    expect(phase).toBe('paused')
    const before = slow.sentBytes
    await downloads.start({ id, providers: [] })
    const { path } = await download.finished
    expect(Buffer.compare(await readFile(path), bytes)).toBe(0)
    expect(await sentSince(slow, before)).toBeLessThan(bytes.length - verifiedBytes + MiB)
  })

  test('by a restart: it goes on by itself', async () => {
    const { id, slow, download } = await begun(6 * MiB)
    await desk.shut()
    const { verifiedBytes } = download.status()
    const before = slow.sentBytes
    const downloads = await desk.open()
    const { path, sources } = await downloads.get(id)!.finished
    expect(sources).toBe(1)
    expect(Buffer.compare(await readFile(path), bytes)).toBe(0)
    expect(await sentSince(slow, before)).toBeLessThan(bytes.length - verifiedBytes + MiB)
  })

  test('a paused one stays paused over a restart, and its list with it', async () => {
    const { id, downloads } = await begun(2 * MiB)
    await downloads.pause(id)
    const again = await desk.open()
    expect(again.list()).toMatchObject([
      { id: id.toString(), phase: 'paused', name: 'a.bin', size: bytes.length }
    ])
    await again.start({ id, providers: [] })
    await again.get(id)!.finished
    expect((await desk.open()).list()).toMatchObject([{ phase: 'done', path: join(desk.folder, 'a.bin') }])
  })

  test('blocks that somebody changed meanwhile are fetched again', async () => {
    const { id, downloads, download } = await begun(8 * MiB)
    await downloads.pause(id)
    const part = partPath(desk.folder, 'a.bin', id)
    const file = await open(part, 'r+')
    await file.write(Buffer.from('vandal'), 0, 6, 3 * MiB + 5)
    await file.close()
    await downloads.start({ id, providers: [] })
    const { path } = await download.finished
    expect(Buffer.compare(await readFile(path), bytes)).toBe(0)
  })

  test('a link that stands in the place of its .part is not followed', async () => {
    const { id, downloads, download } = await begun(4 * MiB)
    await downloads.pause(id)
    const part = partPath(desk.folder, 'a.bin', id)
    const victim = join(desk.root, 'victim')
    await rename(part, victim)
    const before = await readFile(victim)
    await symlink(victim, part)
    await downloads.start({ id, providers: [] })
    for await (const event of download.events()) {
      if (event.event !== 'progress' || event.phase !== 'paused') continue
      expect(event.reason).toMatch(
        /\(ELOOP\)\. A symbolic link stands in its place, and links are not followed/
      )
      break
    }
    expect(Buffer.compare(await readFile(victim), before)).toBe(0)
  })

  test('a cancelled one leaves nothing', async () => {
    const { id, downloads, download } = await begun(2 * MiB)
    await downloads.cancel(id)
    await expect(download.finished).rejects.toMatchObject({ name: 'DownloadCancelledError' })
    expect(await desk.files()).toEqual([])
    expect(downloads.list()).toEqual([])
    await expect(downloads.pause(id)).rejects.toMatchObject({ name: 'NoDownloadError' })
    expect((await desk.open()).list()).toEqual([])
  })

  test('asked for again while it runs, it is the same one; to another place, it is refused', async () => {
    const { id, downloads, download, slow } = await begun(2 * MiB)
    expect(await downloads.start({ id, providers: [slow.provider] })).toBe(download)
    const elsewhere = downloads.start({ id, providers: [], output: desk.root })
    await expect(elsewhere).rejects.toMatchObject({
      name: 'DownloadExistsError',
      message: expect.stringMatching(
        new RegExp(
          `to ${join(desk.folder, 'a.bin')} is under way, with .* MiB verified\\. .*"servent downloads --cancel ${id}"`
        )
      )
    })
    await download.finished
    expect(await downloads.start({ id, providers: [] })).toBe(download)
    const copy = await downloads.start({ id, name: 'b', providers: [slow.provider], output: desk.root })
    expect((await copy.finished).path).toBe(join(desk.root, 'b'))
  })

  test('one that is paused with verified bytes stays where they are, and says so', async () => {
    const { id, downloads } = await begun(2 * MiB)
    await downloads.pause(id)
    await expect(downloads.start({ id, providers: [], output: desk.root })).rejects.toThrow(
      /is paused, with [1-9].* MiB verified\..*"servent downloads --cancel/
    )
  })

  test('one that failed with nothing verified goes to the place that is named next', async () => {
    const { id } = peer.share.add('b.bin', Buffer.from('late'))
    const downloads = await desk.open()
    const download = await downloads.start({ id, name: 'b.bin', providers: [] })
    await expect(download.finished).rejects.toMatchObject({ name: 'NoSourceError' })
    const output = desk.root
    expect(await downloads.start({ id, providers: [peer.provider], output })).toBe(download)
    expect(await download.finished).toMatchObject({ path: join(desk.root, 'b.bin') })
  })

  test('so does one that waits for its turn', async () => {
    const { id } = peer.share.add('c.bin', Buffer.from('later'))
    const { downloads } = await begun(MiB, { limits: { activeMax: 1 } })
    const download = await downloads.start({ id, name: 'c.bin', providers: [peer.provider] })
    await downloads.start({ id, providers: [], output: join(desk.root, 'd.bin') })
    expect(await download.finished).toMatchObject({ path: join(desk.root, 'd.bin') })
  })

  test('a finished one whose file was removed is fetched again', async () => {
    const { id, downloads, download, slow } = await begun(2 * MiB)
    const { path } = await download.finished
    await rm(path)
    const again = await downloads.start({ id, name: 'a.bin', providers: [slow.provider] })
    expect(again).not.toBe(download)
    expect((await again.finished).path).toBe(path)
  })
})

describe('sizeMax', () => {
  const many = (blocks: number) => peer.share.addRepeated('a.bin', randomBytes(MiB), blocks).id

  test('a file of so many bytes arrives, one of a byte more does not: nothing is made of it, and nobody is banned', async () => {
    const downloads = await desk.open()
    const { id, size } = peer.share.add('a.bin', randomBytes(3 * MiB))
    const request = { name: 'a.bin', providers: [peer.provider], sizeMax: size }
    expect(await (await downloads.start({ id, ...request })).finished).toMatchObject({ bytes: size })
    const more = peer.share.add('b.bin', randomBytes(3 * MiB + 1))
    const download = await downloads.start({ id: more.id, ...request, name: 'b.bin', size: 100 })
    await expect(download.finished).rejects.toMatchObject({
      name: 'VerificationError',
      message: expect.stringContaining(`${3 * MiB + 1} bytes, and at most ${3 * MiB}`)
    })
    expect(download.status().banned).toEqual([])
    expect(await desk.files()).toEqual(['a.bin'])
  })

  test('holds after a restart, where the size was not known before, and costs a block at most', async () => {
    const id = many(40)
    const nobody = { findProviders: async function* () {}, limits: { emptyRoundsMax: 1e6 } }
    await (await desk.open(nobody)).start({ id, size: 20_000, name: 'a.bin', providers: [], sizeMax: 30_000 })
    desk.found = [peer.provider]
    const download = (await desk.open()).get(id)!
    await expect(download.finished).rejects.toMatchObject({ name: 'VerificationError' })
    await peer.stop()
    expect(peer.sentBytes).toBeLessThan(2 * MiB)
    expect(await desk.files()).toEqual([])
  })

  test('is lifted by who asks for the file and names no bound', async () => {
    const id = many(5)
    const downloads = await desk.open()
    const request = { id, name: 'a.bin', providers: [peer.provider] }
    const download = await downloads.start({ ...request, sizeMax: 5 * MiB - 1 })
    await expect(download.finished).rejects.toMatchObject({ name: 'VerificationError' })
    expect(await (await downloads.start(request)).finished).toMatchObject({ bytes: 5 * MiB })
  })
})

test('a few run at a time, and the others wait their turn', async () => {
  const files = [1, 2, 3].map(seed => peer.share.add(`${seed}`, randomBytes(2 * MiB, seed)))
  const downloads = await desk.open({ limits: { activeMax: 1 } })
  const begun = []
  for (const { id, name } of files)
    begun.push(await downloads.start({ id, name, providers: [peer.provider] }))
  expect(downloads.list().map(({ reason }) => reason)).toEqual([
    undefined,
    'It waits until one of 1 other downloads ends.',
    'It waits until one of 1 other downloads ends.'
  ])
  await Promise.all(begun.map(download => download.finished))
  expect(await desk.files()).toEqual(['1', '2', '3'])
})

test('the list keeps what is not finished, and forgets the oldest finished ones past its bound', async () => {
  const files = [1, 2, 3].map(seed => peer.share.add(`${seed}`, randomBytes(100, seed)))
  const downloads = await desk.open({ limits: { keptMax: 2 } })
  for (const { id, name } of files) {
    await (await downloads.start({ id, name, providers: [peer.provider] })).finished
  }
  expect(downloads.list().map(({ name }) => name)).toEqual(['2', '3'])
  expect((await desk.open()).list().map(({ name }) => name)).toEqual(['2', '3'])
})

test('a cap on the rate holds', async () => {
  const { id } = peer.share.add('a.bin', randomBytes(3 * MiB))
  const downloads = await desk.open({ maxDownloadBytesPerSecond: 6 * MiB })
  const startMs = performance.now()
  await (await downloads.start({ id, name: 'a.bin', providers: [peer.provider] })).finished
  expect(performance.now() - startMs).toBeGreaterThan(400)
})
