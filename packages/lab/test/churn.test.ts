/** Runs in which peers come and go, and runs in which they all came by the protocol. */
import { expect, it } from 'vitest'
import { resolvePlan } from '../src/plan.ts'
import { runOnce } from '../src/run.ts'
import { summarise } from '../src/statistics.ts'
import { summariseOverlay } from '../src/summary.ts'

it('with churn every lookup is counted once, and every death that was watched', () => {
  const plan = resolvePlan({ nodes: 40, lookups: 200, churn: 'exp:10m', warmup: 300, duration: 900 })
  const run = runOnce(plan, {}, { overlay: 'chord', seed: 5 })
  const { correct, incorrect, failed, unissued, messages, timeouts } = run.lookups
  expect(correct + incorrect + failed + unissued).toBe(200)
  // With sessions of ten minutes one in five hundred finds no way.
  expect({ incorrect, unissued }).toEqual({ incorrect: 0, unissued: 0 })
  expect(correct).toBeGreaterThanOrEqual(198)
  expect(messages.length).toBe(timeouts!.length)
  expect(run.repair!.watched).toBe(33)
  const { population, repair_s: repair } = summariseOverlay(
    { overlay: 'chord', settings: {}, backend: 'simulator', nodes: 40 },
    [run],
    0
  )
  expect(repair!.watched - repair!.unrepaired).toBe(run.repair!.tookUs.length)
  expect(population.end.members).toBeLessThanOrEqual(population.end.live)
})

it('peers that joined by the protocol look up in as many steps as in tables that were put down', () => {
  const hops = (start: 'ideal' | 'joined') => {
    const plan = resolvePlan({ nodes: 40, lookups: 300, start, warmup: 900, duration: 60 })
    const runs = [1, 2, 3].map(seed => runOnce(plan, {}, { overlay: 'chord', seed }))
    for (const { nodes, lookups } of runs) {
      expect(nodes.atStart).toEqual({ live: 40, members: 40 })
      expect(lookups.correct).toBe(300)
    }
    return summarise(runs.map(run => run.lookups.hops))!
  }
  const [ideal, joined] = [hops('ideal').ci95!, hops('joined').ci95!]
  expect(Math.max(ideal[0], joined[0])).toBeLessThanOrEqual(Math.min(ideal[1], joined[1]))
})

it('fewer peers than a ring has take part and look up while their network forms', () => {
  for (const nodes of [2, 8, 9]) {
    const plan = resolvePlan({ nodes, lookups: 20, searches: 5, start: 'joined', warmup: 600, duration: 60 })
    const { nodes: samples, lookups, searches } = runOnce(plan, {}, { overlay: 'chord', seed: 1 })
    expect(samples.atStart, `${nodes}`).toEqual({ live: nodes, members: nodes })
    expect(lookups.correct, `${nodes}`).toBe(20)
    expect(searches, `${nodes}`).toMatchObject({ issued: 5, failed: 0, right: searches!.wanted })
  }
})

it('a run in which nobody could be asked says so', () => {
  const plan = resolvePlan({ nodes: 30, lookups: 10, searches: 2, start: 'joined', warmup: 0, duration: 0 })
  const run = runOnce(plan, {}, { overlay: 'gnutella', seed: 1 })
  const what = { overlay: 'gnutella', settings: {}, backend: 'simulator', nodes: 30 } as const
  expect(summariseOverlay(what, [run], 0).warnings).toEqual([
    'No lookup was issued: 0 of 0 live peers took part when the measured time began, 0 of 0 when it ended. Try a longer --warmup.',
    'No search was issued: 0 of 0 live peers took part when the measured time began, 0 of 0 when it ended. Try a longer --warmup.'
  ])
})

it('peers that have not joined yet are seen not to take part', () => {
  const plan = resolvePlan({ nodes: 30, lookups: 10, start: 'joined', warmup: 2, duration: 1 })
  const { atStart } = runOnce(plan, {}, { overlay: 'chord', seed: 1 }).nodes
  expect(atStart.live).toBe(30)
  expect(atStart.members).toBeLessThan(30)
})

it.each(['ideal', 'joined'] as const)(
  'of a trace only those begin up that it says come at its beginning: %s',
  start => {
    // Peers 3, 5 and 8 are there at first, 1 comes after 10 s, 5 goes after 40 s, 2 comes after the end.
    const trace = '0 3 up\n0 5 up\n0 8 up\n10 1 up\n40 5 down\n4000 2 up\n'
    const plan = resolvePlan({
      nodes: 10,
      lookups: 20,
      churn: 'trace:t',
      warmup: 600,
      duration: 30,
      start,
      // As many as a ring begins with are there at first.
      set: { 'chord.successors': 2 }
    })
    const { nodes, lookups } = runOnce(plan, { trace }, { overlay: 'chord', seed: 1 })
    expect(nodes.atStart).toEqual({ live: 3, members: 3 })
    expect(nodes.atEnd).toEqual({ live: 3, members: 3 })
    expect(lookups.correct).toBe(20)
  }
)

it('a trace in which nobody is there at first begins with nobody', () => {
  const plan = resolvePlan({ nodes: 10, lookups: 10, churn: 'trace:t', warmup: 60, duration: 60 })
  const { nodes, lookups } = runOnce(plan, { trace: '90 4 up\n' }, { overlay: 'chord', seed: 1 })
  expect([nodes.atStart.live, nodes.atEnd.live]).toEqual([0, 1])
  expect(lookups.unissued).toBeGreaterThan(0)
  expect(lookups.unissued + lookups.correct).toBe(10)
})
