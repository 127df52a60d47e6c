/** Whom a key is nearest to. In a group that is whole this is the nearest peer of all, by the bits that differ. */
import { type Contact, compareKeys, type Key, type Peer, SELF, xorDistance } from '@servent/overlay/machine'
import { FOUND_CONTACTS_MAX } from './constants.ts'
import { groupOf } from './group.ts'
import type { Kelips } from './kelips.ts'

/** Of this peer and its view, the nearest to a key first. */
export function nearestMembers(kelips: Kelips, key: Key, count: number): Peer[] {
  const { view, peers } = kelips
  const all = [SELF, ...Array.from({ length: view.size }, (_, row) => view.peerAt(row))]
  const apart = all.map(peer => ({ peer, distance: xorDistance(key, peers.key(peer)) }))
  apart.sort((a, b) => compareKeys(a.distance, b.distance))
  return apart.slice(0, count).map(({ peer }) => peer)
}

export function nearestContacts(kelips: Kelips, key: Key): Contact[] {
  return nearestMembers(kelips, key, FOUND_CONTACTS_MAX).map(peer => kelips.peers.contact(peer))
}

/** Contacts of the key's group, the one with the shortest round trip first; those not measured come last. */
export function contactsFor(kelips: Kelips, key: Key): Peer[] {
  const { contacts, level, settings } = kelips
  const rows = contacts.of(groupOf(key, level))
  const rtt = (row: number): number => contacts.table.rttMs(row) || Number.MAX_SAFE_INTEGER
  if (settings.proximity === 'on') rows.sort((a, b) => rtt(a) - rtt(b) || a - b)
  return rows.map(row => contacts.table.peerAt(row))
}
