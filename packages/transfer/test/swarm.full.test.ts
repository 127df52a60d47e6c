/** How much sooner several have a file from one capped source where they give each other what they have. */
import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { sharer } from './helpers/peer.ts'
import { randomBytes, TestShare } from './helpers/share.ts'
import { type SwarmPeer, swarmPeer } from './helpers/swarm.ts'

const MiB = 2 ** 20
const FETCHERS = 3
const CAP_MIB_PER_SECOND = 5
const SIZE_MIB = 96

/** With the limits that people have. Who has a block is found, as overlays do. */
async function fetchAll(isGiving: boolean): Promise<{ seconds: number[]; sentMiB: number }> {
  const bytes = randomBytes(SIZE_MIB * MiB + 77)
  const share = new TestShare()
  const { id } = share.add('a.bin', bytes)
  const source = await sharer(share, { maxUploadBytesPerSecond: CAP_MIB_PER_SECOND * MiB }, 'source')
  const members: SwarmPeer[] = []
  for (let peer = 0; peer < FETCHERS; peer += 1) {
    const others = () =>
      members.filter((other, place) => place !== peer && other.partials.get(id) !== undefined)
    const downloads = {
      limits: { checkpointMs: 1_000, queueWaitMsMin: 1_000, retryMs: 1_000, retryMsMax: 30_000 },
      async *findProviders() {
        if (isGiving) yield* others().map(({ provider }) => provider)
      }
    }
    members.push(await swarmPeer(`peer ${peer}`, { downloads }))
  }
  const beganMs = performance.now()
  const ends = members.map(async ({ downloads }) => {
    const download = await downloads.start({ id, name: 'a.bin', providers: [source.provider] })
    const { path } = await download.finished
    const seconds = (performance.now() - beganMs) / 1000
    expect(Buffer.compare(await readFile(path), bytes)).toBe(0)
    return Math.round(seconds * 10) / 10
  })
  const seconds = await Promise.all(ends)
  await source.stop()
  for (const member of members) await member.remove()
  return { seconds, sentMiB: Math.round(source.sentBytes / MiB) }
}

test('three from one source of 5 MiB/s: with each other and without', async () => {
  const alone = await fetchAll(false)
  const together = await fetchAll(true)
  console.log(
    `${FETCHERS} fetch ${SIZE_MIB} MiB from ${CAP_MIB_PER_SECOND} MiB/s: alone ${JSON.stringify(alone)}, together ${JSON.stringify(together)}`
  )
  expect(alone.sentMiB).toBeGreaterThanOrEqual(FETCHERS * SIZE_MIB)
  expect(together.sentMiB).toBeLessThan(2 * SIZE_MIB)
}, 300_000)
