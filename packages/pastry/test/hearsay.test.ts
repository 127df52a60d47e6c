/** Peers that a node only heard of: who may name them, how many, and what comes of those that never answer. */
import { describe, expect, it } from 'vitest'
import { Hearsay } from '../src/hearsay.ts'
import { fail, onLeafProbe, probeLeaf, suspect } from '../src/leaf-rules.ts'
import {
  FAILED_KEPT_MS,
  FAILED_MAX,
  FAILED_TOLD_MAX,
  HEARSAY_FRESH_MS,
  HEARSAY_MAX,
  LEAF_PROBES_MAX,
  LEAF_SET_MAX
} from '../src/machine.ts'
import { answeredNode, contactOfNumber } from './support/answered-node.ts'
import { flooding } from './support/disguises.ts'
import { PastryNetwork } from './support/network.ts'

const SECOND_US = 1_000_000
const LEAF_SET = 16
const numbers = (from: number, count: number, step = 1) =>
  Array.from({ length: count }, (_, at) => from + step * at)
/** The nearest first. This node is 0. */
const LARGER = numbers(0x100, LEAF_SET / 2, 0x100)
const SMALLER = numbers(0xff00, LEAF_SET / 2, -0x100)
const STRANGER = 0x5000
const STATE = { leafSet: LEAF_SET, digitBits: 4, standing: 'member', failed: [], probePeriodMs: 0 } as const

function member(leaves = [...LARGER, ...SMALLER]) {
  const all = answeredNode({ leafSet: LEAF_SET, neighbourhood: 0 }, leaves)
  const { node, fx, sent, waiting } = all
  const named = (peers: readonly number[]) => ({ id: 1, ...STATE, leaves: peers.map(contactOfNumber) })
  return {
    ...all,
    probed: () => sent.filter(({ message }) => message.type === 'leaf-probe').map(({ peer }) => peer),
    tells: (by: number, peers: readonly number[]) =>
      onLeafProbe(node, by, by, { type: 'leaf-probe', ...named(peers) }, fx),
    answers: (by: number, peers: readonly number[]) => {
      probeLeaf(node, by, fx)
      waiting.findLast(({ peer }) => peer === by)!.end({ type: 'leaf-probe-answer', ...named(peers) })
    }
  }
}

it('who is named again by the same one counts once', () => {
  const hearsay = new Hearsay()
  for (const ms of [0, 5]) expect(hearsay.take(1, 9, 1, ms), `${ms}`).toBe(true)
  expect(hearsay.take(2, 9, 1, 5)).toBe(false)
})

describe('who is named', () => {
  it('by somebody who is no leaf and was not asked, is not probed; by one who was asked, is', () => {
    const { probed, tells, answers } = member()
    tells(STRANGER, [0x10])
    expect(probed()).toEqual([])
    answers(STRANGER, [0x10])
    expect(probed()).toEqual([STRANGER, 0x10])
  })

  it('by a leaf, is probed, and HEARSAY_FRESH_MS later one that another leaf names behind those who may never answer', () => {
    const { node, probed, tells } = member([...LARGER.slice(0, -1), ...SMALLER])
    const madeUp = numbers(0x10, LEAF_SET / 2)
    tells(LARGER[0]!, madeUp)
    expect(probed()).toEqual(madeUp)
    node.nowMs = HEARSAY_FRESH_MS - 1
    tells(LARGER[1]!, [LARGER.at(-1)!])
    expect(probed()).toEqual(madeUp)
    node.nowMs = HEARSAY_FRESH_MS
    tells(LARGER[1]!, [LARGER.at(-1)!])
    expect(probed()).toEqual([...madeUp, LARGER.at(-1)])
  })

  it('by one peer: |L| who have not answered within FAILED_KEPT_MS, and another when one has', () => {
    const { node, probed, tells, waiting } = member()
    tells(LARGER[0]!, numbers(0x10, LEAF_SET / 2))
    tells(LARGER[0]!, numbers(0xfff0, LEAF_SET / 2))
    expect(probed()).toHaveLength(LEAF_SET)
    tells(LARGER[0]!, [0x08])
    expect(probed()).toHaveLength(LEAF_SET)
    const asked = waiting.filter(({ peer }) => probed().includes(peer))
    asked[0]!.end({ type: 'leaf-probe-answer', id: 1, ...STATE, leaves: [] })
    expect(node.leaves.has(asked[0]!.peer)).toBe(true)
    tells(LARGER[0]!, [0x08])
    expect(probed().at(-1)).toBe(0x08)
    for (const { end } of asked.slice(1)) end(undefined)
    const before = probed().length
    node.nowMs = FAILED_KEPT_MS - 1
    tells(LARGER[0]!, [0x07])
    expect(probed()).toHaveLength(before)
    node.nowMs = FAILED_KEPT_MS
    tells(LARGER[0]!, [0x07])
    expect(probed()).toHaveLength(before + 1)
  })

  it('HEARSAY_MAX are remembered, the latest', () => {
    const hearsay = new Hearsay()
    for (const peer of numbers(1, HEARSAY_MAX + 1)) expect(hearsay.take(peer, 1000 + peer, 1, 0)).toBe(true)
    expect(hearsay.size).toBe(HEARSAY_MAX)
    // Of whoever was forgotten it is not known who named it.
    expect([1, 2].map(peer => hearsay.isBefore(peer, 9999, HEARSAY_FRESH_MS))).toEqual([true, false])
    expect(hearsay.take(9999, 1002, 1, FAILED_KEPT_MS - 1)).toBe(false)
    expect(hearsay.take(9999, 1002, 1, FAILED_KEPT_MS)).toBe(true)
  })
})

it('a leaf is probed, though LEAF_PROBES_MAX others are', () => {
  const { node, fx, probed } = member()
  for (const peer of numbers(0x5000, LEAF_PROBES_MAX + 1)) probeLeaf(node, peer, fx)
  expect(probed()).toHaveLength(LEAF_PROBES_MAX)
  suspect(node, LARGER[0]!, fx)
  expect(probed().at(-1)).toBe(LARGER[0])
  expect(node.sizes().probing).toEqual([LEAF_PROBES_MAX + 1, LEAF_PROBES_MAX + LEAF_SET_MAX])
})

it('of those that failed, the ones of the own tables are told first, however many others never answered', () => {
  const { node, fx, sent } = member()
  fail(node, LARGER[1]!, fx)
  for (const peer of numbers(0x5000, FAILED_MAX + 1)) fail(node, peer, fx)
  expect(node.sizes().unheard).toEqual([FAILED_MAX, FAILED_MAX])
  sent.length = 0
  probeLeaf(node, STRANGER, fx)
  const { message } = sent[0]!
  const told = message.type === 'leaf-probe' ? message.failed : []
  expect(told).toHaveLength(FAILED_TOLD_MAX)
  expect(told).toContainEqual(contactOfNumber(LARGER[1]!).id)
})

it('a network in which one makes up peers without end mends its leaf sets when four in a row die', () => {
  const [honest, liar] = [40, 1]
  let told = 0
  const network: PastryNetwork = new PastryNetwork({
    seed: 'made up',
    settings: { mergeMs: 120_000 },
    simulation: { network: { oneWayUs: () => 40_000, usable: (from, to) => from < honest && to < honest } },
    disguise: (node, machine) =>
      node === liar
        ? Object.defineProperty(
            flooding(machine, 1000, () => {
              const leaves = numbers(told, LEAF_SET_MAX).map(at =>
                network.simulation.contactOf(nodes[honest + (at % madeUp)]!)
              )
              told += LEAF_SET_MAX
              return [{ type: 'leaf-probe', id: 5, ...STATE, leaves }]
            }),
            'view',
            { get: () => machine.view }
          )
        : machine
  })
  const { simulation } = network
  const madeUp = 4000
  const nodes = simulation.addNodes(honest + madeUp)
  simulation.start(nodes[0]!)
  for (const node of nodes.slice(1, honest)) {
    simulation.runFor(2 * SECOND_US)
    network.join(node, nodes[0]!)
  }
  simulation.runFor(20 * SECOND_US)
  const order = network.ideal(nodes.slice(0, honest)).peers
  const place = order.indexOf(liar)
  for (const step of [2, 3, 4, 5]) simulation.silence(nodes[order[(place + step) % honest]!]!)
  expect(network.runUntilIdeal(120_000)).toBeLessThan(60_000)
}, 60_000)
