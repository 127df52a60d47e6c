/**
 * Whom others named for leaves, and who has not answered. Of each that names so many are asked at a time: whoever makes
 * up peers keeps nobody busy, and in nobody's place, for long.
 */
import type { Peer } from '@servent/overlay/machine'
import { FAILED_KEPT_MS, HEARSAY_FRESH_MS, HEARSAY_MAX } from './constants.ts'

export class Hearsay {
  readonly #named = new Map<Peer, { readonly by: Peer; readonly sinceMs: number }>()

  get size(): number {
    return this.#named.size
  }

  /** Whether whom `by` names waits for this one, which is being asked: not for long where somebody else named it. */
  isBefore(peer: Peer, by: Peer, nowMs: number): boolean {
    const named = this.#named.get(peer)
    if (named === undefined || named.by === by) return true
    return nowMs - named.sinceMs < HEARSAY_FRESH_MS
  }

  /** False where `by` has named `most` already who have not answered within `FAILED_KEPT_MS`. */
  take(peer: Peer, by: Peer, most: number, nowMs: number): boolean {
    let others = 0
    for (const [other, named] of this.#named)
      if (other !== peer && named.by === by && nowMs - named.sinceMs < FAILED_KEPT_MS) others += 1
    if (others >= most) return false
    this.#named.delete(peer)
    this.#named.set(peer, { by, sinceMs: nowMs })
    const [first] = this.#named.keys()
    if (this.#named.size > HEARSAY_MAX) this.#named.delete(first!)
    return true
  }

  answered(peer: Peer): void {
    this.#named.delete(peer)
  }

  *peers(): Iterable<Peer> {
    for (const [peer, { by }] of this.#named) yield* [peer, by]
  }
}
