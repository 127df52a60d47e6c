/** How fast bytes go, and a cap on it that all transfers of one direction share. */
import { TokenBucket } from '@servent/overlay'

const METER_SECONDS = 5

/** Bytes a second over the last few seconds. */
export class RateMeter {
  readonly #buckets = new Float64Array(METER_SECONDS + 1)
  #second: number
  readonly #fromMs: number

  constructor(nowMs: number) {
    this.#fromMs = nowMs
    this.#second = Math.floor(nowMs / 1000)
  }

  add(bytes: number, nowMs: number): void {
    this.#advance(nowMs)
    this.#buckets[this.#second % this.#buckets.length]! += bytes
  }

  rate(nowMs: number): number {
    this.#advance(nowMs)
    const total = this.#buckets.reduce((sum, bytes) => sum + bytes, 0)
    // The running second counts as far as it has run, so that a new transfer does not look slow.
    const seconds = Math.min((nowMs - this.#fromMs) / 1000, METER_SECONDS + (nowMs % 1000) / 1000)
    return seconds <= 0 ? 0 : Math.round(total / Math.max(seconds, 0.1))
  }

  #advance(nowMs: number): void {
    const second = Math.floor(nowMs / 1000)
    for (let steps = Math.min(second - this.#second, this.#buckets.length); steps > 0; steps -= 1) {
      this.#buckets[(second - steps + 1) % this.#buckets.length] = 0
    }
    this.#second = Math.max(second, this.#second)
  }
}

const CHUNK_BYTES_MIN = 1024
const CHUNK_BYTES_MAX = 64 * 1024
const CHUNKS_PER_SECOND = 10

interface Waiter {
  readonly bytes: number
  readonly go: () => void
}

/**
 * Bytes a second for all who share it. Whoever asks waits in one line, and each asks for one chunk at a time,
 * so that all get equal shares whatever their number.
 */
export class RateCap {
  readonly bytesPerSecond: number
  /** Ask for no more at a time. */
  readonly chunkBytes: number
  readonly #bucket: TokenBucket
  readonly #line: Waiter[] = []
  #timer: NodeJS.Timeout | undefined

  constructor(bytesPerSecond: number) {
    this.bytesPerSecond = bytesPerSecond
    this.chunkBytes = Math.round(
      Math.min(CHUNK_BYTES_MAX, Math.max(CHUNK_BYTES_MIN, bytesPerSecond / CHUNKS_PER_SECOND))
    )
    this.#bucket = new TokenBucket(2 * this.chunkBytes, bytesPerSecond, performance.now())
  }

  /**
   * Ends when these bytes may go. More than `chunkBytes` are let go too, and the next ones pay for them: a
   * receiver learns what came only when it is there.
   *
   * @throws the signal's reason
   */
  async take(bytes: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (this.#line.length === 0 && this.#grant(bytes)) return
    await new Promise<void>((resolve, reject) => {
      const waiter = {
        bytes,
        go: () => {
          signal.removeEventListener('abort', abort)
          resolve()
        }
      }
      const abort = () => {
        this.#line.splice(this.#line.indexOf(waiter), 1)
        reject(signal.reason)
      }
      signal.addEventListener('abort', abort, { once: true })
      this.#line.push(waiter)
      this.#schedule()
    })
  }

  #grant(bytes: number): boolean {
    const nowMs = performance.now()
    if (this.#bucket.waitMs(Math.min(bytes, this.chunkBytes), nowMs) > 0) return false
    this.#bucket.charge(bytes, nowMs)
    return true
  }

  #schedule(): void {
    const first = this.#line[0]
    if (first === undefined || this.#timer !== undefined) return
    const waitMs = this.#bucket.waitMs(Math.min(first.bytes, this.chunkBytes), performance.now())
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      while (this.#line[0] !== undefined && this.#grant(this.#line[0].bytes)) this.#line.shift()!.go()
      this.#schedule()
    }, waitMs)
  }
}

/** A cap for each peer that is served now, shared by all that goes to it. */
export class PeerCaps {
  readonly #bytesPerSecond: number | undefined
  readonly #caps = new Map<string, { readonly cap: RateCap; users: number }>()

  constructor(bytesPerSecond: number | undefined) {
    this.#bytesPerSecond = bytesPerSecond
  }

  /** Nothing where there is no cap. Give it back in any case. */
  take(peer: string): RateCap | undefined {
    if (this.#bytesPerSecond === undefined) return undefined
    const known = this.#caps.get(peer) ?? { cap: new RateCap(this.#bytesPerSecond), users: 0 }
    known.users += 1
    this.#caps.set(peer, known)
    return known.cap
  }

  giveBack(peer: string): void {
    const known = this.#caps.get(peer)
    if (known === undefined) return
    known.users -= 1
    if (known.users === 0) this.#caps.delete(peer)
  }
}
