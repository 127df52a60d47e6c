/** The peer cache: contacts of the tables and of those remembered, kept for the next start. */
import { decodeContacts, encodeContacts } from '@servent/key-routing/machine'
import { NO_PEER, type Peer, SELF } from '@servent/overlay/machine'
import { LOST_PEERS_MAX, SAVED_PEERS_MAX } from './constants.ts'
import type { Kelips } from './kelips.ts'
import type { Fx } from './types.ts'

export const PEERS_SAVED_AS = 'kelips/peers'

/** Of members and contacts as many each as there is room for. */
export function savePeers(kelips: Kelips, fx: Fx): void {
  const peers: Peer[] = []
  const add = (peer: Peer): void => {
    if (peer !== SELF && peers.length < SAVED_PEERS_MAX && !peers.includes(peer)) peers.push(peer)
  }
  for (const peer of kelips.bootstrap.peers) add(peer)
  const { view, contacts } = kelips
  for (
    let row = 0;
    row < Math.max(view.size, contacts.table.size) && peers.length < SAVED_PEERS_MAX;
    row += 1
  ) {
    if (row < view.size) add(view.peerAt(row))
    if (row < contacts.table.size) add(contacts.table.peerAt(row))
  }
  for (const peer of kelips.lost.peers) add(peer)
  // Whoever has lost everybody keeps the cache of a better time.
  if (peers.length < kelips.savedPeers && kelips.others === 0) return
  kelips.savedPeers = peers.length
  fx.save(PEERS_SAVED_AS, encodeContacts(peers.map(peer => kelips.peers.contact(peer))))
}

export function loadPeers(kelips: Kelips, bytes: Uint8Array | undefined): void {
  if (bytes === undefined) return
  const contacts = decodeContacts(bytes, SAVED_PEERS_MAX)
  kelips.savedPeers = contacts.length
  for (const [at, contact] of contacts.entries()) {
    const peer = kelips.peers.intern(contact)
    if (peer === NO_PEER || peer === SELF) continue
    if (at < LOST_PEERS_MAX) kelips.lost.add(peer)
    else kelips.bootstrap.add(peer)
  }
}
