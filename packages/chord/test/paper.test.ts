/**
 * Chord's published rules and figures (Stoica et al., ToN 2003), at sizes that take seconds; `paper.full.test.ts`
 * has the sizes of the papers.
 */
import { compareKeys, type Key, keyToHex } from '@servent/overlay/machine'
import { randomOf } from '@servent/simulator'
import { describe, expect, it } from 'vitest'
import { IdealRing } from '../src/machine.ts'
import { lookUp, pathLengths, stillNetwork, stretch, tableThree, tableTwo } from './support/experiments.ts'
import { keysPerNode, percentile } from './support/load.ts'
import { mean, randomKey } from './support/lookups.ts'
import {
  LOAD_MODEL,
  LOAD_TOLERANCE,
  PATH_MODEL,
  PATH_TOLERANCE,
  TABLE_TWO,
  TABLE_TWO_PATH_TOLERANCE,
  TABLE_TWO_TIMEOUTS_TOLERANCE
} from './support/paper-figures.ts'

const NETWORKS = 8

describe('ToN section IV-B: a key belongs to the first node at or behind it', () => {
  it.each([1, 2, 3, 8, 9, 40])('%i nodes, 8 successors: every lookup finds it', count => {
    const { correct, incorrect, failed, issued } = lookUp(stillNetwork(`owner-${count}`, count, {}), 100)
    expect({ correct, incorrect, failed }).toEqual({ correct: issued, incorrect: 0, failed: 0 })
  })
})

describe('ToN section IV-D, figure 10: mean path length', () => {
  it.each([8, 16, 32])('%i nodes: step by step as an oracle on the same ids', count => {
    const still = stillNetwork(`oracle-${count}`, count, { successors: 1, replicas: 1 })
    const { network, nodes } = still
    const keys = nodes.map(node => network.simulation.keyOf(node))
    const heard = new Map<number, number>()
    network.notices.push((_node, notice) => {
      if (notice.type === 'looked-up') heard.set(notice.command, notice.hops)
    })
    const wanted = new Map<number, number>()
    for (let count = 0; count < 200; count += 1) {
      const origin = nodes[still.random.below(nodes.length)]!
      const key = randomKey(still.random)
      wanted.set(network.simulation.command(origin, { type: 'lookup', key }), oracleHops(keys, origin, key))
    }
    network.simulation.runFor(10_000_000)
    // Keys of one's own are answered before the command has its number.
    for (const [command, hops] of wanted) if (hops > 0) expect(heard.get(command)).toBe(hops)
    expect([...wanted.values()].filter(hops => hops > 1).length).toBeGreaterThan(50)
  })

  it.each([64, 128, 256, 512, 1024])(
    '%i nodes: the model within 3 percent',
    count => {
      const means = Array.from({ length: NETWORKS }, (_, network) =>
        mean(pathLengths(`path-${network}`, count, 400).published)
      )
      const model = PATH_MODEL.get(count)!
      expect(mean(means)).toBeGreaterThan(model * (1 - PATH_TOLERANCE))
      expect(mean(means)).toBeLessThan(model * (1 + PATH_TOLERANCE))
    },
    30_000
  )
})

describe('ToN section VI-D, Table II: a fraction fails and nothing is repaired', () => {
  it.each(TABLE_TWO.filter(({ fraction }) => [0, 0.1, 0.3].includes(fraction)))(
    '$fraction',
    figures => {
      // Without failures there is nothing that chance could change much.
      const seeds = figures.fraction === 0 ? 2 : 8
      const runs = Array.from({ length: seeds }, (_, seed) => tableTwo(`fast${seed}`, figures.fraction, 300))
      for (const { incorrect, failed } of runs)
        expect({ incorrect, failed }).toEqual({ incorrect: 0, failed: 0 })
      const path = mean(runs.map(({ published }) => mean(published)))
      expect(Math.abs(path / figures.pathModel - 1)).toBeLessThan(TABLE_TWO_PATH_TOLERANCE)
      const timeouts = mean(runs.map(run => mean(run.timeouts)))
      expect(timeouts).toBeGreaterThanOrEqual(figures.timeoutsModel * (1 - TABLE_TWO_TIMEOUTS_TOLERANCE))
      expect(timeouts).toBeLessThanOrEqual(figures.timeoutsPaper * (1 + TABLE_TWO_TIMEOUTS_TOLERANCE))
    },
    30_000
  )
})

describe('ToN section VI-D, Table III: nodes come and go', () => {
  it('200 nodes, one join and one leave every five seconds: lookups are right', () => {
    const { issued, correct, incorrect, failed } = tableThree('churn', 0.2, 400, 200)
    expect(issued).toBeGreaterThan(300)
    expect(incorrect + failed).toBeLessThanOrEqual(1)
    expect(correct).toBeGreaterThan(issued - 5)
  }, 30_000)
})

describe('ToN section VI-B: load by virtual nodes', () => {
  it.each(LOAD_MODEL.filter(({ virtualNodes }) => [1, 5, 20].includes(virtualNodes)))(
    '$virtualNodes: keys of the 99th of 100 nodes over the mean',
    ({ virtualNodes, p99 }) => {
      const counts = keysPerNode('load', 2000, 200_000, virtualNodes)
      const ratio = percentile(counts, 0.99) / mean(counts)
      expect(Math.abs(ratio / p99 - 1)).toBeLessThan(2 * LOAD_TOLERANCE)
    }
  )
})

describe('ToN section VI-E: latency over that of the straight way', () => {
  it('proximity makes it shorter', () => {
    const off = stretch('stretch', 512, 'off', 300)
    const on = stretch('stretch', 512, 'on', 300)
    expect(on.correct).toBe(on.issued)
    expect(on.median).toBeLessThan(0.8 * off.median)
    expect(off.median).toBeLessThan(10)
  }, 30_000)
})

/** Steps to the root by the paper's words alone: closest preceding finger, then the successor. */
function oracleHops(keys: readonly Key[], origin: number, key: Key): number {
  const numbers = keys.map(toNumber)
  const sorted = [...numbers].sort((a, b) => (a < b ? -1 : 1))
  const successor = (at: bigint) => sorted.find(id => id >= at) ?? sorted[0]!
  const wanted = toNumber(key)
  const root = successor(wanted)
  const away = (from: bigint, to: bigint) => (to - from + RING) % RING
  let at = numbers[origin]!
  if (at === root) return 0
  for (let hops = 1; ; hops += 1) {
    const next = successor((at + 1n) % RING)
    if (away(at, wanted) <= away(at, next)) return hops
    let best = next
    for (let exponent = 0n; exponent < 256n; exponent += 1n) {
      const finger = successor((at + (1n << exponent)) % RING)
      const precedes = finger !== at && away(at, finger) < away(at, wanted)
      if (precedes && away(at, finger) > away(at, best)) best = finger
    }
    at = best
  }
}

const RING = 1n << 256n

function toNumber(key: Key): bigint {
  return BigInt(`0x${keyToHex(key)}`)
}

it('the ideal tables are those of figure 4: each finger is the first node at or behind its start', () => {
  const random = randomOf('figure 4')
  const ring = new IdealRing(
    Array.from({ length: 50 }, () => randomKey(random)),
    1
  )
  expect([...ring.keys].sort(compareKeys)).toEqual(ring.keys)
  for (const node of ring.nodes.keys()) {
    const starts = Array.from(
      { length: 256 },
      (_, exponent) => (toNumber(ring.keys[node]!) + (1n << BigInt(exponent))) % RING
    )
    const wanted = new Set(
      starts.map(start => {
        const at = ring.keys.findIndex(key => toNumber(key) >= start)
        return at < 0 ? 0 : at
      })
    )
    wanted.delete(node)
    expect(new Set(ring.tables(node, 1).fingers)).toEqual(wanted)
  }
})
