/**
 * The keyword index: `npm run bench:index -- [--size N] [--json]`.
 *
 * 1,000,000 names of four to eight words (Zipf's law over 100,000 words) in files of 5,000 owners with 200 each go into
 * the store in memory, the one in SQLite and the one in PostgreSQL. Each is asked for two words of one name and for two
 * of the twenty most common words, 100 files at most, and all must find the same. Then peers come and go.
 *
 * PostgreSQL runs at SERVENT_TEST_POSTGRES, or as a server of its own (`scripts/postgres.mjs`); where there can be none,
 * it is left out and the reason is said.
 */
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { measureLocal, type StoreFigures } from './index/local.ts'
import { KINDS, type Plan, queriesOf } from './index/plan.ts'
import { measurePostgres } from './index/postgres.ts'
import { round } from './library/measure.ts'

const NAMES = 1_000_000
const TIMES_FTS5_LEAST = 12
const PEERS_A_SECOND_LEAST = 1500

const { values } = parseArgs({
  options: { json: { type: 'boolean', default: false }, size: { type: 'string', default: `${NAMES}` } }
})
const names = Number(values.size)
if (!Number.isSafeInteger(names) || names < 2000 || names % 200 !== 0) {
  console.error('--size takes a number of names: at least 2000, 200 for each owner.')
  process.exit(2)
}
const url = process.env.SERVENT_TEST_POSTGRES
if (url === undefined) {
  // Once more, with a server or with the reason why there is none.
  const script = fileURLToPath(new URL('../scripts/postgres.mjs', import.meta.url))
  const again = [process.execPath, ...process.execArgv, ...process.argv.slice(1)]
  const { status } = spawnSync(process.execPath, [script, '--or-without', '--', ...again], {
    stdio: 'inherit'
  })
  process.exit(status ?? 1)
}

const plan: Plan = { names, queries: 5000, postgresQueries: 1000, peers: 200 }
const queries = queriesOf(plan)
const folder = await mkdtemp(join(tmpdir(), 'servent-bench-'))
const { figures, results } = await measureLocal(plan, queries, join(folder, 'index.db')).finally(
  async () => await rm(folder, { recursive: true, force: true })
)
const postgres =
  url === ''
    ? { skipped: process.env.SERVENT_TEST_POSTGRES_WHY ?? 'SERVENT_TEST_POSTGRES is empty' }
    : await measurePostgres(url, plan, queries, results)

/** Goals are of the full size. */
const ratio = (of: 'sqlite' | 'fts5') =>
  Object.fromEntries(
    KINDS.map(kind => {
      const other = of === 'sqlite' ? figures.sqlite.queries[kind] : figures.fts5[kind]
      return [kind, round(figures.memory.queries[kind].perSecond / other.perSecond, 1)]
    })
  )
const ratios = {
  /** Both give files with their owners, each asked in its own thread. */
  memoryToSqlite: ratio('sqlite'),
  /** FTS5 gives rowids alone. The goal is of two words of a name. */
  memoryToBareFts5: ratio('fts5')
}
const goals = {
  memoryTimesFts5: { measured: ratios.memoryToBareFts5[KINDS[0]], least: TIMES_FTS5_LEAST },
  /** Of one core's time, whoever else uses the machine; what the clock on the wall says stands beside it. */
  memoryPeersAddedPerSecond: { measured: figures.memory.peersPerCpuSecond, least: PEERS_A_SECOND_LEAST }
}
const met = Object.fromEntries(
  Object.entries(goals).map(([name, { measured = 0, least }]) => [name, measured >= least])
)
const host = {
  node: process.version,
  platform: process.platform,
  arch: process.arch,
  cpu: cpus()[0]?.model,
  cpus: cpus().length
}

if (values.json) {
  console.log(
    JSON.stringify({ benchmark: 'index', plan, host, ...figures, postgres, ratios, goals, met }, null, 2)
  )
} else {
  console.log(`${names} names of ${names / 200} owners; all stores found the same`)
  show('memory', figures.memory, `${figures.memory.heapMib} MiB with all files`)
  console.log(
    `  ${figures.memory.peersPerCpuSecond} peers added in a second of the processor, ${figures.memory.peersPerThreadCpuSecond} without helping threads; the longest removal took ${figures.memory.longestRemovalMs} ms`
  )
  show('SQLite', figures.sqlite, `${figures.sqlite.fileMib} MiB`)
  for (const kind of KINDS) {
    console.log(
      `  FTS5 alone, ${kind}: ${figures.fts5[kind].perSecond}/s, p99 ${figures.fts5[kind].p99Ms} ms`
    )
    console.log(
      `  through its thread, ${kind}: ${figures.worker[kind].perSecond}/s, p99 ${figures.worker[kind].p99Ms} ms`
    )
  }
  if ('skipped' in postgres) console.log(`PostgreSQL is left out: ${postgres.skipped}`)
  else show(`PostgreSQL ${postgres.version}`, postgres, `${postgres.tablesMib} MiB`)
  for (const kind of KINDS)
    console.log(
      `memory to SQLite, ${kind}: ${ratios.memoryToSqlite[kind]} times; to FTS5 alone: ${ratios.memoryToBareFts5[kind]} times`
    )
  for (const [name, { measured, least }] of Object.entries(goals))
    console.log(`${name}: ${measured}, at least ${least} (${met[name] ? 'met' : 'missed'})`)
}

function show(name: string, store: StoreFigures, size: string): void {
  console.log(
    `${name}: built in ${store.buildSeconds} s (${store.peersPerSecond} peers/s), ${size}; then ${store.addedPerSecond} peers/s added, ${store.removedPerSecond} peers/s removed`
  )
  for (const kind of KINDS) {
    const { perSecond, p50Ms, p99Ms } = store.queries[kind]
    console.log(`  ${kind}: ${perSecond}/s, p50 ${p50Ms} ms, p99 ${p99Ms} ms`)
  }
}
