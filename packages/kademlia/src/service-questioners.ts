/** Who asks how often: each peer has a rate of its own. */
import { TokenBucket } from '@servent/overlay'
import { QUESTIONERS_MAX, QUESTIONS_BURST, QUESTIONS_PER_SECOND } from './constants.ts'

export class Questioners {
  /** By PeerId, in the order of their last question. */
  readonly #buckets = new Map<string, TokenBucket>()

  get size(): number {
    return this.#buckets.size
  }

  mayAsk(peer: string, nowMs: number): boolean {
    const bucket = this.#buckets.get(peer) ?? new TokenBucket(QUESTIONS_BURST, QUESTIONS_PER_SECOND, nowMs)
    this.#buckets.delete(peer)
    this.#buckets.set(peer, bucket)
    const oldest = this.#buckets.keys().next().value!
    if (this.#buckets.size > QUESTIONERS_MAX) this.#buckets.delete(oldest)
    return bucket.take(1, nowMs)
  }
}
