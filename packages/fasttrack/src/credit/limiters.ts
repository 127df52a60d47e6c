/**
 * What peers may make this one do, in all and each of them: requests that are answered and signatures that are looked at.
 * Pure: the caller says what time it is, on a clock that does not jump.
 */
import { TokenBucket } from '@servent/overlay/machine'
import {
  COUNTED_PEERS_MAX,
  PEER_VERIFICATIONS_BURST,
  PEER_VERIFICATIONS_PER_SECOND,
  REQUESTS_BURST,
  REQUESTS_PER_MINUTE,
  VERIFICATIONS_BURST,
  VERIFICATIONS_PER_SECOND
} from './constants.ts'

const MINUTE_SECONDS = 60

interface PeerLimits {
  readonly requests: TokenBucket
  readonly verifications: TokenBucket
}

export class Limiters {
  readonly #peersMax: number
  readonly #verifications: TokenBucket
  /** Who was met last comes last. */
  readonly #peers = new Map<string, PeerLimits>()

  constructor(nowMs: number, peersMax: number = COUNTED_PEERS_MAX) {
    this.#peersMax = peersMax
    this.#verifications = new TokenBucket(VERIFICATIONS_BURST, VERIFICATIONS_PER_SECOND, nowMs)
  }

  /** Whether a request of this peer may be answered now. It is counted. */
  mayAsk(peer: string, nowMs: number): boolean {
    return this.#of(peer, nowMs).requests.take(1, nowMs)
  }

  /** Whether one receipt that this peer showed may be verified now. It is counted, and of nobody else. */
  mayVerify(peer: string, nowMs: number): boolean {
    const { verifications } = this.#of(peer, nowMs)
    if (verifications.waitMs(1, nowMs) > 0) return false
    return this.#verifications.take(1, nowMs) && verifications.take(1, nowMs)
  }

  #of(peer: string, nowMs: number): PeerLimits {
    const limits = this.#peers.get(peer) ?? {
      requests: new TokenBucket(REQUESTS_BURST, REQUESTS_PER_MINUTE / MINUTE_SECONDS, nowMs),
      verifications: new TokenBucket(PEER_VERIFICATIONS_BURST, PEER_VERIFICATIONS_PER_SECOND, nowMs)
    }
    this.#peers.delete(peer)
    this.#peers.set(peer, limits)
    if (this.#peers.size > this.#peersMax) this.#peers.delete(this.#peers.keys().next().value!)
    return limits
  }
}
