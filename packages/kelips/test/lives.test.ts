/** Lives over hours: chains that are renewed, providers that die, clocks that differ, and what a restart finds again. */
import { testContact } from '@servent/overlay/testing'
import { describe, expect, it } from 'vitest'
import { takeIn } from '../src/intake.ts'
import { CHAIN_LENGTH, CLOCK_SKEW_MS, ORIGIN_TIMEOUT_MS_MIN, SLEPT_MS, SWEEP_ROUNDS } from '../src/machine.ts'
import { quiet, ROUND_US, SECOND_US } from './support/experiments.ts'
import { lifeOf, lone, tupleOf } from './support/lone.ts'
import { KelipsNetwork } from './support/network.ts'
import { keyOf, Workload } from './support/workload.ts'

describe('a chain of heartbeats', () => {
  it('is replaced before its end, and nobody is missed meanwhile', () => {
    const periods = { gossipMs: 500, heartbeatMs: 500 }
    const { network, nodes } = quiet('renewal', 12, 1, periods)
    const { simulation } = network
    const startOf = (node: number) => network.machine(node).life!.startS
    const first = nodes.map(startOf)
    const missing: number[] = []
    // A chain and a half.
    for (let at = 0; at < 16; at += 1) {
      simulation.runFor((CHAIN_LENGTH / 10) * 0.9 * periods.heartbeatMs * 1000)
      missing.push(network.views().missing)
    }
    expect(missing.every(count => count === 0)).toBe(true)
    for (const [at, node] of nodes.entries()) {
      expect(startOf(node)).toBeGreaterThan(first[at]!)
      expect(network.machine(node).life!.beat).toBeLessThan(CHAIN_LENGTH)
      const { view, contacts } = network.machine(node).state
      // Everybody goes by the new one, which was signed.
      for (const table of [view, contacts.table])
        for (let row = 0; row < table.size; row += 1) {
          const other = simulation.nodeOfPeer(node, table.peerAt(row))
          expect(table.startAt(row)).toBe(startOf(other))
        }
    }
  }, 60_000)
})

it('a machine that slept, and whose heartbeats lag behind the day, begins a new chain', () => {
  const { network, nodes } = quiet('slept', 12, 1)
  const { simulation } = network
  const sleeper = simulation.addNode()
  // The other way round: its clock is set right when it wakes.
  simulation.jumpWall(sleeper, -SLEPT_MS - 30_000)
  network.join(sleeper, nodes[0]!)
  simulation.runFor(10 * ROUND_US)
  const { startS } = network.machine(sleeper).life!
  simulation.jumpWall(sleeper, SLEPT_MS + 30_000)
  simulation.runFor(20 * ROUND_US)
  expect(network.machine(sleeper).life!.startS - startS).toBeGreaterThan(SLEPT_MS / 1000)
  expect(network.views()).toMatchObject({ missing: 0, dead: 0 })
})

describe('a provider that dies silently', () => {
  it('has no tuples left after two minutes and a sweep, in a network of few; one that lives keeps its own', () => {
    const { network, nodes, work } = quiet('dying', 48, 3)
    const { simulation } = network
    const [dying, living] = [nodes[5]!, nodes[9]!]
    const keys = Array.from({ length: 16 }, (_, at) => keyOf(`dying ${at}`))
    for (const key of keys)
      for (const node of [dying, living]) work.publish(node, work.record(node, 'provider', key))
    simulation.runFor(10 * ROUND_US)
    const tuplesOf = (provider: number): number => {
      let count = 0
      for (const node of simulation.aliveNodes()) {
        const { tuples } = network.machine(node).state
        for (let row = 0; row < tuples.size; row += 1)
          if (simulation.nodeOfPeer(node, tuples.originAt(row)) === provider) count += 1
      }
      return count
    }
    const before = tuplesOf(living)
    expect(before).toBeGreaterThan(3 * keys.length)
    simulation.silence(dying)
    simulation.runFor(ORIGIN_TIMEOUT_MS_MIN * 1000 + SWEEP_ROUNDS * ROUND_US)
    expect(tuplesOf(dying)).toBe(0)
    // Five times as long: it says that it lives, and nothing of it is lost.
    simulation.runFor(4 * ORIGIN_TIMEOUT_MS_MIN * 1000)
    expect(tuplesOf(living)).toBe(before)
  }, 60_000)
})

describe('clocks that differ', () => {
  function clocks(skewMs: number): { readonly known: number; readonly ready: boolean } {
    const network = new KelipsNetwork({ seed: 'skew', settings: { groups: 1 }, simulation: { trace: false } })
    const { simulation } = network
    const nodes = network.startIdeal(8)
    simulation.runFor(5 * ROUND_US)
    const late = simulation.addNode()
    simulation.jumpWall(late, skewMs)
    network.join(late, nodes[0]!)
    simulation.runFor(20 * ROUND_US)
    const known = nodes.filter(node => network.membersOf(node).includes(late)).length
    return { known, ready: network.membersOf(late).length === nodes.length }
  }

  it.each([CLOCK_SKEW_MS - 1000, -(CLOCK_SKEW_MS - 1000)])('by %i ms are no matter', skewMs => {
    expect(clocks(skewMs)).toEqual({ known: 8, ready: true })
  })

  it('by more than two minutes ahead keep a peer out: its heartbeats are of a time that has not come', () => {
    expect(clocks(CLOCK_SKEW_MS + 5000)).toEqual({ known: 0, ready: false })
  })
})

describe('what is saved', () => {
  it('brings a peer back that knows nobody by name', () => {
    const network = new KelipsNetwork({
      seed: 'saved',
      settings: { groups: 2, saveMs: 10_000 },
      simulation: { trace: false }
    })
    const { simulation } = network
    const nodes = network.startIdeal(16)
    const work = new Workload(network)
    simulation.runFor(30 * SECOND_US)
    expect([...simulation.saved(nodes[3]!).keys()]).toContain('kelips/peers')
    simulation.crash(nodes[3]!)
    simulation.runFor(60 * ROUND_US)
    simulation.revive(nodes[3]!, { keepSaved: true })
    simulation.runFor(20 * ROUND_US)
    expect(network.machine(nodes[3]!).mode).toBe('member')
    expect(network.views()).toMatchObject({ missing: 0, dead: 0 })
    const key = keyOf('after the restart')
    work.publish(nodes[3]!, work.record(nodes[3]!, 'provider', key))
    simulation.runFor(5 * ROUND_US)
    const found = work.give(nodes[8]!, { type: 'fetch', kind: 'provider', key, limit: 1 })
    simulation.runFor(5 * ROUND_US)
    expect(work.providersOf([found])).toEqual([[nodes[3]!]])
  }, 30_000)

  it('brings it back by whom it has saved, also where its host tells it of some that are gone', () => {
    const network = new KelipsNetwork({ seed: 'gone', settings: { groups: 1, saveMs: 5000 } })
    const { simulation } = network
    const nodes = network.startIdeal(8, 0)
    simulation.runFor(30 * SECOND_US)
    const [back, ...others] = nodes as [number, ...number[]]
    // In good order, so that nobody looks for it.
    simulation.command(back, { type: 'leave' })
    simulation.runFor(ROUND_US)
    simulation.stop(back)
    simulation.runFor(10 * ROUND_US)
    for (const gone of others.slice(0, 4)) simulation.crash(gone)
    simulation.revive(back, { keepSaved: true })
    // As a host does of whomever it dials for the first time since its start.
    for (const gone of others.slice(0, 4)) simulation.contact(back, gone)
    simulation.runFor(20 * ROUND_US)
    const { members } = network.machine(back).snapshot()
    const known = members.map(({ peer }) => simulation.nodeOfPeer(back, peer))
    expect(known).toEqual(expect.arrayContaining(others.slice(4)))
  })

  it('of another version or cut short is as good as nothing', () => {
    const network = new KelipsNetwork({ seed: 'broken', simulation: { trace: false } })
    const { simulation } = network
    const node = simulation.addNode()
    simulation.start(node, new Map([['kelips/peers', Uint8Array.of(255, 255, 255, 255, 1)]]))
    simulation.runFor(ROUND_US)
    expect(network.machine(node).mode).toBe('member')
    expect(network.machine(node).snapshot().remembered).toEqual([])
  })
})

describe('a member that keeps a tuple for its group, and was taken for dead', () => {
  const setUp = () => {
    const alone = lone()
    const peer = alone.kelips.intern(testContact(1))!
    const told = { lives: [lifeOf(1)], tuples: [tupleOf(1, 7)] }
    takeIn(alone.kelips, told, alone.fx)
    expect(alone.kelips.knows(peer)).toBe(true)
    expect(alone.kelips.origins.table.find(peer)).toBeGreaterThanOrEqual(0)
    alone.kelips.bury(peer)
    takeIn(alone.kelips, { lives: [lifeOf(1)], tuples: [] }, alone.fx)
    // An old copy of its life brings nobody back.
    expect(alone.kelips.knows(peer)).toBe(false)
    return { ...alone, peer }
  }

  it.each([
    ['begins a new life', { startS: lifeOf(1).startS + 1 }],
    ['says that it lives', { beat: 1 }]
  ])('is a member again when it %s', (_, own) => {
    const { kelips, fx, peer } = setUp()
    takeIn(kelips, { lives: [{ ...lifeOf(1), ...own }], tuples: [] }, fx)
    expect(kelips.knows(peer)).toBe(true)
    expect(kelips.dead.has(peer)).toBe(false)
  })
})
