/** Pongs by link, so that what Rohrs and Falco promise can be seen: at most N = 10 leave by one link within T = 3 s. */
import type { Link } from '@servent/overlay/machine'
import { ExpiringMap } from './expiring-map.ts'

/** T of their scheme. */
const WINDOW_US = 3_000_000
/** Links of one machine: a host gives no number twice. */
const LINKS_MAX = 2 ** 32

export class PongCount {
  /** The most that left by one link within any time of T. */
  most = 0
  readonly #nowUs: () => number
  /** By machine and link: when the pongs of the last T left. */
  readonly #sentUs: ExpiringMap<number, number[]>

  constructor(nowUs: () => number) {
    this.#nowUs = nowUs
    this.#sentUs = new ExpiringMap(WINDOW_US, nowUs)
  }

  sent(machine: number, link: Link): void {
    const nowUs = this.#nowUs()
    const key = machine * LINKS_MAX + link
    const times = (this.#sentUs.get(key) ?? []).filter(us => nowUs - us < WINDOW_US)
    times.push(nowUs)
    this.#sentUs.set(key, times)
    this.most = Math.max(this.most, times.length)
  }
}
