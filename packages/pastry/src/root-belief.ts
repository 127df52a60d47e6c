/**
 * Whether a peer can be the root that it, or a hop, claims it to be: its id lies no further from the key than by chance
 * the closest of all nodes does. How dense ids are the own leaf set tells.
 */
import { believeByOdds, type RootBelief, WHOLE_RING, widthOf } from '@servent/key-routing/machine'
import { type Key, type Peer, ringDistance } from '@servent/overlay/machine'
import { estimateSize } from './failure-rate.ts'
import type { PastryNode } from './node.ts'

const nobody = (): boolean => false

export function believeRoot(node: PastryNode, root: Peer, key: Key): RootBelief {
  const { leaves } = node
  if (leaves.isWhole || (leaves.covers(key) && leaves.closest(key, nobody) === root)) return 'sound'
  const { smaller, larger } = leaves.sure
  const gaps = smaller.length + larger.length
  const seen = (gaps * WHOLE_RING) / estimateSize(node)
  // There is as much room on the other side of the key.
  return believeByOdds(2 * widthOf(ringDistance(key, node.keyOf(root))), seen, gaps)
}
