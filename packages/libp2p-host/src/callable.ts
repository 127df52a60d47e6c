/** Where a peer may be dialled because another one says so. */
import type { PeerId } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { Contact } from '@servent/overlay'
import { dialTargetOf } from './contacts.ts'
import { isCircuit, isIp, isNear, isPublic } from './paths.ts'
import type { HostComponents } from './types.ts'

/**
 * Addresses of a contact at which it may be dialled, each with its PeerId: a dial that finds somebody else there
 * fails. Those of private networks only where `via`, the PeerId of who asks for the dial, came over one or is this
 * peer: a stranger on the Internet must not knock at the doors of the user's own network from the inside.
 */
export function callableAddresses(
  peerId: PeerId,
  contact: Contact,
  via: string,
  components: Pick<HostComponents, 'peerId' | 'connectionManager'>
): Multiaddr[] {
  const { connectionManager } = components
  const mayBePrivate =
    via === components.peerId.toString() ||
    connectionManager
      .getConnections(peerIdFromString(via))
      .some(connection => isNear(connection, connectionManager))
  return dialTargetOf(peerId, contact).filter(address => isCallable(address, mayBePrivate))
}

/**
 * Whether an address may be dialled on another's word. Names lead anywhere, so they may not; and a call over a relay
 * gains nothing: whoever asked could have come that way.
 */
export const isCallable = (address: Multiaddr, mayBePrivate: boolean): boolean =>
  !isCircuit(address) && isIp(address) && (mayBePrivate || isPublic(address.toString()))
