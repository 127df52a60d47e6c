/** What peers gave and took, how they stand by it, and that it outlives the program, in a real database. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openDatabase, type ServentDatabase } from '@servent/database'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { LEDGER_LIMITS, Ledger } from '../src/index.ts'

const MiB = 2 ** 20
const { newcomerBytes, bytesPerByteGiven } = LEDGER_LIMITS

let folder: string
let database: ServentDatabase
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'servent-ledger-'))
  database = openDatabase(join(folder, 'servent.db'))
})
afterEach(async () => {
  database.close()
  await rm(folder, { recursive: true, force: true })
})

test('a stranger is a newcomer, until it took more than a newcomer may', () => {
  const ledger = new Ledger(database)
  expect(ledger.standing('a')).toBe('newcomer')
  ledger.took('a', newcomerBytes)
  expect(ledger.standing('a')).toBe('newcomer')
  ledger.took('a', 1)
  expect(ledger.standing('a')).toBe('freeloader')
})

test('one verified block makes a giver, a byte less does not', () => {
  const ledger = new Ledger(database)
  ledger.gave('a', MiB - 1)
  expect(ledger.standing('a')).toBe('newcomer')
  ledger.gave('a', 1)
  expect(ledger.standing('a')).toBe('giver')
})

test('a giver may take so much more for what it gave, and not a byte beyond', () => {
  const ledger = new Ledger(database)
  ledger.gave('a', 10 * MiB)
  ledger.took('a', newcomerBytes + bytesPerByteGiven * 10 * MiB)
  expect(ledger.standing('a')).toBe('giver')
  ledger.took('a', 1)
  expect(ledger.standing('a')).toBe('freeloader')
  ledger.gave('a', MiB)
  expect(ledger.standing('a')).toBe('giver')
})

test('it is there after the program began anew', () => {
  const first = new Ledger(database)
  first.gave('a', 7)
  first.took('a', 8)
  first.close()
  expect(new Ledger(database).of('a')).toMatchObject({ givenBytes: 7, takenBytes: 8 })
})

test('it is written now and then, and not with each block', () => {
  vi.useFakeTimers()
  const ledger = new Ledger(database, { writeMs: 1_000 })
  ledger.gave('a', 7)
  const rows = () => database.sql.prepare('SELECT count(*) AS n FROM transfer_ledger').get()!.n
  expect(rows()).toBe(0)
  vi.advanceTimersByTime(1_000)
  expect(rows()).toBe(1)
  vi.useRealTimers()
})

test('as many peers as may be; of one past them, who was met longest ago is forgotten, on the disk too', () => {
  const ledger = new Ledger(database, { peersMax: 2 })
  for (const peer of ['a', 'b']) ledger.gave(peer, 1)
  ledger.took('a', 1)
  ledger.close()
  ledger.gave('c', 1)
  ledger.close()
  const known = (of: Ledger) => ['a', 'b', 'c'].map(peer => of.of(peer).givenBytes)
  expect(known(ledger)).toEqual([1, 0, 1])
  expect(known(new Ledger(database))).toEqual([1, 0, 1])
})

test('a database that takes nothing loses nothing: it is written when it can be', () => {
  const warnings: string[] = []
  const logger = {
    debug: () => {},
    info: () => {},
    warn: (_: object, text: string) => void warnings.push(text)
  }
  const ledger = new Ledger(database, {}, logger)
  ledger.gave('a', 7)
  database.sql.exec('PRAGMA query_only = true')
  ledger.close()
  expect(warnings).toEqual(['what peers gave and took could not be saved'])
  database.sql.exec('PRAGMA query_only = false')
  ledger.close()
  expect(new Ledger(database).of('a').givenBytes).toBe(7)
})
