/**
 * Whom a peer may make this one dial, that asks for it over a relay: at addresses of IP alone, since names may lead
 * anywhere; at private ones only where the relay itself is reached over a private network, since a stranger must not
 * have this peer knock at the doors of its own; and so often as each peer, each host that is dialled, and all together
 * may. A dial carries the PeerId of who asked, so that nobody else answers it.
 */
import type { Connection } from '@libp2p/interface'
import type { ConnectionManager } from '@libp2p/interface-internal'
import type { Multiaddr } from '@multiformats/multiaddr'
import { contactOf, dialTargetOf, hostOf, isCallable, isNear } from '@servent/libp2p-host'
import { Buckets, TokenBucket } from '@servent/overlay'
import {
  CALL_BACK_ADDRESSES_MAX,
  CALL_BACK_ASKERS_MAX,
  CALL_BACKS_PER_MINUTE,
  CALL_BACKS_TOTAL_PER_MINUTE
} from './limits.ts'

const MINUTE_SECONDS = 60
const PER_SECOND = CALL_BACKS_PER_MINUTE / MINUTE_SECONDS

type Connections = Pick<ConnectionManager, 'getConnections'>

export class CallRules {
  readonly #peers = new Buckets(CALL_BACKS_PER_MINUTE, PER_SECOND, CALL_BACK_ASKERS_MAX)
  readonly #hosts = new Buckets(CALL_BACKS_PER_MINUTE, PER_SECOND, CALL_BACK_ASKERS_MAX)
  readonly #total = new TokenBucket(
    CALL_BACKS_TOTAL_PER_MINUTE,
    CALL_BACKS_TOTAL_PER_MINUTE / MINUTE_SECONDS,
    performance.now()
  )

  /** Those of `addresses` that may be dialled now for the peer at the other end of `relayed`: they are counted. */
  targets(relayed: Connection, addresses: readonly Multiaddr[], connections: Connections): Multiaddr[] {
    const nowMs = performance.now()
    const { remotePeer } = relayed
    const mayBePrivate = isNear(relayed, connections)
    const fit = addresses
      .filter(address => isCallable(address, mayBePrivate))
      .slice(0, CALL_BACK_ADDRESSES_MAX)
    if (fit.length === 0 || !this.#peers.of(remotePeer.toString(), nowMs).take(1, nowMs)) return []
    if (!this.#total.take(1, nowMs)) return []
    const hosts = new Set(fit.map(hostOf))
    const open = new Set([...hosts].filter(host => this.#hosts.of(host, nowMs).take(1, nowMs)))
    const allowed = fit.filter(address => open.has(hostOf(address)))
    return dialTargetOf(remotePeer, contactOf(remotePeer, allowed))
  }
}
