/** Faults befall running machines as their plan says, and a seed tells all of it. */
import { describe, expect, it } from 'vitest'
import { ToyMachine, type ToyTypes, toyCodec } from '../../../test/conformance/toy.ts'
import { describePlan, drawFaultPlan, type Fault, injectFaults, networkOfPlan } from '../src/faults/index.ts'
import { latencyModel } from '../src/network/index.ts'
import { randomOf } from '../src/random.ts'
import { Simulation } from '../src/simulation.ts'
import type { SimulationInit } from '../src/types.ts'

const SECOND_US = 1_000_000

function toys(size: number, init: Partial<SimulationInit<ToyTypes>> = {}): Simulation<ToyTypes> {
  const simulation = new Simulation<ToyTypes>({
    seed: 'faults',
    codec: toyCodec,
    createMachine: () => new ToyMachine(),
    answer: (_, node) => `I am ${node}`,
    ...init
  })
  for (const node of simulation.addNodes(size)) simulation.start(node)
  for (let node = 0; node < size; node += 1) simulation.contact(node, (node + 1) % size)
  return simulation
}

/** Befalls a ring of four, and is read at each second. */
function after(fault: Fault, ...seconds: number[]): (readonly number[])[] {
  const simulation = toys(4)
  injectFaults(simulation, { conditions: {}, faults: [fault] })
  return seconds.map(second => {
    simulation.runUntil(second * SECOND_US)
    return simulation.aliveNodes()
  })
}

describe('each fault', () => {
  const at5s = { atUs: 5 * SECOND_US, node: 2 }

  it('crash and silence take a node for good', () => {
    expect(after({ type: 'crash', ...at5s }, 4, 6, 600)).toEqual([
      [0, 1, 2, 3],
      [0, 1, 3],
      [0, 1, 3]
    ])
    expect(after({ type: 'silence', ...at5s }, 4, 6)).toEqual([
      [0, 1, 2, 3],
      [0, 1, 3]
    ])
  })

  it('restart brings it back, with or without what it saved', () => {
    for (const keepSaved of [true, false]) {
      const simulation = toys(4)
      const fault: Fault = { type: 'restart', ...at5s, afterUs: SECOND_US / 2, keepSaved }
      injectFaults(simulation, { conditions: {}, faults: [fault] })
      simulation.runUntil(5.2 * SECOND_US)
      expect(simulation.alive(2)).toBe(false)
      simulation.runUntil(5.6 * SECOND_US)
      expect(simulation.alive(2)).toBe(true)
      // Beats are counted on from what was saved: four in five seconds.
      expect((simulation.machine(2).snapshot() as ToyTypes['snapshot']).beats).toBe(keepSaved ? 4 : 0)
    }
  })

  it('restart leaves alone who was brought back meanwhile, and a pause who crashed in it', () => {
    const simulation = toys(4)
    const faults: Fault[] = [
      { type: 'restart', ...at5s, afterUs: SECOND_US, keepSaved: true },
      { type: 'pause', atUs: 5 * SECOND_US, node: 1, forUs: SECOND_US },
      { type: 'crash', atUs: 5.5 * SECOND_US, node: 1 }
    ]
    injectFaults(simulation, { conditions: {}, faults })
    simulation.at(5.5 * SECOND_US, () => simulation.revive(2, { keepSaved: true }))
    simulation.runUntil(7 * SECOND_US)
    expect(simulation.aliveNodes()).toEqual([0, 2, 3])
  })

  it('pause lets nothing reach it for its time', () => {
    const simulation = toys(4)
    injectFaults(simulation, {
      conditions: {},
      faults: [{ type: 'pause', ...at5s, forUs: 10 * SECOND_US }]
    })
    const beats = () => (simulation.machine(2).snapshot() as ToyTypes['snapshot']).beats
    simulation.runUntil(5 * SECOND_US)
    const before = beats()
    simulation.runUntil(14 * SECOND_US)
    expect([beats(), simulation.alive(2)]).toEqual([before, true])
    simulation.runUntil(17 * SECOND_US)
    expect(beats()).toBeGreaterThan(before)
  })

  it('skew and jump move what its clocks show', () => {
    const shown: (readonly [number, number])[] = []
    class Clock extends ToyMachine {
      override handle(...[input, effects]: Parameters<ToyMachine['handle']>): void {
        if (input.type === 'command') shown.push([effects.nowMs(), effects.wallMs()])
      }
    }
    const simulation = toys(4, { createMachine: () => new Clock() })
    injectFaults(simulation, {
      conditions: {},
      faults: [
        { type: 'skew', ...at5s, ppm: 1_000 },
        { type: 'jump', atUs: 6 * SECOND_US, node: 2, byMs: -3_600_000 }
      ]
    })
    simulation.runUntil(5 * SECOND_US)
    for (const node of [2, 3]) simulation.command(node, { type: 'call', ttl: 0 })
    simulation.runUntil(105 * SECOND_US)
    for (const node of [2, 3]) simulation.command(node, { type: 'call', ttl: 0 })
    const [before, , skewed, right] = shown as [number, number][]
    expect(skewed![0] - before![0]).toBe(100_100)
    expect(right![0] - before![0]).toBe(100_000)
    expect(right![1] - skewed![1]).toBe(3_600_000 - 100)
  })

  it('a mass crash takes its share at once', () => {
    const simulation = toys(40)
    injectFaults(simulation, {
      conditions: {},
      faults: [{ type: 'mass-crash', atUs: SECOND_US, share: 0.25 }]
    })
    simulation.runFor(2 * SECOND_US)
    expect(simulation.aliveCount).toBe(30)
  })

  it('who is not up is missed, and counted', () => {
    const simulation = toys(4)
    const counts = injectFaults(simulation, {
      conditions: {},
      faults: [
        { type: 'crash', ...at5s },
        { type: 'pause', atUs: 6 * SECOND_US, node: 2, forUs: 1 },
        { type: 'crash', atUs: 7 * SECOND_US, node: 99 }
      ]
    })
    simulation.runFor(10 * SECOND_US)
    expect(counts).toEqual({ done: 1, missed: 2 })
  })
})

describe('a hundred seeds', () => {
  const SIZE = 12
  const UNTIL_US = 120 * SECOND_US
  const run = (seed: string) => {
    const plan = drawFaultPlan(randomOf(seed), { nodes: SIZE, fromUs: 5 * SECOND_US, untilUs: UNTIL_US })
    const network = networkOfPlan(
      latencyModel('planetlab', randomOf(seed)),
      plan,
      randomOf(`${seed} network`)
    )
    const simulation = toys(SIZE, { seed, network })
    const counts = injectFaults(simulation, plan)
    simulation.runUntil(UNTIL_US + 60 * SECOND_US)
    return { plan, simulation, counts }
  }
  const seeds = Array.from({ length: 100 }, (_, seed) => `swarm ${seed}`)

  it('run to their end; links know their ends, and what passes has passed', () => {
    let [faults, gone] = [0, 0]
    for (const seed of seeds) {
      const { plan, simulation, counts } = run(seed)
      faults += counts.done
      gone += SIZE - simulation.aliveCount
      expect(counts.done + counts.missed, describePlan(plan)).toBe(plan.faults.length)
      for (const node of simulation.aliveNodes()) {
        const { links } = simulation.machine(node).snapshot() as ToyTypes['snapshot']
        expect(links, `${seed}: node ${node}\n${describePlan(plan)}`).toBe(simulation.linkedTo(node).length)
      }
      expect(simulation.aliveCount, describePlan(plan)).toBeGreaterThanOrEqual(SIZE / 2)
    }
    expect(faults).toBeGreaterThan(200)
    expect(gone).toBeGreaterThan(50)
  })

  it('and each is the same when it is run again', () => {
    for (const seed of seeds.slice(0, 10))
      expect(run(seed).simulation.traceHash).toBe(run(seed).simulation.traceHash)
  })
})
