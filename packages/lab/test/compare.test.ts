/** Comparisons whole: their schema, their fingerprints, their ends. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Check, Errors } from 'typebox/value'
import { beforeAll, describe, expect, it } from 'vitest'
import { compare } from '../src/compare.ts'
import { workerFrom } from '../src/create-worker.ts'
import { fingerprintOf } from '../src/fingerprint.ts'
import { overlaySettings, type PlanInput, resolvePlan, seedsOf } from '../src/plan.ts'
import { runAll } from '../src/pool.ts'
import type { Progress } from '../src/progress.ts'
import { type OverlayResults, type Results, ResultsSchema } from '../src/results.ts'
import { runOnce } from '../src/run.ts'
import { summariseOverlay } from '../src/summary.ts'

const SMALL: PlanInput = {
  overlays: ['chord', 'gnutella'],
  nodes: 40,
  lookups: 60,
  searches: 10,
  seeds: 2,
  duration: 60,
  workers: 2
}
const runOf = (more: PlanInput = {}) => compare(resolvePlan({ ...SMALL, ...more }))
/** Without threads, which take longer to start than such a run takes. */
function alone(more: PlanInput = {}): { overlays: OverlayResults[]; fingerprint: string } {
  const plan = resolvePlan({ ...SMALL, seeds: 1, ...more })
  const runs = plan.overlays.flatMap(overlay =>
    seedsOf(plan).map(seed => runOnce(plan, {}, { overlay, seed }))
  )
  const overlays = plan.overlays.map(overlay =>
    summariseOverlay(
      { overlay, settings: overlaySettings(plan, overlay), backend: 'simulator', nodes: plan.nodes },
      runs.filter(run => run.overlay === overlay)
    )
  )
  return { overlays, fingerprint: fingerprintOf(runs) }
}
/** What may differ from one time to the next. */
const withoutCost = ({ overlays, ...results }: Results) => ({
  ...results,
  overlays: overlays.map(({ cost, ...overlay }) => ({ ...overlay, events: cost.events }))
})

let results: Results
beforeAll(async () => {
  results = await runOf()
})

describe('results', () => {
  it('are of the schema', () => {
    expect([...Errors(ResultsSchema, results)]).toEqual([])
    expect(Check(ResultsSchema, results)).toBe(true)
    expect(Check(ResultsSchema, JSON.parse(JSON.stringify(results)))).toBe(true)
    expect(Check(ResultsSchema, { ...results, schema: 'servent-lab/2' })).toBe(false)
  })

  it('count every lookup once', () => {
    for (const { lookups } of results.overlays) {
      expect(lookups.correct + lookups.incorrect + lookups.failed).toBe(lookups.issued)
      expect(lookups.issued + lookups.unissued).toBe(120)
    }
  })

  it('say null where nothing was measured, and 0 where it was and came out so', () => {
    const [chord, gnutella] = results.overlays
    expect(chord!.timeouts_per_lookup!.mean).toBe(0)
    // Gnutella asks everybody and waits for nobody.
    expect(gnutella!.timeouts_per_lookup).toBeNull()
    for (const overlay of results.overlays) expect(overlay.repair_s).toBeNull()
    expect(gnutella!.bytes_per_node_per_s!.p2psim).toBeNull()
    expect(chord!.bytes_per_node_per_s!.p2psim).toBeGreaterThan(0)
    const searched = alone({ overlays: ['gnutella'], lookups: 0 })
    expect(searched.overlays[0]).toMatchObject({ hops: null, stretch: null, latency_ms: null })
    expect(searched.overlays[0]!.searches!.messages!.ci95).toBeNull()
    const still = alone({ overlays: ['chord'], searches: 0, duration: 0, lookups: 5 })
    expect(still.overlays[0]).toMatchObject({ searches: null, bytes_per_node_per_s: null })
  })

  it('hold bytes by type that add up to the mean', () => {
    for (const { bytes_per_node_per_s: bytes } of results.overlays) {
      const sum = Object.values(bytes!.by_type).reduce((total, one) => total + one, 0)
      expect(sum).toBeCloseTo(bytes!.mean, 9)
    }
  })

  it('of searches are right where everybody can be reached', () => {
    const { searches } = results.overlays[1]!
    expect(searches!.recall).toBe(1)
    expect(searches!.precision).toBe(1)
    expect(searches!.issued + searches!.unissued).toBe(20)
  })
})

describe('the fingerprint', () => {
  it('is the same whenever it is run, with one worker and with two, and so are all figures', async () => {
    const again = await runOf({ workers: 1 })
    expect(withoutCost(again)).toEqual(withoutCost(results))
  })

  it('is another one for another seed, and for another number of a protocol', () => {
    const plan = { overlays: ['chord' as const], searches: 0 }
    const [first, second, changed] = [
      alone(plan),
      alone({ ...plan, seed: 2 }),
      alone({ ...plan, set: { 'chord.stabilise-ms': 29_999 } })
    ]
    expect(new Set([first!.fingerprint, second!.fingerprint, changed!.fingerprint]).size).toBe(3)
  })

  it('does not depend on what is compared beside it: a run is its overlay’s and its seed’s', () => {
    const { cost: _, ...chord } = alone({ overlays: ['chord'], seeds: 2 }).overlays[0]!
    expect(results.overlays[0]).toMatchObject(chord)
  })
})

describe('the end', () => {
  it('tells how far it is, and at last that all is done', async () => {
    const told: Progress[] = []
    const plan = resolvePlan({ ...SMALL, overlays: ['chord'], searches: 0 })
    await compare(plan, { onProgress: progress => told.push(progress) })
    expect(told.at(-1)).toEqual({ runs: 2, runsDone: 2, done: 1, remainingMs: 0 })
    for (const { done } of told) expect(done).toBeLessThanOrEqual(1)
  })

  it('comes at once when nobody waits any more', async () => {
    const user = new AbortController()
    const plan = resolvePlan({ overlays: ['chord'], nodes: 2000, lookups: 100_000, workers: 2, seeds: 4 })
    const ran = compare(plan, { signal: user.signal })
    setTimeout(() => user.abort(), 300)
    const startedMs = performance.now()
    await expect(ran).rejects.toMatchObject({ name: 'AbortError' })
    expect(performance.now() - startedMs).toBeLessThan(5000)
  })

  it.each([
    [
      'a run that throws',
      "port.postMessage({ type: 'failed', name: 'RangeError', message: 'Too far.' })",
      'The run of chord with seed 1 failed: RangeError: Too far.'
    ],
    [
      'a thread that throws',
      "throw new Error('No more.')",
      'The run of chord with seed 1: its thread failed: No more.'
    ],
    ['a thread that ends', 'process.exit(0)', 'The run of chord with seed 1: its thread ended.']
  ])('says which run it was: %s', async (_, act, message) => {
    const source = `const port = require('node:worker_threads').parentPort\nport.on('message', () => { ${act} })`
    const job = { plan: resolvePlan({}), overlay: 'chord' as const, seed: 1, atATime: 1, work: 1 }
    const ran = runAll([job], {
      setup: { texts: {} },
      workers: 1,
      createWorker: workerFrom(source),
      signal: new AbortController().signal,
      onRun: () => {},
      onProgress: () => {}
    })
    await expect(ran).rejects.toMatchObject({ name: 'RunError', message })
  })
})

describe('jobs of unlike size', () => {
  /** Ends a run 20 ms after it was given, and tells what it was by its seed. */
  const source = `
    const port = require('node:worker_threads').parentPort
    port.on('message', ({ seed }) => setTimeout(() => port.postMessage({ type: 'result', run: { seed } }), 20))`

  it('run as many at a time as fit beside each other, and are begun in their order', async () => {
    const atATime = [3, 3, 3, 1, 2, 3, 3]
    const jobs = atATime.map((many, seed) => ({
      plan: resolvePlan({}),
      overlay: 'chord' as const,
      seed,
      atATime: many,
      work: 1
    }))
    const running = new Set<number>()
    let [broken, most] = [0, 0]
    const ended: number[] = []
    await runAll(jobs, {
      setup: { texts: {} },
      workers: 8,
      createWorker: (setup, count) => {
        // The largest may take all the memory.
        expect(count).toBe(1)
        const worker = workerFrom(source)(setup, count)
        const post = worker.postMessage.bind(worker)
        worker.postMessage = (job: (typeof jobs)[number]) => {
          running.add(job.seed)
          most = Math.max(most, running.size)
          if (running.size > Math.min(...[...running].map(seed => atATime[seed]!))) broken += 1
          post(job)
        }
        return worker
      },
      signal: new AbortController().signal,
      onRun: (index, { seed }) => {
        expect(seed).toBe(index)
        running.delete(index)
        ended.push(index)
      },
      onProgress: () => {}
    })
    expect([broken, most]).toEqual([0, 3])
    expect(ended.toSorted((a, b) => a - b)).toEqual(atATime.map((_, index) => index))
    expect(ended.indexOf(3)).toBe(3)
  })

  it('whose result can be kept nowhere end it all', async () => {
    const job = { plan: resolvePlan({}), overlay: 'chord' as const, seed: 1, atATime: 1, work: 1 }
    const ran = runAll([job, job], {
      setup: { texts: {} },
      workers: 1,
      createWorker: workerFrom(source),
      signal: new AbortController().signal,
      onRun: () => {
        throw new Error('The disk is full.')
      },
      onProgress: () => {}
    })
    await expect(ran).rejects.toThrow('The disk is full.')
  })
})

describe('files of a plan', () => {
  it('a trace says how many peers there are at the start', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'servent-lab-'))
    try {
      await writeFile(join(folder, 'trace'), '0 3 up\n0 5 up\n0 8 up\n1 9 up\n')
      const plan = resolvePlan({
        ...SMALL,
        overlays: ['gnutella'],
        searches: 0,
        seeds: 1,
        churn: 'trace:trace'
      })
      const { overlays } = await compare(plan, { resolvePath: name => join(folder, name) })
      expect(overlays[0]!.nodes).toBe(3)
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })

  it('are read: a matrix of round trips; and what cannot be read is said', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'servent-lab-'))
    try {
      await writeFile(join(folder, 'two.tsv'), '0\t30\n30\t0\n')
      const near = { overlays: ['chord' as const], searches: 0, seeds: 1 }
      const plan = resolvePlan({ ...SMALL, ...near, latency: 'matrix:two.tsv' })
      const { overlays } = await compare(plan, { resolvePath: name => join(folder, name) })
      const same = alone({ ...near, latency: 'constant:30' })
      expect(overlays[0]!.latency_ms!.mean).toBe(same.overlays[0]!.latency_ms!.mean)
      await writeFile(join(folder, 'two.tsv'), '0 30\n')
      await expect(compare(plan, { resolvePath: name => join(folder, name) })).rejects.toThrow(
        'latency: two.tsv: A matrix of latencies has at least two rows'
      )
      await expect(compare(plan, { resolvePath: () => '/nowhere' })).rejects.toMatchObject({
        name: 'PlanError'
      })
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })
})
