/**
 * An index that is opened when it can be: a database may be away while its server starts, and come later. Until then
 * every call is refused as any store refuses that cannot be reached, and it is tried again and again, with more time
 * between from one time to the next.
 */
import { IndexUnavailableError } from './errors.ts'
import type { IndexedFile, IndexHit, IndexHits, IndexQuery, IndexTotals, KeywordIndex } from './types.ts'

/** Between two attempts: at first, and at most. */
export const RETRY_MS = 1_000
export const RETRY_MS_MAX = 60_000
/** How long `close` waits for an attempt that is under way. */
const CLOSE_MS = 5_000

export interface OpeningIndexInit {
  /** An attempt. What it rejects with says why the index is away. */
  readonly open: () => Promise<KeywordIndex>
  /** Told of each attempt that failed, and when the next one is made. */
  readonly onFailure?: (error: Error, againMs: number) => void
  /** Told once, before any call reaches the index. */
  readonly onOpen?: () => void
  readonly retryMs?: number
  readonly retryMsMax?: number
}

export class OpeningIndex implements KeywordIndex {
  readonly #init: OpeningIndexInit
  #index: KeywordIndex | undefined
  #problem = 'It is being opened.'
  #attempt: Promise<void>
  #timer: NodeJS.Timeout | undefined
  #againMs: number
  #isClosed = false

  /** The first attempt is begun. */
  constructor(init: OpeningIndexInit) {
    this.#init = init
    this.#againMs = init.retryMs ?? RETRY_MS
    this.#attempt = this.#try()
  }

  /** Why the index is not open; nothing once it is. */
  get problem(): string | undefined {
    return this.#index === undefined ? this.#problem : undefined
  }

  /** Ends with the attempt that is under way, whatever comes of it, or when so much time is over. */
  async attempted(withinMs: number): Promise<void> {
    await within(withinMs, this.#attempt)
  }

  async add(owner: string, files: readonly IndexedFile[]): Promise<void> {
    await this.#opened.add(owner, files)
  }

  async remove(owner: string, keys: readonly string[]): Promise<number> {
    return await this.#opened.remove(owner, keys)
  }

  async removeOwner(owner: string): Promise<number> {
    return await this.#opened.removeOwner(owner)
  }

  async search(query: IndexQuery): Promise<IndexHits> {
    return await this.#opened.search(query)
  }

  async providers(content: Uint8Array, limit: number): Promise<readonly IndexHit[]> {
    return await this.#opened.providers(content, limit)
  }

  async browse(owner: string, after: string | undefined, limit: number): Promise<readonly IndexedFile[]> {
    return await this.#opened.browse(owner, after, limit)
  }

  async totals(): Promise<IndexTotals> {
    return await this.#opened.totals()
  }

  /** An attempt that is still under way then is closed when it comes to an end. */
  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    await within(CLOSE_MS, this.#attempt)
    await this.#index?.close()
  }

  get #opened(): KeywordIndex {
    if (this.#index !== undefined && !this.#isClosed) return this.#index
    throw new IndexUnavailableError(this.#isClosed ? 'The index was closed.' : this.#problem)
  }

  /** Rejects never: nobody may be waiting for it. */
  async #try(): Promise<void> {
    const { open, onFailure, onOpen } = this.#init
    let index: KeywordIndex
    try {
      index = await open()
    } catch (error) {
      if (this.#isClosed) return
      const waitMs = this.#tryLater((error as Error).message)
      tell(() => onFailure?.(error as Error, waitMs))
      return
    }
    if (this.#isClosed) {
      try {
        await index.close()
      } catch {
        // Whoever closed it is gone, and so is who would hear of this.
      }
      return
    }
    this.#index = index
    tell(() => onOpen?.())
  }

  #tryLater(problem: string): number {
    this.#problem = problem
    const waitMs = this.#againMs
    this.#againMs = Math.min(2 * waitMs, this.#init.retryMsMax ?? RETRY_MS_MAX)
    this.#timer = setTimeout(() => {
      this.#attempt = this.#try()
    }, waitMs)
    this.#timer.unref()
    return waitMs
  }
}

/** What a listener throws is its own failure: the index is as open, or as far away, as it was. */
function tell(listener: () => void): void {
  try {
    listener()
  } catch (error) {
    process.emitWarning(error as Error)
  }
}

/** Waits for some work, for at most so long. */
export async function within(ms: number, work: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<false>(resolve => {
    timer = setTimeout(() => resolve(false), ms)
  })
  try {
    return await Promise.race([work.then(() => true), late])
  } finally {
    clearTimeout(timer)
  }
}
