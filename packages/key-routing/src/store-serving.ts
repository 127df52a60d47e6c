/** Answers to what other peers ask of the records here. Reads are answered by whoever has records: root or not. */
import type { Key, Peer } from '@servent/overlay/machine'
import type { KeySlot } from './records.ts'
import { branchDigests, digestOf, underPrefix } from './records-digest.ts'
import { RangeViews } from './records-ranges.ts'
import type { KeyRange } from './routing.ts'
import type { Acceptance } from './store-accept.ts'
import {
  DIGEST_DEPTH_MAX,
  DIGEST_ROOT_RECORDS,
  FINGERPRINTS_MAX,
  PRIORITY_COPY,
  PRIORITY_READ,
  PRIORITY_STORE
} from './store-constants.ts'
import type { StoreContext } from './store-context.ts'
import type {
  DigestAnswer,
  DigestRequest,
  GetRecords,
  PullRecords,
  RecordsPage,
  StoreAnswer,
  StoredRecord,
  StoreRecords,
  StoreRequest
} from './store-messages.ts'
import { fitInMessage } from './store-wire-records.ts'
import type { RoutingEffects } from './types.ts'

export class Serving {
  readonly #context: StoreContext
  readonly #acceptance: Acceptance
  readonly views: RangeViews

  constructor(context: StoreContext, acceptance: Acceptance) {
    this.#context = context
    this.#acceptance = acceptance
    this.views = new RangeViews(context.table)
  }

  /** True for requests about records. */
  onMessage(sender: Peer, message: { readonly type: string }, effects: RoutingEffects): boolean {
    const request = message as StoreRequest
    switch (request.type) {
      case 'store':
        this.#store(sender, request, effects)
        return true
      case 'get':
        this.#answer(sender, this.page(request, effects), PRIORITY_READ, effects)
        return true
      case 'digest-request':
        this.#answer(sender, this.#digest(sender, request, effects), PRIORITY_COPY, effects)
        return true
      case 'pull':
        this.#answer(sender, this.#pull(request, effects), PRIORITY_COPY, effects)
        return true
      default:
        return false
    }
  }

  page({ id, kind, key, after, limit }: GetRecords, effects: RoutingEffects): RecordsPage {
    this.#context.counters.pages += 1
    const fit = (records: readonly StoredRecord[]) => Math.min(limit, fitInMessage(records).length)
    const page = this.#context.table.page(kind, key, after, fit, effects.nowMs(), effects.wallMs())
    return { type: 'page', id, ...page }
  }

  #store(sender: Peer, { id, as, records }: StoreRecords, effects: RoutingEffects): void {
    this.#acceptance.accept(
      { sender, as, records },
      (outcomes, copies, later) =>
        this.#answer(sender, { type: 'stored', id, outcomes, copies }, PRIORITY_STORE, later),
      effects
    )
  }

  #digest(
    sender: Peer,
    { id, from, to, prefix, digest }: DigestRequest,
    effects: RoutingEffects
  ): DigestAnswer {
    const { counters, takesOver } = this.#context
    const nowMs = effects.nowMs()
    const view = takesOver ? this.views.of(from, to, nowMs) : undefined
    const [first, end] = view === undefined ? [0, 0] : underPrefix(view.fingerprints, prefix)
    const isAsked = view !== undefined && this.views.spend(end - first, nowMs)
    // Roots compare whole ranges, and what they ask about belongs here. Anybody else may do so, too.
    if (!isAsked || (prefix.length === 0 && !this.#confirm(sender, { from, to }, view.slots, nowMs))) {
      counters.digestsBusy += 1
      return { type: 'digest-answer', id, what: 'busy', hashes: [] }
    }
    counters.digests += 1
    const { fingerprints } = view
    if (digestOf(fingerprints, first, end) === digest)
      return { type: 'digest-answer', id, what: 'same', hashes: [] }
    if (end - first > FINGERPRINTS_MAX && prefix.length < DIGEST_DEPTH_MAX)
      return { type: 'digest-answer', id, what: 'branches', hashes: branchDigests(fingerprints, prefix) }
    const hashes = fingerprints.slice(first, Math.min(end, first + FINGERPRINTS_MAX))
    return { type: 'digest-answer', id, what: 'all', hashes }
  }

  /** A range that can be the sender's is, as a whole; of any other each key is looked up, where there is time for it. */
  #confirm(sender: Peer, range: KeyRange, slots: readonly KeySlot[], nowMs: number): boolean {
    const { routing } = this.#context.deps
    const isTheirs = (key: Key): boolean => this.#context.isPlausibleRoot(sender, key)
    const isWhole = routing.isPlausibleRange?.(sender, range) === true && isTheirs(range.to)
    if (!isWhole && !this.views.spend(DIGEST_ROOT_RECORDS * slots.length, nowMs)) return false
    for (const { key, held } of slots)
      if (isWhole || isTheirs(key)) for (const one of held.values()) one.confirmedMs = nowMs
    return true
  }

  /** Withdrawn records too: whoever pulls must hear of them. */
  #pull({ id, fingerprints }: PullRecords, effects: RoutingEffects): RecordsPage {
    const { table, counters } = this.#context
    const records = fingerprints.flatMap(fingerprint => {
      const held = table.withFingerprint(fingerprint)
      const isThere = held !== undefined && held.record.expiresMs > effects.wallMs()
      return isThere ? [held.record] : []
    })
    counters.pages += 1
    const page = fitInMessage(records)
    return { type: 'page', id, records: page, total: page.length }
  }

  #answer(peer: Peer, message: StoreAnswer, priority: number, effects: RoutingEffects): void {
    // Whoever asked and is gone has no use for an answer.
    const link = this.#context.deps.calls.linkOf(peer)
    if (link !== undefined) effects.send(link, message, priority)
  }
}
