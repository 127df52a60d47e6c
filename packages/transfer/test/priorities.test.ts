/** Which downloads run where not all may, over TCP with real files. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Download, DownloadPriority, Downloads } from '../src/index.ts'
import { Desk } from './helpers/desk.ts'
import { type Peer, sharer } from './helpers/peer.ts'
import { randomBytes, TestShare } from './helpers/share.ts'

const MiB = 2 ** 20
const share = new TestShare()
const files = [1, 2, 3].map(seed => share.add(`${seed}.bin`, randomBytes(4 * MiB, seed)))

let desk: Desk
let peer: Peer
beforeEach(async () => {
  desk = await Desk.make()
  peer = await sharer(share, { maxUploadBytesPerSecond: 8 * MiB })
})
afterEach(async () => {
  await desk.remove()
  await peer.stop()
})

function start(downloads: Downloads, index: number, priority?: DownloadPriority): Promise<Download> {
  const { id, name } = files[index]!
  const request = { id, name, providers: [peer.provider] }
  return downloads.start(priority === undefined ? request : { ...request, priority })
}

/** In the order in which they end. */
async function ends(...downloads: Download[]): Promise<string[]> {
  const order: string[] = []
  await Promise.all(downloads.map(one => one.finished.then(() => order.push(one.status().name))))
  return order
}

const fetching = (download: Download) => expect.poll(() => download.status().phase).toBe('fetching')

test('a higher one has a lower one give way, which keeps what it has and goes on afterwards', async () => {
  const downloads = await desk.open({ limits: { activeMax: 1, checkpointMs: 10 } })
  const low = await start(downloads, 0, 'low')
  await fetching(low)
  await expect.poll(() => low.status().verifiedBytes).toBeGreaterThan(MiB)
  const high = await start(downloads, 1, 'high')
  await fetching(high)
  expect(low.status()).toMatchObject({
    phase: 'locating',
    priority: 'low',
    reason: 'It waits: one of a higher priority runs in its place.'
  })
  expect(await ends(low, high)).toEqual(['2.bin', '1.bin'])
  await peer.stop()
  expect(peer.sentBytes / MiB).toBeLessThan(8 + 2)
})

test('one of the same priority waits for its turn', async () => {
  const downloads = await desk.open({ limits: { activeMax: 1 } })
  const [first, second, third] = [
    await start(downloads, 0),
    await start(downloads, 1, 'normal'),
    await start(downloads, 2, 'high')
  ]
  expect(await ends(first, second, third)).toEqual(['3.bin', '1.bin', '2.bin'])
})

test('one that is known gets another priority, which outlives the program, and none is normal', async () => {
  const downloads = await desk.open({ limits: { activeMax: 1 } })
  const [first, second] = [await start(downloads, 0), await start(downloads, 1)]
  expect(first.status().priority).toBe('normal')
  expect(await start(downloads, 1, 'high')).toBe(second)
  await fetching(second)
  const again = await desk.open({ limits: { activeMax: 1 } })
  expect(again.list().map(({ priority }) => priority)).toEqual(['normal', 'high'])
  expect(await ends(...files.slice(0, 2).map(({ id }) => again.get(id)!))).toEqual(['2.bin', '1.bin'])
})
