/** "Search more" over real nodes: a search that found little goes on through another supernode of FastTrack. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import type { ServentNode } from '../src/index.ts'
import { all, folder, last, noise, startNode, stopNodes } from './support/nodes.ts'

/** Seven nodes start, and each wait below may be needed whole. */
const SLOW_MS = 180_000

afterEach(stopNodes)

const start = (role: string, bootstrap: readonly ServentNode[] = [], set: readonly string[] = []) =>
  startNode({ bootstrap, flags: { overlays: 'fasttrack' }, set: [`fasttrack.role=${role}`, ...set] })

const tables = (node: ServentNode) =>
  node.overlay('fasttrack') as unknown as { supernode: string | null; spare: string | null }

/** A supernode that no other knows, and one user of it that shares a file of this name. */
async function island(name: string, seed: number): Promise<ServentNode> {
  const supernode = await start('supernode')
  const sharer = await start('ordinary', [supernode])
  const music = join(await folder('music'), 'Music')
  await mkdir(music)
  await writeFile(join(music, name), noise(1_000, seed))
  await last(sharer.share(music))
  await expect
    .poll(() => sharer.overlay('fasttrack')!.announced, { timeout: 20_000 })
    .toEqual({ files: 1, of: 1 })
  expect(tables(sharer).supernode).toBe(supernode.peerId)
  return supernode
}

test(
  'a search goes through fasttrack.rounds supernodes while it has found little, or as many as it says',
  async () => {
    const supernodes = [await island('first song.mp3', 1), await island('second song.mp3', 2)]
    const seeker = await start('ordinary', supernodes)
    const both = supernodes.map(({ peerId }) => peerId).sort()
    const places = () => [tables(seeker).supernode, tables(seeker).spare].sort()
    await expect.poll(places, { timeout: 40_000 }).toEqual(both)

    // Nobody but the supernode that the seeker has is asked in a round.
    const search = async (more: { rounds?: number } = {}) =>
      (await all(seeker.search({ text: 'song', ttl: 0, timeoutMs: 8_000, ...more }))).flatMap(event =>
        event.event === 'hit' ? [event.name] : []
      )
    const home = tables(seeker).supernode
    const here = await search({ rounds: 1 })
    expect(here).toHaveLength(1)
    expect(tables(seeker).supernode).toBe(home)
    expect((await search()).sort()).toEqual(['first song.mp3', 'second song.mp3'])
    expect(tables(seeker).supernode).not.toBe(home)
  },
  SLOW_MS
)

test(
  'a node whose fasttrack.rounds is 1 stays where it is',
  async () => {
    const supernodes = [await island('first song.mp3', 1), await island('second song.mp3', 2)]
    const seeker = await start('ordinary', supernodes, ['fasttrack.rounds=1'])
    await expect.poll(() => tables(seeker).spare, { timeout: 40_000 }).not.toBeNull()
    const done = await last(seeker.search({ text: 'song', ttl: 0, timeoutMs: 8_000 }))
    expect(done.hits).toBe(1)
  },
  SLOW_MS
)
