/** Single rules with peers that answer as a test says: too late, not at all, `later`, or with what nobody expects. */

import { encodeContacts } from '@servent/key-routing/machine'
import { NO_PEER, SELF } from '@servent/overlay/machine'
import { describe, expect, it } from 'vitest'
import { FOUNDERS_KEPT_MS } from '../src/constants.ts'
import { guessFingers } from '../src/finger-gaps.ts'
import { fixFingers, takeFinger } from '../src/finger-refresh.ts'
import { adoptTables, IdealRing } from '../src/ideal.ts'
import { type ChordMessage, type ChordSettings, LOST_PEERS_MAX, SAVED_PEERS_MAX } from '../src/machine.ts'
import type { Standing } from '../src/messages.ts'
import { checkPredecessor, rectify } from '../src/rectify.ts'
import type { Place } from '../src/ring.ts'
import { askNeighbours, ping, probeNode } from '../src/ring-calls.ts'
import { join } from '../src/ring-join.ts'
import { NOBODY, refOf } from '../src/ring-key.ts'
import { entered, isolated, joinBy, rejoin } from '../src/ring-life.ts'
import { lookupVia } from '../src/ring-lookup.ts'
import { onMessage } from '../src/ring-messages.ts'
import { onSilent } from '../src/ring-routing.ts'
import { loadPeers, PEERS_SAVED_AS, savePeers } from '../src/ring-save.ts'
import { leavePlace, remember, setSuccessors } from '../src/ring-tables.ts'
import { armPlace } from '../src/ring-timers.ts'
import { consider, notify, stabilise, tellCandidate } from '../src/stabilise.ts'
import { ORIGINAL_CHORD } from './mutants/original-chord.ts'
import {
  type AnsweredRing,
  answeredRing,
  contactOfNumber,
  keyOfNumber,
  nodeOfNumber,
  ref
} from './support/answered-ring.ts'
import { ChordNetwork } from './support/network.ts'

const R = 3
/** Half the ring away from 0, which is this peer. */
const FAR = 0x8000
const SETTINGS: Partial<ChordSettings> = { successors: R, proximity: 'off' }

type Asked = ChordMessage & { readonly id: number }

interface Said {
  readonly standing?: Standing
  readonly predecessor?: number
  readonly successors?: readonly number[]
}

function neighbours(
  { id }: Asked,
  { standing = 'ring', predecessor, successors = [] }: Said = {}
): ChordMessage {
  return {
    type: 'neighbours',
    id,
    standing,
    version: 7,
    unchanged: false,
    listLength: R,
    ...(predecessor !== undefined && { predecessor: nodeOfNumber(predecessor) }),
    successors: successors.map(nodeOfNumber)
  }
}

/** What each peer says of its neighbours; `later` and `dead` for those that do not. */
function saying(
  tables: Readonly<Record<number, Said | 'later' | 'dead'>>,
  settings = SETTINGS
): AnsweredRing {
  return answeredRing(settings, [1, 2, 3], (peer, message) => {
    const said = tables[peer]
    if (said === 'later') return 'busy'
    if (said === 'dead') return undefined
    switch (message.type) {
      case 'neighbours-request':
        return neighbours(message, said)
      case 'fingers-request':
        return { type: 'fingers', id: message.id, fingers: [nodeOfNumber(FAR)] }
      case 'next-hops-request':
        return { type: 'next-hops-answer', id: message.id, hops: [], replicas: [] }
      default:
        return { type: 'pong', id: message.id }
    }
  })
}

/** As a place that looks for its ring. */
function joining(all: AnsweredRing): Place {
  leavePlace(all.ring, all.place, all.fx)
  all.ring.mode = 'joining'
  all.place.joining = true
  return all.place
}

const FOUND = () => ({ root: contactOfNumber(FAR), to: keyOfNumber(FAR) })
const list = (place: Place) => place.successors.map(one => one / 32)

describe('an answer that comes when its place is no member any more changes nothing', () => {
  const begun: Readonly<Record<string, (all: AnsweredRing) => void>> = {
    stabilise: ({ ring, place, fx }) => stabilise(ring, place, fx),
    rectify: ({ ring, place, fx }) => rectify(ring, place, ref(100), fx),
    'check predecessor': ({ ring, place, fx }) => {
      ring.nowMs = 10 * ring.settings.checkPredecessorMs
      checkPredecessor(ring, place, fx)
    },
    'guess fingers': ({ ring, place, fx }) => guessFingers(ring, place, ref(1), fx, () => {}),
    'fix a finger': ({ ring, place, fx }) => fixFingers(ring, place, fx),
    'fix a finger that is there': ({ ring, place, fx }) => {
      place.fingers.set(255, ref(FAR))
      fixFingers(ring, place, fx)
    },
    join: all => {
      joining(all)
      join(all.ring, all.place, ref(100), all.fx)
    },
    'join by a contact': all => {
      joining(all).joining = false
      joinBy(all.ring, 5, all.fx)
    }
  }
  // How many of its answers come in time: each step of a rule has its own look at what became of the place.
  const cases = Object.keys(begun).flatMap(name => [0, 1, 2].map(steps => [name, steps] as const))
  it.each(cases)('%s, after %i answers in time', (name, inTime) => {
    for (const proximity of ['on', 'off'] as const) {
      const all = saying(
        {
          1: { predecessor: 0, successors: [2, 3, 4] },
          100: { predecessor: 200, successors: [101, 102, 103] },
          200: { successors: [5, 100, 101] },
          [FAR]: { successors: [FAR + 1] }
        },
        { ...SETTINGS, proximity }
      )
      const { place, ring, fx } = all
      ring.router.calls.linkOf = () => undefined
      all.found = FOUND
      place.predecessor = ref(200)
      all.hold = true
      begun[name]!(all)
      for (let step = 0; step < inTime; step += 1) all.release()
      leavePlace(ring, place, fx)
      const { length } = all.sent
      all.release()
      expect([place.member, place.successors, place.predecessor, place.fingers.length]).toEqual([
        false,
        [],
        NOBODY,
        0
      ])
      expect(all.sent.slice(length).filter(({ message }) => !('id' in message))).toEqual([])
    }
  })

  it('nor does one about a candidate, or about what lies before a head', () => {
    const all = saying({ 1: { predecessor: 200 }, 255: {} })
    const { place, ring, fx } = all
    setSuccessors(ring, place, [100, 200, 300].map(ref), fx)
    all.hold = true
    consider(ring, place, ref(50), 0, fx)
    leavePlace(ring, place, fx)
    all.release()
    expect([ring.candidates?.size ?? 0, list(place)]).toEqual([0, []])
    const other = saying({ 100: { predecessor: 50, successors: [200, 300, 400] }, 50: { successors: [100] } })
    setSuccessors(other.ring, other.place, [100, 200, 300].map(ref), other.fx)
    other.hold = true
    stabilise(other.ring, other.place, other.fx)
    other.release()
    leavePlace(other.ring, other.place, other.fx)
    other.release()
    expect(list(other.place)).toEqual([])
  })
})

describe('where this peer has too much in hand to ask', () => {
  it.each([100, 200, 5])('a join that needs %i fails, and is tried again', peer => {
    const all = saying({
      100: { predecessor: 200, successors: [101] },
      200: { successors: [5, 100] },
      5: { successors: [100] },
      [peer]: 'later'
    })
    join(all.ring, joining(all), ref(100), all.fx)
    expect([all.place.member, all.place.joining, all.ring.counters.joinsFailed]).toEqual([false, false, 1])
  })

  it('a round of stabilisation ends with the list that there was, and nobody is taken for dead', () => {
    const all = saying({ 1: 'later' })
    stabilise(all.ring, all.place, all.fx)
    expect([list(all.place), all.place.stabilising, all.ring.counters]).toEqual([[1, 2, 3], false, {}])
  })

  it('a predecessor keeps its place', () => {
    const all = saying({ 200: 'later' })
    all.place.predecessor = ref(200)
    rectify(all.ring, all.place, ref(100), all.fx)
    expect([all.place.predecessor, all.place.predecessorLost]).toEqual([ref(200), false])
  })

  it('whether a peer or a node lives is not said', () => {
    const all = saying({ 5: 'later', 6: 'dead' })
    const told: unknown[] = []
    for (const peer of [5, 6, SELF]) ping(all.ring, peer, all.fx, alive => told.push(alive))
    for (const peer of [5, 6]) probeNode(all.ring, ref(peer), all.fx, alive => told.push(alive))
    expect(told).toEqual(['later', false, true, 'later', false])
  })
})

describe('a joiner', () => {
  const joined = (tables: Parameters<typeof saying>[0]) => {
    const all = saying({ 100: { predecessor: 200, successors: [101] }, ...tables })
    join(all.ring, joining(all), ref(100), all.fx)
    return all
  }

  it('follows a member that has nobody behind it', () => {
    const { place } = joined({ 200: {} })
    expect([place.member, list(place), place.predecessor]).toEqual([true, [200], ref(200)])
  })

  it('takes the next of the list where the first is dead, and the member before it where there is no other', () => {
    expect(list(joined({ 200: { successors: [5, 100] }, 5: 'dead' }).place)).toEqual([100, 101])
    expect(list(joined({ 200: { successors: [5] }, 5: 'dead' }).place)).toEqual([200])
    expect(list(joined({ 200: { successors: [5, 100] }, 5: { successors: [100] } }).place)).toEqual([5, 100])
  })

  it('of a root that is only forming, or at its own key, has to try again', () => {
    const all = saying({ 100: { standing: 'forming' } })
    join(all.ring, joining(all), ref(100), all.fx)
    expect([all.place.member, all.ring.counters.joinsFailed]).toEqual([false, 1])
  })

  it('whose contact finds nobody has to try again', () => {
    const all = saying({ 5: 'dead' })
    joining(all).joining = false
    joinBy(all.ring, 5, all.fx)
    expect([all.place.joining, all.ring.counters]).toEqual([false, { joins: 1, joinsFailed: 1 }])
  })

  it('that knows nobody waits', () => {
    const all = saying({})
    joining(all).joining = false
    all.ring.linked = []
    rejoin(all.ring, all.fx)
    expect([all.sent, all.place.joining]).toEqual([[], false])
    all.ring.lost.add(9)
    rejoin(all.ring, all.fx)
    expect(all.sent.map(({ peer }) => peer)).toEqual([9])
  })
})

describe('a first successor that forms a ring', () => {
  it.each([
    [FOUNDERS_KEPT_MS, [1, 2, 3]],
    [FOUNDERS_KEPT_MS + 1, [2, 3]]
  ])('is waited for as a founder is, and then is no member: after %i ms the list is %j', (ms, left) => {
    const all = saying({ 1: { standing: 'forming' }, 2: { successors: [3], predecessor: 0 } })
    all.ring.mode = 'ring'
    for (const nowMs of [1000, 1000 + ms]) {
      all.ring.nowMs = nowMs
      stabilise(all.ring, all.place, all.fx)
    }
    expect(list(all.place)).toEqual(left)
  })

  it('is waited for anew when it was a member in between', () => {
    const tables: Record<number, Said> = {}
    const all = saying(tables)
    all.ring.mode = 'ring'
    for (const [nowMs, standing] of [
      [0, 'forming'],
      [FOUNDERS_KEPT_MS, 'ring'],
      [FOUNDERS_KEPT_MS + 1, 'forming']
    ] as const) {
      tables[1] = { standing, successors: [2, 3], predecessor: 0 }
      all.ring.nowMs = nowMs
      stabilise(all.ring, all.place, all.fx)
    }
    expect(list(all.place)).toEqual([1, 2, 3])
  })
})

describe('a lookup by a contact', () => {
  it('asks the root again where it named this peer, or one that is silent, and tells it so', () => {
    const hop = (number: number, root: boolean) => ({ contact: contactOfNumber(number), root })
    const told: number[][] = []
    const all = answeredRing(SETTINGS, [1, 2, 3], (peer, { id, ...message }) => {
      if (peer === 4) return undefined
      const silent = 'silent' in message ? message.silent.map(one => one[2]!) : []
      if (peer === 5) told.push(silent)
      const isRoot = peer === 5 && silent.includes(0) && silent.includes(4)
      const named = peer === 6 ? [hop(5, true)] : [hop(silent.includes(0) ? 4 : 0, true)]
      return {
        type: 'next-hops-answer',
        id,
        replicas: [],
        ...(isRoot && { range: { from: keyOfNumber(2), to: keyOfNumber(5) } }),
        hops: isRoot ? [] : named
      }
    })
    const roots: number[] = []
    lookupVia(all.ring, 6, keyOfNumber(3), all.fx, root => roots.push(root))
    expect(roots).toEqual([ref(5)])
    expect(told).toEqual([[], [0], [0, 4]])
  })

  it.each([
    [250, 'itself', refOf(SELF, 0)],
    [150, 'nobody', NOBODY]
  ])('that is led back here for the key %i finds %s', (number, _, found) => {
    const all = answeredRing(SETTINGS, [1, 2, 3], (_peer, { id }) => ({
      type: 'next-hops-answer',
      id,
      replicas: [],
      hops: [{ contact: contactOfNumber(0), root: true }]
    }))
    all.place.predecessor = ref(200)
    const told: number[] = []
    lookupVia(all.ring, 5, keyOfNumber(number), all.fx, root => told.push(root))
    expect(told).toEqual([found])
  })

  it('finds this peer for every key where it is the only member', () => {
    const all = answeredRing(SETTINGS, [], (_peer, { id }) => ({
      type: 'next-hops-answer',
      id,
      replicas: [],
      hops: [{ contact: contactOfNumber(0), root: true }]
    }))
    const told: number[] = []
    lookupVia(all.ring, 5, keyOfNumber(150), all.fx, root => told.push(root))
    // The key of a member is looked for in another ring than this.
    lookupVia(all.ring, 5, keyOfNumber(0), all.fx, root => told.push(root))
    expect(told).toEqual([refOf(SELF, 0), NOBODY])
  })

  it.each([
    ['a range without the key', { from: keyOfNumber(150), to: keyOfNumber(6) }],
    ['a range that ends at no place of its own', { from: keyOfNumber(149), to: keyOfNumber(150) }]
  ])('does not believe %s, nor takes those behind for the root', (_, range) => {
    const all = answeredRing(SETTINGS, [1, 2, 3], (peer, { id }) => ({
      type: 'next-hops-answer',
      id,
      replicas: [],
      ...(peer === 6 && { range }),
      ...(peer === 7 && { range: { from: keyOfNumber(100), to: keyOfNumber(7) } }),
      hops: peer === 5 ? [6, 7].map(number => ({ contact: contactOfNumber(number), root: true })) : []
    }))
    const told: number[] = []
    lookupVia(all.ring, 5, keyOfNumber(150), all.fx, root => told.push(root))
    expect(told).toEqual([ref(7)])
    expect(all.sent.map(({ peer, message }) => [peer, 'root' in message && message.root])).toEqual([
      [5, false],
      [6, true],
      [7, false]
    ])
    expect(all.ring.counters.answersRefused).toBe(1)
  })

  it('asks whoever was asked on the way again where others name it as the root, and not a third time', () => {
    // Peer 5 has this one, from its earlier life, for its predecessor; peer 6 knows that 5 comes behind it.
    const hop = (number: number, root: boolean) => ({ contact: contactOfNumber(number), root })
    const all = answeredRing(SETTINGS, [1, 2, 3], (peer, message) => ({
      type: 'next-hops-answer',
      id: message.id,
      replicas: [],
      ...(peer === 5 &&
        'root' in message &&
        message.root && { range: { from: keyOfNumber(3), to: keyOfNumber(5) } }),
      hops: peer === 5 ? [hop(6, false)] : [hop(5, true), hop(6, false)]
    }))
    const told: number[] = []
    lookupVia(all.ring, 5, keyOfNumber(4), all.fx, root => told.push(root))
    expect(told).toEqual([ref(5)])
    expect(all.sent.map(({ peer, message }) => [peer, 'root' in message && message.root])).toEqual([
      [5, false],
      [6, false],
      [5, true]
    ])
  })

  it('does not take those behind for the root who stand behind one that answered that it is not', () => {
    const all = answeredRing(SETTINGS, [1, 2, 3], (peer, { id }) => ({
      type: 'next-hops-answer',
      id,
      replicas: [],
      hops: peer === 5 ? [6, 7].map(number => ({ contact: contactOfNumber(number), root: true })) : []
    }))
    lookupVia(all.ring, 5, keyOfNumber(150), all.fx, () => undefined)
    expect(all.sent.map(({ message }) => 'root' in message && message.root)).toEqual([false, true, false])
  })
})

describe('a peer with two places', () => {
  const two = () => {
    const all = saying({}, { ...SETTINGS, virtualNodes: 2 })
    const [first, second] = all.ring.places as [Place, Place]
    return { ...all, first, second }
  }

  it('says of one that is no member that it is dead, and of one that is what it has', () => {
    const { ring, first, second, fx } = two()
    const told: unknown[] = []
    const ask = () => askNeighbours(ring, first, refOf(SELF, 1), 0, fx, answer => told.push(answer))
    ask()
    second.member = true
    second.version = 1
    second.successors = [ref(9)]
    ask()
    expect(told).toEqual(['dead', expect.objectContaining({ successors: [ref(9)], forming: false })])
  })

  it('tells one place of the other, where that is a member', () => {
    const { ring, first, second, fx } = two()
    setSuccessors(ring, first, [refOf(SELF, 1)], fx)
    notify(ring, first, fx)
    expect(second.predecessor).toBe(NOBODY)
    second.member = true
    notify(ring, first, fx)
    expect(second.predecessor).toBe(refOf(SELF, 0))
  })

  it('keeps one place where the other is left alone', () => {
    const { ring, first, second, fx } = two()
    second.member = true
    isolated(ring, first, fx)
    expect([ring.mode, first.member, second.member]).toEqual(['ring', false, true])
    tellCandidate(ring, refOf(SELF, 7), ref(5), 0, fx)
    expect(second.successors).toEqual([])
  })

  it('looks for the root of a place that is out among its own', () => {
    const { ring, first, second, fx } = two()
    ring.linked = []
    first.predecessor = refOf(SELF, 1)
    first.successors = []
    rejoin(ring, fx)
    expect([second.joining, ring.counters.joins]).toEqual([false, undefined])
  })
})

describe('whoever is left alone', () => {
  it('begins again by those that it knew, or by itself where it knew everybody', () => {
    for (const wrapped of [false, true]) {
      const all = saying({ 200: 'dead', 1: 'dead', 2: 'dead', 3: 'dead' })
      all.place.predecessor = ref(200)
      all.place.wrapped = wrapped
      isolated(all.ring, all.place, all.fx)
      expect(all.ring.lost.peers).toContain(200)
      expect(all.ring.mode).toBe(wrapped ? 'forming' : 'joining')
    }
  })

  it('is so but once', () => {
    const all = saying({})
    all.ring.mode = 'joining'
    isolated(all.ring, all.place, all.fx)
    expect(all.ring.counters).toEqual({})
  })

  it('takes its nearest finger for its successor, else its predecessor, and that one only once', () => {
    const all = saying({ 1: 'dead', [FAR]: { successors: [FAR + 1, FAR + 2] }, 200: 'dead' })
    setSuccessors(all.ring, all.place, [ref(1)], all.fx)
    all.place.fingers.set(255, ref(FAR))
    stabilise(all.ring, all.place, all.fx)
    expect(list(all.place)).toEqual([FAR, FAR + 1, FAR + 2])
    const last = saying({ 1: 'dead', 200: 'dead' })
    setSuccessors(last.ring, last.place, [ref(1)], last.fx)
    last.place.predecessor = ref(200)
    stabilise(last.ring, last.place, last.fx)
    expect([last.ring.counters.refilled, last.ring.counters.isolated]).toEqual([1, 1])
  })
})

describe('a candidate', () => {
  it('that is only forming is told of this ring', () => {
    const all = saying({ 50: { standing: 'forming' } })
    setSuccessors(all.ring, all.place, [100, 200, 300].map(ref), all.fx)
    consider(all.ring, all.place, ref(50), 0, all.fx)
    expect(list(all.place)).toEqual([100, 200, 300])
    expect(all.sent.at(-1)).toMatchObject({ peer: 50, message: { type: 'candidate', node: nodeOfNumber(0) } })
  })

  it('is looked at beside those of others, however many somebody tells of that do not answer', () => {
    const all = saying({ 50: {}, 60: {} })
    setSuccessors(all.ring, all.place, [100, 200, 300].map(ref), all.fx)
    all.hold = true
    const tell = (from: number, node: number) =>
      onMessage(all.ring, from, { type: 'candidate', index: 0, node: nodeOfNumber(node), steps: 0 }, all.fx)
    for (let junk = 70; junk < 90; junk += 1) tell(9, junk)
    tell(8, 60)
    // What this peer finds itself waits for nobody's turn either.
    consider(all.ring, all.place, ref(50), 0, all.fx)
    const asked = () =>
      all.sent.flatMap(({ peer, message }) => (message.type === 'neighbours-request' ? [peer] : []))
    expect(asked()).toEqual([70, 60, 50])
    const held = new Set<number>()
    for (const { waiting } of all.ring.candidates!.values()) if (waiting !== undefined) held.add(waiting.node)
    expect([...held]).toEqual([ref(89)])
    all.release()
    expect(list(all.place)[0]).toBe(50)
    // The latest of those that waited has its turn, where it would still be nearer.
    expect([asked(), all.ring.candidates!.size]).toEqual([[70, 60, 50], 0])
  })

  it('that waited is looked at when the one before it has not answered', () => {
    const all = saying({ 50: {}, 70: 'dead' })
    setSuccessors(all.ring, all.place, [100, 200, 300].map(ref), all.fx)
    all.hold = true
    for (const node of [70, 60, 50])
      onMessage(all.ring, 9, { type: 'candidate', index: 0, node: nodeOfNumber(node), steps: 0 }, all.fx)
    all.release()
    all.release()
    expect(list(all.place)[0]).toBe(50)
  })

  it('that is further than all of the tables is passed on to the last of them, once', () => {
    const all = saying({})
    consider(all.ring, all.place, ref(FAR), 0, all.fx)
    expect(all.sent.at(-1)).toMatchObject({ peer: 3, message: { type: 'candidate', steps: 1 } })
    const { length } = all.sent
    setSuccessors(all.ring, all.place, [ref(FAR + 1)], all.fx)
    // Nobody precedes it but this place.
    consider(all.ring, all.place, ref(FAR + 1), 0, all.fx)
    expect(all.sent).toHaveLength(length)
  })

  it('and a leaver’s neighbours are left aside where there is no room for another peer', () => {
    const all = saying({})
    all.ring.peers = { ...all.ring.peers, intern: () => NO_PEER }
    all.place.predecessor = ref(200)
    onMessage(all.ring, 9, { type: 'candidate', index: 0, node: nodeOfNumber(50), steps: 0 }, all.fx)
    onMessage(
      all.ring,
      200,
      { type: 'leave', sender: 0, predecessor: nodeOfNumber(100), successors: [] },
      all.fx
    )
    expect([all.sent, list(all.place), all.place.predecessor]).toEqual([[], [1, 2, 3], ref(200)])
    expect(all.place.predecessorLost).toBe(true)
    expect(all.ring.rootOfAnswer(contactOfNumber(9), keyOfNumber(9))).toBe(NOBODY)
    expect(all.ring.refs([nodeOfNumber(9)])).toEqual([])
  })
})

describe('tables', () => {
  it('know no own key for a predecessor, and tell none that is not linked of its new successor', () => {
    const all = saying({})
    rectify(all.ring, all.place, refOf(SELF, 0), all.fx)
    expect(all.place.predecessor).toBe(NOBODY)
    all.ring.router.calls.linkOf = () => undefined
    all.place.predecessor = ref(100)
    rectify(all.ring, all.place, ref(200), all.fx)
    expect([all.place.predecessor, all.sent]).toEqual([ref(200), []])
  })

  it('have a version that is never 0, and remember nobody who is this peer', () => {
    const all = saying({})
    all.place.version = 0xffff_ffff
    setSuccessors(all.ring, all.place, [ref(1)], all.fx)
    expect(all.place.version).toBe(1)
    remember(all.ring, refOf(SELF, 1))
    expect(all.ring.lost.peers).toEqual([])
  })

  it('are looked after while maintenance is on', () => {
    const all = saying({})
    const timers: unknown[] = []
    all.fx.setTimer = timer => timers.push(timer)
    all.ring.maintenance = false
    armPlace(all.ring, all.place, all.fx)
    entered(all.ring, all.place, all.fx)
    expect([timers, all.sent]).toEqual([[], []])
    all.ring.maintenance = true
    armPlace(all.ring, all.place, all.fx)
    expect(timers).toHaveLength(3)
  })

  it('that were saved bring back whom there is room for, and not this peer', () => {
    const all = saying({})
    all.ring.bootstrap.add(5)
    const saved: Uint8Array[] = []
    all.fx.save = (key, bytes) => {
      expect(key).toBe(PEERS_SAVED_AS)
      saved.push(bytes!)
    }
    savePeers(all.ring, all.fx)
    const [bytes] = saved
    const other = saying({})
    loadPeers(other.ring, bytes)
    expect(other.ring.lost.peers).toContain(5)
    const full = saying({})
    full.ring.peers = { ...full.ring.peers, intern: () => NO_PEER }
    loadPeers(full.ring, bytes)
    expect(full.ring.lost.peers).toEqual([])
  })
})

describe('a predecessor that was lost', () => {
  const notify = (all: AnsweredRing, from: number) =>
    onMessage(all.ring, from, { type: 'notify', index: 0, sender: 0 }, all.fx)
  const lost = (said: Said | 'dead') => {
    const all = saying({ 60000: said })
    all.place.predecessor = ref(60_000)
    all.place.predecessorLost = true
    return all
  }

  it('is asked again each time, and stays where it lives: nobody far behind takes its place', () => {
    const all = lost({})
    checkPredecessor(all.ring, all.place, all.fx)
    expect(all.place.predecessorLost).toBe(false)
    notify(all, FAR)
    expect(all.place.predecessor).toBe(ref(60_000))
  })

  it('gives way to whoever claims its place where it is dead, and is asked by its timer alone', () => {
    const all = lost('dead')
    checkPredecessor(all.ring, all.place, all.fx)
    expect([all.place.predecessorLost, all.sent.length]).toEqual([true, 1])
    expect(all.ring.counters.predecessorsDead).toBeUndefined()
    onSilent(all.ring, 60_000, all.fx)
    expect(all.sent).toHaveLength(1)
    notify(all, FAR)
    expect(all.place.predecessor).toBe(ref(FAR))
  })
})

describe('the peer cache', () => {
  it('is read to its end: those for whom there is no room among the lost are contacts', () => {
    const contacts = Array.from({ length: SAVED_PEERS_MAX }, (_, at) => contactOfNumber(10 + at))
    const all = saying({})
    loadPeers(all.ring, encodeContacts(contacts))
    const numbers = contacts.map((_, at) => 10 + at)
    expect(all.ring.lost.peers).toEqual(numbers.slice(0, LOST_PEERS_MAX))
    expect(all.ring.bootstrap.peers).toEqual(numbers.slice(LOST_PEERS_MAX))
  })
})

describe('a finger', () => {
  it('is not looked for where there is no list', () => {
    const all = saying({})
    setSuccessors(all.ring, all.place, [], all.fx)
    fixFingers(all.ring, all.place, all.fx)
    expect([all.place.fixing, all.sent]).toEqual([false, []])
  })

  it('whose interval is empty goes, and so does the one that was there before', () => {
    const all = saying({})
    all.place.fingers.set(255, ref(FAR))
    takeFinger(all.ring, all.place, 255, refOf(SELF, 0), all.fx)
    expect(all.place.fingers.length).toBe(0)
  })

  it.each(['on', 'off'] as const)('that is dead gives way to whoever answers, proximity %s', proximity => {
    const all = saying({ [FAR]: 'dead', [FAR + 1]: { successors: [FAR + 2] } }, { ...SETTINGS, proximity })
    all.ring.router.calls.rttMs = () => 10
    all.place.fingers.set(255, ref(FAR))
    all.found = () => ({ root: contactOfNumber(FAR + 1), to: keyOfNumber(FAR + 1) })
    fixFingers(all.ring, all.place, all.fx)
    expect(all.place.fingers.get(255)).toBe(ref(FAR + 1))
    expect([all.place.fixing, all.ring.counters.fingersDropped]).toEqual([false, 1])
  })

  it('is nobody whose neighbours do not answer and whose round trip is not known', () => {
    const all = saying({ [FAR]: 'dead' }, { ...SETTINGS, proximity: 'on' })
    all.found = FOUND
    fixFingers(all.ring, all.place, all.fx)
    expect([all.place.fingers.length, all.place.fixing]).toEqual([0, false])
  })

  it.each([
    ['dead', 0],
    ['alive', 1]
  ] as const)('that was found and is %s when it is linked with', (state, count) => {
    const all = saying({ [FAR]: state === 'dead' ? 'dead' : {} })
    all.ring.router.calls.linkOf = () => undefined
    all.found = FOUND
    fixFingers(all.ring, all.place, all.fx)
    expect([all.place.fingers.length, all.place.fixing]).toEqual([count, false])
  })
})

describe('what an observer knows', () => {
  const keys = [0, 0x4000, 0x8000, 0x8001, 0x8002, 0xc000].map(keyOfNumber)

  it('are fingers by distance, or by round trip among the first of an interval', () => {
    const ring = new IdealRing(keys, 1)
    expect(ring.tables(0, 2)).toEqual({ predecessor: 5, successors: [1, 2], fingers: [2, 1] })
    const rtt = (_from: number, to: number) => (to === 3 ? 1 : to === 4 ? 0 : 9)
    expect(ring.tables(0, 2, { samples: 2, rtt }).fingers).toEqual([3, 1])
    expect(ring.tables(0, 2, { samples: 16, rtt }).fingers).toEqual([4, 1])
  })

  it('is nothing of a peer that is alone', () => {
    expect(new IdealRing([keys[0]!], 1).tables(0, 3)).toEqual({
      predecessor: undefined,
      successors: [],
      fingers: []
    })
  })

  it('is taken for the tables of a place, as far as it is in order', () => {
    const all = saying({}, { ...SETTINGS, virtualNodes: 2 })
    leavePlace(all.ring, all.place, all.fx)
    const tables = {
      predecessor: ref(0xc000),
      successors: [1, 2, 3].map(ref),
      fingers: [ref(FAR), refOf(SELF, 1)]
    }
    adoptTables(all.ring, [tables], all.fx)
    const { member, fingers, predecessor } = all.place
    expect([member, list(all.place), fingers.length, predecessor]).toEqual([true, [1, 2, 3], 1, ref(0xc000)])
    expect(all.ring.places[1]!.member).toBe(false)
    adoptTables(all.ring, [{ predecessor: undefined, successors: [], fingers: [] }], all.fx)
    expect([list(all.place), all.place.predecessor]).toEqual([[], NOBODY])
  })
})

describe('a machine', () => {
  it('joins by those that a command names, and asks them again while the ring forms', () => {
    const network = new ChordNetwork({ seed: 'commands', settings: { successors: 2 } })
    const { simulation } = network
    for (const node of simulation.addNodes(2)) simulation.start(node)
    const contacts = [SELF, simulation.peerOf(0, 1)]
    expect(network.tablesOf(0).mode).toBe('forming')
    simulation.command(0, { type: 'join', contacts })
    simulation.runFor(1_000_000)
    expect(network.tablesOf(0).forming).toEqual([contacts[1]])
    simulation.command(0, { type: 'leave' })
    simulation.runFor(1_000_000)
    expect(network.tablesOf(0).mode).toBe('idle')
    simulation.command(0, { type: 'join' })
    simulation.runFor(5_000_000)
    expect(network.tablesOf(0).forming).toEqual([contacts[1]])
  })

  it('of Chord as it was published is a ring by itself', () => {
    const network = new ChordNetwork({ seed: 'published', rules: ORIGINAL_CHORD })
    network.simulation.start(network.simulation.addNode())
    expect(network.tablesOf(0)).toMatchObject({ mode: 'ring', places: [{ member: true }] })
  })
})
