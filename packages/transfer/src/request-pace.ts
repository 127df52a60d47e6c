/**
 * How fast a peer may ask. Past its burst its requests wait for their turn, and nobody else's do. As many as wait are
 * bounded by its streams and by what may wait on each; who asks more is cut.
 */
import { TokenBucket } from '@servent/overlay'
import type { ServerLimits } from './limits.ts'

export type PaceLimits = Pick<ServerLimits, 'requestsPerSecond' | 'requestsBurst' | 'requestPeersMax'>

export class RequestPace {
  readonly #limits: PaceLimits
  /** By PeerId, who asked last comes last. */
  readonly #peers = new Map<string, TokenBucket>()

  constructor(limits: PaceLimits) {
    this.#limits = limits
  }

  /** Counts a request, and gives the milliseconds that it waits. */
  ask(peer: string, nowMs: number): number {
    const { requestsPerSecond, requestsBurst, requestPeersMax } = this.#limits
    const bucket = this.#peers.get(peer) ?? new TokenBucket(requestsBurst, requestsPerSecond, nowMs)
    this.#peers.delete(peer)
    this.#peers.set(peer, bucket)
    if (this.#peers.size > requestPeersMax) this.#peers.delete(this.#peers.keys().next().value!)
    bucket.charge(1, nowMs)
    return bucket.waitMs(0, nowMs)
  }
}
