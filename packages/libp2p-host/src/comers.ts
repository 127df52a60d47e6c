/** How often each peer may open a link, so that one that comes and goes does not wear a machine out. */
import { TokenBucket } from '@servent/overlay'
import { COMERS_MAX, type HostLimits } from './limits.ts'

export class Comers {
  readonly #limits: Pick<HostLimits, 'inboundLinksBurst' | 'inboundLinksPerMinute'>
  /** By PeerId, the one that came longest ago first. */
  readonly #buckets = new Map<string, TokenBucket>()

  constructor(limits: Pick<HostLimits, 'inboundLinksBurst' | 'inboundLinksPerMinute'>) {
    this.#limits = limits
  }

  mayCome(peerId: string, nowMs: number): boolean {
    const { inboundLinksBurst, inboundLinksPerMinute } = this.#limits
    const bucket =
      this.#buckets.get(peerId) ?? new TokenBucket(inboundLinksBurst, inboundLinksPerMinute / 60, nowMs)
    this.#buckets.delete(peerId)
    this.#buckets.set(peerId, bucket)
    if (this.#buckets.size > COMERS_MAX) this.#buckets.delete(this.#buckets.keys().next().value!)
    return bucket.take(1, nowMs)
  }
}
