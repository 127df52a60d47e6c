/** The hash layer of files beyond 8 GiB comes in pieces with proofs, which only the file's own root accepts. */
import { type ContentId, HASH_BYTES, layerCount } from '@servent/overlay'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { fetchPiece, pieceOf } from '../src/fetch.ts'
import { HttpSource } from '../src/http-source.ts'
import { DOWNLOAD_LIMITS, SERVER_LIMITS } from '../src/index.ts'
import { PartFile, partPath } from '../src/part-file.ts'
import { Desk } from './helpers/desk.ts'
import { sharer, tcpConnector } from './helpers/peer.ts'
import { randomBytes } from './helpers/share.ts'

const MiB = 2 ** 20
const GiB = 2 ** 30
const signal = new AbortController().signal

let desk: Desk
let peer: Awaited<ReturnType<typeof sharer>>
beforeEach(async () => {
  desk = await Desk.make()
  await desk.open()
  peer = await sharer()
})
afterEach(async () => {
  await desk.remove()
  await peer.stop()
})

function sourceOf(id: ContentId): HttpSource {
  return new HttpSource({
    provider: peer.provider,
    id,
    connector: tcpConnector,
    limits: DOWNLOAD_LIMITS,
    cap: undefined
  })
}

test.each([
  ['8 GiB: one piece without a proof', 8 * GiB, 1, 0],
  ['a byte more: two pieces, each with one uncle', 8 * GiB + 1, 2, 1],
  ['20 GiB: three pieces, each with two', 20 * GiB + 5 * MiB + 3, 3, 2]
])('%s', async (_what, size, pieces, uncles) => {
  const layer = randomBytes(layerCount(size) * HASH_BYTES)
  const { id } = peer.share.addLayer('huge', layer, size)
  const source = sourceOf(id)
  const part = await PartFile.create(partPath(desk.folder, 'huge', id), id, size)
  for (let index = 0; index < pieces; index += 1) {
    const run = pieceOf(size, index * SERVER_LIMITS.hashesMax)
    expect(run).toMatchObject({ height: 6, index: index * 8192, count: 8192 })
    const bytes = await fetchPiece(source, id, run, signal)
    expect(bytes).toHaveLength((8192 + uncles) * HASH_BYTES)
    expect(await part.sidecar.hashOf(run.index)).toBeUndefined()
    await part.savePiece(index, bytes)
  }
  await part.close()
  const again = (await PartFile.open(partPath(desk.folder, 'huge', id), id))!
  for (const block of [0, 1, 8191, 8192, 16_383, 16_384, layerCount(size) - 1].filter(
    at => at < layerCount(size)
  )) {
    const expected = layer.subarray(block * HASH_BYTES, (block + 1) * HASH_BYTES)
    expect(Buffer.compare((await again.sidecar.hashOf(block))!, expected)).toBe(0)
  }
  await again.close()
  source.close()
})

test('a piece that was lost from the sidecar is fetched again, and the download goes on', async () => {
  const bytes = randomBytes(6 * MiB)
  const { id } = peer.share.add('a.bin', bytes)
  const downloads = await desk.open({ maxDownloadBytesPerSecond: 16 * MiB })
  const download = await downloads.start({ id, name: 'a.bin', providers: [peer.provider] })
  for await (const event of download.events()) {
    if (event.event === 'progress' && event.verifiedBytes >= 2 * MiB) break
  }
  await downloads.pause(id)
  const part = (await PartFile.open(partPath(desk.folder, 'a.bin', id), id))!
  await part.savePiece(0, new Uint8Array(8 * HASH_BYTES))
  await part.close()
  await downloads.start({ id, providers: [] })
  expect(await download.finished).toMatchObject({ bytes: 6 * MiB })
})
