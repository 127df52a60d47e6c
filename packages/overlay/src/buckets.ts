/**
 * A token bucket for each name. As many names as `namesMax` are remembered: who was asked for longest ago is forgotten
 * first, and begins anew with a full one.
 */
import { TokenBucket } from './token-bucket.ts'

export class Buckets {
  readonly #capacity: number
  readonly #perSecond: number
  readonly #namesMax: number
  readonly #known = new Map<string, TokenBucket>()

  constructor(capacity: number, perSecond: number, namesMax: number) {
    this.#capacity = capacity
    this.#perSecond = perSecond
    this.#namesMax = namesMax
  }

  of(name: string, nowMs: number): TokenBucket {
    const bucket = this.#known.get(name) ?? new TokenBucket(this.#capacity, this.#perSecond, nowMs)
    this.#known.delete(name)
    this.#known.set(name, bucket)
    if (this.#known.size > this.#namesMax) this.#known.delete(this.#known.keys().next().value!)
    return bucket
  }
}
