/** Kill -9 of a downloading process and its sources (reliability, promise P2): fifty here, a thousand in the full tests. */
import { link, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openDatabase } from '@servent/database'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { partPath } from '../src/part-file.ts'
import { DownloadStore } from '../src/store.ts'
import { Desk } from './helpers/desk.ts'
import { killAgainAndAgain } from './helpers/kill.ts'
import { sharer } from './helpers/peer.ts'
import { randomBytes } from './helpers/share.ts'

const MiB = 2 ** 20

test('P2: killed fifty times at random moments, downloads arrive, and nothing verified is fetched again', async () => {
  const { resumed, downloads, sourceKills } = await killAgainAndAgain({
    kills: 50,
    bytes: 8 * MiB + 5,
    bytesPerSecond: 6 * MiB,
    lifeMsMax: 300
  })
  expect(resumed).toBeGreaterThan(10)
  expect(downloads).toBeGreaterThan(0)
  expect(sourceKills).toBeGreaterThan(0)
}, 120_000)

test('a downloader that loses what stands beside the .part is found out', async () => {
  const plan = { kills: 50, bytes: 8 * MiB + 5, bytesPerSecond: 6 * MiB, lifeMsMax: 300 }
  await expect(killAgainAndAgain({ ...plan, isForgetful: true })).rejects.toThrow(/^life \d+: expected \[/)
}, 120_000)

let desk: Desk
let peer: Awaited<ReturnType<typeof sharer>>
beforeEach(async () => {
  desk = await Desk.make()
  peer = await sharer()
})
afterEach(async () => {
  await desk.remove()
  await peer.stop()
})

/** Fetches a file, and then sets the database back to the moment before it was told that all is done. */
async function killedAtTheEnd() {
  const bytes = randomBytes(3 * MiB)
  const { id } = peer.share.add('a.bin', bytes)
  const downloads = await desk.open()
  const { path } = await (await downloads.start({ id, name: 'a.bin', providers: [peer.provider] })).finished
  await desk.shut()
  const database = openDatabase(join(desk.root, 'servent.db'))
  const store = new DownloadStore(database)
  const [row] = store.load()
  store.save({ ...row!, state: 'active' })
  database.close()
  // Whatever happens now must happen without the network.
  await peer.stop()
  return { id, path, part: partPath(desk.folder, 'a.bin', id) }
}

test('killed after the file was put in its place and before the database knew', async () => {
  const { id, path } = await killedAtTheEnd()
  const downloads = await desk.open()
  expect(await downloads.get(id)!.finished).toMatchObject({ path, bytes: 3 * MiB })
  expect(await desk.files()).toEqual(['a.bin'])
})

test('killed there, and then somebody put another file in its place: it is not taken for it', async () => {
  const { id, path } = await killedAtTheEnd()
  await writeFile(path, Buffer.alloc(3 * MiB))
  const downloads = await desk.open()
  await expect(downloads.get(id)!.finished).rejects.toMatchObject({ name: 'NoSourceError' })
})

test('killed between the two steps of putting it there: both names show one file, and one is removed', async () => {
  const bytes = randomBytes(3 * MiB)
  const { id } = peer.share.add('a.bin', bytes)
  // The state is made by hand: all blocks are there, and the final name is linked already.
  const downloads = await desk.open({ maxDownloadBytesPerSecond: 16 * MiB })
  const download = await downloads.start({ id, name: 'a.bin', providers: [peer.provider] })
  const part = partPath(desk.folder, 'a.bin', id)
  for await (const event of download.events()) {
    if (event.event === 'progress' && event.verifiedBytes >= MiB) break
  }
  await downloads.pause(id)
  await link(part, join(desk.folder, 'a.bin'))
  await downloads.start({ id, providers: [] })
  expect(await download.finished).toMatchObject({ path: join(desk.folder, 'a.bin') })
  expect(await desk.files()).toEqual(['a.bin'])
})

test('a .part without its sidecar, and a sidecar without its .part, begin anew', async () => {
  const bytes = randomBytes(3 * MiB)
  const { id } = peer.share.add('a.bin', bytes)
  const part = partPath(desk.folder, 'a.bin', id)
  for (const lost of [part, part.replace(/\.part$/, '.tree.part')]) {
    const downloads = await desk.open({ maxDownloadBytesPerSecond: 16 * MiB })
    const download = await downloads.start({ id, name: 'a.bin', providers: [peer.provider] })
    for await (const event of download.events()) {
      if (event.event === 'progress' && event.verifiedBytes >= MiB) break
    }
    await downloads.pause(id)
    await rename(lost, join(desk.root, 'lost'))
    await downloads.start({ id, providers: [] })
    await download.finished
    expect(await desk.files()).toEqual(['a.bin'])
    await downloads.cancel(id)
    await rm(join(desk.folder, 'a.bin'))
  }
})
