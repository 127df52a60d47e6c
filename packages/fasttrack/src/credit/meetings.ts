/**
 * Whom to ask for receipts, and when: each peer that is met or asks to be served, not again within `ASK_AGAIN_MS`, a few at a time. Pure: the
 * caller says what time it is, on a clock that does not jump.
 */
import { ASK_AGAIN_MS, ASKING_MAX, COUNTED_PEERS_MAX, MEETINGS_WAITING_MAX } from './constants.ts'

export class Meetings {
  readonly #peersMax: number
  /** Who was asked last comes last. */
  readonly #askedMs = new Map<string, number>()
  readonly #waiting = new Set<string>()
  #asking = 0

  constructor(peersMax: number = COUNTED_PEERS_MAX) {
    this.#peersMax = peersMax
  }

  get waiting(): number {
    return this.#waiting.size
  }

  /** A peer is there. Where too many wait it is left out, until it is met again. */
  met(peer: string, nowMs: number): void {
    if (this.isDue(peer, nowMs) && this.#waiting.size < MEETINGS_WAITING_MAX) this.#waiting.add(peer)
  }

  /** Whether a peer has not been asked for a while. */
  isDue(peer: string, nowMs: number): boolean {
    const askedMs = this.#askedMs.get(peer)
    return askedMs === undefined || nowMs - askedMs >= ASK_AGAIN_MS
  }

  /** Whom to ask now, where somebody waits and not too many are being asked. `asked` must follow. */
  next(nowMs: number): string | undefined {
    if (this.#asking >= ASKING_MAX) return undefined
    const [peer] = this.#waiting
    if (peer === undefined) return undefined
    this.#waiting.delete(peer)
    this.#askedMs.delete(peer)
    this.#askedMs.set(peer, nowMs)
    if (this.#askedMs.size > this.#peersMax) this.#askedMs.delete(this.#askedMs.keys().next().value!)
    this.#asking += 1
    return peer
  }

  asked(): void {
    this.#asking -= 1
  }
}
