/**
 * The peer cache: contacts of the tables and of those remembered, kept for the next start. Each as its id and its
 * addresses, every one behind its length: 1 byte for the id, 1 for how many addresses, 2 for each address.
 */
import {
  ADDRESS_BYTES_MAX,
  CONTACT_ADDRESSES_MAX,
  type Contact,
  NO_PEER,
  PEER_ID_BYTES_MAX,
  type Peer,
  SELF
} from '@servent/overlay/machine'
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
  fx.save(PEERS_SAVED_AS, encodePeers(peers.map(peer => ring.peers.contact(peer))))
}

export function loadPeers(ring: Ring, bytes: Uint8Array | undefined): void {
  if (bytes === undefined) return
  const contacts = decodePeers(bytes)
  ring.savedPeers = contacts.length
  // The first were worth the most: they go where contacts that come by push nobody out.
  for (const [at, contact] of contacts.entries()) {
    const peer = ring.peers.intern(contact)
    if (peer === NO_PEER || peer === SELF) continue
    if (at < LOST_PEERS_MAX) ring.lost.add(peer)
    else ring.bootstrap.add(peer)
  }
}

export function encodePeers(contacts: readonly Contact[]): Uint8Array {
  const bytes: number[] = []
  for (const { id, addresses } of contacts) {
    const kept = addresses.slice(0, CONTACT_ADDRESSES_MAX)
    bytes.push(id.length, ...id, kept.length)
    for (const address of kept) bytes.push(address.length >> 8, address.length & 255, ...address)
  }
  return Uint8Array.from(bytes)
}

/** As many as are whole: a file that was cut or written by another version gives what can be read. */
export function decodePeers(bytes: Uint8Array): Contact[] {
  const contacts: Contact[] = []
  let at = 0
  const take = (length: number): Uint8Array | undefined => {
    if (at + length > bytes.length) return undefined
    at += length
    return bytes.slice(at - length, at)
  }
  while (at < bytes.length && contacts.length < SAVED_PEERS_MAX) {
    const id = take(take(1)![0]!)
    const count = take(1)?.[0]
    if (id === undefined || id.length === 0 || id.length > PEER_ID_BYTES_MAX || count === undefined) break
    if (count > CONTACT_ADDRESSES_MAX) break
    const addresses: Uint8Array[] = []
    for (let index = 0; index < count; index += 1) {
      const [high, low] = take(2) ?? []
      if (high === undefined || low === undefined || (high << 8) + low > ADDRESS_BYTES_MAX) return contacts
      const address = take((high << 8) + low)
      if (address === undefined) return contacts
      addresses.push(address)
    }
    contacts.push({ id, addresses })
  }
  return contacts
}
