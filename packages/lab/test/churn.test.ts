/** Runs in which peers come and go, and runs in which they all came by the protocol. */
import { beforeAll, describe, expect, it } from 'vitest'
import { resolvePlan } from '../src/plan.ts'
import { runOnce } from '../src/run.ts'
import type { RunResult } from '../src/run-result.ts'
import { sum } from '../src/statistics.ts'
import { MEMBERS_PART_MIN, summariseOverlay } from '../src/summary.ts'

describe('with churn', () => {
  const LOOKUPS = 200
  const SEEDS = Array.from({ length: 12 }, (_, index) => index + 1)
  let runs: RunResult[]
  beforeAll(() => {
    const plan = resolvePlan({ nodes: 40, lookups: LOOKUPS, churn: 'exp:10m', warmup: 300, duration: 900 })
    runs = SEEDS.map(seed => runOnce(plan, {}, { overlay: 'chord', seed }))
  }, 120_000)

  it('every lookup is counted once', () => {
    for (const { lookups } of runs) {
      const { correct, incorrect, failed, unissued, messages, timeouts } = lookups
      expect(correct + incorrect + failed + unissued).toBe(LOOKUPS)
      expect(messages.length).toBe(timeouts!.length)
    }
  })

  // Of 8,000 lookups of 40 seeds 15 failed, 17 were answered wrongly, and 10 ended with their peer: 0.2, 0.2 and 0.1 %.
  it('few lookups go wrong: fewer than one in a hundred, where four in a thousand are to be expected', () => {
    const total = (of: 'incorrect' | 'failed' | 'unissued') => sum(runs.map(({ lookups }) => lookups[of]))
    const all = LOOKUPS * SEEDS.length
    expect(total('failed') + total('incorrect')).toBeLessThan(all / 100)
    expect(total('unissued')).toBeLessThan(all / 100)
  })

  it('every death of a member is watched, where there are so few', () => {
    for (const run of runs) {
      const { population, repair_s: repair } = summariseOverlay(
        { overlay: 'chord', settings: {}, backend: 'simulator', nodes: 40 },
        [run]
      )
      expect(repair!.watched - repair!.unrepaired).toBe(run.repair!.tookUs.length)
      expect(population.end.members).toBeLessThanOrEqual(population.end.live)
    }
    // 20 of 40 peers live at a time, each for ten minutes, and 15 minutes are measured.
    const watched = sum(runs.map(({ repair }) => repair!.watched)) / runs.length
    expect(watched).toBeGreaterThan(24)
    expect(watched).toBeLessThan(45)
  })
})

it('the measured time begins in the same moment of those who come and go, where files are announced before it too', () => {
  const measured = (['chord', 'kelips', 'gnutella'] as const).map(overlay => {
    const work = { nodes: 40, lookups: 0, searches: 10, churn: 'exp:10m', warmup: 120, duration: 60 }
    const { nodes, searches } = runOnce(
      resolvePlan({ ...work, overlays: [overlay] }),
      {},
      { overlay, seed: 1 }
    )
    expect(searches!.right / searches!.wanted, overlay).toBeGreaterThan(0.8)
    const { atStart, atEnd, aliveUs } = nodes
    // Peers of Kelips come 5 ms later.
    return { overlay, live: [atStart.live, atEnd.live], aliveS: Math.round(aliveUs / 1_000_000) }
  })
  const { live, aliveS } = measured.find(({ overlay }) => overlay === 'gnutella')!
  expect(measured).toEqual(measured.map(({ overlay }) => ({ overlay, live, aliveS })))
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

it('memory is what the largest of the runs had, though a later process puts them together', () => {
  const run = runOnce(
    resolvePlan({ nodes: 30, lookups: 2, warmup: 0, duration: 1 }),
    {},
    { overlay: 'chord', seed: 1 }
  )
  expect(run.cost.rssPeakBytes).toBeGreaterThan(50 * 2 ** 20)
  const runs = [3, 9, 5].map(rssPeakBytes => ({ ...run, cost: { ...run.cost, rssPeakBytes } }))
  const what = { overlay: 'chord', settings: {}, backend: 'simulator', nodes: 30 } as const
  expect(summariseOverlay(what, runs).cost.rss_peak_bytes).toBe(9)
})

it('a run in which nobody could be asked says so', () => {
  const plan = resolvePlan({ nodes: 30, lookups: 10, searches: 2, start: 'joined', warmup: 0, duration: 0 })
  const run = runOnce(plan, {}, { overlay: 'gnutella', seed: 1 })
  const what = { overlay: 'gnutella', settings: {}, backend: 'simulator', nodes: 30 } as const
  expect(summariseOverlay(what, [run]).warnings).toEqual([
    'No lookup was issued: 0 of 0 live peers took part when the measured time began, 0 of 0 when it ended. Try a longer --warmup.',
    'No search was issued: 0 of 0 live peers took part when the measured time began, 0 of 0 when it ended. Try a longer --warmup.'
  ])
})

it('a run in which fewer take part than MEMBERS_PART_MIN of those who live says so', () => {
  const run = runOnce(
    resolvePlan({ nodes: 30, lookups: 2, warmup: 0, duration: 1 }),
    {},
    { overlay: 'chord', seed: 1 }
  )
  const what = { overlay: 'chord', settings: {}, backend: 'simulator', nodes: 30 } as const
  const warningsOf = (...members: number[]) =>
    summariseOverlay(
      what,
      members.map(each => ({ ...run, nodes: { ...run.nodes, atStart: { live: 30, members: each } } }))
    ).warnings
  expect(warningsOf(30 * MEMBERS_PART_MIN)).toEqual([])
  expect(warningsOf(26)).toEqual([
    'Only 26 of 30 live peers took part when the measured time began, in the mean over runs, and the figures are of those. Try a longer --warmup.'
  ])
  expect(warningsOf(24, 30)).toEqual([])
  expect(warningsOf(23, 30)).toEqual([expect.stringMatching(/^Only 26\.5 of 30 live peers took part/)])
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
