/**
 * The main thread's side of the indexing thread: starts it, asks it, and starts it again when it dies. What
 * was asked for and not answered is asked again; what is to be done otherwise lies in the catalogue.
 */
import type { Worker } from 'node:worker_threads'
import { fromErrorMessage, LibraryFailedError, LibraryStoppedError, toErrorMessage } from './errors.ts'
import { REQUEST_TRIES_MAX, RESTART_MS, RESTART_MS_MAX, STOP_MS } from './limits.ts'
import type { FromWorker, OpenMessage, RequestMessage, RequestResult, ToWorker } from './messages.ts'
import type { LibraryLogger, LibraryProgress } from './types.ts'

/** What comes unasked. */
export type News = Extract<FromWorker, { type: 'changes' | 'roots' | 'problems' | 'progress' | 'ready' }>

export interface IndexerClientInit {
  readonly createWorker: () => Worker
  readonly open: OpenMessage
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

type Unnumbered<T> = T extends RequestMessage ? Omit<T, 'request'> : never

export class IndexerClient {
  readonly #init: IndexerClientInit
  readonly #waiting = new Map<number, Waiting>()
  #worker: Worker | undefined
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
    const timer = setTimeout(() => worker.terminate(), STOP_MS)
    await exited
    clearTimeout(timer)
  }

  #post(message: ToWorker): void {
    this.#worker?.postMessage(message)
  }

  /** What waits to be answered is asked for, too. */
  #spawn(): void {
    this.#timer = undefined
    const worker = this.#init.createWorker()
    this.#worker = worker
    this.#startedMs = performance.now()
    let error: unknown
    worker.on('message', (message: FromWorker) => this.#receive(message))
    worker.on('error', thrown => {
      error = thrown
    })
    worker.once('exit', () => this.#ended(worker, error))
    this.#post(this.#init.open)
    for (const { message } of this.#waiting.values()) this.#post(message)
  }

  #receive(message: FromWorker): void {
    const { logger, onNews } = this.#init
    if (message.type === 'log') logger[message.level](message.details, message.message)
    else if (message.type === 'fatal') this.#fail(fromErrorMessage(message.error))
    else if (message.type === 'result') this.#take(message.request)?.resolve(message.result)
    else if (message.type === 'failure') this.#take(message.request)?.reject(fromErrorMessage(message.error))
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

  #ended(worker: Worker, error: unknown): void {
    if (this.#worker !== worker) return
    this.#worker = undefined
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
