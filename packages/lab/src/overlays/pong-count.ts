/** Pongs by link, so that what Rohrs and Falco promise can be seen: at most N = 10 leave by one link within T = 3 s. */
import type { Link } from '@servent/overlay/machine'
import { ExpiringMap } from './expiring-map.ts'

/** T of their scheme, by the clock of who sends, which counts whole milliseconds. */
const WINDOW_MS = 3_000
/** Links of one machine: a host gives no number twice. */
const LINKS_MAX = 2 ** 32

export class PongCount {
  /** The most that left by one link within any time of T. */
  most = 0
  /** By machine and link: when the pongs of the last T left. */
  readonly #sentMs: ExpiringMap<number, number[]>

  constructor(nowUs: () => number) {
    this.#sentMs = new ExpiringMap(2 * WINDOW_MS * 1000, nowUs)
  }

  sent(machine: number, link: Link, nowMs: number): void {
    const key = machine * LINKS_MAX + link
    const times = (this.#sentMs.get(key) ?? []).filter(ms => nowMs - ms < WINDOW_MS)
    times.push(nowMs)
    this.#sentMs.set(key, times)
    this.most = Math.max(this.most, times.length)
  }
}
