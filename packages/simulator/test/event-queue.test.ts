/** The queue against a sorted list. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { EventQueue } from '../src/event-queue.ts'

interface Entry {
  readonly timeUs: number
  readonly ref: number
}

const pushOrPop = fc.oneof(
  fc.record({
    // Of one time, of near buckets, of all buckets, and far beyond them.
    timeUs: fc.oneof(
      fc.integer({ min: 0, max: 20 }),
      fc.integer({ min: 0, max: 2_000 }),
      fc.integer({ min: 0, max: 3_000_000 }),
      fc.integer({ min: 0, max: 6 * 3600 * 1_000_000 })
    ),
    ref: fc.integer({ min: 0, max: 2 ** 26 - 1 })
  }),
  fc.constant('pop' as const)
)

/** Runs the steps on a queue and on a list that is sorted stably, and compares what comes out. */
function compare(queue: EventQueue, steps: readonly (Entry | 'pop')[], most: number): void {
  let list: Entry[] = []
  const pop = () => {
    const first = list.reduce<Entry | undefined>(
      (least, entry) => (least === undefined || entry.timeUs < least.timeUs ? entry : least),
      undefined
    )
    expect(queue.nextUs).toBe(first?.timeUs ?? Number.POSITIVE_INFINITY)
    expect(queue.pop()).toBe(first !== undefined)
    if (first === undefined) return
    expect([queue.timeUs, queue.ref]).toEqual([first.timeUs, first.ref])
    list = list.filter(entry => entry !== first)
  }
  for (const step of steps) {
    if (step === 'pop' || list.length === most) {
      pop()
    } else {
      const entry = { ...step }
      list.push(entry)
      queue.push(entry.timeUs, entry.ref)
    }
    expect(queue.size).toBe(list.length)
  }
  while (list.length > 0) pop()
  pop()
}

test('entries come out by their time, and those of one time in the order in which they went in', () => {
  fc.assert(
    fc.property(fc.array(pushOrPop, { maxLength: 200 }), steps => compare(new EventQueue(), steps, 200)),
    { numRuns: 500 }
  )
})

test('the order stays when pushes are numbered anew', () => {
  fc.assert(
    fc.property(fc.array(pushOrPop, { maxLength: 200 }), steps => compare(new EventQueue(16), steps, 12)),
    { numRuns: 100 }
  )
  // Every few pushes, with some waiting all the time.
  const queue = new EventQueue(8)
  const order: number[] = []
  for (let ref = 0; ref < 100; ref += 1) {
    queue.push(ref < 4 ? 1_000 : 1, ref)
    if (ref >= 4) {
      queue.pop()
      order.push(queue.ref)
    }
  }
  while (queue.pop()) order.push(queue.ref)
  expect(order).toEqual([...Array.from({ length: 96 }, (_, index) => index + 4), 0, 1, 2, 3])
})

test('a bucket of many, and times that are past already', () => {
  const queue = new EventQueue()
  const times: number[] = []
  for (let ref = 0; ref < 5_000; ref += 1) queue.push(10_000 + ((ref * 7_919) % 500), ref)
  for (let count = 0; count < 2_500; count += 1) {
    queue.pop()
    times.push(queue.timeUs)
  }
  expect(times).toEqual(times.toSorted((a, b) => a - b))
  queue.push(3, 77)
  queue.pop()
  expect([queue.timeUs, queue.ref]).toEqual([3, 77])
  let last = 0
  let lastSequence = 0
  while (queue.pop()) {
    expect(queue.timeUs > last || (queue.timeUs === last && queue.sequence > lastSequence)).toBe(true)
    last = queue.timeUs
    lastSequence = queue.sequence
  }
  expect(queue.size).toBe(0)
})

test('times of six virtual hours keep their microseconds', () => {
  const queue = new EventQueue()
  const hours = 6 * 3600 * 1_000_000
  for (let ref = 0; ref < 1_000; ref += 1) queue.push(hours - ref, ref)
  const times: number[] = []
  while (queue.pop()) times.push(queue.timeUs)
  expect(times).toEqual(Array.from({ length: 1_000 }, (_, index) => hours - 999 + index))
})
