/** The library at size: 20,000 files, a folder of them all, and a file of 2 GiB. */
import { closeSync, ftruncateSync, mkdirSync, openSync, renameSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createLibraryWorker } from '@servent/library'
import { parseQuery } from '@servent/overlay'
import { expect, test } from 'vitest'
import {
  type LongestTurn,
  longestTurn,
  namesOf,
  openLibrary,
  recordingLogger,
  until,
  workplace
} from './helpers.ts'

const FILES = 20_000
const BLOCKED_MS_MAX = 50
const MIB = 1024 * 1024

test('20,000 files: shared, found, renamed, unplugged, restarted, unshared; this thread is never held for 50 ms', async () => {
  const place = workplace()
  for (let n = 0; n < FILES; n += 1) {
    // Half of them in one folder: a folder is the most that is held in memory.
    const folder = join(place.folder, n % 2 === 0 ? 'large' : `small/${n % 200}`)
    if (n < 400) mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, `song ${n} of many.mp3`), `the song with number ${n}`)
  }
  const library = await openLibrary(place)
  let heard = 0
  let most = 0
  library.subscribe(changes => {
    heard += changes.length
    most = Math.max(most, changes.length)
  })
  const blocks: Record<string, LongestTurn> = {}
  blocks.share = await longestTurn(() => library.share(place.folder))
  expect(library.totals.files).toBe(FILES)
  expect(heard).toBe(FILES)
  expect(most).toBeLessThanOrEqual(256)
  blocks.search = await longestTurn(async () => {
    expect(await library.match(parseQuery('song many'), 1000)).toHaveLength(1000)
    expect(await library.match(parseQuery('song 777'), 1000)).toHaveLength(1)
    expect(await library.match(parseQuery('song many type:video'), 1000)).toHaveLength(0)
  })
  blocks.list = await longestTurn(async () => {
    expect(await namesOf(library)).toHaveLength(FILES)
    expect(await library.list({ limit: 1000, under: join(place.folder, 'small/199') })).toHaveLength(100)
  })
  heard = 0
  renameSync(join(place.folder, 'large'), join(place.folder, 'renamed'))
  blocks.rename = await longestTurn(async () => {
    await library.rescan()
    await until(
      library,
      async () => (await library.list({ limit: 1, under: join(place.folder, 'renamed') })).length === 1
    )
  })
  expect(heard).toBe(0)
  renameSync(place.folder, join(place.outside, 'drawer'))
  blocks.unplug = await longestTurn(() => library.rescan())
  expect(library.totals).toEqual({ files: 0, bytes: 0 })
  renameSync(join(place.outside, 'drawer'), place.folder)
  blocks.replug = await longestTurn(() => library.rescan())
  expect(library.totals.files).toBe(FILES)
  await library.stop()
  const again = await openLibrary(place)
  blocks.restart = await longestTurn(() => again.rescan())
  await until(again, () => again.progress().phase === 'idle')
  expect({ totals: again.totals.files, hashed: again.progress().files }).toEqual({ totals: FILES, hashed: 0 })
  blocks.unshare = await longestTurn(() => again.unshare(place.folder))
  expect(again.totals).toEqual({ files: 0, bytes: 0 })
  console.log(
    'longest turns in ms:',
    JSON.stringify(blocks, (_, value) => (typeof value === 'number' ? Math.round(value) : value))
  )
  for (const [what, { cpuMs }] of Object.entries(blocks)) expect(cpuMs, what).toBeLessThan(BLOCKED_MS_MAX)
  // Only this takes long enough for a percentile to say anything beside what other processes do.
  expect(blocks.share!.p99Ms - blocks.share!.idleP99Ms).toBeLessThan(BLOCKED_MS_MAX)
}, 300_000)

test('searches go on while 5,000 files are scanned and hashed, and none holds this thread for 50 ms', async () => {
  const place = workplace()
  for (let n = 0; n < 5000; n += 1) {
    const folder = join(place.folder, String(n % 100))
    if (n < 100) mkdirSync(folder)
    writeFileSync(join(folder, `song ${n} of many.mp3`), `the song with number ${n}`)
  }
  const library = await openLibrary(place)
  let isOver = false
  let searches = 0
  let most = 0
  const { cpuMs } = await longestTurn(async () => {
    const shared = library.share(place.folder).finally(() => {
      isOver = true
    })
    while (!isOver) {
      most = Math.max(most, (await library.match(parseQuery('song many'), 100)).length)
      searches += 1
      await sleep(5)
    }
    await shared
  })
  expect(library.totals.files).toBe(5000)
  // Files are found while others are hashed yet.
  expect(most).toBe(100)
  expect(searches).toBeGreaterThan(10)
  expect(cpuMs).toBeLessThan(BLOCKED_MS_MAX)
}, 300_000)

test('a file of 2 GiB is hashed and read in the memory of a few blocks', async () => {
  const place = workplace()
  const size = 2048 * MIB
  const file = openSync(join(place.folder, 'large.img'), 'w')
  ftruncateSync(file, size)
  for (let gib = 0; gib < 2; gib += 1) writeSync(file, `block ${gib}`, gib * 1024 * MIB)
  closeSync(file)
  const library = await openLibrary(place)
  const before = process.memoryUsage().rss
  const { ids } = await library.share(place.folder)
  const reader = (await library.open(ids[0]!))!
  for (let offset = 0; offset < size; offset += 64 * MIB) await reader.read(offset, 256 * 1024)
  expect(Buffer.from(await reader.read(1024 * MIB, 7)).toString()).toBe('block 1')
  expect(await reader.hashes(6, 2047, 1)).toHaveLength(32)
  await reader.close()
  expect(process.memoryUsage().rss - before).toBeLessThan(128 * MIB)
}, 120_000)

test('the thread is killed again and again while it hashes: everything is hashed once it is left alone', async () => {
  const place = workplace()
  for (let n = 0; n < 3000; n += 1) writeFileSync(join(place.folder, `${n}.txt`), `text ${n}`.repeat(1000))
  const workers: ReturnType<typeof createLibraryWorker>[] = []
  const worker = () => {
    const one = createLibraryWorker()
    workers.push(one)
    return one
  }
  const library = await openLibrary(place, { worker, logger: recordingLogger() })
  const shared = library.share(place.folder).then(
    () => 'shared',
    error => error.name
  )
  for (let round = 0; round < 5; round += 1) {
    // Each thread has hashed something more when it dies, however slow this machine is.
    const before = library.totals.files
    await until(library, () => library.totals.files > before)
    await workers.at(-1)!.terminate()
  }
  // Who asked is told after `REQUEST_TRIES_MAX` deaths; what was to be hashed is remembered.
  expect(await shared).toBe('LibraryFailedError')
  expect(workers.length).toBeGreaterThanOrEqual(5)
  await until(library, () => library.totals.files === 3000)
  expect(await namesOf(library)).toHaveLength(3000)
}, 120_000)

test('stopping is quick, at whatever moment it comes', async () => {
  const place = workplace()
  for (let n = 0; n < 200; n += 1) writeFileSync(join(place.folder, `${n}.txt`), `text ${n}`)
  for (let round = 0; round < 30; round += 1) {
    const library = await openLibrary(place)
    if (round === 0) await library.share(place.folder)
    await sleep(round * 3)
    const startMs = performance.now()
    await library.stop()
    expect(performance.now() - startMs).toBeLessThan(2000)
  }
}, 120_000)
