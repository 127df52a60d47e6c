/** Swarm testing: each seed draws its own subset of faults, within its bounds. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  describePlan,
  drawFaultPlan,
  FAULT_TYPES,
  FAULTS_MAX,
  type FaultBounds,
  type FaultPlan,
  networkOfPlan
} from '../src/faults/index.ts'
import { latencyModel } from '../src/network/index.ts'
import { randomOf } from '../src/random.ts'

const bounds: FaultBounds = { nodes: 20, fromUs: 60_000_000, untilUs: 600_000_000 }
const plans = Array.from({ length: 400 }, (_, seed) => drawFaultPlan(randomOf(`plan ${seed}`), bounds))
const typesOf = (plan: FaultPlan) => [...new Set(plan.faults.map(({ type }) => type))].toSorted()

describe('a plan', () => {
  it('is the same for the same seed, and for different seeds has different subsets of faults', () => {
    expect(drawFaultPlan(randomOf('plan 7'), bounds)).toEqual(plans[7])
    // Of the 256 subsets many occur; a draw from all faults at once would give a handful.
    expect(new Set(plans.map(plan => typesOf(plan).join())).size).toBeGreaterThan(60)
    for (const type of FAULT_TYPES) {
      const share = plans.filter(plan => typesOf(plan).includes(type)).length / plans.length
      expect(share, type).toBeGreaterThan(0.2)
      expect(share, type).toBeLessThan(0.5)
    }
    expect(plans.some(plan => plan.faults.length === 0)).toBe(true)
  })

  it('draws conditions of the network one by one', () => {
    const names = plans.flatMap(plan => Object.keys(plan.conditions))
    for (const name of new Set(names)) {
      const share = names.filter(other => other === name).length / plans.length
      expect(Math.abs(share - 0.5), name).toBeLessThan(0.1)
    }
    expect(new Set(names).size).toBe(9)
    // Each is one that a network can have.
    for (const plan of plans) networkOfPlan(latencyModel('constant:50', randomOf('b')), plan, randomOf('n'))
  })

  it('stays within its bounds, and all that passes is over by its end', () => {
    const some = fc.record({
      nodes: fc.integer({ min: 1, max: 50 }),
      fromUs: fc.nat({ max: 1_000_000 }),
      lengthUs: fc.integer({ min: 1, max: 500_000_000 }),
      faultsMax: fc.nat({ max: 40 }),
      goneMost: fc.nat({ max: 10 }),
      types: fc.subarray([...FAULT_TYPES]),
      seed: fc.string()
    })
    fc.assert(
      fc.property(some, ({ nodes, fromUs, lengthUs, faultsMax, goneMost, types, seed }) => {
        const untilUs = fromUs + lengthUs
        const { faults } = drawFaultPlan(randomOf(seed), {
          nodes,
          fromUs,
          untilUs,
          faultsMax,
          goneMost,
          types
        })
        expect(faults.length).toBeLessThanOrEqual(faultsMax)
        let gone = 0
        let lastUs = fromUs
        for (const fault of faults) {
          expect(types).toContain(fault.type)
          expect(fault.atUs).toBeGreaterThanOrEqual(lastUs)
          lastUs = fault.atUs
          expect(fault.atUs).toBeLessThan(untilUs)
          if ('node' in fault) expect(fault.node).toBeLessThan(nodes)
          if ('forUs' in fault) expect(fault.atUs + fault.forUs).toBeLessThanOrEqual(untilUs)
          if (fault.type === 'restart') expect(fault.atUs + fault.afterUs).toBeLessThanOrEqual(untilUs)
          if (['crash', 'silence', 'restart'].includes(fault.type)) gone += 1
          if (fault.type === 'mass-crash') gone += Math.round(fault.share * nodes)
        }
        expect(gone).toBeLessThanOrEqual(goneMost)
      })
    )
  })

  it('can be read', () => {
    const plan: FaultPlan = {
      conditions: { jitter: 0.2, deafPairShare: 0.01 },
      faults: [
        { atUs: 1_500_000, type: 'crash', node: 3 },
        { atUs: 2_000_000, type: 'restart', node: 4, afterUs: 500_000, keepSaved: false },
        { atUs: 3_000_000, type: 'pause', node: 5, forUs: 1_000_000 },
        { atUs: 4_000_000, type: 'skew', node: 6, ppm: -50 },
        { atUs: 5_000_000, type: 'jump', node: 7, byMs: 60_000 },
        { atUs: 6_000_000, type: 'partition', share: 0.3, salt: 9, forUs: 2_000_000 },
        { atUs: 7_000_000, type: 'mass-crash', share: 0.25 },
        { atUs: 8_000_000, type: 'silence', node: 8 }
      ]
    }
    expect(describePlan(plan)).toBe(
      [
        'network jitter=0.2 deafPairShare=0.01',
        '1.5s crash 3',
        '2s restart 4 after 0.5s without what it saved',
        '3s pause 5 for 1s',
        '4s skew 6 by -50 ppm',
        '5s jump 7 by 60000 ms',
        '6s partition off 0.3 for 2s (salt 9)',
        '7s crash 0.25 of all',
        '8s silence 8'
      ].join('\n')
    )
    expect(describePlan({ conditions: {}, faults: [] })).toBe('network as it is')
  })

  it('parts the network at its times', () => {
    const plan: FaultPlan = {
      conditions: {},
      faults: [{ atUs: 100, type: 'partition', share: 0.5, salt: 1, forUs: 50 }]
    }
    const network = networkOfPlan(latencyModel('constant:50', randomOf('b')), plan, randomOf('n'))
    const heard = (nowUs: number) =>
      Array.from({ length: 100 }, (_, node) => network.usable!(0, node, nowUs)).filter(Boolean).length
    expect([heard(99), heard(150)]).toEqual([100, 100])
    expect(heard(100)).toBeGreaterThan(30)
    expect(heard(149)).toBeLessThan(70)
  })

  it.each<[string, FaultBounds]>([
    ['nobody', { ...bounds, nodes: 0 }],
    ['no time', { ...bounds, untilUs: bounds.fromUs }],
    ['too many faults', { ...bounds, faultsMax: FAULTS_MAX + 1 }]
  ])('refuses %s', (_, refused) => {
    expect(() => drawFaultPlan(randomOf('x'), refused)).toThrow(
      expect.objectContaining({ name: 'ModelError' })
    )
  })

  it('takes as many faults as it may', () => {
    const plan = drawFaultPlan(randomOf('x'), {
      ...bounds,
      faultsMax: FAULTS_MAX,
      types: ['pause', 'skew', 'jump']
    })
    expect(plan.faults.length).toBeGreaterThan(16)
  })
})
