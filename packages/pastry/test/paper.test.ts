/**
 * Pastry's published rules and figures (Rowstron and Druschel, Middleware 2001), and MSPastry's (Castro et al., DSN
 * 2004), at sizes that take seconds; `paper.full.test.ts` has the sizes of the papers.
 */
import { commonPrefixDigits } from '@servent/overlay/machine'
import { describe, expect, it } from 'vitest'
import { expectedHops, probabilityFailed, rawLoss, tunedPeriodMs } from '../src/failure-rate.ts'
import {
  compareCloseness,
  HEARTBEAT_MS,
  RAW_LOSS_TARGET,
  TABLE_PROBE_MS_MAX,
  TABLE_PROBE_MS_MIN
} from '../src/machine.ts'
import { distanceRatio, failures, lookUp, routeHops, stillNetwork } from './support/experiments.ts'
import { mean } from './support/lookups.ts'
import { truthOf } from './support/network.ts'
import {
  DISTANCE_RATIO_LEAST,
  DISTANCE_RATIO_MOST,
  HOPS_MODEL,
  HOPS_TOLERANCE,
  HOPS_UNREPAIRED_RATIO,
  REPAIR_CALLS_MOST
} from './support/paper-figures.ts'

describe('section 2: a key belongs to the node whose id is numerically closest', () => {
  it.each([1, 2, 3, 16, 17, 60])('%i nodes: every lookup finds it', count => {
    const { correct, incorrect, failed, issued } = lookUp(stillNetwork(`owner-${count}`, count), 100)
    expect({ correct, incorrect, failed }).toEqual({ correct: issued, incorrect: 0, failed: 0 })
  })
})

describe('section 2.3: each step shares a digit more, or comes closer', () => {
  it('in a network of 2,000, step by step, and the last is to a leaf', () => {
    const still = stillNetwork('steps', 2000, { traceLookups: true })
    const { network } = still
    const { simulation } = network
    const rootOf = truthOf(network)
    let [steps, rare] = [0, 0]
    network.notices.push((node, notice) => {
      if (notice.type !== 'lookup-step' || notice.what !== 'sent') return
      steps += 1
      const to = simulation.nodeOfPeer(node, notice.peer)
      const shared = (other: number) => commonPrefixDigits(simulation.keyOf(other), notice.key, 4)
      if (notice.root) {
        expect(to).toBe(rootOf(notice.key))
        return
      }
      const isCloser = compareCloseness(notice.key, simulation.keyOf(to), simulation.keyOf(node)) < 0
      const isRare = shared(to) === shared(node) && isCloser
      if (isRare) rare += 1
      expect(isRare || shared(to) > shared(node)).toBe(true)
    })
    lookUp(still, 1000)
    expect(steps).toBeGreaterThan(300)
    // Section 2.3: with |L| = 2^b the rare case has a probability below 0.02.
    console.log(`${rare} of ${steps} steps are the rare case`)
    expect(rare / steps).toBeLessThan(0.02)
  })
})

describe('section 3.2, figure 4: steps grow as the logarithm of the number of nodes in base 16', () => {
  it('1,000 nodes: the model within 3 percent', () => {
    const means = Array.from({ length: 6 }, (_, seed) => mean(routeHops(`hops-${seed}`, 1000, 900).hops))
    console.log(`1,000 nodes: ${mean(means).toFixed(3)} steps`)
    const model = HOPS_MODEL.get(1000)!
    expect(mean(means)).toBeGreaterThan(model * (1 - HOPS_TOLERANCE))
    expect(mean(means)).toBeLessThan(model * (1 + HOPS_TOLERANCE))
  }, 60_000)
})

describe('section 3.3, figure 6: locality', () => {
  it('1,000 nodes on a plane: a message goes 1.3 to 1.5 times as far as its ends are apart', () => {
    const near = distanceRatio('near', 1000, 1000, 'on')
    const any = distanceRatio('any', 1000, 1000, 'off')
    console.log(`1,000 nodes: ratio ${near.ratio.toFixed(2)}, and ${any.ratio.toFixed(2)} without proximity`)
    expect([near.correct, any.correct]).toEqual([1, 1])
    expect(near.ratio).toBeGreaterThan(DISTANCE_RATIO_LEAST)
    expect(near.ratio).toBeLessThan(DISTANCE_RATIO_MOST)
    // Each step is as far as any other.
    expect(any.ratio).toBeGreaterThan(2.2)
  }, 60_000)
})

describe('section 3.5, figure 8: a tenth of the nodes fails', () => {
  it('300 nodes: every lookup finds the closest that lives, in hardly more steps, and in as few once repaired', () => {
    const { before, unrepaired, repaired, incorrect, failed, callsPerFailure } = failures('fail', 300, 1000)
    console.log(
      `300 nodes: ${before.toFixed(2)} steps, ${unrepaired.toFixed(2)} unrepaired, ${repaired.toFixed(2)} repaired, ${callsPerFailure.toFixed(0)} calls a failure`
    )
    expect({ incorrect, failed }).toEqual({ incorrect: 0, failed: 0 })
    // 1.030 to 1.045 and 0.976 to 1.005 by the seed: few nodes have short ways, and a tenth fewer shorter ones.
    expect(unrepaired / before).toBeGreaterThan(1.02)
    expect(unrepaired / before).toBeLessThan(HOPS_UNREPAIRED_RATIO)
    expect(repaired / before).toBeGreaterThan(0.96)
    expect(repaired / before).toBeLessThan(1.02)
    expect(callsPerFailure).toBeLessThan(REPAIR_CALLS_MOST)
  }, 120_000)
})

describe('Castro section 4.1: self-tuned probing', () => {
  const HOUR_MS = 3_600_000
  const network = { heartbeatMs: HEARTBEAT_MS, nodes: 10_000, digitBits: 4 }

  it('an entry that is probed every T is dead with 1 - (1 - e^-Tu) / Tu', () => {
    expect(probabilityFailed(HOUR_MS, 1 / HOUR_MS)).toBeCloseTo(1 - (1 - Math.exp(-1)), 10)
    expect(probabilityFailed(1000, 1e-12)).toBeCloseTo(0.5e-9, 15)
  })

  it('a route takes (2^b - 1) / 2^b log N steps in base 2^b', () => {
    expect(expectedHops(16 ** 4, 4)).toBeCloseTo((15 / 16) * 4, 10)
    expect(expectedHops(1024, 1)).toBeCloseTo(5, 10)
  })

  it('the period is the longest with which no more than the target is lost', () => {
    for (const sessionMs of [HOUR_MS, 3 * HOUR_MS, 12 * HOUR_MS]) {
      const mu = 1 / sessionMs
      const tableProbeMs = tunedPeriodMs({ ...network, mu })
      expect(rawLoss({ ...network, mu, tableProbeMs })).toBeLessThanOrEqual(RAW_LOSS_TARGET + 0.001)
      const isLongest = rawLoss({ ...network, mu, tableProbeMs: tableProbeMs + 2000 }) > RAW_LOSS_TARGET
      expect(isLongest || tableProbeMs === TABLE_PROBE_MS_MAX).toBe(true)
    }
  })

  it('and keeps within its bounds: TABLE_PROBE_MS_MIN where all fail at once, TABLE_PROBE_MS_MAX where none does', () => {
    expect(tunedPeriodMs({ ...network, mu: 1 / 1000 })).toBe(TABLE_PROBE_MS_MIN)
    expect(tunedPeriodMs({ ...network, mu: 0 })).toBe(TABLE_PROBE_MS_MAX)
  })

  it('more churn, shorter periods', () => {
    const periods = [1, 3, 12].map(hours => tunedPeriodMs({ ...network, mu: 1 / (hours * HOUR_MS) }))
    expect(periods).toEqual([...periods].sort((a, b) => a - b))
    expect(periods[0]).toBeLessThan(periods[2]! / 3)
  })
})
