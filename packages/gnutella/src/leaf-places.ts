/** Places of an ultrapeer for leaves: as many as it has, and of them a part for one address and one network. */
import { OriginPlaces } from '@servent/overlay/machine'
import type { Neighbour, Neighbours } from './neighbours.ts'
import { LEAVES_PER_ADDRESS_PART, LEAVES_PER_NETWORK_PART } from './tier-constants.ts'

/** Whether a leaf may have a place, or keep the one that it has. */
export function hasLeafPlace(neighbours: Neighbours, leaf: Neighbour, places: number): boolean {
  const from = new OriginPlaces(
    Math.ceil(LEAVES_PER_ADDRESS_PART * places),
    Math.ceil(LEAVES_PER_NETWORK_PART * places)
  )
  let others = 0
  for (const neighbour of neighbours.all) {
    const { kind, phase, origin } = neighbour
    if (neighbour === leaf || kind !== 'leaf' || (phase !== 'up' && phase !== 'accepted')) continue
    others += 1
    from.add(origin)
  }
  return others < places && from.full(leaf.origin) === undefined
}
