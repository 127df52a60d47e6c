/**
 * `get` as a stream of events: it begins a download or goes on with it, and tells how it goes.
 *
 * A download runs on when nobody watches. Aborting the signal is a user's Ctrl-C: the download is paused
 * unless somebody else watches it too, nothing is lost, and the next `get` goes on.
 */
import type { ContentId, Provider } from '@servent/overlay'
import type { Download, DownloadPriority, Downloads } from '@servent/transfer'
import type { Target } from './targets.ts'
import type { GetEvent } from './types.ts'

export interface GetOptions {
  readonly output?: string
  readonly priority?: DownloadPriority
  /** The user's. */
  readonly signal?: AbortSignal
}

export interface FetchesInit {
  readonly open: () => Promise<Downloads>
  /** Aborts when the node stops: whoever watches is told, and downloads go on at the next start. */
  readonly ended: AbortSignal
  /** Providers, those to ask first before the others. */
  readonly ranked: (providers: readonly Provider[]) => Promise<readonly Provider[]>
}

export class Fetches {
  readonly #open: () => Promise<Downloads>
  readonly #ended: AbortSignal
  readonly #ranked: FetchesInit['ranked']
  readonly #watchers = new Map<string, number>()

  constructor({ open, ended, ranked }: FetchesInit) {
    this.#open = open
    this.#ended = ended
    this.#ranked = ranked
  }

  /** Begins a download, or goes on with it, and leaves it to itself. */
  async begin(
    target: Target,
    { output, priority, sizeMax }: GetOptions & { readonly sizeMax?: number }
  ): Promise<Download> {
    const { id, size, name, folder } = target
    const downloads = await this.#open()
    const providers = await this.#ranked(target.providers)
    return downloads.start({
      id,
      providers,
      ...(size === undefined ? {} : { size }),
      ...(name === undefined ? {} : { name }),
      ...(folder === undefined ? {} : { folder }),
      ...(output === undefined ? {} : { output }),
      ...(priority === undefined ? {} : { priority }),
      ...(sizeMax === undefined ? {} : { sizeMax })
    })
  }

  /** @throws what the download failed with, by its name; `AbortError` after the signal */
  async *get(target: Target, options: GetOptions = {}): AsyncGenerator<GetEvent, void> {
    const { id } = target
    const { signal } = options
    signal?.throwIfAborted()
    const downloads = await this.#open()
    const download = await this.begin(target, options)
    const key = id.toString()
    this.#watchers.set(key, (this.#watchers.get(key) ?? 0) + 1)
    try {
      const until = signal === undefined ? this.#ended : AbortSignal.any([signal, this.#ended])
      yield* this.#events(download, until)
    } finally {
      const others = (this.#watchers.get(key) ?? 1) - 1
      if (others > 0) this.#watchers.set(key, others)
      else this.#watchers.delete(key)
      if (signal?.aborted === true && others === 0) await pause(downloads, id)
    }
  }

  async *#events(download: Download, signal: AbortSignal): AsyncGenerator<GetEvent, void> {
    for await (const event of untilAborted(download.events(), signal)) {
      if (event.event === 'failed') {
        throw Object.assign(new Error(event.reason), { name: event.error })
      }
      if (event.event === 'done') {
        const { path, bytes, sources, seconds, files } = event
        yield { event: 'done', path, bytes, sources, seconds, ...(files === undefined ? {} : { files }) }
        return
      }
      const { phase, verifiedBytes, totalBytes, sources, banned, reason, files, filesDone } = event
      yield {
        event: 'progress',
        phase,
        verifiedBytes,
        totalBytes,
        sources: [...sources],
        banned: banned.map(({ peer, reason }) => ({ peer, reason })),
        ...(reason === undefined ? {} : { reason }),
        ...(files === undefined || filesDone === undefined ? {} : { files, filesDone })
      }
    }
  }
}

/** One that was cancelled meanwhile needs no pause. */
async function pause(downloads: Downloads, id: ContentId): Promise<void> {
  try {
    await downloads.pause(id)
  } catch (error) {
    if ((error as Error).name !== 'NoDownloadError') throw error
  }
}

/**
 * The values of `source` until the signal aborts, which is thrown at once: the next value may be long in
 * coming when no source has the file.
 */
export async function* untilAborted<T>(
  source: AsyncIterable<T>,
  signal: AbortSignal
): AsyncGenerator<T, void> {
  const iterator = source[Symbol.asyncIterator]()
  const aborted = Promise.withResolvers<never>()
  aborted.promise.catch(() => {})
  const abort = () => aborted.reject(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  if (signal.aborted) abort()
  try {
    while (true) {
      const result = await Promise.race([aborted.promise, iterator.next()])
      if (result.done === true) return
      yield result.value
    }
  } finally {
    signal.removeEventListener('abort', abort)
    void iterator.return?.().catch(() => {})
  }
}
