/**
 * Many small files and a TiB of sparse ones, shared by a real library from a real folder; and the same tree by
 * `find` and `sha256sum`.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, ftruncateSync, mkdirSync, openSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Library, type LibraryProgress } from '@servent/library'
import { parseQuery } from '@servent/overlay'
import { type Cost, cost, Memory, round, type Times, timesOf } from './measure.ts'
import { queriesFor, Words } from './words.ts'

const MIB = 2 ** 20
const GIB = 2 ** 30
const SMALL_FILE_BYTES = 1024
const SPARSE_FILES = 16
/** Between two searches: somebody else's turn. */
const PAUSE_MS = 5

export interface ScanPlan {
  readonly folder: string
  readonly files: number
  readonly folders: number
  /** Of all sparse files together. */
  readonly sparseBytes: number
  /** How long the sparse files are hashed before the measurement ends. */
  readonly sparseSeconds: number
}

export interface ScanFigures {
  readonly scan: Cost
  readonly rescan: Cost
  readonly restart: Cost
  /** `find` and `sha256sum` over the same tree, and `find` alone with what a rescan asks of each file. */
  readonly peerScanSeconds: number
  readonly peerRescanSeconds: number
  /** When all was found, and the time that was said to be left when it was first said. */
  readonly foundSeconds: number | null
  readonly firstEstimate: { readonly atSeconds: number; readonly leftSeconds: number } | null
  readonly searchesIdle: Times
  readonly searchesMeanwhile: Times
  readonly searchesWhileSparse: Times
  readonly sparse: {
    readonly bytes: number
    readonly hashedBytes: number
    readonly seconds: number
    readonly mibPerSecond: number
    /** What the library itself said is left. */
    readonly estimateSeconds: number | null
    /** Until the sparse files were known and counted. */
    readonly foundSeconds: number
  }
  readonly rssMib: { readonly start: number; readonly idle: number; readonly most: number }
}

const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: console.error }

/** Small files with names of Zipf's words, each with content of its own. Gives the first names. */
function makeTree(top: string, { files, folders }: ScanPlan): string[][] {
  const words = new Words(1)
  const kept: string[][] = []
  for (let n = 0; n < folders; n += 1) mkdirSync(join(top, `${n % 40}`, `folder ${n}`), { recursive: true })
  for (let n = 0; n < files; n += 1) {
    const name = words.name()
    if (kept.length < 1000) kept.push(name)
    const place = n % folders
    const path = join(top, `${place % 40}`, `folder ${place}`, `${name.join(' ')} ${n}.txt`)
    writeFileSync(path, `${n}\n`.padEnd(SMALL_FILE_BYTES, 'text '))
  }
  return kept
}

/** Their first bytes differ, so that each is a content of its own. */
function makeSparse(top: string, bytes: number): void {
  mkdirSync(top)
  for (let n = 0; n < SPARSE_FILES; n += 1) {
    const file = openSync(join(top, `sparse ${n}.img`), 'w')
    ftruncateSync(file, Math.floor(bytes / SPARSE_FILES))
    closeSync(file)
  }
}

async function shell(script: string): Promise<number> {
  const beganMs = performance.now()
  const child = spawn('sh', ['-c', script], { stdio: ['ignore', 'ignore', 'inherit'] })
  const [code] = await once(child, 'exit')
  if (code !== 0) throw new Error(`${script} ended with ${code}.`)
  return round((performance.now() - beganMs) / 1000)
}

async function searching(library: Library, texts: readonly string[], isOver: () => boolean): Promise<Times> {
  const ms: number[] = []
  const queries = texts.map(text => parseQuery(text))
  for (let n = 0; !isOver(); n += 1) {
    const beganMs = performance.now()
    await library.match(queries[n % queries.length]!, 100)
    ms.push(performance.now() - beganMs)
    await sleep(PAUSE_MS)
  }
  return timesOf(ms)
}

async function idle(library: Library): Promise<void> {
  while (library.progress().phase !== 'idle') await sleep(PAUSE_MS)
}

export async function scan(plan: ScanPlan): Promise<ScanFigures> {
  const tree = join(plan.folder, 'tree')
  const large = join(plan.folder, 'large')
  const names = makeTree(tree, plan)
  makeSparse(large, plan.sparseBytes)
  const texts = queriesFor(names, 500, new Words(2))['two words of a name']
  const databasePath = join(plan.folder, 'data', 'servent.db')
  mkdirSync(join(plan.folder, 'data'))
  const quoted = `'${tree}'`
  // Once before anything is measured: both sides find the tree in the system's cache.
  await shell(`find ${quoted} -type f -print0 | xargs -0 sha256sum`)
  const peerScanSeconds = await shell(`find ${quoted} -type f -print0 | xargs -0 sha256sum`)
  const peerRescanSeconds = await shell(`find ${quoted} -type f -printf '%i %s %T@ %C@ %p\\n'`)

  const memory = new Memory()
  let library = await Library.open({ databasePath, logger: silent })
  let isOver = false
  let foundSeconds: number | null = null
  let firstEstimate: ScanFigures['firstEstimate'] = null
  const sharingMs = performance.now()
  const elapsed = (): number => round((performance.now() - sharingMs) / 1000, 1)
  let most = 0
  const shared = cost(() =>
    library.share(tree, {
      onProgress: ({ phase, leftMs }: LibraryProgress) => {
        if (phase === 'hashing') foundSeconds ??= elapsed()
        if (leftMs === undefined) return
        firstEstimate ??= { atSeconds: elapsed(), leftSeconds: round(leftMs / 1000, 1) }
      }
    })
  ).finally(() => (isOver = true))
  const searchesMeanwhile = await searching(library, texts, () => isOver)
  const scanned = await shared
  if (library.totals.files !== plan.files) throw new Error(`${library.totals.files} files are shared.`)
  await idle(library)
  most = memory.most()
  const endMs = performance.now() + Math.min(10, scanned.seconds) * 1000
  const searchesIdle = await searching(library, texts, () => performance.now() > endMs)
  const rescan = await cost(() => library.rescan())
  await library.stop()

  const restart = await cost(async () => {
    library = await Library.open({ databasePath, logger: silent })
    await library.rescan()
  })
  await idle(library)
  const idleMib = memory.now()

  const beganMs = performance.now()
  const ended = new AbortController()
  let latest: LibraryProgress | undefined
  let sparseFoundSeconds = Number.NaN
  const sharing = library
    .share(large, {
      signal: ended.signal,
      onProgress: progress => {
        latest = progress
        if (Number.isNaN(sparseFoundSeconds) && progress.filesTotal === SPARSE_FILES)
          sparseFoundSeconds = round((performance.now() - beganMs) / 1000)
      }
    })
    .catch(() => {})
  const untilMs = beganMs + plan.sparseSeconds * 1000
  const searchesWhileSparse = await searching(library, texts, () => performance.now() > untilMs)
  const seconds = round((performance.now() - beganMs) / 1000)
  ended.abort()
  await sharing
  await library.stop()
  memory.stop()
  const hashedBytes = latest?.bytes ?? 0
  return {
    scan: scanned,
    rescan,
    restart,
    peerScanSeconds,
    peerRescanSeconds,
    foundSeconds,
    firstEstimate,
    searchesIdle,
    searchesMeanwhile,
    searchesWhileSparse,
    sparse: {
      bytes: Math.floor(plan.sparseBytes / SPARSE_FILES) * SPARSE_FILES,
      hashedBytes,
      seconds,
      mibPerSecond: round(hashedBytes / MIB / seconds, 0),
      estimateSeconds: latest?.leftMs === undefined ? null : round(latest.leftMs / 1000, 0),
      foundSeconds: sparseFoundSeconds
    },
    rssMib: { start: memory.startMib, idle: idleMib, most: Math.max(most, memory.most()) }
  }
}

export const SCAN_PLANS = {
  full: { files: 100_000, folders: 2_000, sparseBytes: 1024 * GIB, sparseSeconds: 20 },
  small: { files: 5_000, folders: 100, sparseBytes: 16 * GIB, sparseSeconds: 3 }
} as const
