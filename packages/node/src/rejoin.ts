/**
 * Calls the bootstrap peers again while this node knows nobody: libp2p's bootstrap module calls them once,
 * at the start, when the others of a small network may not be up yet, and a laptop may wake up elsewhere.
 */
import type { Libp2p } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'

const FIRST_MS = 500
/** Doubled up to this. */
const MOST_MS = 60_000
/** Of the wait, added by chance, so that a network that lost its bootstrap peer does not call it in step. */
const JITTER = 0.3

export class Rejoin {
  readonly #network: Libp2p
  readonly #addresses: readonly string[]
  readonly #stopped = new AbortController()
  #timer: ReturnType<typeof setTimeout> | undefined
  #waitMs = FIRST_MS

  constructor(network: Libp2p, addresses: readonly string[]) {
    this.#network = network
    this.#addresses = addresses
  }

  start(): void {
    if (this.#addresses.length > 0) this.#schedule()
  }

  stop(): void {
    this.#stopped.abort()
    clearTimeout(this.#timer)
  }

  #schedule(): void {
    const waitMs = this.#waitMs * (1 + Math.random() * JITTER)
    this.#timer = setTimeout(() => void this.#round(), waitMs).unref()
  }

  async #round(): Promise<void> {
    if (this.#network.getConnections().length > 0) {
      this.#waitMs = FIRST_MS
    } else {
      const { signal } = this.#stopped
      await Promise.allSettled(
        this.#addresses.map(address => this.#network.dial(multiaddr(address), { signal }))
      )
      this.#waitMs = Math.min(MOST_MS, this.#waitMs * 2)
    }
    if (!this.#stopped.signal.aborted) this.#schedule()
  }
}
