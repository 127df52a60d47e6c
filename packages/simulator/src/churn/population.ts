/** The nodes that churn and faults act on. */
import type { Random, Streams } from '../random.ts'
import type { NodeIndex } from '../types.ts'

/** The part of a `Simulation` that churn needs, whatever its machines speak. */
export interface Population {
  readonly nowUs: number
  /** How many nodes were ever added. */
  readonly size: number
  readonly random: Streams
  addNode(): NodeIndex
  start(node: NodeIndex): void
  stop(node: NodeIndex): void
  crash(node: NodeIndex): void
  revive(node: NodeIndex, how: { readonly keepSaved: boolean }): void
  contact(node: NodeIndex, other: NodeIndex): void
  alive(node: NodeIndex): boolean
  aliveNodes(): readonly NodeIndex[]
  readonly aliveCount: number
  /** Each node that is up with the same chance. */
  pickAlive(random: Random): NodeIndex | undefined
  at(us: number, act: () => void): void
}

/** So many of a list, no one twice, in an order of chance (the beginning of a shuffle by Fisher and Yates). */
export function pickSome<T>(from: readonly T[], count: number, random: Random): T[] {
  const items = [...from]
  for (let place = 0; place < count; place += 1) {
    const other = place + random.below(items.length - place)
    const moved = items[place]!
    items[place] = items[other]!
    items[other] = moved
  }
  return items.slice(0, count)
}
