/**
 * What holders had no room for. A file that nobody would find is tried again when there may be room, and not before:
 * what is sent in vain is missing in the budget. Nor is a word whose key is full told of new files meanwhile. All this
 * is known of this run alone.
 */
import { FULL_KEYS_MAX, REFUSED_RETRY_MS } from './service-constants.ts'
import type { PublishOutcome } from './service-outcomes.ts'
import { isFull } from './store-messages.ts'

/** `unfit`: no record can hold the file's name and tags. */
export type RefusalReason =
  | Extract<PublishOutcome, 'full' | 'full-key' | 'full-publisher' | 'refused'>
  | 'unfit'

/** As `why` of a snapshot says it. */
const WHY: Readonly<Record<RefusalReason, string>> = {
  'full-publisher': 'the peers that their keys belong to keep no more of one peer',
  'full-key': 'others fill all of their words',
  full: 'the peers that their keys belong to are full',
  refused: 'others do not take their records; is the clock right?',
  unfit: 'no record can hold their names and tags'
}

interface Refused {
  readonly tag: number
  readonly againMs: number
  readonly reason: RefusalReason
}

export class Refusals {
  readonly #files = new Map<number, Refused>()
  readonly #counts = new Map<RefusalReason, number>()
  readonly #partly = new Set<number>()
  /** Keys that take no new file, and until when by `nowMs`, the longest known first. */
  readonly #fullKeys = new Map<string, number>()

  get files(): number {
    return this.#files.size
  }

  /** Files that not all of their words find. */
  get partly(): number {
    return this.#partly.size
  }

  /** What most of them met. */
  get why(): string {
    let most: RefusalReason = 'full'
    for (const [reason, count] of this.#counts) if (count > (this.#counts.get(most) ?? 0)) most = reason
    return WHY[most]
  }

  /** It would be refused again. A file of another name has its turn at once. */
  isRefused(index: number, tag: number, nowMs: number): boolean {
    const refused = this.#files.get(index)
    return refused !== undefined && refused.tag === tag && refused.againMs > nowMs
  }

  refuse(index: number, tag: number, reason: RefusalReason, nowMs: number): void {
    this.forget(index)
    this.#files.set(index, { tag, againMs: nowMs + REFUSED_RETRY_MS, reason })
    this.#counts.set(reason, (this.#counts.get(reason) ?? 0) + 1)
  }

  /** It is found: by its id, and by all of its words or by some. */
  found(index: number, isWhole: boolean): void {
    this.forget(index)
    if (!isWhole) this.#partly.add(index)
  }

  forget(index: number): void {
    const refused = this.#files.get(index)
    if (refused !== undefined) this.#counts.set(refused.reason, this.#counts.get(refused.reason)! - 1)
    this.#files.delete(index)
    this.#partly.delete(index)
  }

  isKeyFull(name: string, nowMs: number): boolean {
    return (this.#fullKeys.get(name) ?? 0) > nowMs
  }

  keyIsFull(name: string, nowMs: number): void {
    this.#fullKeys.delete(name)
    const [oldest] = this.#fullKeys.keys()
    if (this.#fullKeys.size >= FULL_KEYS_MAX && oldest !== undefined) this.#fullKeys.delete(oldest)
    this.#fullKeys.set(name, nowMs + REFUSED_RETRY_MS)
  }
}

/** Why nobody would find a file, by what came of its records: the first is that of its content. */
export function reasonOf(outcomes: readonly PublishOutcome[]): RefusalReason {
  const [content, ...words] = outcomes
  for (const outcome of [content, ...words]) if (isFull(outcome) || outcome === 'refused') return outcome
  return 'refused'
}
