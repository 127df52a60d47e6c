/** Plans that do not fit into memory, and how many peers they have. */
import { churnProcess } from '@servent/simulator'
import { expect, it } from 'vitest'
import { runsAtATime } from '../src/memory.ts'
import { type PlanInput, resolvePlan } from '../src/plan.ts'
import { populationOf } from '../src/population.ts'

const GIB = 2 ** 30
const planOf = (nodes: number, more: PlanInput = {}) => resolvePlan({ nodes, workers: 8, seeds: 8, ...more })
const runs = (nodes: number, gib: number, more: PlanInput = {}) =>
  runsAtATime(planOf(nodes, more), undefined, gib * GIB)

it('as many runs at a time as were asked for, as long as they fit', () => {
  expect(runs(1000, 8)).toBe(8)
  expect(runs(100_000, 32)).toBe(8)
  expect(runs(100_000, 16)).toBe(4)
  expect(runs(100_000, 6)).toBe(1)
  // The larger overlay decides, and places of a peer count, longer lists, and that peers join.
  expect(runs(100_000, 32, { overlays: ['chord', 'gnutella'] })).toBe(2)
  expect(runs(10_000, 16, { set: { 'chord.virtual-nodes': 8 } })).toBe(5)
  expect(runs(100_000, 16, { set: { 'chord.successors': 32 } })).toBe(2)
  expect(runs(100_000, 16, { start: 'joined' })).toBe(2)
  expect(runs(100_000, 16, { overlays: ['napster'] })).toBe(7)
  expect(runs(100_000, 16, { overlays: ['napster'], churn: 'exp:1h' })).toBe(3)
  expect(runs(100_000, 32, { overlays: ['fasttrack'] })).toBe(5)
  expect(runs(100_000, 32, { overlays: ['fasttrack'], churn: 'exp:1h' })).toBe(3)
  // Tables grow with the root of the number of peers, and with groups that are too few.
  expect(runs(100_000, 16, { overlays: ['kelips'] })).toBe(1)
  expect(runs(10_000, 16, { overlays: ['kelips'] })).toBe(8)
  expect(() => runs(50_000, 16, { overlays: ['kelips'], set: { 'kelips.groups': 4 } })).toThrow('Try --nodes')
})

it('a network with more links than a simulation holds is refused, however much memory there is', () => {
  expect(() => runs(1_000_000, 1000)).toThrow(
    '1000000 peers of chord have about 27000000 links, and a simulation holds 8388608. Try --nodes 300000.'
  )
  expect(runs(300_000, 1000)).toBe(8)
  expect(runs(1_000_000, 1000, { overlays: ['fasttrack'] })).toBe(8)
  // One link each, to a server.
  expect(runs(1_000_000, 1000, { overlays: ['napster'] })).toBe(8)
  const small = { overlays: ['fasttrack' as const], set: { 'fasttrack.ordinaries-per-supernode': 2 } }
  expect(() => runs(1_000_000, 1000, small)).toThrow('Try --nodes 190000.')
  // A peer of Pastry has its leaves, and fifteen entries for each digit.
  expect(() => runs(1_000_000, 1000, { overlays: ['pastry'] })).toThrow(
    '1000000 peers of pastry have about 82000000 links, and a simulation holds 8388608. Try --nodes 100000.'
  )
  expect(runs(100_000, 1000, { overlays: ['pastry'] })).toBe(8)
  // Before a failure an ideal start links each peer to its whole list.
  const failing = { failures: 0.3, set: { 'chord.successors': 32 } }
  expect(runs(140_000, 1000, failing)).toBe(8)
  expect(() => runs(150_000, 1000, failing)).toThrow('Try --nodes 140000.')
})

it('a run that does not fit is refused before it begins, with what would', () => {
  expect(() => runs(100_000, 2)).toThrow(
    'A run of chord with 100000 peers and 10000 lookups and searches takes about 3.6 GiB, the samples of all runs ' +
      '0.0 GiB, and there may be 2.0 GiB here, three quarters of the memory. Try --nodes 52000, or a machine with more.'
  )
  expect(() => runs(52_000, 2)).not.toThrow()
  expect(() => runs(100, 2, { lookups: 2_000_000 })).toThrow(/Try fewer lookups, searches, puts and gets/)
})

it('the samples of all runs are held by one thread', () => {
  const more = { lookups: 1_000_000, seeds: 100 }
  expect(() => runs(1000, 4, more)).toThrow('Try fewer --seeds, or a machine with more.')
  // 5.2 GiB of samples, and 2.1 GiB for each run.
  expect(runs(1000, 9, more)).toBe(1)
  expect(runs(1000, 10, more)).toBe(2)
})

it('peers of churn are those that live at a time, and all that come', () => {
  const hour = { warmup: 1800, duration: 1800 }
  const of = (churn: string, more: PlanInput = {}) =>
    populationOf(planOf(1000, { churn, ...hour, ...more }), churnProcess(churn))
  expect(of('constant:10m/constant:5m')).toEqual({ peak: 1000, arrivals: 4000 })
  const { arrivals } = of('exp:10m')
  expect(arrivals / 3000).toBeCloseTo(1, 1)
  // A heavy tail has no mean, but what a run sees of it has one.
  expect(of('pareto:1,600s').arrivals).toBeLessThan(2000)
  expect(of('rate:2/0.5')).toEqual({ peak: 1000 + 5400, arrivals: 7200 })
  expect(of('rate:0.5/2')).toEqual({ peak: 1000, arrivals: 1800 })
  expect(populationOf(planOf(1000, { start: 'joined', warmup: 7200 }), undefined)).toEqual({
    peak: 1000,
    arrivals: 1500
  })
  expect(populationOf(planOf(1000), undefined)).toEqual({ peak: 1000, arrivals: 0 })
})

it('peers of a trace are those that it says, not those of the plan', () => {
  const trace = Array.from({ length: 5000 }, (_, node) => `${node < 4000 ? 0 : 10} ${node} up\n`).join('')
  const churn = churnProcess('trace:t', () => `${trace}20 7 down\n9000 7 up\n`)
  const plan = planOf(10, { churn: 'trace:t', warmup: 60, duration: 60 })
  expect(populationOf(plan, churn)).toEqual({ peak: 5000, arrivals: 5000 })
  expect(() => runsAtATime(plan, churn, 0.3 * GIB)).toThrow('5000 peers, 5000 more that come,')
  expect(runsAtATime(plan, churn, GIB)).toBe(2)
})
