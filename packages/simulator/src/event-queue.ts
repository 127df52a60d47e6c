/**
 * What is to happen, in the total order of (time, sequence): a heap with four children a node over typed
 * arrays (LaMarca and Ladner, "The influence of caches on the performance of heaps", JEA 1996).
 *
 * The root stands at index 3, so that the four children of an entry lie together in one cache line.
 */

const ROOT = 3
const CAPACITY_AT_FIRST = 1024

export class EventQueue {
  /** Of the entry that `pop` took last. */
  timeUs = 0
  sequence = 0
  ref = 0
  #times = new Float64Array(CAPACITY_AT_FIRST)
  #sequences = new Float64Array(CAPACITY_AT_FIRST)
  #refs = new Int32Array(CAPACITY_AT_FIRST)
  #end = ROOT

  get size(): number {
    return this.#end - ROOT
  }

  /** When the next entry is due; infinite where there is none. */
  get nextUs(): number {
    return this.#end === ROOT ? Number.POSITIVE_INFINITY : this.#times[ROOT]!
  }

  /** `sequence` orders entries of one time and is unique among them; `ref` says what it is. */
  push(timeUs: number, sequence: number, ref: number): void {
    if (this.#end === this.#times.length) this.#grow()
    const times = this.#times
    const sequences = this.#sequences
    const refs = this.#refs
    let hole = this.#end
    this.#end += 1
    while (hole > ROOT) {
      const parent = (hole + 8) >> 2
      const parentUs = times[parent]!
      if (parentUs < timeUs || (parentUs === timeUs && sequences[parent]! < sequence)) break
      times[hole] = parentUs
      sequences[hole] = sequences[parent]!
      refs[hole] = refs[parent]!
      hole = parent
    }
    times[hole] = timeUs
    sequences[hole] = sequence
    refs[hole] = ref
  }

  /** Takes the first entry into `timeUs`, `sequence` and `ref`; false where there is none. */
  pop(): boolean {
    if (this.#end === ROOT) return false
    const times = this.#times
    const sequences = this.#sequences
    const refs = this.#refs
    this.timeUs = times[ROOT]!
    this.sequence = sequences[ROOT]!
    this.ref = refs[ROOT]!
    const end = this.#end - 1
    this.#end = end
    const timeUs = times[end]!
    const sequence = sequences[end]!
    let hole = ROOT
    for (;;) {
      const first = 4 * hole - 8
      if (first >= end) break
      let least = first
      let leastUs = times[first]!
      const stop = first + 4 < end ? first + 4 : end
      for (let child = first + 1; child < stop; child += 1) {
        const childUs = times[child]!
        if (childUs < leastUs || (childUs === leastUs && sequences[child]! < sequences[least]!)) {
          least = child
          leastUs = childUs
        }
      }
      if (timeUs < leastUs || (timeUs === leastUs && sequence < sequences[least]!)) break
      times[hole] = leastUs
      sequences[hole] = sequences[least]!
      refs[hole] = refs[least]!
      hole = least
    }
    times[hole] = timeUs
    sequences[hole] = sequence
    refs[hole] = refs[end]!
    return true
  }

  #grow(): void {
    const length = this.#times.length * 2
    const times = new Float64Array(length)
    const sequences = new Float64Array(length)
    const refs = new Int32Array(length)
    times.set(this.#times)
    sequences.set(this.#sequences)
    refs.set(this.#refs)
    this.#times = times
    this.#sequences = sequences
    this.#refs = refs
  }
}
