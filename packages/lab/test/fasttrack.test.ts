/** FastTrack's adapter against what it measures: truth, costs, roles, repair. */
import { latencyModel, type NodeIndex, randomOf } from '@servent/simulator'
import { describe, expect, it } from 'vitest'
import type { Deployment, LookupOutcome, SearchOutcome } from '../src/deployment.ts'
import { fasttrack } from '../src/overlays/fasttrack.ts'
import { settingsOf } from '../src/overlays/settings.ts'
import { Peers } from '../src/peers.ts'
import { Places } from '../src/places.ts'
import { resolvePlan } from '../src/plan.ts'
import { World } from '../src/world.ts'

const NODES = 60
const world = new World('w', resolvePlan({ nodes: NODES, lookups: 40, searches: 40, duration: 10 }))

interface Net {
  readonly deployment: Deployment
  readonly places: Places
  readonly peers: Peers
  readonly supernodes: readonly NodeIndex[]
}

/** The machine's own word, which the lab's types leave to the adapter. */
const tablesOf = ({ simulation }: Deployment, node: NodeIndex) =>
  (simulation as unknown as { machine(of: NodeIndex): { snapshot(): Record<string, unknown> } })
    .machine(node)
    .snapshot()

function net(set: Record<string, number> = {}, frozen = false): Net {
  const places = new Places(NODES)
  const deployment = fasttrack.deploy({
    seed: 's',
    network: latencyModel('constant:40', randomOf('l')),
    settings: settingsOf('fasttrack', { 'fasttrack.ordinaries-per-supernode': 9, ...set }, frozen),
    world,
    places,
    frozen
  })
  const peers = new Peers(deployment, places)
  const nodes = Array.from({ length: NODES }, () => peers.addNode())
  deployment.startIdeal(nodes)
  deployment.simulation.runFor(60_000_000)
  const supernodes = nodes.filter(node => tablesOf(deployment, node).role === 'supernode')
  return { deployment, places, peers, supernodes }
}

function lookUpAll({ deployment, places }: Net): LookupOutcome[] {
  const outcomes: LookupOutcome[] = []
  for (const ask of world.lookups) {
    const origin = places.choose(ask.chooser, () => true)!
    deployment.lookup(origin, ask, outcome => outcomes.push(outcome))
    deployment.simulation.runFor(12_000_000)
  }
  return outcomes
}

function searchAll({ deployment, places }: Net): SearchOutcome[] {
  const outcomes = world.searches.map(ask =>
    deployment.search!(places.choose(ask.chooser, () => true)!, ask, () => {})
  )
  deployment.simulation.runFor(20_000_000)
  return outcomes
}

const sum = (outcomes: readonly SearchOutcome[], of: 'wanted' | 'found' | 'right') =>
  outcomes.reduce((total, one) => total + one[of], 0)

describe('FastTrack', () => {
  it('finds who has a file, and each lookup costs the query, its answers and its ends', () => {
    const made = net()
    expect(made.supernodes).toHaveLength(6)
    const outcomes = lookUpAll(made)
    expect(outcomes).toHaveLength(40)
    for (const { status, hops, hopsAsPublished, cost, timeouts, found } of outcomes) {
      expect(status).toBe('correct')
      expect(made.deployment.simulation.alive(found!)).toBe(true)
      expect(hopsAsPublished).toBe(hops)
      expect(hops).toBeLessThanOrEqual(2 * 1 + 2)
      expect(timeouts).toBeUndefined()
      // Each query that was sent is ended once, whoever sent it; results come beside.
      const [links, ends] = [6 * 5, 2]
      expect(cost.messages).toBeLessThanOrEqual(ends * (1 + links) + links)
      expect(cost.messages > 0).toBe(hops > 0)
    }
  })

  it('with a TTL of 0 finds what its own supernode has, with a second round what another one has too', () => {
    const all = searchAll(net())
    const near = searchAll(net({ 'fasttrack.ttl': 0 }))
    const further = searchAll(net({ 'fasttrack.ttl': 0, 'fasttrack.rounds': 3 }))
    expect(sum(all, 'right')).toBe(sum(all, 'wanted'))
    for (const outcomes of [all, near, further]) {
      expect(sum(outcomes, 'found')).toBe(sum(outcomes, 'right'))
      expect(outcomes.every(({ asked }) => asked)).toBe(true)
    }
    expect(sum(near, 'right')).toBeGreaterThan(0)
    expect(sum(near, 'right')).toBeLessThan(0.7 * sum(near, 'wanted'))
    expect(sum(further, 'right')).toBeGreaterThan(sum(near, 'right'))
    expect(Math.max(...near.map(({ cost }) => cost.messages))).toBeLessThanOrEqual(4)
  })

  it('counts a search that its machine refuses as not asked', () => {
    const { deployment } = net()
    const outcomes: SearchOutcome[] = []
    for (let count = 0; count < 70; count += 1)
      outcomes.push(deployment.search!(3, world.searches[0]!, () => {}))
    deployment.simulation.runFor(20_000_000)
    const refused = outcomes.filter(({ asked }) => !asked)
    expect(refused).toHaveLength(70 - 64)
    for (const { found, right } of refused) expect([found, right]).toEqual([0, 0])
  })

  it('says who is wrong: a holder that died since is found, and is none', () => {
    const { deployment, peers, places } = net()
    const ask = world.lookups.find(({ file }) => file.holders.length === 1)!
    const holder = places.nodeAt(ask.file.holders[0]!)!
    const origin = peers.aliveNodes().find(node => node !== holder)!
    let outcome: LookupOutcome | undefined
    deployment.lookup(origin, ask, told => {
      outcome = told
    })
    while (deployment.simulation.metrics.byType().results === undefined) deployment.simulation.step()
    peers.crash(holder)
    deployment.simulation.runFor(12_000_000)
    expect(outcome).toMatchObject({ status: 'incorrect', found: holder })
  })

  it('its users notice that a supernode died, and are served by others; so does a supernode of a user', () => {
    const { deployment, peers, supernodes } = net()
    const isRepaired = [supernodes[0]!, peers.aliveNodes().find(node => !supernodes.includes(node))!].map(
      node => {
        peers.crash(node)
        return deployment.watchRepair(node)
      }
    )
    expect(isRepaired.map(is => is())).toEqual([false, false])
    deployment.simulation.runFor(180_000_000)
    expect(isRepaired.map(is => is())).toEqual([true, true])
    for (const node of peers.aliveNodes()) expect(deployment.isMember(node)).toBe(true)
  })

  it('looks at roles each minute, and counts what happened, of the dead too', () => {
    const made = net()
    const { deployment, peers, supernodes } = made
    const end = deployment.watchRoles!()
    deployment.simulation.runFor(150_000_000)
    peers.crash(supernodes[0]!)
    const users = made.peers.aliveNodes().filter(node => tablesOf(deployment, node).role === 'ordinary')
    deployment.simulation.runFor(150_000_000)
    const roles = end()
    // At 0, 60, … 300 s; the first look begins what is measured until the next.
    expect(roles.supernodes).toHaveLength(6)
    expect([...roles.supernodes].slice(0, 3)).toEqual([6, 6, 6])
    expect([...roles.ordinariesPerSupernode].slice(0, 3)).toEqual([9, 9, 9])
    expect(roles.users.slice(0, 6).reduce((a, b) => a + b, 0)).toBe(54)
    expect(roles.bytesPerS.length).toBeGreaterThanOrEqual(5 * 5)
    expect(Math.min(...roles.bytesPerS)).toBeGreaterThan(0)
    expect(roles.ordinaries).toBeGreaterThanOrEqual(6 * users.length - 6)
    expect(roles.homeless).toBe(0)
    const { supernodesLost, sparesTaken, cutOff } = roles.counts
    expect(supernodesLost).toBeGreaterThanOrEqual(5)
    expect(sparesTaken).toBe(supernodesLost)
    expect(cutOff).toBe(0)
    // It looks no more.
    const events = roles.supernodes.length
    deployment.simulation.runFor(120_000_000)
    expect(roles.supernodes).toHaveLength(events)
  })

  it('where a part dies and upkeep stands still, queries still end in their time, and nobody changes its role', () => {
    const { deployment, peers, supernodes } = net({}, true)
    deployment.freeze()
    for (const node of supernodes.slice(0, 3)) peers.crash(node)
    const ask = world.searches[0]!
    const origin = supernodes[4]!
    let isOver = false
    const outcome = deployment.search!(origin, ask, () => {
      isOver = true
    })
    deployment.simulation.runFor(11_000_000)
    expect(isOver).toBe(true)
    expect(outcome.asked).toBe(true)
    expect(tablesOf(deployment, origin).queries).toBe(0)
    deployment.simulation.runFor(300_000_000)
    const left = peers.aliveNodes().filter(node => tablesOf(deployment, node).role === 'supernode')
    expect(left).toEqual(supernodes.slice(3))
  })

  it('writes down links, known supernodes, and records where they are indexed', () => {
    const { deployment, peers, supernodes } = net()
    const states = peers.aliveNodes().map(node => ({ node, ...deployment.state(node) }))
    const files = world.filesAt.reduce((total, all) => total + all.length, 0)
    const indexed = states
      .filter(({ node }) => supernodes.includes(node))
      .reduce((total, { node, entries }) => {
        const { neighbours, knownSupernodes } = tablesOf(deployment, node) as {
          neighbours: readonly unknown[]
          knownSupernodes: number
        }
        return total + entries - neighbours.length - knownSupernodes
      }, 0)
    expect(indexed).toBe(files)
    for (const { node, entries } of states) if (!supernodes.includes(node)) expect(entries).toBe(2 + 6)
  })
})
