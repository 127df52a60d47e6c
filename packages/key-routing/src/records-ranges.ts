/** Fingerprints of the records in a range, kept at hand while nothing changes, since digests are asked level by level. */
import { compareKeys, type Key, TokenBucket } from '@servent/overlay/machine'
import type { Held, RecordTable } from './records.ts'
import { DIGEST_KEYS_BURST, DIGEST_KEYS_PER_S, DIGEST_RANGES_MAX } from './store-constants.ts'

interface RangeView {
  readonly from: Key
  readonly to: Key
  readonly version: number
  readonly held: readonly Held[]
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

  of(from: Key, to: Key): RangeView {
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
    const held = this.#table.inRange(from, to)
    const view = { from, to, version: this.#table.version, held, fingerprints: sortedFingerprints(held) }
    this.#views.push(view)
    if (this.#views.length > DIGEST_RANGES_MAX) this.#views.shift()
    return view
  }

  /** For another peer, which may ask about any range: nothing where that would take too much of this peer's time. */
  forOther(from: Key, to: Key, nowMs: number): RangeView | undefined {
    this.#budget ??= new TokenBucket(DIGEST_KEYS_BURST, DIGEST_KEYS_PER_S, nowMs)
    return this.#budget.take(this.#table.slots.size, nowMs) ? this.of(from, to) : undefined
  }
}

export function sortedFingerprints(held: readonly Held[]): number[] {
  return held.map(({ fingerprint }) => fingerprint).sort((a, b) => a - b)
}
