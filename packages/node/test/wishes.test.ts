/** The wishlist on a real database, in virtual time, and between two real nodes. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openDatabase } from '@servent/database'
import { afterEach, describe, expect, test } from 'vitest'
import { loadConfig } from '../src/index.ts'
import { silentLogger } from '../src/silent-logger.ts'
import type { SearchRequest, SearchRow } from '../src/types.ts'
import {
  WISH_FILES_A_DAY_MAX,
  WISH_GET_BYTES_DEFAULT,
  WISH_MINUTES_DEFAULT,
  WISH_MINUTES_MAX,
  WISH_MINUTES_MIN,
  WISH_PROVIDER_SHARE_MAX,
  WISH_RESULTS_MAX,
  WISH_ROW_PROVIDERS_MAX,
  WISH_ROWS_MAX,
  WISH_SEARCH_MS,
  WISHES_MAX
} from '../src/wish-limits.ts'
import { WishStore } from '../src/wish-store.ts'
import { Wishes } from '../src/wishes.ts'
import { idOf } from './support/hits.ts'
import { all, folder, last, neighbours, noise, startNode, stopNodes } from './support/nodes.ts'

afterEach(stopNodes)

const PERIOD_MS = 30 * 60_000
const DAY_MS = 24 * 60 * 60_000

const row = (number: number, more: Partial<SearchRow> = {}): SearchRow => ({
  row: number,
  id: idOf(number).toString(),
  name: `file ${number}.ogg`,
  size: 100,
  type: 'audio/ogg',
  providers: [{ peerId: 'peer', addresses: [] }],
  overlays: ['gnutella'],
  ...more
})

const by = (...peerIds: string[]) => ({ providers: peerIds.map(peerId => ({ peerId, addresses: [] })) })

/** A wishlist whose clock stands until it is set on, over a network that answers as the test says. */
function wishlist(database = openDatabase(':memory:')) {
  const world = {
    wallMs: 1_700_000_000_000,
    nowMs: 1_000_000,
    found: [] as SearchRow[],
    failure: undefined as Error | undefined,
    getFailure: undefined as Error | undefined,
    asked: [] as SearchRequest[],
    got: [] as string[],
    here: new Set<string>(),
    /** What the last download was told. */
    sizeMax: undefined as number | undefined,
    /** So long later, one search for whatever is due. */
    async after(ms: number) {
      world.wallMs += ms
      world.nowMs += ms
      await wishes.look()
    }
  }
  const wishes = new Wishes({
    store: new WishStore(database),
    periodMs: PERIOD_MS,
    find: async request => {
      world.asked.push(request)
      if (world.failure !== undefined) throw world.failure
      return world.found
    },
    has: async id => world.here.has(id),
    get: async ({ id }, sizeMax) => {
      if (world.getFailure !== undefined) throw world.getFailure
      world.got.push(id)
      world.here.add(id)
      world.sizeMax = sizeMax
    },
    logger: silentLogger,
    clock: () => ({ wallMs: world.wallMs, nowMs: world.nowMs }),
    chance: () => 0
  })
  return { world, wishes }
}

describe('what is new', () => {
  test('is what no search had found since the user looked', async () => {
    const { world, wishes } = wishlist()
    world.found = [row(1), row(2)]
    const { wish } = wishes.add({ text: 'banjo', type: 'audio' })
    await wishes.look()
    expect(world.asked).toEqual([
      { text: 'banjo', type: 'audio', limit: WISH_RESULTS_MAX, timeoutMs: WISH_SEARCH_MS }
    ])
    expect(wishes.list()).toMatchObject([
      { wish, hits: 2, newHits: 2, lastMs: world.wallMs, nextMs: world.wallMs + PERIOD_MS }
    ])
    expect(wishes.rows(wish).map(({ row, isNew }) => [row, isNew])).toEqual([
      [1, true],
      [2, true]
    ])
    wishes.looked(wish, 1)
    world.found = [row(3), row(1)]
    await world.after(PERIOD_MS)
    expect(wishes.rows(wish).map(({ row, name }) => [row, name])).toEqual([
      [2, 'file 2.ogg'],
      [3, 'file 3.ogg']
    ])
    expect(wishes.rows(wish, { all: true })).toHaveLength(3)
    expect(wishes.list()).toMatchObject([{ hits: 3, newHits: 2 }])
  })

  test('is remembered across a restart, and so is when it is due', async () => {
    const path = join(await folder('wishes'), 'servent.db')
    const database = openDatabase(path)
    const before = wishlist(database)
    before.world.found = [row(1)]
    const { wish } = before.wishes.add({ text: 'banjo' })
    await before.wishes.look()
    await before.wishes.stop()
    database.close()

    const { world, wishes } = wishlist(openDatabase(path))
    world.found = [row(1), row(2)]
    await world.after(PERIOD_MS - 1)
    expect(world.asked).toEqual([])
    await world.after(1)
    expect(wishes.rows(wish).map(({ row }) => row)).toEqual([1, 2])
  })

  test('a search that failed says why, and the next one is in its time', async () => {
    const { world, wishes } = wishlist()
    world.failure = new Error('No overlay that was asked for is running.')
    wishes.add({ text: 'banjo' })
    await wishes.look()
    expect(wishes.list()).toMatchObject([{ reason: world.failure.message, hits: 0 }])
    await world.after(60_000)
    expect(world.asked).toHaveLength(1)
    world.failure = undefined
    await world.after(PERIOD_MS)
    expect(wishes.list()[0]!.reason).toBeUndefined()
  })
})

describe('bounds', () => {
  test('WISHES_MAX, and one past it; a number is never given twice', () => {
    const { wishes } = wishlist()
    for (let wish = 1; wish <= WISHES_MAX; wish += 1) expect(wishes.add({ text: 'banjo' }).wish).toBe(wish)
    expect(() => wishes.add({ text: 'banjo' })).toThrow(expect.objectContaining({ name: 'WishError' }))
    wishes.remove(WISHES_MAX)
    expect(wishes.add({ text: 'banjo' }).wish).toBe(WISHES_MAX + 1)
    expect(() => wishes.remove(WISHES_MAX)).toThrow(expect.objectContaining({ name: 'NotFoundError' }))
    expect(() => wishes.rows(WISHES_MAX)).toThrow(expect.objectContaining({ name: 'NotFoundError' }))
    expect(() => wishes.looked(WISHES_MAX, 1)).toThrow(expect.objectContaining({ name: 'NotFoundError' }))
    expect(() => wishes.add({ text: '!!!' })).toThrow(expect.objectContaining({ name: 'QueryError' }))
  })

  test('WISH_ROWS_MAX files are remembered, and those that are found still before others', async () => {
    const { world, wishes } = wishlist()
    world.found = Array.from({ length: WISH_ROWS_MAX }, (_, index) => row(index + 1))
    const { wish } = wishes.add({ text: 'banjo' })
    await wishes.look()
    expect(wishes.list()).toMatchObject([{ hits: WISH_ROWS_MAX }])
    wishes.looked(wish, WISH_ROWS_MAX)
    world.found = [...world.found.slice(1), row(WISH_ROWS_MAX + 1)]
    await world.after(PERIOD_MS)
    expect(wishes.list()).toMatchObject([{ hits: WISH_ROWS_MAX, newHits: 1 }])
    expect(wishes.rows(wish, { all: true })[0]!.row).toBe(2)
    // What is found each time is not new each time.
    await world.after(PERIOD_MS)
    expect(wishes.list()).toMatchObject([{ newHits: 1 }])
  })

  test('WISH_ROW_PROVIDERS_MAX providers are remembered of a file', async () => {
    const { world, wishes } = wishlist()
    const providers = Array.from({ length: WISH_ROW_PROVIDERS_MAX + 1 }, (_, index) => ({
      peerId: `${index}`,
      addresses: []
    }))
    world.found = [row(1, { providers: providers.slice(1) }), row(2, { providers })]
    const { wish } = wishes.add({ text: 'banjo' })
    await wishes.look()
    for (const { providers } of wishes.rows(wish)) expect(providers).toHaveLength(WISH_ROW_PROVIDERS_MAX)
  })

  test('WISH_FILES_A_DAY_MAX, and one past it', () => {
    const { wishes } = wishlist()
    wishes.add({ text: 'banjo', get: { filesADay: WISH_FILES_A_DAY_MAX } })
    for (const filesADay of [0, 1.5, WISH_FILES_A_DAY_MAX + 1])
      expect(() => wishes.add({ text: 'banjo', get: { filesADay } })).toThrow(
        expect.objectContaining({ name: 'WishError' })
      )
  })

  test('WISH_MINUTES_MIN and WISH_MINUTES_MAX in the configuration, and one past each', async () => {
    const minutes = async (value?: number) =>
      (
        await loadConfig({
          env: {},
          dataDir: await folder(),
          flags: value === undefined ? {} : { 'wish-minutes': `${value}` }
        })
      ).config.wishMinutes
    expect(await minutes()).toBe(WISH_MINUTES_DEFAULT)
    for (const value of [WISH_MINUTES_MIN, WISH_MINUTES_MAX]) expect(await minutes(value)).toBe(value)
    for (const value of [WISH_MINUTES_MIN - 1, WISH_MINUTES_MAX + 1])
      await expect(minutes(value)).rejects.toMatchObject({ name: 'ConfigError' })
  })
})

describe('fetching', () => {
  test('nothing, unless the user said so', async () => {
    const { world, wishes } = wishlist()
    world.found = [row(1)]
    wishes.add({ text: 'banjo' })
    await wishes.look()
    expect(world.got).toEqual([])
  })

  test('what is new and small enough, smaller ones first, and what is not here already', async () => {
    const { world, wishes } = wishlist()
    world.here.add(row(4).id)
    world.found = [
      row(1, { size: 300 }),
      row(2, { size: 200 }),
      row(3, { size: 301 }),
      row(4),
      row(5, { name: 'Music.servent-folder' })
    ]
    wishes.add({ text: 'banjo', maxSize: 300, get: {} })
    await wishes.look()
    expect(world.got).toEqual([row(2).id, row(1).id])
    // What a hit says of its size is a claim: the download has the bound too.
    expect(world.sizeMax).toBe(300)
    await world.after(PERIOD_MS)
    expect(world.got).toHaveLength(2)
  })

  test('up to 1 GiB where no size is named', async () => {
    const { world, wishes } = wishlist()
    world.found = [row(1, { size: WISH_GET_BYTES_DEFAULT }), row(2, { size: WISH_GET_BYTES_DEFAULT + 1 })]
    wishes.add({ text: 'banjo', get: {} })
    await wishes.look()
    expect(world.got).toEqual([row(1).id])
    expect(world.sizeMax).toBe(WISH_GET_BYTES_DEFAULT)
  })

  test('later what was too much for a day, what could not be begun, and what a stop or restart cut off', async () => {
    const path = join(await folder('wishes'), 'servent.db')
    const database = openDatabase(path)
    const before = wishlist(database)
    before.world.found = [1, 2, 3, 4].map(number => row(number, by(`${number}`)))
    before.world.getFailure = new Error('The disk is full.')
    before.wishes.add({ text: 'banjo', get: { filesADay: 2 } })
    await before.wishes.look()
    expect(before.world.got).toEqual([])
    await before.wishes.stop()
    database.close()

    const { world, wishes } = wishlist(openDatabase(path))
    // Found no more, and wanted still.
    await world.after(PERIOD_MS)
    expect(world.got).toEqual([row(1).id, row(2).id])
    await world.after(PERIOD_MS)
    expect(world.got).toHaveLength(2)
    // Here by other ways meanwhile, and gone again: not wanted any more.
    world.here.add(row(3).id)
    await world.after(DAY_MS)
    expect(world.got).toEqual([row(1).id, row(2).id, row(4).id])
    world.here.clear()
    await world.after(2 * DAY_MS)
    expect(world.got).toHaveLength(3)
    await wishes.stop()
  })

  test('WISH_PROVIDER_SHARE_MAX of a day from one provider, and one more of another', async () => {
    const { world, wishes } = wishlist()
    const filesADay = 10
    const share = filesADay * WISH_PROVIDER_SHARE_MAX
    const spam = Array.from({ length: 20 }, (_, index) => row(index + 1, { size: 1, ...by('spammer') }))
    world.found = spam
    wishes.add({ text: 'banjo', get: { filesADay } })
    await wishes.look()
    expect(world.got).toEqual(spam.slice(0, share).map(({ id }) => id))
    world.found = [...spam, row(50, by('honest')), row(51, by('spammer', 'honest'))]
    await world.after(PERIOD_MS)
    expect(world.got.slice(share)).toEqual([row(50).id, row(51).id])
    // The next day it has its share again.
    world.found = []
    await world.after(DAY_MS)
    expect(world.got).toHaveLength(share + 2 + share)
  })

  test('one file a day, though it is more than the part of one provider', async () => {
    const { world, wishes } = wishlist()
    world.found = [row(1), row(2)]
    wishes.add({ text: 'banjo', get: { filesADay: 1 } })
    await wishes.look()
    expect(world.got).toEqual([row(1).id])
  })

  test('so many in 24 hours, and more after them, also where the clock was ahead', async () => {
    const { world, wishes } = wishlist()
    let next = 0
    const three = () => {
      next += 3
      return [next - 2, next - 1, next].map(number => row(number, by(`${number}`)))
    }
    world.found = three()
    wishes.add({ text: 'banjo', get: { filesADay: 2 } })
    await wishes.look()
    expect(world.got).toHaveLength(2)
    world.found = three()
    await world.after(DAY_MS - 1)
    expect(world.got).toHaveLength(2)
    world.found = three()
    await world.after(DAY_MS)
    expect(world.got).toHaveLength(4)
    // A month back: what was fetched in that future does not count for ever.
    world.wallMs -= 30 * DAY_MS
    world.found = three()
    await world.after(PERIOD_MS)
    await world.after(PERIOD_MS)
    expect(world.got).toHaveLength(6)
  })
})

test('between two nodes: a wish finds, its row is fetched, and the last search stays', async () => {
  const one = await startNode()
  const two = await startNode({ bootstrap: [one] })
  const music = await folder('music')
  await writeFile(join(music, 'Fleck - Banjo.ogg'), noise(40_000, 1))
  await writeFile(join(music, 'Davis - So What.ogg'), noise(50_000, 2))
  await last(one.share(music))
  await expect.poll(() => neighbours(two), { timeout: 10_000 }).toBeGreaterThan(0)
  await all(two.search({ text: 'davis', limit: 1 }))

  const { wish } = two.wish({ text: 'fleck' })
  await expect.poll(() => two.wishes()[0]!.newHits, { timeout: 30_000 }).toBe(1)
  expect(two.lastSearch()).toMatchObject([{ row: 1, name: 'Davis - So What.ogg' }])
  const [found] = two.wishRows(wish)
  expect(found).toMatchObject({ row: 1, name: 'Fleck - Banjo.ogg', isNew: true, overlays: ['gnutella'] })
  two.lookedAtWish(wish, 1)
  expect(two.wishRows(wish)).toEqual([])
  expect(await last(two.get(`${wish}.1`))).toMatchObject({
    path: join(two.config.downloadDir, 'Fleck - Banjo.ogg')
  })
  await expect(all(two.get(`${wish}.2`))).rejects.toMatchObject({ name: 'NotFoundError' })
  await expect(all(two.get('9.1'))).rejects.toMatchObject({ name: 'NotFoundError' })
  expect(() => two.wish({ text: 'a', overlays: ['chord'] })).toThrow(
    expect.objectContaining({ name: 'NotFoundError' })
  )
  two.unwish(wish)
  expect(two.wishes()).toEqual([])
}, 60_000)

test('a node that is told so fetches what a wish finds', async () => {
  const one = await startNode()
  const two = await startNode({ bootstrap: [one] })
  const music = await folder('music')
  await writeFile(join(music, 'Fleck - Banjo.ogg'), noise(40_000, 3))
  await last(one.share(music))
  await expect.poll(() => neighbours(two), { timeout: 10_000 }).toBeGreaterThan(0)
  two.wish({ text: 'fleck', maxSize: 50_000, get: { filesADay: 1 } })
  await expect
    .poll(() => two.downloads().map(({ name, phase }) => `${name} ${phase}`), { timeout: 30_000 })
    .toEqual(['Fleck - Banjo.ogg done'])
  expect(two.downloads()).toMatchObject([{ priority: 'low' }])
}, 60_000)
