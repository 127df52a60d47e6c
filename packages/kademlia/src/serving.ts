/** What a peer answers that serves: who is nearer, what it keeps, and which of its own files have some words. */
import { fitInMessage, isFull, type StoredRecord } from '@servent/key-routing/machine'
import { type Contact, type Key, type Link, type Peer, sameBytes } from '@servent/overlay/machine'
import type { Fx, Kad } from './kad.ts'
import { providersThatFit } from './kad-wire.ts'
import type { KeptValues } from './kept-values.ts'
import { KAD_PRIORITY_ANSWER } from './machine-constants.ts'
import type { KademliaMessage, KademliaRequest } from './messages.ts'
import type { Provided } from './provided.ts'
import { asked } from './table-care.ts'

export class Serving {
  readonly #kad: Kad
  readonly #provided: Provided
  readonly #values: KeptValues

  constructor(kad: Kad, provided: Provided, values: KeptValues) {
    this.#kad = kad
    this.#provided = provided
    this.#values = values
  }

  onMessage(link: Link, from: Peer, message: KademliaMessage, fx: Fx): void {
    const kad = this.#kad
    if (message.type === 'add-provider') {
      if (kad.serves) onAddProvider(kad, from, message.key, message.provider, fx)
      return
    }
    if (!isRequest(message)) return
    // A client is asked for its own files, and for nothing else.
    if (kad.serves || message.type === 'files-question') this.#answer(link, from, message, fx)
    // Its question to us comes after the answer to its own.
    if (kad.mode !== 'idle') asked(kad, from, message.client === true, fx)
  }

  #answer(link: Link, from: Peer, message: KademliaRequest, fx: Fx): void {
    const { id } = message
    const answer = (made: KademliaMessage) => fx.send(link, made, KAD_PRIORITY_ANSWER)
    switch (message.type) {
      case 'ping':
        answer({ type: 'pong', id })
        break
      case 'find-node':
        answer({ type: 'closer-peers', id, closer: this.#closer(message.key, from, fx) })
        break
      case 'get-providers': {
        const closer = this.#closer(message.key, from, fx)
        const providers = providersThatFit(providersOf(this.#kad, message.key, fx))
        answer({ type: 'providers', id, closer, providers })
        break
      }
      case 'get-value': {
        const record = this.#values.find(message.key, fx)
        const closer = this.#closer(message.key, from, fx)
        answer({ type: 'value-found', id, closer, ...(record !== undefined && { record }) })
        break
      }
      case 'put-value': {
        const { record } = message
        const done = (isKept: boolean, later: Fx): void => {
          // The link may have gone while the world was asked.
          if (this.#kad.calls.peerOf(link) !== from) return
          later.send(link, { type: 'value-put', id, ...(isKept && { record }) }, KAD_PRIORITY_ANSWER)
        }
        this.#values.accept(from, record, done, fx)
        break
      }
      case 'files-question': {
        const files = this.#provided.filesWith(message.words)
        const records = fitInMessage(files)
        answer({ type: 'files-answer', id, records, more: records.length < files.length })
        break
      }
    }
  }

  #closer(key: Key, asker: Peer, fx: Fx): Contact[] {
    const { buckets, settings } = this.#kad
    return buckets.closest(key, settings.k, asker).map(({ peer }) => fx.peers.contact(peer))
  }
}

const REQUESTS: ReadonlySet<string> = new Set<KademliaRequest['type']>([
  'ping',
  'find-node',
  'get-providers',
  'get-value',
  'put-value',
  'files-question'
])

const isRequest = (message: KademliaMessage): message is KademliaRequest => REQUESTS.has(message.type)

/** A record counts for whoever sends it alone: the link has proven who that is (spec). */
function onAddProvider(kad: Kad, from: Peer, key: Key, provider: Contact, fx: Fx): void {
  if (sameBytes(provider.id, fx.peers.contact(from).id)) keepProvider(kad, key, provider, fx)
  else kad.counters.refused += 1
}

export function keepProvider(kad: Kad, key: Key, publisher: Contact, fx: Fx): void {
  const wallMs = Math.floor(fx.wallMs())
  const expiresMs = wallMs + kad.settings.providerValidityMs
  const record = {
    kind: 'provider',
    key,
    publisher,
    sequence: wallMs,
    expiresMs,
    subject: key,
    body: NOTHING
  } as const
  if (isFull(kad.records.put(record, fx.nowMs(), wallMs))) kad.counters.refused += 1
}

const NOTHING = new Uint8Array(0)

export function providersOf(kad: Kad, key: Key, fx: Fx): Contact[] {
  const all = (records: readonly StoredRecord[]) => records.length
  const { records } = kad.records.page('provider', key, 0, all, fx.nowMs(), fx.wallMs())
  return records.map(({ publisher }) => publisher)
}
