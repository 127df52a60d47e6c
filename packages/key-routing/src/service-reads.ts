/**
 * Searches: by words for files, and by content for those who have it. What is told was verified, but for the
 * addresses of a hit's provider: a file record holds none, so they are what the word's home was told. A wrong one
 * costs a dial and leads to nobody else, for a connection proves its PeerId; those of `findProviders` are signed.
 */
import { type Clock, multiaddrsOfContact, pause } from '@servent/libp2p-host'
import {
  type Contact,
  type ContentId,
  type FileRecord,
  type Hit,
  keyOfContent,
  keyOfWord,
  matches,
  type OverlayName,
  openRecord,
  type Provider,
  peerIdText,
  type Query,
  wordsOfTags
} from '@servent/overlay'
import type { LookupFailure } from './messages.ts'
import { nameOf } from './records.ts'
import { decodeProvider, keyOfMultihash, readEnvelope } from './records-body.ts'
import type { ServiceCommands } from './service-commands.ts'
import {
  PROVIDERS_MAX,
  READ_RETRY_MS,
  READ_TRIES_MAX,
  SEARCH_MS,
  SEARCH_RECORDS_MAX
} from './service-constants.ts'
import type { Readiness } from './service-readiness.ts'
import { isGenuine } from './service-sealing.ts'
import type { KeyRoutedSearchOptions, SearchExtent } from './service-types.ts'
import { COUNT_MAX, FETCH_KEYS_MAX } from './store-constants.ts'
import type { StoredRecord } from './store-messages.ts'
import type { RoutingCommand } from './types.ts'

/** A search came to no end: that nothing was found does not mean that nobody has it. */
export class LookupError extends Error {
  static override readonly name = 'LookupError'
  override readonly name = 'LookupError'
}

export interface ReadsInit {
  readonly commands: ServiceCommands
  readonly readiness: Pick<Readiness, 'wait'>
  readonly clock: Clock
  readonly overlay: OverlayName
  /** This peer in text form: what it has itself it need not find. */
  readonly self: string
}

/** What a search that came to no end says. */
const FAILURES: Readonly<Record<LookupFailure, string>> = {
  'no-route':
    'No peer that is responsible could be reached; try again, or see whether this node is connected.',
  budget: 'The peer that is responsible was not found in time; try again.',
  'not-ready': 'This node is in no ring just now; try again when it is.',
  busy: 'This node is busy with other searches; try again.'
}

interface Found {
  readonly record: StoredRecord
  readonly hops: number
  readonly elapsedMs: number
}

export class ServiceReads {
  readonly #init: ReadsInit

  constructor(init: ReadsInit) {
    this.#init = init
  }

  async *search(query: Query, options: KeyRoutedSearchOptions): AsyncGenerator<Hit, void> {
    const keys = wordsOfQuery(query).slice(0, FETCH_KEYS_MAX).map(keyOfWord)
    if (keys.length === 0) return
    const seen = new Set<string>()
    const command = { type: 'fetch-rarest', keys, limit: SEARCH_RECORDS_MAX } as const
    for await (const { record: stored, hops, elapsedMs } of this.#records(command, options)) {
      const provider = peerIdText(stored.publisher.id)
      if (provider === this.#init.self) continue
      const record = await this.#open(stored, provider)
      if (record === undefined || !matches(query, record)) continue
      const name = `${record.id} ${provider}`
      if (seen.has(name)) continue
      seen.add(name)
      const { overlay } = this.#init
      yield { record, provider: this.#provider(provider, stored.publisher), overlay, hops, elapsedMs }
      if (seen.size >= query.limit) return
    }
  }

  /** Providers with the addresses that they signed. */
  async *findProviders(
    multihash: Uint8Array,
    options: KeyRoutedSearchOptions
  ): AsyncGenerator<Provider, void> {
    const key = keyOfMultihash(multihash)
    const command = { type: 'fetch', kind: 'provider', key, limit: PROVIDERS_MAX } as const
    for await (const { record } of this.#records(command, options)) {
      const peerId = peerIdText(record.publisher.id)
      if (peerId === this.#init.self || !(await isGenuine(record, this.#init.clock.wallMs()))) continue
      const { addresses } = decodeProvider(readEnvelope(record.body).payload)
      yield this.#provider(peerId, { id: record.publisher.id, addresses })
    }
  }

  /**
   * Whether others have this peer's provider record of a content. Nothing where that is not known: nobody answered in
   * time, or there are more providers than were looked through.
   */
  async isAnnounced(id: ContentId, self: Contact, signal: AbortSignal): Promise<boolean | undefined> {
    const command = { type: 'fetch', kind: 'provider', key: keyOfContent(id), limit: PROVIDERS_MAX } as const
    const extent: SearchExtent = { more: true }
    try {
      for await (const { record } of this.#records(command, { signal, extent }))
        if (nameOf(record.publisher.id) === nameOf(self.id)) return true
    } catch (error) {
      if ((error as Error).name !== LookupError.name) throw error
    }
    return extent.more ? undefined : false
  }

  /** Records of a command as they come, once it can be answered, until there are no more or the time is over. */
  async *#records(
    command: RoutingCommand,
    { signal, timeoutMs = SEARCH_MS, traffic, extent = { more: true } }: KeyRoutedSearchOptions
  ): AsyncGenerator<Found, void> {
    const { clock, commands, readiness } = this.#init
    extent.more = true
    const leftMs = await readiness.wait({ signal, timeoutMs })
    const ended = new AbortController()
    const timer = clock.setTimeout(() => ended.abort(), leftMs)
    const until = signal === undefined ? ended.signal : AbortSignal.any([signal, ended.signal])
    let read = 0
    const note = (total: number): void => {
      extent.more = read < total
      if (total < COUNT_MAX) extent.total = total
      else delete extent.total
    }
    let failure: LookupError | undefined
    try {
      for (let tries = 1; ; tries += 1) {
        let failed: LookupFailure | undefined
        for await (const notice of commands.follow(command, ['records-end'], until)) {
          if (notice.type === 'records') {
            const { hops, elapsedMs, total } = notice
            for (const record of notice.records) {
              read += 1
              note(total)
              yield { record, hops, elapsedMs }
            }
          } else if (notice.type === 'records-end') {
            if (traffic !== undefined) {
              traffic.messages += notice.traffic.messages
              traffic.bytes += notice.traffic.bytes
            }
            failed = notice.failure
            if (failed === undefined) note(notice.total)
          }
        }
        if (failed === undefined) return
        extent.more = true
        failure = new LookupError(`${FAILURES[failed]} (${failed})`)
        if (failed !== 'no-route' || read > 0 || tries === READ_TRIES_MAX) throw failure
        await pause(clock, READ_RETRY_MS * 2 ** (tries - 1), until)
      }
    } catch (error) {
      if (!ended.signal.aborted || signal?.aborted === true) throw error
      // Its time is over: what was found was told, and so is that nobody was reached.
      if (failure !== undefined && read === 0) throw failure
    } finally {
      clock.clearTimeout(timer)
    }
  }

  async #open(stored: StoredRecord, provider: string): Promise<FileRecord | undefined> {
    try {
      return await openRecord(stored.body, { nowMs: this.#init.clock.wallMs(), provider })
    } catch {
      // Whatever a stranger stored: it is no file.
      return undefined
    }
  }

  #provider(peerId: string, contact: Contact): Provider {
    const addresses = multiaddrsOfContact(contact).map(address => address.toString())
    return { peerId, addresses, overlay: this.#init.overlay }
  }
}

function wordsOfQuery(query: Query): string[] {
  if (query.words.length > 0) return [...new Set(query.words)]
  return [...new Set(wordsOfTags(query.tags ?? {}))]
}
