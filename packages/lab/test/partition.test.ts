/** Networks that fall in two and heal: what is right meanwhile, and when each overlay is one again. */
import { groupOf } from '@servent/kelips/machine'
import { latencyModel, randomOf } from '@servent/simulator'
import { describe, expect, it, vi } from 'vitest'
import { ADAPTERS } from '../src/overlays/adapters.ts'
import type { KelipsDeployment } from '../src/overlays/kelips.ts'
import { countReached } from '../src/overlays/linked.ts'
import { OVERLAYS, type OverlayId } from '../src/overlays/settings.ts'
import { PARTITION_PART_MAX, parsePartition, Sides, withinReach } from '../src/partition.ts'
import { Places } from '../src/places.ts'
import { type PlanInput, resolvePlan } from '../src/plan.ts'
import { runOnce } from '../src/run.ts'
import { figuresOf } from '../src/study/figures.ts'
import { resolveStudy } from '../src/study/study.ts'
import { summariseOverlay } from '../src/summary.ts'
import { net } from './deployed.ts'
import { planRefusal, refusal } from './refusal.ts'

describe('as it is written', () => {
  it('is a part of the peers and a time', () => {
    expect(parsePartition('0.3/5m')).toEqual({ part: 0.3, us: 300_000_000 })
    expect(parsePartition(`${PARTITION_PART_MAX}/1s`)).toEqual({ part: 0.5, us: 1_000_000 })
  })

  it('has a part up to PARTITION_PART_MAX and a second at least', () => {
    for (const text of [`${PARTITION_PART_MAX + 0.01}/5m`, '0/5m', '-0.1/5m', '/5m', '0.3/5m/2', 'half/5m'])
      expect(
        refusal(() => parsePartition(text)),
        text
      ).toContain('its part lies above 0 and up to 0.5')
    expect(refusal(() => parsePartition('0.3/999ms'))).toContain('lasts 1s at least')
    for (const text of ['0.3/300', '0.3', '0.3/-5m'])
      expect(
        refusal(() => parsePartition(text)),
        text
      ).toContain('is no time')
  })

  it('makes the measured time four times as long, and takes half of one that is given at most', () => {
    expect(resolvePlan({ lookups: 10, partition: '0.3/5m' }).duration).toBe(1200)
    expect(resolvePlan({ lookups: 10, partition: '0.3/1m' }).duration).toBe(600)
    expect(planRefusal({ partition: '0.3/5m', duration: 600 })).toBeUndefined()
    expect(planRefusal({ partition: '0.3/5m', duration: 599 })).toContain('try --duration 1200')
  })

  it('goes with nothing else that parts or lies, and cuts somebody off', () => {
    for (const other of [{ failures: 0.1 }, { churn: 'exp:1h' }, { liars: 0.1 }, { puts: 5 }])
      expect(planRefusal({ partition: '0.3/1m', ...other })).toBe(
        `partition and ${Object.keys(other)[0]} exclude each other: nobody could say which of them did what.`
      )
    expect(planRefusal({ partition: '0.01/1m' })).toContain('cuts off nobody')
  })

  it('that is wrong in a plan file is told with its line', () => {
    const text = 'title: T\nparts:\n  - name: one\n    lookups: 10\n    partition: [0.2/5m, 0.7/5m]\n'
    expect(refusal(() => resolveStudy(text, 'x.yaml'))).toMatch(
      /^x\.yaml:5: partition is "0\.7\/5m", and its part/
    )
  })
})

describe('the sides', () => {
  const sidesOf = (part: number, seed = 's', count = 100) => {
    const places = new Places(count)
    for (let node = 0; node < count; node += 1) places.take(node)
    return new Sides(part, places, randomOf(seed))
  }
  const nodes = Array.from({ length: 100 }, (_, node) => node)

  it('have as many peers as the part says, drawn from the seed', () => {
    const sides = sidesOf(0.3)
    expect(sides.apart).toBe(30)
    const apart = nodes.filter(node => sides.sideOf(node) === 1)
    expect(apart).toHaveLength(30)
    expect(nodes.filter(node => sidesOf(0.3).sideOf(node) === 1)).toEqual(apart)
    expect(nodes.filter(node => sidesOf(0.3, 't').sideOf(node) === 1)).not.toEqual(apart)
    // Servers, which have no place, with the same chance.
    const servers = Array.from({ length: 1000 }, (_, at) => sides.sideOf(100 + at))
    expect(servers.filter(side => side === 1).length / 1000).toBeCloseTo(0.3, 1)
  })

  it('have a smaller one that is smaller where an odd number is halved, and never empty', () => {
    const apart = [2, 3, 5, 100, 101].map(count => sidesOf(PARTITION_PART_MAX, 's', count).apart)
    expect(apart).toEqual([1, 1, 2, 50, 50])
    // Below a half it is the nearest number, as it was.
    expect([sidesOf(0.25, 's', 10).apart, sidesOf(0.29).apart]).toEqual([3, 29])
  })

  it('hear each other until they are parted, and when they have healed', () => {
    const sides = sidesOf(0.5)
    const [one, other] = [0, nodes.find(node => sides.sideOf(node) !== sides.sideOf(0))!]
    const network = sides.over(latencyModel('constant:40', randomOf('l')))
    expect(network.roundTripUs(one, other)).toBe(40_000)
    const beforeIt = withinReach(sides, one)
    expect(network.usable!(one, other, 1000)).toBe(true)
    sides.split(2000)
    const meanwhile = withinReach(sides, one)
    expect([network.usable!(one, other, 2000), network.usable!(one, one, 2000)]).toEqual([false, true])
    expect([beforeIt(other), meanwhile(other), meanwhile(one)]).toEqual([true, false, true])
    sides.heal(3000)
    expect([network.usable!(one, other, 3000), meanwhile(other)]).toEqual([true, true])
  })
})

describe('how whole an overlay is', () => {
  it.each(['chord', 'pastry', 'kelips', 'kademlia'] as const)('%s: all know their neighbours', overlay => {
    const { deployment } = net(overlay, ADAPTERS[overlay].deploy)
    expect(deployment.wholeness()).toBe(60)
  })

  it('kelips: all that each of a group knows is held against its group, and the members are sorted once a look', () => {
    const { deployment, peers } = net('kelips', ADAPTERS.kelips.deploy, { 'kelips.groups': 4 })
    const { simulation } = deployment as KelipsDeployment
    const keys = vi.spyOn(simulation, 'keyOf')
    expect(deployment.wholeness()).toBe(60)
    // Once for its own place, and once as a member.
    expect(keys.mock.calls.length).toBeLessThanOrEqual(2 * 60)
    keys.mockRestore()
    const membersNow = () => peers.aliveNodes().filter(node => deployment.isMember(node))
    const inPlace = () => {
      const members = membersNow()
      return members.filter(node => {
        const { level, members: known } = simulation.machine(node).snapshot()
        const knows = known.map(({ peer }) => simulation.nodeOfPeer(node, peer))
        const groupAt = (one: number) => groupOf(simulation.keyOf(one), level)
        return members.every(
          other => other === node || groupAt(other) !== groupAt(node) || knows.includes(other)
        )
      }).length
    }
    for (const node of [3, 14, 15, 9, 26]) peers.crash(node)
    const looks = Array.from({ length: 40 }, (_, at) => {
      if (at % 8 === 0) {
        const node = peers.addNode()
        peers.start(node)
        peers.contact(node, 0)
      }
      simulation.runFor(500_000)
      return { whole: deployment.wholeness(), counted: inPlace(), members: membersNow().length }
    })
    expect(looks.map(({ whole }) => whole)).toEqual(looks.map(({ counted }) => counted))
    // Some do not know a newcomer of their group yet.
    expect(looks.some(({ whole, members }) => whole < members)).toBe(true)
  })

  it('others: whom peers reach over so many links', () => {
    const { deployment } = net('gnutella', ADAPTERS.gnutella.deploy)
    const { simulation } = deployment
    // Every second one of 60 is looked at.
    expect(countReached(simulation, 0)).toBe(30)
    const degrees = simulation.aliveNodes().filter((_, at) => at % 2 === 0)
    expect(countReached(simulation, 1)).toBe(
      30 + degrees.reduce((sum, node) => sum + simulation.linkedTo(node).length, 0)
    )
    expect(countReached(simulation, 7)).toBe(30 * 60)
    expect(deployment.wholeness()).toBe(30 * 60)
  })
})

const run = (overlay: OverlayId, more: PlanInput = {}) => {
  const plan = resolvePlan({ nodes: 40, lookups: 400, partition: '0.3/2m', ...more })
  return runOnce(plan, {}, { overlay, seed: 1 })
}

describe('a run', { timeout: 60_000 }, () => {
  it.each(OVERLAYS)('of %s is measured before, during and after', overlay => {
    const { partition, lookups } = run(overlay)
    const { before, during, after } = partition!.phases
    const issued = ({ correct, incorrect, failed }: typeof before) => correct + incorrect + failed
    expect(partition!.apart).toBe(12)
    expect(before).toMatchObject({ incorrect: 0, failed: 0 })
    expect(issued(before) + issued(during) + issued(after)).toBe(
      issued({ ...lookups, searches: before.searches })
    )
    // A quarter of 600 s each before it, and 120 s parted.
    expect(issued(before)).toBeGreaterThan(70)
    expect(issued(during)).toBeGreaterThan(40)
    expect(issued(after)).toBeGreaterThan(150)
    // Held against all peers, two of five would be wrong.
    expect(during.correct / issued(during)).toBeGreaterThan(0.75)
  })

  it.each(['chord', 'pastry', 'kademlia', 'gnutella', 'fasttrack', 'napster'] as const)(
    'of %s heals, and finds everything again',
    overlay => {
      const { healedUs, phases } = run(overlay, { partition: '0.3/3m' }).partition!
      expect(healedUs).toBeGreaterThan(0)
      expect(healedUs).toBeLessThan(200_000_000)
      const { correct, incorrect, failed } = phases.after
      expect(correct / (correct + incorrect + failed)).toBeGreaterThan(0.7)
    }
  )

  // Of larger networks one or two peers may lack somebody of their group for longer than a run.
  it('of Kelips heals when gossip has told everybody of all in its group', () => {
    const { healedUs } = run('kelips', { nodes: 24, partition: '0.25/2m', duration: 480 }).partition!
    expect(healedUs).toBeGreaterThan(0)
    expect(healedUs).toBeLessThan(200_000_000)
  })

  it('in which nobody has noticed is whole at once', () => {
    expect(run('chord', { partition: '0.3/1s' }).partition!.healedUs).toBe(0)
  })

  it('searches for what is within reach', () => {
    const { partition } = run('fasttrack', { lookups: 0, searches: 300, partition: '0.5/5m' })
    const { before, during } = partition!.phases
    expect(before.searches.right).toBe(before.searches.wanted)
    expect(before.correct + before.incorrect + before.failed).toBe(0)
    expect(during.searches.wanted).toBeGreaterThan(0)
    // Of what all peers have, half of the peers have a good half.
    expect(during.searches.right / during.searches.wanted).toBeGreaterThan(0.85)
  })

  it('without one has nothing of it', () => {
    expect(run('chord', { partition: null })).not.toHaveProperty('partition')
  })
})

it('results and figures have what runs came to, and say which did not heal', () => {
  const one = run('chord')
  const phases = one.partition!.phases
  const counts = {
    before: { ...phases.before, correct: 10, incorrect: 0, failed: 0 },
    during: { correct: 6, incorrect: 3, failed: 1, searches: { wanted: 8, right: 2 } },
    after: { ...phases.after, correct: 4, incorrect: 0, failed: 4 }
  }
  const runs = [40_000_000, 20_000_000, undefined].map(healedUs => ({
    ...one,
    partition: { apart: 12, phases: counts, healedUs }
  }))
  const what = { overlay: 'chord', settings: {}, backend: 'simulator', nodes: 40 } as const
  const { partition } = summariseOverlay(what, runs)
  expect(partition).toMatchObject({
    apart: 12,
    before: { issued: 30, success: 1, recall: null },
    during: { issued: 30, correct: 18, incorrect: 9, failed: 3, success: 0.6, recall: 0.25 },
    after: { success: 0.5 },
    healing_s: { mean: 30, max: 40, healed: 2, unhealed: 1 }
  })
  const figures = figuresOf(runs)
  expect(figures.healing_s).toEqual({ runs: [40, 20, null], median: 40, ci95: null })
  // Where most did not heal there is no time by which a run does.
  const [healed, , unhealed] = runs
  const most = figuresOf([healed!, healed!, unhealed!, unhealed!, unhealed!]).healing_s
  expect(most).toEqual({ runs: [40, 40, null, null, null], median: null, ci95: null })
  expect(figures.success_before.median).toBe(1)
  expect(figures.success_during.median).toBe(0.6)
  expect(figures.success_after.median).toBe(0.5)
  expect(figures.incorrect_during.median).toBe(0.3)
  expect(figures.recall_before.median).toBeNull()
  expect(figures.recall_during.median).toBe(0.25)
  expect(figures.recall_after.median).toBeNull()
  const { partition: _, ...plain } = one
  expect(summariseOverlay(what, [plain]).partition).toBeNull()
  expect(figuresOf([plain]).healing_s.median).toBeNull()
})
