/**
 * Networks of Kelips machines in the simulator, with an observer's view of them: who lives, what everybody's tables
 * are, and what they should be.
 */

import type { StoredRecord } from '@servent/key-routing/machine'
import { compareKeys, type Effects, type Input, type Key, xorDistance } from '@servent/overlay/machine'
import { type NodeIndex, Simulation, type SimulationInit } from '@servent/simulator'
import {
  CHEAP_CHAIN,
  CORRECT_KELIPS,
  type Gossip,
  groupOf,
  IdealGroups,
  KelipsMachine,
  type KelipsNotice,
  type KelipsQuestion,
  type KelipsRules,
  type KelipsSettings,
  type KelipsTypes,
  type KnownLife
} from '../../src/machine.ts'
import { kelipsCodec } from '../../src/wire.ts'

export interface NetworkInit {
  readonly seed: string
  readonly settings?: Partial<KelipsSettings>
  readonly rules?: Partial<KelipsRules>
  readonly simulation?: Partial<Omit<SimulationInit<KelipsTypes>, 'seed' | 'codec' | 'createMachine'>>
  /** Machines that lie, for some nodes; nothing: an honest one. */
  readonly liar?: (
    node: NodeIndex,
    settings: Partial<KelipsSettings>,
    rules: KelipsRules
  ) => KelipsMachine | undefined
}

/** Notes for observers what its machine has handled. */
class WatchedMachine extends KelipsMachine {
  readonly #handled: (input: Input<KelipsTypes>) => void

  constructor(
    settings: Partial<KelipsSettings>,
    rules: KelipsRules,
    handled: (input: Input<KelipsTypes>) => void
  ) {
    super(settings, rules)
    this.#handled = handled
  }

  override handle(input: Input<KelipsTypes>, effects: Effects<KelipsTypes>): void {
    super.handle(input, effects)
    this.#handled(input)
  }
}

/** Nobody lies here, and signatures have no bytes. */
export function answerOf(question: KelipsQuestion): KelipsTypes['answer'] {
  switch (question.type) {
    case 'sign':
      return { type: 'signed', signatures: question.statements.map(() => new Uint8Array(0)) }
    case 'check':
      return { type: 'checked', good: question.signed.map(() => true) }
    case 'verify':
      return { type: 'verified', good: question.records.map(() => true) }
    case 'select':
      return { type: 'selected', index: newest(question.records) }
  }
}

function newest(records: readonly StoredRecord[]): number {
  let best = 0
  for (const [at, { sequence }] of records.entries()) if (sequence > records[best]!.sequence) best = at
  return best
}

/** A signature takes 1 ms. */
const SIGNED_US = 5000

export class KelipsNetwork {
  readonly simulation: Simulation<KelipsTypes>
  readonly settings: Partial<KelipsSettings>
  readonly notices: ((node: NodeIndex, notice: KelipsNotice, nowUs: number) => void)[] = []

  /** Gossip that came in. */
  readonly gossip: ((message: Gossip) => void)[] = []
  #handled = new Set<NodeIndex>()
  #observe: () => void = () => undefined

  constructor(init: NetworkInit) {
    this.settings = { saveMs: 0, mergeMs: 0, ...init.settings }
    const rules = { ...CORRECT_KELIPS, oneWay: CHEAP_CHAIN, ...init.rules }
    this.simulation = new Simulation<KelipsTypes>({
      answer: answerOf,
      observer: { every: 1, check: () => this.#observe() },
      ...init.simulation,
      seed: init.seed,
      codec: kelipsCodec,
      createMachine: node =>
        init.liar?.(node, this.settings, rules) ??
        new WatchedMachine(this.settings, rules, input => {
          this.#handled.add(node)
          if (input.type === 'message' && input.message.type === 'gossip')
            for (const hear of this.gossip) hear(input.message)
        }),
      onNotice: (node, notice, nowUs) => {
        for (const hear of this.notices) hear(node, notice, nowUs)
      }
    })
  }

  machine(node: NodeIndex): KelipsMachine {
    return this.simulation.machine(node) as KelipsMachine
  }

  /** Is called after every event. What it throws fails the run. */
  observe(check: () => void): void {
    this.#observe = check
  }

  /** Honest nodes whose machines have handled something since this was last asked: only their tables can have changed. */
  takeHandled(): ReadonlySet<NodeIndex> {
    const handled = this.#handled
    this.#handled = new Set()
    return handled
  }

  /** Starts a node that knows one other. */
  join(node: NodeIndex, by: NodeIndex): void {
    this.simulation.start(node)
    this.simulation.contact(node, by)
  }

  /** Nodes with the tables that they would have come to. */
  startIdeal(
    count: number,
    level?: number,
    samples = 1,
    rtt?: (from: number, to: number) => number
  ): NodeIndex[] {
    const { simulation } = this
    const nodes = simulation.addNodes(count)
    for (const node of nodes) simulation.start(node)
    simulation.runFor(SIGNED_US)
    const ideal = this.ideal(nodes, level)
    const lives = nodes.map(node => this.machine(node).life!)
    const random = simulation.random.of('ideal')
    for (const [at, node] of nodes.entries()) {
      const { members, contacts } = ideal.tables(at, this.settings.contacts ?? 2, {
        samples,
        below: n => random.below(n),
        ...(rtt === undefined ? {} : { rtt: (from: number, to: number) => rtt(nodes[from]!, nodes[to]!) })
      })
      const known = (other: number): KnownLife => ({
        peer: simulation.peerOf(node, nodes[other]!),
        life: lives[other]!,
        ...(rtt === undefined ? {} : { rttMs: rtt(node, nodes[other]!) })
      })
      simulation.command(node, {
        type: 'adopt',
        level: ideal.level,
        members: members.map(known),
        contacts: contacts.map(known)
      })
    }
    return nodes
  }

  ideal(nodes: readonly NodeIndex[], level?: number): IdealGroups {
    return new IdealGroups(
      nodes.map(node => this.simulation.keyOf(node)),
      level
    )
  }

  /** The living node that is nearest to a key. */
  rootOf(key: Key): NodeIndex {
    const { simulation } = this
    let best: NodeIndex | undefined
    for (const node of simulation.aliveNodes()) {
      if (this.machine(node).mode !== 'member') continue
      if (best === undefined) best = node
      const apart = (one: NodeIndex) => xorDistance(key, simulation.keyOf(one))
      if (compareKeys(apart(node), apart(best)) < 0) best = node
    }
    return best!
  }

  membersOf(node: NodeIndex): NodeIndex[] {
    const { view } = this.machine(node).state
    return Array.from({ length: view.size }, (_, row) => this.simulation.nodeOfPeer(node, view.peerAt(row)))
  }

  contactsOf(node: NodeIndex): NodeIndex[] {
    const { table } = this.machine(node).state.contacts
    return Array.from({ length: table.size }, (_, row) => this.simulation.nodeOfPeer(node, table.peerAt(row)))
  }

  /** Of views of the living: entries that should be there and are, that should be and are not, that should not. */
  views(): { readonly right: number; readonly missing: number; readonly dead: number } {
    const { simulation } = this
    let [right, missing, dead] = [0, 0, 0]
    const alive = simulation.aliveNodes()
    for (const node of alive) {
      const { level } = this.machine(node).state
      const own = groupOf(simulation.keyOf(node), level)
      const known = new Set(this.membersOf(node))
      for (const other of alive) {
        if (other === node || groupOf(simulation.keyOf(other), level) !== own) continue
        if (known.delete(other)) right += 1
        else missing += 1
      }
      dead += known.size
    }
    return { right, missing, dead }
  }
}
