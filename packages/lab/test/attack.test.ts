/**
 * Small networks in which a part of the peers lies. Each lie does its own harm; what a defence is for it makes less. All
 * figures are of one seed, so that they are the same each time.
 */
import type { Peer } from '@servent/overlay/machine'
import { latencyModel, type NodeIndex, randomOf } from '@servent/simulator'
import { describe, expect, it } from 'vitest'
import { Liars } from '../src/liars/liars.ts'
import type { Lie } from '../src/liars/lies.ts'
import { ADAPTERS } from '../src/overlays/adapters.ts'
import type { ChordDeployment } from '../src/overlays/chord.ts'
import type { PastryDeployment } from '../src/overlays/pastry.ts'
import type { OverlayId } from '../src/overlays/settings.ts'
import { Peers } from '../src/peers.ts'
import { Places } from '../src/places.ts'
import { overlaySettings, type PlanInput, resolvePlan } from '../src/plan.ts'
import { runOnce } from '../src/run.ts'
import type { RunResult } from '../src/run-result.ts'
import { World } from '../src/world.ts'

type Settings = NonNullable<PlanInput['set']>

function run(overlay: OverlayId, plan: PlanInput): RunResult {
  const all = resolvePlan({
    overlays: [overlay],
    nodes: 80,
    lookups: 80,
    latency: 'constant:40',
    warmup: 60,
    duration: 30,
    workers: 1,
    ...plan
  })
  return runOnce(all, {}, { overlay, seed: 7 })
}

const OFF: Readonly<Record<'chord' | 'pastry' | 'kelips', Settings>> = {
  chord: { 'chord.answer-checks': 'off' },
  pastry: { 'pastry.answer-checks': 'off' },
  kelips: {}
}
const PATHS: Readonly<Record<'chord' | 'pastry' | 'kelips', Settings>> = {
  chord: { 'chord.paths': 8 },
  pastry: { 'pastry.paths': 8 },
  kelips: { 'kelips.paths': 8 }
}
/** Of a machine that has much else to do. */
const SLOW_MS = 60_000
const ROOTED = ['chord', 'pastry', 'kelips'] as const
/** Gossip of many takes long to simulate. */
const SIZE: Readonly<Record<(typeof ROOTED)[number], PlanInput>> = {
  chord: {},
  pastry: {},
  kelips: { nodes: 48, warmup: 30 }
}

/** Lookups that were right, wrong and failed, of all that were begun. */
function under(overlay: (typeof ROOTED)[number], share: number, lies: readonly Lie[], set: Settings = {}) {
  const { lookups } = run(overlay, { ...SIZE[overlay], liars: share, lies: [...lies], set })
  const { correct, incorrect, failed, unissued } = lookups
  return { right: correct, wrong: incorrect, failed, unissued, issued: correct + incorrect + failed }
}

const SMALL: PlanInput = { nodes: 32, lookups: 20, warmup: 30 }

describe.each(ROOTED)('%s', overlay => {
  it(
    'whoever names a wrong owner is believed by one way, and not by eight',
    () => {
      const off = under(overlay, 0.3, ['wrong-owner'], OFF[overlay])
      const on = under(overlay, 0.3, ['wrong-owner'], PATHS[overlay])
      expect(off.wrong).toBeGreaterThan(0.05 * off.issued)
      expect(on.wrong).toBeLessThan(off.wrong / 2)
      expect(on.right).toBeGreaterThan(off.right)
      // What a liar is the root of nobody asks for.
      expect(off.unissued).toBeGreaterThan(0)
      expect(off.issued + off.unissued).toBe(80)
    },
    SLOW_MS
  )

  it('whoever drops a lookup makes nobody believe anything', () => {
    const { wrong, right, issued } = under(overlay, 0.3, ['drop'], OFF[overlay])
    expect(wrong).toBe(0)
    expect(right).toBeGreaterThan(0.5 * issued)
  })

  it(
    'is the same twice',
    () => {
      const hashes = [1, 2].map(() => run(overlay, { ...SMALL, liars: 0.2 }).traceHash)
      expect(hashes[0]).toBe(hashes[1])
      const other = run(overlay, { ...SMALL, liars: 0.2, lies: ['drop'] })
      expect(other.traceHash).not.toBe(hashes[0])
    },
    SLOW_MS
  )

  it(
    'is as it was where nobody lies',
    () => {
      const [none, zero] = [{}, { liars: 0 }].map(liars => run(overlay, { ...SMALL, ...liars }))
      expect(zero!.traceHash).toBe(none!.traceHash)
      expect(zero!.lookups).toEqual(none!.lookups)
    },
    SLOW_MS
  )
})

describe('poisoned tables', () => {
  /** Ideal tables, kept for so long while a fifth of the peers lies about its own. */
  function poisoned(overlay: 'chord' | 'pastry', set: Settings, seconds: number) {
    const places = new Places(80)
    const plan = resolvePlan({ overlays: [overlay], nodes: 80, liars: 0.2, lies: ['poison'], set })
    const liars = Liars.of(plan, 'poison', places)!
    const deployment = ADAPTERS[overlay].deploy({
      seed: 'poison',
      network: latencyModel('planetlab', randomOf('l')),
      settings: overlaySettings(plan, overlay),
      world: new World('poison', plan),
      places,
      frozen: false,
      liars
    })
    const peers = new Peers(deployment, places)
    const nodes = Array.from({ length: 80 }, () => peers.addNode())
    deployment.startIdeal(nodes)
    const { simulation } = deployment
    const honest = nodes.filter(node => !liars.isLiar(node))
    /** Of entries of the honest ones, the part that is of liars, or of nobody. */
    const partOfLiars = (entriesOf: (node: NodeIndex) => readonly Peer[]) => {
      const all = honest.flatMap(node => entriesOf(node).map(peer => simulation.nodeOfPeer(node, peer)))
      return all.filter(node => !honest.includes(node)).length / all.length
    }
    simulation.runFor(seconds * 1_000_000)
    return { deployment, partOfLiars }
  }

  it('of Chord have lists of liars, unless who stands in lists is asked itself', () => {
    const part = (set: Settings) => {
      const { deployment, partOfLiars } = poisoned('chord', set, 600)
      const { simulation } = deployment as ChordDeployment
      return partOfLiars(node =>
        simulation
          .machine(node)
          .snapshot()
          .places[0]!.successors.map(({ peer }) => peer)
      )
    }
    expect(part({ 'chord.lists': 'told' })).toBeGreaterThan(0.6)
    // As many as there are among all.
    expect(part({})).toBeCloseTo(0.2, 1)
  })

  it(
    'of Pastry have entries that are near by their own word, unless each measures itself',
    () => {
      const part = (set: Settings) => {
        const open = { 'pastry.row-ms': 30_000, 'pastry.peers-per-network': 0 }
        const { deployment, partOfLiars } = poisoned('pastry', { ...set, ...open }, 150)
        const { simulation } = deployment as PastryDeployment
        return partOfLiars(node =>
          simulation
            .machine(node)
            .snapshot()
            .table.map(({ peer }) => peer)
        )
      }
      const told = part({})
      const own = part({ 'pastry.distances': 'own' })
      expect(own).toBeLessThan(told)
      expect(told).toBeGreaterThan(0.2)
    },
    SLOW_MS
  )
})

describe('kademlia', () => {
  it('finds the root by whoever is honest, and takes longer the more are dropped', () => {
    const mean = (share: number, lies: readonly Lie[]) => {
      const { lookups } = run('kademlia', { nodes: 60, lookups: 20, liars: share, lies: [...lies] })
      expect(lookups.incorrect).toBe(0)
      return lookups.latencyUs.reduce((a, b) => a + b, 0) / lookups.latencyUs.length
    }
    expect(mean(0.3, ['drop'])).toBeGreaterThan(2 * mean(0, ['drop']))
  })

  it('is the same twice, and as it was where nobody lies', () => {
    const plan = { nodes: 32, lookups: 10, warmup: 60 }
    const hash = (more: PlanInput) => run('kademlia', { ...plan, ...more }).traceHash
    expect(hash({ liars: 0.2 })).toBe(hash({ liars: 0.2 }))
    expect(hash({ liars: 0 })).toBe(hash({}))
    expect(hash({ liars: 0.2 })).not.toBe(hash({}))
  })
})

it('liars ask for nothing, and come and go as others do', () => {
  const { lookups } = run('chord', { liars: 0.3, churn: 'exp:10m', warmup: 300, duration: 300 })
  expect(lookups.correct).toBeGreaterThan(0)
  expect(lookups.correct + lookups.incorrect + lookups.failed + lookups.unissued).toBe(80)
})
