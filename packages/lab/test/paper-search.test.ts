/**
 * What was published of searching without an index, as the lab gives it with Gnutella's own machine: Lv, Cao, Cohen, Li and
 * Shenker, "Search and Replication in Unstructured Peer-to-Peer Networks", ICS 2002; Rohrs and Falco, "Ping/Pong
 * scheme". Ritter's arithmetic of floods stands with the machine (`machine-paper.test.ts` of Gnutella).
 */
import { latencyModel, randomOf } from '@servent/simulator'
import { describe, expect, it } from 'vitest'
import type { LookupOutcome } from '../src/deployment.ts'
import { gnutella } from '../src/overlays/gnutella.ts'
import { settingsOf } from '../src/overlays/settings.ts'
import { Peers } from '../src/peers.ts'
import { Places } from '../src/places.ts'
import { resolvePlan } from '../src/plan.ts'
import { mean } from '../src/statistics.ts'
import { World, type WorldFile } from '../src/world.ts'

const NODES = 1200
const LOOKUPS = 40
const RUN_MS_MAX = 120_000

const plan = resolvePlan({
  overlays: ['gnutella'],
  nodes: NODES,
  lookups: LOOKUPS,
  searches: 0,
  duration: 60
})
const world = new World('servent-lab/paper', plan)
/** At 10, 5, 3.3 and 2.5 % of the peers: what the paper calls popular. */
const popular = world.files.slice(0, 4)
const single = world.files.filter(({ holders }) => holders.length === 1).slice(0, 4)

interface Outcome {
  readonly found: number
  readonly messages: number
}

/** Looks files up, two in a second, each by another peer that does not have it. */
function lookUp(files: readonly WorldFile[], set: Record<string, string | number>): Outcome {
  const places = new Places(NODES)
  const deployment = gnutella.deploy({
    seed: 'paper',
    network: latencyModel('constant:40', randomOf('l')),
    settings: settingsOf('gnutella', set, false),
    world,
    places,
    frozen: false
  })
  const peers = new Peers(deployment, places)
  deployment.startIdeal(Array.from({ length: NODES }, () => peers.addNode()))
  deployment.simulation.runFor(30_000_000)
  const outcomes: LookupOutcome[] = []
  for (const [index, ask] of world.lookups.entries()) {
    const file = files[index % files.length]!
    const origin = places.choose(ask.chooser, node => !file.holders.includes(places.placeOf(node)))!
    deployment.lookup(origin, { ...ask, file }, outcome => outcomes.push(outcome))
    deployment.simulation.runFor(500_000)
  }
  deployment.simulation.runFor(20_000_000)
  const found = outcomes.filter(({ status }) => status === 'correct').length
  return { found: found / outcomes.length, messages: mean(outcomes.map(({ cost }) => cost.messages)) }
}

describe('Lv et al., section 5: what many peers have', () => {
  const flood = lookUp(popular, { 'gnutella.query-cache': 'off' })

  it(
    'a flood finds, at the cost of nearly every link of the network',
    () => {
      expect(flood.found).toBe(1)
      expect(flood.messages).toBeGreaterThan(2 * NODES)
    },
    RUN_MS_MAX
  )

  it.each([16, 32])(
    '%i walkers find as well, at least ten times cheaper',
    walkers => {
      const walk = lookUp(popular, { 'gnutella.search': 'random-walk', 'gnutella.walkers': walkers })
      expect(walk.found).toBeGreaterThanOrEqual(0.975)
      expect(flood.messages / walk.messages).toBeGreaterThan(10)
    },
    RUN_MS_MAX
  )

  it(
    'an expanding ring finds as well, at least five times cheaper',
    () => {
      const ring = lookUp(popular, { 'gnutella.search': 'expanding-ring' })
      expect(ring.found).toBe(1)
      expect(flood.messages / ring.messages).toBeGreaterThan(5)
    },
    RUN_MS_MAX
  )
})

describe('Lv et al., section 4: what one peer has', () => {
  it(
    'a ring finds too, and costs more than the flood that it ends with',
    () => {
      const flood = lookUp(single, { 'gnutella.query-cache': 'off' })
      const ring = lookUp(single, { 'gnutella.search': 'expanding-ring' })
      expect(flood.found).toBe(1)
      expect(ring.found).toBe(1)
      expect(ring.messages).toBeLessThan(1.5 * flood.messages)
      expect(ring.messages).toBeGreaterThan(0.5 * flood.messages)
    },
    RUN_MS_MAX
  )

  it(
    'walkers find less often: they meet a part of the peers',
    () => {
      const walk = lookUp(single, { 'gnutella.search': 'random-walk', 'gnutella.walkers': 4 })
      expect(walk.found).toBeLessThan(0.9)
    },
    RUN_MS_MAX
  )
})
