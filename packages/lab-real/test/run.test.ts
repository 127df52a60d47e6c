/**
 * One plan in the simulator and on real peers of this process: as many lookups right, the same steps and messages within
 * what chance and another joining order leave open. `test/e2e/lab-backends` does the same with processes.
 */

import { KeyRoutedService } from '@servent/key-routing'
import { compare, type OverlayResults, type PlanInput, resolvePlan } from '@servent/lab'
import { filesIn, type OverlayId } from '@servent/lab/backend'
import type { Contact } from '@servent/overlay'
import { describe, expect, it, vi } from 'vitest'
import { InProcessNetwork } from '../src/in-process.ts'
import { realBackend } from '../src/index.ts'
import { realRun } from '../src/real-run.ts'
import { LocalRendezvous, type RegisteredPeer } from '../src/rendezvous.ts'
import type { RealPeer } from '../src/types.ts'

const WORK = {
  nodes: 12,
  lookups: 24,
  searches: 12,
  latency: 'constant:20',
  start: 'joined',
  duration: 5
} as const

const backends = async (name: 'in-process' | 'processes') => realBackend(name, { command: [] })

async function both(
  overlay: OverlayId,
  more: PlanInput = {}
): Promise<[simulated: OverlayResults, real: OverlayResults]> {
  const plan = { ...WORK, ...more, overlays: [overlay] }
  const real = compare(resolvePlan({ ...plan, backend: 'in-process', warmup: 5 }), { backends })
  const simulated = await compare(resolvePlan({ ...plan, warmup: 60, workers: 1 }))
  return [simulated.overlays[0]!, (await real).overlays[0]!]
}

const factor = (a: number | undefined, b: number | undefined) => a! / b!

// They wait for clocks more than they compute.
describe.concurrent('a plan on real peers of this process', { timeout: 60_000 }, () => {
  it('of Chord takes the steps and messages that it takes in the simulator', async () => {
    const [simulated, real] = await both('chord')
    expect(real.population).toEqual(simulated.population)
    expect(simulated.lookups).toMatchObject({ issued: 24, correct: 24 })
    // On a busy machine a ring may still be forming.
    expect(real.lookups.issued).toBe(24)
    expect(real.lookups.correct).toBeGreaterThan(21)
    expect(real.searches).toMatchObject({ issued: 12, precision: 1 })
    expect(real.searches!.recall).toBeGreaterThan(simulated.searches!.recall! - 0.1)
    expect(Math.abs(real.hops!.mean - simulated.hops!.mean)).toBeLessThan(0.5)
    const messages = factor(real.messages_per_lookup?.mean, simulated.messages_per_lookup?.mean)
    expect(messages).toBeGreaterThan(0.6)
    expect(messages).toBeLessThan(1.6)
    // Who is the root itself asks nobody; others wait one round trip at least.
    expect(real.latency_ms!.p50).toBeGreaterThan(simulated.latency_ms!.p50 - 1)
    expect(real.state_entries_per_node?.mean).toBeCloseTo(simulated.state_entries_per_node!.mean, 0)
    expect(Object.keys(real.bytes_per_node_per_s!.by_type)).toContain('lookup')
  })

  it('of Napster is one question to the server and its answer', async () => {
    const [simulated, real] = await both('napster')
    expect(real.lookups).toEqual(simulated.lookups)
    expect(real.hops!.mean).toBe(simulated.hops!.mean)
    expect(real.messages_per_lookup!.mean).toBe(simulated.messages_per_lookup!.mean)
    expect(real.searches!.messages!.mean).toBe(simulated.searches!.messages!.mean)
    // Its server among the nodes, as in the simulator.
    expect(real.connections_per_node).toEqual(simulated.connections_per_node)
  })

  it('of Napster has no count of messages where two servers ask each other uncounted', async () => {
    const [simulated, real] = await both('napster', { set: { 'napster.servers': 2 } })
    expect(real.lookups).toEqual(simulated.lookups)
    expect(real.hops).not.toBeNull()
    expect(simulated.messages_per_lookup!.mean).toBeGreaterThan(3)
    expect(real.messages_per_lookup).toBeNull()
    expect(real.searches).toMatchObject({ recall: 1, messages: null, bytes: null })
  })

  it.each(['napster', 'gnutella'] as const)(
    'of %s finds as much where a search wants one result as in the simulator: all',
    async overlay => {
      const [simulated, real] = await both(overlay, { lookups: 0, searches: 24, enough: 1 })
      expect(simulated.searches).toMatchObject({ recall: 1, recall_of_enough: 1 })
      expect(real.searches).toMatchObject({ recall: 1, recall_of_enough: 1 })
    }
  )

  it('of Kelips in four groups is one question to a contact in the group of the key', async () => {
    const [simulated, real] = await both('kelips', { searches: 0, set: { 'kelips.groups': 4 } })
    expect(real.population).toEqual(simulated.population)
    expect(simulated.lookups).toMatchObject({ issued: 24, correct: 24 })
    expect(real.lookups.issued).toBe(24)
    expect(real.lookups.correct).toBeGreaterThan(21)
    expect(simulated.hops!.mean).toBeGreaterThan(0.5)
    expect(Math.abs(real.hops!.mean - simulated.hops!.mean)).toBeLessThan(0.25)
    // On a busy machine a contact is asked again, which `test/e2e/lab-backends.full` has the time not to need.
    expect(factor(real.messages_per_lookup?.mean, simulated.messages_per_lookup?.mean)).toBeGreaterThan(0.6)
    const links = factor(real.connections_per_node?.mean, simulated.connections_per_node?.mean)
    expect(links).toBeGreaterThan(0.6)
    expect(links).toBeLessThan(1.6)
  })
})

interface Hosted {
  readonly host: { selfContact(): Contact }
}

const jobOf = (overlay: OverlayId, more: object = {}) => {
  const plan = resolvePlan({
    ...WORK,
    searches: 0,
    overlays: [overlay],
    backend: 'in-process',
    nodes: 6,
    warmup: 1,
    duration: 3,
    ...more
  })
  return { plan, overlay, seed: 1, atATime: 1, work: 1 }
}

const runOf = (
  job: ReturnType<typeof jobOf>,
  more: Partial<Parameters<typeof realRun>[0]> = {},
  signal = new AbortController().signal
) =>
  realRun({
    job,
    files: filesIn({}, job.plan),
    makeNetwork: init => new InProcessNetwork(init),
    signal,
    onDone: () => {},
    ...more
  })

describe('a run', () => {
  it.each(['chord', 'pastry', 'kelips'] as const)(
    'counts what a peer of %s answers wrongly, by the truth and not by its word',
    async overlay => {
      const { lookup } = KeyRoutedService.prototype
      // Inside every peer: it takes itself for the root of every key, whoever is.
      const lies = vi.spyOn(KeyRoutedService.prototype, 'lookup').mockImplementation(async function (
        this: KeyRoutedService<never>,
        ...given
      ) {
        const found = await lookup.apply(this, given)
        return found && { ...found, root: (this as unknown as Hosted).host.selfContact() }
      })
      const { lookups } = await runOf(jobOf(overlay)).finally(() => lies.mockRestore())
      expect(lookups.incorrect).toBeGreaterThan(12)
      expect(lookups.correct + lookups.incorrect).toBe(24)
    }
  )

  it('lets peers come and go as the plan has it, and asks those who are there', async () => {
    const job = jobOf('gnutella', { nodes: 8, churn: 'rate:1', duration: 6, lookups: 40 })
    const peers: RegisteredPeer[] = []
    const rendezvous = new (class extends LocalRendezvous {
      override async register(peer: RegisteredPeer) {
        peers.push(peer)
        await super.register(peer)
      }
    })()
    const { lookups, nodes } = await runOf(job, { rendezvous })
    expect(peers.length).toBeGreaterThan(9)
    expect(new Set(peers.map(({ peerId }) => peerId)).size).toBe(peers.length)
    // Who died was withdrawn, and nobody is left once the run is over.
    expect((await rendezvous.list()).length).toBeLessThan(peers.length)
    expect(lookups.correct).toBeGreaterThan(20)
    expect(nodes.atEnd.live).toBeGreaterThan(2)
    expect(nodes.aliveUs).toBeGreaterThan(8 * 2_000_000)
  })

  it('ends at once for whoever ends it', async () => {
    const ended = new AbortController()
    const run = runOf(jobOf('chord', { warmup: 60 }), {}, ended.signal)
    setTimeout(() => ended.abort(new Error('Enough.')), 500)
    const startedMs = performance.now()
    await expect(run).rejects.toThrow('Enough.')
    expect(performance.now() - startedMs).toBeLessThan(10_000)
  })

  it('is over where a peer cannot come', async () => {
    const makeNetwork = () => ({
      start: async () => {
        throw new Error('No port is free.')
      },
      close: async () => {}
    })
    await expect(runOf(jobOf('chord'), { makeNetwork })).rejects.toThrow(
      'A peer could not come: No port is free.'
    )
  })

  it('has the settings that the plan has', async () => {
    const lengths: number[] = []
    const { snapshot } = KeyRoutedService.prototype
    const looks = vi.spyOn(KeyRoutedService.prototype, 'snapshot').mockImplementation(function (
      this: KeyRoutedService<never>
    ) {
      const seen = snapshot.call(this) as ReturnType<typeof snapshot> & { readonly successors: unknown[] }
      lengths.push(seen.successors.length)
      return seen
    })
    await runOf(jobOf('chord', { set: { 'chord.successors': 2 } })).finally(() => looks.mockRestore())
    // Of six peers, where nothing is set, each has the other five.
    expect(Math.max(...lengths)).toBe(2)
  })

  it('kills nobody whose session is longer than timers wait', async () => {
    const { nodes, lookups } = await runOf(jobOf('gnutella', { churn: 'constant:30d', nodes: 3 }))
    expect(nodes.atEnd.live).toBe(3)
    expect(nodes.bytesSent.length).toBe(3)
    expect(lookups.unissued).toBe(0)
  })

  it('counts as failed what is still open when nobody waits any more', async () => {
    const never = new Promise<never>(() => {})
    const lookup = vi.spyOn(KeyRoutedService.prototype, 'lookup').mockImplementation(() => never)
    const { lookups, searches } = await runOf(jobOf('chord', { nodes: 3, searches: 6 }), {
      tailMs: 100
    }).finally(() => lookup.mockRestore())
    expect(lookups).toMatchObject({ correct: 0, incorrect: 0, failed: 24, unissued: 0 })
    expect(searches!.issued + searches!.unissued).toBe(6)
  })

  it('tells what ended it, whatever comes of its end', async () => {
    const makeNetwork = () => ({
      start: async () => {
        throw new Error('No port is free.')
      },
      close: async () => {
        throw new Error('A folder stays.')
      }
    })
    await expect(runOf(jobOf('chord'), { makeNetwork })).rejects.toThrow('No port is free.')
  })

  it('leaves nobody behind who was on the way when it ended', async () => {
    const ended = new AbortController()
    const left = new Set<string>()
    const arrival = Promise.withResolvers<void>()
    const makeNetwork = () => ({
      start: async ({ peerId }: { readonly peerId: string }) => {
        setTimeout(() => ended.abort(new Error('Enough.')), 10)
        await arrival.promise
        left.add(peerId)
        return { peerId } as RealPeer
      },
      // It knows of the peer only once that is there.
      close: async () => {
        left.clear()
        arrival.resolve()
      }
    })
    await expect(runOf(jobOf('chord'), { makeNetwork }, ended.signal)).rejects.toThrow('Enough.')
    expect(left.size).toBe(0)
  })
})
