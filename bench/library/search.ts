/**
 * Searches in a catalogue of many names, beside a plain FTS5 table of the same names. The catalogue is filled by
 * the library's own writing code, not from files: a million of them would measure the file system.
 */
import { createHash } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { openDatabase } from '@servent/database'
import { Library } from '@servent/library'
import { parseQuery } from '@servent/overlay'
import { migrateLibrary } from '../../packages/library/src/schema.ts'
import { Store } from '../../packages/library/src/store.ts'
import { StoreTree } from '../../packages/library/src/store-tree.ts'
import { cost, Memory, round, type Times, timesOf } from './measure.ts'
import { type Queries, queriesFor, Words } from './words.ts'

const NAMES_A_FOLDER = 500
const NAMES_A_WRITE = 1000
const RESULTS = 100
const KEPT_NAMES = 5000

export interface SearchPlan {
  readonly folder: string
  readonly names: number
  readonly queries: number
}

interface SearchRow {
  readonly kind: keyof Queries
  readonly library: Times & { readonly perSecond: number }
  readonly plain: Times & { readonly perSecond: number }
  readonly hits: number
  readonly plainHits: number
}

export interface SearchFigures {
  readonly fillSeconds: number
  readonly plainFillSeconds: number
  readonly rows: readonly SearchRow[]
  readonly rssMib: number
}

/** Both tables in one go, so that they hold the same names. Gives names from all over. */
async function fill({ folder, names }: SearchPlan) {
  const words = new Words(3)
  const database = openDatabase(join(folder, 'names', 'servent.db'))
  const plain = openDatabase(join(folder, 'plain.db'))
  migrateLibrary(database)
  plain.sql.exec('CREATE VIRTUAL TABLE plain USING fts5(name, tokenize = ascii)')
  const insert = plain.sql.prepare('INSERT INTO plain (rowid, name) VALUES (?, ?)')
  const store = new Store(database)
  const tree = new StoreTree(database)
  const kept: string[][] = []
  const batch: string[] = []
  let [filled, plainSeconds, seconds, place] = [0, 0, 0, 0]
  const write = async (): Promise<void> => {
    const first = filled - batch.length
    seconds += (
      await cost(() =>
        database.transaction(() => {
          for (const [n, name] of batch.entries()) {
            const number = first + n
            if (number % NAMES_A_FOLDER === 0) place = tree.folder(`/names/${number / NAMES_A_FOLDER}`, null)
            const root = createHash('sha256').update(name).digest()
            const stamp = { size: 1000 + number, inode: `1:${number}`, written: '1', changed: '1' }
            const id = store.add({ folder: place, name, type: 'audio/mpeg', stamp }, null, null)
            const sha1 = root.subarray(0, 20)
            store.hashed(store.file(id)!, stamp, { root, size: stamp.size, layer: root, sha1 }, [])
          }
        })
      )
    ).seconds
    store.takeChanges()
    plainSeconds += (
      await cost(() =>
        plain.transaction(() => {
          for (const [n, name] of batch.entries()) insert.run(first + n + 1, name)
        })
      )
    ).seconds
    batch.length = 0
  }
  for (; filled < names; ) {
    const name = words.name()
    if (filled % Math.max(1, Math.floor(names / KEPT_NAMES)) === 0) kept.push(name)
    batch.push(`${name.join(' ')}.mp3`)
    filled += 1
    if (batch.length === NAMES_A_WRITE || filled === names) await write()
  }
  database.close()
  return { kept, plain, seconds: round(seconds), plainSeconds: round(plainSeconds) }
}

const withRate = (ms: readonly number[]) => ({
  ...timesOf(ms),
  perSecond: round((ms.length * 1000) / ms.reduce((sum, one) => sum + one, 0), 0)
})

export async function search(plan: SearchPlan): Promise<SearchFigures> {
  mkdirSync(join(plan.folder, 'names'))
  const { kept, plain, seconds, plainSeconds } = await fill(plan)
  const memory = new Memory()
  const library = await Library.open({
    databasePath: join(plan.folder, 'names', 'servent.db'),
    logger: { debug: () => {}, info: () => {}, warn: () => {}, error: console.error }
  })
  const ask = plain.sql.prepare('SELECT rowid, name FROM plain WHERE plain MATCH ? ORDER BY rowid LIMIT ?')
  const rows: SearchRow[] = []
  for (const [kind, texts] of Object.entries(queriesFor(kept, plan.queries, new Words(4)))) {
    const ms: number[] = []
    const plainMs: number[] = []
    let [hits, plainHits] = [0, 0]
    // One after the other, so that a slow minute of the machine hits both.
    for (const text of texts as readonly string[]) {
      const query = parseQuery(text)
      const beganMs = performance.now()
      hits += (await library.match(query, RESULTS)).length
      const middleMs = performance.now()
      plainHits += ask.all(query.words.map(word => `"${word}"`).join(' AND '), RESULTS).length
      ms.push(middleMs - beganMs)
      plainMs.push(performance.now() - middleMs)
    }
    rows.push({
      kind: kind as keyof Queries,
      library: withRate(ms),
      plain: withRate(plainMs),
      hits,
      plainHits
    })
  }
  const rssMib = memory.most()
  memory.stop()
  await library.stop()
  plain.close()
  return { fillSeconds: seconds, plainFillSeconds: plainSeconds, rows, rssMib }
}

export const SEARCH_PLANS = {
  full: { names: 1_000_000, queries: 2000 },
  small: { names: 50_000, queries: 300 }
} as const
