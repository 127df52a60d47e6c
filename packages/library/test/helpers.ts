/** Real folders and libraries for tests; all of them are gone when a test ends. */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Worker } from 'node:worker_threads'
import { Library, type LibraryInit, type LibraryLogger } from '@servent/library'
import { type CatalogueChange, ContentId, type HashedTree, TreeHasher } from '@servent/overlay'
import { expect, onTestFinished } from 'vitest'
import { STOP_MS } from '../src/limits.ts'

export interface Workplace {
  /** To be shared; nothing is in it. */
  readonly folder: string
  /** Outside of what is shared. */
  readonly outside: string
  readonly databasePath: string
}

/** A folder to share, one beside it, and a data folder. Paths are real. */
export function workplace(): Workplace {
  const top = realpathSync(mkdtempSync(join(tmpdir(), 'servent-library-')))
  const place = { folder: join(top, 'shared'), outside: join(top, 'outside'), data: join(top, 'data') }
  for (const folder of Object.values(place)) mkdirSync(folder)
  onTestFinished(() => rmSync(top, { recursive: true, force: true }))
  return { ...place, databasePath: join(place.data, 'servent.db') }
}

export interface LogLine {
  readonly level: string
  readonly details: Readonly<Record<string, unknown>>
  readonly message: string
}

export function recordingLogger(): LibraryLogger & { lines: LogLine[] } {
  const lines: LogLine[] = []
  const log =
    (level: string) =>
    (details: Readonly<Record<string, unknown>>, message: string): void => {
      lines.push({ level, details, message })
    }
  return { lines, debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') }
}

/** A library that is stopped when the test ends. Settling is quick, and nothing is looked at by the clock. */
export async function openLibrary(place: Workplace, init: Partial<LibraryInit> = {}): Promise<Library> {
  const { settings, ...rest } = init
  const library = await Library.open({
    databasePath: place.databasePath,
    logger: recordingLogger(),
    settings: { settleMs: 100, ...settings },
    ...rest
  })
  onTestFinished(async () => {
    const startMs = performance.now()
    await library.stop()
    // A thread that does not hear is terminated after `STOP_MS`; none should come to that.
    expect(performance.now() - startMs).toBeLessThan(STOP_MS)
  })
  return library
}

/** Writes files below a folder, by their paths in it. */
export function write(folder: string, files: Readonly<Record<string, string | Uint8Array>>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), content)
  }
}

/** Bytes that are the same in each run and compress badly. */
export function bytes(length: number, seed = 1): Uint8Array {
  const block = createHash('sha512').update(String(seed)).digest()
  const content = Buffer.alloc(length)
  for (let offset = 0; offset < length; offset += block.length) {
    block.writeUInt32LE(offset / block.length, 0)
    block.copy(content, offset)
  }
  return content
}

export function treeOf(content: string | Uint8Array): HashedTree {
  const hasher = new TreeHasher(data => createHash('sha256').update(data).digest())
  hasher.update(Buffer.from(content))
  return hasher.finish()
}

/** The id that a content must have, by other means than the library's. */
export function idOf(content: string | Uint8Array): string {
  const { root, size } = treeOf(content)
  return ContentId.fromRoot(root, size).toString()
}

/** Ends when `holds` does; asked again at each change of the library. */
export async function until(library: Library, holds: () => boolean | Promise<boolean>): Promise<void> {
  if (await holds()) return
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const ask = async (): Promise<void> => {
    try {
      if (await holds()) resolve()
    } catch (error) {
      reject(error)
    }
  }
  const end = library.subscribe(ask)
  // Some things change without a change of what is shared.
  const timer = setInterval(ask, 20)
  await promise.finally(() => {
    end()
    clearInterval(timer)
  })
}

/** Everything that others would see happen, as text. */
export function record(library: Library): string[] {
  const lines: string[] = []
  const note = ({ type, file }: CatalogueChange): number => lines.push(`${type} ${file.name}`)
  library.subscribe(changes => {
    for (const change of changes) note(change)
  })
  return lines
}

export async function namesOf(library: Library): Promise<string[]> {
  const names: string[] = []
  for await (const file of library.files()) names.push(file.name)
  return names.sort()
}

export interface LongestTurn {
  /** Milliseconds that this thread computed without hearing anything. Other processes do not change it. */
  readonly cpuMs: number
  /** Milliseconds by the clock: of 99 in 100 turns, and of the longest. */
  readonly p99Ms: number
  readonly maxMs: number
  /** The 99 in 100 of a thread that does nothing, meanwhile: what other processes cost. */
  readonly idleP99Ms: number
}

const NANOSECONDS_A_MILLISECOND = 1e6
const MICROSECONDS_A_MILLISECOND = 1e3
const IDLE_THREAD = `
  const { parentPort } = require('node:worker_threads')
  const delay = require('node:perf_hooks').monitorEventLoopDelay({ resolution: 5 })
  delay.enable()
  parentPort.once('message', () => parentPort.postMessage(delay.percentile(99)))
  parentPort.postMessage('ready')
`

/** How long `work` holds this thread at a time. */
export async function longestTurn(work: () => Promise<unknown>): Promise<LongestTurn> {
  const idle = new Worker(IDLE_THREAD, { eval: true })
  await once(idle, 'message')
  const delay = monitorEventLoopDelay({ resolution: 5 })
  let cpuMs = 0
  let before = process.threadCpuUsage()
  let isOver = false
  const turn = (): void => {
    const { user, system } = process.threadCpuUsage(before)
    cpuMs = Math.max(cpuMs, (user + system) / MICROSECONDS_A_MILLISECOND)
    before = process.threadCpuUsage()
    if (!isOver) setTimeout(turn, 1)
  }
  turn()
  delay.enable()
  await work()
  isOver = true
  delay.disable()
  idle.postMessage('over')
  const [idleP99] = (await once(idle, 'message')) as [number]
  return {
    cpuMs,
    p99Ms: delay.percentile(99) / NANOSECONDS_A_MILLISECOND,
    maxMs: delay.max / NANOSECONDS_A_MILLISECOND,
    idleP99Ms: idleP99 / NANOSECONDS_A_MILLISECOND
  }
}
