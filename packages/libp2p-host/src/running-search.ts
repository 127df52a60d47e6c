/** A search of a user while it runs: what was found and not yet read, what it cost, and when it is over. */
import type { SearchTraffic } from '@servent/overlay'

export interface RunningSearchInit {
  /** So much is told of, at most. */
  readonly limit: number
  readonly nowMs: () => number
  readonly traffic: SearchTraffic | undefined
}

/** An overlay's own says what it makes of each notice of its machine. */
export abstract class RunningSearch<Notice, Found> {
  readonly #limit: number
  readonly #nowMs: () => number
  readonly #startedMs: number
  readonly #traffic: SearchTraffic | undefined
  readonly #seen = new Set<string>()
  readonly #found: Found[] = []
  #isOver = false
  #wake: (() => void) | undefined

  constructor({ limit, nowMs, traffic }: RunningSearchInit) {
    this.#limit = limit
    this.#nowMs = nowMs
    this.#startedMs = nowMs()
    this.#traffic = traffic
  }

  abstract take(notice: Notice): void

  /** Throws why there was no search: asked when all that was found has been read. */
  check(): void {}

  /** How much was found, read or not. */
  get count(): number {
    return this.#seen.size
  }

  /** Nothing is added any more; what was found can still be read. */
  end(): void {
    this.#isOver = true
    this.#wake?.()
  }

  /** The next that was found, when it comes; nothing when the search is over and all of it was read. */
  async next(): Promise<Found | undefined> {
    while (this.#found.length === 0 && !this.#isOver) {
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
      this.#wake = undefined
    }
    return this.#found.shift()
  }

  protected get isOver(): boolean {
    return this.#isOver
  }

  protected get elapsedMs(): number {
    return this.#nowMs() - this.#startedMs
  }

  /** What has the same key is told of once, however many ways it came by. */
  protected add(key: string, found: Found): void {
    if (this.#isOver || this.#seen.has(key)) return
    this.#seen.add(key)
    this.#found.push(found)
    if (this.#seen.size >= this.#limit) this.#isOver = true
    this.#wake?.()
  }

  /** A message that was sent or received for this search, as many times as it was. */
  protected charge(byteLength: () => number, copies = 1): void {
    if (this.#traffic === undefined) return
    this.#traffic.messages += copies
    this.#traffic.bytes += copies * byteLength()
  }
}
