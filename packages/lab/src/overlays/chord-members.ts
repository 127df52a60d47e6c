/**
 * Who takes part in a Chord network, by what the machines say of themselves, and with them who is the root of a key.
 * Members of a ring do. Before there is a ring, as where there are never more than r peers, those of a network that
 * forms do, for they serve lookups by knowing all of each other; beside a ring such a peer is one that has not
 * joined it yet. A peer whose list ran empty joins anew, and is no member until it has.
 */
import type { ChordMode } from '@servent/chord/machine'
import type { Key } from '@servent/overlay/machine'
import type { NodeIndex } from '@servent/simulator'
import { RingTruth } from './ring-truth.ts'

class Standing {
  readonly truth = new RingTruth()
  readonly nodes = new Set<NodeIndex>()

  set(node: NodeIndex, isIn: boolean, keysOf: (node: NodeIndex) => Key[]): void {
    if (isIn === this.nodes.has(node)) return
    if (isIn) {
      this.nodes.add(node)
      this.truth.add(node, keysOf(node))
    } else {
      this.nodes.delete(node)
      this.truth.remove(node, keysOf(node))
    }
  }
}

export class ChordMembers {
  readonly #ring = new Standing()
  readonly #forming = new Standing()
  readonly #keysOf: (node: NodeIndex) => Key[]

  /** `keysOf` gives the keys of a node's places. */
  constructor(keysOf: (node: NodeIndex) => Key[]) {
    this.#keysOf = keysOf
  }

  /** Members of a ring that was put down, all at once. */
  addRing(nodes: readonly NodeIndex[]): void {
    this.#ring.truth.addAll(nodes.map(node => [node, this.#keysOf(node)]))
    for (const node of nodes) this.#ring.nodes.add(node)
  }

  /** A node says how it stands. */
  onMode(node: NodeIndex, mode: ChordMode): void {
    this.#ring.set(node, mode === 'ring', this.#keysOf)
    this.#forming.set(node, mode === 'forming', this.#keysOf)
  }

  onDeath(node: NodeIndex): void {
    this.onMode(node, 'idle')
  }

  has(node: NodeIndex): boolean {
    return this.#now.nodes.has(node)
  }

  get nodes(): readonly NodeIndex[] {
    return [...this.#now.nodes]
  }

  /** Of those who take part now. */
  get truth(): RingTruth {
    return this.#now.truth
  }

  get #now(): Standing {
    return this.#ring.nodes.size > 0 ? this.#ring : this.#forming
  }
}
