/**
 * Who takes part in a structured network, by what the machines say of themselves, and with them who is the root of a
 * key. Members do. Before there are any, as on a ring of never more than r peers, those of a network that forms do,
 * for they serve lookups by knowing all of each other; beside members such a peer is one that has not joined yet. A
 * peer whose tables ran empty joins anew, and is no member until it has.
 */
import type { Key } from '@servent/overlay/machine'
import type { NodeIndex } from '@servent/simulator'
import type { Sides } from '../partition.ts'
import { RingTruth } from './ring-truth.ts'

/** How a peer stands: `member`, with tables by which keys have roots, or one of a network that still forms. */
export type Standing = 'member' | 'forming' | 'out'

class Those {
  readonly truth = new RingTruth()
  readonly nodes = new Set<NodeIndex>()
  /** Of each side, as long as nobody comes or goes. */
  #ofSides = new Map<number, RingTruth>()

  /** Of a part of them. */
  truthOfSide(side: number, sideOf: (node: NodeIndex) => number): RingTruth {
    const known = this.#ofSides.get(side)
    if (known !== undefined) return known
    const truth = this.truth.of(node => sideOf(node) === side)
    this.#ofSides.set(side, truth)
    return truth
  }

  set(node: NodeIndex, isIn: boolean, keysOf: (node: NodeIndex) => Key[]): void {
    if (isIn === this.nodes.has(node)) return
    this.#ofSides.clear()
    if (isIn) {
      this.nodes.add(node)
      this.truth.add(node, keysOf(node))
    } else {
      this.nodes.delete(node)
      this.truth.remove(node, keysOf(node))
    }
  }
}

export class StructuredMembers {
  readonly #members = new Those()
  readonly #forming = new Those()
  readonly #keysOf: (node: NodeIndex) => Key[]
  readonly #sides: Sides | undefined

  /** `keysOf` gives the keys of a node's places. */
  constructor(keysOf: (node: NodeIndex) => Key[], sides?: Sides) {
    this.#keysOf = keysOf
    this.#sides = sides
  }

  /** Members of a network that was put down, all at once. */
  addAll(nodes: readonly NodeIndex[]): void {
    this.#members.truth.addAll(nodes.map(node => [node, this.#keysOf(node)]))
    for (const node of nodes) this.#members.nodes.add(node)
  }

  /** A node says how it stands. */
  onStanding(node: NodeIndex, standing: Standing): void {
    this.#members.set(node, standing === 'member', this.#keysOf)
    this.#forming.set(node, standing === 'forming', this.#keysOf)
  }

  onDeath(node: NodeIndex): void {
    this.onStanding(node, 'out')
  }

  has(node: NodeIndex): boolean {
    return this.#now.nodes.has(node)
  }

  /** Those who take part now, as they come and go. */
  get nodes(): ReadonlySet<NodeIndex> {
    return this.#now.nodes
  }

  /** Of those who take part now. */
  get truth(): RingTruth {
    return this.#now.truth
  }

  /** Of those who take part now and whom a node hears. */
  truthFor(node: NodeIndex): RingTruth {
    const sides = this.#sides
    if (sides?.isParted !== true) return this.truth
    return this.#now.truthOfSide(sides.sideOf(node), one => sides.sideOf(one))
  }

  get #now(): Those {
    return this.#members.nodes.size > 0 ? this.#members : this.#forming
  }
}
