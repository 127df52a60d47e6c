/** Spends bytes on repair and hand-over no faster than the budget has it. */
import { TokenBucket } from '@servent/overlay/machine'
import { STORE_BYTES_MAX, SYNCS_AT_ONCE } from './store-constants.ts'
import type { RoutingEffects } from './types.ts'

export const PACE_TIMER = 'store/pace'

interface Waiting {
  readonly bytes: number
  readonly run: (effects: RoutingEffects) => void
}

/** One who waits for bytes may wait for one thing at a time, so there are no more than comparisons. */
export class Pacer {
  readonly #bytesPerS: number
  readonly #waiting: Waiting[] = []
  #bucket: TokenBucket | undefined

  constructor(bytesPerS: number) {
    this.#bytesPerS = bytesPerS
  }

  get waiting(): number {
    return this.#waiting.length
  }

  /** Runs now or when there are as many bytes. A message is never larger than the bucket. */
  spend(bytes: number, run: (effects: RoutingEffects) => void, effects: RoutingEffects): void {
    const nowMs = effects.nowMs()
    this.#bucket ??= new TokenBucket(
      Math.max(this.#bytesPerS, SYNCS_AT_ONCE * STORE_BYTES_MAX),
      this.#bytesPerS,
      nowMs
    )
    if (this.#waiting.length === 0 && this.#bucket.take(bytes, nowMs)) {
      run(effects)
      return
    }
    this.#waiting.push({ bytes, run })
    if (this.#waiting.length === 1) effects.setTimer(PACE_TIMER, this.#bucket.waitMs(bytes, nowMs))
  }

  onTimer(effects: RoutingEffects): void {
    const nowMs = effects.nowMs()
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      if (!this.#bucket!.take(first.bytes, nowMs)) {
        effects.setTimer(PACE_TIMER, Math.max(1, this.#bucket!.waitMs(first.bytes, nowMs)))
        return
      }
      this.#waiting.shift()
      first.run(effects)
    }
  }
}
