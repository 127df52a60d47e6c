import { LinkQueue, PRIORITY_MAX } from '@servent/overlay/machine'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

const LIMITS = { queueBytesMax: 100, queueBytesHigh: 50, queueBytesLow: 25 }

function drained<T>(queue: LinkQueue<T>): T[] {
  const out: T[] = []
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) out.push(next.message)
  return out
}

describe('order', () => {
  test('the most urgent goes first, equal ones as they came', () => {
    const queue = new LinkQueue<string>(LIMITS)
    for (const [message, priority] of [
      ['ping', 4],
      ['query', 3],
      ['push', 0],
      ['query again', 3],
      ['bye', 0]
    ] as const)
      queue.push(message, 1, priority)
    expect(drained(queue)).toEqual(['push', 'bye', 'query', 'query again', 'ping'])
    expect([queue.bytes, queue.length, queue.shift()]).toEqual([0, 0, undefined])
  })

  test('thousands of one class keep their order while some are sent and others come', () => {
    const queue = new LinkQueue<number>({ queueBytesMax: 1e6, queueBytesHigh: 1e6, queueBytesLow: 1 })
    const out: number[] = []
    for (let message = 0; message < 5000; message += 1) {
      queue.push(message, 1, 3)
      if (message % 3 === 0) out.push(queue.shift()!.message)
    }
    expect([...out, ...drained(queue)]).toEqual(Array.from({ length: 5000 }, (_, index) => index))
  })
})

describe('room', () => {
  test('a queue holds queueBytesMax, and one byte more overflows', () => {
    const queue = new LinkQueue<string>(LIMITS)
    expect(queue.push('a', 100, 3)).toEqual({ accepted: true, dropped: [], level: 'high' })
    expect(queue.push('b', 1, 3)).toEqual({ accepted: false, dropped: [], level: 'overflow' })
    expect([queue.bytes, queue.length]).toEqual([100, 1])
    expect(new LinkQueue<string>(LIMITS).push('c', 101, 0)).toEqual({
      accepted: false,
      dropped: [],
      level: 'overflow'
    })
  })

  test('the newest of the least urgent make room, and no more of them than needed', () => {
    const queue = new LinkQueue<string>(LIMITS)
    for (const message of ['ping 1', 'ping 2', 'ping 3']) queue.push(message, 20, 4)
    for (const message of ['query 1', 'query 2']) queue.push(message, 20, 3)
    expect(queue.push('hit', 30, 1)).toEqual({ accepted: true, dropped: ['ping 3', 'ping 2'] })
    expect(queue.push('push', 40, 0)).toEqual({ accepted: true, dropped: ['ping 1', 'query 2'] })
    expect(drained(queue)).toEqual(['push', 'hit', 'query 1'])
  })

  test('where that is not enough, nothing is dropped', () => {
    const queue = new LinkQueue<string>(LIMITS)
    queue.push('hit', 60, 1)
    queue.push('ping', 40, 4)
    expect(queue.push('query', 41, 3)).toMatchObject({ accepted: false, dropped: [] })
    expect(queue.push('query', 40, 3)).toMatchObject({ accepted: true, dropped: ['ping'] })
    // Equal priority gives no room.
    expect(queue.push('query', 1, 3)).toMatchObject({ accepted: false })
  })

  test('what was sent of a class is not dropped from it', () => {
    const queue = new LinkQueue<string>(LIMITS)
    for (const message of ['a', 'b', 'c']) queue.push(message, 30, 4)
    expect(queue.shift()!.message).toBe('a')
    expect(queue.push('hit', 100, 0)).toMatchObject({ accepted: true, dropped: ['c', 'b'] })
    expect(drained(queue)).toEqual(['hit'])
  })
})

describe('level', () => {
  test('is high over the high mark and low again under the low one', () => {
    const queue = new LinkQueue<number>(LIMITS)
    expect(queue.push(1, 50, 0).level).toBeUndefined()
    expect(queue.push(2, 1, 1).level).toBe('high')
    expect(queue.push(3, 24, 2).level).toBeUndefined()
    expect(queue.shift()!.level).toBeUndefined()
    expect([queue.bytes, queue.level]).toEqual([25, 'high'])
    expect(queue.shift()!.level).toBe('low')
    expect([queue.bytes, queue.level]).toEqual([24, 'low'])
  })

  test('falls when room is made by dropping', () => {
    const queue = new LinkQueue<number>({ queueBytesMax: 100, queueBytesHigh: 90, queueBytesLow: 50 })
    queue.push(1, 95, 4)
    expect(queue.push(2, 10, 0)).toEqual({ accepted: true, dropped: [1], level: 'low' })
  })

  test.each([
    [100, 50, 0],
    [100, 20, 25],
    [100, 101, 25],
    [Number.NaN, 50, 25]
  ])('limits of %i, %i, %i are refused', (queueBytesMax, queueBytesHigh, queueBytesLow) => {
    expect(() => new LinkQueue({ queueBytesMax, queueBytesHigh, queueBytesLow })).toThrow(RangeError)
    expect(() => new LinkQueue({ queueBytesMax: 1, queueBytesHigh: 1, queueBytesLow: 1 })).not.toThrow()
  })
})

test('a priority is 0 to PRIORITY_MAX and a message has a byte at least', () => {
  const queue = new LinkQueue<string>(LIMITS)
  queue.push('first', 1, 0)
  queue.push('last', 1, PRIORITY_MAX)
  for (const priority of [-1, PRIORITY_MAX + 1, 0.5, Number.NaN])
    expect(() => queue.push('x', 1, priority)).toThrow(RangeError)
  for (const bytes of [0, -1, 0.5, Number.NaN, Infinity])
    expect(() => queue.push('x', bytes, 0)).toThrow(RangeError)
  expect(drained(queue)).toEqual(['first', 'last'])
})

test('agrees with a plain list that is sorted and summed each time', () => {
  const operation = fc.oneof(
    {
      weight: 3,
      arbitrary: fc.record({
        bytes: fc.integer({ min: 1, max: 60 }),
        priority: fc.constantFrom(0, 1, 2, 15, PRIORITY_MAX)
      })
    },
    { weight: 2, arbitrary: fc.constant('shift' as const) }
  )
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 100, size: 'max' }), operations => {
      const queue = new LinkQueue<number>(LIMITS)
      let list: { message: number; bytes: number; priority: number }[] = []
      let high = false
      const sum = () => list.reduce((total, item) => total + item.bytes, 0)
      const level = () => {
        const was = high
        high = high ? sum() >= LIMITS.queueBytesLow : sum() > LIMITS.queueBytesHigh
        return was === high ? undefined : high ? 'high' : 'low'
      }
      for (const [message, next] of operations.entries()) {
        if (next === 'shift') {
          const first = [...list].sort((a, b) => a.priority - b.priority || a.message - b.message)[0]
          list = list.filter(item => item !== first)
          const shifted = queue.shift()
          expect(shifted?.message).toBe(first?.message)
          expect(shifted?.level).toBe(first && level())
        } else {
          // Drop from the least urgent and newest, but only less urgent ones, and only where that is enough.
          const victims = list
            .filter(item => item.priority > next.priority)
            .sort((a, b) => b.priority - a.priority || b.message - a.message)
          const dropped: number[] = []
          let free = LIMITS.queueBytesMax - sum()
          while (free < next.bytes && victims.length > 0) {
            const victim = victims.shift()!
            free += victim.bytes
            dropped.push(victim.message)
          }
          const accepted = free >= next.bytes
          if (accepted) list = [...list.filter(item => !dropped.includes(item.message)), { message, ...next }]
          const pushed = queue.push(message, next.bytes, next.priority)
          expect(pushed.accepted).toBe(accepted)
          expect(pushed.dropped).toEqual(accepted ? dropped : [])
          expect(pushed.level).toBe(accepted ? level() : 'overflow')
        }
        expect([queue.bytes, queue.length, queue.level]).toEqual([sum(), list.length, high ? 'high' : 'low'])
      }
    }),
    { numRuns: 300 }
  )
})
