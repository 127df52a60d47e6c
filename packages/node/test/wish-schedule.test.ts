/** When wishes are searched for, in virtual time, while the wall clock does as it likes. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { WISH_LOOK_MS, WISH_MINUTES_MIN, WISH_SPACING_MS, WISHES_MAX } from '../src/wish-limits.ts'
import { WishSchedule } from '../src/wish-schedule.ts'

const MINUTE_MS = 60_000
const PERIOD_MS = 30 * MINUTE_MS
const LEAST_MS = WISH_MINUTES_MIN * MINUTE_MS
const YEAR_MS = 365 * 24 * 60 * MINUTE_MS

/** Runs for so long, looking every 15 seconds; `jumpMs` is added to the wall clock at some moments. */
function live(
  schedule: WishSchedule,
  untilMs: number,
  { wallMs = 1_700_000_000_000, jumps = [] as readonly { atMs: number; jumpMs: number }[], chance = 0.5 } = {}
) {
  const ran: { wish: number; nowMs: number }[] = []
  for (let nowMs = 0; nowMs <= untilMs; nowMs += 15_000) {
    const jumped = jumps.filter(({ atMs }) => atMs <= nowMs).reduce((sum, { jumpMs }) => sum + jumpMs, 0)
    const moment = { wallMs: wallMs + nowMs + jumped, nowMs }
    const wish = schedule.next(moment)
    if (wish === undefined) continue
    schedule.began(wish, moment, chance)
    ran.push({ wish, nowMs })
  }
  return ran
}

test('a wish has its turn once a period, and up to a quarter more', () => {
  for (const [chance, eachMs] of [
    [0, PERIOD_MS],
    [1, PERIOD_MS * 1.25]
  ] as const) {
    const schedule = new WishSchedule(PERIOD_MS)
    schedule.add(1, 0)
    const ran = live(schedule, 10 * PERIOD_MS, { chance })
    expect(ran[0]!.nowMs).toBe(0)
    for (const [index, { nowMs }] of ran.slice(1).entries()) expect(nowMs - ran[index]!.nowMs).toBe(eachMs)
  }
})

test('a period is no shorter than the least, whatever is asked for', () => {
  const schedule = new WishSchedule(1)
  schedule.add(1, 0)
  expect(live(schedule, 10 * LEAST_MS, { chance: 0 })).toHaveLength(11)
})

test('all that there may be have their turns within the period, none at the same time', () => {
  const schedule = new WishSchedule(PERIOD_MS)
  for (let wish = 1; wish <= WISHES_MAX; wish += 1) schedule.add(wish, 0)
  const ran = live(schedule, PERIOD_MS - 1)
  expect(new Set(ran.map(({ wish }) => wish)).size).toBe(WISHES_MAX)
  expect(ran).toHaveLength(WISHES_MAX)
  for (const [index, { nowMs }] of ran.slice(1).entries())
    expect(nowMs - ran[index]!.nowMs).toBeGreaterThanOrEqual(WISH_SPACING_MS)
})

test('looks every WISH_LOOK_MS, a little early or late, keep two searches no more than a look further apart', () => {
  const schedule = new WishSchedule(PERIOD_MS)
  for (let wish = 1; wish <= WISHES_MAX; wish += 1) schedule.add(wish, 0)
  const ran: number[] = []
  for (let look = 0; ran.length < WISHES_MAX; look += 1) {
    const nowMs = look * WISH_LOOK_MS + (look % 2 === 0 ? 5 : -5)
    const wish = schedule.next({ wallMs: 1_700_000_000_000 + nowMs, nowMs })
    if (wish === undefined) continue
    schedule.began(wish, { wallMs: 1_700_000_000_000 + nowMs, nowMs }, 0.5)
    ran.push(nowMs)
  }
  for (const [index, nowMs] of ran.slice(1).entries()) {
    expect(nowMs - ran[index]!).toBeGreaterThanOrEqual(WISH_SPACING_MS)
    expect(nowMs - ran[index]!).toBeLessThan(1.5 * WISH_SPACING_MS)
  }
})

test('one that was taken back has no turn', () => {
  const schedule = new WishSchedule(PERIOD_MS)
  schedule.add(1, 0)
  schedule.delete(1)
  expect(live(schedule, PERIOD_MS)).toEqual([])
})

describe('a wall clock that jumps', () => {
  test('a year ahead brings no storm', () => {
    const schedule = new WishSchedule(PERIOD_MS)
    for (let wish = 1; wish <= 10; wish += 1) schedule.add(wish, 0)
    const jumps = Array.from({ length: 100 }, (_, index) => ({ atMs: index * 60_000, jumpMs: YEAR_MS }))
    const ran = live(schedule, 100 * 60_000, { jumps })
    for (let wish = 1; wish <= 10; wish += 1) {
      const times = ran.filter(one => one.wish === wish).map(({ nowMs }) => nowMs)
      for (const [index, nowMs] of times.slice(1).entries())
        expect(nowMs - times[index]!).toBeGreaterThanOrEqual(LEAST_MS)
    }
  })

  test('ten years back does not end it', () => {
    const schedule = new WishSchedule(PERIOD_MS)
    schedule.add(1, 0)
    const ran = live(schedule, 5 * PERIOD_MS, { jumps: [{ atMs: 60_000, jumpMs: -10 * YEAR_MS }] })
    expect(ran.length).toBeGreaterThanOrEqual(4)
  })

  test('nor does it where the program begins with times of a clock that was ahead', () => {
    const schedule = new WishSchedule(PERIOD_MS)
    schedule.add(1, 1_700_000_000_000 + YEAR_MS)
    expect(live(schedule, 2 * PERIOD_MS).length).toBeGreaterThan(0)
  })

  test('however it jumps: no storm, and never longer without a turn than two periods after the last jump', () => {
    const jump = fc.record({
      atMs: fc.integer({ min: 0, max: 6 * PERIOD_MS }),
      jumpMs: fc.integer({ min: -YEAR_MS, max: YEAR_MS })
    })
    fc.assert(
      fc.property(
        fc.array(jump, { maxLength: 5 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (jumps, chance) => {
          const schedule = new WishSchedule(PERIOD_MS)
          for (const wish of [1, 2, 3]) schedule.add(wish, 0)
          const ran = live(schedule, 12 * PERIOD_MS, { jumps, chance })
          const settledMs = Math.max(0, ...jumps.map(({ atMs }) => atMs))
          for (const wish of [1, 2, 3]) {
            const times = ran.filter(one => one.wish === wish).map(({ nowMs }) => nowMs)
            for (const [index, nowMs] of times.slice(1).entries())
              expect(nowMs - times[index]!).toBeGreaterThanOrEqual(LEAST_MS)
            expect(times.some(nowMs => nowMs > settledMs && nowMs <= settledMs + 2 * PERIOD_MS)).toBe(true)
          }
        }
      ),
      { numRuns: 50 }
    )
  })
})
