/** What plans real peers take, and what of them is refused before anything starts. */
import { describe, expect, it, vi } from 'vitest'
import { type Backend, inTurn } from '../src/backend.ts'
import {
  BACKENDS,
  IN_PROCESS_NODES_MAX,
  PROCESSES_NODES_MAX,
  REAL_ASKS_MAX,
  REAL_SECONDS_MAX,
  REAL_SETTINGS
} from '../src/backends.ts'
import { compare, runPlans } from '../src/compare.ts'
import { OVERLAYS, SETTINGS } from '../src/overlays/settings.ts'
import { overlaySettings, type PlanInput, resolvePlan } from '../src/plan.ts'
import type { RunResult } from '../src/run-result.ts'
import { verify } from '../src/verify.ts'

const refusal = (input: PlanInput) => {
  try {
    resolvePlan(input)
  } catch (error) {
    expect((error as Error).name).toBe('PlanError')
    return (error as Error).message
  }
  return undefined
}

describe('a plan for real peers', () => {
  it('has defaults of its own: few peers that join, and seconds that somebody waits for', () => {
    for (const backend of ['in-process', 'processes'] as const)
      expect(resolvePlan({ backend })).toMatchObject({
        nodes: 16,
        lookups: 100,
        searches: 0,
        warmup: 15,
        duration: 10,
        start: 'joined'
      })
    expect(resolvePlan({ backend: 'in-process', workload: 'mixed', lookups: 400 })).toMatchObject({
      lookups: 400,
      searches: 100,
      duration: 50
    })
    expect(resolvePlan({ backend: 'in-process', workload: 'search' })).toMatchObject({
      lookups: 0,
      searches: 100
    })
    expect(resolvePlan({ backend: 'in-process', churn: 'exp:1m' })).toMatchObject({ duration: 60 })
    expect(resolvePlan({ backend: 'in-process', partition: '0.3/20s' })).toMatchObject({ duration: 80 })
    expect(resolvePlan({ backend: 'processes', failures: 0.3 })).toMatchObject({ duration: 10 })
    expect(resolvePlan({})).toMatchObject({ nodes: 1000, start: 'ideal', backend: 'simulator' })
  })

  it.each([
    ['in-process', IN_PROCESS_NODES_MAX, 500],
    ['processes', PROCESSES_NODES_MAX, 64]
  ] as const)('has at most so many peers by %s', (backend, most, figure) => {
    expect(most).toBe(figure)
    expect(refusal({ backend, nodes: most })).toBeUndefined()
    expect(refusal({ backend, nodes: most + 1 })).toBe(
      `nodes is ${most + 1}, and the backend ${backend} takes ${most} at most: try --backend simulator.`
    )
  })

  it('lasts as long as somebody waits, and asks what one process can have under way', () => {
    const backend = 'in-process'
    for (const field of ['warmup', 'duration'] as const) {
      expect(refusal({ backend, [field]: REAL_SECONDS_MAX })).toBeUndefined()
      expect(refusal({ backend, [field]: REAL_SECONDS_MAX + 1 })).toContain(`${field} is 3601`)
    }
    for (const field of ['lookups', 'searches'] as const) {
      const fits = { backend, duration: REAL_SECONDS_MAX, [field]: REAL_ASKS_MAX } as const
      expect(refusal(fits)).toBeUndefined()
      expect(refusal({ ...fits, [field]: REAL_ASKS_MAX + 1 })).toContain(`${field} is 20001`)
    }
  })

  it('comes by no churn to more peers than a backend takes', () => {
    const grows = {
      backend: 'in-process',
      nodes: IN_PROCESS_NODES_MAX - 100,
      warmup: 10,
      duration: 90
    } as const
    expect(refusal({ ...grows, churn: 'rate:1.5/0.5' })).toBeUndefined()
    expect(refusal({ ...grows, churn: 'rate:1.51/0.5' })).toBe(
      'By churn rate:1.51/0.5 of 400 peers 501 are to be expected at the end, and the backend in-process takes 500 ' +
        'at most: try as many leaves as joins, or --backend simulator.'
    )
    // Who goes makes room, however often.
    expect(refusal({ ...grows, nodes: IN_PROCESS_NODES_MAX, churn: 'rate:5' })).toBeUndefined()
    expect(refusal({ ...grows, nodes: IN_PROCESS_NODES_MAX, churn: 'exp:1m/exp:1s' })).toBeUndefined()
    expect(refusal({ ...grows, backend: 'simulator', churn: 'rate:100/0' })).toBeUndefined()
  })

  it.each([
    [{ liars: 0.1 }, 'A part of the peers lies (liars), which the backend in-process cannot do'],
    [{ start: 'ideal' }, 'builds it (start: ideal), which the backend in-process cannot do'],
    [{ puts: 4 }, 'asked for (puts, gets), which the backend in-process cannot do'],
    [{ churn: 'trace:FILE' }, 'by a trace (churn), which the backend in-process cannot do'],
    [
      { set: { 'chord.paths': 3 } },
      'chord.paths is set, which the backend in-process cannot do: real peers of chord'
    ],
    [{ set: { 'chord.no-such': 3 } }, 'There is no setting chord.no-such']
  ] as const)('cannot ask for %o', (input, why) => {
    expect(refusal({ ...input, backend: 'in-process' } as PlanInput)).toContain(why)
    if (!('set' in input && 'chord.no-such' in input.set))
      expect(refusal({ ...input, backend: 'simulator' } as PlanInput)).toBeUndefined()
  })

  it('sets what a node has a setting for', () => {
    expect(refusal({ backend: 'processes', set: { 'chord.successors': 4 } })).toBeUndefined()
    for (const overlay of OVERLAYS)
      expect(Object.keys(SETTINGS[overlay])).toEqual(
        expect.arrayContaining(Object.keys(REAL_SETTINGS[overlay]))
      )
  })
})

const RUN: RunResult = {
  overlay: 'chord',
  seed: 1,
  traceHash: undefined,
  lookups: {
    correct: 1,
    incorrect: 0,
    failed: 0,
    unissued: 0,
    hops: Float64Array.of(2),
    hopsAsPublished: new Float64Array(),
    latencyUs: Float64Array.of(1000),
    timeouts: undefined,
    messages: new Float64Array(),
    stretch: new Float64Array()
  },
  searches: undefined,
  publishing: undefined,
  nodes: {
    aliveUs: 2_000_000,
    atStart: { live: 2, members: 2 },
    atEnd: { live: 2, members: 2 },
    bytesSent: new Float64Array(),
    messagesReceived: new Float64Array(),
    stateEntries: new Float64Array(),
    stateBytes: new Float64Array(),
    connections: Float64Array.of(1, 1)
  },
  traffic: { bytesByType: undefined, p2psimBytes: undefined },
  repair: undefined,
  measuredUs: 1_000_000,
  cost: { events: undefined, wallMs: 1000, rssPeakBytes: 1 }
}

describe('a backend of real peers', () => {
  const plan = resolvePlan({ backend: 'in-process', nodes: 2, lookups: 1, seeds: 2 })
  const backend: Backend = {
    run: (jobs, init) => inTurn(jobs, init, async ({ seed }) => ({ ...RUN, seed }))
  }

  it('gives results of the same schema: null where it tells nothing, and no fingerprint', async () => {
    const told: number[] = []
    const results = await compare(plan, {
      backends: async () => backend,
      onProgress: ({ done }) => told.push(done)
    })
    expect(results.fingerprint).toBeNull()
    expect(results.overlays).toMatchObject([
      {
        backend: 'in-process',
        seeds: [1, 2],
        lookups: { issued: 2, correct: 2 },
        hops: { mean: 2 },
        hops_as_published: null,
        messages_per_lookup: null,
        timeouts_per_lookup: null,
        bytes_per_node_per_s: null,
        state_entries_per_node: null,
        load: null,
        sockets: null,
        warnings: [],
        connections_per_node: { mean: 1 },
        cost: { events: null, events_per_s: null }
      }
    ])
    expect(told.at(-1)).toBe(1)
  })

  it('says what a peer sends in a second by the time that its own run measured, which differs on real clocks', async () => {
    const times: Record<number, number> = { 1: 1_000_000, 2: 2_000_000 }
    const traffic = { bytesByType: { ping: 100 }, p2psimBytes: undefined }
    const found: Backend = {
      run: (jobs, init) =>
        inTurn(jobs, init, async ({ seed }) => {
          const nodes = { ...RUN.nodes, bytesSent: Float64Array.of(50 * seed, 100 * seed) }
          return { ...RUN, seed, traffic, nodes, measuredUs: times[seed]! }
        })
    }
    const { overlays } = await compare(plan, { backends: async () => found })
    expect(overlays[0]!.bytes_per_node_per_s).toMatchObject({ p95: 100 })
  })

  it('names the settings that its peers have: with failures they wait no longer for a lookup than without', async () => {
    const found: Backend = { run: (jobs, init) => inTurn(jobs, init, async ({ seed }) => ({ ...RUN, seed })) }
    const dying = resolvePlan({ ...plan, failures: 0.5 })
    const { overlays } = await compare(dying, { backends: async () => found })
    expect(overlays[0]!.settings['lookup-budget-ms']).toBe(10_000)
    for (const overlay of ['chord', 'pastry', 'kelips', 'kademlia'] as const) {
      expect(overlaySettings(dying, overlay)).toEqual(overlaySettings(plan, overlay))
      expect(overlaySettings(resolvePlan({ failures: 0.5 }), overlay)['lookup-budget-ms']).toBe(180_000)
    }
  })

  it('says what the system counted, and where processors were short', async () => {
    const counted: Backend = {
      run: (jobs, init) =>
        inTurn(jobs, init, async ({ seed }) => ({
          ...RUN,
          seed,
          busy: seed === 1 ? 0.2 : 0.8,
          sockets: {
            nodes: 2,
            wireBytes: 300,
            countedBytes: 100,
            open: { wireBytes: 500, kernelBytes: 505 }
          }
        }))
    }
    const { overlays } = await compare(plan, { backends: async () => counted })
    expect(overlays[0]!.sockets).toEqual({
      bytes_per_node_per_s: 150,
      over_counted: 3,
      kernel_over_sent: 1.01
    })
    expect(overlays[0]!.warnings).toEqual([
      expect.stringMatching(/^Processors were short: .* at work for 80 %/)
    ])
    const rested: Backend = {
      run: (jobs, init) => inTurn(jobs, init, async ({ seed }) => ({ ...RUN, seed, busy: 0.74 }))
    }
    expect((await compare(plan, { backends: async () => rested })).overlays[0]!.warnings).toEqual([])
  })

  it('says who was turned away for want of room', async () => {
    const full: Backend = {
      run: (jobs, init) => inTurn(jobs, init, async ({ seed }) => ({ ...RUN, seed, turnedAway: 3 }))
    }
    const { overlays } = await compare(plan, { backends: async () => full })
    expect(overlays[0]!.warnings).toEqual([expect.stringMatching(/^6 peers were turned away:/)])
  })

  it('refuses what its peers do not take before any run begins, in the simulator too', async () => {
    const checked: number[] = []
    const refusing: Backend = {
      ...backend,
      check: async jobs => {
        checked.push(jobs.length)
        throw new Error('Nobody takes that.')
      }
    }
    const simulated = resolvePlan({ overlays: ['napster'], nodes: 2, lookups: 1, duration: 1, workers: 1 })
    const onProgress = vi.fn()
    const run = runPlans([simulated, plan], { backends: async () => refusing }, onProgress)
    await expect(run).rejects.toThrow('Nobody takes that.')
    // One of each plan: whatever the seed, they are asked for the same.
    expect(checked).toEqual([1])
    expect(onProgress).not.toHaveBeenCalled()
  })

  it('is refused where the program has none, and what fails in it is told with its seed', async () => {
    await expect(compare(plan)).rejects.toThrow('This program has no backend in-process')
    const failing: Backend = {
      run: (jobs, init) =>
        inTurn(jobs, init, async () => {
          throw new Error('No room.')
        })
    }
    await expect(compare(plan, { backends: async () => failing })).rejects.toThrow(
      'The run of chord with seed 1 failed: No room.'
    )
  })

  it('ends with the reason of whoever ends it', async () => {
    const ended = new AbortController()
    const waiting: Backend = {
      run: (jobs, init) =>
        inTurn(jobs, init, async () => {
          ended.abort(new Error('Enough.'))
          throw new Error('A peer is gone.')
        })
    }
    const run = compare(plan, { backends: async () => waiting, signal: ended.signal })
    await expect(run).rejects.toThrow('Enough.')
  })

  it('has no stored plans, whose runs come out alike', async () => {
    const stored = { name: 'real', plan: { backend: 'in-process' as const }, fingerprint: '' }
    await expect(verify([stored])).rejects.toThrow('never comes out alike')
    expect(BACKENDS).toEqual(['simulator', 'in-process', 'processes'])
  })
})
