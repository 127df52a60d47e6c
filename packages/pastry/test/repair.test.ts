/** Repair of a leaf set (Rowstron section 2.5), rule by rule, at one node. */
import { randomOf } from '@servent/simulator'
import { describe, expect, it } from 'vitest'
import { estimateSize } from '../src/failure-rate.ts'
import { fail, onLeafProbe } from '../src/leaf-rules.ts'
import { LeafSet } from '../src/leaf-set.ts'
import { FAILED_KEPT_MS, HEARD_LATELY_MS } from '../src/machine.ts'
import { nextHops } from '../src/overlay-routing.ts'
import { answeredNode, contactOfNumber, keyOfNumber } from './support/answered-node.ts'
import { PastryNetwork } from './support/network.ts'

const LEAF_SET = 8
/** The nearest first. This node is 0. */
const LARGER = [0x100, 0x200, 0x300, 0x400]
const SMALLER = [0xff00, 0xfe00, 0xfd00, 0xfc00]
const SIZES = { standing: 'member', leafSet: LEAF_SET, digitBits: 4, probePeriodMs: 0 } as const

function member() {
  const all = answeredNode({ leafSet: LEAF_SET, neighbourhood: 0 }, [...LARGER, ...SMALLER])
  expect([all.node.leaves.larger, all.node.leaves.smaller]).toEqual([LARGER, SMALLER])
  const probed = () => all.sent.filter(({ message }) => message.type === 'leaf-probe').map(({ peer }) => peer)
  return { ...all, probed }
}

describe('a leaf that failed', () => {
  it.each([
    ['one between', LARGER[1], LARGER[3]],
    ['the furthest', LARGER[3], LARGER[2]],
    ['one between, on the other side', SMALLER[1], SMALLER[3]],
    ['the furthest of the other side', SMALLER[3], SMALLER[2]],
    ['the nearest of the other side', SMALLER[0], SMALLER[3]]
  ])(
    '%s: the live one with the largest index on its side is asked, and nobody else',
    (_where, failed, asked) => {
      const { node, fx, probed } = member()
      fail(node, failed!, fx)
      expect(probed()).toEqual([asked])
      expect(node.leaves.has(failed!)).toBe(false)
    }
  )

  it('the right neighbour: all are asked, since none of them has missed it yet', () => {
    const { node, fx, probed } = member()
    fail(node, LARGER[0]!, fx)
    expect(new Set(probed())).toEqual(new Set([...LARGER.slice(1), ...SMALLER]))
  })

  it('of which somebody told, and it fails here too: whoever that one named is asked instead', () => {
    const named = 0x500
    const all = answeredNode({ leafSet: LEAF_SET, neighbourhood: 0 }, [...LARGER, ...SMALLER], peer =>
      peer === LARGER[1] ? undefined : 'wait'
    )
    all.node.nowMs = HEARD_LATELY_MS
    const failed = [contactOfNumber(LARGER[1]!).id]
    const leaves = [...LARGER.slice(2), named].map(contactOfNumber)
    onLeafProbe(
      all.node,
      LARGER[0]!,
      LARGER[0]!,
      { type: 'leaf-probe', id: 1, ...SIZES, leaves, failed },
      all.fx
    )
    const asked = all.sent.filter(({ message }) => message.type === 'leaf-probe').map(({ peer }) => peer)
    expect(asked).toEqual([LARGER[1], named])
  })

  it('while nothing is repaired: nobody is asked', () => {
    const { node, fx, probed } = member()
    node.maintenance = false
    fail(node, LARGER[1]!, fx)
    expect(probed()).toEqual([])
  })

  it('and that would only have had a place: its side is asked who has it, and for FAILED_KEPT_MS it has none', () => {
    const { node, fx, probed } = member()
    fail(node, 0x350, fx)
    expect(probed()).toEqual([LARGER[3]])
    const name = () => {
      const message = {
        type: 'leaf-probe',
        id: 1,
        ...SIZES,
        leaves: [contactOfNumber(0x350)],
        failed: []
      } as const
      onLeafProbe(node, LARGER[0]!, LARGER[0]!, message, fx)
      return probed().includes(0x350)
    }
    node.nowMs = FAILED_KEPT_MS - 1
    expect(name()).toBe(false)
    node.nowMs = FAILED_KEPT_MS
    expect(name()).toBe(true)
  })
})

describe('a leaf that failed in a network of more than |L|', () => {
  const key = keyOfNumber(0x8100)
  const TOLD = { ...SIZES, failed: [] } as const
  const spread = () => {
    const all = member()
    for (const peer of [0x600, 0x3000, 0x5000, 0x8000, 0xa000, 0xc000])
      all.node.table.set(all.node.slotOf(peer), peer, 5)
    const hop = () => nextHops(all.node, key, 1, () => false)
    expect(hop()).toEqual([{ peer: 0x8000, root: false }])
    return { ...all, hop }
  }

  it('leaves it as large as it was: keys go where they went, and the entry is asked for', () => {
    const { node, fx, hop, count } = spread()
    node.table.set(node.slotOf(LARGER[3]!), LARGER[3]!, 5)
    const before = estimateSize(node)
    fail(node, LARGER[3]!, fx)
    expect(node.leaves.isWhole).toBe(false)
    expect(estimateSize(node)).toBeGreaterThan(before / 2)
    expect(hop()).toEqual([{ peer: 0x8000, root: false }])
    expect(count('row-request')).toBe(1)
  })

  it('is the end of the others only when one of the ends, that has this node, says so', () => {
    const { node, fx } = spread()
    const others = [...LARGER.slice(1), ...SMALLER]
    fail(node, LARGER[0]!, fx)
    const says = (by: number, leaves: readonly number[], standing: 'member' | 'joining' = 'member') => {
      const message = { ...TOLD, standing, leaves: leaves.map(contactOfNumber) }
      onLeafProbe(node, by, by, { type: 'leaf-probe', id: 1, ...message }, fx)
      return node.leaves.isWhole
    }
    expect(node.leaves.ends).toEqual([LARGER[3], SMALLER[3]])
    expect(says(LARGER[3]!, others)).toBe(false)
    expect(says(LARGER[3]!, [0, ...others, 0x8000])).toBe(false)
    expect(says(LARGER[2]!, [0, ...others])).toBe(false)
    expect(says(LARGER[3]!, [0, ...others], 'joining')).toBe(false)
    // It has not missed the one that failed.
    expect(says(LARGER[3]!, [0, LARGER[0]!, ...others])).toBe(true)
  })

  it('until only those are left that fill places: the furthest of them are asked as ends', () => {
    const leaves = new LeafSet(4, keyOfNumber)
    for (const peer of [0x1000, 0x1100, 0xe000, 0xdf00]) leaves.add(peer)
    for (const peer of [0x1000, 0x1100]) leaves.remove(peer)
    for (const peer of [0xf000, 0xf100]) leaves.add(peer)
    expect(leaves.ends).toEqual([0xf000])
    for (const peer of [0xf000, 0xf100]) leaves.remove(peer)
    expect(leaves.sure).toEqual({ smaller: [], larger: [] })
    expect(leaves.ends).toHaveLength(2)
  })

  it('with more in a row than a side has: entries are asked, and no loop of the ring stays apart', () => {
    const settings = { leafSet: 8, heartbeatMs: 2000, leafExchangeMs: 4000, mergeMs: 10_000 }
    const network = new PastryNetwork({ seed: 'mass14', settings, simulation: { trace: false } })
    const { simulation } = network
    const nodes = network.startIdeal(60)
    simulation.runFor(10_000_000)
    const random = randomOf('mass14k')
    for (const node of nodes) if (random.below(1000) < 600) simulation.silence(node)
    expect(network.runUntilIdeal(120_000, 5000)).toBeDefined()
  })

  it('with most of the others: those that are left find out that they are all', () => {
    const network = new PastryNetwork({ seed: 'few left', settings: { leafSet: 16, heartbeatMs: 2000 } })
    const { simulation } = network
    const nodes = network.startIdeal(20)
    simulation.runFor(10_000_000)
    for (const node of nodes.slice(0, 11)) simulation.silence(node)
    expect(network.runUntilIdeal(120_000)).toBeDefined()
    simulation.runFor(120_000_000)
    const estimates = nodes.slice(11).map(node => network.machine(node).snapshot().sizeEstimate)
    expect(estimates).toEqual(Array.from({ length: 9 }, () => 9))
  })
})
