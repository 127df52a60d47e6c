/** Random joins, deaths, clients and lookups from a seed, with every table checked after every event. */
import { type NodeIndex, randomOf } from '@servent/simulator'
import { describe, expect, it } from 'vitest'
import { RIGHT_LOOKUP } from '../src/lookup.ts'
import { CORRECT_KADEMLIA, type KademliaRules } from '../src/rules.ts'
import { compareXor } from '../src/xor.ts'
import { checkTables } from './support/invariants.ts'
import { KademliaNetwork, randomKey } from './support/network.ts'

const K = 3
const SECONDS = 60
/** Beyond the run's end. */
const NEVER_MS = 120_000

/** What was broken first, and how many lookups were begun. */
function run(seed: string, rules: KademliaRules = CORRECT_KADEMLIA) {
  const isClient = (node: NodeIndex) => node % 5 === 4
  const network: KademliaNetwork = new KademliaNetwork({
    seed,
    rules,
    settings: {
      k: K,
      alpha: 2,
      disjointPaths: 2,
      refreshMs: 20_000,
      selfLookupMs: 20_000,
      pingAgainMs: 2000,
      // No lookup ends because its time is over: it ends by itself (D6).
      lookupBudgetMs: NEVER_MS
    },
    settingsOf: node => (isClient(node) ? { mode: 'client' } : {}),
    simulation: {
      observer: { every: 1, check: () => checkTables(network, isClient) },
      network: { oneWayUs: (_from, _to, random) => 5000 + random.below(75_000) }
    }
  })
  const { simulation } = network
  const random = randomOf(`acts ${seed}`)
  const tally = { begun: 0, unsorted: 0 }
  /** Nodes and commands of lookups that have not ended. */
  const open = new Map<string, NodeIndex>()
  const ended = new Set<string>()
  network.notices.push((node, notice) => {
    if (notice.type !== 'looked-up' && notice.type !== 'lookup-failed') return
    const name = `${node} ${notice.command}`
    ended.add(name)
    open.delete(name)
    const key = keys.get(name)
    if (key === undefined || notice.type !== 'looked-up') return
    const nodes = [notice.root, ...notice.replicas].map(contact => simulation.nodeOf(contact)!)
    for (let at = 1; at < nodes.length; at += 1) {
      const [a, b] = [simulation.keyOf(nodes[at - 1]!), simulation.keyOf(nodes[at]!)]
      if (compareXor(key, a, b) >= 0) tally.unsorted += 1
    }
    if (nodes.some(isClient)) tally.unsorted += 1
  })
  const keys = new Map<string, Uint8Array>()
  try {
    for (let second = 0; second < SECONDS; second += 1) {
      const alive = simulation.aliveNodes()
      const pick = () => alive[random.below(alive.length)]!
      const act = random.below(10)
      if (alive.length < 4 || (act < 5 && alive.length < 16)) {
        const node = simulation.addNode()
        simulation.start(node)
        if (alive.length > 0) simulation.contact(node, pick())
      } else if (act === 5) simulation.crash(pick())
      else if (act === 6) simulation.silence(pick())
      for (let count = 0; count < 2 && alive.length > 0; count += 1) {
        const [origin, key] = [pick(), randomKey(random)]
        if (!simulation.aliveNodes().includes(origin)) continue
        tally.begun += 1
        const name = `${origin} ${simulation.command(origin, { type: 'lookup', key })}`
        keys.set(name, key)
        if (!ended.has(name)) open.set(name, origin)
      }
      simulation.runFor(1_000_000)
    }
    simulation.runFor(30_000_000)
    // Of those that died nobody hears; every other lookup ends.
    const alive = simulation.aliveNodes()
    const endless = [...open.values()].some(origin => alive.includes(origin))
    return { broken: endless ? 'D6' : undefined, ...tally }
  } catch (error) {
    const broken = /D\d/.exec(`${(error as Error).message} ${(error as Error).cause}`)?.[0]
    if (broken === undefined) throw error
    return { broken, ...tally }
  }
}

const SEEDS = ['a', 'b', 'c']

describe('D1 to D6 through joins, deaths and clients', () => {
  it.each(SEEDS)('hold in the run of seed %s', seed => {
    const { broken, begun, unsorted } = run(seed)
    expect(broken).toBeUndefined()
    expect(unsorted).toBe(0)
    expect(begun).toBeGreaterThan(50)
  })

  it.each([
    ['D1', { ...CORRECT_KADEMLIA, misplacedBits: 1 }],
    ['D2', { ...CORRECT_KADEMLIA, overfills: true }],
    ['D3', { ...CORRECT_KADEMLIA, trustsAskers: true }],
    ['D6', { ...CORRECT_KADEMLIA, lookup: { ...RIGHT_LOOKUP, waitsForSilent: true } }]
  ])('%s: a machine that breaks it is found out', (invariant, rules) => {
    expect(SEEDS.map(seed => run(seed, rules).broken)).toContain(invariant)
  })
})
