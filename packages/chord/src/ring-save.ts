/** Whom of its tables a peer keeps in its cache for the next start. */
import type { Peer } from '@servent/overlay/machine'
import type { Fx, Ring } from './ring.ts'
import { peerOfRef } from './ring-key.ts'

export const PEERS_SAVED_AS = 'chord/peers'

export function savePeers(ring: Ring, fx: Fx): void {
  const bytes = ring.cache.encode(peersOfTables(ring), ring.mode === 'ring', ring.peers)
  if (bytes !== undefined) fx.save(PEERS_SAVED_AS, bytes)
}

function* peersOfTables(ring: Ring): Iterable<Peer> {
  for (const { successors, fingers } of ring.members) {
    for (const ref of successors) yield peerOfRef(ref)
    for (let at = 0; at < fingers.length; at += 1) yield peerOfRef(fingers.at(at))
  }
  yield* ring.forming?.confirmed ?? []
}

export function loadPeers(ring: Ring, bytes: Uint8Array | undefined): void {
  ring.cache.load(bytes, ring.peers)
}
