/**
 * The routing table R (Rowstron section 2.1): row l has nodes whose ids share the first l digits with the own id, a
 * column for each next digit. About log_2^b N rows have any. Beside each entry stands how far away it is.
 */
import { NO_PEER, type Peer } from '@servent/overlay/machine'

export interface TableEntry {
  readonly slot: number
  readonly peer: Peer
  /** Milliseconds of a round trip; 0: not measured. */
  readonly distanceMs: number
}

export class RoutingTable {
  readonly digitBits: number
  /** As many rows as have had an entry. */
  #cells = new Int32Array(0)
  #distances = new Float32Array(0)
  #size = 0

  constructor(digitBits: number) {
    this.digitBits = digitBits
  }

  get size(): number {
    return this.#size
  }

  get columns(): number {
    return 1 << this.digitBits
  }

  get rows(): number {
    return this.#cells.length >> this.digitBits
  }

  /** As many as the rows that it has: a slot beyond is empty. */
  get slots(): number {
    return this.#cells.length
  }

  rowOf(slot: number): number {
    return slot >> this.digitBits
  }

  /** `NO_PEER` where nobody is known. */
  at(slot: number): Peer {
    return this.#cells[slot] ?? NO_PEER
  }

  /** 0: not measured. */
  distanceMs(slot: number): number {
    return this.#distances[slot] ?? 0
  }

  set(slot: number, peer: Peer, distanceMs: number): void {
    if (slot >= this.#cells.length) this.#grow(this.rowOf(slot) + 1)
    if (this.#cells[slot] === NO_PEER) this.#size += 1
    this.#cells[slot] = peer
    this.#distances[slot] = distanceMs
  }

  /** The slot that it had, or -1. */
  remove(peer: Peer): number {
    const slot = this.#cells.indexOf(peer)
    if (slot < 0) return -1
    this.#cells[slot] = NO_PEER
    this.#distances[slot] = 0
    this.#size -= 1
    return slot
  }

  has(peer: Peer): boolean {
    return this.#cells.includes(peer)
  }

  clear(): void {
    this.#cells = new Int32Array(0)
    this.#distances = new Float32Array(0)
    this.#size = 0
  }

  /** Row by row, from the first. */
  *entries(): Generator<TableEntry, void> {
    for (const [slot, peer] of this.#cells.entries())
      if (peer !== NO_PEER) yield { slot, peer, distanceMs: this.#distances[slot]! }
  }

  peers(): Peer[] {
    return this.#between(0, this.#cells.length)
  }

  row(row: number): Peer[] {
    const from = row << this.digitBits
    return this.#between(from, Math.min(from + this.columns, this.#cells.length))
  }

  #between(from: number, to: number): Peer[] {
    const peers: Peer[] = []
    for (let slot = from; slot < to; slot += 1)
      if (this.#cells[slot] !== NO_PEER) peers.push(this.#cells[slot]!)
    return peers
  }

  #grow(rows: number): void {
    const cells = new Int32Array(rows << this.digitBits).fill(NO_PEER)
    cells.set(this.#cells)
    const distances = new Float32Array(cells.length)
    distances.set(this.#distances)
    this.#cells = cells
    this.#distances = distances
  }
}
