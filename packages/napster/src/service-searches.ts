/** Searches and browses of the service: commands in, hits out. */
import { type Clock, multiaddrsOfContact, RunningSearches } from '@servent/libp2p-host'
import {
  type FileRecord,
  type Hit,
  NobodyToAskError,
  type Provider,
  peerIdText,
  type RequestId
} from '@servent/overlay'
import { ServerError } from './errors.ts'
import type { Wanted } from './messages.ts'
import type { NapsterSearchOptions } from './service-init.ts'
import { type FoundFile, NapsterSearch, type NapsterSearchInit } from './service-search.ts'
import type { NapsterCommand, NapsterNotice } from './types.ts'

type SearchNotice = NapsterNotice & { type: 'found' | 'search-ended' | 'search-traffic' | 'browsed' }

const STOPPED = 'The search was broken off: this peer was stopped.'
const OUT_OF_TIME = 'The time for the search was over before the server had answered. Give it more time.'

export interface SearchesInit {
  readonly clock: Clock
  readonly command: (command: NapsterCommand) => RequestId
  readonly isRunning: () => boolean
}

export class Searches {
  readonly #init: SearchesInit
  readonly #running: RunningSearches<NapsterNotice, FoundFile, NapsterSearch>
  #timesStopped = 0

  constructor(init: SearchesInit) {
    this.#init = init
    this.#running = new RunningSearches({
      clock: init.clock,
      onEnd: search => {
        if (init.isRunning()) init.command({ type: 'end-search', search })
      }
    })
  }

  wants(search: RequestId, record: FileRecord): boolean {
    return this.#running.get(search)?.wants(record) ?? false
  }

  take(notice: SearchNotice): void {
    this.#running.take(notice.type === 'browsed' ? notice.browse : notice.search, notice)
  }

  stop(): void {
    this.#timesStopped += 1
    this.#running.endAll()
  }

  async *find(
    wanted: Wanted,
    options: NapsterSearchOptions,
    wants: (record: FileRecord) => boolean
  ): AsyncGenerator<Hit, void> {
    const { signal, timeoutMs, traffic } = options
    const init = { wants, limit: wanted.limit, traffic }
    const timesStopped = this.#timesStopped
    const search = yield* this.#run({ type: 'search', wanted }, init, signal, timeoutMs)
    const wasStopped = this.#timesStopped > timesStopped
    // No server said that this is all there is.
    const reason = search.count >= wanted.limit ? '' : wasStopped ? STOPPED : OUT_OF_TIME
    const { ended } = search
    if (search.count === 0 && ended?.nobody === true) throw new NobodyToAskError(ended.reason)
    options.onEnd?.(ended ?? { unanswered: [], reason })
    if (search.count === 0 && ended !== undefined && ended.reason !== '') throw new ServerError(ended.reason)
  }

  async *browse(user: string, { signal }: { readonly signal?: AbortSignal }): AsyncGenerator<Hit, void> {
    const init = { wants: () => true, limit: Number.POSITIVE_INFINITY, traffic: undefined }
    let after = ''
    do {
      const search: NapsterSearch = yield* this.#run({ type: 'browse', user, after }, init, signal, undefined)
      if (search.ended !== undefined && search.ended.reason !== '') throw new ServerError(search.ended.reason)
      // A server that gives the same page again, or pages of nothing, would keep its user for ever.
      if (search.nextPage <= after || search.count === 0) return
      after = search.nextPage
    } while (after !== '')
  }

  async *#run(
    command: NapsterCommand,
    init: Omit<NapsterSearchInit, 'nowMs'>,
    signal: AbortSignal | undefined,
    timeoutMs: number | undefined
  ): AsyncGenerator<Hit, NapsterSearch> {
    const search = new NapsterSearch({ ...init, nowMs: () => this.#init.clock.nowMs() })
    const found = this.#running.read(search, () => this.#init.command(command), {
      signal,
      timeoutMs
    })
    for await (const file of found) yield hitOf(file)
    return search
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
