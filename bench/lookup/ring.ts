/** The ring as an observer who knows everybody sees it, to hold against what peers say of their tables. */
import { compareKeys, keyFromHex } from '@servent/overlay'
import type { PeerState } from './peers.ts'

/** Living peers in the order of their keys. */
export function inRingOrder(states: readonly PeerState[]): PeerState[] {
  return [...states].sort((a, b) => compareKeys(keyFromHex(a.key), keyFromHex(b.key)))
}

/** Each one's first successors are those that they should be, as many as asked for. */
export function isRing(states: readonly PeerState[], length = 1): boolean {
  const ring = inRingOrder(states)
  return ring.every(({ successors }, place) => {
    for (let step = 1; step <= Math.min(length, ring.length - 1); step++)
      if (successors[step - 1] !== ring[(place + step) % ring.length]!.peerId) return false
    return true
  })
}
