/** Kademlia's adapter against what it measures: truth, paths, costs, records. */
import { KademliaMachine } from '@servent/kademlia/machine'
import { failShare, latencyModel, randomOf } from '@servent/simulator'
import { describe, expect, it } from 'vitest'
import type { LookupOutcome, SearchOutcome } from '../src/deployment.ts'
import { KademliaDeployment } from '../src/overlays/kademlia.ts'
import { settingsOf } from '../src/overlays/settings.ts'
import { Peers } from '../src/peers.ts'
import { Places } from '../src/places.ts'
import { resolvePlan } from '../src/plan.ts'
import { runOnce } from '../src/run.ts'
import { mean } from '../src/statistics.ts'
import { summariseOverlay } from '../src/summary.ts'
import { World } from '../src/world.ts'

const NODES = 60
/** Nothing is refreshed while a test runs. */
const QUIET = { 'kademlia.refresh-ms': 86_400_000, 'kademlia.self-lookup-ms': 86_400_000 }
const world = new World('w', resolvePlan({ nodes: NODES, lookups: 40, searches: 40, duration: 10 }))

function net(
  set: Record<string, number> = {},
  frozen = false,
  createMachine?: ConstructorParameters<typeof KademliaDeployment>[1]
) {
  const places = new Places(NODES)
  const deployment = new KademliaDeployment(
    {
      seed: 's',
      network: latencyModel('constant:40', randomOf('l')),
      settings: settingsOf('kademlia', set, frozen),
      world,
      places,
      frozen
    },
    createMachine
  )
  const peers = new Peers(deployment, places)
  deployment.startIdeal(Array.from({ length: NODES }, () => peers.addNode()))
  deployment.simulation.runFor(1_000_000)
  return { deployment, places, peers }
}

function lookUpAll({ deployment, places }: ReturnType<typeof net>): LookupOutcome[] {
  const outcomes: LookupOutcome[] = []
  for (const ask of world.lookups) {
    deployment.lookup(places.choose(ask.chooser, () => true)!, ask, outcome => outcomes.push(outcome))
    deployment.simulation.runFor(12_000_000)
  }
  return outcomes
}

describe('Kademlia in the lab', () => {
  it('finds the nearest of all, and what was sent for it is counted', () => {
    const made = net(QUIET)
    const { metrics } = made.deployment.simulation
    const before = metrics.messages
    const outcomes = lookUpAll(made)
    expect(outcomes.map(({ status }) => status)).toEqual(world.lookups.map(() => 'correct'))
    expect(outcomes.reduce((sum, { cost }) => sum + cost.messages, 0)).toBe(metrics.messages - before)
    const hops = mean(Float64Array.from(outcomes, outcome => outcome.hops))
    expect(hops).toBeGreaterThan(0.9)
    expect(hops).toBeLessThan(2)
  })

  it('finds the nearest that lives where a third is dead and nothing is mended', () => {
    const made = net({}, true)
    made.deployment.freeze()
    failShare(made.peers, 0.3)
    const outcomes = lookUpAll(made)
    expect(outcomes.filter(({ status }) => status === 'incorrect')).toEqual([])
    expect(outcomes.filter(({ status }) => status === 'correct').length).toBeGreaterThan(38)
    expect(outcomes.some(({ timeouts }) => timeouts! > 0)).toBe(true)
  })

  it('a machine that finds somebody else is found out', () => {
    // It says of every lookup that it is the root itself.
    class Liar extends KademliaMachine {
      override handle(...[input, effects]: Parameters<KademliaMachine['handle']>): void {
        if (input.type !== 'command' || input.command.type !== 'lookup') {
          super.handle(input, effects)
          return
        }
        const root = effects.peers.contact(0)
        effects.notify({
          type: 'looked-up',
          command: input.id,
          root,
          replicas: [],
          hops: 0,
          timeouts: 0,
          elapsedMs: 0
        })
      }
    }
    const wrong = lookUpAll(net(QUIET, false, settings => new Liar(settings)))
    expect(wrong.filter(({ status }) => status === 'incorrect').length).toBeGreaterThan(30)
  })

  it('finds files by their words at those who have them, once they are announced', () => {
    const { deployment, places } = net()
    let published = 0
    deployment.publish!(({ messages }) => {
      published = messages
    })
    deployment.simulation.runFor(120_000_000)
    expect(published).toBeGreaterThan(1000)
    const outcomes: SearchOutcome[] = []
    for (const ask of world.searches)
      outcomes.push(deployment.search!(places.choose(ask.chooser, () => true)!, ask, () => {}))
    deployment.simulation.runFor(30_000_000)
    for (const { asked, found, right, wanted, cost } of outcomes) {
      expect({ asked, found, right }).toEqual({ asked: true, found: wanted, right: wanted })
      expect(cost.messages).toBeGreaterThan(20)
    }
  })

  it('has a table of as many entries as there are, and counts their bytes', () => {
    const { deployment } = net()
    const { entries, bytes } = deployment.state(0)
    expect(entries).toBeGreaterThan(30)
    expect(entries).toBeLessThan(NODES)
    expect(bytes / entries).toBeGreaterThan(60)
  })

  it('a dead peer is mended when whoever has its place has taken it out', () => {
    const { deployment, peers } = net({ 'kademlia.refresh-ms': 40_000, 'kademlia.self-lookup-ms': 20_000 })
    peers.crash(7)
    const isRepaired = deployment.watchRepair(7)
    expect(isRepaired()).toBe(false)
    deployment.simulation.runFor(60_000_000)
    expect(isRepaired()).toBe(true)
    expect(deployment.isMember(7)).toBe(false)
  })
})

it('a network that was put down and one that peers joined look up alike', () => {
  const [ideal, joined] = (['ideal', 'joined'] as const).map(start => {
    const plan = resolvePlan({
      overlays: ['kademlia'],
      nodes: 80,
      lookups: 150,
      start,
      warmup: 30,
      duration: 30
    })
    return runOnce(plan, {}, { overlay: 'kademlia', seed: 1 })
  }) as [ReturnType<typeof runOnce>, ReturnType<typeof runOnce>]
  for (const { lookups, nodes } of [ideal, joined]) {
    expect(nodes.atStart).toEqual({ live: 80, members: 80 })
    expect(lookups.correct).toBe(150)
  }
  expect(Math.abs(mean(joined.lookups.hops) / mean(ideal.lookups.hops) - 1)).toBeLessThan(0.15)
}, 120_000)

it('values that were put are read, the newest of them', () => {
  const plan = resolvePlan({
    overlays: ['kademlia'],
    nodes: 60,
    workload: 'values',
    puts: 30,
    gets: 60,
    warmup: 10,
    duration: 60
  })
  const run = runOnce(plan, {}, { overlay: 'kademlia', seed: 1 })
  const of = { overlay: 'kademlia' as const, settings: {}, backend: 'simulator' as const, nodes: 60 }
  const { values } = summariseOverlay(of, [run])
  expect(values!.puts).toMatchObject({ issued: 30, unissued: 0 })
  // Where two write a key at once, those who keep it refuse the older one.
  expect(values!.puts.acknowledged).toBeGreaterThan(27)
  expect(values!.gets).toMatchObject({ issued: 60, correct: 60 })
}, 60_000)
