/** What survives: restarts, kill -9, a thread that dies, a database that is damaged. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  closeSync,
  openSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync
} from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { openDatabase } from '@servent/database'
import { createLibraryWorker, Library } from '@servent/library'
import { ContentId, parseQuery } from '@servent/overlay'
import { describe, expect, onTestFinished, test } from 'vitest'
import {
  bytes,
  idOf,
  namesOf,
  openLibrary,
  record,
  recordingLogger,
  until,
  type Workplace,
  workplace,
  write
} from './helpers.ts'

/** Threads that the library starts, the newest last. */
function threads(): { created: Worker[]; worker: () => Worker } {
  const created: Worker[] = []
  const worker = (): Worker => {
    const one = createLibraryWorker()
    created.push(one)
    return one
  }
  return { created, worker }
}

function ctimes(place: Workplace): unknown[] {
  const database = openDatabase(place.databasePath)
  const rows = database.sql.prepare('SELECT name, due, content FROM library_file ORDER BY name').all()
  database.close()
  return rows
}

describe('a restart', () => {
  test('finds everything as it was, at once and without hashing', async () => {
    const place = workplace()
    const content = bytes(30 * 1024 * 1024)
    write(place.folder, { 'a.bin': content, 'b.txt': 'b' })
    const first = await openLibrary(place)
    const { ids } = await first.share(place.folder)
    const before = await first.get(ids[0]!)
    await first.stop()
    await expect(first.share(place.folder)).rejects.toMatchObject({ name: 'LibraryStoppedError' })
    await expect(first.match(parseQuery('a'), 1)).rejects.toMatchObject({ name: 'LibraryStoppedError' })
    const second = await openLibrary(place)
    expect(second.totals).toEqual({ files: 2, bytes: content.length + 1 })
    expect(await second.get(ids[0]!)).toEqual(before)
    expect(second.roots()).toMatchObject([{ path: place.folder, files: 2, bytes: content.length + 1 }])
    const seen = record(second)
    await second.rescan()
    await until(second, () => second.progress().phase === 'idle')
    expect(second.progress().bytes).toBe(0)
    expect(seen).toEqual([])
  })

  test('finds what changed while it was off', async () => {
    const place = workplace()
    write(place.folder, { 'gone.txt': 'gone', 'same.txt': 'same', 'other.txt': 'other' })
    const first = await openLibrary(place)
    await first.share(place.folder)
    await first.stop()
    rmSync(join(place.folder, 'gone.txt'))
    write(place.folder, { 'other.txt': 'changed', 'new.txt': 'new' })
    const second = await openLibrary(place)
    await until(second, async () => (await namesOf(second)).join() === 'new.txt,other.txt,same.txt')
    expect(await second.get(ContentId.parse(idOf('changed')))).toMatchObject({ name: 'other.txt' })
    expect(await second.get(ContentId.parse(idOf('other')))).toBeUndefined()
  })

  test('goes on with what was being taken out', async () => {
    const place = workplace()
    write(place.folder, { 'a.txt': 'a' })
    const first = await openLibrary(place)
    await first.share(place.folder)
    await first.stop()
    const database = openDatabase(place.databasePath)
    database.sql.exec("UPDATE library_root SET state = 'leaving'")
    database.close()
    const second = await openLibrary(place)
    expect(second.roots()).toEqual([])
    expect(second.totals).toEqual({ files: 0, bytes: 0 })
  })

  test('with new exclude patterns takes out what they name', async () => {
    const place = workplace()
    write(place.folder, { 'a.iso': 'a', 'b.txt': 'b' })
    const first = await openLibrary(place)
    await first.share(place.folder)
    await first.stop()
    const second = await openLibrary(place, { settings: { exclude: ['*.iso'] } })
    await second.rescan()
    expect(await namesOf(second)).toEqual(['b.txt'])
  })

  test('with a newer rule for tokens indexes the names anew', async () => {
    const place = workplace()
    write(place.folder, { 'Café.txt': 'c' })
    const first = await openLibrary(place)
    await first.share(place.folder)
    await first.stop()
    const database = openDatabase(place.databasePath)
    database.sql.exec("DELETE FROM library_words; UPDATE library_meta SET value = '0' WHERE key = 'tokens'")
    database.close()
    const second = await openLibrary(place)
    expect(await second.match(parseQuery('cafe'), 9)).toHaveLength(1)
  })
})

test('kill -9 while hashing: what was finished is not hashed again, and nothing is lost', async () => {
  const place = workplace()
  const names = Array.from({ length: 40 }, (_, n) => `${n}.bin`)
  write(place.folder, Object.fromEntries(names.map((name, n) => [name, bytes(2 * 1024 * 1024, n)])))
  const script = fileURLToPath(new URL('./fixtures/hash-and-wait.ts', import.meta.url))
  const child = spawn(process.execPath, ['--conditions=source', script, place.databasePath, place.folder], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  for await (const line of createInterface({ input: child.stdout! })) if (Number(line) >= 10) break
  child.kill('SIGKILL')
  if (child.signalCode === null) await once(child, 'exit')
  const rows = ctimes(place) as { due: number | null; content: number | null }[]
  const finished = rows.filter(({ content }) => content !== null).length
  expect(finished).toBeGreaterThanOrEqual(10)
  expect(finished).toBeLessThan(40)
  const library = await openLibrary(place, { settings: { watch: false } })
  expect(library.totals.files).toBe(finished)
  let most = 0
  const { files } = await library.share(place.folder, {
    onProgress: ({ filesTotal }) => {
      most = Math.max(most, filesTotal)
    }
  })
  expect(files).toBe(40)
  await until(library, () => library.progress().phase === 'idle')
  expect(library.progress().files).toBe(40 - finished)
  expect(most).toBeLessThanOrEqual(40 - finished)
})

describe('a thread that dies', () => {
  test('is started again: requests are answered, what is shared stays, what changes is found', async () => {
    const place = workplace()
    write(place.folder, { 'a.bin': '', 'b.txt': 'b' })
    // So large that the thread is at work on it when it ends, however late this one notices; without data on disk.
    truncateSync(join(place.folder, 'a.bin'), 2 ** 29)
    const { created, worker } = threads()
    const logger = recordingLogger()
    const library = await openLibrary(place, { worker, logger })
    const shared = library.share(place.folder)
    await until(library, () => library.progress().bytes > 1_000_000)
    await created[0]!.terminate()
    expect(await shared).toMatchObject({ files: 2 })
    expect(created).toHaveLength(2)
    expect(logger.lines.filter(({ level }) => level === 'error').map(({ message }) => message)).toEqual([
      'The indexing thread died and is started again.'
    ])
    write(place.folder, { 'c.txt': 'c' })
    await until(library, async () => (await namesOf(library)).length === 3)
  })

  test('over and over fails the request with the reason, and the node lives', async () => {
    const place = workplace()
    const { created, worker } = threads()
    const library = await openLibrary(place, {
      worker: () => {
        const one = worker()
        if (created.length > 1) queueMicrotask(() => one.terminate())
        return one
      }
    })
    const shared = library.share(place.folder)
    await created[0]!.terminate()
    await expect(shared).rejects.toMatchObject({
      name: 'LibraryFailedError',
      message: /died 3 times over this/
    })
    expect(await namesOf(library)).toEqual([])
  })

  test('before it opened fails the opening', async () => {
    const place = workplace()
    const first = await openLibrary(place)
    await first.share(place.folder)
    await first.stop()
    const opening = openLibrary(place, {
      worker: () => new Worker('throw new Error("no luck")', { eval: true })
    })
    await expect(opening).rejects.toMatchObject({
      name: 'LibraryFailedError',
      message: 'The library cannot be opened: no luck.'
    })
  })

  test('was not needed while nothing was shared', async () => {
    const place = workplace()
    write(place.folder, { 'a.txt': 'a' })
    const { created, worker } = threads()
    const library = await openLibrary(place, { worker })
    expect(await library.match(parseQuery('a'), 9)).toEqual([])
    expect(await library.list({ limit: 9 })).toEqual([])
    expect(created).toHaveLength(0)
    await library.share(place.folder)
    expect(created).toHaveLength(1)
  })

  test('a folder for the database that is not there fails the opening', async () => {
    const place = workplace()
    const opening = openLibrary({ ...place, databasePath: join(place.outside, 'none/servent.db') })
    await expect(opening).rejects.toMatchObject({
      name: 'LibraryFailedError',
      message: /cannot be opened: .*ENOENT/
    })
  })
})

describe('a database', () => {
  test('that is none is refused with a sentence', async () => {
    const place = workplace()
    writeFileSync(place.databasePath, 'a letter to my grandmother\n'.repeat(500))
    await expect(openLibrary(place)).rejects.toMatchObject({
      name: 'CorruptDatabaseError',
      message: /Move it away/
    })
  })

  test('of a newer program is refused with a sentence', async () => {
    const place = workplace()
    await (await openLibrary(place)).stop()
    const database = openDatabase(place.databasePath)
    database.sql.exec("UPDATE servent_versions SET version = 99 WHERE component = 'library'")
    database.close()
    await expect(openLibrary(place)).rejects.toMatchObject({
      name: 'NewerDatabaseError',
      message: /written by a newer/
    })
  })

  test('that breaks while it is used says so, and the thread is not started in vain', async () => {
    const place = workplace()
    write(
      place.folder,
      Object.fromEntries(Array.from({ length: 400 }, (_, n) => [`some longer name ${n}.txt`, `${n}`]))
    )
    const { created, worker } = threads()
    const logger = recordingLogger()
    const library = await openLibrary(place, { worker, logger, settings: { watch: false } })
    await library.share(place.folder)
    // Moves the log into the file and breaks what is in it, but for its first page.
    const database = openDatabase(place.databasePath)
    database.sql.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    database.close()
    const size = statSync(place.databasePath).size
    const file = openSync(place.databasePath, 'r+')
    writeSync(file, Buffer.alloc(size - 8192, 0xaa), 0, size - 8192, 8192)
    closeSync(file)
    utimesSync(join(place.folder, 'some longer name 7.txt'), 1, 1)
    write(place.folder, { 'another.txt': 'another' })
    await expect(library.share(place.folder)).rejects.toMatchObject({
      name: 'CorruptDatabaseError',
      message: expect.stringContaining('is damaged')
    })
    expect(library.progress()).toMatchObject({
      phase: 'failed',
      reason: expect.stringContaining('is damaged')
    })
    expect(logger.lines.at(-1)).toMatchObject({ level: 'error', message: 'The library stands still.' })
    expect(created).toHaveLength(1)
  })
})

test('a setting that makes no sense is refused before anything is opened', async () => {
  const place = workplace()
  const opening = Library.open({
    databasePath: place.databasePath,
    logger: recordingLogger(),
    settings: { exclude: ['/'] }
  })
  await expect(opening).rejects.toMatchObject({ name: 'LibrarySettingsError' })
})
