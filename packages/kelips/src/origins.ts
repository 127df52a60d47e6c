/** Providers with tuples in this peer's group: their lives, and how many tuples each has, for its quota. */
import type { Key, Peer } from '@servent/overlay/machine'
import { ORIGINS_MAX, TUPLES_PER_ORIGIN_MAX } from './constants.ts'
import { type Life, LifeTable } from './life-table.ts'
import { grown, NO_HALVES } from './packed-rows.ts'

export class Origins {
  readonly table: LifeTable
  #tuples = NO_HALVES

  constructor(freshTold: number, keyOf: (peer: Peer) => Key) {
    this.table = new LifeTable(ORIGINS_MAX, freshTold, keyOf)
  }

  get byteLength(): number {
    return this.table.byteLength + this.#tuples.byteLength
  }

  tuplesOf(peer: Peer): number {
    const row = this.table.find(peer)
    return row < 0 ? 0 : this.#tuples[row]!
  }

  /** Whether one more is within the quota of a provider that is known. */
  mayHaveMore(peer: Peer): boolean {
    return this.tuplesOf(peer) < TUPLES_PER_ORIGIN_MAX
  }

  /** -1: there is no room. */
  add(peer: Peer, life: Life, nowMs: number): number {
    const row = this.table.add(peer, life, nowMs)
    if (row < 0) return row
    if (row >= this.#tuples.length) this.#tuples = grown(this.#tuples, Math.ceil(row * 1.25) + 4)
    this.#tuples[row] = 0
    return row
  }

  /** One tuple more or less. Whoever has none any more is forgotten. */
  count(peer: Peer, change: 1 | -1): void {
    const row = this.table.find(peer)
    if (row < 0) return
    this.#tuples[row] = this.#tuples[row]! + change
    this.forget(peer)
  }

  /** Where it has no tuples. */
  forget(peer: Peer): void {
    const row = this.table.find(peer)
    if (row < 0 || this.#tuples[row] !== 0) return
    this.#tuples[row] = this.#tuples[this.table.size - 1]!
    this.table.remove(row)
  }
}
