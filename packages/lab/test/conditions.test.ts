/** Networks with lines that carry so much, connections that break, and peers that nobody can dial: as plans say it, and as simulated. */
import { constantLatency, randomOf } from '@servent/simulator'
import { describe, expect, it } from 'vitest'
import {
  BANDWIDTH_BYTES_MAX,
  BANDWIDTH_BYTES_MIN,
  conditioned,
  FIREWALLED_MAX,
  Firewalls,
  operatorsNodes,
  parseBandwidth,
  parseResets,
  RESET_LIFE_S_MAX,
  RESETS_PER_S_MAX
} from '../src/conditions.ts'
import { napster } from '../src/overlays/napster.ts'
import { settingsOf } from '../src/overlays/settings.ts'
import { whyNot } from '../src/p2psim/protocol.ts'
import { Peers } from '../src/peers.ts'
import { Places } from '../src/places.ts'
import { type PlanInput, resolvePlan } from '../src/plan.ts'
import { runOnce } from '../src/run.ts'
import { resolveStudy } from '../src/study/study.ts'
import { World } from '../src/world.ts'
import { planRefusal, refusal } from './refusal.ts'

describe('as it is written', () => {
  it('a bandwidth is bytes a second up and down, or one figure for both', () => {
    expect(parseBandwidth('1MB')).toEqual({ up: 1_000_000, down: 1_000_000 })
    expect(parseBandwidth('12.5kB/1.5MB')).toEqual({ up: 12_500, down: 1_500_000 })
    expect(parseBandwidth(`${BANDWIDTH_BYTES_MIN / 1_000}kB`).up).toBe(BANDWIDTH_BYTES_MIN)
    expect(parseBandwidth(`${BANDWIDTH_BYTES_MAX / 1_000_000}MB`).up).toBe(BANDWIDTH_BYTES_MAX)
  })

  it.each([
    '0.999kB',
    '1001MB',
    '1MB/0.5kB',
    '1MB/1001MB',
    '1MB/1MB/1MB',
    '1MB/s',
    '1000',
    'fast',
    '',
    '-1kB'
  ])('a bandwidth is not %s', bandwidth => {
    expect(planRefusal({ bandwidth })).toBe(
      `bandwidth is "${bandwidth}"; write 1MB, or 128kB/1MB: bytes a second up and down of each peer, in kB or MB, from 1kB to 1000MB.`
    )
  })

  it('resets are so many of a connection in a time', () => {
    expect(parseResets('0.1/m')).toBe(600_000_000)
    expect(parseResets(`${RESETS_PER_S_MAX}/s`)).toBe(1_000_000)
    expect(parseResets('2/h')).toBe(1_800_000_000)
    const rarest = 3_600 / RESET_LIFE_S_MAX
    expect(parseResets(`${rarest.toFixed(9)}/h`) / 1_000_000).toBeCloseTo(RESET_LIFE_S_MAX, -2)
  })

  it.each(['1.001/s', '61/m', '0/m', '0.0004/h', '-1/m', '1/d', '1', '', '1/m/m'])(
    'resets are not %s',
    resets => expect(planRefusal({ resets })).toContain(`resets is "${resets}"; write 0.1/m: how often`)
  )

  it('firewalls leave somebody who can be dialled, and have somebody behind them', () => {
    expect(planRefusal({ firewalled: FIREWALLED_MAX, nodes: 40 })).toBeUndefined()
    expect(planRefusal({ firewalled: FIREWALLED_MAX + 0.01 })).toContain('firewalled is 0.96')
    expect(planRefusal({ firewalled: 0.95, nodes: 10 })).toBe(
      'firewalled 0.95 of 10 peers is everybody: try another part, or more --nodes.'
    )
    expect(planRefusal({ firewalled: 0.01 })).toContain('of 40 peers is nobody')
  })

  it('with firewalls peers join, for tables that are put down are of a network without', () => {
    expect(resolvePlan({ firewalled: 0.3 })).toMatchObject({ start: 'joined', warmup: 7_200 })
    expect(resolvePlan({})).toMatchObject({ start: 'ideal', firewalled: 0, bandwidth: null, resets: null })
    expect(planRefusal({ firewalled: 0.3, start: 'ideal' })).toContain('try --start joined')
  })

  it('connections do not break where maintenance stands still', () => {
    expect(planRefusal({ resets: '1/m', failures: 0.3 })).toContain('resets and failures exclude each other')
    expect(planRefusal({ resets: '1/m', failures: 0.3, backend: 'in-process' })).toBeUndefined()
  })

  it('that is wrong in a plan file is told with its line', () => {
    const text = 'title: T\nparts:\n  - name: one\n    lookups: 10\n    resets: [1/m, often]\n'
    expect(refusal(() => resolveStudy(text, 'x.yaml'))).toMatch(/^x\.yaml:5: resets is "often"/)
  })

  it('p2psim has none of it', () => {
    for (const more of [{ bandwidth: '1MB' }, { resets: '1/m' }, { firewalled: 0.3 }]) {
      const plan = resolvePlan({ ...more, churn: null })
      expect(whyNot({ overlay: 'chord', plan })).toBe(
        'p2psim knows of no bandwidth, no resets and no firewalls'
      )
    }
  })
})

/** Peers that came in the order of their places, behind two servers. */
function placesOf(count: number) {
  const places = new Places(count)
  for (let node = 2; node < count + 2; node += 1) places.take(node)
  return places
}
const nodes = Array.from({ length: 102 }, (_, node) => node)
const firewallsOf = (firewalled: number, seed = 's', count = 100) =>
  new Firewalls({ firewalled }, placesOf(count), randomOf(seed))

describe('firewalls', () => {
  it('are of as many peers as the part says, drawn from the seed, and of no server', () => {
    const behind = (seed: string) => nodes.filter(node => firewallsOf(0.3, seed).isBehind(node))
    expect(behind('s')).toHaveLength(30)
    expect(behind('s')).toEqual(behind('s'))
    expect(behind('t')).not.toEqual(behind('s'))
    expect(Math.min(...behind('s'))).toBeGreaterThan(1)
  })

  it('are of the same part of those who come beyond the places of the plan', () => {
    const behind = (seed: string) => {
      const places = placesOf(100)
      const firewalls = new Firewalls({ firewalled: 0.3 }, places, randomOf(seed))
      const further = Array.from({ length: 2_000 }, (_, more) => 102 + more)
      for (const node of further) places.take(node)
      expect(nodes.filter(node => firewalls.isBehind(node))).toHaveLength(30)
      return further.filter(node => firewalls.isBehind(node))
    }
    expect(behind('s').length / 2_000).toBeCloseTo(0.3, 1)
    expect(behind('s')).toEqual(behind('s'))
    expect(behind('t')).not.toEqual(behind('s'))
  })

  it('never are of who comes first', () => {
    for (const seed of ['a', 'b', 'c', 'd'])
      expect(nodes.filter(node => firewallsOf(0.95, seed, 4).isBehind(node))).toEqual([3, 4, 5])
  })

  it('leave newcomers those who can be dialled: members, nobody twice, and not themselves', () => {
    for (let seed = 0; seed < 200; seed += 1) {
      const places = new Places(40)
      const firewalls = new Firewalls({ firewalled: 0.9 }, places, randomOf(`${seed}`))
      const random = randomOf(`${seed}`).fork('joining')
      // Who came takes part once two more have come.
      const isMember = (node: number) => node < places.taken.length - 2
      for (let node = 0; node < 40; node += 1) {
        const drawn = [0, 1, 2, 3].flatMap(() => places.choose(random.unit(), isMember) ?? [])
        const members = places.taken.filter(one => isMember(one) && !firewalls.isBehind(one))
        const contacts = drawn.length > 0 ? new Set(drawn) : new Set(places.taken.slice(0, 1))
        places.take(node)
        const told = [...contacts].flatMap(one => firewalls.introduced(one, node, isMember) ?? [])
        expect(told.length, `seed ${seed}, peer ${node}`).toBeGreaterThanOrEqual(Math.min(node, 1))
        expect(new Set(told).size).toBe(told.length)
        expect(told).not.toContain(node)
        expect(told.filter(one => firewalls.isBehind(one))).toEqual([])
        if (members.length > 0) expect(told.filter(one => !isMember(one))).toEqual([])
      }
    }
  })

  it('let the only one who can be dialled be told of nobody, when it comes in the place of another', () => {
    const places = placesOf(4)
    const firewalls = new Firewalls({ firewalled: 0.95 }, places, randomOf('s'))
    expect(firewalls.introduced(3, 5, () => true)).toBe(2)
    places.leave(2)
    places.take(6)
    expect(firewalls.introduced(3, 6, node => node !== 6)).toBeUndefined()
    expect(firewalls.introduced(3, 5, node => node !== 6)).toBe(6)
  })

  it('let a newcomer be told of whom chance names, where that one can be dialled', () => {
    for (const node of nodes.slice(3)) {
      const firewalls = firewallsOf(0.5)
      expect(firewalls.introduced(node, 2, () => false) === node).toBe(!firewalls.isBehind(node))
    }
    expect(firewallsOf(0).introduced(5, 5, () => false)).toBe(5)
  })
})

describe('in the simulator', () => {
  const base = constantLatency(20_000)
  const make = (plan: PlanInput) => {
    const firewalls = firewallsOf(plan.firewalled ?? 0)
    const places = placesOf(100)
    const network = conditioned(base, resolvePlan(plan), { random: randomOf('n'), firewalls, places })
    return { network, firewalls }
  }

  it('a network of which nothing is asked is the same one', () => {
    expect(make({}).network).toBe(base)
    expect(
      operatorsNodes('napster', settingsOf('napster', { 'napster.servers': 3 }, false), { nodes: 9 })
    ).toBe(3)
    expect(operatorsNodes('napster', settingsOf('napster', {}, false), { nodes: 16_001 })).toBe(2)
    expect(operatorsNodes('chord', settingsOf('chord', {}, false), { nodes: 9 })).toBe(0)
  })

  it('lines bound peers and no servers, who is behind a firewall is dialled by nobody, and connections live as long', () => {
    const { network, firewalls } = make({ bandwidth: '10kB/20kB', resets: '1/m', firewalled: 0.5 })
    expect(nodes.map(node => network.bandwidthBytesPerS!(node))).toEqual(
      nodes.map(node => (node < 2 ? undefined : { up: 10_000, down: 20_000 }))
    )
    const random = randomOf('d')
    for (const node of nodes)
      expect(network.dialUs!(0, node, random) === undefined).toBe(firewalls.isBehind(node))
    const lives = Array.from({ length: 2_000 }, () => network.resetAfterUs!(0, 1, random)!)
    expect(lives.reduce((sum, us) => sum + us, 0) / lives.length / 60_000_000).toBeCloseTo(1, 1)
    expect(network.roundTripUs(0, 1)).toBe(base.roundTripUs(0, 1))
  })

  it.each(['ideal', 'joined'] as const)(
    'of a Napster network whose start is %s lines bound all users, one who comes later too, and no servers',
    start => {
      const places = new Places(10)
      const firewalls = new Firewalls({ firewalled: 0 }, places, randomOf('f'))
      const made = conditioned(base, resolvePlan({ bandwidth: '10kB' }), {
        random: randomOf('n'),
        firewalls,
        places
      })
      const lines: unknown[] = []
      const bandwidthBytesPerS = (node: number) => {
        lines[node] = made.bandwidthBytesPerS!(node)
        return made.bandwidthBytesPerS!(node)
      }
      const deployment = napster.deploy({
        seed: 's',
        network: { ...made, bandwidthBytesPerS },
        settings: settingsOf('napster', { 'napster.servers': 2 }, false),
        world: new World('w', resolvePlan({ nodes: 10 })),
        places,
        frozen: false
      })
      const peers = new Peers(deployment, places)
      const come = () => Array.from({ length: 10 }, () => peers.addNode())
      if (start === 'ideal') deployment.startIdeal(come())
      else for (let peer = 0; peer < 10; peer += 1) peers.start(peers.addNode())
      peers.start(peers.addNode())
      const { servers } = deployment
      expect(servers).toEqual(start === 'ideal' ? [10, 11] : [1, 2])
      expect(lines).toEqual(
        Array.from({ length: 13 }, (_, node) =>
          servers!.includes(node) ? undefined : { up: 10_000, down: 10_000 }
        )
      )
    }
  )

  const run = (more: PlanInput, overlay: 'chord' | 'napster' = 'chord') =>
    runOnce(
      resolvePlan({ nodes: 40, lookups: 100, duration: 120, latency: 'constant:40', ...more }),
      {},
      { overlay, seed: 1 }
    )
  const middle = ({ latencyUs }: ReturnType<typeof run>['lookups']) =>
    latencyUs.toSorted()[latencyUs.length >> 1]!

  it('a run over slow lines takes longer, and over broken ones has as many links', () => {
    const [plain, slow, broken] = [{}, { bandwidth: '4kB' }, { resets: '2/m' }].map(more => run(more))
    expect(middle(slow!.lookups)).toBeGreaterThan(2 * middle(plain!.lookups))
    expect(broken!.traceHash).not.toBe(plain!.traceHash)
    const links = ({ nodes: { connections } }: typeof plain & object) =>
      connections.reduce((a, b) => a + b, 0)
    expect(links(broken!)).toBeGreaterThan(links(plain!) / 2)
    expect(broken!.lookups.correct).toBeGreaterThan(80)
  })

  it('slow lines of users slow no server of Napster down', () => {
    const { lookups } = run({ bandwidth: '1kB', warmup: 120, lookups: 600 }, 'napster')
    expect(lookups.correct).toBe(600)
  })

  it('a run with firewalls finds what others find where peers call servers', () => {
    const { lookups, nodes: sampled } = run({ firewalled: 0.5, warmup: 300 }, 'napster')
    expect(lookups.correct).toBe(100)
    expect(sampled.atEnd).toEqual({ live: 40, members: 40 })
  })
})
