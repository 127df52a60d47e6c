import { describe, expect, it, vi } from 'vitest'
import { parseSet, settingsOf } from '../src/overlays/settings.ts'
import {
  ENOUGH_MAX,
  LIARS_MAX,
  LOOKUPS_MAX,
  NODES_MAX,
  type PlanInput,
  RECORDS_SECONDS_MAX,
  resolvePlan,
  SEEDS_MAX,
  WORKERS_MAX
} from '../src/plan.ts'

const refusal = (input: object) => {
  try {
    resolvePlan(input as PlanInput)
  } catch (error) {
    expect((error as Error).name).toBe('PlanError')
    return (error as Error).message
  }
  return undefined
}

describe('a plan', () => {
  it('has defaults: one seed, the ideal start, PlanetLab’s latencies, the simulator', () => {
    expect(resolvePlan({ workers: 1 })).toEqual({
      overlays: ['chord'],
      nodes: 1000,
      lookups: 10_000,
      searches: 0,
      puts: 0,
      gets: 0,
      seeds: 1,
      seed: 1,
      failures: null,
      liars: null,
      lies: ['wrong-owner', 'drop', 'poison'],
      churn: null,
      partition: null,
      latency: 'planetlab',
      bandwidth: null,
      resets: null,
      firewalled: 0,
      workload: 'lookup',
      freeloaders: 0,
      sharing: 'even',
      demand: 'even',
      rare: 0,
      enough: null,
      warmup: 60,
      duration: 1000,
      start: 'ideal',
      set: {},
      backend: 'simulator',
      workers: 1
    })
  })

  it('liars go from 0 to LIARS_MAX, each kind of lie once at least, and no overlay without roots has them', () => {
    for (const liars of [0, LIARS_MAX]) expect(refusal({ liars })).toBeUndefined()
    for (const liars of [-0.1, LIARS_MAX + 0.1])
      expect(refusal({ liars })).toBe(`liars is ${liars}, and it takes a number from 0 to 0.5.`)
    expect(refusal({ liars: 0.1, lies: [] })).toContain('lies is []')
    expect(refusal({ liars: 0.1, lies: ['drop', 'drop'] })).toContain('lies is ["drop","drop"]')
    expect(refusal({ liars: 0.1, lies: ['fib'] })).toContain('lies.0 is "fib"')
    for (const overlay of ['chord', 'pastry', 'kelips', 'kademlia'])
      expect(refusal({ overlays: [overlay], liars: 0.1 })).toBeUndefined()
    for (const overlay of ['napster', 'gnutella', 'fasttrack'])
      expect(refusal({ overlays: ['chord', overlay], liars: 0.1 })).toContain(`Nobody lies in ${overlay}`)
  })

  it('spreads its work so that floods keep up, and leaves out the first half of a run with churn', () => {
    expect(resolvePlan({ lookups: 100 })).toMatchObject({ duration: 600, warmup: 60 })
    expect(resolvePlan({ lookups: 100_000 }).duration).toBe(10_000)
    expect(resolvePlan({ lookups: 100, churn: 'exp:1h' })).toMatchObject({ duration: 3600, warmup: 3600 })
    expect(resolvePlan({ lookups: 100, start: 'joined' }).warmup).toBe(7200)
  })

  it('searches where they are asked for, by number or by word', () => {
    expect(resolvePlan({ workload: 'search' })).toMatchObject({ lookups: 0, searches: 1000 })
    expect(resolvePlan({ workload: 'mixed', lookups: 5 })).toMatchObject({ lookups: 5, searches: 1000 })
    expect(resolvePlan({ searches: 7 })).toMatchObject({ workload: 'mixed', lookups: 10_000, searches: 7 })
  })

  it('puts and gets where they are asked for, by number or by word', () => {
    const none = { lookups: 0, searches: 0 }
    expect(resolvePlan({ workload: 'values' })).toMatchObject({ ...none, puts: 1000, gets: 1000 })
    expect(resolvePlan({ puts: 7 })).toMatchObject({ ...none, workload: 'values', puts: 7, gets: 7 })
    expect(resolvePlan({ gets: 9 })).toMatchObject({ ...none, puts: 1000, gets: 9 })
    expect(resolvePlan({ puts: 7, gets: 0, lookups: 5 })).toMatchObject({ puts: 7, gets: 0, lookups: 5 })
    expect(resolvePlan({ workload: 'values', puts: 9000, gets: 1000 }).duration).toBe(1000)
  })

  it.each([
    ['nodes', 2, NODES_MAX],
    ['lookups', 1, LOOKUPS_MAX],
    ['searches', 1, LOOKUPS_MAX],
    ['puts', 1, LOOKUPS_MAX],
    ['gets', 1, LOOKUPS_MAX],
    ['seeds', 1, SEEDS_MAX],
    ['seed', 0, 2 ** 32 - 1],
    ['workers', 1, WORKERS_MAX],
    ['enough', 1, ENOUGH_MAX],
    ['warmup', 0, 8_640_000]
  ] as const)('%s goes from %i to %i', (field, least, most) => {
    for (const value of [least, most])
      expect(refusal({ duration: 600, [field]: value }), `${value}`).toBeUndefined()
    for (const value of [least - 1, most + 1, 2.5, 'many']) {
      if (value === 0) continue
      expect(refusal({ [field]: value }), `${value}`).toContain(
        `${field} is ${JSON.stringify(value)}, and it`
      )
    }
  })

  it.each([
    [{ overlays: [] }, 'overlays'],
    [{ overlays: ['chord', 'chord'] }, 'overlays'],
    [
      { overlays: ['freenet'] },
      'no overlay "freenet". It has napster, gnutella, fasttrack, chord, pastry, kelips, kademlia.'
    ],
    [{ backend: 'cloud' }, 'backend is "cloud"'],
    [{ failures: 0.96 }, 'failures is 0.96'],
    [{ failures: 0.9, nodes: 2 }, 'nobody of 2 peers is left'],
    [
      { failures: 0.01, nodes: 16 },
      'failures 0.01 of 16 peers is nobody: try a larger part, or more --nodes.'
    ],
    [
      { nodes: Number.POSITIVE_INFINITY },
      'nodes is Infinity, and it takes a whole number from 2 to 1000000.'
    ],
    [{ failures: Number.NaN }, 'failures is NaN, and it takes a number from 0 to 0.95.'],
    [{ churn: 'exp:0s' }, 'churn: "exp:0s" has a time of 0s'],
    [{ churn: 'rate:10001' }, 'churn: "rate:10001" has no rate from 0 to 10000 a second'],
    [{ failures: 0.1, churn: 'exp:1h' }, 'failures and churn exclude each other'],
    [{ lookups: 0 }, 'The plan asks for nothing'],
    [{ workload: 'values' as const, puts: 0 }, 'The plan asks for nothing'],
    [{ puts: 0, gets: 5 }, 'Gets ask for what was put, and nothing is'],
    [{ overlays: ['chord', 'gnutella'], puts: 5 }, 'gnutella keeps no values under keys'],
    [{ overlays: ['chord', 'napster'], puts: 5 }, 'napster keeps no values under keys'],
    [{ latency: 'far' }, 'latency: "far" is no model of latency'],
    [{ latency: 'uniform:80-20' }, 'latency: "uniform:80-20"'],
    [{ churn: 'exp:often' }, 'churn: "often" is no time'],
    [{ set: { 'chord.sucessors': 3 } }, 'There is no setting chord.sucessors. There are chord.successors,'],
    [{ set: { 'chord.successors': 33 } }, 'chord.successors takes a whole number from 1 to 32'],
    [{ set: { 'chord.proximity': 'maybe' } }, 'chord.proximity takes on or off'],
    [
      { overlays: ['pastry'], set: { 'pastry.leaf-set': 7 } },
      'pastry.leaf-set takes a multiple of 2 from 2 to 32, and it is set to 7.'
    ],
    [{ overlays: ['pastry'], set: { 'pastry.leaf-set': 34 } }, 'a multiple of 2 from 2 to 32'],
    [{ overlays: ['pastry'], set: { 'pastry.digit-bits': 3 } }, 'pastry.digit-bits takes 1 or 2 or 4'],
    [{ overlays: ['pastry'], set: { 'pastry.neighbourhood': 33 } }, 'a whole number from 0 to 32'],
    [{ overlays: ['pastry'], set: { 'pastry.replicas': 18 } }, 'a whole number from 1 to 17'],
    [{ set: { 'gnutella.ttl': 3 } }, 'gnutella is not among the overlays of this plan: chord'],
    [{ freeloaders: 1 }, 'freeloaders is 1, and it takes a number from 0 to 0.99.'],
    [{ freeloaders: -0.1 }, 'freeloaders is -0.1'],
    [{ rare: 1.5 }, 'rare is 1.5, and it takes a number from 0 to 1.'],
    [{ sharing: 'some' as never }, 'sharing is "some"'],
    [{ demand: 'none' as never }, 'demand is "none"'],
    [
      { overlays: ['gnutella'], set: { 'gnutella.search': 'guess' } },
      'gnutella.search takes flood or dynamic or expanding-ring or random-walk'
    ],
    [
      { overlays: ['gnutella'], set: { 'gnutella.walkers': 65 } },
      'gnutella.walkers takes a whole number from 1 to 64'
    ],
    [{ speed: 3 }, 'A plan has no speed.']
  ])('%j is refused: %s', (input, sentence) => {
    expect(refusal(input)).toContain(sentence)
  })

  it('takes every model of latency and churn that the simulator has', () => {
    for (const latency of ['planetlab', 'constant:50', 'uniform:20-80', 'exponential:100', 'matrix:x.tsv'])
      expect(refusal({ latency })).toBeUndefined()
    for (const churn of ['exp:1h', 'pareto:1,1800s', 'weibull:0.5,10000s', 'exp:1h/exp:10m', 'trace:x'])
      expect(refusal({ churn })).toBeUndefined()
  })
})

it('of ten peers one is left where nine tenths die, and none of two', () => {
  expect(refusal({ nodes: 10, failures: 0.9 })).toBeUndefined()
  expect(refusal({ nodes: 2, failures: 0.75 })).toContain('With failures 0.75 nobody of 2 peers is left.')
})

it('has no more workers by default than a plan may have, on a machine of whatever size', async () => {
  vi.resetModules()
  vi.doMock('node:os', async original => ({
    ...(await original<typeof import('node:os')>()),
    availableParallelism: () => 384
  }))
  try {
    const { resolvePlan: resolve } = await import('../src/plan.ts')
    expect(resolve({}).workers).toBe(WORKERS_MAX)
  } finally {
    vi.doUnmock('node:os')
  }
})

it('a plan in which peers keep records is no longer than those live', () => {
  for (const work of [{ searches: 5 }, { puts: 5 }]) {
    expect(refusal({ ...work, duration: RECORDS_SECONDS_MAX })).toBeUndefined()
    expect(refusal({ ...work, duration: RECORDS_SECONDS_MAX + 1 })).toContain(
      'records that peers of chord keep for each other expire meanwhile: try --duration 518400 or less.'
    )
  }
  const longer = { duration: RECORDS_SECONDS_MAX + 1 }
  expect(refusal({ lookups: 5, ...longer })).toBeUndefined()
  expect(refusal({ overlays: ['gnutella'], searches: 5, ...longer })).toBeUndefined()
})

describe('settings of overlays', () => {
  it('are read from text', () => {
    expect(parseSet(['chord.successors=20', 'chord.proximity=off'])).toEqual({
      'chord.successors': 20,
      'chord.proximity': 'off'
    })
    expect(() => parseSet(['successors 20'])).toThrow('--set takes overlay.key=value')
  })

  it('are all there, the defaults and those that are set', () => {
    expect(settingsOf('gnutella', { 'gnutella.ttl': '3', 'chord.successors': 9 }, false)).toEqual({
      neighbours: 6,
      ttl: 3,
      search: 'flood',
      role: 'flat',
      leaves: 30,
      degree: 32,
      'query-routing': 'on',
      walkers: 16,
      'query-cache': 'on'
    })
    const set = { 'pastry.leaf-set': 32, 'pastry.digit-bits': '2', 'pastry.replicas': 17 }
    expect(settingsOf('pastry', set, false)).toMatchObject({ 'leaf-set': 32, 'digit-bits': 2, replicas: 17 })
    expect(settingsOf('chord', {}, false)['lookup-budget-ms']).toBe(10_000)
    // Table II of Chord's paper gives its lookups all the time that they need.
    expect(settingsOf('chord', {}, true)['lookup-budget-ms']).toBe(180_000)
  })
})
