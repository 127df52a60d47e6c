/**
 * A machine that does what a test tells it and writes down what it is told. Its commands are functions on its
 * effects, and so is what it does on an input.
 */
import type { Codec, Effects, Input, Link, Machine, MachineTypes, Peer } from '@servent/overlay/machine'
import { type NodeIndex, Simulation, type SimulationInit } from '../../src/index.ts'

export interface ProbeMessage {
  readonly text: string
  readonly bytes: number
}

export type Deed = (effects: Effects<ProbeTypes>) => void

export interface ProbeTypes extends MachineTypes {
  message: ProbeMessage
  command: Deed
  notice: string
  question: string
  answer: string
  snapshot: { readonly inputs: number }
}

export const probeCodec: Codec<ProbeMessage> = {
  byteLength: message => message.bytes,
  typeOf: message => message.text.split(' ')[0]!,
  open: () => {
    throw new Error('Nothing is encoded here.')
  }
}

export class Probe implements Machine<ProbeTypes> {
  inputs = 0
  readonly node: NodeIndex
  readonly #bench: ProbeBench

  constructor(node: NodeIndex, bench: ProbeBench) {
    this.node = node
    this.#bench = bench
  }

  handle(input: Input<ProbeTypes>, effects: Effects<ProbeTypes>): void {
    this.inputs += 1
    this.#bench.onInput(this.node, input, effects)
    if (input.type === 'command') input.command(effects)
  }

  heldPeers(_hold: (peer: Peer) => void): void {}

  snapshot(): ProbeTypes['snapshot'] {
    return { inputs: this.inputs }
  }
}

/** A simulation of probes, with what they were told: `milliseconds node what`. */
export class ProbeBench {
  readonly simulation: Simulation<ProbeTypes>
  log: string[] = []
  /** What a node does on an input, beside what it is commanded. */
  react: (node: NodeIndex, input: Input<ProbeTypes>, effects: Effects<ProbeTypes>) => void = () => {}
  /** By node and the node at the other end, the link that came up last. */
  readonly links = new Map<string, Link>()
  readonly #named = new Map<Link, string>()

  constructor(init: Partial<SimulationInit<ProbeTypes>> = {}) {
    this.simulation = new Simulation<ProbeTypes>({
      seed: 'probes',
      codec: probeCodec,
      createMachine: node => new Probe(node, this),
      ...init
    })
  }

  /** So many nodes, started. */
  nodes(count: number): this {
    for (const node of this.simulation.addNodes(count)) this.simulation.start(node)
    this.log = []
    return this
  }

  /** Links them, and forgets that it was told. */
  linked(a: NodeIndex, b: NodeIndex): this {
    this.simulation.connect(a, b)
    this.log = []
    return this
  }

  do(node: NodeIndex, deed: Deed): void {
    this.simulation.command(node, deed)
  }

  open(node: NodeIndex, other: NodeIndex): void {
    this.do(node, effects => effects.open(other + 1))
  }

  link(node: NodeIndex, other: NodeIndex): Link {
    return this.links.get(`${node}-${other}`)!
  }

  send(node: NodeIndex, other: NodeIndex, text: string, bytes = 100, priority = 1): void {
    const link = this.link(node, other)
    this.do(node, effects => effects.send(link, { text, bytes }, priority))
  }

  close(node: NodeIndex, other: NodeIndex): void {
    const link = this.link(node, other)
    this.do(node, effects => effects.close(link, 'enough'))
  }

  /** Runs, and gives what was told since the last time. */
  run(ms: number): string[] {
    this.simulation.runFor(ms * 1000)
    return this.take()
  }

  take(): string[] {
    const { log } = this
    this.log = []
    return log
  }

  onInput(node: NodeIndex, input: Input<ProbeTypes>, effects: Effects<ProbeTypes>): void {
    const words = this.#describe(node, input)
    if (words !== undefined) this.log.push(`${this.simulation.nowUs / 1000} ${node} ${words}`)
    this.react(node, input, effects)
  }

  #describe(node: NodeIndex, input: Input<ProbeTypes>): string | undefined {
    const { simulation } = this
    switch (input.type) {
      case 'command':
        return undefined
      case 'contact':
      case 'unreachable': {
        const other = simulation.nodeOfPeer(node, input.peer)
        return input.type === 'contact' ? `contact ${other}` : `unreachable ${other}: ${input.reason}`
      }
      case 'link-up': {
        const other = simulation.nodeOfPeer(node, input.peer)
        this.links.set(`${node}-${other}`, input.link)
        this.#named.set(input.link, String(other))
        return `link-up ${other} ${input.inbound ? 'inbound' : 'outbound'}`
      }
      case 'link-down':
        return `link-down ${this.#named.get(input.link)} ${input.end.kind}`
      case 'message':
        return `message ${this.#named.get(input.link)} ${input.message.text}`
      case 'pressure':
        return `pressure ${this.#named.get(input.link)} ${input.level}`
      case 'timer':
        return `timer ${input.timer}`
      case 'answer':
        return `answer ${input.id} ${'error' in input ? `error: ${input.error}` : input.answer}`
      case 'start':
        return `start ${[...input.saved].map(([key, bytes]) => `${key}=${bytes}`).join(' ')}`.trim()
      case 'stop':
        return 'stop'
    }
  }
}
