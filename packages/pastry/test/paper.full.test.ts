/** Pastry's published figures at the sizes of the paper (Rowstron and Druschel, Middleware 2001, section 3). */
import { describe, expect, it } from 'vitest'
import { distanceRatio, failures, routeHops } from './support/experiments.ts'
import { mean } from './support/lookups.ts'
import {
  DISTANCE_RATIO_LEAST,
  DISTANCE_RATIO_MOST,
  HOPS_MODEL,
  HOPS_PDF,
  HOPS_PDF_TOLERANCE,
  HOPS_RATIO_TOLERANCE,
  HOPS_REPAIRED_RATIO,
  HOPS_TOLERANCE,
  HOPS_UNREPAIRED_RATIO,
  REPAIR_CALLS,
  REPAIR_CALLS_MOST
} from './support/paper-figures.ts'

const MINUTES_MS = 60_000

describe('section 3.2, figure 4: steps by the number of nodes', () => {
  it.each([
    [1000, 20],
    [5000, 8],
    [10_000, 6]
  ])(
    '%i nodes: the model within 3 percent',
    (count, seeds) => {
      const means = Array.from({ length: seeds }, (_, seed) =>
        mean(routeHops(`full-${seed}`, count, 900).hops)
      )
      const model = HOPS_MODEL.get(count)!
      console.log(`${count} nodes: ${mean(means).toFixed(3)} steps; the model has ${model}`)
      expect(Math.abs(mean(means) / model - 1)).toBeLessThan(HOPS_TOLERANCE)
    },
    20 * MINUTES_MS
  )

  it(
    'figure 5: 100,000 nodes: the model within 3 percent, and as many routes of 3, 4 and 5 steps as the paper has',
    () => {
      const { hops, correct, issued } = routeHops('full', 100_000, 20_000)
      const share = (steps: number) => hops.filter(taken => taken === steps).length / hops.length
      console.log(
        `100,000 nodes: ${mean(hops).toFixed(3)} steps; ${[...HOPS_PDF.keys()].map(share).join(' / ')}`
      )
      expect(correct).toBe(issued)
      expect(Math.abs(mean(hops) / HOPS_MODEL.get(100_000)! - 1)).toBeLessThan(HOPS_TOLERANCE)
      for (const [steps, paper] of HOPS_PDF)
        expect(Math.abs(share(steps) - paper)).toBeLessThan(HOPS_PDF_TOLERANCE)
    },
    30 * MINUTES_MS
  )
})

describe('section 3.3, figure 6: locality', () => {
  it.each([1000, 5000, 10_000])(
    '%i nodes on a plane',
    count => {
      const { correct, ratio } = distanceRatio('full', count, 3000, 'on')
      console.log(`${count} nodes: ratio ${ratio.toFixed(3)}`)
      expect(correct).toBe(1)
      expect(ratio).toBeGreaterThan(DISTANCE_RATIO_LEAST)
      expect(ratio).toBeLessThan(DISTANCE_RATIO_MOST)
    },
    10 * MINUTES_MS
  )
})

describe('section 3.5, figure 8: of 5,000 nodes a tenth fails', () => {
  it(
    'steps before, unrepaired and repaired, as ratios; and what repair takes',
    () => {
      const { before, unrepaired, repaired, incorrect, failed, callsPerFailure } = failures(
        'full',
        5000,
        10_000
      )
      console.log(
        `5,000 nodes: ${before.toFixed(3)} steps, ${unrepaired.toFixed(3)} unrepaired, ${repaired.toFixed(3)} repaired, ${callsPerFailure.toFixed(0)} calls a failure (the paper has ${REPAIR_CALLS})`
      )
      expect({ incorrect, failed }).toEqual({ incorrect: 0, failed: 0 })
      expect(Math.abs(unrepaired / before - HOPS_UNREPAIRED_RATIO)).toBeLessThan(HOPS_RATIO_TOLERANCE)
      expect(callsPerFailure).toBeLessThan(REPAIR_CALLS_MOST)
      expect(Math.abs(repaired / before - HOPS_REPAIRED_RATIO)).toBeLessThan(HOPS_RATIO_TOLERANCE)
    },
    30 * MINUTES_MS
  )
})
