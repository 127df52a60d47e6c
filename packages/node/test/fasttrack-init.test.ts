/** What a node tells its FastTrack of itself and of others: its upload rate, and participation levels. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { SUPERNODE_KBPS_MIN } from '@servent/fasttrack/machine'
import { afterEach, describe, expect, it, test, vi } from 'vitest'
import type { FastTrackInit } from '../../fasttrack/src/service.ts'
import { SUPERNODE_KBPS, uploadRate } from '../src/upload-rate.ts'
import { folder, last, noise, startNode, stopNodes } from './support/nodes.ts'
import { holdSlots, quietOverlay } from './support/participants.ts'

const inits: FastTrackInit[] = []
vi.mock('@servent/fasttrack', async original => ({
  ...(await original<typeof import('@servent/fasttrack')>()),
  fasttrack: (init: FastTrackInit) => {
    inits.push(init)
    return quietOverlay
  }
}))

afterEach(stopNodes)

const MiB = 2 ** 20

async function start(flags: Record<string, unknown> = {}) {
  const node = await startNode({ flags: { overlays: 'fasttrack', ...flags } })
  return { node, init: inits.at(-1)! }
}

async function shared({ node }: Awaited<ReturnType<typeof start>>, bytes: number) {
  const path = join(await folder('shared'), 'file.bin')
  await writeFile(path, noise(bytes, 1))
  const { ids, ticket } = await last(node.share(path))
  return { id: ids[0]!, ticket: ticket! }
}

test('levels are those of who gave and who did not, once something was transferred', async () => {
  const [giver, taker, stranger] = [await start(), await start(), await start()]
  const levels = () => [giver, stranger].map(({ node }) => taker.init.levelOf!(node.peerId))
  expect(levels()).toEqual([0, 0])
  await last(taker.node.get((await shared(giver, 30 * MiB)).ticket))
  await expect.poll(levels, { timeout: 15_000 }).toEqual([12, 10])
}, 60_000)

test('a rate is what the user allows, or the most that was sent, where that is no bound', async () => {
  const bounded = await start({ maxUploadRate: 512 * 1024 })
  expect(bounded.init.uploadKbps!()).toBe(4194)
  const free = await start()
  const { id } = await shared(free, 64 * MiB)
  expect(free.init.uploadKbps!()).toBe(0)
  const leave = await holdSlots(free.node, id)
  await expect
    .poll(() => free.init.uploadKbps!(), { timeout: 15_000 })
    .toBeGreaterThanOrEqual(SUPERNODE_KBPS_MIN)
  for (const one of leave) one()
  await expect.poll(() => free.node.uploads(), { timeout: 15_000 }).toEqual([])
  expect(free.init.uploadKbps!()).toBeGreaterThanOrEqual(SUPERNODE_KBPS_MIN)
}, 60_000)

describe('an upload rate', () => {
  it('that is bounded is the bound, never as if it were not known', () => {
    expect([1, 125, 126_000].map(bound => uploadRate(bound, () => 10 ** 9)())).toEqual([1, 1, 1008])
  })

  it('that is not bounded is the most that was seen, where that is enough for a supernode', () => {
    expect(SUPERNODE_KBPS).toBe(SUPERNODE_KBPS_MIN)
    let sending = 0
    const rate = uploadRate(0, () => sending)
    const seen = [0, 31_999, 32_000, 0, 50_000, 40_000].map(bytesPerS => {
      sending = bytesPerS
      return rate()
    })
    expect(seen).toEqual([0, 0, 256, 256, 400, 400])
  })
})
