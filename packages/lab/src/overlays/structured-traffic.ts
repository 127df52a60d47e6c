/**
 * What lookups cost all peers together: every message of them that any machine sends is counted where it is sent,
 * so that nothing is added that was not, and nothing left out that came after the answer.
 *
 * A lookup is known by its key, or by its origin and number: the first bits of keys, and the last of PeerIds, are
 * random, and no two of a run share 53 of them.
 */
import type { RoutingMessage, RoutingTypes } from '@servent/key-routing/machine'
import type { Input, Key, Link, MachineTypes } from '@servent/overlay/machine'
import type { LookupTrace } from '../path/trace.ts'
import { ExpiringMap } from './expiring-map.ts'
import type { Watch } from './observed.ts'

/** Counters that go on after the answer, until all that was sent for it has been seen. */
export interface Cost {
  messages: number
  bytes: number
  /** Where each message is looked at as well. */
  readonly trace?: LookupTrace | undefined
}

/** Messages of an overlay that finds keys by messages of its own, in place of `key-routing`'s. */
export interface OwnMessages<Message> {
  /** The key of a request of somebody's lookup; nothing where it is for a table, or of none. */
  keyOf(message: Message): Key | undefined
  /** Whether it answers such a request. */
  isAnswer(message: Message): boolean
  /** Whether it stores a record, or says that it is stored. */
  isStoring(message: Message): boolean
}

const TAG_BYTES = 8

/** What tells messages of lookups, and of publishing, from all others. */
export interface QuestionTraffic<T extends MachineTypes> extends Watch<T> {
  /** Counts for the user's lookup of this key. */
  expect(key: Key, cost: Cost): void
  /** From now on what stores records is counted here, with the lookups that nobody expects; nothing: no more. */
  countPublishing(cost: Cost | undefined): void
}

/** What it goes by. */
export interface TrafficInit<T extends MachineTypes> {
  /** How long after its beginning messages of a lookup may come. */
  readonly livesUs: number
  readonly nowUs: () => number
  readonly bytesOf: (message: T['message']) => number
}

export class StructuredTraffic implements QuestionTraffic<RoutingTypes> {
  readonly #byKey: ExpiringMap<number, Cost>
  readonly #byOrigin: ExpiringMap<string, Cost>
  readonly #bytesOf: (message: RoutingMessage) => number
  readonly #own: OwnMessages<RoutingMessage> | undefined
  /** The lookup that a peer is answering a step of. */
  #answering: Cost | undefined
  #publishing: Cost | undefined

  /** `own`: where its lookups are not `key-routing`'s. */
  constructor({ livesUs, nowUs, bytesOf }: TrafficInit<RoutingTypes>, own?: OwnMessages<RoutingMessage>) {
    this.#own = own
    this.#bytesOf = bytesOf
    this.#byKey = new ExpiringMap(livesUs, nowUs)
    this.#byOrigin = new ExpiringMap(livesUs, nowUs)
  }

  expect(key: Key, cost: Cost): void {
    this.#byKey.set(tagOf(key), cost)
  }

  countPublishing(cost: Cost | undefined): void {
    this.#publishing = cost
  }

  onInput(input: Input<RoutingTypes>): boolean {
    this.#answering =
      input.type === 'message' && this.#isStep(input.message) ? this.#costOf(input.message) : undefined
    return true
  }

  onSend(message: RoutingMessage, link: Link, node: number): void {
    const cost = this.#costOf(message)
    if (cost === undefined) return
    cost.messages += 1
    cost.trace?.sent(message, link, node)
    // Nobody asks for the bytes of single lookups.
    if (cost === this.#publishing) cost.bytes += this.#bytesOf(message)
  }

  /** Whether an answer to it belongs to the same lookup. */
  #isStep(message: RoutingMessage): boolean {
    return this.#own === undefined
      ? message.type === 'next-hops-request'
      : this.#own.keyOf(message) !== undefined
  }

  #ownCostOf(own: OwnMessages<RoutingMessage>, message: RoutingMessage): Cost | undefined {
    const key = own.keyOf(message)
    if (key !== undefined) return this.#byKey.get(tagOf(key)) ?? this.#publishing
    if (own.isAnswer(message)) return this.#answering
    return own.isStoring(message) ? this.#publishing : undefined
  }

  #costOf(message: RoutingMessage): Cost | undefined {
    if (this.#own !== undefined) return this.#ownCostOf(this.#own, message)
    switch (message.type) {
      case 'lookup': {
        if (message.purpose !== 'user') return undefined
        const name = nameOf(message.origin.id, message.id)
        const known = this.#byOrigin.get(name)
        if (known !== undefined) return known
        const cost = this.#byKey.get(tagOf(message.key)) ?? this.#publishing
        if (cost !== undefined) this.#byOrigin.set(name, cost)
        return cost
      }
      case 'hop-ack':
      case 'found':
      case 'lookup-failed':
        return this.#byOrigin.get(nameOf(message.origin, message.id))
      case 'next-hops-request':
        if (message.purpose !== 'user') return undefined
        return this.#byKey.get(tagOf(message.key)) ?? this.#publishing
      case 'next-hops-answer':
        return this.#answering
      case 'store':
        return message.as === 'hand-over' ? undefined : this.#publishing
      case 'stored':
        return this.#publishing
      default:
        return undefined
    }
  }
}

/** 53 bits of a key or of what ends as one. */
export function tagOf(bytes: Uint8Array, at = 0): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at)
  return view.getUint32(0) * 2 ** 21 + (view.getUint32(4) >>> 11)
}

function nameOf(origin: Uint8Array, id: number): string {
  return `${tagOf(origin, Math.max(0, origin.length - TAG_BYTES))} ${id}`
}
