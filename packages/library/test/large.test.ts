/** What a file of a TiB costs: nothing that is long at a time. */
import { openDatabase } from '@servent/database'
import { HASH_BYTES } from '@servent/overlay'
import { expect, onTestFinished, test } from 'vitest'
import { partsOf } from '../src/layer.ts'
import { PART_HASHES, WRITE_PARTS_MAX } from '../src/limits.ts'
import { migrateLibrary, PART_ROOTS } from '../src/schema.ts'
import { Store } from '../src/store.ts'
import { bytes } from './helpers.ts'

const PARTS = 2 * WRITE_PARTS_MAX + 5
const SIZE = PARTS * PART_HASHES * 1024 * 1024

function catalogue() {
  const database = openDatabase(':memory:')
  onTestFinished(() => database.close())
  migrateLibrary(database)
  const count = (): number => Number(database.sql.prepare('SELECT count(*) AS n FROM library_layer').get()!.n)
  return { database, store: new Store(database), count }
}

test('a layer is kept some parts at a time, and gone on with after a stop', () => {
  const { database, store, count } = catalogue()
  const layer = bytes(PARTS * PART_HASHES * HASH_BYTES)
  const file = { root: bytes(HASH_BYTES), size: SIZE, layer, sha1: bytes(20) }
  const parts = [...partsOf(layer, SIZE)]
  expect(store.keep(file, parts)).toBe(false)
  expect(count()).toBe(WRITE_PARTS_MAX)
  const again = new Store(database)
  expect([again.keep(file, parts), again.keep(file, parts), again.keep(file, parts)]).toEqual([
    false,
    true,
    true
  ])
  const rows = database.sql.prepare('SELECT part, root, hashes FROM library_layer ORDER BY part').all()
  expect(rows.map(({ part }) => part)).toEqual(parts.map((_, part) => part))
  for (const [n, { root, hashes }] of parts.entries()) {
    expect(Buffer.compare(rows[n]!.root as Uint8Array, root)).toBe(0)
    expect(Buffer.compare(rows[n]!.hashes as Uint8Array, hashes)).toBe(0)
  }
  expect(store.unusedContents()).toHaveLength(1)
})

test('the roots of all parts are read without the hashes that they are above', () => {
  const { database } = catalogue()
  const plan = database.sql.prepare(`EXPLAIN QUERY PLAN ${PART_ROOTS}`).all(1)
  expect(plan.map(({ detail }) => detail)).toEqual([
    'SEARCH library_layer USING COVERING INDEX library_layer_root (content=?)'
  ])
})
