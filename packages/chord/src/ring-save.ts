/** The peer cache: contacts of the tables and of those remembered, kept for the next start. */
import { decodeContacts, encodeContacts } from '@servent/key-routing/machine'
import { NO_PEER, type Peer, SELF } from '@servent/overlay/machine'
import { LOST_PEERS_MAX, SAVED_PEERS_MAX } from './constants.ts'
import type { Fx, Ring } from './ring.ts'
import { peerOfRef } from './ring-key.ts'

export const PEERS_SAVED_AS = 'chord/peers'

/** Who is out of its ring knows few: the cache of a better time stays. */
export function savePeers(ring: Ring, fx: Fx): void {
  const peers: Peer[] = []
  const add = (peer: Peer): void => {
    if (peer !== SELF && peers.length < SAVED_PEERS_MAX && !peers.includes(peer)) peers.push(peer)
  }
  for (const peer of ring.bootstrap.peers) add(peer)
  for (const { successors, fingers } of ring.members) {
    for (const ref of successors) add(peerOfRef(ref))
    for (let at = 0; at < fingers.length; at += 1) add(peerOfRef(fingers.at(at)))
  }
  for (const peer of ring.forming?.confirmed ?? []) add(peer)
  for (const peer of ring.lost.peers) add(peer)
  if (ring.mode !== 'ring' && peers.length < ring.savedPeers) return
  ring.savedPeers = peers.length
  fx.save(PEERS_SAVED_AS, encodeContacts(peers.map(peer => ring.peers.contact(peer))))
}

export function loadPeers(ring: Ring, bytes: Uint8Array | undefined): void {
  if (bytes === undefined) return
  const contacts = decodeContacts(bytes, SAVED_PEERS_MAX)
  ring.savedPeers = contacts.length
  // The first were worth the most: they go where contacts that come by push nobody out.
  for (const [at, contact] of contacts.entries()) {
    const peer = ring.peers.intern(contact)
    if (peer === NO_PEER || peer === SELF) continue
    if (at < LOST_PEERS_MAX) ring.lost.add(peer)
    else ring.bootstrap.add(peer)
  }
}
