/**
 * The distinct fingers of one place (ToN section IV-D, and IV-E.1 on storing distinct ones only).
 *
 * The finger for 2^i is the first node at that distance or more. If it lies under 2^(i+1), it is the finger of
 * no other interval's start; if it lies further, it is that of a larger one too. So each distinct finger is
 * kept once, under the exponent of its own distance, and an exponent without a finger has that of the next
 * larger. There are about log2 N of them, in typed arrays, the furthest first.
 */
import { FINGERS_MAX } from './constants.ts'
import { NOBODY } from './ring-key.ts'
import type { RingRef } from './types.ts'

const FIRST_ROOM = 16

export class FingerTable {
  #refs = new Int32Array(FIRST_ROOM)
  #exponents = new Uint8Array(FIRST_ROOM)
  #comparisons = new Uint8Array(FIRST_ROOM)
  #count = 0

  get length(): number {
    return this.#count
  }

  /** The furthest first. */
  at(place: number): RingRef {
    return this.#refs[place]!
  }

  exponentAt(place: number): number {
    return this.#exponents[place]!
  }

  /** The finger whose distance has this exponent. */
  get(exponent: number): RingRef {
    const place = this.#placeOf(exponent)
    return place < this.#count && this.#exponents[place] === exponent ? this.#refs[place]! : NOBODY
  }

  /** How often the finger of this exponent was compared with others of its interval. */
  comparisons(exponent: number): number {
    const place = this.#placeOf(exponent)
    return place < this.#count && this.#exponents[place] === exponent ? this.#comparisons[place]! : 0
  }

  /** Takes the place of a finger of the same exponent. False where there is no room: nearer ones give way. */
  set(exponent: number, ref: RingRef, comparisons = 0): boolean {
    const place = this.#placeOf(exponent)
    if (place < this.#count && this.#exponents[place] === exponent) {
      this.#refs[place] = ref
      this.#comparisons[place] = comparisons
      return true
    }
    if (place === FINGERS_MAX) return false
    this.#makeRoom()
    const end = Math.min(this.#count, FINGERS_MAX - 1)
    this.#refs.copyWithin(place + 1, place, end)
    this.#exponents.copyWithin(place + 1, place, end)
    this.#comparisons.copyWithin(place + 1, place, end)
    this.#refs[place] = ref
    this.#comparisons[place] = comparisons
    this.#exponents[place] = exponent
    this.#count = end + 1
    return true
  }

  removeAt(place: number): void {
    this.#refs.copyWithin(place, place + 1, this.#count)
    this.#exponents.copyWithin(place, place + 1, this.#count)
    this.#comparisons.copyWithin(place, place + 1, this.#count)
    this.#count -= 1
  }

  clear(): void {
    this.#count = 0
  }

  #placeOf(exponent: number): number {
    let place = 0
    while (place < this.#count && this.#exponents[place]! > exponent) place += 1
    return place
  }

  #makeRoom(): void {
    const room = this.#refs.length
    if (this.#count < room || room >= FINGERS_MAX) return
    const refs = new Int32Array(Math.min(FINGERS_MAX, 2 * room))
    const exponents = new Uint8Array(refs.length)
    const comparisons = new Uint8Array(refs.length)
    refs.set(this.#refs)
    exponents.set(this.#exponents)
    comparisons.set(this.#comparisons)
    this.#refs = refs
    this.#exponents = exponents
    this.#comparisons = comparisons
  }
}
