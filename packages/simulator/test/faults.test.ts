/** Faults befall running machines as their plan says, and a seed tells all of it. */
import { describe, expect, it } from 'vitest'
import { ToyMachine, type ToyTypes, toyCodec } from '../../../test/conformance/toy.ts'
import { describePlan, drawFaultPlan, type Fault, injectFaults, networkOfPlan } from '../src/faults/index.ts'
import { latencyModel } from '../src/network/index.ts'
import { randomOf } from '../src/random.ts'
import { Simulation } from '../src/simulation.ts'
import type { SimulationInit } from '../src/types.ts'

const SECOND_US = 1_000_000
/** Of runs with drawn faults. */
const SIZE = 12
const UNTIL_US = 120 * SECOND_US
const OPENS_UNTIL_MS = UNTIL_US / 1000 + 20_000

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

/** A toy that opens who is not linked to it now and then, and counts what comes of each open. */
class Opener extends ToyMachine {
  readonly #linked = new Map<number, number>()
  /** Opens without an end, by peer, and since when. */
  readonly opening = new Map<number, number>()
  /** Ends that nothing was opened for. */
  strange = 0
  readonly #own: number

  constructor(node: number) {
    super()
    this.#own = node + 1
  }

  override handle(...[input, effects]: Parameters<ToyMachine['handle']>): void {
    if (input.type === 'link-up') {
      if (!this.opening.delete(input.peer) && !input.inbound) this.strange += 1
      this.#linked.set(input.link, input.peer)
    } else if (input.type === 'link-down') {
      if (!this.#linked.delete(input.link)) this.strange += 1
    } else if (input.type === 'unreachable') {
      if (!this.opening.delete(input.peer)) this.strange += 1
    }
    // A toy opens whom it hears of.
    if (input.type === 'contact') this.#open(input.peer, effects)
    super.handle(input, effects)
    if (input.type === 'timer')
      for (let draw = 0; draw < 2; draw += 1) this.#open(1 + (effects.random() % SIZE), effects)
  }

  #open(peer: number, effects: Parameters<ToyMachine['handle']>[1]): void {
    if (effects.nowMs() > OPENS_UNTIL_MS || peer === this.#own) return
    if (this.opening.has(peer) || [...this.#linked.values()].includes(peer)) return
    this.opening.set(peer, effects.nowMs())
    effects.open(peer)
  }
}

describe('a hundred seeds', () => {
  const run = (seed: string) => {
    const plan = drawFaultPlan(randomOf(seed), { nodes: SIZE, fromUs: 5 * SECOND_US, untilUs: UNTIL_US })
    const network = networkOfPlan(
      latencyModel('planetlab', randomOf(seed)),
      plan,
      randomOf(`${seed} network`)
    )
    const simulation = toys(SIZE, { seed, network, createMachine: node => new Opener(node) })
    const counts = injectFaults(simulation, plan)
    simulation.runUntil(UNTIL_US + 60 * SECOND_US)
    return { plan, simulation, counts }
  }
  const seeds = Array.from({ length: 100 }, (_, seed) => `swarm ${seed}`)

  it('run to their end; links know their ends, each open has one, and what passes has passed', () => {
    let [faults, gone, slow] = [0, 0, 0]
    for (const seed of seeds) {
      const { plan, simulation, counts } = run(seed)
      const where = (node?: number) =>
        `${seed}, trace ${simulation.traceHash}, node ${node}\n${describePlan(plan)}`
      faults += counts.done
      gone += SIZE - simulation.aliveCount
      if (plan.conditions.accessLinks !== undefined) slow += 1
      expect(counts.done + counts.missed, where()).toBe(plan.faults.length)
      for (const node of simulation.aliveNodes()) {
        const machine = simulation.machine(node) as Opener
        const { links } = machine.snapshot()
        expect(links, where(node)).toBe(simulation.linkedTo(node).length)
        expect([...machine.opening], where(node)).toEqual([])
        expect(machine.strange, where(node)).toBe(0)
      }
      expect(simulation.aliveCount, where()).toBeGreaterThanOrEqual(SIZE / 2)
    }
    expect(faults).toBeGreaterThan(200)
    expect(gone).toBeGreaterThan(50)
    expect(slow).toBeGreaterThan(30)
  })

  it('and each is the same when it is run again', () => {
    for (const seed of seeds.slice(0, 10))
      expect(run(seed).simulation.traceHash).toBe(run(seed).simulation.traceHash)
  })
})
