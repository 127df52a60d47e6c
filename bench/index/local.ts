/**
 * The store in memory and the one in SQLite, side by side in one thread: what one of them does in a slow second of the
 * machine, the other does in the same. SQLite is asked directly here, and its thread is left out; what stands as `fts5`
 * is the bare statement that gives rowids, without files and owners.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { MemoryIndex } from '@servent/keyword-index/memory'
import { SqliteIndex, SqliteStore } from '@servent/keyword-index/sqlite'
import { round } from '../library/measure.ts'
import { type Asked, asked, compare, rate, resultOf } from './measure.ts'
import {
  KINDS,
  type Kind,
  LIMIT,
  OWNER_FILES,
  type Owner,
  ownersOf,
  type Plan,
  type Queries
} from './plan.ts'

const MIB = 2 ** 20
/** Announcements that one transaction takes in, as the thread does with what waits. */
const TRANSACTION_OWNERS = 20
/** Queries that one store is asked before the other's turn. */
const TURN = 50
const WARM_UP = 500

export interface StoreFigures {
  readonly buildSeconds: number
  readonly peersPerSecond: number
  /** Into, and out of, the full index. */
  readonly addedPerSecond: number
  readonly removedPerSecond: number
  readonly queries: Readonly<Record<Kind, Asked>>
}

export interface LocalFigures {
  readonly memory: StoreFigures & {
    /**
     * Of the processor's time, which does not lengthen much where others use the machine too: of all threads of this
     * process, for some of them collect what `add` leaves, and of the one that calls alone.
     */
    readonly peersPerCpuSecond: number
    readonly peersPerThreadCpuSecond: number
    readonly heapMib: number
    readonly bytesPerFile: number
    /** While owner after owner goes, until half of them have gone: the others are moved to new lists meanwhile. */
    readonly longestRemovalMs: number
  }
  readonly sqlite: StoreFigures & { readonly fileMib: number }
  readonly fts5: Readonly<Record<Kind, Asked>>
  readonly worker: Readonly<Record<Kind, Asked>>
}

export interface Local {
  readonly figures: LocalFigures
  /** What each query found. */
  readonly results: Readonly<Record<Kind, readonly string[]>>
}

export async function measureLocal(plan: Plan, queries: Queries, path: string): Promise<Local> {
  const before = usedBytes()
  const memory = new MemoryIndex()
  const built = build(plan, (owner, files) => memory.add(owner, files))
  // The files' own objects are in it, and so are their words.
  const heap = usedBytes() - before

  const store = new SqliteStore({ path })
  const beganMs = performance.now()
  for (const batch of batchesOf(plan))
    store.database.transaction(() => {
      for (const [owner, files] of batch) store.add(owner, files)
    })
  const sqliteMs = performance.now() - beganMs
  const bare = store.database.sql.prepare(
    `SELECT rowid FROM index_words WHERE index_words MATCH ? LIMIT ${LIMIT}`
  )

  const times = () => Object.fromEntries(KINDS.map(kind => [kind, [] as number[]])) as Record<Kind, number[]>
  const [memoryTimes, sqliteTimes, bareTimes, workerTimes] = [times(), times(), times(), times()]
  const results = {} as Record<Kind, string[]>
  const worker = await SqliteIndex.open({ path })
  for (const kind of KINDS) {
    const list = queries[kind].map(words => ({ words, limit: LIMIT }))
    for (const query of list.slice(0, WARM_UP)) {
      memory.search(query)
      store.search(query)
    }
    const found: string[] = []
    const foundBySqlite: string[] = []
    for (let at = 0; at < list.length; at += TURN) {
      const turn = list.slice(at, at + TURN)
      for (const query of turn) found.push(resultOf(timed(memoryTimes[kind], () => memory.search(query))))
      for (const query of turn)
        foundBySqlite.push(resultOf(timed(sqliteTimes[kind], () => store.search(query))))
      for (const { words } of turn)
        timed(bareTimes[kind], () => bare.all(words.map(word => `"${word}"`).join(' AND ')))
    }
    compare('SQLite', foundBySqlite, found)
    results[kind] = found
    for (const query of list) {
      const askedMs = performance.now()
      await worker.search(query)
      workerTimes[kind].push(performance.now() - askedMs)
    }
  }
  await worker.close()

  const peers = [...ownersOf(plan, plan.peers)].slice(-plan.peers)
  const figures = {
    memory: {
      buildSeconds: round(built.ms / 1000),
      peersPerSecond: rate(plan.names / OWNER_FILES, built.ms),
      ...churn(
        peers,
        (owner, files) => memory.add(owner, files),
        owner => memory.removeOwner(owner)
      ),
      queries: summary(memoryTimes),
      peersPerCpuSecond: rate(plan.names / OWNER_FILES, built.cpuMs),
      peersPerThreadCpuSecond: rate(plan.names / OWNER_FILES, built.threadCpuMs),
      heapMib: round(heap / MIB, 0),
      bytesPerFile: round(heap / plan.names, 0),
      longestRemovalMs: longestRemovalMs(plan, memory)
    },
    sqlite: {
      buildSeconds: round(sqliteMs / 1000),
      peersPerSecond: rate(plan.names / OWNER_FILES, sqliteMs),
      ...churn(
        peers,
        (owner, files) => store.add(owner, files),
        owner => store.removeOwner(owner)
      ),
      queries: summary(sqliteTimes),
      fileMib: round(pagesOf(store) / MIB, 0)
    },
    fts5: summary(bareTimes),
    worker: summary(workerTimes)
  }
  store.close()
  return { figures, results }
}

function* batchesOf(plan: Plan): Generator<Owner[]> {
  let batch: Owner[] = []
  for (const owner of ownersOf(plan)) {
    batch.push(owner)
    if (batch.length < TRANSACTION_OWNERS) continue
    yield batch
    batch = []
  }
  yield batch
}

/**
 * Only the calls are counted, some owners at a time, for to ask for times takes time. Each is what a machine asks its host
 * for: one peer's files, with texts that nobody has seen before, in arrays of words as `tokens` gives them. In it are the
 * checks of all limits, the tables of owners and keys, the lists of words, and the garbage that is collected meanwhile;
 * not in it is how names are made and cut into words.
 */
function build(plan: Plan, add: (...owner: Owner) => void) {
  const took = { ms: 0, cpuMs: 0, threadCpuMs: 0 }
  for (const batch of batchesOf(plan)) {
    const beganMs = performance.now()
    const [began, threadBegan] = [process.cpuUsage(), process.threadCpuUsage()]
    for (const [owner, files] of batch) add(owner, files)
    const [cpu, thread] = [process.cpuUsage(began), process.threadCpuUsage(threadBegan)]
    took.ms += performance.now() - beganMs
    took.cpuMs += (cpu.user + cpu.system) / 1000
    took.threadCpuMs += (thread.user + thread.system) / 1000
  }
  return took
}

function longestRemovalMs(plan: Plan, memory: MemoryIndex): number {
  const times: number[] = []
  for (let owner = 0; owner < plan.names / OWNER_FILES / 2; owner += 1)
    timed(times, () => memory.removeOwner(`owner-${owner}`))
  return round(Math.max(...times), 1)
}

function churn(peers: readonly Owner[], add: (...owner: Owner) => void, remove: (owner: string) => number) {
  const beganMs = performance.now()
  for (const [owner, files] of peers) add(owner, files)
  const addedMs = performance.now()
  for (const [owner, files] of peers)
    if (remove(owner) !== files.length) throw new Error(`${owner} did not have all its files.`)
  return {
    addedPerSecond: rate(peers.length, addedMs - beganMs),
    removedPerSecond: rate(peers.length, performance.now() - addedMs)
  }
}

function timed<T>(times: number[], call: () => T): T {
  const beganMs = performance.now()
  const result = call()
  times.push(performance.now() - beganMs)
  return result
}

const summary = (times: Readonly<Record<Kind, readonly number[]>>) =>
  Object.fromEntries(KINDS.map(kind => [kind, asked(times[kind])])) as Record<Kind, Asked>

function pagesOf(store: SqliteStore): number {
  const pragma = (name: string): number =>
    Number(Object.values(store.database.sql.prepare(`PRAGMA ${name}`).get()!)[0])
  return pragma('page_count') * pragma('page_size')
}

function usedBytes(): number {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}
