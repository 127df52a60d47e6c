/** Networks of Kademlia machines in the simulator, and an observer who sees everybody. */
import type { Key } from '@servent/overlay/machine'
import { type NodeIndex, type Random, Simulation, type SimulationInit } from '@servent/simulator'
import { kademliaCodec } from '../../src/kad-wire.ts'
import {
  IdealTables,
  KademliaMachine,
  type KademliaNotice,
  type KademliaRules,
  type KademliaSettings,
  type KademliaTables,
  type KademliaTypes
} from '../../src/machine.ts'
import { compareXor } from '../../src/xor.ts'

export interface NetworkInit {
  readonly seed: string
  readonly settings?: Partial<KademliaSettings>
  readonly rules?: KademliaRules
  /** Where nodes differ. */
  readonly settingsOf?: (node: NodeIndex) => Partial<KademliaSettings>
  readonly simulation?: Partial<Omit<SimulationInit<KademliaTypes>, 'seed' | 'codec' | 'createMachine'>>
}

type Ended = Extract<KademliaNotice, { type: 'looked-up' | 'lookup-failed' }>

export class KademliaNetwork {
  readonly simulation: Simulation<KademliaTypes>
  readonly settings: Partial<KademliaSettings>
  readonly notices: ((node: NodeIndex, notice: KademliaNotice) => void)[] = []

  constructor(init: NetworkInit) {
    this.settings = init.settings ?? {}
    this.simulation = new Simulation<KademliaTypes>({
      trace: false,
      answer: question =>
        question.type === 'verify'
          ? { type: 'verified', good: question.records.map(() => true) }
          : {
              type: 'selected',
              index: question.records.reduce(
                (best, { sequence }, at) => (sequence > question.records[best]!.sequence ? at : best),
                0
              )
            },
      ...init.simulation,
      seed: init.seed,
      codec: kademliaCodec,
      createMachine: node =>
        new KademliaMachine({ ...this.settings, ...init.settingsOf?.(node) }, init.rules),
      onNotice: (node, notice) => {
        for (const hear of this.notices) hear(node, notice)
      }
    })
  }

  machine(node: NodeIndex): KademliaMachine {
    return this.simulation.machine(node) as KademliaMachine
  }

  tablesOf(node: NodeIndex): KademliaTables {
    return this.machine(node).snapshot()
  }

  /** Nodes with the tables that they would have come to. */
  startIdeal(count: number): readonly NodeIndex[] {
    const { simulation } = this
    const nodes = simulation.addNodes(count)
    const random = simulation.random.of('ideal')
    const ideal = new IdealTables(nodes.map(node => simulation.keyOf(node)))
    for (const [at, node] of nodes.entries()) {
      simulation.start(node)
      const peers = ideal.peersOf(at, this.settings.k ?? 20, count => random.below(count))
      simulation.command(node, {
        type: 'adopt',
        peers: peers.map(peer => simulation.peerOf(node, nodes[peer]!))
      })
    }
    return nodes
  }

  /** Nodes that come one after the other, each told of one that is there. */
  startJoined(count: number, everyUs = 500_000): readonly NodeIndex[] {
    const { simulation } = this
    const random = simulation.random.of('joins')
    const nodes: NodeIndex[] = []
    for (let at = 0; at < count; at += 1) {
      const node = simulation.addNode()
      simulation.start(node)
      if (nodes.length > 0) simulation.contact(node, nodes[random.below(nodes.length)]!)
      nodes.push(node)
      simulation.runFor(everyUs)
    }
    return nodes
  }

  /** Of those that live and serve, the nearest to a key. */
  nearest(key: Key, count = 1): NodeIndex[] {
    const nodes = this.simulation.aliveNodes().filter(node => this.machine(node).mode === 'member')
    nodes.sort((a, b) => compareXor(key, this.simulation.keyOf(a), this.simulation.keyOf(b)))
    return nodes.slice(0, count)
  }

  /** Looks keys up and waits for all ends; what each was, with the node that was found. */
  lookUp(asks: readonly { readonly origin: NodeIndex; readonly key: Key }[], forUs = 70_000_000) {
    const ended = new Map<string, Ended>()
    const name = (node: NodeIndex, command: number) => `${node} ${command}`
    let beginning: Ended | undefined
    const hear = (node: NodeIndex, notice: KademliaNotice) => {
      if (notice.type !== 'looked-up' && notice.type !== 'lookup-failed') return
      ended.set(name(node, notice.command), notice)
      beginning = notice
    }
    this.notices.push(hear)
    const commands = asks.map(({ origin, key }) => {
      beginning = undefined
      const command = this.simulation.command(origin, { type: 'lookup', key })
      return { origin, key, command, atOnce: beginning as Ended | undefined }
    })
    this.simulation.runFor(forUs)
    this.notices.splice(this.notices.indexOf(hear), 1)
    return commands.map(({ origin, key, command, atOnce }) => {
      const end = ended.get(name(origin, command)) ?? atOnce
      const root = end?.type === 'looked-up' ? this.simulation.nodeOf(end.root) : undefined
      return { origin, key, end, root, isCorrect: root !== undefined && root === this.nearest(key)[0] }
    })
  }
}

export function randomKey(random: Random): Key {
  const key = new Uint8Array(32)
  for (let at = 0; at < 32; at += 4) new DataView(key.buffer).setUint32(at, random.u32())
  return key
}

export const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length
