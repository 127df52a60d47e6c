/** What the structured overlays have of their own in `life.ts`: settings, tables, and whose a key is. */
import { ChordMachine, type ChordRules, type ChordSettings, type ChordTypes } from '@servent/chord/machine'
import { chordCodec } from '@servent/chord/wire'
import { KademliaMachine, type KademliaSettings, type KademliaTypes } from '@servent/kademlia/machine'
import { kademliaCodec } from '@servent/kademlia/wire'
import {
  KelipsMachine,
  type KelipsRules,
  type KelipsSettings,
  type KelipsTypes
} from '@servent/kelips/machine'
import { kelipsCodec } from '@servent/kelips/wire'
import { compareKeys, type Key, xorDistance } from '@servent/overlay/machine'
import {
  compareCloseness,
  PastryMachine,
  type PastryRules,
  type PastrySettings,
  type PastryTypes
} from '@servent/pastry/machine'
import { pastryCodec } from '@servent/pastry/wire'
import { answered, type LifeOverlay, type Name, type Tables } from './life.ts'
import { deviating, KADEMLIA_DEVIATIONS, KELIPS_DEVIATIONS, RIGHT_ANSWERS } from './right-answers.ts'

/** Links that no table wants close between two questions. */
const ROUTING = { lingerMs: 1_000 }
const SAVE_MS = 2_000

const CHORD: Partial<ChordSettings> = {
  successors: 3,
  replicas: 3,
  stabiliseMs: 500,
  fixFingersMs: 500,
  checkPredecessorMs: 500,
  mergeMs: 1_500,
  saveMs: SAVE_MS,
  store: { repairMs: 2_000 },
  routing: ROUTING
}

/** Of those that live, the one so many places on. */
function next(name: Name, alive: readonly Name[], places: number): Name {
  return alive[(alive.indexOf(name) + places + alive.length) % alive.length]!
}

export const chordLife: LifeOverlay<ChordTypes> = {
  name: 'chord',
  protocol: '/servent/chord/1.0.0',
  codec: chordCodec,
  createMachine: (settings, rules) => new ChordMachine({ ...CHORD, ...settings }, rules as ChordRules),
  answered,
  leave: { type: 'leave' },
  tablesOf: ({ mode, places }, nameOf) => {
    const { predecessor, successors } = places[0]!
    return {
      mode,
      predecessor: predecessor === null ? 'nobody' : nameOf(predecessor.peer),
      successors: successors.map(({ peer }) => nameOf(peer))
    }
  },
  wholeTables: (name, alive) => ({
    mode: 'ring',
    predecessor: next(name, alive, -1),
    successors: [1, 2, 3].slice(0, alive.length - 1).map(places => next(name, alive, places))
  }),
  isOut: ({ mode }) => mode === 'idle',
  tellsByGossip: false,
  answers: RIGHT_ANSWERS,
  compare: (key, a, b) => compareKeys(clockwise(key, a), clockwise(key, b))
}

/** How far a key lies behind another on the ring. */
function clockwise(from: Key, to: Key): Key {
  const distance = new Uint8Array(from.length)
  let borrowed = 0
  for (let place = from.length - 1; place >= 0; place -= 1) {
    const difference = to[place]! - from[place]! - borrowed
    borrowed = difference < 0 ? 1 : 0
    distance[place] = difference & 0xff
  }
  return distance
}

const PASTRY: Partial<PastrySettings> = {
  leafSet: 4,
  replicas: 3,
  heartbeatMs: 1_000,
  leafExchangeMs: 1_000,
  tableProbeMs: 2_000,
  rowMs: 3_000,
  neighbourhoodMs: 2_000,
  mergeMs: 1_500,
  saveMs: SAVE_MS,
  store: { repairMs: 2_000 },
  routing: ROUTING
}

export const pastryLife: LifeOverlay<PastryTypes> = {
  name: 'pastry',
  protocol: '/servent/pastry/1.0.0',
  codec: pastryCodec,
  createMachine: (settings, rules) => new PastryMachine({ ...PASTRY, ...settings }, rules as PastryRules),
  answered,
  leave: { type: 'leave' },
  tablesOf: ({ mode, smaller, larger }, nameOf) => ({
    mode,
    smaller: smaller.map(nameOf),
    larger: larger.map(nameOf)
  }),
  wholeTables: (name, alive) => ({
    mode: 'member',
    smaller: [-1, -2].map(places => next(name, alive, places)),
    larger: [1, 2].map(places => next(name, alive, places))
  }),
  isOut: ({ mode }) => mode === 'idle',
  tellsByGossip: false,
  answers: RIGHT_ANSWERS,
  compare: compareCloseness
}

const KELIPS: Partial<KelipsSettings> = {
  gossipMs: 500,
  heartbeatMs: 1_000,
  mergeMs: 1_500,
  // Of seven, so that each side of a partition has some of them, wherever they are.
  replicas: 5,
  saveMs: SAVE_MS,
  routing: ROUTING
}

/** Everybody that lives, in the order of keys. */
function others(name: Name, alive: readonly Name[]): readonly Name[] {
  return alive.filter(other => other !== name)
}

/** So few are one group: each knows all others. */
export const kelipsLife: LifeOverlay<KelipsTypes> = {
  name: 'kelips',
  protocol: '/servent/kelips/1.0.0',
  codec: kelipsCodec,
  createMachine: (settings, rules) => new KelipsMachine({ ...KELIPS, ...settings }, rules as KelipsRules),
  answered: question => {
    if (question.type === 'sign')
      return { type: 'signed', signatures: question.statements.map(() => new Uint8Array(64)) }
    if (question.type === 'check') return { type: 'checked', good: question.signed.map(() => true) }
    return answered(question)
  },
  leave: { type: 'leave' },
  tablesOf: ({ mode, members }, nameOf) => ({
    mode,
    members: members.map(({ peer }) => nameOf(peer)).toSorted()
  }),
  wholeTables: (name, alive) => ({ mode: 'member', members: others(name, alive) }),
  isOut: ({ mode }) => mode === 'idle',
  tellsByGossip: true,
  answers: deviating(KELIPS_DEVIATIONS),
  compare: byXor
}

const KADEMLIA: Partial<KademliaSettings> = {
  k: 8,
  refreshMs: 2_000,
  selfLookupMs: 2_000,
  pingAgainMs: 1_000,
  republishMs: 5_000,
  saveMs: SAVE_MS,
  routing: ROUTING
}

/**
 * Its machine is for the simulator: real peers run libp2p's own. It has no farewell, and nobody looks after entries that
 * nobody asks, so that who is gone stays in a bucket until it is asked; of its buckets the living are compared.
 */
export const kademliaLife: LifeOverlay<KademliaTypes> = {
  name: 'kademlia',
  protocol: '/servent/kad/1.0.0',
  codec: kademliaCodec,
  createMachine: settings => new KademliaMachine({ ...KADEMLIA, ...settings }),
  answered,
  leave: undefined,
  tablesOf: ({ mode, buckets }, nameOf, alive): Tables => {
    const known = buckets.flatMap(({ peers }) => peers.map(nameOf))
    return { mode, known: alive.filter(name => known.includes(name)) }
  },
  wholeTables: (name, alive) => ({ mode: 'member', known: others(name, alive) }),
  isOut: ({ mode }) => mode === 'idle',
  tellsByGossip: false,
  answers: deviating(KADEMLIA_DEVIATIONS),
  compare: byXor
}

function byXor(key: Key, a: Key, b: Key): number {
  return compareKeys(xorDistance(key, a), xorDistance(key, b))
}
