/**
 * When a taker owes its giver a receipt, and of how much. Pure: the caller says what time it is, on a clock that does
 * not jump. At most one receipt for each pair in `SETTLE_BYTES` or in `SETTLE_MS`, whichever comes first, and after an
 * attempt that failed none for `SETTLE_MS`.
 */
import { COUNTED_PEERS_MAX, SETTLE_BYTES, SETTLE_BYTES_MIN, SETTLE_MS } from './constants.ts'
import type { Receipt } from './receipt.ts'

/**
 * A count that never goes back. A ledger loses seconds when the program is killed, and all of a peer when it forgets
 * that peer; what is receipted already stands, so from there on it is counted as if it had not been lost.
 */
export class RunningCount {
  readonly #peersMax: number
  /** What a ledger is behind its last receipt; the latest. */
  readonly #lostBytes = new Map<string, number>()
  /** What the last receipt says beyond the count: it was let pass, and is not counted as lost. */
  readonly #overBytes = new Map<string, number>()

  constructor(peersMax: number = COUNTED_PEERS_MAX) {
    this.#peersMax = peersMax
  }

  /** Bytes in all, where the ledger says `measuredBytes` and the last receipt `last`. */
  of(peer: string, measuredBytes: number, last: Receipt | undefined): number {
    const lostBytes = this.#lostBytes.get(peer) ?? 0
    const missingBytes = (last?.bytes ?? 0) - (this.#overBytes.get(peer) ?? 0) - measuredBytes
    if (missingBytes <= lostBytes) return measuredBytes + lostBytes
    this.#lostBytes.delete(peer)
    this.#lostBytes.set(peer, missingBytes)
    if (this.#lostBytes.size > this.#peersMax) {
      this.#lostBytes.delete(this.#lostBytes.keys().next().value!)
    }
    return measuredBytes + missingBytes
  }

  /** A receipt of so many bytes was signed, where `countedBytes` were counted. */
  signed(peer: string, bytes: number, countedBytes: number): void {
    this.#overBytes.delete(peer)
    if (bytes > countedBytes) this.#overBytes.set(peer, bytes - countedBytes)
    if (this.#overBytes.size > this.#peersMax) {
      this.#overBytes.delete(this.#overBytes.keys().next().value!)
    }
  }
}

interface Attempt {
  readonly atMs: number
  isDone: boolean
}

export class Settlements {
  readonly #peersMax: number
  /** Who was tried last comes last. */
  readonly #attempts = new Map<string, Attempt>()

  constructor(peersMax: number = COUNTED_PEERS_MAX) {
    this.#peersMax = peersMax
  }

  isDue(giver: string, givenBytes: number, last: Receipt | undefined, nowMs: number): boolean {
    const freshBytes = givenBytes - (last?.bytes ?? 0)
    const attempt = this.#attempts.get(giver)
    if (attempt !== undefined && nowMs - attempt.atMs < SETTLE_MS) {
      return attempt.isDone && freshBytes >= SETTLE_BYTES
    }
    return freshBytes >= SETTLE_BYTES_MIN
  }

  /** An attempt begins; until `done` it counts as failed. */
  begin(giver: string, nowMs: number): void {
    this.#attempts.delete(giver)
    this.#attempts.set(giver, { atMs: nowMs, isDone: false })
    if (this.#attempts.size > this.#peersMax) this.#attempts.delete(this.#attempts.keys().next().value!)
  }

  done(giver: string): void {
    const attempt = this.#attempts.get(giver)
    if (attempt !== undefined) attempt.isDone = true
  }
}
