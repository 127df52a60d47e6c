/** By which text peers and searches are kept in maps. */
import { peerIdText, type RequestId } from '@servent/overlay/machine'
import type { NodeIndex } from '@servent/simulator'
import type { AnySimulation } from '../deployment.ts'

/** The node's PeerId, as messages name it. */
export const nameOf = (node: NodeIndex, simulation: Pick<AnySimulation, 'contactOf'>): string =>
  peerIdText(simulation.contactOf(node).id)

/** A search of all nodes: machines number their own. */
export const searchKey = (node: NodeIndex, search: RequestId): string => `${node}/${search}`
