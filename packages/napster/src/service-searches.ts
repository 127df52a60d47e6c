/** Searches and browses of the service: commands in, hits out. */
import { type Clock, multiaddrsOfContact } from '@servent/libp2p-host'
import {
  type FileRecord,
  type Hit,
  NobodyToAskError,
  type Provider,
  peerIdText,
  QUERY_WORDS_MAX,
  type Query,
  type RequestId,
  tokens
} from '@servent/overlay'
import { isWord, tagWord } from './entries.ts'
import { ServerError } from './errors.ts'
import type { Bounds, Wanted } from './messages.ts'
import type { NapsterSearchOptions } from './service-init.ts'
import { type Ended, type FoundFile, RunningSearch, type RunningSearchInit } from './service-search.ts'
import type { NapsterCommand, NapsterNotice } from './types.ts'

type SearchNotice = NapsterNotice & { type: 'found' | 'search-ended' | 'search-traffic' | 'browsed' }

export interface SearchesInit {
  readonly clock: Clock
  readonly command: (command: NapsterCommand) => RequestId
  readonly isRunning: () => boolean
}

/** What is looked for by its content. */
interface ByContent {
  readonly content: Uint8Array
  readonly limit: number
}

export class Searches {
  readonly #init: SearchesInit
  readonly #running = new Map<RequestId, RunningSearch>()
  /** The search whose command is being given: its notices come before its id is known. */
  #beginning: RunningSearch | undefined

  constructor(init: SearchesInit) {
    this.#init = init
  }

  wants(search: RequestId, record: FileRecord): boolean {
    return this.#running.get(search)?.wants(record) ?? false
  }

  take(notice: SearchNotice): void {
    const id = notice.type === 'browsed' ? notice.browse : notice.search
    ;(this.#running.get(id) ?? this.#beginning)?.take(notice)
  }

  stop(): void {
    for (const search of this.#running.values()) search.end()
  }

  async *find(
    query: Query | ByContent,
    options: NapsterSearchOptions,
    wants: (record: FileRecord) => boolean
  ): AsyncGenerator<Hit, void> {
    const { signal, timeoutMs, traffic } = options
    const wanted = wantedOf(query, options)
    const init = { wants, limit: query.limit, traffic }
    const search = yield* this.#run({ type: 'search', wanted }, init, signal, timeoutMs)
    const ended: Ended = search.ended ?? { unanswered: [], reason: '' }
    if (search.count === 0 && ended.nobody === true) throw new NobodyToAskError(ended.reason)
    options.onEnd?.(ended)
    if (search.count === 0 && ended.reason !== '') throw new ServerError(ended.reason)
  }

  async *browse(user: string, { signal }: { readonly signal?: AbortSignal }): AsyncGenerator<Hit, void> {
    const init = { wants: () => true, limit: Number.POSITIVE_INFINITY, traffic: undefined }
    let after = ''
    do {
      const search: RunningSearch = yield* this.#run({ type: 'browse', user, after }, init, signal, undefined)
      if (search.ended !== undefined && search.ended.reason !== '') throw new ServerError(search.ended.reason)
      // A server that gives the same page again, or pages of nothing, would keep its user for ever.
      if (search.next <= after || search.count === 0) return
      after = search.next
    } while (after !== '')
  }

  async *#run(
    command: NapsterCommand,
    init: Omit<RunningSearchInit, 'nowMs'>,
    signal: AbortSignal | undefined,
    timeoutMs: number | undefined
  ): AsyncGenerator<Hit, RunningSearch> {
    signal?.throwIfAborted()
    const { clock } = this.#init
    const search = new RunningSearch({ ...init, nowMs: () => clock.nowMs() })
    const end = () => search.end()
    const id = this.#begin(search, command)
    this.#running.set(id, search)
    const timer = timeoutMs === undefined ? undefined : clock.setTimeout(end, timeoutMs)
    signal?.addEventListener('abort', end)
    try {
      for (let file = await search.nextFile(); file !== undefined; file = await search.nextFile()) {
        yield hitOf(file)
        signal?.throwIfAborted()
      }
      signal?.throwIfAborted()
      return search
    } finally {
      if (timer !== undefined) clock.clearTimeout(timer)
      signal?.removeEventListener('abort', end)
      this.#running.delete(id)
      if (this.#init.isRunning()) this.#init.command({ type: 'end-search', search: id })
    }
  }

  #begin(search: RunningSearch, command: NapsterCommand): RequestId {
    this.#beginning = search
    try {
      return this.#init.command(command)
    } finally {
      this.#beginning = undefined
    }
  }
}

function hitOf(file: FoundFile): Hit {
  const { record, hops, elapsedMs } = file
  return { record, provider: providerOf(file), overlay: 'napster', hops, elapsedMs }
}

/** Who has the file, and the way to have it called. */
export function providerOf({ contact, index }: FoundFile): Provider {
  const peerId = peerIdText(contact.id)
  return {
    peerId,
    addresses: multiaddrsOfContact(contact).map(address => address.toString()),
    overlay: 'napster',
    push: { overlay: 'napster', servent: peerId, index }
  }
}

function wantedOf(query: Query | ByContent, options: NapsterSearchOptions): Wanted {
  const link = boundsOf(options.minLinkSpeed, options.maxLinkSpeed)
  const bitrate = boundsOf(options.minBitrate, options.maxBitrate)
  const none = { words: [], without: [], mediaType: '', size: {}, link, bitrate, limit: query.limit }
  if ('content' in query) return { ...none, content: query.content }
  const { words, without = [], type = '', minSize, maxSize, tags = {} } = query
  // A search for tags is one for the words that a server's index has of them.
  const tagWords = Object.entries(tags).flatMap(([tag, value]) =>
    tokens(value).map(word => tagWord(tag, word))
  )
  return {
    ...none,
    words: [...new Set([...words, ...tagWords.filter(isWord)])].slice(0, QUERY_WORDS_MAX),
    without,
    mediaType: type,
    size: boundsOf(minSize, maxSize)
  }
}

const boundsOf = (min: number | undefined, max: number | undefined): Bounds => ({
  ...(min !== undefined && { min }),
  ...(max !== undefined && { max })
})
