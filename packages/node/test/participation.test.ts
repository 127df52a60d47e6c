/**
 * Participation levels in real nodes over TCP: whoever gave goes before strangers when all slots are taken, also by what
 * it gave to others; keys that sign for each other are strangers; a restart keeps what is known.
 */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openDatabase } from '@servent/database'
import { ContentId } from '@servent/overlay'
import { afterEach, expect, test, vi } from 'vitest'
import type { ServentNode } from '../src/index.ts'
import { stopNetworks } from './support/networks.ts'
import { folder, last, noise, type StartOptions, startNode, stopNodes } from './support/nodes.ts'
import {
  ask,
  crossSigned,
  holdSlots,
  keysOf,
  queue,
  quietOverlay,
  startShowing,
  waiting
} from './support/participants.ts'

vi.mock('../src/overlay-factories.ts', async original => {
  const factories = await original<typeof import('../src/overlay-factories.ts')>()
  const overlayFactory: typeof factories.overlayFactory = async (name, ...rest) =>
    name === 'fasttrack' ? quietOverlay : factories.overlayFactory(name, ...rest)
  return { ...factories, overlayFactory }
})

afterEach(async () => {
  await stopNetworks()
  await stopNodes()
})

const MiB = 2 ** 20
/** Slow enough that what holds a slot holds it for the whole test. */
const SLOW = 512 * 1024

const start = ({ flags, ...options }: StartOptions = {}) =>
  startNode({ ...options, flags: { overlays: 'fasttrack', ...flags } })

/** Shares a file of this many bytes: its id and its ticket. */
async function shared(node: ServentNode, bytes: number, seed: number) {
  const path = join(await folder('shared'), `${seed}.bin`)
  await writeFile(path, noise(bytes, seed))
  const { ids, ticket } = await last(node.share(path))
  return { id: ids[0]!, ticket: ticket! }
}

test('who gave this node something goes before a stranger when all slots are taken, and after a restart', async () => {
  const [giver, stranger] = [await start(), await start()]
  const node = await start({ flags: { maxUploadRate: SLOW } })
  expect(node.status().participation).toBeUndefined()
  await last(node.get((await shared(giver, 30 * MiB, 1)).ticket))
  await expect.poll(() => node.status().participation).toEqual({ level: 10, band: 'Low' })

  const { id: large } = await shared(node, 4 * MiB, 2)
  const { ticket } = await shared(node, 1000, 3)
  const slots = await holdSlots(node, large)
  await queue(stranger, node, ticket)
  const givers = await queue(giver, node, ticket)
  expect(waiting(node)).toEqual([
    [giver.peerId, 'giver', 12, 'Low'],
    [stranger.peerId, 'newcomer', 10, 'Low']
  ])
  await expect
    .poll(() => giver.downloads()[0]?.reason)
    .toContain('place 1 of 2, as a giver that gave it 30.0 MiB and took 0.0, at level 12 (Low)')
  slots[0]!()
  await givers.done
  expect(stranger.downloads()).toMatchObject([{ phase: 'locating' }])
  await Promise.all([node.stop(), stranger.stop()])
  const again = await start({ dataDir: node.config.dataDir, flags: { maxUploadRate: SLOW } })
  await holdSlots(again, large)
  await queue(giver, again, await again.ticket(ContentId.parse(large)))
  expect(waiting(again)).toEqual([[giver.peerId, 'giver', 12, 'Low']])
}, 60_000)

test('who gave to one who gave goes before a stranger, and a hundred keys that sign for each other do not', async () => {
  const [first, friend, stranger] = [await start(), await start(), await start()]
  const node = await start({ flags: { maxUploadRate: SLOW } })
  // What comes with the second is receipted from its beginning on.
  await last(friend.get((await shared(first, 1000, 1)).ticket))
  await expect.poll(() => friend.status().participation).toBeDefined()
  await last(friend.get((await shared(first, 72 * MiB, 2)).ticket))
  await expect.poll(() => first.status().participation?.level).toBeGreaterThanOrEqual(26)
  await last(node.get((await shared(friend, 30 * MiB, 3)).ticket))

  const { id: large } = await shared(node, 4 * MiB, 4)
  const { id, ticket } = await shared(node, 1000, 5)
  await holdSlots(node, large)
  await queue(stranger, node, ticket)
  const keys = await keysOf(100)
  const crowd = [
    await startShowing(keys[0]!, await crossSigned(keys.slice(0, 51), 2 ** 40)),
    await startShowing(keys[50]!, await crossSigned(keys.slice(50), 2 ** 40))
  ]
  for (const key of crowd) {
    await ask(key.network, node, id)
    await expect.poll(() => key.shown).toBe(1)
  }
  await queue(first, node, ticket)
  const [a, b] = crowd.map(({ network }) => network.peerId.toString())
  await expect
    .poll(() => waiting(node))
    .toEqual([
      [first.peerId, 'giver', 12, 'Low'],
      [stranger.peerId, 'newcomer', 10, 'Low'],
      [a, 'newcomer', 10, 'Low'],
      [b, 'newcomer', 10, 'Low']
    ])
  const { answer } = await ask(crowd[0]!.network, node, id)
  expect(answer).toMatchObject({
    status: 503,
    headers: { 'x-servent-standing': 'newcomer; given=0; taken=0', 'x-servent-level': '10; band=Low' }
  })

  await Promise.all([node, first, friend, stranger].map(one => one.stop()))
  // 99 of the keys, and the one of the two others.
  expect(receiptsOfOthers(node)).toBe(100)
  // Nobody shows any more what the first one gave: it was kept.
  const silent = await start({ dataDir: first.config.dataDir, set: ['fasttrack.receipts=off'] })
  const again = await start({ dataDir: node.config.dataDir, flags: { maxUploadRate: SLOW } })
  await holdSlots(again, large)
  await queue(silent, again, await again.ticket(ContentId.parse(large)))
  expect(waiting(again)).toEqual([[first.peerId, 'giver', 12, 'Low']])
}, 60_000)

test.each([
  ['where receipts are off', 'fasttrack', 'off'],
  ['without FastTrack', 'gnutella', 'on']
])('%s the ledger alone says who goes first, and no receipts are given', async (_, overlays, receipts) => {
  const giver = await start()
  const node = await start({
    flags: { overlays, maxUploadRate: SLOW },
    set: [`fasttrack.receipts=${receipts}`]
  })
  await last(node.get((await shared(giver, 2 * MiB, 1)).ticket))
  const { id: large } = await shared(node, 4 * MiB, 2)
  const { ticket } = await shared(node, 1000, 3)
  await holdSlots(node, large)
  await queue(giver, node, ticket)
  expect(waiting(node)).toEqual([[giver.peerId, 'giver', undefined, undefined]])
  expect(node.status()).not.toHaveProperty('participation')
  await node.stop()
  expect(receiptsOfOthers(node)).toBeUndefined()
})

/** Of a node that has stopped; nothing where it never kept any. */
function receiptsOfOthers(node: ServentNode): number | undefined {
  const database = openDatabase(join(node.config.dataDir, 'servent.db'))
  try {
    const { sql } = database
    if (sql.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'participation_receipts'").get() === undefined)
      return undefined
    return Number(
      sql.prepare('SELECT count(*) AS n FROM participation_receipts WHERE sealed IS NULL').get()!.n
    )
  } finally {
    database.close()
  }
}
