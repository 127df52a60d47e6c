/**
 * A large library: `npm run bench:library -- [--small] [--only scan,search] [--json]`.
 *
 * `scan`: 100,000 small files in 2,000 folders are shared, looked at again, and looked at after a restart, while somebody
 * searches; then a TiB of sparse files is shared, of which as much is hashed as 20 seconds allow (the rest waits, and
 * nothing here says that it was hashed). Beside it `find` and `sha256sum` go over the same tree.
 *
 * `search`: searches in a catalogue of 1,000,000 names of Zipf's words, written by the library's own code and not found
 * as files, beside a plain FTS5 table of the same names.
 *
 * Each part runs in a process of its own. `--small` is a twentieth of all that, to see whether it works.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { round } from './library/measure.ts'
import { SCAN_PLANS, type ScanFigures } from './library/scan.ts'
import { SEARCH_PLANS, type SearchFigures } from './library/search.ts'

const PART = fileURLToPath(new URL('./library/part.ts', import.meta.url))
const PARTS = ['scan', 'search'] as const
const GIB = 2 ** 30

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    small: { type: 'boolean', default: false },
    only: { type: 'string', default: PARTS.join(',') }
  }
})
const wanted = PARTS.filter(part => values.only.split(',').includes(part))
if (wanted.length === 0) {
  console.error(`--only takes these, with a comma between: ${PARTS.join(', ')}.`)
  process.exit(2)
}
const size = values.small ? 'small' : 'full'

async function run<T>(part: (typeof PARTS)[number]): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'servent-bench-'))
  try {
    const child = fork(PART, [part, size, folder])
    const ended = once(child, 'exit').then(([code]) => {
      throw new Error(`${part} ended with ${code} and said nothing.`)
    })
    ended.catch(() => {})
    const [figures] = (await Promise.race([once(child, 'message'), ended])) as [T]
    await ended.catch(() => {})
    return figures
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const scan = wanted.includes('scan') ? await run<ScanFigures>('scan') : undefined
const search = wanted.includes('search') ? await run<SearchFigures>('search') : undefined

/**
 * What is wanted, and what came. Goals are of the full size. A rescan is judged by the processor's time, which does not
 * lengthen much where others use the machine too.
 */
const goals = {
  ...(scan && {
    rescanSeconds: { measured: scan.rescan.seconds, most: 5 },
    searchP50WhileScanningOfIdle: {
      measured: round(scan.searchesMeanwhile.p50Ms / scan.searchesIdle.p50Ms),
      most: 2
    },
    searchP99WhileScanningMs: { measured: scan.searchesMeanwhile.p99Ms, most: 50 }
  }),
  ...(search && {
    searchP99Ms: { measured: Math.max(...search.rows.map(row => row.library.p99Ms)), most: 50 }
  })
}
const met = Object.fromEntries(
  Object.entries(goals).map(([name, goal]) => [name, goal!.measured <= goal!.most])
)
const host = {
  node: process.version,
  platform: process.platform,
  arch: process.arch,
  cpu: cpus()[0]?.model,
  cpus: cpus().length
}
const plans = { scan: scan && SCAN_PLANS[size], search: search && SEARCH_PLANS[size] }

if (values.json) {
  console.log(JSON.stringify({ benchmark: 'library', size, plans, host, scan, search, goals, met }, null, 2))
} else {
  if (scan !== undefined) showScan(scan)
  if (search !== undefined) showSearch(search)
  for (const [name, { measured, most }] of Object.entries(goals)) {
    console.log(`${name}: ${measured}, at most ${most} (${met[name] ? 'met' : 'missed'})`)
  }
}

function showScan(figures: ScanFigures): void {
  const { files, folders } = SCAN_PLANS[size]
  const { sparse, rssMib } = figures
  console.log(`${files} files in ${folders} folders`)
  console.log(`  shared in ${figures.scan.seconds} s (${figures.scan.cpuSeconds} s of the processor)`)
  console.log(
    `  all found after ${figures.foundSeconds} s; after ${figures.firstEstimate?.atSeconds} s it said that ${figures.firstEstimate?.leftSeconds} s were left`
  )
  console.log(
    `  looked at again in ${figures.rescan.seconds} s, after a restart in ${figures.restart.seconds} s`
  )
  console.log(
    `  find and sha256sum: ${figures.peerScanSeconds} s, find alone: ${figures.peerRescanSeconds} s`
  )
  for (const [what, times] of Object.entries({
    idle: figures.searchesIdle,
    'while scanning': figures.searchesMeanwhile,
    'while large files are hashed': figures.searchesWhileSparse
  })) {
    console.log(`  searches ${what}: p50 ${times.p50Ms} ms, p99 ${times.p99Ms} ms (${times.count})`)
  }
  console.log(`  memory: ${rssMib.start} MiB at the start, ${rssMib.idle} afterwards, ${rssMib.most} at most`)
  const gib = (bytes: number): number => round(bytes / GIB, 1)
  console.log(
    `${gib(sparse.bytes)} GiB of sparse files: found in ${sparse.foundSeconds} s, ${gib(sparse.hashedBytes)} GiB hashed in ${sparse.seconds} s (${sparse.mibPerSecond} MiB/s), the library says that ${sparse.estimateSeconds} s are left`
  )
}

function showSearch({ rows, fillSeconds, plainFillSeconds, rssMib }: SearchFigures): void {
  console.log(
    `${SEARCH_PLANS[size].names} names: filled in ${fillSeconds} s, the plain table in ${plainFillSeconds} s`
  )
  for (const { kind, library, plain, hits } of rows) {
    console.log(
      `  ${kind}: ${library.perSecond}/s, p50 ${library.p50Ms} ms, p99 ${library.p99Ms} ms, ${hits} hits; plain ${plain.perSecond}/s, p50 ${plain.p50Ms} ms, p99 ${plain.p99Ms} ms`
    )
  }
  console.log(`  memory ${rssMib} MiB`)
}
