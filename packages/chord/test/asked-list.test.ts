/** Successor lists whose members were asked themselves, against heads that leave out members and name who is none. */
import { SELF } from '@servent/overlay/machine'
import { describe, expect, it } from 'vitest'
import { takeList } from '../src/asked-list.ts'
import { isCrowdedOut, takeFinger } from '../src/finger-refresh.ts'
import {
  type ChordMachine,
  type ChordSettings,
  LIST_ASKS_MAX,
  refOf,
  UNLIKE_ROUNDS_MAX
} from '../src/machine.ts'
import type { Place } from '../src/ring.ts'
import { dropHead, leavePlace } from '../src/ring-tables.ts'
import { stabilise } from '../src/stabilise.ts'
import { type AnsweredRing, answeredRing, keyOfNumber, nodeOfNumber, ref } from './support/answered-ring.ts'
import { ChordNetwork } from './support/network.ts'

/** Of peers that are asked whether they are members, these say that they are; all others are silent. */
function ringOf(members: readonly number[], list: readonly number[], settings: Partial<ChordSettings> = {}) {
  const all = answeredRing(
    { successors: list.length, lists: 'asked', ...settings },
    list,
    (peer, { type, id }) => {
      if (type !== 'next-hops-request' || !members.includes(peer)) return undefined
      const range = { from: keyOfNumber(peer - 1), to: keyOfNumber(peer) }
      return { type: 'next-hops-answer', id, range, hops: [], replicas: [] }
    }
  )
  return all
}

const take = (all: AnsweredRing, head: number, ...list: number[]) =>
  takeList(all.ring, all.place, ref(head), list.map(ref), all.fx)
const listOf = ({ place }: AnsweredRing) => [...place.successors]
const asked = ({ sent }: AnsweredRing) => sent.map(({ peer }) => peer)

describe('a list that is asked', () => {
  it('costs nothing where the head’s is the same', () => {
    const all = ringOf([], [10, 20, 30])
    take(all, 10, 20, 30, 40)
    expect(listOf(all)).toEqual([10, 20, 30].map(ref))
    expect(asked(all)).toEqual([])
  })

  it('keeps whom the head leaves out, as long as they answer', () => {
    const all = ringOf([20, 30], [10, 20, 30])
    take(all, 10, 50, 90)
    expect(listOf(all)).toEqual([10, 20, 30].map(ref))
    expect(asked(all)).toEqual([20, 30])
  })

  it('lets go who is left out and does not answer, and takes in who answers in its place', () => {
    const all = ringOf([30, 40], [10, 20, 30])
    take(all, 10, 30, 40)
    expect(listOf(all)).toEqual([10, 30].map(ref))
    take(all, 10, 30, 40)
    expect(listOf(all)).toEqual([10, 30, 40].map(ref))
  })

  it('does not take in whom the head names where nobody is', () => {
    const all = ringOf([10, 20, 30], [10, 20, 30])
    take(all, 10, 12, 20, 30)
    expect(asked(all)).toEqual([12])
    expect(listOf(all)).toEqual([10, 20, 30].map(ref))
  })

  it('keeps its members, whatever fresh names a head that lies has in each round', () => {
    const all = ringOf([10, 200, 300, 400], [10, 200, 300, 400])
    for (let round = 0; round < 20; round += 1) {
      take(all, 10, 100 + 3 * round, 101 + 3 * round, 102 + 3 * round)
      expect(listOf(all)).toEqual([10, 200, 300, 400].map(ref))
    }
  })

  it('stays as it is where one died and the head says that the ring goes once around by fresh names', () => {
    const all = ringOf([10, 20, 30], [10, 20, 30], { successors: 4 })
    take(all, 10, 11, 12, 13, 0)
    expect(listOf(all)).toEqual([10, 20, 30].map(ref))
    take(all, 10, 0)
    expect(listOf(all)).toEqual([10, 20, 30].map(ref))
    expect(all.place.wrapped).toBe(false)
  })

  it('is not taken for the whole ring by the word of a head, where a finger lies further on', () => {
    const all = ringOf([], [5, 10, 20, 30], { successors: 4 })
    takeFinger(all.ring, all.place, 246, ref(100), all.fx)
    dropHead(all.ring, all.place, all.fx)
    // The liar says what is known, and that the ring goes once around with it; then it names accomplices.
    take(all, 10, 20, 30, 0)
    expect(all.place.wrapped).toBe(false)
    take(all, 10, 50, 90)
    expect(asked(all)).toContain(50)
    expect(listOf(all)).not.toContain(ref(50))
    // Nor where it was the whole ring before.
    all.place.wrapped = true
    take(all, 10, 60, 90)
    expect(all.place.wrapped).toBe(false)
    expect(listOf(all)).not.toContain(ref(60))
  })

  it('grows in order: behind its end nobody comes in while one before it has not answered', () => {
    const all = answeredRing({ successors: 4, lists: 'asked' }, [10], (peer, { type, id }) => {
      if (peer === 20) return 'busy'
      const range = { from: keyOfNumber(peer - 1), to: keyOfNumber(peer) }
      if (type !== 'next-hops-request' || peer === 40) return undefined
      return { type: 'next-hops-answer', id, range, hops: [], replicas: [] }
    })
    all.hold = true
    take(all, 10, 20, 30, 40)
    all.release()
    expect(listOf(all)).toEqual([10].map(ref))
    expect(all.place.asked.get(ref(30))).toBe('lives')
    // One that is silent does not hold up those behind it.
    take(all, 10, 30, 40)
    all.release()
    expect(listOf(all)).toEqual([10, 30].map(ref))
    take(all, 10, 30, 40, 50)
    all.release()
    expect(listOf(all)).toEqual([10, 30, 50].map(ref))
  })

  it('grows by nobody whose neighbours were pushed out of the list and are to come back', () => {
    const all = ringOf([20, 30], [10, 20], { successors: 3 })
    all.hold = true
    take(all, 10, 20, 30)
    expect(asked(all)).toEqual([30])
    // Two come before the head, and go again before 30 has answered.
    take(all, 5, 10, 20)
    take(all, 3, 5, 10)
    expect(listOf(all)).toEqual([3, 5, 10].map(ref))
    for (let gone = 0; gone < 2; gone += 1) dropHead(all.ring, all.place, all.fx)
    all.release()
    expect(listOf(all)).toEqual([10].map(ref))
    take(all, 10, 20, 30)
    all.release()
    expect(listOf(all)).toEqual([10, 20, 30].map(ref))
  })

  it('takes in whoever came between, in its place', () => {
    const all = ringOf([12, 20, 30], [10, 20, 30])
    take(all, 10, 12, 20, 30)
    expect(listOf(all)).toEqual([10, 12, 20].map(ref))
  })

  it('asks each once at a time', () => {
    const all = ringOf([20, 30], [10, 20, 30])
    all.hold = true
    take(all, 10, 50, 90)
    take(all, 10, 50, 90)
    expect(asked(all)).toEqual([20, 30])
    expect(all.place.asked).toEqual(new Map([20, 30].map(peer => [ref(peer), 'asked'])))
    all.release()
    expect(all.place.asked.size).toBe(0)
  })

  it('LIST_ASKS_MAX are asked at a time, whatever heads say; one past it is not', () => {
    const all = ringOf([], [1000, 2000, 3000])
    all.hold = true
    for (let at = 0; at < LIST_ASKS_MAX; at += 1) take(all, 1000, 1001 + at, 2000, 3000)
    expect(asked(all).length).toBe(LIST_ASKS_MAX)
    take(all, 1000, 1900, 2000, 3000)
    expect(asked(all).length).toBe(LIST_ASKS_MAX)
    expect(listOf(all)).toEqual([1000, 2000, 3000].map(ref))
    all.release()
    take(all, 1000, 1900, 2000, 3000)
    expect(asked(all)).toContain(1900)
  })

  it('that became short is filled with those who answer', () => {
    const all = ringOf([20, 40], [10, 20], { successors: 4 })
    take(all, 10, 20, 30, 40)
    expect(listOf(all)).toEqual([10, 20, 40].map(ref))
    expect(asked(all)).toEqual([30, 40])
  })

  it('is the head’s where it is told, and where it goes once around', () => {
    const told = ringOf([], [10, 20, 30], { lists: 'told' })
    take(told, 10, 50, 90)
    expect(listOf(told)).toEqual([10, 50, 90].map(ref))
    expect(asked(told)).toEqual([])
    const few = ringOf([], [10, 20], { successors: 4 })
    take(few, 10, 20, 0)
    expect(listOf(few)).toEqual([10, 20].map(ref))
    expect([few.place.wrapped, asked(few)]).toEqual([true, []])
    // Whose list is full has heard of more than there could be.
    const full = ringOf([20, 30], [10, 20, 30])
    take(full, 10, 0)
    expect(listOf(full)).toEqual([10, 20, 30].map(ref))
    const around = ringOf([], [10, 20, 30])
    around.place.wrapped = true
    take(around, 10, 50)
    expect(listOf(around)).toEqual([10, 50].map(ref))
  })
})

it('an own place behind the head enters without being asked, as long as it is a member', () => {
  const all = answeredRing({ successors: 3, virtualNodes: 2, lists: 'asked' }, [10], () => undefined)
  const [, second] = all.ring.places
  // The key of the second place begins with 0x1fd4.
  take(all, 10, 8148)
  expect(listOf(all)).toEqual([ref(10)])
  second!.member = true
  // Behind all that is heard of there may be others before it.
  take(all, 10, 8000)
  expect(listOf(all)).toEqual([ref(10)])
  take(all, 10, 9000)
  expect(listOf(all)).toEqual([ref(10), refOf(SELF, 1)])
  expect(asked(all)).toEqual([8148, 8000, 9000])
  // A place that this peer does not have is nobody's, whoever names it.
  takeList(all.ring, all.place, ref(10), [refOf(SELF, 2), refOf(SELF, 1)], all.fx)
  expect(listOf(all)).toEqual([ref(10), refOf(SELF, 1)])
})

describe('lists that differ', () => {
  /** The head at 10 names 20, of which `how` says what becomes of asking it. */
  function differing(how: { now: 'busy' | 'silent' | 'member' }) {
    const all = answeredRing({ successors: 2, lists: 'asked' }, [10], (peer, { type, id, ...message }) => {
      if (type === 'neighbours-request') {
        const unchanged = (message as { version: number }).version === 7
        const list = { version: 7, unchanged, listLength: 2, successors: [nodeOfNumber(20)] }
        return { type: 'neighbours', id, standing: 'ring', predecessor: nodeOfNumber(SELF), ...list }
      }
      if (how.now === 'busy') return 'busy'
      const range = { from: keyOfNumber(peer - 1), to: keyOfNumber(peer) }
      return how.now === 'silent'
        ? undefined
        : { type: 'next-hops-answer', id, range, hops: [], replicas: [] }
    })
    const rounds = (count: number) => {
      const before = asked(all).filter(peer => peer === 20).length
      for (let round = 0; round < count; round += 1) stabilise(all.ring, all.place, all.fx)
      return asked(all).filter(peer => peer === 20).length - before
    }
    return { all, rounds }
  }

  it('are compared in the next round, where somebody could not be asked', () => {
    const how = { now: 'busy' as 'busy' | 'member' }
    const { all, rounds } = differing(how)
    rounds(1)
    expect(listOf(all)).toEqual([ref(10)])
    // As often as it takes.
    expect([1, 1, 1, 1].map(rounds)).toEqual([1, 1, 1, 1])
    how.now = 'member'
    rounds(1)
    expect(listOf(all)).toEqual([10, 20].map(ref))
    rounds(1)
    expect([all.place.unlikeRounds, all.place.settledVersion]).toEqual([0, 7])
    expect(rounds(3)).toBe(0)
  })

  it('are compared after ever longer times while somebody stays silent, UNLIKE_ROUNDS_MAX rounds at most', () => {
    const how = { now: 'silent' as 'silent' | 'member' }
    const { all, rounds } = differing(how)
    expect([1, 1, 1, 1, 1, 1, 1, 1].map(rounds)).toEqual([1, 1, 0, 1, 0, 0, 0, 1])
    rounds(300)
    expect(all.place.unlikeRounds).toBe(UNLIKE_ROUNDS_MAX)
    how.now = 'member'
    expect(rounds(UNLIKE_ROUNDS_MAX)).toBe(1)
    expect(listOf(all)).toEqual([10, 20].map(ref))
  })
})

describe('who is asked, or has yet to come into a list', () => {
  it('is forgotten when the place leaves', () => {
    const all = ringOf([20], [10, 20])
    all.hold = true
    take(all, 10, 50)
    expect(all.place.asked.size).toBe(1)
    leavePlace(all.ring, all.place, all.fx)
    all.release()
    expect(all.place.asked.size).toBe(0)
  })

  it('is held by the machine', () => {
    const network = new ChordNetwork({ seed: 'held', settings: { lists: 'asked' } })
    const [node] = network.startIdeal(3)
    const machine = network.simulation.machine(node!) as ChordMachine
    const [place] = machine.places as unknown as readonly Pick<Place, 'asked' | 'compared'>[]
    const held = () => {
      const peers = new Set<number>()
      machine.heldPeers(peer => peers.add(peer))
      return peers
    }
    expect(held()).not.toContain(1234)
    place!.compared = [refOf(1235, 0)]
    expect(held()).toContain(1235)
    place!.compared = []
    expect(held()).not.toContain(1235)
    place!.asked.set(refOf(1234, 0), 'lives')
    expect(held()).toContain(1234)
  })
})

it('a ring in which some leave stays as correct by asked lists as by told ones', () => {
  const [told, askedFor] = (['told', 'asked'] as const).map(lists => {
    const network = new ChordNetwork({ seed: 'lists', settings: { lists, successors: 4 } })
    const { simulation } = network
    const nodes = simulation.addNodes(24)
    for (const [at, node] of nodes.entries()) {
      simulation.start(node)
      if (at > 0) simulation.contact(node, nodes[0]!)
      simulation.runFor(2_000_000)
    }
    simulation.runFor(600_000_000)
    for (const node of nodes.slice(5, 9)) simulation.crash(node)
    simulation.runFor(600_000_000)
    return simulation
      .aliveNodes()
      .map(node => network.tablesOf(node).places[0]!.successors.map(({ peer }) => peer))
  })
  expect(askedFor).toEqual(told)
  expect(told!.every(list => list.length === 4)).toBe(true)
})

describe('fingers from one network', () => {
  /** Peers with an even number are from one network, of which a table takes in two. */
  function crowding() {
    const all = ringOf([], [1, 2])
    const isCrowded = (peer: number, others: Iterable<number>) =>
      peer % 2 === 0 && [...others].filter(other => other % 2 === 0 && other !== peer).length >= 2
    const { router } = all.ring
    all.ring.router = {
      ...router,
      settings: { ...router.settings, peersPerNetwork: 2 },
      isCrowded
    } as unknown as typeof router
    const fingers = () =>
      Array.from({ length: all.place.fingers.length }, (_, at) => all.place.fingers.at(at))
    const exponentOf = (peer: number) => 240 + Math.floor(Math.log2(peer))
    return {
      all,
      fingers,
      take: (peer: number) => takeFinger(all.ring, all.place, exponentOf(peer), ref(peer), all.fx)
    }
  }

  it('are two at most; the third is left out, and others come in', () => {
    const { all, fingers, take: takeOne } = crowding()
    for (const peer of [64, 128, 256, 513]) takeOne(peer)
    expect(fingers()).toEqual([513, 128, 64].map(ref))
    expect(all.ring.counters.fingersCrowdedOut).toBe(1)
  })

  it('may take the place of each other', () => {
    const { all, fingers, take: takeOne } = crowding()
    for (const peer of [66, 128]) takeOne(peer)
    takeOne(64)
    expect(fingers()).toEqual([128, 64].map(ref))
    expect(isCrowdedOut(all.ring, all.place, 246, ref(64))).toBe(false)
  })
})
