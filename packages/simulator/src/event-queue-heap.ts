/**
 * A heap with four children a node over a typed array (LaMarca and Ladner, "The influence of caches on the
 * performance of heaps", JEA 1996). An entry has two numbers, its time and its place among those of one time.
 * The root stands at index 2, so that on the usual allocators the four children of an entry share a cache line.
 */

const ROOT = 2
const ENTRIES_AT_FIRST = 1024

export class EventHeap {
  /** Of the entry that `pop` took last. */
  timeUs = 0
  order = 0
  #heap = new Float64Array(2 * ENTRIES_AT_FIRST)
  #end = ROOT

  get size(): number {
    return this.#end - ROOT
  }

  /** The time of the first entry; infinite where there is none. */
  get nextUs(): number {
    return this.#end === ROOT ? Number.POSITIVE_INFINITY : this.#heap[2 * ROOT]!
  }

  push(timeUs: number, order: number): void {
    if (2 * this.#end === this.#heap.length) this.#grow()
    const heap = this.#heap
    let hole = this.#end
    this.#end += 1
    while (hole > ROOT) {
      const parent = (hole + 5) >> 2
      const parentUs = heap[2 * parent]!
      const parentOrder = heap[2 * parent + 1]!
      if (parentUs < timeUs || (parentUs === timeUs && parentOrder < order)) break
      heap[2 * hole] = parentUs
      heap[2 * hole + 1] = parentOrder
      hole = parent
    }
    heap[2 * hole] = timeUs
    heap[2 * hole + 1] = order
  }

  /** Takes the first entry into `timeUs` and `order`; false where there is none. */
  pop(): boolean {
    if (this.#end === ROOT) return false
    const heap = this.#heap
    this.timeUs = heap[2 * ROOT]!
    this.order = heap[2 * ROOT + 1]!
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

  #grow(): void {
    const heap = new Float64Array(2 * this.#heap.length)
    heap.set(this.#heap)
    this.#heap = heap
  }
}
