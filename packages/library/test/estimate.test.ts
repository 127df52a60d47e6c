/** How long hashing takes yet: unknown until it is measured, then from what was done lately. */
import { describe, expect, test } from 'vitest'
import { Estimate, workOf } from '../src/estimate.ts'
import { ESTIMATE_AFTER_MS, ESTIMATE_STEP_MS, ESTIMATE_WINDOW_MS, FILE_COST_BYTES } from '../src/limits.ts'

const MIB = 1024 * 1024

/** Work done at this speed (a second), from one time to another. */
function work(estimate: Estimate, perSecond: number, fromMs: number, toMs: number, before = 0): number {
  for (let ms = fromMs; ms <= toMs; ms += 100) estimate.note(ms, before + (perSecond * (ms - fromMs)) / 1000)
  return before + (perSecond * (toMs - fromMs)) / 1000
}

describe('the time that is left', () => {
  test('is unknown until so much was seen, and known then', () => {
    const estimate = new Estimate()
    work(estimate, MIB, 0, ESTIMATE_AFTER_MS - 100)
    expect(estimate.leftMs(10 * MIB)).toBeUndefined()
    estimate.note(ESTIMATE_AFTER_MS, (MIB * ESTIMATE_AFTER_MS) / 1000)
    expect(estimate.leftMs(10 * MIB)).toBe(10_000)
    expect(estimate.leftMs(0)).toBe(0)
  })

  test('is unknown while nothing moves, and once everything is forgotten', () => {
    const estimate = new Estimate()
    work(estimate, 0, 0, 10_000)
    expect(estimate.leftMs(MIB)).toBeUndefined()
    work(estimate, MIB, 10_000, 20_000)
    expect(estimate.leftMs(MIB)).toBeGreaterThan(0)
    estimate.clear()
    expect(estimate.leftMs(MIB)).toBeUndefined()
  })

  test('is of the speed of late: what was before the window does not count', () => {
    const estimate = new Estimate()
    const before = work(estimate, 100 * MIB, 0, 60_000)
    const endMs = 60_000 + ESTIMATE_WINDOW_MS + ESTIMATE_STEP_MS
    work(estimate, MIB, 60_000, endMs, before)
    expect(estimate.leftMs(60 * MIB)).toBe(60_000)
  })

  test('adds up files and bytes', () => {
    expect(workOf(1, 0)).toBe(FILE_COST_BYTES)
    expect(workOf(4, 1)).toBe(4 * FILE_COST_BYTES + 1)
  })
})
