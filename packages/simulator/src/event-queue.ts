/**
 * What is to happen, in the total order of (time, sequence): a heap with four children a node over a typed
 * array (LaMarca and Ladner, "The influence of caches on the performance of heaps", JEA 1996).
 *
 * An entry has two numbers: its time, and one that holds its place in the order of pushes above what it stands
 * for. Pushes are numbered anew before their numbers run out. The root stands at index 2, so that on the usual
 * allocators the four children of an entry share one cache line.
 */

/** Bits of a `ref`, and bits of the number of a push: together those of a whole number in a double. */
export const REF_BITS = 26
const SEQUENCE_BITS = 53 - REF_BITS
const REF_RANGE = 2 ** REF_BITS

const ROOT = 2
const ENTRIES_AT_FIRST = 1024

export class EventQueue {
  /** Of the entry that `pop` took last. */
  timeUs = 0
  sequence = 0
  ref = 0
  #heap = new Float64Array(2 * ENTRIES_AT_FIRST)
  #end = ROOT
  #pushes = 0
  readonly #pushesMax: number

  /** `pushesMax` is how many pushes have a number before they are numbered anew. */
  constructor(pushesMax: number = 2 ** SEQUENCE_BITS - 1) {
    this.#pushesMax = pushesMax
  }

  get size(): number {
    return this.#end - ROOT
  }

  /** When the next entry is due; infinite where there is none. */
  get nextUs(): number {
    return this.#end === ROOT ? Number.POSITIVE_INFINITY : this.#heap[2 * ROOT]!
  }

  /** After all that was pushed for this time before. `ref` is a whole number below 2^26. */
  push(timeUs: number, ref: number): void {
    if (this.#pushes === this.#pushesMax) this.#renumber()
    this.#pushes += 1
    const order = this.#pushes * REF_RANGE + ref
    if (2 * this.#end === this.#heap.length) this.#grow()
    const heap = this.#heap
    let hole = this.#end
    this.#end += 1
    while (hole > ROOT) {
      const parent = (hole + 5) >> 2
      const parentUs = heap[2 * parent]!
      // Whatever is there was pushed before.
      if (parentUs <= timeUs) break
      heap[2 * hole] = parentUs
      heap[2 * hole + 1] = heap[2 * parent + 1]!
      hole = parent
    }
    heap[2 * hole] = timeUs
    heap[2 * hole + 1] = order
  }

  /** Takes the first entry into `timeUs`, `sequence` and `ref`; false where there is none. */
  pop(): boolean {
    if (this.#end === ROOT) return false
    const heap = this.#heap
    this.timeUs = heap[2 * ROOT]!
    const taken = heap[2 * ROOT + 1]!
    this.sequence = Math.floor(taken / REF_RANGE)
    this.ref = taken - this.sequence * REF_RANGE
    const end = this.#end - 1
    this.#end = end
    const timeUs = heap[2 * end]!
    const order = heap[2 * end + 1]!
    let hole = ROOT
    for (;;) {
      const first = 4 * hole - 5
      if (first >= end) break
      let least = first
      let leastUs = heap[2 * first]!
      let leastOrder = heap[2 * first + 1]!
      const stop = first + 4 < end ? first + 4 : end
      for (let child = first + 1; child < stop; child += 1) {
        const childUs = heap[2 * child]!
        if (childUs > leastUs) continue
        const childOrder = heap[2 * child + 1]!
        if (childUs === leastUs && childOrder > leastOrder) continue
        least = child
        leastUs = childUs
        leastOrder = childOrder
      }
      if (timeUs < leastUs || (timeUs === leastUs && order < leastOrder)) break
      heap[2 * hole] = leastUs
      heap[2 * hole + 1] = leastOrder
      hole = least
    }
    heap[2 * hole] = timeUs
    heap[2 * hole + 1] = order
    return true
  }

  /** Gives what waits the lowest numbers, in its order. A sorted array is a heap. */
  #renumber(): void {
    const heap = this.#heap
    const entries = Array.from({ length: this.size }, (_, index) => ROOT + index).sort(
      (a, b) => heap[2 * a]! - heap[2 * b]! || heap[2 * a + 1]! - heap[2 * b + 1]!
    )
    const sorted = new Float64Array(heap.length)
    for (const [index, entry] of entries.entries()) {
      const order = heap[2 * entry + 1]!
      const ref = order - Math.floor(order / REF_RANGE) * REF_RANGE
      sorted[2 * (ROOT + index)] = heap[2 * entry]!
      sorted[2 * (ROOT + index) + 1] = (index + 1) * REF_RANGE + ref
    }
    this.#heap = sorted
    this.#pushes = entries.length
  }

  #grow(): void {
    const heap = new Float64Array(2 * this.#heap.length)
    heap.set(this.#heap)
    this.#heap = heap
  }
}
