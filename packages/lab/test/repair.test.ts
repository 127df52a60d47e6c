/** Which deaths are watched, and what is said of those that nothing repaired. */
import { expect, it } from 'vitest'
import type { Deployment } from '../src/deployment.ts'
import { RepairWatch } from '../src/repair.ts'

/** A clock, and deaths that some are repaired from after so many seconds. */
function stage(repairedAfterS: (dead: number) => number) {
  const acts: { atUs: number; act: () => void }[] = []
  const simulation = {
    nowUs: 0,
    after(us: number, act: () => void) {
      acts.push({ atUs: simulation.nowUs + us, act })
    }
  }
  const deployment = {
    simulation,
    watchRepair: (dead: number) => () => simulation.nowUs >= repairedAfterS(dead) * 1_000_000
  } as unknown as Deployment
  const runUntil = (us: number) => {
    for (;;) {
      acts.sort((a, b) => a.atUs - b.atUs)
      const [first] = acts
      if (first === undefined || first.atUs > us) return
      acts.shift()
      simulation.nowUs = first.atUs
      first.act()
    }
  }
  return { deployment, runUntil }
}

it('all of few, and every so-many-th of many, whatever became of those before', () => {
  const { deployment } = stage(() => Number.POSITIVE_INFINITY)
  for (const [nodes, deaths, watched] of [
    [64, 200, 200],
    [65, 200, 100],
    [1000, 1000, 63]
  ] as const) {
    const watch = new RepairWatch(deployment, nodes)
    for (let dead = 0; dead < deaths; dead += 1) watch.onDeath(dead)
    expect(watch.samples.watched).toBe(watched)
  }
})

it('tells of those that were repaired how long it took, and how many were watched in all', () => {
  const { deployment, runUntil } = stage(dead => (dead === 1 ? Number.POSITIVE_INFINITY : 3 + dead))
  const watch = new RepairWatch(deployment, 10)
  for (const dead of [0, 1, 2]) watch.onDeath(dead)
  runUntil(60_000_000)
  expect(watch.samples).toEqual({ watched: 3, tookUs: Float64Array.of(3_000_000, 5_000_000) })
})
