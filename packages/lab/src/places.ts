/**
 * Who is where. A place of the world holds one peer at a time, with the files that are shared there; who comes
 * anew takes a place that somebody left. Peers who find none free get further ones, where nothing is shared.
 */
import type { NodeIndex } from '@servent/simulator'

export class Places {
  readonly #nodeAt: (NodeIndex | undefined)[]
  readonly #placeOf: number[] = []
  /** Empty places; who comes takes the last. */
  readonly #free: number[]

  constructor(count: number) {
    this.#nodeAt = new Array(count).fill(undefined)
    this.#free = Array.from({ length: count }, (_, place) => count - 1 - place)
  }

  get count(): number {
    return this.#nodeAt.length
  }

  /** Who is there now. */
  nodeAt(place: number): NodeIndex | undefined {
    return this.#nodeAt[place]
  }

  /** Where a peer is, or was last. */
  placeOf(node: NodeIndex): number {
    return this.#placeOf[node]!
  }

  /** Whether a node ever had a place: an operator's server has none. */
  had(node: NodeIndex): boolean {
    return this.#placeOf[node] !== undefined
  }

  /** Peers that are there, in the order of their places. */
  get taken(): NodeIndex[] {
    return this.#nodeAt.filter(node => node !== undefined)
  }

  take(node: NodeIndex): void {
    const place = this.#free.pop() ?? this.#nodeAt.length
    this.#nodeAt[place] = node
    this.#placeOf[node] = place
  }

  leave(node: NodeIndex): void {
    const place = this.#placeOf[node]!
    this.#nodeAt[place] = undefined
    this.#free.push(place)
  }

  /** The first peer at or after a place who is fit. `chooser` lies in [0, 1). */
  choose(chooser: number, fit: (node: NodeIndex) => boolean): NodeIndex | undefined {
    const first = Math.floor(chooser * this.count)
    for (let step = 0; step < this.count; step += 1) {
      const node = this.#nodeAt[(first + step) % this.count]
      if (node !== undefined && fit(node)) return node
    }
    return undefined
  }
}
