/**
 * Chance from a seed. Every purpose draws from a stream of its own, named by a text, so that one more draw for
 * one purpose, or one more purpose, shifts no other.
 *
 * The generator is sfc32 of PractRand (Chris Doty-Humphrey): 96 bits of state beside a counter of 32, integers
 * only, so the same on every machine.
 */
import { sha256 } from '@noble/hashes/sha2.js'

export interface Random {
  /** A whole number, uniform in [0, 2^32). */
  u32(): number
  /**
   * A whole number, uniform in [0, n), for n from 1 to 2^32.
   *
   * @throws RangeError  n is none of these
   */
  below(n: number): number
  /** Uniform in [0, 1), a multiple of 2^-32. */
  unit(): number
  /**
   * A generator that is independent of this one and of its other forks. What was drawn makes no difference to
   * it, and nothing is drawn for it: the same label gives the same fork.
   */
  fork(label: string): Random
}

const RANGE = 2 ** 32
/** What the author of sfc32 throws away so that near seeds are far apart. */
const WARM_UP_DRAWS = 15

export class Sfc32 implements Random {
  readonly #seed: Uint8Array
  #a: number
  #b: number
  #c: number
  #counter = 1

  /** `seed` is any bytes; they are hashed. */
  constructor(seed: Uint8Array) {
    this.#seed = sha256(seed)
    const words = new DataView(this.#seed.buffer, this.#seed.byteOffset)
    this.#a = words.getInt32(0, true)
    this.#b = words.getInt32(4, true)
    this.#c = words.getInt32(8, true)
    for (let draw = 0; draw < WARM_UP_DRAWS; draw += 1) this.u32()
  }

  u32(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0
    return sum >>> 0
  }

  below(n: number): number {
    if (!Number.isInteger(n) || n < 1 || n > RANGE) throw new RangeError(`No whole number lies in [0, ${n}).`)
    // Draws from the last, incomplete stretch of n would favour small numbers.
    const fair = RANGE - (RANGE % n)
    let drawn = this.u32()
    while (drawn >= fair) drawn = this.u32()
    return drawn % n
  }

  unit(): number {
    return this.u32() / RANGE
  }

  fork(label: string): Random {
    const name = new TextEncoder().encode(label)
    const seed = new Uint8Array(this.#seed.length + name.length)
    seed.set(this.#seed)
    seed.set(name, this.#seed.length)
    return new Sfc32(seed)
  }
}

/** A generator from any text. */
export function randomOf(seed: string): Random {
  return new Sfc32(new TextEncoder().encode(seed))
}

/** The named streams of one run. The engine's own are `network`, `node` and `identity`. */
export class Streams {
  readonly #root: Random
  readonly #streams = new Map<string, Random>()

  constructor(seed: string) {
    this.#root = randomOf(seed)
  }

  /** The stream of this name, where it was left. */
  of(name: string): Random {
    let stream = this.#streams.get(name)
    if (stream === undefined) {
      stream = this.#root.fork(name)
      this.#streams.set(name, stream)
    }
    return stream
  }
}
