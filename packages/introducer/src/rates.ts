/**
 * How often each network may ask, and all together. Pure: the caller says what time it is, on a clock that does not
 * jump.
 */
import { Buckets, TokenBucket } from '@servent/overlay/machine'
import type { Place } from './addresses.ts'
import { RATES_REMEMBERED_MAX, type ServerLimits } from './limits.ts'

const MINUTE_SECONDS = 60

export type Kind = 'question' | 'announcement'

export class Rates {
  readonly #requests: Record<'many' | 'few', Buckets>
  readonly #announcements: Record<'many' | 'few', Buckets>
  readonly #refusals: Record<'many' | 'few', Buckets>
  readonly #total: TokenBucket

  constructor(limits: ServerLimits, nowMs: number) {
    const buckets = (burst: number, perMinute: number, factor: number) =>
      new Buckets(burst * factor, (perMinute * factor) / MINUTE_SECONDS, RATES_REMEMBERED_MAX)
    const { requestsBurst, requestsPerMinute, announcementsBurst, announcementsPerMinute } = limits
    const { refusalsBurst, refusalsPerMinute, privateFactor, totalBurst, totalPerSecond } = limits
    this.#requests = {
      few: buckets(requestsBurst, requestsPerMinute, 1),
      many: buckets(requestsBurst, requestsPerMinute, privateFactor)
    }
    this.#announcements = {
      few: buckets(announcementsBurst, announcementsPerMinute, 1),
      many: buckets(announcementsBurst, announcementsPerMinute, privateFactor)
    }
    this.#refusals = {
      few: buckets(refusalsBurst, refusalsPerMinute, 1),
      many: buckets(refusalsBurst, refusalsPerMinute, privateFactor)
    }
    this.#total = new TokenBucket(totalBurst, totalPerSecond, nowMs)
  }

  /** Milliseconds until it may ask; 0 where it may now, and that is counted. Who may not uses up nothing of others'. */
  take({ network, isPrivate }: Place, kind: Kind, nowMs: number): number {
    const size = isPrivate ? 'many' : 'few'
    const payers = [this.#requests[size].of(network, nowMs)]
    if (kind === 'announcement') payers.push(this.#announcements[size].of(network, nowMs))
    const ownMs = Math.max(...payers.map(payer => payer.waitMs(1, nowMs)))
    payers.push(this.#total)
    const waitMs = Math.max(ownMs, this.#total.waitMs(1, nowMs))
    if (waitMs === 0) for (const payer of payers) payer.take(1, nowMs)
    // That all together ask too much is no fault of one network.
    if (ownMs > 0) this.#refusals[size].of(network, nowMs).take(1, nowMs)
    return waitMs
  }

  /** It went on asking although it was told to wait: it costs more to tell it again than it is worth. */
  isInDebt({ network, isPrivate }: Place, nowMs: number): boolean {
    return this.#refusals[isPrivate ? 'many' : 'few'].of(network, nowMs).waitMs(1, nowMs) > 0
  }
}
