/** Puts and gets: what counts as right, by what was put, and what Chord comes to. */
import { Check } from 'typebox/value'
import { describe, expect, it } from 'vitest'
import type { Deployment, GetOutcome, PutOutcome } from '../src/deployment.ts'
import { newestOf } from '../src/overlays/structured-values.ts'
import { Places } from '../src/places.ts'
import { type PlanInput, resolvePlan, seedsOf } from '../src/plan.ts'
import { ResultsSchema } from '../src/results.ts'
import { runOnce } from '../src/run.ts'
import { summariseOverlay } from '../src/summary.ts'
import { ValuesWork } from '../src/values-work.ts'
import { World } from '../src/world.ts'

const WAITS_US = 20

/** Peers 0 and 1; the answers are told by hand. */
function stage() {
  const told: { version?: number; done: (outcome: never) => void }[] = []
  const alive = new Set([0, 1])
  const simulation = { nowUs: 0, alive: (node: number) => alive.has(node) }
  const deployment = {
    simulation,
    valueUsMax: WAITS_US,
    isMember: (node: number) => alive.has(node),
    put: (_: number, __: object, version: number, done: never) => told.push({ version, done }),
    get: (_: number, __: object, done: never) => told.push({ done })
  } as unknown as Deployment
  const places = new Places(2)
  for (const node of [0, 1]) places.take(node)
  const work = new ValuesWork(deployment, ({ chooser }) => places.choose(chooser, node => alive.has(node)))
  const ask = (value: number) => ({ atUs: 0, chooser: 0, value, key: new Uint8Array(32) })
  const begin = (act: () => void): ((outcome: PutOutcome | GetOutcome) => void) => {
    act()
    return told.at(-1)!.done as never
  }
  return {
    work,
    simulation,
    die: () => alive.clear(),
    put: (value: number) => begin(() => work.put({ ...ask(value), type: 'put' })),
    get: (value: number) => begin(() => work.get({ ...ask(value), type: 'get' }))
  }
}

describe('a get', () => {
  it('is right with the newest version that was acknowledged when it began, or a later one', () => {
    const { work, put, get } = stage()
    // Versions 0 to 3: of value 7 one that is acknowledged, one that never is; of value 8 another.
    put(7)('acknowledged')
    const late = put(7)
    put(8)('acknowledged')
    const before = [get(7), get(7), get(7), get(7), get(7)]
    late('few-copies')
    put(7)('acknowledged')
    const after = [get(7), get(7)]
    expect(work.open).toBe(7)
    for (const [index, version] of [0, 1, 3, 2, undefined].entries()) before[index]!({ version })
    for (const [index, version] of [3, 1].entries()) after[index]!({ version })
    expect(work.open).toBe(0)
    const { puts, gets } = work.samples()
    expect(puts).toMatchObject({ issued: 4, acknowledged: 3, fewCopies: 1, unissued: 0 })
    // Wrong: another value's, nothing, and one that was written over.
    expect(gets).toMatchObject({ correct: 4, incorrect: 3, failed: 0, wanted: 7, right: 4 })
  })

  it('of what nobody has acknowledged is right with nothing, and says nothing of recall', () => {
    const { work, put, get } = stage()
    put(7)('failed')
    get(7)({ version: undefined })
    get(7)({ version: 0 })
    get(7)({ version: 9 })
    expect(work.samples().gets).toMatchObject({ correct: 2, incorrect: 1, failed: 0, wanted: 0, right: 0 })
  })

  it('without an answer in time has failed, and was never issued by one who died', () => {
    const { work, simulation, put, get, die } = stage()
    put(7)('acknowledged')
    const [early, late, refused] = [get(7), get(7), get(7)]
    simulation.nowUs = WAITS_US
    early({ version: 0 })
    refused('failed')
    simulation.nowUs = WAITS_US + 1
    late({ version: 0 })
    expect(work.samples().gets).toMatchObject({ correct: 1, incorrect: 0, failed: 2, wanted: 3, right: 1 })
    put(7)
    get(7)
    die()
    work.get({ type: 'get', atUs: 0, chooser: 0, value: 7, key: new Uint8Array(32) })
    const { puts, gets } = work.samples()
    expect([puts.issued, puts.unissued]).toEqual([1, 1])
    // Of those that had no answer when their peer died nothing can be said.
    expect([gets.correct, gets.failed, gets.unissued]).toEqual([1, 1, 3])
  })
})

it('of two versions the larger number is the newer one', () => {
  const record = (sequence: number) => ({ sequence }) as never
  expect(newestOf([record(3), record(5), record(4)])).toEqual({ type: 'selected', index: 1 })
})

it('puts come in the first half, gets in the second, of keys that somebody puts, whatever else is asked', () => {
  const plan = resolvePlan({ nodes: 50, puts: 200, gets: 300, duration: 100 })
  const { puts, gets } = new World('v', plan)
  expect(Math.max(...puts.map(({ atUs }) => atUs))).toBeLessThan(50_000_000)
  expect(Math.min(...gets.map(({ atUs }) => atUs))).toBeGreaterThanOrEqual(50_000_000)
  const written = new Map(puts.map(({ value, key }) => [value, key]))
  expect(written.size).toBeLessThanOrEqual(100)
  expect(written.size).toBeGreaterThan(70)
  for (const { value, key } of gets) expect(key).toEqual(written.get(value))
  expect(new World('v', { ...plan, lookups: 9 }).puts).toEqual(puts)
})

describe('on Chord', () => {
  const valuesOf = (input: PlanInput) => {
    const plan = resolvePlan({ nodes: 100, puts: 100, gets: 200, duration: 300, ...input })
    const runs = seedsOf(plan).map(seed => runOnce(plan, {}, { overlay: 'chord', seed }))
    return summariseOverlay({ overlay: 'chord', settings: {}, backend: 'simulator', nodes: 100 }, runs)
  }

  it('every get of a quiet network has the newest version', () => {
    const results = valuesOf({ seeds: 2 })
    const { values } = results
    expect(values!.puts).toMatchObject({
      issued: 200,
      acknowledged: 200,
      few_copies: 0,
      failed: 0,
      unissued: 0
    })
    expect(values!.gets).toMatchObject({ issued: 400, correct: 400, incorrect: 0, failed: 0, recall: 1 })
    expect(values!.puts.latency_ms!.p50).toBeGreaterThan(values!.gets.latency_ms!.p50 / 2)
    expect([...(Check(ResultsSchema.properties.overlays.items, results) ? [] : ['schema'])]).toEqual([])
  })

  it('one holder alone loses what it kept with itself', () => {
    const at = (replicas: number) =>
      valuesOf({ failures: 0.3, set: { 'chord.replicas': replicas }, seeds: 2 }).values!
    const [one, four] = [at(1), at(4)]
    for (const { puts, gets } of [one, four]) {
      expect(puts.acknowledged).toBe(200)
      expect(gets.issued).toBe(400)
    }
    // Three tenths of the holders are dead.
    expect(one.gets.recall).toBeLessThan(0.85)
    expect(one.gets.recall).toBeGreaterThan(0.5)
    expect(four.gets.recall).toBeGreaterThan(0.95)
  })
})
