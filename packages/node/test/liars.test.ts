/**
 * A peer that claims files that it does not have gains nothing by it: it signs records for them, so that it is found
 * beside an honest provider, but whoever fetches gets every byte from the honest one, knows the liar by name and does
 * not ask it again, and the liar goes no sooner than any stranger where places are rare.
 */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { ServentNode } from '../src/index.ts'
import { stopNetworks } from './support/networks.ts'
import { all, folder, last, noise, sha256, startNode, stopNodes } from './support/nodes.ts'
import { holdSlots, queue, quietOverlay, waiting } from './support/participants.ts'

/** How the node that is started next answers for the bytes of what it shares, and how often a liar was asked. */
const lying = vi.hoisted(() => ({ how: undefined as 'wrong bytes' | 'nothing' | undefined, asked: 0 }))

/** Its catalogue stays what it is: that is what overlays announce and sign. */
vi.mock('../src/library-door.ts', async original => {
  const real = await original<typeof import('../src/library-door.ts')>()
  class LibraryDoor extends real.LibraryDoor {
    readonly #how = lying.how

    override async open(
      id: Parameters<typeof this.get>[0]
    ): ReturnType<typeof real.LibraryDoor.prototype.open> {
      if (this.#how === undefined) return super.open(id)
      lying.asked += 1
      const reader = this.#how === 'nothing' ? undefined : await super.open(id)
      return reader && { ...bound(reader), read: async (_, length) => new Uint8Array(length) }
    }
  }
  return { ...real, LibraryDoor }
})

vi.mock('../src/overlay-factories.ts', async original => {
  const factories = await original<typeof import('../src/overlay-factories.ts')>()
  const overlayFactory: typeof factories.overlayFactory = async (name, ...rest) =>
    name === 'fasttrack' ? quietOverlay : factories.overlayFactory(name, ...rest)
  return { ...factories, overlayFactory }
})

type Reader = NonNullable<Awaited<ReturnType<import('../src/library-door.ts').LibraryDoor['open']>>>
const bound = (reader: Reader): Reader => ({
  file: reader.file,
  read: (offset, length) => reader.read(offset, length),
  hashes: (height, index, count) => reader.hashes(height, index, count),
  close: () => reader.close()
})

beforeEach(() => {
  Object.assign(lying, { how: undefined, asked: 0 })
})

afterEach(async () => {
  await stopNetworks()
  await stopNodes()
})

const MiB = 2 ** 20
const NAME = 'Foggy Mountain Breakdown.bin'
/** Enough for one who gave it to be told from strangers. */
const FILE_BYTES = 30 * MiB
/** Slow enough that what holds a slot holds it for the whole test. */
const SLOW = 512 * 1024

const start = (bootstrap: readonly ServentNode[] = []) =>
  startNode({ bootstrap, flags: { overlays: 'fasttrack,chord', maxUploadRate: SLOW } })
/** One whose uploads are as fast as they can be. */
const startFast = (bootstrap: readonly ServentNode[] = []) =>
  startNode({ bootstrap, flags: { overlays: 'fasttrack,chord' } })

async function shared(node: ServentNode, name: string, bytes: number, seed: number) {
  const path = join(await folder('shared'), name)
  await writeFile(path, noise(bytes, seed))
  const { ids, ticket } = await last(node.share(path))
  return { path, id: ids[0]!, ticket: ticket! }
}

const isAnnounced = (node: ServentNode) => {
  const { files, of } = node.status().overlays.find(({ name }) => name === 'chord')!.announced!
  return of > 0 && files === of
}

test.each(['wrong bytes', 'nothing'] as const)(
  'a liar that gives %s: the file comes from the honest one, and the liar gains nothing',
  async how => {
    const honest = await startFast()
    lying.how = how
    const liar = await startFast([honest])
    lying.how = undefined
    const seeker = await start([honest])
    const { path, id } = await shared(honest, NAME, FILE_BYTES, 1)
    await shared(liar, NAME, FILE_BYTES, 1)
    await expect.poll(() => [honest, liar].every(isAnnounced), { timeout: 30_000 }).toBe(true)

    const hits = await all(seeker.search({ text: 'foggy mountain' }))
    expect(hits.at(-1)).toMatchObject({ event: 'done', hits: 2, files: 1 })
    const [row] = seeker.lastSearch()
    expect(row!.providers.map(({ peerId }) => peerId).toSorted()).toEqual(
      [honest.peerId, liar.peerId].toSorted()
    )
    const events = await all(seeker.get('1'))
    const done = events.at(-1)!
    expect(done).toMatchObject({ event: 'done', bytes: FILE_BYTES })
    if (done.event === 'done') expect(await sha256(done.path)).toBe(await sha256(path))
    expect(lying.asked).toBeGreaterThan(0)
    const { banned, sources } = seeker.downloads()[0]!
    expect(sources.map(({ peer }) => peer)).not.toContain(liar.peerId)
    if (how === 'wrong bytes') {
      expect(banned.map(({ peer }) => peer)).toEqual([liar.peerId])
      expect(banned[0]!.reason).toMatch(/Its bytes of block \d+ do not hash to what the file's tree says/)
    }

    // Where all places are taken, who gave goes before strangers: the liar is one of these, and first it waits longer.
    const { id: large } = await shared(seeker, 'large.bin', 4 * MiB, 2)
    const { ticket } = await shared(seeker, 'small.bin', 1000, 3)
    await holdSlots(seeker, large)
    await queue(liar, seeker, ticket)
    await queue(honest, seeker, ticket)
    expect(waiting(seeker)).toEqual([
      [honest.peerId, 'giver', 12, 'Low'],
      [liar.peerId, 'newcomer', 10, 'Low']
    ])
    expect(liar.status().participation?.level ?? 10).toBe(10)
    expect(id).toBe(row!.id)
  },
  90_000
)

test('a liar that is alone: the download fails and names it, and it is not asked again', async () => {
  const honest = await startFast()
  lying.how = 'wrong bytes'
  const liar = await startFast([honest])
  lying.how = undefined
  const seeker = await start([honest])
  await shared(liar, NAME, 2 * MiB, 1)
  await expect.poll(() => isAnnounced(liar), { timeout: 30_000 }).toBe(true)
  await all(seeker.search({ text: 'foggy mountain' }))
  const failure = { name: 'VerificationError', message: expect.stringContaining(liar.peerId) }
  await expect(all(seeker.get('1'))).rejects.toMatchObject(failure)
  const { asked } = lying
  expect(asked).toBeGreaterThan(0)
  await expect(all(seeker.get('1'))).rejects.toMatchObject(failure)
  expect(lying.asked).toBe(asked)
  expect(liar.status().participation?.level ?? 10).toBe(10)
}, 60_000)
