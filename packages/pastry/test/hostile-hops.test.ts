/**
 * One node in sixteen lies: it claims every key for itself, floods whoever it is linked with, answers late, or names
 * peers that are gone. Nobody crashes, every bound holds, and lookups between honest nodes go on.
 *
 * A liar that is next to a key's root cannot be told from it by somebody who knows neither, so it gets such keys where
 * it comes first on the way; how far away it may be says how dense the ring is (`root-belief.ts`).
 */
import type { LookupStyle } from '@servent/key-routing/machine'
import { compareKeys, type Key, type Machine } from '@servent/overlay/machine'
import { type NodeIndex, randomOf } from '@servent/simulator'
import { describe, expect, it } from 'vitest'
import {
  COLUMNS_MAX,
  CORRECT_PASTRY,
  LEAF_SET_DEFAULT,
  LEAF_SET_MAX,
  type PastryMachine,
  type PastryMessage,
  type PastryRules,
  type PastryTypes
} from '../src/machine.ts'
import { compareCloseness, keyBefore } from '../src/node-ids.ts'
import { flooding, late, naming } from './support/disguises.ts'
import { Lookups, randomKey } from './support/lookups.ts'
import { PastryNetwork, truthOf } from './support/network.ts'

const NODES = 256
const ONE_IN = 16
const LOOKUPS = 200
/** Peers that died, of whom liars go on to speak. */
const GONE = 6
/** They are asked over so many virtual seconds, while rounds go on. */
const SECONDS = 20
const SECOND_US = 1_000_000

/**
 * Nodes that are closer to a key than a liar that got it, at most: where there is room for as many as a leaf set sees,
 * the odds are 2^16, and nobody believes it who can hear otherwise.
 */
const CLOSER_MOST = LEAF_SET_DEFAULT
/** A root has a neighbour on either side, and each is a liar once in so many times. */
const CAPTURED_MOST = (2 * LOOKUPS) / ONE_IN

const isLiar = (node: NodeIndex): boolean => node % ONE_IN === 7

/** `key`: the range is the key alone; `places`: it goes from the key to the liar's own place, which others can believe. */
type Claim = 'key' | 'places'

function claiming(claim: Claim): PastryRules {
  return {
    ...CORRECT_PASTRY,
    rootOf(node, key) {
      if (claim === 'key') return { from: keyBefore(key), to: key }
      const isBefore = compareKeys(key, node.key) <= 0
      return isBefore ? { from: keyBefore(key), to: node.key } : { from: node.key, to: key }
    }
  }
}

interface Hostile {
  readonly name: string
  readonly style?: LookupStyle
  readonly rules?: PastryRules
  readonly disguise?: (machine: PastryMachine, network: PastryNetwork) => Machine<PastryTypes>
  /** Peers that die first, of whom liars go on to speak. */
  readonly dead?: number
}

function run({ name, style = 'semi-recursive', rules, disguise, dead = 0 }: Hostile) {
  const network: PastryNetwork = new PastryNetwork({
    seed: `hostile ${name} ${style}`,
    settings: { style },
    rulesOf: node => (isLiar(node) ? rules : undefined),
    disguise: (node, machine) => (isLiar(node) ? (disguise?.(machine, network) ?? machine) : machine),
    simulation: { trace: false }
  })
  const { simulation } = network
  const nodes = network.startIdeal(NODES)
  const silent = nodes.filter(node => node % ONE_IN === 3).slice(0, dead)
  for (const node of silent) simulation.silence(node)
  // Who is there notices who is not.
  if (dead > 0) simulation.runFor(180 * SECOND_US)
  const honest = nodes.filter(node => !isLiar(node) && !silent.includes(node))
  const truth = truthOf(network)
  /** Of the keys that liars got: how many nodes are closer. */
  const captured: number[] = []
  const living = nodes.filter(node => !silent.includes(node))
  const closerThan = (root: NodeIndex, key: Key): number =>
    living.filter(node => compareCloseness(key, simulation.keyOf(node), simulation.keyOf(root)) < 0).length
  const lookups = new Lookups(network, (key, answered) => {
    if (answered !== undefined && isLiar(answered)) captured.push(closerThan(answered, key))
    return truth(key)
  })
  const random = randomOf(`hostile ${name}`)
  const past: string[] = []
  for (let second = 0; second < SECONDS; second += 1) {
    for (let count = 0; count < LOOKUPS / SECONDS; ) {
      const key = randomKey(random)
      const origin = honest[random.below(honest.length)]!
      if (isLiar(truth(key))) continue
      lookups.issue(origin, key)
      count += 1
    }
    simulation.runFor(SECOND_US)
    for (const node of honest)
      for (const [what, [size, max]] of Object.entries(network.machine(node).sizes()))
        if (size > max) past.push(`node ${node} has ${size} ${what}, of ${max}`)
  }
  simulation.runFor(15 * SECOND_US)
  const { issued, correct, incorrect, failed } = lookups.tally
  const out = honest.filter(node => !network.isMember(node)).length
  const outcome = { issued, correct, incorrect, failed, captured, out }
  console.log(name, style, JSON.stringify(outcome))
  return { ...outcome, past, unfinished: lookups.unfinished }
}

/** What must hold whatever they do. */
function expectOrder({ past, unfinished, out, issued }: ReturnType<typeof run>): void {
  expect(issued).toBe(LOOKUPS)
  expect(past).toEqual([])
  expect(unfinished).toBe(0)
  expect(out).toBe(0)
}

describe('hops that claim every key for themselves', () => {
  it.each([
    ['key', 'semi-recursive'],
    ['key', 'iterative'],
    ['places', 'semi-recursive'],
    ['places', 'recursive'],
    ['places', 'iterative']
  ] as const)(
    'get no key but those next to them: %s, %s',
    (claim, style) => {
      const outcome = run({ name: `claim ${claim}`, style, rules: claiming(claim) })
      expectOrder(outcome)
      expect(outcome.failed).toBe(0)
      expect(outcome.captured.length).toBe(outcome.incorrect)
      expect(outcome.captured.length).toBeLessThan(CAPTURED_MOST)
      expect(Math.max(0, ...outcome.captured)).toBeLessThanOrEqual(CLOSER_MOST)
    },
    120_000
  )
})

describe('hops that answer late', () => {
  it.each(['semi-recursive', 'iterative'] as const)(
    'are gone around: %s',
    style => {
      const outcome = run({ name: 'late', style, disguise: machine => late(machine, 5_000) })
      expectOrder(outcome)
      expect(outcome.incorrect).toBe(0)
      expect(outcome.correct).toBeGreaterThan(0.99 * LOOKUPS)
    },
    120_000
  )
})

describe('hops that name peers that are gone', () => {
  it.each(['semi-recursive', 'iterative'] as const)(
    'hold nobody up for long: %s',
    style => {
      const outcome = run({
        name: 'gone',
        style,
        dead: GONE,
        disguise: (machine, { simulation }) =>
          naming(machine, () =>
            Array.from({ length: GONE }, (_, at) => simulation.contactOf(3 + ONE_IN * at))
          )
      })
      expectOrder(outcome)
      expect(outcome.incorrect).toBe(0)
      // Who asks step by step spends its tries on the dead where a liar is on its way.
      const least = style === 'iterative' ? 0.9 : 0.99
      expect(outcome.correct).toBeGreaterThan(least * LOOKUPS)
    },
    120_000
  )
})

describe('hops that flood whoever they are linked with', () => {
  it('fill no table past its bound, and hold up no lookups of others', () => {
    const network = { ids: 0 }
    const id = () => {
      network.ids += 1
      return network.ids
    }
    const outcome = run({
      name: 'flood',
      disguise: (machine, { simulation }) =>
        flooding(machine, 4_000, effects => {
          const some = (count: number) =>
            Array.from({ length: count }, () => simulation.contactOf(effects.random() % NODES))
          const key: Key = randomKey(randomOf(`${effects.random()}`))
          const messages: PastryMessage[] = [
            { type: 'announce', entries: some(COLUMNS_MAX) },
            {
              type: 'leaf-probe',
              id: id(),
              standing: 'member',
              leafSet: LEAF_SET_DEFAULT,
              digitBits: 4,
              leaves: some(LEAF_SET_MAX),
              failed: some(8).map(contact => contact.id),
              probePeriodMs: 1
            },
            { type: 'row-request', id: id(), row: 0, column: COLUMNS_MAX },
            { type: 'distance', distanceUs: 1 },
            {
              type: 'lookup',
              id: id(),
              origin: simulation.contactOf(effects.random() % NODES),
              key,
              purpose: 'user',
              replyBy: 'direct',
              hops: 1,
              timeouts: 0,
              budgetMs: 60_000,
              root: false,
              silent: []
            }
          ]
          return messages
        })
    })
    expectOrder(outcome)
    expect(outcome.incorrect).toBe(0)
    expect(outcome.correct).toBeGreaterThan(0.99 * LOOKUPS)
  }, 180_000)
})
