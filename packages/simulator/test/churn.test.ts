/** Churn on a simulation: who comes and goes, how often, and that every run of a seed sees the same. */
import { describe, expect, it } from 'vitest'
import { ToyMachine, type ToyTypes, toyCodec } from '../../../test/conformance/toy.ts'
import {
  beginChurn,
  CHURN_CONTACTS_MAX,
  type ChurnSettings,
  churnProcess,
  failShare,
  pickSome,
  RATE_PER_S_MAX
} from '../src/churn/index.ts'
import { randomOf } from '../src/random.ts'
import { Simulation } from '../src/simulation.ts'
import type { SimulationInit } from '../src/types.ts'

const SECOND_US = 1_000_000
const HOUR_US = 3600 * SECOND_US

/** A machine that does nothing of itself, so that churn is all that happens. */
class Idle extends ToyMachine {
  readonly told: string[] = []
  override handle(...[input]: Parameters<ToyMachine['handle']>): void {
    this.told.push(input.type)
  }
}

function idle(size: number, init: Partial<SimulationInit<ToyTypes>> = {}): Simulation<ToyTypes> {
  const simulation = new Simulation<ToyTypes>({
    seed: 'churn',
    codec: toyCodec,
    createMachine: () => new Idle(),
    ...init
  })
  for (const node of simulation.addNodes(size)) simulation.start(node)
  return simulation
}

const told = (simulation: Simulation<ToyTypes>, node: number) => (simulation.machine(node) as Idle).told

describe('sessions', () => {
  it('with equal sessions and absences half of the addresses are up, and each stays as long as drawn', () => {
    const simulation = idle(2_000)
    const { counts } = beginChurn(simulation, churnProcess('exp:1h'), { rejoin: 'with-saved' })
    simulation.runFor(4 * HOUR_US)
    expect(simulation.size).toBe(2_000)
    expect(simulation.aliveCount / 2_000).toBeCloseTo(0.5, 1)
    expect(counts.joins).toBe(0)
    // With rates of one an hour p(t) = (1 + e^(-2t)) / 2 are up; the integral over 4 hours is 2.25.
    expect(counts.crashes / 2_000 / 2.25).toBeCloseTo(1, 1)
    expect(counts.crashes - counts.rejoins).toBe(2_000 - simulation.aliveCount)
  })

  it('peers that come as new leave their addresses behind', () => {
    const simulation = idle(100)
    const { counts } = beginChurn(simulation, churnProcess('constant:10m/constant:5m'))
    simulation.runUntil(15 * 60 * SECOND_US)
    expect([simulation.aliveCount, simulation.size]).toEqual([100, 199])
    expect(simulation.alive(0)).toBe(false)
    expect(counts).toEqual({ leaves: 0, crashes: 99, joins: 99, rejoins: 0, withheld: 1 })
  })

  it('a comer is told of so many that are up, never of itself', () => {
    const simulation = idle(50)
    beginChurn(simulation, churnProcess('constant:10m/constant:1m'), { contacts: 3 })
    simulation.runFor(11 * 60 * SECOND_US)
    expect(simulation.size).toBe(99)
    for (let node = 50; node < 99; node += 1)
      expect(told(simulation, node)).toEqual(['start', 'contact', 'contact', 'contact'])
  })

  it('a share leaves in good order', () => {
    const simulation = idle(1_000)
    const { counts } = beginChurn(simulation, churnProcess('exp:1h'), { orderlyShare: 0.25 })
    simulation.runFor(HOUR_US)
    expect(counts.leaves / (counts.leaves + counts.crashes)).toBeCloseTo(0.25, 1)
    const stopped = Array.from({ length: 1_000 }, (_, node) => told(simulation, node).includes('stop'))
    expect(stopped.filter(Boolean).length).toBeLessThanOrEqual(counts.leaves)
    expect(stopped.filter(Boolean).length).toBeGreaterThan(0.5 * counts.leaves)
  })

  it.each([
    ['with-saved', [1]],
    ['without-saved', []]
  ] as const)('comes back %s', (rejoin, saved) => {
    const seen: number[] = []
    class Saver extends ToyMachine {
      override handle(...[input, effects]: Parameters<ToyMachine['handle']>): void {
        if (input.type !== 'start') return
        seen.push(...(input.saved.get('state') ?? []))
        effects.save('state', Uint8Array.of(1))
      }
    }
    const simulation = idle(2, { createMachine: () => new Saver() })
    beginChurn(simulation, churnProcess('constant:10m/constant:1m'), { rejoin })
    simulation.runFor(11 * 60 * SECOND_US)
    expect(seen).toEqual([...saved])
  })

  it('leaves alone who came back without it', () => {
    const simulation = idle(3)
    const { counts } = beginChurn(simulation, churnProcess('constant:10m/constant:5m'), {
      rejoin: 'with-saved'
    })
    simulation.at(660 * SECOND_US, () => simulation.revive(0, { keepSaved: false }))
    simulation.runUntil(900 * SECOND_US)
    expect(simulation.aliveNodes()).toEqual([0, 1, 2])
    expect(counts.rejoins).toBe(1)
    // Its next session counts from then.
    simulation.runUntil(1_501 * SECOND_US)
    expect(simulation.alive(0)).toBe(false)
  })

  it('never leaves fewer up than it may', () => {
    const simulation = idle(20)
    const { counts } = beginChurn(simulation, churnProcess('exp:1m/exp:1h'), { aliveMin: 15 })
    simulation.runFor(HOUR_US)
    expect(simulation.aliveCount).toBeGreaterThanOrEqual(15)
    expect(counts.withheld).toBeGreaterThan(100)
    expect(counts.crashes).toBeGreaterThan(5)
  })

  it('ends when it is told to, or at its time', () => {
    const one = idle(100)
    const churn = beginChurn(one, churnProcess('exp:1m'))
    one.runFor(60 * SECOND_US)
    churn.end()
    const before = { ...churn.counts }
    one.runFor(HOUR_US)
    expect(churn.counts).toEqual(before)
    const other = idle(100)
    const bounded = beginChurn(other, churnProcess('exp:1m'), { untilUs: 60 * SECOND_US })
    other.runFor(HOUR_US)
    expect(bounded.counts).toEqual(before)
  })

  it('takes back what something else took down, and is the same in every run', () => {
    const run = () => {
      const simulation = idle(60)
      const { counts } = beginChurn(simulation, churnProcess('exp:10m'), { rejoin: 'with-saved' })
      simulation.after(300 * SECOND_US, () => void failShare(simulation, 0.5))
      simulation.runFor(2 * HOUR_US)
      return [simulation.traceHash, simulation.aliveCount, { ...counts }]
    }
    const [one, other] = [run(), run()]
    expect(one).toEqual(other)
    expect(one[1]).toBeGreaterThan(15)
  })

  it('is the same whatever the machines draw and do', () => {
    const counts = (init: Partial<SimulationInit<ToyTypes>>) => {
      const simulation = idle(40, init)
      const churn = beginChurn(simulation, churnProcess('weibull:0.5,10m'), { orderlyShare: 0.5 })
      simulation.runFor(HOUR_US)
      return { ...churn.counts, alive: simulation.aliveNodes() }
    }
    expect(counts({ createMachine: () => new ToyMachine() })).toEqual(counts({}))
  })
})

describe('rates', () => {
  it('the network gains and loses so many a second', () => {
    const simulation = idle(500)
    const { counts } = beginChurn(simulation, churnProcess('rate:0.4/0.2'), { orderlyShare: 1 })
    simulation.runFor(2 * HOUR_US)
    expect(counts.joins / 2_880).toBeCloseTo(1, 1)
    expect(counts.leaves / 1_440).toBeCloseTo(1, 1)
    expect(counts.crashes).toBe(0)
    expect(simulation.aliveCount).toBe(500 + counts.joins - counts.leaves)
  })

  it('of nothing is nothing', () => {
    const simulation = idle(5)
    beginChurn(simulation, churnProcess('rate:0'))
    simulation.runFor(HOUR_US)
    expect([simulation.size, simulation.aliveCount]).toEqual([5, 5])
    expect(churnProcess(`rate:${RATE_PER_S_MAX}`)).toMatchObject({ leavesPerS: RATE_PER_S_MAX })
  })
})

describe('traces', () => {
  const trace = '0 0 up\n0 7 up\n10 0 down\n20 0 up\n30 7 down\n'
  const process = churnProcess('trace:some.txt', file => {
    expect(file).toBe('some.txt')
    return trace
  })

  it('are played, nodes by their numbers', () => {
    const simulation = idle(1)
    const { counts } = beginChurn(simulation, process, { rejoin: 'with-saved' })
    const alive = (seconds: number) => {
      simulation.runUntil(seconds * SECOND_US)
      return simulation.aliveNodes()
    }
    // Node 0 was up before, and node 7 of the trace is the next one that is added.
    expect([5, 15, 25, 35].map(alive)).toEqual([[0, 1], [1], [0, 1], [0]])
    expect(counts).toMatchObject({ crashes: 2, joins: 1, rejoins: 1 })
  })

  it('are played by the nodes that are named for theirs: those that are not come as new', () => {
    const simulation = idle(2)
    beginChurn(simulation, process, { traced: new Map([[7, 1]]) })
    simulation.runUntil(5 * SECOND_US)
    // Node 0 of the trace is nobody’s, though there is one of that number.
    expect(simulation.aliveNodes()).toEqual([0, 1, 2])
    simulation.runUntil(35 * SECOND_US)
    expect(simulation.aliveNodes()).toEqual([0, 3])
  })

  it('with peers that come as new', () => {
    const simulation = idle(0)
    beginChurn(simulation, process)
    simulation.runFor(60 * SECOND_US)
    expect([simulation.size, simulation.aliveNodes()]).toEqual([3, [2]])
  })
})

describe('mass events', () => {
  it('a share fails at one instant, every set of nodes as likely', () => {
    const hits = new Uint32Array(10)
    for (let seed = 0; seed < 500; seed += 1) {
      const simulation = idle(10, { seed: `${seed}` })
      const failed = failShare(simulation, 0.3)
      expect([failed.length, new Set(failed).size, simulation.aliveCount]).toEqual([3, 3, 7])
      for (const node of failed) {
        expect(simulation.alive(node)).toBe(false)
        hits[node]! += 1
      }
    }
    expect(Math.min(...hits)).toBeGreaterThan(110)
    expect(Math.max(...hits)).toBeLessThan(190)
    expect(failShare(idle(10), 0)).toEqual([])
    expect(failShare(idle(10), 1)).toHaveLength(10)
    expect(() => failShare(idle(10), 1.1)).toThrow(expect.objectContaining({ name: 'ModelError' }))
  })

  it('picks no item twice', () => {
    const items = ['a', 'b', 'c', 'd']
    expect(pickSome(items, 4, randomOf('x')).toSorted()).toEqual(items)
    expect(pickSome(items, 0, randomOf('x'))).toEqual([])
  })
})

describe('texts and settings', () => {
  it('can be read', () => {
    expect(churnProcess('exp:1h')).toMatchObject({ session: { text: 'exp:1h' }, absence: { text: 'exp:1h' } })
    expect(churnProcess('pareto:1,1800s/exp:10m')).toMatchObject({ absence: { text: 'exp:10m' } })
    expect(churnProcess('rate:0.05')).toEqual({ type: 'rates', joinsPerS: 0.05, leavesPerS: 0.05 })
  })

  it.each([
    '',
    'exp:1h/exp:1h/exp:1h',
    'rate:',
    'rate:-1',
    'rate:x',
    `rate:${RATE_PER_S_MAX + 1}`,
    'trace:f'
  ])('refuses %j', text => {
    expect(() => churnProcess(text)).toThrow(expect.objectContaining({ name: 'ModelError' }))
  })

  it.each<ChurnSettings>([{ orderlyShare: 1.5 }, { contacts: CHURN_CONTACTS_MAX + 1 }])(
    'refuses %j',
    settings => {
      expect(() => beginChurn(idle(1), churnProcess('exp:1h'), settings)).toThrow(
        expect.objectContaining({ name: 'ModelError' })
      )
    }
  )

  it('takes as many contacts as it may', () => {
    const simulation = idle(3)
    beginChurn(simulation, churnProcess('rate:1'), { contacts: CHURN_CONTACTS_MAX })
    simulation.runFor(10 * SECOND_US)
    expect(told(simulation, 3).filter(type => type === 'contact')).toHaveLength(CHURN_CONTACTS_MAX)
  })
})
