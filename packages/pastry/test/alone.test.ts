/** A member whose last leaf has gone, in whatever way: it looks for a ring, and comes to an end with it. */
import { describe, expect, it } from 'vitest'
import { onLeafProbe, onLeave, probeLeaf } from '../src/leaf-rules.ts'
import { probeForeign } from '../src/life-rules.ts'
import { JOIN_RETRY_MS, type LeafState, type PastryMessage } from '../src/machine.ts'
import { onNotReady } from '../src/node-messages.ts'
import { type Answering, answeredNode } from './support/answered-node.ts'
import { PastryNetwork } from './support/network.ts'

const SECOND_US = 1_000_000
const [ONLY, NAMED] = [0x100, 0x200]
const OUT: LeafState = {
  leafSet: 16,
  digitBits: 4,
  standing: 'out',
  leaves: [],
  failed: [],
  probePeriodMs: 0
}

/** A member with these leaves, and the timers that it set. */
function member(leaves: readonly number[], answer?: Answering) {
  const all = answeredNode({}, leaves, answer)
  const timers = new Map<string, number>()
  Object.assign(all.fx, {
    setTimer: (timer: string, afterMs: number) => timers.set(timer, afterMs),
    cancelTimer: (timer: string) => timers.delete(timer)
  })
  return { ...all, timers }
}

function expectLooking({ node, timers }: ReturnType<typeof member>): void {
  expect(node.leaves.isEmpty).toBe(true)
  expect([node.mode, node.counters.isolated, timers.get('gather')]).toEqual(['member', 1, JOIN_RETRY_MS])
}

describe('a member looks for others when its last leaf', () => {
  it('says that it takes no part, in a probe of its own or in the answer to one', () => {
    const told = member([ONLY])
    onLeafProbe(told.node, ONLY, ONLY, { type: 'leaf-probe', id: 1, ...OUT }, told.fx)
    expectLooking(told)
    const asked = member([ONLY], (_peer, { id }) => ({ type: 'leaf-probe-answer', id, ...OUT }))
    probeLeaf(asked.node, ONLY, asked.fx)
    expectLooking(asked)
  })

  it('is not ready', () => {
    const all = member([ONLY])
    onNotReady(all.node, ONLY, all.fx)
    expectLooking(all)
  })

  it('leaves, and whomever it named is dead', () => {
    const all = member([ONLY])
    onLeave(all.node, ONLY, [NAMED], all.fx)
    expect([all.node.counters.isolated, all.node.probing.has(NAMED)]).toEqual([undefined, true])
    all.waiting.find(({ peer }) => peer === NAMED)!.end(undefined)
    expectLooking(all)
  })

  it('has gone, and does so once: whoever fails after it was no leaf', () => {
    const all = member([ONLY], () => undefined)
    onNotReady(all.node, ONLY, all.fx)
    probeLeaf(all.node, NAMED, all.fx)
    expectLooking(all)
  })
})

it('one of several leaves that takes no part: the furthest on its side is asked who comes next', () => {
  const { node, fx, sent } = member([0x100, 0x200, 0x300])
  onNotReady(node, 0x100, fx)
  expect(sent.map(({ peer, message }) => [peer, message.type])).toContainEqual([0x300, 'leaf-probe'])
})

it('who was alone and joins looks again where nobody of the ring answers', () => {
  const all = member([], (_peer, { type, id }): PastryMessage | undefined =>
    type === 'join-request'
      ? {
          ...{ type: 'join-answer', id, leafSet: 16, digitBits: 4, standing: 'member', root: true },
          ...{ entries: [], neighbours: [], leaves: [], hops: [] }
        }
      : undefined
  )
  probeForeign(all.node, all.fx, ONLY)
  expect([all.node.mode, all.node.entering, all.timers.get('gather')]).toEqual([
    'joining',
    false,
    JOIN_RETRY_MS
  ])
})

describe('a network of two', () => {
  it.each([10, 2000])('of whom one is away for %i ms and comes back without its tables', downMs => {
    const network = new PastryNetwork({ seed: 'restarted' })
    const { simulation } = network
    const [first, second] = simulation.addNodes(2)
    simulation.start(first!)
    network.join(second!, first!)
    simulation.runFor(60 * SECOND_US)
    simulation.crash(first!)
    simulation.runFor(1000 * downMs)
    simulation.revive(first!, { keepSaved: false })
    expect(network.runUntilIdeal(60_000)).toBeLessThan(30_000)
  })
})
