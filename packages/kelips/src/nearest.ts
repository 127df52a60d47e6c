/** Whom a key is nearest to. In a group that is whole this is the nearest peer of all, by the bits that differ. */
import { type Contact, compareKeys, type Key, type Peer, SELF, xorDistance } from '@servent/overlay/machine'
import { FOUND_CONTACTS_MAX } from './constants.ts'
import { groupOf, isSameGroup } from './group.ts'
import type { Kelips } from './kelips.ts'

/** Of this peer and its view, the nearest to a key first. */
export function nearestMembers(kelips: Kelips, key: Key, count: number): Peer[] {
  const { view, peers } = kelips
  const all = [SELF, ...Array.from({ length: view.size }, (_, row) => view.peerAt(row))]
  const apart = all.map(peer => ({ peer, distance: xorDistance(key, peers.key(peer)) }))
  apart.sort((a, b) => compareKeys(a.distance, b.distance))
  return apart.slice(0, count).map(({ peer }) => peer)
}

/** Of its view, the nearest to a key first. `count` is small. */
export function nearestOthers({ view, peers }: Kelips, key: Uint8Array, count: number, but?: Peer): Peer[] {
  const nearest: Peer[] = []
  for (let row = 0; row < view.size; row += 1) {
    const peer = view.peerAt(row)
    if (peer === but) continue
    let place = nearest.length
    while (place > 0 && isNearer(key, peers.key(peer), peers.key(nearest[place - 1]!))) place -= 1
    if (place >= count) continue
    nearest.splice(place, 0, peer)
    nearest.length = Math.min(nearest.length, count)
  }
  return nearest
}

/** By the bits that differ from a key, or from as much of it as is known. */
export function isNearer(key: Uint8Array, one: Key, other: Key): boolean {
  for (let at = 0; at < key.length; at += 1) {
    const apart = (key[at]! ^ one[at]!) - (key[at]! ^ other[at]!)
    if (apart !== 0) return apart < 0
  }
  return false
}

export function nearestContacts(kelips: Kelips, key: Key): Contact[] {
  return nearestMembers(kelips, key, FOUND_CONTACTS_MAX).map(peer => kelips.peers.contact(peer))
}

/**
 * Contacts of the key's group, the one with the shortest round trip first; those not measured come last. After a merge,
 * until the other half's tuples have come, those members that are of that half.
 */
export function contactsFor(kelips: Kelips, key: Key): Peer[] {
  const { contacts, level, settings, view } = kelips
  const isOwn = kelips.isMember(key)
  const table = isOwn ? view : contacts.table
  const rows = isOwn ? otherHalf(kelips, key) : contacts.of(groupOf(key, level))
  const rtt = (row: number): number => table.rttMs(row) || Number.MAX_SAFE_INTEGER
  if (settings.proximity === 'on') rows.sort((a, b) => rtt(a) - rtt(b) || a - b)
  return rows.slice(0, FOUND_CONTACTS_MAX).map(row => table.peerAt(row))
}

function otherHalf({ view, peers, answerLevel }: Kelips, key: Key): number[] {
  const rows = Array.from({ length: view.size }, (_, row) => row)
  return rows.filter(row => isSameGroup(peers.key(view.peerAt(row)), key, answerLevel))
}
