/**
 * The main thread's side of the indexing thread: starts it, asks it, and starts it again when it dies. What
 * was asked for and not answered is asked again; what is to be done otherwise lies in the catalogue.
 */
import type { Worker } from 'node:worker_threads'
import { type Caller, DiskNotes } from './disk.ts'
import { DiskWatch } from './disk-watch.ts'
import {
  DISK_SILENT,
  fromErrorMessage,
  LibraryFailedError,
  LibraryStoppedError,
  NotShareableError,
  toErrorMessage
} from './errors.ts'
import { waiting } from './hung.ts'
import { DISK_SILENT_MS, REQUEST_TRIES_MAX, RESTART_MS, RESTART_MS_MAX, STOP_MS } from './limits.ts'
import type { FromWorker, OpenMessage, RequestMessage, RequestResult, ToWorker } from './messages.ts'
import type { LibraryLogger, LibraryProgress } from './types.ts'

/** What comes unasked. */
export type News = Extract<FromWorker, { type: 'changes' | 'roots' | 'problems' | 'progress' | 'ready' }>

export interface IndexerClientInit {
  readonly createWorker: () => Worker
  readonly open: Omit<OpenMessage, 'notes' | 'silent'>
  readonly logger: LibraryLogger
  readonly onNews: (news: News) => void
  /** It will not come back; requests fail from now on. */
  readonly onFailed: (error: Error) => void
}

interface Waiting {
  readonly message: RequestMessage
  readonly onProgress?: ((progress: LibraryProgress) => void) | undefined
  readonly resolve: (result: RequestResult) => void
  readonly reject: (error: unknown) => void
  tries: number
}

const silent = (path: string): Error => new NotShareableError(`${path} cannot be shared. ${DISK_SILENT}`)

/** How long a thread that is terminated has to end. */
const TERMINATE_MS = 1000

type Unnumbered<T> = T extends RequestMessage ? Omit<T, 'request'> : never

export class IndexerClient {
  readonly #init: IndexerClientInit
  readonly #waiting = new Map<number, Waiting>()
  #worker: Worker | undefined
  #watch: DiskWatch | undefined
  /** Roots whose disks do not answer: a thread that was left behind waits for each. */
  readonly #silent = new Set<Caller>()
  /** Paths that were to be shared, of which the same is true. */
  readonly #silentPaths = new Set<string>()
  #lastRequest = 0
  readonly #opened = Promise.withResolvers<void>()
  #isOpen = false
  #restartMs = RESTART_MS
  #startedMs = 0
  #timer: NodeJS.Timeout | undefined
  #failure: Error | undefined

  constructor(init: IndexerClientInit) {
    this.#init = init
  }

  /** Starts the thread. Ends when it has opened the catalogue; fails where it cannot. */
  async start(): Promise<void> {
    this.#spawn()
    await this.#opened.promise
  }

  /** Nothing is shared, so the thread and its memory wait for the first request. */
  startLater(): void {
    this.#isOpen = true
  }

  request(
    message: Unnumbered<RequestMessage>,
    onProgress?: (progress: LibraryProgress) => void,
    signal?: AbortSignal
  ): Promise<RequestResult> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    if (signal?.aborted) return Promise.reject(signal.reason)
    // Another thread would wait for it, too.
    if ('path' in message && this.#silentPaths.has(message.path)) return Promise.reject(silent(message.path))
    this.#lastRequest += 1
    const request = this.#lastRequest
    const full = { ...message, request } as RequestMessage
    const { promise, resolve, reject } = Promise.withResolvers<RequestResult>()
    const onAbort = (): void => {
      this.#waiting.delete(request)
      reject(signal?.reason)
    }
    signal?.addEventListener('abort', onAbort, { once: true })
    this.#waiting.set(request, { message: full, onProgress, resolve, reject, tries: 1 })
    if (this.#worker !== undefined) this.#post(full)
    else if (this.#timer === undefined) this.#spawn()
    return promise.finally(() => signal?.removeEventListener('abort', onAbort))
  }

  suspect(file: number): void {
    this.#post({ type: 'suspect', file })
  }

  async stop(): Promise<void> {
    this.#fail(new LibraryStoppedError('The library was stopped.'), 'asked for')
    const worker = this.#worker
    if (worker === undefined) return
    const { promise: exited, resolve } = Promise.withResolvers<void>()
    worker.once('exit', () => resolve())
    worker.postMessage({ type: 'stop' })
    let last: NodeJS.Timeout | undefined
    const timer = setTimeout(() => {
      const noLonger = waiting()
      worker.terminate().then(noLonger, noLonger)
      // One that waits for a disk ends when that answers. Nobody waits for it.
      worker.unref()
      last = setTimeout(resolve, TERMINATE_MS)
    }, STOP_MS)
    await exited
    clearTimeout(timer)
    clearTimeout(last)
    this.#watch?.stop()
    this.#worker = undefined
  }

  #post(message: ToWorker): void {
    this.#worker?.postMessage(message)
  }

  /** What waits to be answered is asked for, too. */
  #spawn(): void {
    this.#timer = undefined
    const worker = this.#init.createWorker()
    this.#worker = worker
    const notes = new DiskNotes()
    const { open } = this.#init
    this.#watch?.stop()
    this.#watch = new DiskWatch(notes, open.settings.diskSilentMs ?? DISK_SILENT_MS, caller =>
      this.#leaveBehind(worker, caller)
    )
    this.#startedMs = performance.now()
    let error: unknown
    worker.on('message', (message: FromWorker) => this.#receive(message))
    worker.on('error', thrown => {
      error = thrown
    })
    worker.once('exit', () => this.#ended(worker, error))
    this.#post({ ...open, notes: notes.shared, silent: [...this.#silent] })
    for (const { message } of this.#waiting.values()) this.#post(message)
  }

  #receive(message: FromWorker): void {
    const { logger, onNews } = this.#init
    if (message.type === 'log') logger[message.level](message.details, message.message)
    else if (message.type === 'fatal') this.#fail(fromErrorMessage(message.error))
    else if (message.type === 'result') this.#take(message.request)?.resolve(message.result)
    else if (message.type === 'failure') this.#take(message.request)?.reject(fromErrorMessage(message.error))
    else if (message.type === 'left') this.#silent.delete(message.root)
    else if (message.type === 'progress' && message.request !== undefined) {
      this.#waiting.get(message.request)?.onProgress?.(message.progress)
    } else {
      onNews(message)
      if (message.type !== 'ready') return
      this.#isOpen = true
      this.#opened.resolve()
    }
  }

  #take(request: number): Waiting | undefined {
    const waiting = this.#waiting.get(request)
    this.#waiting.delete(request)
    return waiting
  }

  /**
   * The thread waits for a disk that does not answer. It cannot be ended, so it is left alone until the disk answers,
   * and another one does its work for all other disks.
   */
  #leaveBehind(worker: Worker, caller: Caller): void {
    if (this.#worker !== worker || this.#failure !== undefined) return
    this.#worker = undefined
    const noLonger = waiting()
    const asked = caller < 0 ? this.#take(-caller) : undefined
    const path = asked !== undefined && 'path' in asked.message ? asked.message.path : undefined
    if (caller > 0) this.#silent.add(caller)
    if (path !== undefined) {
      this.#silentPaths.add(path)
      asked?.reject(silent(path))
    }
    this.#init.logger.warn(
      { root: caller, path },
      'A disk does not answer. Its files are withdrawn until it does.'
    )
    worker.removeAllListeners('message')
    worker.once('exit', () => {
      noLonger()
      if (path !== undefined) this.#silentPaths.delete(path)
      if (!this.#silent.delete(caller)) return
      this.#init.logger.info({ root: caller }, 'A disk answers again.')
      this.#post({ type: 'answers', root: caller })
    })
    // It ends with its next step, so that it writes nothing any more.
    void worker.terminate()
    worker.unref()
    this.#spawn()
  }

  #ended(worker: Worker, error: unknown): void {
    if (this.#worker !== worker) return
    this.#worker = undefined
    this.#watch?.stop()
    if (this.#failure !== undefined) return
    const { message } = toErrorMessage(error ?? 'it ended without a word')
    if (!this.#isOpen) {
      this.#fail(new LibraryFailedError(`The library cannot be opened: ${message}.`))
      return
    }
    if (performance.now() - this.#startedMs > RESTART_MS_MAX) this.#restartMs = RESTART_MS
    const afterMs = this.#restartMs
    this.#restartMs = Math.min(afterMs * 2, RESTART_MS_MAX)
    this.#init.logger.error({ error: message, afterMs }, 'The indexing thread died and is started again.')
    for (const [request, waiting] of [...this.#waiting]) {
      waiting.tries += 1
      if (waiting.tries <= REQUEST_TRIES_MAX) continue
      this.#take(request)?.reject(
        new LibraryFailedError(`The indexing thread died ${REQUEST_TRIES_MAX} times over this: ${message}.`)
      )
    }
    this.#timer = setTimeout(() => this.#spawn(), afterMs)
  }

  #fail(error: Error, how: 'asked for' | 'unasked' = 'unasked'): void {
    if (this.#failure !== undefined) return
    this.#failure = error
    clearTimeout(this.#timer)
    // Nobody may be waiting for it.
    this.#opened.promise.catch(() => {})
    this.#opened.reject(error)
    for (const request of [...this.#waiting.keys()]) this.#take(request)?.reject(error)
    if (how === 'unasked') this.#init.onFailed(error)
  }
}
