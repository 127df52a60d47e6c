/** Downloads and the queue of busy sources, several sources at once, and bounds on what is asked of them. */
import { readFile } from 'node:fs/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Asker } from './helpers/ask.ts'
import { Desk } from './helpers/desk.ts'
import { type Peer, sharer } from './helpers/peer.ts'
import { randomBytes, TestShare } from './helpers/share.ts'

const MiB = 2 ** 20
const bytes = randomBytes(12 * MiB)
const share = new TestShare()
const file = share.add('a.bin', bytes)

let desk: Desk
const peers: Peer[] = []
beforeEach(async () => {
  desk = await Desk.make()
})
afterEach(async () => {
  share.beforeRead = () => {}
  await desk.remove()
  for (const peer of peers.splice(0)) await peer.stop()
})

async function sharing(init = {}, peerId?: string) {
  const peer = await sharer(share, init, peerId)
  peers.push(peer)
  return peer
}

test('a source without a free slot: its queue is shown, and the file comes when it is our turn', async () => {
  const limits = { slotsMax: 1, queuePollMinMs: 1, slotLingerMs: 1 }
  const peer = await sharing({ limits })
  const other = await Asker.connect(peer.server, 'another')
  await other.hold(`/ipfs/${file.id}`)
  const downloads = await desk.open({ limits: { queueWaitMsMin: 5, queueWaitMsMax: 10 } })
  const download = await downloads.start({ id: file.id, name: 'a.bin', providers: [peer.provider] })
  for await (const event of download.events()) {
    if (event.event !== 'progress' || event.reason === undefined) continue
    expect(event).toMatchObject({
      phase: 'locating',
      reason:
        'honest: It has no free upload slot: place 1 of 1, as a newcomer that gave it 0.0 MiB and took 0.0.'
    })
    break
  }
  other.close()
  expect(Buffer.compare(await readFile((await download.finished).path), bytes)).toBe(0)
})

test('several sources at once each bring their part', async () => {
  const many = await Promise.all(
    ['a', 'b', 'c'].map(id => sharing({ maxUploadBytesPerSecond: 16 * MiB }, id))
  )
  const downloads = await desk.open({ limits: { sourcesMax: 3, rangeBytesMax: MiB } })
  const providers = many.map(({ provider }) => provider)
  const download = await downloads.start({ id: file.id, name: 'a.bin', providers })
  let most = 0
  for await (const event of download.events()) {
    if (event.event === 'progress') most = Math.max(most, event.sources.length)
  }
  const { path, sources } = await download.finished
  expect({ most, sources }).toEqual({ most: 3, sources: 3 })
  expect(Buffer.compare(await readFile(path), bytes)).toBe(0)
})

test('no more sources at once than may be', async () => {
  const many = await Promise.all(['a', 'b', 'c'].map(id => sharing({}, id)))
  const downloads = await desk.open({ limits: { sourcesMax: 2, rangeBytesMax: MiB } })
  const providers = many.map(({ provider }) => provider)
  const download = await downloads.start({ id: file.id, name: 'a.bin', providers })
  for await (const event of download.events()) {
    if (event.event === 'progress') expect(event.sources.length).toBeLessThanOrEqual(2)
  }
  await download.finished
})

test('a request asks for no more bytes than may be, and one block at least', async () => {
  const asked: number[] = []
  const peer = await sharing()
  const uploads = () => peer.server.uploads().map(({ totalBytes }) => totalBytes)
  share.beforeRead = () => void asked.push(...uploads())
  for (const [rangeBytesMax, most] of [
    [4 * MiB, 4 * MiB],
    [1, MiB]
  ] as const) {
    asked.length = 0
    const downloads = await desk.open({ limits: { rangeBytesMax } })
    const download = await downloads.start({ id: file.id, name: 'a.bin', providers: [peer.provider] })
    await download.finished
    expect(Math.max(...asked)).toBe(most)
    await downloads.cancel(file.id)
  }
})

test('a provider that turns up while others fail is used', async () => {
  const downloads = await desk.open({ limits: { retryMs: 50, retryMsMax: 100 } })
  const dead = { peerId: 'dead', addresses: ['/ip4/127.0.0.1/tcp/1'] }
  const download = await downloads.start({ id: file.id, name: 'a.bin', providers: [dead] })
  for await (const event of download.events()) {
    if (event.event === 'progress' && event.reason !== undefined) {
      expect(event.reason).toMatch(/^dead: It could not be reached: connect ECONNREFUSED/)
      break
    }
  }
  desk.found = [(await sharing()).provider]
  expect(await download.finished).toMatchObject({ sources: 1 })
})

test('a connection that never comes about is given up in its time', async () => {
  const connector = {
    connect: (_provider: unknown, _id: unknown, signal: AbortSignal) =>
      new Promise<never>((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  }
  const downloads = await desk.open({ connector, limits: { connectMs: 20, roundsMax: 2 } })
  const download = await downloads.start({ id: file.id, providers: [{ peerId: 'far', addresses: [] }] })
  await expect(download.finished).rejects.toMatchObject({
    name: 'NoSourceError',
    message: expect.stringMatching(
      /^Nobody who has this file could be reached\. far: It could not be reached: /
    )
  })
})

test('a search for providers that never ends is ended', async () => {
  const findProviders = async function* (_id: unknown, signal: AbortSignal) {
    await new Promise(resolve => signal.addEventListener('abort', resolve))
    yield* []
  }
  const downloads = await desk.open({ findProviders, limits: { locateMs: 20, emptyRoundsMax: 2 } })
  const download = await downloads.start({ id: file.id, providers: [] })
  await expect(download.finished).rejects.toMatchObject({ name: 'NoSourceError' })
})

test('a search that throws is no more than one that finds nobody', async () => {
  // biome-ignore lint/correctness/useYield: it fails before it finds anybody
  const findProviders = async function* () {
    throw new Error('no neighbours')
  }
  const downloads = await desk.open({ findProviders })
  const download = await downloads.start({ id: file.id, providers: [] })
  await expect(download.finished).rejects.toMatchObject({ name: 'NoSourceError' })
  // A failed one can be tried again, and has a new promise.
  const peer = await sharing()
  expect(await downloads.start({ id: file.id, providers: [peer.provider] })).toBe(download)
  await download.finished
})
