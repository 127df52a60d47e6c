/** Who comes and goes on the clock on the wall: what timers cannot wait for, who finds no room, and what failed. */
import { resolvePlan } from '@servent/lab'
import { overlaySettings, Places, World } from '@servent/lab/backend'
import { Streams } from '@servent/simulator'
import { describe, expect, it, vi } from 'vitest'
import { TIMER_MS_MAX } from '../src/access.ts'
import { Crowd } from '../src/crowd.ts'
import { LocalRendezvous } from '../src/rendezvous.ts'
import { Truth } from '../src/truth.ts'
import type { RealPeer } from '../src/types.ts'

const NODES_MAX = 3
const plan = resolvePlan({ overlays: ['chord'], backend: 'in-process', nodes: 2, lookups: 1 })
const never = new Promise<never>(() => {})

function crowdOf(peer: Partial<RealPeer> = {}) {
  const errors: Error[] = []
  const start = vi.fn(async ({ peerId }: { readonly peerId: string }) => {
    return {
      peerId,
      address: `/ip4/127.0.0.1/tcp/1/p2p/${peerId}`,
      joined: () => never,
      settled: () => never,
      ...peer
    } as RealPeer
  })
  const crowd = new Crowd({
    seed: 'a',
    network: { start, close: async () => {} },
    rendezvous: new LocalRendezvous(),
    truth: new Truth('chord', overlaySettings(plan, 'chord')),
    world: new World('a', plan),
    places: new Places(plan.nodes),
    random: new Streams('a'),
    shares: false,
    nodesMax: NODES_MAX,
    conditionsOf: () => ({ isFirewalled: false }),
    introduced: node => node,
    nowUs: () => 0,
    onError: error => errors.push(error)
  })
  return { crowd, start, errors }
}

describe('the peers of a run', () => {
  it('do nothing at once that lies further off than a timer waits', async () => {
    const { crowd } = crowdOf()
    const done: string[] = []
    crowd.at(TIMER_MS_MAX * 1000, () => done.push('at the limit'))
    crowd.at((TIMER_MS_MAX + 1) * 1000, () => done.push('one past it'))
    crowd.at(10_000, () => done.push('soon'))
    await vi.waitFor(() => expect(done).toContain('soon'))
    expect(done).toEqual(['soon'])
    crowd.end()
  })

  it('are as many as the backend takes: who comes beyond is turned away, and there is room when somebody goes', async () => {
    const { crowd, start } = crowdOf({ look: async () => ({}) as never, kill: async () => {} })
    const come = () => {
      const node = crowd.addNode()
      crowd.start(node)
      crowd.contact(node, 0)
      return node
    }
    for (let peer = 0; peer < NODES_MAX; peer += 1) come()
    expect(crowd.turnedAway).toBe(0)
    const away = come()
    await crowd.settled()
    expect(crowd.turnedAway).toBe(1)
    expect(crowd.alive(away)).toBe(false)
    expect(crowd.aliveNodes()).toEqual([0, 1, 2])
    expect(start).toHaveBeenCalledTimes(NODES_MAX)

    crowd.crash(1)
    const last = come()
    await crowd.settled()
    expect(crowd.turnedAway).toBe(1)
    expect(crowd.aliveNodes()).toEqual([0, 2, last])
  })

  it.each([
    [
      { look: async () => Promise.reject(new Error('No word.')) },
      'Peer 0 told nothing before its death: No word.'
    ],
    [
      { look: async () => ({}) as never, kill: async () => Promise.reject(new Error('No right.')) },
      'Peer 0 could not be killed: No right.'
    ]
  ])('fail by what failed (%#)', async (peer, told) => {
    const { crowd, errors } = crowdOf(peer)
    crowd.start(crowd.addNode())
    await crowd.settled()
    crowd.crash(0)
    await crowd.settled()
    expect(errors.map(({ message }) => message)).toEqual([told])
  })
})
