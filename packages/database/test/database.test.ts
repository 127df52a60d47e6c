import { mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isCorruption, openDatabase } from '@servent/database'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

const STEPS = [
  'CREATE TABLE song (name TEXT NOT NULL) STRICT',
  "ALTER TABLE song ADD COLUMN tune TEXT NOT NULL DEFAULT 'folk'"
]

let folder: string
let path: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'servent-database-'))
  path = join(folder, 'servent.db')
})

afterEach(() => rmSync(folder, { recursive: true, force: true }))

describe('migration', () => {
  test('an empty database gets every step, and opening it again does nothing', () => {
    const first = openDatabase(path)
    first.migrate('songs', STEPS)
    first.sql.exec("INSERT INTO song (name) VALUES ('Greensleeves')")
    first.close()
    const second = openDatabase(path)
    second.migrate('songs', STEPS)
    expect(second.sql.prepare('SELECT name, tune FROM song').all()).toEqual([
      { name: 'Greensleeves', tune: 'folk' }
    ])
    second.close()
  })

  test('an older database is brought forward, with its rows', () => {
    const old = openDatabase(path)
    old.migrate('songs', STEPS.slice(0, 1))
    old.sql.exec("INSERT INTO song (name) VALUES ('Loch Lomond')")
    old.migrate('songs', STEPS)
    expect(old.sql.prepare('SELECT name, tune FROM song').all()).toEqual([
      { name: 'Loch Lomond', tune: 'folk' }
    ])
    old.close()
  })

  test('a newer database is refused with a sentence, and left as it is', () => {
    const newer = openDatabase(path)
    newer.migrate('songs', STEPS)
    expect(() => newer.migrate('songs', STEPS.slice(0, 1))).toThrow(
      expect.objectContaining({
        name: 'NewerDatabaseError',
        message: `The database ${path} was written by a newer Servent: "songs" has version 2, and this program knows 1. Install the newer program, or use another data folder.`
      })
    )
    newer.migrate('songs', STEPS)
    newer.close()
  })

  test('all missing steps are done, or none', () => {
    const database = openDatabase(path)
    expect(() => database.migrate('songs', [...STEPS, 'CREATE TABLE broken (', 'SELECT 1'])).toThrow(
      /incomplete|syntax/
    )
    expect(
      database.sql.prepare("SELECT count(*) AS n FROM sqlite_schema WHERE name IN ('song', 'broken')").get()
    ).toEqual({ n: 0 })
    database.migrate('songs', STEPS)
    database.close()
  })

  test('components are counted apart', () => {
    const database = openDatabase(':memory:')
    database.migrate('songs', STEPS)
    database.migrate('poems', ['CREATE TABLE poem (line TEXT) STRICT'])
    expect(database.sql.prepare('SELECT * FROM servent_versions ORDER BY component').all()).toEqual([
      { component: 'poems', version: 1 },
      { component: 'songs', version: 2 }
    ])
    database.close()
  })

  test('a connection for reading only checks the version and changes nothing', () => {
    const writer = openDatabase(path)
    const reader = openDatabase(path, { readOnly: true })
    expect(() => reader.migrate('songs', STEPS)).toThrow(
      expect.objectContaining({ name: 'OlderDatabaseError' })
    )
    writer.migrate('songs', STEPS)
    reader.migrate('songs', STEPS)
    expect(() => reader.migrate('songs', STEPS.slice(0, 1))).toThrow(
      expect.objectContaining({ name: 'NewerDatabaseError' })
    )
    expect(() => reader.sql.exec("INSERT INTO song (name) VALUES ('x')")).toThrow(/readonly/)
    reader.close()
    writer.close()
  })
})

describe('transactions', () => {
  const names = (database: ReturnType<typeof openDatabase>) =>
    database.sql
      .prepare('SELECT name FROM song ORDER BY name')
      .all()
      .map(row => row.name)

  test('keep all that was written, or nothing of it', () => {
    const database = openDatabase(':memory:')
    database.migrate('songs', STEPS)
    const insert = database.sql.prepare('INSERT INTO song (name) VALUES (?)')
    expect(database.transaction(() => insert.run('a').changes)).toBe(1)
    expect(() =>
      database.transaction(() => {
        insert.run('b')
        throw new Error('no')
      })
    ).toThrow('no')
    expect(names(database)).toEqual(['a'])
    database.close()
  })

  test('one inside another fails alone', () => {
    const database = openDatabase(':memory:')
    database.migrate('songs', STEPS)
    const insert = database.sql.prepare('INSERT INTO song (name) VALUES (?)')
    database.transaction(() => {
      insert.run('outer')
      expect(() =>
        database.transaction(() => {
          insert.run('inner')
          throw new Error('no')
        })
      ).toThrow('no')
      database.transaction(() => insert.run('second'))
    })
    expect(names(database)).toEqual(['outer', 'second'])
    database.close()
  })

  test('refuse a promise, since other statements would fall into them', () => {
    const database = openDatabase(':memory:')
    database.migrate('songs', STEPS)
    expect(() =>
      database.transaction(async () => {
        database.sql.exec("INSERT INTO song (name) VALUES ('late')")
      })
    ).toThrow(/cannot wait/)
    expect(names(database)).toEqual([])
    database.close()
  })

  test('a reader sees the last commit while another connection writes', () => {
    const writer = openDatabase(path)
    writer.migrate('songs', STEPS)
    const reader = openDatabase(path, { readOnly: true })
    writer.transaction(() => {
      writer.sql.exec("INSERT INTO song (name) VALUES ('new')")
      expect(names(reader)).toEqual([])
    })
    expect(names(reader)).toEqual(['new'])
    reader.close()
    writer.close()
    writer.close()
  })
})

describe('the file', () => {
  test.skipIf(process.platform === 'win32')('is readable by its user alone', () => {
    const database = openDatabase(path)
    database.migrate('songs', STEPS)
    for (const end of ['', '-wal', '-shm']) expect(statSync(path + end).mode & 0o777).toBe(0o600)
    database.close()
  })

  test('foreign keys are enforced and writes are durable when they return', () => {
    const database = openDatabase(path)
    expect(database.sql.prepare('PRAGMA foreign_keys').get()).toEqual({ foreign_keys: 1 })
    expect(database.sql.prepare('PRAGMA synchronous').get()).toEqual({ synchronous: 2 })
    expect(database.sql.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' })
    database.close()
  })

  test('that is no database is refused with a sentence', () => {
    writeFileSync(path, 'a letter to my grandmother\n'.repeat(500))
    expect(() => openDatabase(path)).toThrow(
      expect.objectContaining({
        name: 'CorruptDatabaseError',
        message: expect.stringContaining('Move it away')
      })
    )
  })

  test('that lost its tail is known to be damaged', () => {
    const database = openDatabase(path)
    database.migrate('songs', STEPS)
    const insert = database.sql.prepare('INSERT INTO song (name) VALUES (?)')
    database.transaction(() => {
      for (let n = 0; n < 2000; n += 1) insert.run(`song ${n}`)
    })
    database.close()
    truncateSync(path, 8192)
    let caught: unknown
    try {
      const damaged = openDatabase(path)
      damaged.sql.prepare('SELECT sum(length(name)) FROM song').get()
    } catch (error) {
      caught = error
    }
    expect(isCorruption(caught)).toBe(true)
    expect(isCorruption(new Error('something else'))).toBe(false)
    expect(isCorruption(undefined)).toBe(false)
  })

  test('that is missing is no database for reading only', () => {
    expect(() => openDatabase(join(folder, 'none.db'), { readOnly: true })).toThrow(/unable to open/)
  })
})
