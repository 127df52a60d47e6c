/** ToN section VI-B: how many of random keys each node has, with virtual nodes. */
import { randomOf } from '@servent/simulator'
import { IdealRing } from '../../src/machine.ts'
import { randomKey } from './lookups.ts'

export function keysPerNode(seed: string, nodes: number, keys: number, virtualNodes: number): number[] {
  const random = randomOf(seed)
  const ring = new IdealRing(
    Array.from({ length: nodes }, () => randomKey(random)),
    virtualNodes
  )
  const counts: number[] = new Array(nodes).fill(0)
  for (let key = 0; key < keys; key += 1) {
    const { peer } = ring.nodes[ring.successorOf(randomKey(random))]!
    counts[peer] = counts[peer]! + 1
  }
  return counts
}

export function percentile(values: readonly number[], fraction: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(fraction * sorted.length))]!
}
