/** Who is to keep what stands under a key: the k nearest of those that answered and this peer itself. */
import { type Key, type Peer, SELF } from '@servent/overlay/machine'
import type { Fx, Kad } from './kad.ts'
import type { Ask } from './lookup.ts'
import { compareXor } from './xor.ts'

/** `closest` as a lookup found it, the nearest first. */
export function holdersOf(kad: Kad, key: Key, closest: readonly Ask[], fx: Fx): Peer[] {
  const peers = closest.map(({ peer }) => peer)
  if (!kad.serves) return peers
  const at = peers.findIndex(peer => compareXor(key, kad.self, fx.peers.key(peer)) < 0)
  peers.splice(at < 0 ? peers.length : at, 0, SELF)
  return peers.slice(0, kad.settings.k)
}
