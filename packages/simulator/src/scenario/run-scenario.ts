/**
 * Runs a scenario on a simulation: text in, and out comes the text as it should stand, with what came of each
 * step below it. A test compares the two, or writes the second one down. No file is read here.
 */
import type { Codec, Contact, Link, Machine, MachineTypes, Peer } from '@servent/overlay/machine'
import { Partitions, sidesOf } from '../network/index.ts'
import type { Simulation } from '../simulation.ts'
import type { NetworkModel, NodeIndex, SimulationInit } from '../types.ts'
import { parseStep, ScenarioError, type Step } from './script.ts'

/** Names of nodes in a scenario. */
export interface Names {
  of(node: NodeIndex): string
  /** @throws ScenarioError  nobody of this name was started */
  node(name: string): NodeIndex
  ofContact(contact: Contact): string
  /** Of a handle in the machine of `from`. */
  ofPeer(from: NodeIndex, peer: Peer): string
}

/** What a scenario is run on, and the words of its overlay. Each function is pure but for the simulation. */
export interface ScenarioWorld<T extends MachineTypes> {
  /** A simulation with these settings and those of the overlay. */
  readonly create: (parts: ScenarioParts<T>) => Simulation<T>
  readonly codec: Codec<T['message']>
  /** The command that these words say; undefined: they say none. */
  readonly command: (words: string, names: Names) => T['command'] | undefined
  /** A notice in words; undefined: it is not told. */
  readonly notice: (notice: T['notice'], names: Names, node: NodeIndex) => string | undefined
  /** A message in words. Default: its type. */
  readonly message?: (message: T['message'], names: Names) => string
  /** A node's tables, a line each. Default: the snapshot as JSON. */
  readonly show?: (snapshot: T['snapshot'], names: Names, node: NodeIndex) => readonly string[]
  /** Why what is expected is not so; nothing where it is so; undefined where these words mean nothing. */
  readonly expect?: (words: string, simulation: Simulation<T>, names: Names) => string | undefined
}

/** The settings of `SimulationInit` that a scenario needs for itself. */
export interface ScenarioParts<T extends MachineTypes> {
  readonly onNotice: NonNullable<SimulationInit<T>['onNotice']>
  /** Lays the scenario's partitions over a network. */
  readonly network: (base: NetworkModel) => NetworkModel
  /** Lets the scenario see what the machine is told. */
  readonly watch: (machine: Machine<T>, node: NodeIndex) => Machine<T>
}

/**
 * @returns the steps and remarks as they were, and below each step what was told
 * @throws ScenarioError  a line cannot be read or done, or an expectation did not come true
 */
export function runScenario<T extends MachineTypes>(text: string, world: ScenarioWorld<T>): string {
  return new ScenarioRun(world).run(text)
}

class ScenarioRun<T extends MachineTypes> {
  readonly #world: ScenarioWorld<T>
  readonly #simulation: Simulation<T>
  readonly #partitions = new Partitions()
  readonly #nodes = new Map<string, NodeIndex>()
  readonly #names: string[] = []
  readonly #output: string[] = []
  /** Told since the last step that did something, as `name: words`. */
  #told: string[] = []
  #messages = false
  #line = 0

  constructor(world: ScenarioWorld<T>) {
    this.#world = world
    this.#simulation = world.create({
      onNotice: (node, notice) => {
        const words = world.notice(notice, this.names, node)
        if (words !== undefined) this.#tell(node, `: ${words}`)
      },
      network: base => this.#partitions.over(base),
      watch: (machine, node) => this.#watched(machine, node)
    })
  }

  readonly names: Names = {
    of: node => this.#names[node] ?? `node ${node}`,
    node: name => {
      const node = this.#nodes.get(name)
      if (node === undefined) throw new ScenarioError(this.#line, `Nobody named ${name} was started.`)
      return node
    },
    ofContact: contact => {
      const node = this.#simulation.nodeOf(contact)
      return node === undefined ? 'a stranger' : this.names.of(node)
    },
    ofPeer: (from, peer) => this.names.of(this.#simulation.nodeOfPeer(from, peer))
  }

  run(text: string): string {
    for (const line of text.trimEnd().split('\n')) {
      this.#line += 1
      // What came of a step in an earlier run begins with a space.
      if (/^\s+\S/.test(line)) continue
      this.#output.push(line.trimEnd())
      const step = parseStep(line, this.#line)
      if (step !== undefined) this.#attempt(step)
    }
    return `${this.#output.join('\n')}\n`
  }

  #attempt(step: Step): void {
    try {
      this.#do(step)
    } catch (error) {
      if (error instanceof ScenarioError) throw error
      // A machine or a simulation that failed: its own report stays at hand.
      throw new ScenarioError(this.#line, error instanceof Error ? error.message : String(error), error)
    }
  }

  #do(step: Step): void {
    if (step.type !== 'after' && !step.type.startsWith('expect')) this.#told = []
    const simulation = this.#simulation
    switch (step.type) {
      case 'start':
        for (const name of step.names) this.#start(name, step.via)
        break
      case 'link':
        simulation.connect(this.names.node(step.from), this.names.node(step.to))
        break
      case 'contact':
        simulation.contact(this.names.node(step.from), this.names.node(step.to))
        break
      case 'after':
        simulation.runFor(step.us)
        return
      case 'command':
        this.#command(step.name, step.words)
        break
      case 'stop':
      case 'crash':
      case 'silence':
      case 'pause':
      case 'resume':
        for (const name of step.names) simulation[step.type](this.names.node(name))
        break
      case 'revive':
        for (const name of step.names) simulation.revive(this.names.node(name), { keepSaved: step.keepSaved })
        break
      case 'partition':
        this.#partitions.split(
          sidesOf(step.sides.map(side => side.map(name => this.names.node(name)))),
          simulation.nowUs
        )
        return
      case 'heal':
        this.#partitions.heal(simulation.nowUs)
        return
      case 'skew':
        simulation.setDrift(this.names.node(step.name), step.ppm)
        return
      case 'jump':
        simulation.jumpWall(this.names.node(step.name), step.byMs)
        return
      case 'messages':
        this.#messages = step.on
        return
      case 'show':
        for (const name of step.names) this.#show(name)
        return
      case 'expect-told':
      case 'expect-state':
      case 'expect':
        this.#expect(step)
        return
    }
    // What a step does at once is told below it, not below the next one.
    simulation.runFor(0)
  }

  #start(name: string, via: string | undefined): void {
    if (this.#nodes.has(name)) throw new ScenarioError(this.#line, `${name} was started already.`)
    const node = this.#simulation.addNode()
    this.#nodes.set(name, node)
    this.#names[node] = name
    this.#simulation.start(node)
    if (via !== undefined) this.#simulation.contact(node, this.names.node(via))
  }

  #command(name: string, words: string): void {
    const node = this.names.node(name)
    const command = this.#world.command(words, this.names)
    if (command === undefined) throw new ScenarioError(this.#line, `"${words}" is no command.`)
    this.#simulation.command(node, command)
  }

  #show(name: string): void {
    const node = this.names.node(name)
    const snapshot = this.#simulation.machine(node).snapshot()
    const lines = this.#world.show?.(snapshot, this.names, node) ?? [JSON.stringify(snapshot)]
    for (const line of lines) this.#output.push(`    ${name} ${line}`)
  }

  #expect(step: Step & { type: 'expect-told' | 'expect-state' | 'expect' }): void {
    const why = this.#whyNot(step)
    if (why !== undefined) throw new ScenarioError(this.#line, why)
  }

  #whyNot(step: Step & { type: 'expect-told' | 'expect-state' | 'expect' }): string | undefined {
    if (step.type === 'expect-told') {
      const begin = `${this.names.of(this.names.node(step.name))}: `
      const found = this.#told.some(line => line.startsWith(begin) && line.includes(step.text, begin.length))
      if (found !== step.not) return undefined
      return `${step.name} told ${step.not ? '' : 'nothing like '}"${step.text}", but\n${this.#told.join('\n')}`
    }
    if (step.type === 'expect-state') {
      const wrong = step.names.filter(name => this.#simulation.alive(this.names.node(name)) !== step.up)
      return wrong.length === 0 ? undefined : `${wrong.join(', ')}: not ${step.up ? 'up' : 'down'}.`
    }
    if (this.#world.expect === undefined) return `Nobody knows what "${step.words}" means.`
    const why = this.#world.expect(step.words, this.#simulation, this.names)
    return why === '' ? undefined : (why ?? `Nobody knows what "${step.words}" means.`)
  }

  #tell(node: NodeIndex, words: string): void {
    const ms = Math.floor(this.#simulation.nowUs / 1000)
    const seconds = `${Math.floor(ms / 1000)}.${`${ms % 1000}`.padStart(3, '0')}`
    const line = `${this.names.of(node)}${words}`
    this.#told.push(line)
    this.#output.push(`${seconds.padStart(11)} ${line}`)
  }

  /** Tells messages, with whom they come from, before the machine is told them. */
  #watched(machine: Machine<T>, node: NodeIndex): Machine<T> {
    const others = new Map<Link, string>()
    return {
      handle: (input, effects) => {
        if (input.type === 'link-up') others.set(input.link, this.names.ofPeer(node, input.peer))
        if (input.type === 'link-down') others.delete(input.link)
        if (input.type === 'message' && this.#messages) {
          const { message } = input
          const words = this.#world.message?.(message, this.names) ?? this.#world.codec.typeOf(message)
          this.#tell(node, ` < ${others.get(input.link)}: ${words}`)
        }
        machine.handle(input, effects)
      },
      heldPeers: hold => machine.heldPeers(hold),
      snapshot: () => machine.snapshot()
    }
  }
}
