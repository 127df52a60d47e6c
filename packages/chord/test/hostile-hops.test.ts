/**
 * One node in twenty answers every lookup that it is given by naming itself. Nobody else helps: those that it holds
 * must find their root by another way.
 */
import type { LookupStyle } from '@servent/key-routing/machine'
import { clockwiseDistance, type Key } from '@servent/overlay/machine'
import { randomOf } from '@servent/simulator'
import { describe, expect, it } from 'vitest'
import { type ChordRules, CORRECT_CHORD } from '../src/machine.ts'
import { keyBefore } from '../src/ring-key.ts'
import { randomKey } from './support/lookups.ts'
import { ChordNetwork } from './support/network.ts'

const NODES = 512
const LOOKUPS = 600
const ONE_IN = 20
const CHURNING = 100
const CHURN_S = 200

/** `keys`: the range ends at the key itself; `places`: at the liar's own place, which nobody can tell from a true one. */
type Lie = 'keys' | 'places'

function liar(lie: Lie): ChordRules {
  return {
    ...CORRECT_CHORD,
    rootOf: (ring, key) => ({ from: keyBefore(key), to: lie === 'keys' ? key : ring.members[0]!.key })
  }
}

interface Outcome {
  /** Shares of the lookups whose root is honest. */
  readonly correct: number
  readonly captured: number
  readonly failed: number
  /** Of those that liars got, the furthest from its key, as a share of the ring. */
  readonly furthest: number
  readonly refused: number
  readonly doubted: number
}

function run(lie: Lie, style: LookupStyle, virtualNodes = 1): Outcome {
  const isLiar = (node: number) => node % ONE_IN === 7
  const network = new ChordNetwork({
    seed: `hostile ${lie} ${style}`,
    settings: { proximity: 'off', style, virtualNodes },
    rulesOf: node => (isLiar(node) ? liar(lie) : undefined),
    simulation: { trace: false }
  })
  const nodes = network.startIdeal(NODES / virtualNodes)
  const { simulation } = network
  for (const node of nodes) simulation.command(node, { type: 'maintenance', on: false })
  const random = randomOf(`hostile ${lie}`)
  const asked = new Map<number, Key>()
  const tally = { correct: 0, captured: 0, failed: 0, furthest: 0 }
  network.notices.push((_node, notice) => {
    if (notice.type !== 'looked-up' && notice.type !== 'lookup-failed') return
    const key = asked.get(notice.command)
    if (key === undefined) return
    asked.delete(notice.command)
    if (notice.type === 'lookup-failed') {
      tally.failed += 1
      return
    }
    const root = simulation.nodeOf(notice.root)!
    if (root === network.rootOf(key)) tally.correct += 1
    else {
      tally.captured += 1
      tally.furthest = Math.max(tally.furthest, clockwiseDistance(key, simulation.keyOf(root))[0]! / 256)
    }
  })
  let issued = 0
  while (issued < LOOKUPS) {
    const key = randomKey(random)
    const origin = nodes[random.below(nodes.length)]!
    if (isLiar(origin) || isLiar(network.rootOf(key)) || network.rootOf(key) === origin) continue
    issued += 1
    asked.set(simulation.command(origin, { type: 'lookup', key }), key)
  }
  simulation.runFor(15_000_000)
  if (asked.size > 0) throw new Error(`${asked.size} lookups never ended.`)
  return {
    correct: tally.correct / LOOKUPS,
    captured: tally.captured / LOOKUPS,
    failed: tally.failed / LOOKUPS,
    furthest: tally.furthest,
    ...network.disbelief(nodes.filter(node => !isLiar(node)))
  }
}

/** Nobody lies, and somebody comes and somebody leaves or dies every few seconds. */
function churn(virtualNodes: number, successors: number) {
  const network = new ChordNetwork({
    seed: `believed ${virtualNodes} ${successors}`,
    settings: { virtualNodes, successors, stabiliseMs: 10_000, fixFingersMs: 10_000, traceLookups: true },
    simulation: { trace: false }
  })
  network.startIdeal(CHURNING)
  const { simulation } = network
  const random = simulation.random.of('workload')
  const tally = { issued: 0, found: 0, failed: 0 }
  network.notices.push((_node, notice) => {
    if (notice.type === 'looked-up') tally.found += 1
    if (notice.type === 'lookup-failed') tally.failed += 1
  })
  for (let second = 0; second < CHURN_S; second += 1) {
    if (second % 5 === 0) {
      network.join(simulation.addNode(), network.pickMember(random))
      const gone = network.pickMember(random)
      if (random.below(2) === 0) simulation.stop(gone)
      else simulation.silence(gone)
    }
    for (let count = 0; count < 10; count += 1) {
      tally.issued += 1
      simulation.command(network.pickMember(random), { type: 'lookup', key: randomKey(random) })
    }
    simulation.runFor(1_000_000)
  }
  simulation.runFor(15_000_000)
  return { ...tally, ...network.disbelief() }
}

describe('honest roots', () => {
  it.each([
    [1, 8, 0.015],
    [4, 8, 0.015],
    // A list of three says little of how dense the ring is.
    [1, 3, 0.02],
    [1, 20, 0.015]
  ])(
    'are believed while peers come and go: %i places, lists of %i',
    (virtualNodes, successors, doubtedMost) => {
      const outcome = churn(virtualNodes, successors)
      expect(outcome.refused).toBe(0)
      // One in a thousand by chance, each as often as it is tried, and lookups for fingers are counted, too.
      expect(outcome.doubted).toBeLessThan(doubtedMost * outcome.issued)
    },
    120_000
  )
})

describe('hops that claim every key for themselves', () => {
  it.each([
    ['keys', 'semi-recursive', 1],
    ['keys', 'iterative', 1],
    ['places', 'semi-recursive', 1],
    ['places', 'recursive', 1],
    ['places', 'iterative', 1],
    ['places', 'semi-recursive', 4]
  ] as const)(
    'get no key that is far from them: %s, %s, %i places',
    (lie, style, virtualNodes) => {
      const outcome = run(lie, style, virtualNodes)
      console.log(lie, style, virtualNodes, JSON.stringify(outcome))
      expect(outcome.captured).toBe(0)
    },
    120_000
  )
})
