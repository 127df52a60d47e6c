/**
 * Peers that a node remembers beside its tables: those that it was told of, and those that went silent. By
 * them it joins again when everybody in its list is gone, and finds the ring on the other side of a partition.
 */
import type { Peer } from '@servent/overlay/machine'

export class RingMemory {
  readonly #max: number
  #peers: Peer[] = []
  #next = 0

  constructor(max: number) {
    this.#max = max
  }

  get peers(): readonly Peer[] {
    return this.#peers
  }

  /** The newest; over the bound the oldest is forgotten. */
  add(peer: Peer): void {
    if (this.#peers.includes(peer)) return
    this.#peers.push(peer)
    if (this.#peers.length > this.#max) this.#peers.shift()
  }

  /** One after the other, round and round, so that each comes again after as many calls as there are peers. */
  next(): Peer | undefined {
    if (this.#peers.length === 0) return undefined
    this.#next = (this.#next + 1) % this.#peers.length
    return this.#peers[this.#next]
  }
}
