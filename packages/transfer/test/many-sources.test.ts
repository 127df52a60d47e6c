/** Several sources of one file at a time, honest and not, fast and slow: over TCP, with what each sent counted. */
import { readFile } from 'node:fs/promises'
import { ContentChangedError, type SharedFile, treeHeight } from '@servent/overlay'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Desk } from './helpers/desk.ts'
import { liar, type Peer, sharer } from './helpers/peer.ts'
import { idOf, randomBytes, TestShare } from './helpers/share.ts'

const MiB = 2 ** 20
const bytes = randomBytes(40 * MiB + 77)

let desk: Desk
const peers: Peer[] = []
beforeEach(async () => {
  desk = await Desk.make()
})
afterEach(async () => {
  await desk.remove()
  for (const peer of peers.splice(0)) await peer.stop()
})

const file = new TestShare().add('a.bin', bytes)

/** A sharer with a share of its own, or of what `shared` has; `spoil` changes what it reads. */
async function sharing(
  peerId: string,
  init = {},
  shared?: TestShare,
  spoil?: (offset: number, read: Uint8Array) => Uint8Array | Promise<Uint8Array>
) {
  const share = shared === undefined ? new TestShare() : shared.again()
  if (shared === undefined) share.add('a.bin', bytes)
  if (spoil !== undefined) {
    const open = share.open.bind(share)
    share.open = async id => {
      const reader = (await open(id))!
      const read = reader.read.bind(reader)
      return {
        ...reader,
        hashes: reader.hashes.bind(reader),
        read: async (offset, length) => spoil(offset, (await read(offset, length)).slice())
      }
    }
  }
  const peer = await sharer(share, init, peerId)
  peers.push(peer)
  return peer
}

async function sent(peer: Peer): Promise<number> {
  await peer.stop()
  return peer.sentBytes / MiB
}

test('each brings in proportion to its rate, and hardly a byte comes twice', async () => {
  const fast = await sharing('fast', { maxUploadBytesPerSecond: 16 * MiB })
  const slow = await sharing('slow', { maxUploadBytesPerSecond: 4 * MiB })
  const downloads = await desk.open({ limits: { runSeconds: 0.5 } })
  const download = await downloads.start({
    id: file.id,
    name: 'a.bin',
    providers: [slow.provider, fast.provider]
  })
  const { path, sources } = await download.finished
  expect(sources).toBe(2)
  expect(Buffer.compare(await readFile(path), bytes)).toBe(0)
  const [fromFast, fromSlow] = [await sent(fast), await sent(slow)]
  expect(fromFast / fromSlow).toBeGreaterThan(2)
  expect(fromFast + fromSlow).toBeLessThan(40 + 5)
})

test('a source that stops in the middle of a run: the others bring what it was to bring, and do not wait for it', async () => {
  let read = 0
  const held = Promise.withResolvers<void>()
  const stops = await sharing('stops')
  stops.share.beforeRead = async () => {
    read += 1
    if (read > 4) await held.promise
  }
  const steady = await sharing('steady', { maxUploadBytesPerSecond: 16 * MiB })
  // It would be left after 30 s; the file is there long before.
  const downloads = await desk.open({ limits: { stallMs: 30_000 } })
  const download = await downloads.start({
    id: file.id,
    name: 'a.bin',
    providers: [stops.provider, steady.provider]
  })
  const beganMs = performance.now()
  const { path } = await download.finished
  held.resolve()
  expect(performance.now() - beganMs).toBeLessThan(20_000)
  expect(Buffer.compare(await readFile(path), bytes)).toBe(0)
}, 30_000)

test('a first source that answers nothing does not keep the others from proving the size', async () => {
  const mute = await liar(() => {}, 'mute')
  peers.push(mute)
  const honest = await sharing('honest')
  const downloads = await desk.open({ limits: { answerMs: 60_000, proofPatienceMs: 100 } })
  const download = await downloads.start({
    id: file.id,
    name: 'a.bin',
    providers: [mute.provider, honest.provider]
  })
  expect(await download.finished).toMatchObject({ sources: 1 })
})

test('while sources are at work others are looked for, and help', async () => {
  const slow = await sharing('slow', { maxUploadBytesPerSecond: 4 * MiB })
  const found = await sharing('found')
  desk.found = [found.provider]
  const downloads = await desk.open({ limits: { lookFirstMs: 500, reviewMs: 100 } })
  const download = await downloads.start({ id: file.id, name: 'a.bin', providers: [slow.provider] })
  const { sources, path } = await download.finished
  expect(sources).toBe(2)
  expect(Buffer.compare(await readFile(path), bytes)).toBe(0)
  expect(desk.searches).toBe(1)
})

test('where another waits, a source far slower than the others gives way, and is not banned', async () => {
  const [slow, fast, other] = await Promise.all([
    sharing('slow', { maxUploadBytesPerSecond: MiB / 4 }),
    sharing('fast', { maxUploadBytesPerSecond: 6 * MiB }),
    sharing('other', { maxUploadBytesPerSecond: 6 * MiB })
  ])
  const warnings: object[] = []
  const logger = { debug: () => {}, info: () => {}, warn: (details: object) => void warnings.push(details) }
  const limits = { sourcesMax: 2, reviewMs: 500, slowerThanMean: 1.5, runSeconds: 0.5 }
  const downloads = await desk.open({ logger, limits })
  const providers = [slow, fast, other].map(({ provider }) => provider)
  const download = await downloads.start({ id: file.id, name: 'a.bin', providers })
  const seen = new Set<string>()
  for await (const event of download.events()) {
    if (event.event !== 'progress') continue
    expect(event.sources.length).toBeLessThanOrEqual(2)
    for (const { peer } of event.sources) seen.add(peer)
  }
  expect([...seen].sort()).toEqual(['fast', 'other', 'slow'])
  expect(warnings).toEqual([])
  expect(Buffer.compare(await readFile((await download.finished).path), bytes)).toBe(0)
}, 30_000)

/** The 64-byte file whose bytes are the two halves of this file's tree: its leaf hashes to the same root. */
async function twinOf(share: TestShare, { id, size }: SharedFile): Promise<Peer> {
  const reader = (await share.open(id))!
  const halves = await reader.hashes(treeHeight(size) - 1, 0, 2)
  expect(idOf(halves).digest).toEqual(id.digest)
  const peer = await liar((request, response) => {
    const head = { 'X-Servent-Size': halves.length, 'Content-Length': halves.length }
    response.writeHead(200, head).end(request.method === 'HEAD' ? undefined : halves)
  }, 'twin')
  peers.push(peer)
  return peer
}

test('of five sources one lies in a block of a hundred, one is slow, one stops, one changes its file, one has its 64-byte twin', async () => {
  const large = randomBytes(100 * MiB, 5)
  const share = new TestShare()
  const { id } = share.add('a.bin', large)
  const twin = await twinOf(share, (await share.get(id))!)
  // Each source is asked for some early block. This one is wrong whenever it is asked for it.
  let wrong: number | undefined
  const lies = await sharing('lies', {}, share, (offset, read) => {
    if (offset >= MiB) wrong ??= Math.floor(offset / MiB)
    if (Math.floor(offset / MiB) === wrong) read[0]! ^= 1
    return read
  })
  const slow = await sharing('slow', { maxUploadBytesPerSecond: 10 * MiB }, share)
  let reads = 0
  const held = Promise.withResolvers<void>()
  const stops = await sharing('stops', {}, share, async (_offset, read) => {
    reads += 1
    if (reads > 3) await held.promise
    return read
  })
  let changedReads = 0
  const changes = await sharing('changes', {}, share, (_offset, read) => {
    changedReads += 1
    if (changedReads > 3) throw new ContentChangedError('It is another file now.')
    return read
  })
  const bans: { peer: string; reason: string }[] = []
  const logger = { debug: () => {}, info: () => {}, warn: (ban: object) => void bans.push(ban as never) }
  const downloads = await desk.open({
    logger,
    limits: { runSeconds: 1, retryMs: 1_000, retryMsMax: 5_000, stallMs: 2_000 }
  })
  const providers = [twin, lies, stops, changes, slow].map(({ provider }) => provider)
  const download = await downloads.start({ id, name: 'a.bin', providers })
  const shown = new Map<string, string>()
  for await (const event of download.events()) {
    if (event.event === 'progress') for (const { peer, reason } of event.banned) shown.set(peer, reason)
  }
  const { path } = await download.finished
  held.resolve()
  expect(Buffer.compare(await readFile(path), large)).toBe(0)
  expect([reads, changedReads].every(count => count > 3)).toBe(true)
  // Who lied is banned, by name and with a reason, in what a program reads while it runs and after; others are not.
  expect([...shown.keys()].sort()).toEqual(['lies', 'twin'])
  expect(shown.get('lies')).toBe(`Its bytes of block ${wrong} do not hash to what the file's tree says.`)
  expect(shown.get('twin')).toMatch(
    /^It says that the file has 64 bytes\. A tree id names more than 16384 bytes/
  )
  expect(new Map(download.status().banned.map(({ peer, reason }) => [peer, reason]))).toEqual(shown)
  expect(bans.map(({ peer }) => peer).sort()).toEqual(['lies', 'twin'])
}, 90_000)
