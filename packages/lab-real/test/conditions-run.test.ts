/** What a run asks of its network, and one over a network that parts. `conditions-run.full` has the others. */
import { type PlanInput, resolvePlan } from '@servent/lab'
import { Firewalls, filesIn, type OverlayId, Places, Sides } from '@servent/lab/backend'
import { randomOf } from '@servent/simulator'
import { describe, expect, it } from 'vitest'
import { realRun } from '../src/real-run.ts'
import type { PeerSpec, RealPeer } from '../src/types.ts'
import { runOf, WORK } from './conditions-work.ts'

describe('a run on real peers of this process', { timeout: 60_000 }, () => {
  it('that parts is right on each side by its own truth, and one again after it', async () => {
    const { lookups, partition, faults } = await runOf('chord', {
      partition: '0.4/3s',
      duration: 12,
      lookups: 48
    })
    const { apart, before, during, after, healing_s } = partition!
    expect([apart, healing_s]).toEqual([3, null])
    expect(before.issued + during.issued + after.issued).toBe(lookups.issued)
    // Answers may be late on a busy machine, and none is wrong.
    expect(during.incorrect).toBe(0)
    for (const { issued, correct } of [before, during, after]) {
      expect(issued).toBeGreaterThan(4)
      expect(correct).toBeGreaterThan(0)
    }
    expect(faults!.broken).toBeGreaterThan(4)
    expect(faults!.refused).toBeGreaterThan(0)
  })
})

/** What a run asks of a network whose peers take part and find nothing. */
async function asked(more: PlanInput, overlay: OverlayId = 'gnutella') {
  const specs: PeerSpec[] = []
  const killed: number[] = []
  const counted: number[] = []
  const cuts: (readonly [node: number, peerIds: readonly string[]])[] = []
  const plan = resolvePlan({ ...WORK, overlays: [overlay], ...more })
  const look = {
    sentByType: {},
    sentBytes: 0,
    receivedMessages: 0,
    links: 1,
    entries: 0,
    isAnnounced: true,
    questions: {},
    faults: { broken: 0, refused: 0 },
    loop: { activeMs: 0, idleMs: 1 }
  }
  await realRun({
    job: { plan, overlay, seed: 1, atATime: 1, work: 1, graph: false },
    files: filesIn({}, plan),
    makeNetwork: () => ({
      start: async spec => {
        specs.push(spec)
        return {
          peerId: spec.peerId,
          address: `/ip4/127.0.0.1/tcp/1/p2p/${spec.peerId}`,
          joined: async () => {},
          settled: async () => {},
          look: async ({ withKernel } = {}) => {
            if (withKernel) counted.push(spec.node)
            return look
          },
          lookup: async () => ({
            found: undefined,
            hops: undefined,
            timeouts: undefined,
            tookMs: 1,
            names: undefined
          }),
          cutOff: async peerIds => void cuts.push([spec.node, peerIds]),
          kill: async () => void killed.push(spec.node)
        } satisfies Partial<RealPeer> as unknown as RealPeer
      },
      close: async () => {}
    }),
    signal: new AbortController().signal,
    onDone: () => {},
    tailMs: 1
  })
  return { specs, cuts, killed, counted, plan }
}

const placesOf = (count: number) => {
  const places = new Places(count)
  for (let node = 0; node < count; node += 1) places.take(node)
  return places
}

describe.concurrent('what a run asks of its network', () => {
  it('is a line, resets and firewalls of each peer, as the simulator draws them', async () => {
    const { specs, plan } = await asked({
      bandwidth: '10kB/20kB',
      resets: '2/m',
      firewalled: 0.5,
      duration: 1,
      warmup: 0
    })
    const firewalls = new Firewalls(plan, placesOf(8), randomOf('servent-lab/1').fork('firewalls'))
    expect(specs.map(({ conditions }) => conditions)).toEqual(
      specs.map(({ node }) => ({
        bandwidth: { up: 10_000, down: 20_000 },
        resets: { lifeMs: 30_000, seed: `servent-lab/1/resets/${node}` },
        isFirewalled: firewalls.isBehind(node)
      }))
    )
    expect(specs.filter(({ conditions }) => conditions.isFirewalled)).toHaveLength(4)
    // Nobody is told of somebody who cannot be dialled.
    const behind = specs.flatMap(({ peerId, conditions }) => (conditions.isFirewalled ? [peerId] : []))
    const told = specs.flatMap(({ contacts }) => contacts)
    expect(told.length).toBeGreaterThan(6)
    expect(told.filter(address => behind.some(peerId => address.includes(peerId)))).toEqual([])
  })

  it('is to part as the simulator does, everybody from the whole other side, and to be whole again', async () => {
    const { specs, cuts } = await asked({ partition: '0.4/1s', duration: 4, warmup: 0 })
    const sides = new Sides(0.4, placesOf(8), randomOf('servent-lab/1').fork('partition'))
    const peerIds = (side: number) =>
      specs.flatMap(({ node, peerId }) => (sides.sideOf(node) === side ? [peerId] : []))
    expect([peerIds(0).length, peerIds(1).length]).toEqual([5, 3])
    expect(cuts).toEqual([
      ...specs.map(({ node }) => [node, peerIds(1 - sides.sideOf(node))]),
      ...specs.map(({ node }) => [node, []])
    ])
  })

  it('is to lose a part of the peers, and of the servers, before the first question', async () => {
    const plan = {
      failures: 0.5,
      set: { 'napster.servers': 4 },
      bandwidth: '10kB',
      firewalled: 0.5,
      resets: '1/m'
    }
    const { specs, killed, counted } = await asked({ ...plan, duration: 1, warmup: 0 }, 'napster')
    const servers = specs.flatMap(({ node, isServer }) => (isServer ? [node] : []))
    expect(servers).toEqual([0, 1, 2, 3])
    expect(killed.filter(node => servers.includes(node))).toHaveLength(2)
    expect(killed.filter(node => !servers.includes(node))).toHaveLength(4)
    // Of the system's count, which holds up whoever is to die, one is asked at the end, of who lives.
    const living = specs.flatMap(({ node }) => (killed.includes(node) ? [] : [node]))
    expect(counted.toSorted((a, b) => a - b)).toEqual(living)
    // An operator's line has no bound, and no firewall, and its connections break as others do.
    for (const { conditions, isServer } of specs) {
      expect('bandwidth' in conditions).toBe(!isServer)
      expect(conditions.resets?.lifeMs).toBe(60_000)
    }
    expect(specs.filter(({ conditions }) => conditions.isFirewalled)).toHaveLength(4)
    expect(specs.some(({ conditions, isServer }) => isServer && conditions.isFirewalled)).toBe(false)
  })
})
