/**
 * Heartbeats that only their owner can make. Whoever begins to live draws a secret and hashes it `CHAIN_LENGTH`
 * times; the last value is the *anchor*, which it signs. Heartbeat n shows the value that leads to the anchor in n
 * steps (Lamport, "Password authentication with insecure communication", CACM 1981). So whoever knows one heartbeat
 * can check a later one without a signature, nobody can make one that was not shown, and who is dead stays so. The
 * secret itself, heartbeat `CHAIN_LENGTH`, says farewell.
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { sameBytes } from '@servent/overlay/machine'
import { CHAIN_LENGTH, CHECKPOINT_EVERY, PREFIX_BYTES } from './constants.ts'

/** Takes the one-way function of a value, in its place. */
export type OneWay = (value: Uint8Array) => void

/** SHA-256, cut to the length of a value. */
export const SHA_CHAIN: OneWay = value => {
  value.set(sha256(value).subarray(0, PREFIX_BYTES))
}

/**
 * What simulations of many take for it: nobody there turns it round, and it costs a twentieth of SHA-256. That is a
 * model of cost, and no protection.
 */
export const CHEAP_CHAIN: OneWay = value => {
  let hash = 0x811c9dc5
  for (let at = 0; at < value.length; at += 1) hash = Math.imul(hash ^ value[at]!, 0x01000193)
  for (let at = 0; at < value.length; at += 1) {
    hash = Math.imul(hash ^ (hash >>> 15) ^ at, 0x2c1b3c6d)
    value[at] = hash >>> 24
  }
}

/** Whether `later`, so many steps on, leads to the value that is known. */
export function leadsTo(later: Uint8Array, steps: number, known: Uint8Array, oneWay: OneWay): boolean {
  return sameBytes(stepped(later, steps, oneWay), known)
}

/** The value that lies so many steps nearer to the anchor. */
export function stepped(value: Uint8Array, steps: number, oneWay: OneWay): Uint8Array {
  const result = Uint8Array.from(value)
  for (let step = 0; step < steps; step += 1) oneWay(result)
  return result
}

export class OwnChain {
  readonly #oneWay: OneWay
  readonly #checkpoints = new Uint8Array((CHAIN_LENGTH / CHECKPOINT_EVERY + 1) * PREFIX_BYTES)
  /** When it began, in seconds since 1970: a later chain of the same peer has a larger one. */
  readonly startS: number
  readonly #startMs: number
  readonly #heartbeatMs: number
  /** Nothing while it is being signed. */
  signature: Uint8Array | undefined

  /** `secret` has `PREFIX_BYTES`; `startMs` is by the clock that never jumps. */
  constructor(oneWay: OneWay, secret: Uint8Array, startS: number, startMs: number, heartbeatMs: number) {
    this.#oneWay = oneWay
    this.startS = startS
    this.#startMs = startMs
    this.#heartbeatMs = heartbeatMs
    const value = Uint8Array.from(secret)
    for (let at = CHAIN_LENGTH; at >= 0; at -= 1) {
      if (at % CHECKPOINT_EVERY === 0) this.#checkpoints.set(value, (at / CHECKPOINT_EVERY) * PREFIX_BYTES)
      if (at > 0) oneWay(value)
    }
  }

  get anchor(): Uint8Array {
    return this.valueAt(0)
  }

  /** The heartbeat that is due: never the farewell. */
  beatAt(nowMs: number): number {
    return Math.min(CHAIN_LENGTH - 1, Math.floor((nowMs - this.#startMs) / this.#heartbeatMs))
  }

  isNearItsEnd(nowMs: number, spare: number): boolean {
    return this.beatAt(nowMs) >= CHAIN_LENGTH - spare
  }

  valueAt(beat: number): Uint8Array {
    const checkpoint = Math.ceil(beat / CHECKPOINT_EVERY)
    const from = checkpoint * PREFIX_BYTES
    const value = this.#checkpoints.subarray(from, from + PREFIX_BYTES)
    return stepped(value, checkpoint * CHECKPOINT_EVERY - beat, this.#oneWay)
  }
}
