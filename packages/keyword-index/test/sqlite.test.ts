/** The store in SQLite: what all stores do, and what is its own: a thread, a queue, a file that outlives the process. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Worker } from 'node:worker_threads'
import { openDatabase } from '@servent/database'
import { afterAll, describe, expect, it } from 'vitest'
import { CallQueue } from '../src/call-queue.ts'
import { ADD_FILES_MAX, FILE_BODY_BYTES_MAX, QUEUED_BYTES_MAX, QUEUED_CALLS_MAX } from '../src/index.ts'
import { createIndexWorker, SqliteIndex, SqliteStore } from '../src/sqlite.ts'
import { describeStore } from './conformance.ts'
import { file, names } from './files.ts'
import { endsAsNaive } from './random-steps.ts'

const folder = mkdtempSync(join(tmpdir(), 'servent-index-'))
let files = 0
const newPath = (): string => join(folder, `${++files}.db`)
const all = { words: ['all'], limit: 1000 }

let forRandom: SqliteIndex | undefined

afterAll(async () => {
  await forRandom?.close()
  rmSync(folder, { recursive: true, force: true })
})

describeStore('the store in SQLite', {
  capCounts: 'files',
  open: init => SqliteIndex.open({ path: newPath(), ...init })
})

endsAsNaive('the store in SQLite', 30, async () => {
  forRandom ??= await SqliteIndex.open({ path: newPath() })
  await forRandom.clear()
  return forRandom
})

describe('the store in SQLite, by itself', () => {
  it('has after a kill whatever it had acknowledged', async () => {
    const path = newPath()
    const script = fileURLToPath(new URL('./fixtures/writer.ts', import.meta.url))
    const child = spawn(process.execPath, ['--conditions=source', script, path], {
      stdio: ['ignore', 'pipe', 'inherit']
    })
    const acknowledged: string[] = []
    for await (const line of createInterface({ input: child.stdout })) {
      acknowledged.push(line)
      if (acknowledged.length === 100) child.kill('SIGKILL')
    }
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    expect(child.signalCode).toBe('SIGKILL')

    const index = await SqliteIndex.open({ path })
    const { hits } = await index.search(all)
    const found = new Set(names(hits))
    expect(acknowledged.filter(name => !found.has(name))).toEqual([])
    // One more of each lane may have been written and not acknowledged.
    expect(found.size).toBeLessThanOrEqual(acknowledged.length + 4)
    expect(await index.totals()).toEqual({ owners: 4, files: hits.length, bytes: hits.length })
    await index.close()
  }, 60_000)

  it('shows what an earlier run left until it is cleared', async () => {
    const path = newPath()
    const before = await SqliteIndex.open({ path })
    await before.add('ann', [file('1', 'all')])
    await before.close()
    const index = await SqliteIndex.open({ path })
    expect(names((await index.search(all)).hits)).toEqual(['ann/1'])
    await index.clear()
    expect((await index.search(all)).hits).toEqual([])
    expect(await index.totals()).toEqual({ owners: 0, files: 0, bytes: 0 })
    await index.close()
  })

  it('does what was asked before it is closed, and nothing after', async () => {
    const path = newPath()
    const index = await SqliteIndex.open({ path })
    const adds = Array.from({ length: 500 }, (_, at) => index.add(`owner-${at}`, [file('1', 'all')]))
    await index.close()
    await Promise.all(adds)
    await expect(index.search(all)).rejects.toMatchObject({ name: 'IndexUnavailableError' })
    await index.close()
    const again = await SqliteIndex.open({ path })
    expect((await again.totals()).files).toBe(500)
    await again.close()
  })

  it('comes back when its thread has died', async () => {
    const workers: Worker[] = []
    const worker = (): Worker => {
      workers.push(createIndexWorker())
      return workers.at(-1)!
    }
    const index = await SqliteIndex.open({ path: newPath(), worker })
    await index.add('ann', [file('1', 'all')])
    // It dies over what takes it long, behind which the search waits.
    const some = Array.from({ length: ADD_FILES_MAX }, (_, at) => file(`${at}`, 'some'))
    const long = Array.from({ length: 10 }, (_, at) => index.add(`bob-${at}`, some))
    const asked = index.search(all)
    const added = Promise.allSettled(long)
    const outcome = expect(asked).rejects.toMatchObject({ name: 'IndexUnavailableError' })
    await workers[0]!.terminate()
    await outcome
    const written = (await added).filter(({ status }) => status === 'fulfilled').length
    await expect(index.totals()).rejects.toMatchObject({ name: 'IndexUnavailableError' })
    await expect
      .poll(
        () =>
          index.totals().then(
            ({ files }) => files,
            () => -1
          ),
        { timeout: 15_000 }
      )
      .toBeGreaterThan(written * ADD_FILES_MAX)
    expect(workers).toHaveLength(2)
    await index.close()
  })

  it('says why it cannot be opened', async () => {
    const damaged = newPath()
    writeFileSync(damaged, 'no database at all, but longer than the header of one would be: '.repeat(20))
    await expect(SqliteIndex.open({ path: damaged })).rejects.toMatchObject({
      name: 'IndexUnavailableError',
      message: expect.stringContaining('is damaged')
    })
    const newer = newPath()
    new SqliteStore({ path: newer }).close()
    const database = openDatabase(newer)
    database.sql.exec("UPDATE servent_versions SET version = 99 WHERE component = 'keyword-index'")
    database.close()
    await expect(SqliteIndex.open({ path: newer })).rejects.toMatchObject({
      message: expect.stringContaining('newer Servent')
    })
  })

  it('leaves nothing of a batch that could not be written', async () => {
    const path = newPath()
    const index = await SqliteIndex.open({ path })
    await index.add('ann', [file('1', 'all')])
    const other = openDatabase(path)
    // As a full disk does, in the middle of what is written.
    other.sql.exec(
      `CREATE TRIGGER full BEFORE INSERT ON index_files WHEN NEW.key = 'x' BEGIN SELECT RAISE (ROLLBACK, 'full'); END`
    )
    const outcomes = await Promise.allSettled([
      index.add('bob', [file('1', 'all')]),
      index.add('bob', [file('2', 'all'), file('x', 'all')]),
      index.add('bob', [file('3', 'all')])
    ])
    const isIn = outcomes.map(({ status }) => status === 'fulfilled')
    expect(isIn[1]).toBe(false)
    const found = names((await index.search(all)).hits)
    expect(found).toEqual(['ann/1', ...(isIn[0] ? ['bob/1'] : []), ...(isIn[2] ? ['bob/3'] : [])])
    expect((await index.totals()).files).toBe(found.length)
    other.close()
    await index.close()
  })

  it('does not stop the event loop', async () => {
    const index = await SqliteIndex.open({ path: newPath() })
    const many = Array.from({ length: 1000 }, (_, at) => file(`${at}`, `all w${at} x${at % 7} y${at % 11}`))
    let isDone = false
    const adds = Promise.all([0, 1, 2, 3].map(at => index.add(`owner-${at}`, many))).finally(() => {
      isDone = true
    })
    let turns = 0
    while (!isDone) {
      await new Promise(resolve => setImmediate(resolve))
      turns += 1
    }
    await adds
    // On the same thread there would be a turn for each call at most.
    expect(turns).toBeGreaterThan(10)
    await index.close()
  })
})

describe('the queue before a store', () => {
  const wait = () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    return { promise, resolve }
  }

  it('holds QUEUED_CALLS_MAX calls, and refuses one more', async () => {
    const queue = new CallQueue()
    const { promise, resolve } = wait()
    const held = Array.from({ length: QUEUED_CALLS_MAX }, () => queue.hold(0, () => promise))
    await expect(queue.hold(0, async () => {})).rejects.toMatchObject({ name: 'IndexUnavailableError' })
    resolve()
    await Promise.all(held)
    expect(await queue.hold(0, async () => 'again')).toBe('again')
  })

  it('holds QUEUED_BYTES_MAX bytes, and refuses one more', async () => {
    const queue = new CallQueue()
    const { promise, resolve } = wait()
    const held = queue.hold(QUEUED_BYTES_MAX - 10, () => promise)
    await expect(queue.hold(11, async () => {})).rejects.toMatchObject({ name: 'IndexUnavailableError' })
    expect(await queue.hold(10, async () => 'fits')).toBe('fits')
    resolve()
    await held
    expect(await queue.hold(QUEUED_BYTES_MAX, async () => 'alone')).toBe('alone')
  })

  it('is before the thread', async () => {
    const index = await SqliteIndex.open({ path: newPath() })
    const body = new Uint8Array(FILE_BODY_BYTES_MAX)
    const many = Array.from({ length: 500 }, (_, at) => file(`${at}`, 'all', { body }))
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, (_, at) => index.add(`owner-${at}`, many))
    )
    const refused = outcomes.filter(({ status }) => status === 'rejected').length
    // 500 files are 4.2 MB: 15 calls fit into the bound.
    expect(20 - refused).toBe(15)
    expect((await index.totals()).files).toBe(15 * 500)
    await index.close()
  }, 60_000)
})
