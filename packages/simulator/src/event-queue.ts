/**
 * What is to happen, in the total order of (time, sequence). A heap of four children a node holds what is due
 * next; what comes within a second stands in buckets of a quarter of a millisecond, each of which goes into the
 * heap when its time has come, and what is later waits in a heap of its own. So the heap that every event goes
 * through stays in the cache with millions of messages on their way (as in the ladder queue of Tang, Goh and
 * Thng, TOMACS 2005), and the order is that of one heap.
 *
 * An entry has two numbers: its time, and one that holds its place in the order of pushes above what it stands
 * for. Pushes are numbered anew before their numbers run out.
 */
import { EventBuckets } from './event-queue-buckets.ts'
import { EventHeap } from './event-queue-heap.ts'

/** Bits of a `ref`, and bits of the number of a push: together those of a whole number in a double. */
export const REF_BITS = 26
const SEQUENCE_BITS = 53 - REF_BITS
const REF_RANGE = 2 ** REF_BITS

const BUCKET_US = 256
const BUCKETS = 4096

export class EventQueue {
  /** Of the entry that `pop` took last. */
  timeUs = 0
  sequence = 0
  ref = 0
  #pushes = 0
  readonly #pushesMax: number
  /** What is due up to the end of the present bucket. */
  readonly #near = new EventHeap()
  readonly #buckets = new EventBuckets(BUCKETS)
  /** What is due after all buckets. */
  readonly #far = new EventHeap()
  /** The present bucket's number since time 0, and its place in the ring. */
  #present = 0
  #place = 0

  /** `pushesMax` is how many pushes have a number before they are numbered anew. */
  constructor(pushesMax: number = 2 ** SEQUENCE_BITS - 1) {
    this.#pushesMax = pushesMax
  }

  get size(): number {
    return this.#near.size + this.#buckets.size + this.#far.size
  }

  /** When the next entry is due; infinite where there is none. */
  get nextUs(): number {
    if (this.#near.size === 0) this.#advance()
    return this.#near.nextUs
  }

  /** After all that was pushed for this time before. `ref` is a whole number below 2^26. */
  push(timeUs: number, ref: number): void {
    if (this.#pushes === this.#pushesMax) this.#renumber()
    this.#pushes += 1
    this.#put(timeUs, this.#pushes * REF_RANGE + ref)
  }

  /** Takes the first entry into `timeUs`, `sequence` and `ref`; false where there is none. */
  pop(): boolean {
    if (this.#near.size === 0) this.#advance()
    if (!this.#near.pop()) return false
    const { order } = this.#near
    this.timeUs = this.#near.timeUs
    this.sequence = Math.floor(order / REF_RANGE)
    this.ref = order - this.sequence * REF_RANGE
    return true
  }

  #put(timeUs: number, order: number): void {
    const ahead = Math.floor(timeUs / BUCKET_US) - this.#present
    if (ahead <= 0) this.#near.push(timeUs, order)
    else if (ahead < BUCKETS) this.#buckets.put((this.#place + ahead) & (BUCKETS - 1), timeUs, order)
    else this.#far.push(timeUs, order)
  }

  /** Goes on to the next bucket that holds something, where any does. */
  #advance(): void {
    while (this.#near.size === 0 && this.size > 0) {
      // Over a time in which nothing is due there is nothing to look at.
      if (this.#buckets.size === 0) {
        this.#present = Math.floor(this.#far.nextUs / BUCKET_US)
      } else {
        const place = this.#buckets.next((this.#place + 1) & (BUCKETS - 1))
        this.#present += (place - this.#place) & (BUCKETS - 1)
        this.#place = place
      }
      if (this.#buckets.has(this.#place)) this.#buckets.drain(this.#place, this.#near)
      const endUs = (this.#present + BUCKETS) * BUCKET_US
      while (this.#far.nextUs < endUs) {
        this.#far.pop()
        this.#put(this.#far.timeUs, this.#far.order)
      }
    }
  }

  /** Gives what waits the lowest numbers, in its order. */
  #renumber(): void {
    const entries: [timeUs: number, order: number][] = []
    const all = { push: (timeUs: number, order: number) => entries.push([timeUs, order]) }
    for (let bucket = 0; bucket < BUCKETS; bucket += 1)
      if (this.#buckets.has(bucket)) this.#buckets.drain(bucket, all)
    for (const heap of [this.#near, this.#far]) while (heap.pop()) all.push(heap.timeUs, heap.order)
    entries.sort((a, b) => a[0] - b[0] || a[1] - b[1])
    this.#pushes = 0
    for (const [timeUs, order] of entries) {
      this.#pushes += 1
      this.#put(timeUs, this.#pushes * REF_RANGE + (order - Math.floor(order / REF_RANGE) * REF_RANGE))
    }
  }
}
