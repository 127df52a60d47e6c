/** One machine under a test's hand: links that are up in one call, and what came out since the last look. */
import {
  type Contact,
  given,
  type Input,
  type Link,
  type LinkEnd,
  type LinkOrigin,
  type Timer
} from '@servent/overlay/machine'
import { type Effect, RecordingEffects, testContact } from '@servent/overlay/testing'
import { GnutellaMachine } from '../src/machine.ts'
import type {
  GnutellaMessage,
  Headers,
  HitResult,
  PongMessage,
  PushMessage,
  QueryHitMessage,
  QueryMessage
} from '../src/messages.ts'
import { hashWord, slotOf } from '../src/qrp-hash.ts'
import { patchOf } from '../src/qrp-patch.ts'
import { QueryRoutingTable } from '../src/query-routing-table.ts'
import type {
  GnutellaAnswer,
  GnutellaCommand,
  GnutellaQuestion,
  GnutellaSettings,
  GnutellaTypes,
  SeenTiers
} from '../src/types.ts'

export const MODERN: Headers = {
  'user-agent': 'Test',
  'pong-caching': '0.1',
  'bye-packet': '0.1',
  ggep: '0.5'
}

/** What a leaf and an ultrapeer of today say. */
export const LEAF: Headers = {
  ...MODERN,
  'x-ultrapeer': 'False',
  'x-query-routing': '0.2',
  'x-ultrapeer-query-routing': '0.1',
  'x-ext-probes': '0.1',
  'x-degree': '32',
  'x-max-ttl': '4'
}
export const ULTRAPEER: Headers = { ...LEAF, 'x-ultrapeer': 'True' }

/** The messages that tell a table with these words, and with more slots set by their number. */
export function tableOf(...words: readonly (string | number)[]): GnutellaMessage[] {
  const table = new QueryRoutingTable(16)
  for (const word of words) table.put(typeof word === 'string' ? slotOf(hashWord(word), 16) : word, true)
  const header = { ttl: 1, hops: 0 }
  return [
    { type: 'table-reset', guid: freshGuid(), ...header, bits: 16, infinity: 7 },
    ...patchOf(undefined, table, 1).map(
      (part): GnutellaMessage => ({ type: 'table-patch', guid: freshGuid(), ...header, ...part })
    )
  ]
}

/** Keeps timers, so that a test can let time pass. */
class TimedEffects extends RecordingEffects<GnutellaTypes> {
  readonly timers = new Map<Timer, number>()

  override setTimer(timer: Timer, afterMs: number): void {
    super.setTimer(timer, afterMs)
    this.timers.set(timer, this.now + afterMs)
  }

  override cancelTimer(timer: Timer): void {
    super.cancelTimer(timer)
    this.timers.delete(timer)
  }
}

export class Servent {
  readonly machine: GnutellaMachine
  readonly effects: TimedEffects
  #requests = 1000
  #links = 0

  constructor(
    settings: Partial<GnutellaSettings> = {},
    saved: ReadonlyMap<string, Uint8Array> = new Map(),
    seed = 1
  ) {
    this.machine = new GnutellaMachine(settings)
    this.effects = new TimedEffects({ seed })
    this.handle({ type: 'start', saved })
  }

  handle(input: Input<GnutellaTypes>): void {
    this.machine.handle(input, this.effects)
  }

  /** A new link, without a handshake. Peers are numbers of `testContact`. */
  link(peer: number, inbound = true, origin?: LinkOrigin): Link {
    this.#links += 1
    const handle = this.effects.peers.intern(testContact(peer))
    this.handle({ type: 'link-up', link: this.#links, peer: handle, inbound, ...given({ origin }) })
    return this.#links
  }

  /** A link with its handshake behind it; what that sent is forgotten. */
  neighbour(
    peer: number,
    {
      headers = MODERN,
      inbound = true,
      origin
    }: { headers?: Headers; inbound?: boolean; origin?: LinkOrigin } = {}
  ): Link {
    const link = this.link(peer, inbound, origin)
    if (inbound) this.from(link, { type: 'connect', headers })
    this.from(link, { type: 'status', status: 200, reason: 'OK', headers: inbound ? {} : headers })
    this.effects.take()
    return link
  }

  from(link: Link, ...messages: GnutellaMessage[]): void {
    for (const message of messages) this.handle({ type: 'message', link, message })
  }

  down(link: Link, kind: LinkEnd['kind'] = 'closed'): void {
    this.handle({ type: 'link-down', link, end: { kind, message: kind } })
  }

  command(command: GnutellaCommand): number {
    this.#requests += 1
    this.handle({ type: 'command', id: this.#requests, command })
    return this.#requests
  }

  search(text: string, ttl?: number): number {
    return this.command({ type: 'search', text, urns: [], ...(ttl === undefined ? {} : { ttl }) })
  }

  /** Lets time pass, and fires the machine's timers as they fall due. */
  pass(ms: number): void {
    const endMs = this.effects.now + ms
    for (;;) {
      const due = [...this.effects.timers].sort((a, b) => a[1] - b[1])[0]
      if (due === undefined || due[1] > endMs) break
      const [timer, atMs] = due
      this.effects.timers.delete(timer)
      this.effects.advance(Math.max(0, atMs - this.effects.now))
      this.handle({ type: 'timer', timer })
    }
    this.effects.advance(endMs - this.effects.now)
  }

  /** Messages sent since the last look, to one link or to all. */
  sent(link?: Link): GnutellaMessage[] {
    return this.effects.sent(link)
  }

  /** What was sent to each link since the last look, by type and TTL, as `query 6/1`. */
  outline(): Record<Link, string[]> {
    const outline: Record<Link, string[]> = {}
    for (const effect of this.take()) {
      if (effect.type !== 'send') continue
      const { message } = effect
      const detail = 'ttl' in message ? `${message.type} ${message.ttl}/${message.hops}` : message.type
      outline[effect.link] = [...(outline[effect.link] ?? []), detail]
    }
    return outline
  }

  take(): Effect<GnutellaTypes>[] {
    return this.effects.take()
  }

  /** Questions since the last look. */
  asked(): { id: number; question: GnutellaQuestion }[] {
    return this.take().flatMap(effect =>
      effect.type === 'ask' ? [{ id: effect.id, question: effect.question as GnutellaQuestion }] : []
    )
  }

  answer(id: number, answer: GnutellaAnswer): void {
    this.handle({ type: 'answer', id, answer })
  }

  tiers(): SeenTiers {
    return this.machine.snapshot().tiers!
  }

  counter(name: string): number {
    const count = this.machine.snapshot().counters[name]
    if (count === undefined) throw new Error(`There is no counter ${name}.`)
    return count
  }

  closed(): Link[] {
    return this.effects.log.flatMap(effect => (effect.type === 'close' ? [effect.link] : []))
  }
}

let ids = 0

/** An id that was not given before. */
export function freshGuid(): string {
  ids += 1
  return `${ids.toString(16).padStart(16, '0')}ff${'0'.repeat(14)}`
}

export function query(fields: Partial<QueryMessage> = {}): QueryMessage {
  const text = fields.text ?? 'blue'
  return {
    type: 'query',
    guid: freshGuid(),
    ttl: 7,
    hops: 0,
    flags: 0x8000,
    text,
    urns: [],
    ggep: [],
    payload: new Uint8Array(text.length + 3),
    ...fields
  }
}

export function result(fields: Partial<HitResult> = {}): HitResult {
  return { index: 1, size: 10, name: 'blue.txt', urns: [], record: Uint8Array.of(1), ggep: [], ...fields }
}

export function hit(guid: string, fields: Partial<QueryHitMessage> = {}): QueryHitMessage {
  return {
    type: 'query-hit',
    guid,
    ttl: 7,
    hops: 0,
    ipv4: 0,
    port: 0,
    speed: 0,
    results: [result()],
    vendor: 'SVNT',
    flags: { push: false },
    contact: testContact(900),
    ggep: [],
    servent: 'ab'.repeat(16),
    payload: new Uint8Array(200),
    ...fields
  }
}

/** A hit comes in, and what it says that these providers have is found to be sound. What was sent before is forgotten. */
export function find(servent: Servent, link: Link, guid: string, providers: readonly number[]): void {
  servent.from(link, hit(guid))
  const files = providers.map(provider => ({
    index: 1,
    record: { id: 'file', provider: `${provider}` } as never
  }))
  servent.answer(servent.asked().at(-1)!.id, { type: 'verify', files })
}

export function pong(guid: string, contact: Contact, fields: Partial<PongMessage> = {}): PongMessage {
  return {
    type: 'pong',
    guid,
    ttl: 1,
    hops: 0,
    ipv4: 0,
    port: 0,
    files: 1,
    kibibytes: 1,
    contact,
    ggep: [],
    ...fields
  }
}

export function push(fields: Partial<PushMessage> = {}): PushMessage {
  return {
    type: 'push',
    guid: freshGuid(),
    ttl: 7,
    hops: 0,
    ipv4: 0,
    port: 0,
    servent: 'ab'.repeat(16),
    index: 1,
    contact: testContact(901),
    nonce: new Uint8Array(16).fill(3),
    ggep: [],
    ...fields
  }
}
