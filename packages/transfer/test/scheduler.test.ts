/** Which source brings which blocks, in virtual time, with sources of any rate that stop and stall. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BlockSet } from '../src/block-set.ts'
import { BlockScheduler, type Run } from '../src/scheduler.ts'

const MiB = 2 ** 20
const limits = { rangeBytesMax: 64 * MiB, runSeconds: 8, firstRunBytes: 4 * MiB }
const PIECE = 64
const missing = (count: number) => new BlockScheduler(new BlockSet(count), limits, PIECE, () => 0)
const at = (rate: number) => () => rate * MiB

describe('one after the other', () => {
  test('every missing block is handed out once, in runs that keep their bounds', () => {
    const arbitrary = fc.record({
      count: fc.integer({ min: 1, max: 60 }),
      have: fc.array(fc.nat(59)),
      runMax: fc.integer({ min: 1, max: 20 }),
      piece: fc.constantFrom(4, 16, 64),
      broken: fc.array(fc.boolean(), { maxLength: 30 })
    })
    fc.assert(
      fc.property(arbitrary, ({ count, have, runMax, piece, broken }) => {
        const blocks = new BlockSet(count)
        for (const block of have) if (block < count) blocks.add(block)
        const scheduler = new BlockScheduler(
          blocks,
          { ...limits, rangeBytesMax: runMax * MiB },
          piece,
          () => 0
        )
        const brought = new Set<number>()
        for (let run = scheduler.next(at(1000)); run !== undefined; run = scheduler.next(at(1000))) {
          const { next: first, end } = run
          expect(end - first).toBeGreaterThan(0)
          expect(end - first).toBeLessThanOrEqual(runMax)
          expect(Math.floor(first / piece)).toBe(Math.floor((end - 1) / piece))
          const stopped = broken.shift() === true ? Math.floor((first + end) / 2) : end
          while (run.next < stopped) {
            const block = run.next
            expect(brought.has(block) || blocks.has(block)).toBe(false)
            expect(scheduler.brought(run)).toBe(true)
            brought.add(block)
          }
          scheduler.end(run)
        }
        expect(brought.size + blocks.size).toBe(count)
        expect(scheduler.hasWork).toBe(false)
        expect(scheduler.isDone).toBe(true)
      })
    )
  })

  test.each([
    [0, 4],
    [1, 8],
    [0.01, 1],
    [7.99, 63],
    [8, 64],
    [100, 64]
  ])('a source of %d MiB/s is asked for %i blocks', (rate, blocks) => {
    expect(missing(200).next(at(rate))?.left).toBe(blocks)
  })
})

describe('when all is on its way', () => {
  test('a source without work takes of the slowest run what makes both done at one time', () => {
    const scheduler = missing(64)
    let rate = 8 * MiB
    const slow = scheduler.next(() => rate)!
    expect(slow.left).toBe(64)
    rate = 1 * MiB
    const fast = scheduler.next(at(3))!
    // Of 63 blocks, the one that is coming in not counted.
    expect([fast.next, fast.end, slow.end]).toEqual([17, 64, 17])
    expect(scheduler.hasWork).toBe(false)
  })

  test('the last block is asked of a second source that is faster, of no third, and of none that is slower', () => {
    const scheduler = missing(1)
    const first = scheduler.next(at(1))!
    expect(scheduler.next(at(0.5))).toBeUndefined()
    expect(scheduler.next(at(1))).toBeUndefined()
    const second = scheduler.next(at(2))!
    expect([second.next, second.end]).toEqual([0, 1])
    expect(scheduler.next(at(100))).toBeUndefined()
    expect(scheduler.brought(second)).toBe(true)
    expect(first.overtaken.aborted).toBe(true)
    expect(scheduler.brought(first)).toBe(false)
    scheduler.end(first)
    scheduler.end(second)
    expect(scheduler.isDone).toBe(true)
  })

  test('one of two that fetch a block stops: the other still brings it, and nobody else is asked', () => {
    const scheduler = missing(1)
    const first = scheduler.next(at(1))!
    const second = scheduler.next(at(2))!
    scheduler.end(first)
    expect(scheduler.hasWork).toBe(false)
    scheduler.end(second)
    expect(scheduler.hasWork).toBe(true)
  })
})

/** Sources in virtual time: each brings blocks at its rate, and stalls or fails when its time has come. */
interface Source {
  readonly rate: number
  readonly stallsAtS: number
  readonly failsAtS: number
}

function simulate(count: number, sources: readonly Source[]) {
  const scheduler = missing(count)
  const written = new Map<number, number>()
  let fetched = 0
  const states = sources.map(source => ({ source, run: undefined as Run | undefined, filled: 0 }))
  const STEP_S = 0.05
  let nowS = 0
  for (; !scheduler.isDone && nowS < 10_000; nowS += STEP_S) {
    for (const state of states) {
      const { source } = state
      const isStalled = nowS >= source.stallsAtS
      const rate = () => (nowS >= source.stallsAtS + 5 ? 0 : source.rate * MiB)
      if (nowS >= source.failsAtS) {
        if (state.run !== undefined) scheduler.end(state.run)
        state.run = undefined
        continue
      }
      if (state.run === undefined) {
        state.run = scheduler.next(rate)
        state.filled = 0
      }
      const { run } = state
      if (run === undefined) continue
      if (!isStalled) state.filled += source.rate * STEP_S
      while (state.filled >= 1 && run.left > 0) {
        state.filled -= 1
        fetched += 1
        const block = run.next
        if (!scheduler.brought(run)) break
        written.set(block, (written.get(block) ?? 0) + 1)
      }
      if (run.left === 0) {
        scheduler.end(run)
        state.run = undefined
      }
    }
  }
  return { nowS, written, fetched, isDone: scheduler.isDone }
}

test('sources of any rate, that stall and fail: each block is written once, and one steady source is enough', () => {
  const source = fc.record({
    rate: fc.integer({ min: 1, max: 40 }).map(tenths => tenths / 10),
    stallsAtS: fc.oneof(fc.constant(Number.POSITIVE_INFINITY), fc.nat(30)),
    failsAtS: fc.oneof(fc.constant(Number.POSITIVE_INFINITY), fc.nat(30))
  })
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 150 }), fc.array(source, { maxLength: 5 }), (count, others) => {
      const steady = { rate: 1, stallsAtS: Number.POSITIVE_INFINITY, failsAtS: Number.POSITIVE_INFINITY }
      const { written, isDone, nowS } = simulate(count, [...others, steady])
      expect(isDone).toBe(true)
      expect([...written.values()].every(times => times === 1) && written.size === count).toBe(true)
      // All by itself the steady one would take a second for each block.
      expect(nowS).toBeLessThan(count + 35)
    }),
    { numRuns: 300 }
  )
})

test('three sources are done as soon as their rates allow, and fetch hardly anything twice', () => {
  const forever = Number.POSITIVE_INFINITY
  const sources = [8, 2, 0.5].map(rate => ({ rate, stallsAtS: forever, failsAtS: forever }))
  const { nowS, fetched } = simulate(300, sources)
  expect(nowS).toBeLessThan((300 / 10.5) * 1.1)
  expect(fetched - 300).toBeLessThanOrEqual(sources.length)
})

describe('sources that are fetching the file themselves', () => {
  const setOf = (count: number, ...blocks: number[]) => {
    const set = new BlockSet(count)
    for (const block of blocks) set.add(block)
    return set
  }

  test('are asked for what they have, and for nothing else', () => {
    const scheduler = missing(16)
    const run = scheduler.next(at(8), setOf(16, 3, 4, 5, 9))!
    expect([run.next, run.end]).toEqual([3, 6])
    const next = scheduler.next(at(8), setOf(16, 3, 4, 5, 9))!
    expect([next.next, next.end]).toEqual([9, 10])
    expect(scheduler.next(at(0.1), setOf(16, 3))).toBeUndefined()
  })

  test('a source that has all is asked first for what none of them has', () => {
    const scheduler = missing(16)
    const partial = scheduler.next(at(0.1), setOf(16, 0, 1, 2, 3))!
    expect([partial.next, partial.end]).toEqual([0, 1])
    const whole = scheduler.next(at(1))!
    expect([whole.next, whole.end]).toEqual([4, 12])
    const rest = scheduler.next(at(1))!
    expect([rest.next, rest.end]).toEqual([12, 16])
    const others = scheduler.next(at(1))!
    expect([others.next, others.end]).toEqual([1, 4])
  })

  test('take over only the end of a run that they have', () => {
    const scheduler = missing(16)
    const slow = scheduler.next(at(2))!
    expect(slow.left).toBe(16)
    expect(scheduler.next(at(50), setOf(16, 0, 1, 2, 14))).toBeUndefined()
    const taken = scheduler.next(at(50), setOf(16, 2, 13, 14, 15))!
    expect([taken.next, taken.end, slow.end]).toEqual([13, 16, 13])
  })

  test('a download begins at a place by chance, goes round, and goes on behind what it has', () => {
    const scheduler = new BlockScheduler(setOf(16, 15), limits, PIECE, () => 0.7)
    const first = scheduler.next(at(0.25))!
    expect([first.next, first.end]).toEqual([11, 13])
    expect(scheduler.next(at(1))).toMatchObject({ next: 13, end: 15 })
    expect(scheduler.next(at(1))).toMatchObject({ next: 0, end: 8 })
    const again = new BlockScheduler(setOf(16, 5, 6, 15), limits, PIECE, () => 0.9)
    expect(again.next(at(0.25))).toMatchObject({ next: 7, end: 9 })
  })

  test('whoever has what, each missing block is brought once, and what nobody has is never asked for', () => {
    const arbitrary = fc.record({
      count: fc.integer({ min: 1, max: 60 }),
      sources: fc.array(fc.option(fc.array(fc.nat(59)), { nil: undefined }), { minLength: 1, maxLength: 4 }),
      chance: fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true })),
      turns: fc.infiniteStream(fc.nat(3))
    })
    fc.assert(
      fc.property(arbitrary, ({ count, sources, chance, turns }) => {
        const random = () => chance.next().value as number
        const scheduler = new BlockScheduler(new BlockSet(count), limits, PIECE, random)
        const sets = sources.map(blocks =>
          blocks === undefined ? undefined : setOf(count, ...blocks.filter(block => block < count))
        )
        const brought = new Set<number>()
        const runs: { run: Run; has: BlockSet | undefined }[] = []
        for (let turn = 0; turn < 1000 && !scheduler.isDone; turn += 1) {
          const has = sets[(turns.next().value as number) % sets.length]
          const run = scheduler.next(at(1), has)
          if (run !== undefined) runs.push({ run, has })
          const { run: oldest, has: its } = runs[0] ?? {}
          if (oldest === undefined) continue
          const block = oldest.next
          if (oldest.left > 0) {
            expect(its?.has(block) ?? true).toBe(true)
            if (scheduler.brought(oldest)) {
              expect(brought.has(block)).toBe(false)
              brought.add(block)
            }
          }
          if (oldest.left > 0) continue
          scheduler.end(oldest)
          runs.shift()
        }
        const possible = [...Array(count).keys()].filter(block => sets.some(set => set?.has(block) ?? true))
        expect([...brought].sort((a, b) => a - b)).toEqual(possible)
      })
    )
  })
})
