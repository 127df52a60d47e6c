/** Random joins, deaths, clients and lookups from a seed, with every table checked after every event. */
import { type NodeIndex, randomOf } from '@servent/simulator'
import { describe, expect, it } from 'vitest'
import { CORRECT_KADEMLIA, type KademliaRules } from '../src/rules.ts'
import { compareXor } from '../src/xor.ts'
import { checkTables } from './support/invariants.ts'
import { KademliaNetwork, randomKey } from './support/network.ts'

const K = 3
const SECONDS = 60

/** What was broken first, and how many lookups ended. */
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
      pingAgainMs: 2000
    },
    settingsOf: node => (isClient(node) ? { mode: 'client' } : {}),
    simulation: {
      observer: { every: 1, check: () => checkTables(network, isClient) },
      network: { oneWayUs: (_from, _to, random) => 5000 + random.below(75_000) }
    }
  })
  const { simulation } = network
  const random = randomOf(`acts ${seed}`)
  const tally = { begun: 0, ended: 0, unsorted: 0 }
  network.notices.push((_node, notice) => {
    if (notice.type === 'lookup-failed') tally.ended += 1
    if (notice.type !== 'looked-up') return
    tally.ended += 1
    const key = keys.get(`${_node} ${notice.command}`)
    if (key === undefined) return
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
        keys.set(`${origin} ${simulation.command(origin, { type: 'lookup', key })}`, key)
      }
      simulation.runFor(1_000_000)
    }
    simulation.runFor(30_000_000)
    return { broken: undefined, ...tally }
  } catch (error) {
    const broken = /D\d/.exec(`${(error as Error).message} ${(error as Error).cause}`)?.[0]
    if (broken === undefined) throw error
    return { broken, ...tally }
  }
}

const SEEDS = ['a', 'b', 'c']

describe('D1 to D6 through joins, deaths and clients', () => {
  it.each(SEEDS)('hold in the run of seed %s', seed => {
    const { broken, begun, ended, unsorted } = run(seed)
    expect(broken).toBeUndefined()
    expect(unsorted).toBe(0)
    // Of those that died nobody hears; every other lookup ends (D6).
    expect(begun).toBeGreaterThan(50)
    expect(ended).toBeGreaterThan(0.7 * begun)
  })

  it.each([
    ['D1', { ...CORRECT_KADEMLIA, misplacedBits: 1 }],
    ['D2', { ...CORRECT_KADEMLIA, overfills: true }],
    ['D3', { ...CORRECT_KADEMLIA, trustsAskers: true }]
  ])('%s: a machine that breaks it is found out', (invariant, rules) => {
    expect(SEEDS.map(seed => run(seed, rules).broken)).toContain(invariant)
  })
})
