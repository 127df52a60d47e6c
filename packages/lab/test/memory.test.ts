/** Plans that do not fit into memory. */
import { expect, it } from 'vitest'
import { runsAtATime } from '../src/memory.ts'
import { resolvePlan } from '../src/plan.ts'

const GIB = 2 ** 30
const planOf = (nodes: number, more = {}) => resolvePlan({ nodes, workers: 8, seeds: 8, ...more })

it('as many runs at a time as were asked for, as long as they fit', () => {
  expect(runsAtATime(planOf(1000), 8 * GIB)).toBe(8)
  expect(runsAtATime(planOf(100_000), 32 * GIB)).toBe(8)
  expect(runsAtATime(planOf(100_000), 16 * GIB)).toBe(4)
  expect(runsAtATime(planOf(100_000), 6 * GIB)).toBe(1)
  // The larger overlay decides, and places of a peer count.
  expect(runsAtATime(planOf(100_000, { overlays: ['chord', 'gnutella'] }), 32 * GIB)).toBe(3)
  expect(runsAtATime(planOf(10_000, { set: { 'chord.virtual-nodes': 8 } }), 16 * GIB)).toBe(5)
})

it('a network with more links than a simulation holds is refused, however much memory there is', () => {
  expect(() => runsAtATime(planOf(1_000_000), 1000 * GIB)).toThrow(
    '1000000 peers of chord have about 27000000 links, and a simulation holds 8388608. Try --nodes 300000.'
  )
  expect(runsAtATime(planOf(300_000), 1000 * GIB)).toBe(8)
})

it('a run that does not fit is refused before it begins, with what would', () => {
  expect(() => runsAtATime(planOf(100_000), 2 * GIB)).toThrow(
    'A run of chord with 100000 peers and 10000 lookups and searches takes about 3.6 GiB, and runs may take 2.0 GiB ' +
      'here, three quarters of the memory. Try --nodes 53000, or a machine with more.'
  )
  expect(() => runsAtATime(planOf(53_000), 2 * GIB)).not.toThrow()
  expect(() => runsAtATime(planOf(100, { lookups: 2_000_000 }), 2 * GIB)).toThrow(
    /Try fewer --lookups and --searches/
  )
})
