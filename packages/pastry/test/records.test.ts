/**
 * Records as PAST keeps them: on the k nodes that are numerically closest to their key, whoever comes, dies and leaves.
 */
import { LEAVE_MS } from '@servent/key-routing/machine'
import { type Key, keyToHex } from '@servent/overlay/machine'
import { type NodeIndex, WALL_START_MS } from '@servent/simulator'
import { describe, expect, it } from 'vitest'
import { compareCloseness } from '../src/machine.ts'
import { randomKey } from './support/lookups.ts'
import { PastryNetwork } from './support/network.ts'

const SECOND_US = 1_000_000
const HOLDERS = 3
const RECORDS = 60

function networkWithRecords(seed: string): { network: PastryNetwork; keys: Key[] } {
  const network = new PastryNetwork({
    seed,
    settings: {
      leafSet: 8,
      heartbeatMs: 2000,
      leafExchangeMs: 4000,
      replicas: HOLDERS,
      store: { repairMs: 10_000 }
    },
    simulation: {
      answer: question =>
        question.type === 'verify'
          ? { type: 'verified', good: question.records.map(() => true) }
          : { type: 'selected', index: 0 }
    }
  })
  const { simulation } = network
  const nodes = network.startIdeal(20)
  simulation.runFor(5 * SECOND_US)
  const random = simulation.random.of('records')
  const keys = Array.from({ length: RECORDS }, () => randomKey(random))
  const outcomes: string[] = []
  network.notices.push((_node, notice) => {
    if (notice.type === 'published') outcomes.push(...notice.outcomes)
  })
  for (const [at, key] of keys.entries()) {
    const node = nodes[at % nodes.length]!
    const record = {
      kind: 'provider' as const,
      key,
      publisher: simulation.contactOf(node),
      sequence: 1,
      expiresMs: WALL_START_MS + 24 * 3_600_000,
      subject: new Uint8Array(32).fill(at),
      body: new Uint8Array(100).fill(at)
    }
    simulation.command(node, { type: 'publish', records: [record] })
  }
  simulation.runFor(20 * SECOND_US)
  expect(outcomes).toEqual(keys.map(() => 'kept'))
  return { network, keys }
}

function closest(network: PastryNetwork, key: Key): NodeIndex[] {
  const { simulation } = network
  return [...simulation.aliveNodes()]
    .sort((a, b) => compareCloseness(key, simulation.keyOf(a), simulation.keyOf(b)))
    .slice(0, HOLDERS)
}

/** Keys that one of the closest nodes lacks, and copies beyond those that are wanted. */
function misplaced(network: PastryNetwork, keys: readonly Key[]): { missing: number; extra: number } {
  const held = new Map(
    network.simulation.aliveNodes().map(node => [node, new Set(network.machine(node).heldKeys())])
  )
  let [missing, extra] = [0, 0]
  for (const key of keys) {
    const name = keyToHex(key)
    const wanted = closest(network, key)
    missing += wanted.filter(node => !held.get(node)!.has(name)).length
    extra += [...held].filter(([node, names]) => names.has(name) && !wanted.includes(node)).length
  }
  return { missing, extra }
}

describe('records', () => {
  it('are on the k closest nodes when they are acknowledged and a little later', () => {
    const { network, keys } = networkWithRecords('placed')
    expect(misplaced(network, keys)).toEqual({ missing: 0, extra: 0 })
  })

  it('follow those who come: a joiner on either side of a key fetches it, and who is too many lets go', () => {
    const { network, keys } = networkWithRecords('joins')
    const { simulation } = network
    const [member] = network.members()
    for (let joins = 0; joins < 12; joins += 1) {
      network.join(simulation.addNode(), member!)
      simulation.runFor(5 * SECOND_US)
    }
    simulation.runFor(180 * SECOND_US)
    expect(network.whatIsNotIdeal()).toBeUndefined()
    expect(misplaced(network, keys)).toEqual({ missing: 0, extra: 0 })
  }, 60_000)

  it('outlive those who die, two of three at a time', () => {
    const { network, keys } = networkWithRecords('deaths')
    const { simulation } = network
    for (let deaths = 0; deaths < 4; deaths += 1) {
      for (const node of closest(network, keys[deaths]!).slice(0, HOLDERS - 1)) simulation.silence(node)
      simulation.runFor(120 * SECOND_US)
    }
    expect(misplaced(network, keys).missing).toBe(0)
  }, 60_000)

  it('are handed over by those who leave, to the neighbours on both sides', () => {
    const { network, keys } = networkWithRecords('leaves')
    const { simulation } = network
    const leaver = closest(network, keys[0]!)[0]!
    simulation.command(leaver, { type: 'leave' })
    simulation.runFor(5 * SECOND_US)
    expect(network.machine(leaver).mode).toBe('idle')
    simulation.crash(leaver)
    const missingAtRoot = keys.filter(key => {
      const [root] = closest(network, key)
      return !network.machine(root!).heldKeys().includes(keyToHex(key))
    })
    expect(missingAtRoot).toEqual([])
  })

  it.each([0, 200])('have somebody left when all who hold them leave, %i ms apart', apartMs => {
    const { network, keys } = networkWithRecords('leave together')
    const { simulation } = network
    const leaving = closest(network, keys[0]!)
    for (const [at, node] of leaving.entries()) {
      simulation.after(at * apartMs * 1000, () => simulation.command(node, { type: 'leave' }))
      simulation.after((at * apartMs + LEAVE_MS) * 1000, () => simulation.stop(node))
    }
    simulation.runFor(leaving.length * apartMs * 1000 + LEAVE_MS * 1000 + SECOND_US)
    const alive = simulation.aliveNodes()
    expect(alive.filter(node => leaving.includes(node))).toEqual([])
    const held = new Set(alive.flatMap(node => network.machine(node).heldKeys()))
    expect(keys.filter(key => !held.has(keyToHex(key)))).toEqual([])
  })

  it('are not waited for by who is told a second time to leave, and its leaves hear of it', () => {
    const { network, keys } = networkWithRecords('hurry')
    const { simulation } = network
    const leaver = closest(network, keys[0]!)[0]!
    simulation.command(leaver, { type: 'leave' })
    expect(network.machine(leaver).mode).toBe('member')
    simulation.command(leaver, { type: 'leave' })
    expect(network.machine(leaver).mode).toBe('idle')
    simulation.runFor(SECOND_US)
    const others = simulation.aliveNodes().filter(node => node !== leaver)
    const knows = others.filter(node =>
      [...network.machine(node).view.smaller, ...network.machine(node).view.larger].some(
        peer => simulation.nodeOfPeer(node, peer) === leaver
      )
    )
    expect(knows).toEqual([])
  })
})
