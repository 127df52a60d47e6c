/** What holds of every table at every moment, by an observer who looks after each event (D1 to D3). */
import { commonPrefixBits } from '@servent/overlay/machine'
import type { NodeIndex } from '@servent/simulator'
import type { KademliaNetwork } from './network.ts'

export class InvariantError extends Error {
  override readonly name = 'InvariantError'
}

/** Throws where the tables of a living node break an invariant. */
export function checkTables(network: KademliaNetwork, isClient: (node: NodeIndex) => boolean): void {
  const { simulation, settings } = network
  for (const node of simulation.aliveNodes()) {
    const own = simulation.keyOf(node)
    for (const [prefix, bucket] of network.machine(node).buckets.entries()) {
      if (bucket.length > (settings.k ?? 20))
        throw new InvariantError(`D2: node ${node} has ${bucket.length} peers in bucket ${prefix}.`)
      for (const { peer } of bucket) {
        const other = simulation.nodeOfPeer(node, peer)
        const shared = commonPrefixBits(own, simulation.keyOf(other))
        if (shared !== prefix)
          throw new InvariantError(`D1: node ${node} has ${other}, of prefix ${shared}, in bucket ${prefix}.`)
        if (isClient(other))
          throw new InvariantError(`D3: node ${node} has the client ${other} in its table.`)
      }
    }
  }
}
