/**
 * Peers that a node remembers beside its tables: those that it was told of, and those that went silent. By
 * them it joins again when everybody in its tables is gone, and finds its network on the other side of a partition.
 */
import type { Peer } from '@servent/overlay/machine'

export class PeerMemory {
  readonly #max: number
  readonly #peers: Peer[] = []
  /** Those that somebody chose; they stay when others come. */
  readonly #chosen: Peer[] = []
  #next = 0

  constructor(max: number) {
    this.#max = max
  }

  get peers(): readonly Peer[] {
    return this.#peers
  }

  /** Over the bound the oldest is forgotten, of those that were not chosen as long as there is one. */
  add(peer: Peer, chosen = false): void {
    if (chosen && !this.#chosen.includes(peer)) this.#chosen.push(peer)
    if (this.#peers.includes(peer)) return
    this.#peers.push(peer)
    if (this.#peers.length <= this.#max) return
    this.remove(this.#peers.find(one => !this.#chosen.includes(one)) ?? this.#peers[0]!)
  }

  isChosen(peer: Peer): boolean {
    return this.#chosen.includes(peer)
  }

  remove(peer: Peer): void {
    for (const list of [this.#peers, this.#chosen]) {
      const at = list.indexOf(peer)
      if (at >= 0) list.splice(at, 1)
    }
  }

  /** One after the other, round and round, so that each comes again after as many calls as there are peers. */
  next(): Peer | undefined {
    if (this.#peers.length === 0) return undefined
    this.#next = (this.#next + 1) % this.#peers.length
    return this.#peers[this.#next]
  }
}
