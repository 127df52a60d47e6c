/** Fingerprints of the records in a range, kept at hand while nothing changes, since digests are asked level by level. */
import { compareKeys, type Key, TokenBucket } from '@servent/overlay/machine'
import type { Held, KeySlot, RecordTable } from './records.ts'
import { DIGEST_RANGES_MAX, DIGEST_RECORDS_BURST, DIGEST_RECORDS_PER_S } from './store-constants.ts'

interface RangeView {
  readonly from: Key
  readonly to: Key
  readonly version: number
  readonly slots: readonly KeySlot[]
  /** Sorted. */
  readonly fingerprints: readonly number[]
}

export class RangeViews {
  readonly #table: RecordTable
  /** The latest last. */
  readonly #views: RangeView[] = []
  #budget: TokenBucket | undefined

  constructor(table: RecordTable) {
    this.#table = table
  }

  get size(): number {
    return this.#views.length
  }

  /** For another peer, which may ask about any range: nothing where that would take too much of this peer's time. */
  of(from: Key, to: Key, nowMs: number): RangeView | undefined {
    const place = this.#views.findIndex(
      view => compareKeys(view.from, from) === 0 && compareKeys(view.to, to) === 0
    )
    if (place >= 0) {
      const [known] = this.#views.splice(place, 1)
      if (known!.version === this.#table.version) {
        this.#views.push(known!)
        return known!
      }
    }
    if (!this.spend(this.#table.slots.size, nowMs)) return undefined
    const slots = this.#table.slotsIn(from, to)
    if (
      !this.spend(
        slots.reduce((sum, { held }) => sum + held.size, 0),
        nowMs
      )
    )
      return undefined
    const fingerprints = sortedFingerprints(slots.flatMap(({ held }) => [...held.values()]))
    const view = { from, to, version: this.#table.version, slots, fingerprints }
    this.#views.push(view)
    if (this.#views.length > DIGEST_RANGES_MAX) this.#views.shift()
    return view
  }

  /** Whether so many keys and records may be looked through for another peer. All that there are at once always may. */
  spend(count: number, nowMs: number): boolean {
    this.#budget ??= new TokenBucket(DIGEST_RECORDS_BURST, DIGEST_RECORDS_PER_S, nowMs)
    return this.#budget.take(Math.min(count, DIGEST_RECORDS_BURST), nowMs)
  }
}

export function sortedFingerprints(held: readonly Held[]): number[] {
  // As numbers, without a comparison function: several times as fast.
  return Array.from(Float64Array.from(held, ({ fingerprint }) => fingerprint).sort())
}
