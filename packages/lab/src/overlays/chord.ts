/**
 * Chord in the lab. The root of a key is the first peer at or after it of all that live and take part.
 *
 * Ideal start: the tables that stabilisation ends in, from the true ring (`idealTables`), fingers chosen by
 * round trip where proximity is on.
 */
import {
  ChordMachine,
  type ChordNotice,
  type ChordSettings,
  type ChordTypes,
  chordSettings,
  IdealRing,
  keyOfPlace,
  type PlaceTables,
  peerOfRef,
  refOf
} from '@servent/chord/machine'
import { chordCodec } from '@servent/chord/wire'
import type { LookupStyle } from '@servent/key-routing/machine'
import type { Key } from '@servent/overlay/machine'
import type { NodeIndex } from '@servent/simulator'
import type { Adapter, DeploymentInit } from '../deployment.ts'
import { CHORD_LIES } from '../liars/routing-lies.ts'
import { entryBytes } from './contacts.ts'
import { defencesOf } from './defences.ts'
import type { RingTruth } from './ring-truth.ts'
import type { Settings } from './settings.ts'
import { type Begun, INDEPENDENT_CALLS, StructuredDeployment } from './structured.ts'
import type { Standing } from './structured-members.ts'

export class ChordDeployment extends StructuredDeployment<ChordTypes> {
  readonly #settings: ChordSettings

  /** `createMachine` is for tests that put in machines which break the rules. */
  constructor(init: DeploymentInit, createMachine = (settings: ChordSettings) => new ChordMachine(settings)) {
    const settings = settingsOf(init.settings, init.frozen)
    const { lookupBudgetMs, style } = settings
    super(init, {
      codec: chordCodec,
      createMachine: () => createMachine(settings),
      lookupBudgetMs,
      style,
      lies: CHORD_LIES
    })
    this.#settings = settings
  }

  protected adopt(nodes: readonly NodeIndex[]): void {
    const { simulation } = this
    const { successors, virtualNodes, proximity, samples = successors } = this.#settings
    const { network } = this.init
    const ring = new IdealRing(
      nodes.map(node => simulation.keyOf(node)),
      virtualNodes
    )
    const chosen =
      proximity === 'off'
        ? undefined
        : {
            samples,
            rtt: (from: number, to: number) => network.roundTripUs(nodes[from]!, nodes[to]!)
          }
    const tables = new Map<NodeIndex, PlaceTables[]>(nodes.map(node => [node, []]))
    for (const [place, { peer, index }] of ring.nodes.entries()) {
      const from = nodes[peer]!
      const refTo = (other: number) => {
        const { peer: to, index } = ring.nodes[other]!
        return refOf(simulation.peerOf(from, nodes[to]!), index)
      }
      const { predecessor, successors: list, fingers } = ring.tables(place, successors, chosen)
      tables.get(from)![index] = {
        predecessor: predecessor === undefined ? undefined : refTo(predecessor),
        successors: list.map(refTo),
        fingers: fingers.map(refTo)
      }
    }
    for (const node of nodes) simulation.start(node)
    for (const [node, places] of tables) this.#link(node, places)
    for (const [node, places] of tables) simulation.command(node, { type: 'adopt', places })
  }

  protected rootOf(key: Key, truth: RingTruth): NodeIndex | undefined {
    return truth.successorOf(key)
  }

  protected standingIn(notice: ChordNotice): Standing | undefined {
    if (notice.type !== 'mode') return undefined
    return notice.mode === 'ring' ? 'member' : notice.mode === 'forming' ? 'forming' : 'out'
  }

  protected keysOf(node: NodeIndex): Key[] {
    const key = this.simulation.keyOf(node)
    return Array.from({ length: this.#settings.virtualNodes }, (_, index) => keyOfPlace(key, index))
  }

  watchRepair(dead: NodeIndex): () => boolean {
    const keys = this.keysOf(dead)
    return () => keys.every(key => this.#isClosedAt(key))
  }

  /** Whether who stands before a key has the next one after it for its first successor. */
  #isClosedAt(key: Key): boolean {
    const { truth } = this.members
    const before = truth.predecessorOf(key)
    if (before === undefined) return true
    const { successors } = this.simulation.machine(before.node).snapshot().places[before.index]!
    const [first] = successors
    const next = first === undefined ? before.node : this.simulation.nodeOfPeer(before.node, first.peer)
    return next === truth.successorOf(key)
  }

  /** The first successor of each of its places is the next one on the ring. */
  protected isInPlace(node: NodeIndex): boolean {
    const { simulation } = this
    const { places } = simulation.machine(node).snapshot()
    return this.keysOf(node).every((key, index) => {
      const [first] = places[index]?.successors ?? []
      const [next = node] = this.members.truth.behind(key, 1)
      return (first === undefined ? node : simulation.nodeOfPeer(node, first.peer)) === next
    })
  }

  state(node: NodeIndex): { entries: number; bytes: number } {
    const { simulation } = this
    let entries = 0
    let bytes = 0
    for (const { predecessor, successors, fingers } of simulation.machine(node).snapshot().places) {
      for (const entry of [...(predecessor === null ? [] : [predecessor]), ...successors, ...fingers]) {
        entries += 1
        bytes += entryBytes(simulation.contactOf(simulation.nodeOfPeer(node, entry.peer)))
      }
    }
    return { entries, bytes }
  }

  /**
   * Whom a peer of a quiet ring is linked to: it stabilises with its neighbours, and looked at its fingers. Where
   * peers will die it is linked to its whole list, so that all of the dead are silent in one and the same way.
   */
  #link(node: NodeIndex, places: readonly PlaceTables[]): void {
    const { simulation } = this
    for (const { predecessor, successors, fingers } of places) {
      const list = this.init.frozen ? successors : successors.slice(0, 1)
      for (const ref of [predecessor, ...list, ...fingers]) {
        const other = ref === undefined ? node : simulation.nodeOfPeer(node, peerOfRef(ref))
        if (other !== node) simulation.connect(node, other)
      }
    }
  }

  /**
   * ToN counts the steps until the key's predecessor is reached, who then names the root: the step to the root is
   * none. Who names it from further back, out of its successor list, saves steps and is charged one.
   */
  protected override hopsAsPublished(
    { key, origin, path }: Begun,
    hops: number,
    root: NodeIndex | undefined
  ): number {
    if (hops === 0 || root === undefined) return 0
    const last = path.lastBefore(root, this.style)
    return last === this.members.truthFor(origin).predecessorOf(key)?.node ? hops - 1 : hops
  }
}

function settingsOf(settings: Settings, frozen: boolean): ChordSettings {
  const number = (key: string) => settings[key] as number
  return chordSettings({
    successors: number('successors'),
    virtualNodes: number('virtual-nodes'),
    proximity: settings.proximity as 'on' | 'off',
    samples: number('samples') === 0 ? undefined : number('samples'),
    lists: settings.lists as 'told' | 'asked',
    style: settings.style as LookupStyle,
    stabiliseMs: number('stabilise-ms'),
    fixFingersMs: number('fix-fingers-ms'),
    checkPredecessorMs: number('check-predecessor-ms'),
    mergeMs: number('merge-ms'),
    replicas: number('replicas'),
    lookupBudgetMs: number('lookup-budget-ms'),
    // Nobody starts again with what it saved.
    saveMs: 0,
    traceLookups: true,
    routing: { ...(frozen ? INDEPENDENT_CALLS : {}), ...defencesOf(settings) }
  })
}

export const chord: Adapter = {
  overlay: 'chord',
  deploy: init => new ChordDeployment(init)
}
