/**
 * What a peer sends for lookups and searches, whoever's they are: its machine is looked at from outside (`trace`), and each
 * message is counted under what names its question on the wire, at every peer alike. Who asked knows the names of its
 * questions; the sum over all peers of what stands under them is what a question took.
 *
 * Structured overlays are counted by key, and only the lookups that a user asked for; floods by the id of the query. A
 * Napster user counts both directions of its links to servers, and nothing sees what servers ask each other: where there
 * are several, results have no count.
 */
import type { TraceStep } from '@servent/libp2p-host'
import { type Key, keyToHex, type Link, type MachineTypes, type RequestId, toHex } from '@servent/overlay'

/** Names that are kept. What is asked beyond them is counted no more. */
export const QUESTION_NAMES_MAX = 100_000

/** Messages, and their bytes. */
export type Cost = readonly [messages: number, bytes: number]

/** A question that this peer asks, as it shows on its wire. */
export interface AskedQuestion {
  readonly names: Set<string>
  /** Of the first hit. */
  hops: number | undefined
}

/** As far as the messages of all overlays go by. */
interface AnyMessage {
  readonly type: string
  readonly id?: number | string
  readonly guid?: string
  readonly query?: number
  readonly origin?: Uint8Array | { readonly id: Uint8Array }
  readonly key?: Key
  readonly purpose?: string
  readonly want?: string
}
interface AnyNotice {
  readonly type: string
  readonly search?: RequestId
  readonly hops?: number
  readonly files?: readonly { readonly hops?: number }[]
}

type NameOf = (message: AnyMessage, link: Link, tally: NameMemory) => string | undefined

export class QuestionTally {
  readonly #nameOf: NameOf
  readonly #bytesOf: (message: never) => number
  /** Whether what comes is counted with what goes: where the other side counts nothing. */
  readonly #bothWays: boolean
  readonly #memory: NameMemory
  readonly #counts = new Map<string, [messages: number, bytes: number]>()
  /** Begun, and without a number of the machine yet. */
  #beginning: AskedQuestion | undefined
  readonly #bySearch = new Map<RequestId, AskedQuestion>()

  private constructor(nameOf: NameOf, bytesOf: (message: never) => number, bothWays: boolean, self: string) {
    this.#memory = new NameMemory(self)
    this.#nameOf = nameOf
    this.#bytesOf = bytesOf
    this.#bothWays = bothWays
  }

  /** Nothing where the overlay's machine is none of ours. */
  static of(overlay: string, self: string, bytesOf: (message: never) => number): QuestionTally | undefined {
    const nameOf = NAMES[overlay]
    return nameOf === undefined ? undefined : new QuestionTally(nameOf, bytesOf, overlay === 'napster', self)
  }

  /** The next search that this peer's machine is told to make. */
  begin(): AskedQuestion {
    this.#beginning = { names: new Set(), hops: undefined }
    return this.#beginning
  }

  /** For `trace` of a service. */
  see<T extends MachineTypes>({ input, effects }: TraceStep<T>): void {
    let asked: AskedQuestion | undefined
    if (input.type === 'command' && (input.command as { type: string }).type === 'search') {
      asked = this.#beginning
      this.#beginning = undefined
      if (asked !== undefined) this.#bySearch.set(input.id, asked)
    }
    if (input.type === 'message') {
      const name = this.#nameOf(input.message as AnyMessage, input.link, this.#memory)
      if (name !== undefined && this.#bothWays) this.#count(name, input.message)
    }
    for (const effect of effects) {
      if (effect.type === 'send') {
        const name = this.#nameOf(effect.message as AnyMessage, effect.link, this.#memory)
        if (name === undefined) continue
        asked?.names.add(name)
        this.#count(name, effect.message)
      } else if (effect.type === 'notify') this.#notice(effect.notice as AnyNotice)
    }
  }

  read(): Record<string, Cost> {
    return Object.fromEntries(this.#counts)
  }

  #notice({ type, search, hops, files }: AnyNotice): void {
    const asked = type === 'found' && search !== undefined ? this.#bySearch.get(search) : undefined
    if (asked !== undefined) asked.hops ??= hops ?? files?.[0]?.hops
  }

  #count(name: string, message: unknown): void {
    let counts = this.#counts.get(name)
    if (counts === undefined) {
      if (this.#counts.size >= QUESTION_NAMES_MAX) return
      counts = [0, 0]
      this.#counts.set(name, counts)
    }
    counts[0] += 1
    counts[1] += this.#bytesOf(message as never)
  }
}

/** What a message alone does not say: under which name its like came before. */
class NameMemory {
  readonly #names = new Map<string, string>()
  /** Of whose machine. */
  readonly self: string

  constructor(self: string) {
    this.self = self
  }

  keep(what: string, name: string): string {
    if (this.#names.size < QUESTION_NAMES_MAX) this.#names.set(what, name)
    return name
  }

  of(what: string): string | undefined {
    return this.#names.get(what)
  }
}

const ring: NameOf = ({ type, id, origin, key, purpose }, link, memory) => {
  switch (type) {
    case 'lookup':
      return purpose === 'user' ? memory.keep(lookupOf(origin, id), keyToHex(key!)) : undefined
    case 'hop-ack':
    case 'found':
    case 'lookup-failed':
      return memory.of(lookupOf(origin, id))
    // Its answer has the same number on the same link, and its machine draws them for each link.
    case 'next-hops-request':
      return purpose === 'user' ? memory.keep(`${link} ${id}`, keyToHex(key!)) : undefined
    case 'next-hops-answer':
      return memory.of(`${link} ${id}`)
    default:
      return undefined
  }
}

const lookupOf = (origin: AnyMessage['origin'], id: AnyMessage['id']) =>
  `${toHex(origin instanceof Uint8Array ? origin : origin!.id)} ${id}`

const NAMES: Readonly<Record<string, NameOf>> = {
  chord: ring,
  pastry: ring,
  kelips: ({ type, id, key, want }, link, memory) => {
    if (type === 'find') return want === 'peer' ? memory.keep(`${link} ${id}`, keyToHex(key!)) : undefined
    return type === 'providers' ? memory.of(`${link} ${id}`) : undefined
  },
  gnutella: ({ type, guid }, _link, memory) => {
    if (guid === undefined) return undefined
    // Pings and pongs have ids of their own.
    return type === 'query' ? memory.keep(guid, guid) : memory.of(guid)
  },
  fasttrack: ({ type, id }) =>
    type === 'query' || type === 'results' || type === 'query-end' ? `${id}` : undefined,
  // Its numbers mean something to the two ends alone, and each counts under its own name.
  napster: ({ type, query }, link, { self }) =>
    type === 'find' || type === 'found' || type === 'found-end' ? `${self} ${link} ${query}` : undefined
}
