/**
 * Networks of Pastry machines in the simulator, with an observer's view of them: who is alive, what everybody's tables
 * are, and what they should be.
 */
import type { Key, Machine } from '@servent/overlay/machine'
import { type NodeIndex, type Random, Simulation, type SimulationInit } from '@servent/simulator'
import {
  CORRECT_PASTRY,
  IdealNetwork,
  type IdealProximity,
  type NodeView,
  PastryMachine,
  type PastryNotice,
  type PastryRules,
  type PastrySettings,
  type PastryTypes,
  pastrySettings
} from '../../src/machine.ts'
import { plainCodec } from './plain-codec.ts'

export interface NetworkInit {
  readonly seed: string
  readonly settings?: Partial<PastrySettings>
  readonly rules?: PastryRules
  /** Of those that go by other ones. */
  readonly rulesOf?: (node: NodeIndex) => PastryRules | undefined
  /** What stands before a machine, of those that do not say what theirs says. */
  readonly disguise?: (node: NodeIndex, machine: PastryMachine) => Machine<PastryTypes>
  /** Where nodes differ. */
  readonly settingsOf?: (node: NodeIndex) => Partial<PastrySettings>
  readonly simulation?: Partial<Omit<SimulationInit<PastryTypes>, 'seed' | 'codec' | 'createMachine'>>
}

export interface StartInit {
  readonly proximity?: IdealProximity
  /** Where nothing is to be sent but lookups: links come up when they are needed. */
  readonly unlinked?: boolean
}

export class PastryNetwork {
  readonly simulation: Simulation<PastryTypes>
  readonly settings: PastrySettings
  readonly notices: ((node: NodeIndex, notice: PastryNotice, nowUs: number) => void)[] = []

  constructor(init: NetworkInit) {
    this.settings = pastrySettings({ mergeMs: 0, saveMs: 0, ...init.settings })
    this.simulation = new Simulation<PastryTypes>({
      ...init.simulation,
      seed: init.seed,
      codec: plainCodec,
      createMachine: node => {
        const machine = new PastryMachine(
          { ...this.settings, ...init.settingsOf?.(node) },
          init.rulesOf?.(node) ?? init.rules ?? CORRECT_PASTRY
        )
        return init.disguise?.(node, machine) ?? machine
      },
      onNotice: (node, notice, nowUs) => {
        for (const hear of this.notices) hear(node, notice, nowUs)
      }
    })
  }

  machine(node: NodeIndex): PastryMachine {
    return this.simulation.machine(node) as PastryMachine
  }

  viewOf(node: NodeIndex): NodeView {
    return this.machine(node).view
  }

  /** Starts a node that knows one other. */
  join(node: NodeIndex, by: NodeIndex): void {
    this.simulation.start(node)
    this.simulation.contact(node, by)
  }

  /** Nodes with the tables that they would have come to. */
  startIdeal(count: number, { proximity, unlinked = false }: StartInit = {}): readonly NodeIndex[] {
    const { simulation, settings } = this
    const nodes = simulation.addNodes(count)
    const ideal = this.ideal(nodes)
    for (const node of nodes) simulation.start(node)
    for (const [at, node] of nodes.entries()) {
      const { smaller, larger, entries } = ideal.tables(at, settings.leafSet, settings.digitBits, proximity)
      const peerOf = (other: number) => simulation.peerOf(node, nodes[other]!)
      const distanceMs = (other: number) => (proximity === undefined ? 0 : proximity.rtt(at, other) / 1000)
      const leaves = [...smaller, ...larger]
      if (!unlinked)
        for (const other of new Set([...leaves, ...entries])) simulation.connect(node, nodes[other]!)
      simulation.command(node, {
        type: 'adopt',
        tables: {
          leaves: leaves.map(peerOf),
          entries: entries.map(other => ({ peer: peerOf(other), distanceMs: distanceMs(other) })),
          neighbours: []
        }
      })
    }
    return nodes
  }

  /** What the tables of these nodes would come to. */
  ideal(nodes: readonly NodeIndex[] = this.simulation.aliveNodes()): IdealNetwork {
    return new IdealNetwork(nodes.map(node => this.simulation.keyOf(node)))
  }

  isMember(node: NodeIndex): boolean {
    return this.machine(node).mode === 'member'
  }

  members(): NodeIndex[] {
    return this.simulation.aliveNodes().filter(node => this.isMember(node))
  }

  /** A random node that is active. */
  pickMember(random: Random): NodeIndex {
    const members = this.members()
    if (members.length === 0) throw new Error('Nobody is active.')
    return members[random.below(members.length)]!
  }

  /** What differs from ideal leaf sets, in words; nothing where all are ideal. */
  whatIsNotIdeal(): string | undefined {
    const nodes = this.simulation.aliveNodes()
    const ideal = this.ideal(nodes)
    for (const [at, node] of nodes.entries()) {
      const { mode, smaller, larger } = this.viewOf(node)
      if (mode !== 'member') return `node ${node} is ${mode}`
      const wanted = ideal.tables(at, this.settings.leafSet, this.settings.digitBits)
      for (const [side, is, should] of [
        ['smaller', smaller, wanted.smaller],
        ['larger', larger, wanted.larger]
      ] as const) {
        const has = is.map(peer => this.simulation.nodeOfPeer(node, peer)).join()
        const wants = should.map(other => nodes[other]).join()
        if (has !== wants) return `node ${node} has the ${side} leaves ${has}, not ${wants}`
      }
    }
    return undefined
  }

  /** Runs until all leaf sets are ideal; the virtual milliseconds that it took, or nothing where they did not come. */
  runUntilIdeal(withinMs: number, stepMs = 1000): number | undefined {
    const { simulation } = this
    const beganUs = simulation.nowUs
    while (simulation.nowUs - beganUs <= withinMs * 1000) {
      if (this.whatIsNotIdeal() === undefined) return (simulation.nowUs - beganUs) / 1000
      simulation.runFor(stepMs * 1000)
    }
    return undefined
  }
}

/** The living node that is closest to a key, of those that the truth was taken of. */
export function truthOf(
  network: PastryNetwork,
  nodes = network.simulation.aliveNodes()
): (key: Key) => NodeIndex {
  const ideal = network.ideal(nodes)
  return key => nodes[ideal.rootOf(key)]!
}
