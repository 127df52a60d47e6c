/**
 * The store in SQLite, durable and in a thread of its own, so that no statement stops the event loop. An announcement
 * that was acknowledged is on the disk (WAL, `synchronous = FULL`); those that wait together share one transaction.
 *
 * What an earlier run left is there when it opens. A server whose owners are only there while they are connected calls
 * `clear()` first.
 */
import type { Worker } from 'node:worker_threads'
import { CallQueue } from './call-queue.ts'
import {
  bytesOf,
  checkBrowse,
  checkContent,
  checkFiles,
  checkKeys,
  checkLimit,
  checkOwner,
  checkQuery
} from './check.ts'
import { createIndexWorker } from './create-worker.ts'
import { IndexUnavailableError } from './errors.ts'
import {
  type CallMessage,
  type FromStore,
  fromErrorMessage,
  packed,
  type ToStore
} from './sqlite-messages.ts'
import type {
  IndexAnswer,
  IndexedFile,
  IndexHit,
  IndexHits,
  IndexQuery,
  IndexTotals,
  KeywordIndex
} from './types.ts'

/** Until a thread that died is started again: twice as long each time that it does not last. */
const RESTART_MS = 100
const RESTART_LATEST_MS = 30_000

export interface SqliteIndexInit {
  /** The file, made where there is none. Its folder exists. */
  readonly path: string
  /** `POSTINGS_TOUCHED_MAX` where it is not said. */
  readonly postingsTouchedMax?: number
  /** Starts the thread, where it is not beside this file: in a bundle, `indexWorkerFrom(source)`. */
  readonly worker?: () => Worker
}

interface Waiting {
  readonly resolve: (answer: IndexAnswer | undefined) => void
  readonly reject: (error: Error) => void
}

export class SqliteIndex implements KeywordIndex {
  readonly #init: SqliteIndexInit
  readonly #queue = new CallQueue()
  readonly #waiting = new Map<number, Waiting>()
  #worker: Worker | undefined
  #lastCall = 0
  #restartMs = RESTART_MS
  #timer: NodeJS.Timeout | undefined
  #failure: Error | undefined

  /**
   * @throws IndexUnavailableError  the database cannot be opened; the message says why
   */
  static async open(init: SqliteIndexInit): Promise<SqliteIndex> {
    const index = new SqliteIndex(init)
    await index.#start()
    return index
  }

  private constructor(init: SqliteIndexInit) {
    this.#init = init
  }

  async add(owner: string, files: readonly IndexedFile[]): Promise<void> {
    checkOwner(owner)
    checkFiles(files)
    if (files.length === 0) return
    await this.#call({ type: 'index-add', owner, files: files.map(packed) }, bytesOf(files))
  }

  async remove(owner: string, keys: readonly string[]): Promise<number> {
    checkOwner(owner)
    checkKeys(keys)
    const bytes = keys.reduce((sum, key) => sum + 2 * key.length, 0)
    return (await this.#call<'index-removed'>({ type: 'index-remove', owner, keys }, bytes)).files
  }

  async removeOwner(owner: string): Promise<number> {
    checkOwner(owner)
    return (await this.#call<'index-removed'>({ type: 'index-remove-owner', owner })).files
  }

  /** Takes all files of all owners out: what an earlier run left. */
  async clear(): Promise<void> {
    await this.#call({ type: 'index-clear' })
  }

  async search(query: IndexQuery): Promise<IndexHits> {
    checkQuery(query)
    const { hits, isCapped } = await this.#call<'index-hits'>({ type: 'index-search', query })
    return { hits, isCapped }
  }

  async providers(content: Uint8Array, limit: number): Promise<readonly IndexHit[]> {
    checkContent(content)
    checkLimit(limit)
    const own = Uint8Array.from(content)
    return (await this.#call<'index-providers'>({ type: 'index-providers', content: own, limit })).hits
  }

  async browse(owner: string, after: string | undefined, limit: number): Promise<readonly IndexedFile[]> {
    checkBrowse(owner, after, limit)
    const question = { type: 'index-browse', owner, limit, ...(after !== undefined && { after }) } as const
    return (await this.#call<'index-files'>(question)).files
  }

  async totals(): Promise<IndexTotals> {
    const { owners, files, bytes } = await this.#call<'index-totals'>({ type: 'index-totals' })
    return { owners, files, bytes }
  }

  /** What was asked for before is done first. Closing twice is harmless. */
  async close(): Promise<void> {
    this.#failure ??= new IndexUnavailableError('The index was closed.')
    clearTimeout(this.#timer)
    const worker = this.#worker
    if (worker === undefined) return
    const { promise: exited, resolve } = Promise.withResolvers<void>()
    worker.once('exit', () => resolve())
    worker.postMessage({ type: 'close' } satisfies ToStore)
    await exited
  }

  #call<Type extends IndexAnswer['type']>(
    question: CallMessage['question'],
    bytes = 0
  ): Promise<Extract<IndexAnswer, { type: Type }>> {
    return this.#queue.hold(bytes, async () => {
      if (this.#failure !== undefined) throw this.#failure
      const worker = this.#worker
      if (worker === undefined)
        throw new IndexUnavailableError('The thread of the index is being started again.')
      this.#lastCall += 1
      const call = this.#lastCall
      const { promise, resolve, reject } = Promise.withResolvers<IndexAnswer | undefined>()
      this.#waiting.set(call, { resolve, reject })
      worker.postMessage({ type: 'call', call, question } satisfies ToStore)
      return (await promise) as Extract<IndexAnswer, { type: Type }>
    })
  }

  /** Ends when the thread has opened the database. */
  #start(): Promise<void> {
    this.#timer = undefined
    const opened = Promise.withResolvers<void>()
    const { path, postingsTouchedMax, worker: create = createIndexWorker } = this.#init
    const worker = create()
    this.#worker = worker
    let died: unknown = 'it ended without a word'
    worker.on('message', (message: FromStore) => {
      if (message.type === 'open') {
        this.#restartMs = RESTART_MS
        opened.resolve()
      } else if (message.type === 'fatal') {
        this.#failure ??= new IndexUnavailableError(`The index cannot be opened: ${message.error.message}`)
      } else {
        const waiting = this.#waiting.get(message.call)
        this.#waiting.delete(message.call)
        if (message.type === 'answer') waiting?.resolve(message.answer)
        else waiting?.reject(fromErrorMessage(message.error))
      }
    })
    worker.on('error', error => {
      died = (error as Error).message
    })
    worker.once('exit', () => {
      const error = this.#failure ?? new IndexUnavailableError(`The thread of the index died: ${died}.`)
      opened.reject(error)
      this.#ended(error)
    })
    worker.postMessage({ type: 'open', path, postingsTouchedMax } satisfies ToStore)
    return opened.promise
  }

  /** Whether what was under way was written is not known: each of it may be asked for again. */
  #ended(error: Error): void {
    this.#worker = undefined
    for (const waiting of this.#waiting.values()) waiting.reject(error)
    this.#waiting.clear()
    if (this.#failure !== undefined) return
    const afterMs = this.#restartMs
    this.#restartMs = Math.min(2 * afterMs, RESTART_LATEST_MS)
    this.#timer = setTimeout(() => this.#start().catch(() => {}), afterMs)
  }
}
