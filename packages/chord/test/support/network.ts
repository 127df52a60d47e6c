/**
 * Networks of Chord machines in the simulator, with an observer's view of them: who is alive, what everybody's
 * tables are, and what they should be.
 */
import { compareClockwise, compareKeys, type Key } from '@servent/overlay/machine'
import { type NodeIndex, type Random, Simulation, type SimulationInit } from '@servent/simulator'
import {
  ChordMachine,
  type ChordNotice,
  type ChordRules,
  type ChordSettings,
  type ChordTables,
  type ChordTypes,
  CORRECT_CHORD,
  type IdealProximity,
  IdealRing,
  type IdealTables,
  indexOfRef,
  keyOfPlace,
  type PlaceView,
  peerOfRef,
  type RingRef,
  refOf
} from '../../src/machine.ts'
import { plainCodec } from './plain-codec.ts'

export interface NetworkInit {
  readonly seed: string
  readonly settings?: Partial<ChordSettings>
  readonly rules?: ChordRules
  /** Where nodes differ. */
  readonly settingsOf?: (node: NodeIndex) => Partial<ChordSettings>
  readonly rulesOf?: (node: NodeIndex) => ChordRules | undefined
  readonly simulation?: Partial<Omit<SimulationInit<ChordTypes>, 'seed' | 'codec' | 'createMachine'>>
}

/** A place on the ring as an observer names it: `node * 32 + index`. */
export type PlaceId = number

export interface SeenPlace {
  readonly id: PlaceId
  readonly key: Key
  readonly member: boolean
  /** Of a ring, not one that forms. */
  readonly inRing: boolean
  readonly predecessor: PlaceId | undefined
  readonly successors: readonly PlaceId[]
  readonly fingers: readonly { readonly id: PlaceId; readonly exponent: number }[]
}

export class ChordNetwork {
  readonly simulation: Simulation<ChordTypes>
  readonly settings: Partial<ChordSettings>
  readonly notices: ((node: NodeIndex, notice: ChordNotice, nowUs: number) => void)[] = []

  constructor(init: NetworkInit) {
    this.settings = { mergeMs: 0, saveMs: 0, ...init.settings }
    this.simulation = new Simulation<ChordTypes>({
      ...init.simulation,
      seed: init.seed,
      codec: plainCodec,
      createMachine: node =>
        new ChordMachine(
          { ...this.settings, ...init.settingsOf?.(node) },
          init.rulesOf?.(node) ?? init.rules ?? CORRECT_CHORD
        ),
      onNotice: (node, notice, nowUs) => {
        for (const hear of this.notices) hear(node, notice, nowUs)
      }
    })
  }

  tablesOf(node: NodeIndex): ChordTables {
    return this.simulation.machine(node).snapshot()
  }

  /** Answers to lookups of those that live that were not believed, and that were doubted. */
  disbelief(nodes = this.simulation.aliveNodes()): { readonly refused: number; readonly doubted: number } {
    let [refused, doubted] = [0, 0]
    for (const node of nodes) {
      const { counters } = this.tablesOf(node).routing
      refused += counters.answersRefused!
      doubted += counters.answersDoubted!
    }
    return { refused, doubted }
  }

  /** Starts a node that knows one other. */
  join(node: NodeIndex, by: NodeIndex): void {
    this.simulation.start(node)
    this.simulation.contact(node, by)
  }

  keyOfPlaceId(id: PlaceId): Key {
    return keyOfPlace(this.simulation.keyOf(peerOfRef(id)), indexOfRef(id))
  }

  /** Nodes with the tables that they would have come to, linked with everybody in them. */
  startIdeal(count: number, proximity?: IdealProximity): readonly NodeIndex[] {
    const { simulation } = this
    const nodes = simulation.addNodes(count)
    const ring = this.ideal(nodes)
    for (const node of nodes) simulation.start(node)
    const tables = ring.nodes.map((_, at) => ring.tables(at, this.settings.successors ?? 8, proximity))
    for (const [at, { peer }] of ring.nodes.entries()) {
      for (const other of linksOf(tables[at]!)) {
        const to = nodes[ring.nodes[other]!.peer]!
        if (to !== nodes[peer]!) simulation.connect(nodes[peer]!, to)
      }
    }
    const placesOf: number[][] = nodes.map(() => [])
    for (const [at, { peer, index }] of ring.nodes.entries()) placesOf[peer]![index] = at
    for (const [peer, node] of nodes.entries()) {
      const ref = (other: number) => {
        const { peer: whose, index } = ring.nodes[other]!
        return refOf(simulation.peerOf(node, nodes[whose]!), index)
      }
      const places = placesOf[peer]!.map(at => {
        const { predecessor, successors, fingers } = tables[at]!
        return {
          predecessor: predecessor === undefined ? undefined : ref(predecessor),
          successors: successors.map(ref),
          fingers: fingers.map(ref)
        }
      })
      simulation.command(node, { type: 'adopt', places })
    }
    return nodes
  }

  /** What the tables of these nodes would come to. */
  ideal(nodes: readonly NodeIndex[]): IdealRing {
    return new IdealRing(
      nodes.map(node => this.simulation.keyOf(node)),
      this.settings.virtualNodes ?? 1
    )
  }

  /** What a node's machine has in its tables now. */
  viewOf(node: NodeIndex): readonly PlaceView[] {
    return (this.simulation.machine(node) as ChordMachine).places
  }

  /** Of the living nodes, every place, in the order of keys. */
  places(): SeenPlace[] {
    const seen: SeenPlace[] = []
    for (const node of this.simulation.aliveNodes()) {
      const id = (ref: RingRef) => refOf(this.simulation.nodeOfPeer(node, peerOfRef(ref)), indexOfRef(ref))
      // Who has not found the others yet is a ring of its own.
      const inRing = (this.simulation.machine(node) as ChordMachine).mode === 'ring'
      for (const place of this.viewOf(node)) {
        seen.push({
          id: refOf(node, place.index),
          key: place.key,
          member: place.member,
          inRing,
          predecessor: place.predecessor < 0 ? undefined : id(place.predecessor),
          successors: place.successors.map(id),
          fingers: Array.from({ length: place.fingers.length }, (_, at) => ({
            id: id(place.fingers.at(at)),
            exponent: place.fingers.exponentAt(at)
          }))
        })
      }
    }
    return seen.sort((a, b) => compareKeys(a.key, b.key))
  }

  /** The living node that a key belongs to. */
  rootOf(key: Key): NodeIndex {
    const nodes = this.simulation.aliveNodes()
    const ring = this.ideal(nodes)
    return nodes[ring.nodes[ring.successorOf(key)]!.peer]!
  }

  isMember(node: NodeIndex): boolean {
    return (this.simulation.machine(node) as ChordMachine).mode === 'ring'
  }

  /** A random node that has joined. */
  pickMember(random: Random): NodeIndex {
    for (;;) {
      const node = this.simulation.pickAlive(random)
      if (node === undefined) throw new Error('Nobody lives.')
      if (this.isMember(node)) return node
    }
  }

  /** Of those that have joined, the node that a key belongs to. */
  memberRootOf(key: Key): NodeIndex {
    let best: NodeIndex | undefined
    for (const node of this.simulation.aliveNodes()) {
      if (!this.isMember(node)) continue
      if (
        best === undefined ||
        compareClockwise(key, this.simulation.keyOf(node), this.simulation.keyOf(best)) < 0
      )
        best = node
    }
    return best!
  }

  /** What differs from ideal lists and predecessors, in words; nothing where the ring is ideal. */
  whatIsNotIdeal(): string | undefined {
    const places = this.places()
    const out = places.find(({ member }) => !member)
    if (out !== undefined) return `place ${out.id} is no member`
    const r = Math.min(this.settings.successors ?? 8, places.length - 1)
    for (const [at, place] of places.entries()) {
      const wanted = Array.from({ length: r }, (_, step) => places[(at + 1 + step) % places.length]!.id)
      const before = places.length === 1 ? undefined : places[(at + places.length - 1) % places.length]!.id
      if (place.predecessor !== before)
        return `place ${place.id} has the predecessor ${place.predecessor}, not ${before}`
      if (place.successors.join() !== wanted.join())
        return `place ${place.id} has the list ${place.successors.join()}, not ${wanted.join()}`
    }
    return undefined
  }

  /** Runs until the ring is ideal; the virtual milliseconds that it took, or nothing where it did not come. */
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

function linksOf({ predecessor, successors, fingers }: IdealTables): number[] {
  return [...(predecessor === undefined ? [] : [predecessor]), ...successors, ...fingers]
}
