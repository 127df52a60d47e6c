/** A target ratio of ordinary peers to supernodes holds at any size: 100 and 300 here, 1,000 in `ratio.full.test.ts`. */
import { describe, expect, it } from 'vitest'
import { runHour } from './hour.ts'
import { expectRatioUnderChurn, RATIO_PLAN } from './ratio.ts'

describe('one supernode to a hundred', () => {
  it('holds within a factor of two at 100 peers', () => {
    const report = runHour({ ...RATIO_PLAN, peers: 100, growS: 120, measureS: 900, searches: 60 })
    // When the only supernode dies, two heirs may serve 98 peers until one of them steps down.
    expect(report.ratio.least).toBeGreaterThanOrEqual(49)
    expect(report.ratio.mean).toBeGreaterThanOrEqual(50)
    expect(report.ratio.most).toBeLessThanOrEqual(200)
    expect(report.searches.found).toBe(report.searches.findable)
  }, 60_000)

  it('holds within a factor of two at 300 peers, while a fifth of them are replaced', () => {
    expectRatioUnderChurn({ peers: 300, growS: 300, measureS: 1_200, searches: 100 })
  }, 120_000)
})
