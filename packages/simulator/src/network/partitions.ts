/**
 * Partitions: between two times, nodes on different sides do not hear each other. What is sent across waits;
 * what the engine does with it is said at `NetworkModel.usable`.
 */
import type { NetworkModel, NodeIndex } from '../types.ts'
import { hashOf } from './hash.ts'

export interface Partition {
  readonly fromUs: number
  /** From here on it is healed. */
  readonly untilUs: number
  /** Nodes of equal numbers hear each other. */
  readonly sideOf: (node: NodeIndex) => number
}

/** The partitions of one run: known beforehand, or made while it goes. */
export class Partitions {
  #all: Partition[]

  constructor(known: readonly Partition[] = []) {
    this.#all = [...known]
  }

  /** A network like this one, with these partitions in it. */
  over(base: NetworkModel): NetworkModel {
    return withUsable(base, (from, to, nowUs) => !this.isApart(from, to, nowUs))
  }

  /** From now until it is healed. */
  split(sideOf: (node: NodeIndex) => number, nowUs: number): void {
    this.#all.push({ fromUs: nowUs, untilUs: Infinity, sideOf })
  }

  /** Ends every partition that has begun. */
  heal(nowUs: number): void {
    this.#all = this.#all.filter(({ fromUs }) => fromUs > nowUs)
  }

  isApart(a: NodeIndex, b: NodeIndex, nowUs: number): boolean {
    for (const { fromUs, untilUs, sideOf } of this.#all)
      if (nowUs >= fromUs && nowUs < untilUs && sideOf(a) !== sideOf(b)) return true
    return false
  }
}

/** Each group is a side, and the nodes that no group names are one more together. */
export function sidesOf(groups: readonly (readonly NodeIndex[])[]): (node: NodeIndex) => number {
  const sides = new Map(groups.flatMap((group, side) => group.map(node => [node, side + 1] as const)))
  return node => sides.get(node) ?? 0
}

/** Two sides by chance: about this share of all nodes, whenever they come, is on side 1. */
export function sidesByShare(share: number, salt: number): (node: NodeIndex) => number {
  const below = share * 2 ** 32
  return node => (hashOf(salt, node, 0) < below ? 1 : 0)
}

/** A network in which nodes hear each other only where both the base and `usable` allow it. */
export function withUsable(base: NetworkModel, usable: NonNullable<NetworkModel['usable']>): NetworkModel {
  return layer(base, {
    usable: (from, to, nowUs) => usable(from, to, nowUs) && (base.usable?.(from, to, nowUs) ?? true)
  })
}

/** The base with some of its methods replaced. */
export function layer(base: NetworkModel, over: Partial<NetworkModel>): NetworkModel {
  return {
    oneWayUs: base.oneWayUs.bind(base),
    ...(base.dialUs && { dialUs: base.dialUs.bind(base) }),
    ...(base.usable && { usable: base.usable.bind(base) }),
    ...(base.bandwidthBytesPerS && { bandwidthBytesPerS: base.bandwidthBytesPerS.bind(base) }),
    ...(base.resetAfterUs && { resetAfterUs: base.resetAfterUs.bind(base) }),
    ...over
  }
}
