/**
 * The neighbourhood set M (Rowstron section 2.1): the |M| nodes that are nearest by distance, whatever their ids.
 * Messages are routed by it in the rare case alone; it is what a newcomer nearby begins its tables with.
 */
import { type Peer, SELF } from '@servent/overlay/machine'

export class NeighbourhoodSet {
  readonly #most: number
  readonly #peers: Peer[] = []
  readonly #distances: number[] = []

  constructor(most: number) {
    this.#most = most
  }

  /** The nearest first. */
  get peers(): readonly Peer[] {
    return this.#peers
  }

  distanceMs(peer: Peer): number | undefined {
    return this.#distances[this.#peers.indexOf(peer)]
  }

  /** Whether a peer at this distance is not in it and would be. */
  wants(peer: Peer, distanceMs: number): boolean {
    const isNearer = this.#peers.length < this.#most || distanceMs < (this.#distances.at(-1) ?? 0)
    return isNearer && !this.#peers.includes(peer)
  }

  /** Takes what was measured: a peer that is there already has its new place. */
  add(peer: Peer, distanceMs: number): void {
    if (peer === SELF || !(distanceMs > 0)) return
    this.remove(peer)
    let at = this.#peers.length
    while (at > 0 && this.#distances[at - 1]! > distanceMs) at -= 1
    if (at >= this.#most) return
    this.#peers.splice(at, 0, peer)
    this.#distances.splice(at, 0, distanceMs)
    this.#peers.length = Math.min(this.#peers.length, this.#most)
    this.#distances.length = this.#peers.length
  }

  remove(peer: Peer): void {
    const at = this.#peers.indexOf(peer)
    if (at < 0) return
    this.#peers.splice(at, 1)
    this.#distances.splice(at, 1)
  }

  clear(): void {
    this.#peers.length = 0
    this.#distances.length = 0
  }
}
