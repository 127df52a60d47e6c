/**
 * Pastry in the lab. The root of a key is the numerically closest of all that live and take part.
 *
 * Ideal start: the tables of `IdealNetwork`, from all ids; entries and the neighbourhood set chosen by round trip where
 * proximity is on.
 */
import type { LookupStyle } from '@servent/key-routing/machine'
import type { Key, Peer } from '@servent/overlay/machine'
import {
  type AdoptedEntry,
  IdealNetwork,
  PastryMachine,
  type PastryNotice,
  type PastrySettings,
  type PastryTypes,
  pastrySettings
} from '@servent/pastry/machine'
import { pastryCodec } from '@servent/pastry/wire'
import type { NodeIndex } from '@servent/simulator'
import type { Adapter, DeploymentInit } from '../deployment.ts'
import { PASTRY_LIES } from '../liars/routing-lies.ts'
import { entryBytes } from './contacts.ts'
import { defencesOf } from './defences.ts'
import type { RingTruth } from './ring-truth.ts'
import type { Settings } from './settings.ts'
import { INDEPENDENT_CALLS, StructuredDeployment } from './structured.ts'
import type { Standing } from './structured-members.ts'

/** Of the nodes that have a place in a table, those that an entry is chosen from. */
const ENTRY_SAMPLES = 64
/** Of all nodes, those that a neighbourhood set is chosen from. */
const NEIGHBOUR_SAMPLES = 256
const US_PER_MS = 1000

export class PastryDeployment extends StructuredDeployment<PastryTypes> {
  readonly #settings: PastrySettings

  /** `createMachine` is for tests that put in machines which break the rules. */
  constructor(
    init: DeploymentInit,
    createMachine = (settings: PastrySettings) => new PastryMachine(settings)
  ) {
    const settings = settingsOf(init.settings, init.frozen)
    const { lookupBudgetMs, style } = settings
    super(init, {
      codec: pastryCodec,
      createMachine: () => createMachine(settings),
      lookupBudgetMs,
      style,
      lies: PASTRY_LIES
    })
    this.#settings = settings
  }

  protected adopt(nodes: readonly NodeIndex[]): void {
    const { simulation } = this
    const { leafSet, digitBits, proximity } = this.#settings
    const { network } = this.init
    const ideal = new IdealNetwork(nodes.map(node => simulation.keyOf(node)))
    const rtt = (from: number, to: number) => network.roundTripUs(nodes[from]!, nodes[to]!)
    const chosen = proximity === 'off' ? undefined : { samples: ENTRY_SAMPLES, rtt }
    for (const node of nodes) simulation.start(node)
    for (const [place, at] of ideal.peers.entries()) {
      const node = nodes[at]!
      const { smaller, larger, entries } = ideal.tables(at, leafSet, digitBits, chosen)
      const leaves = [...new Set([...smaller, ...larger])]
      // A peer of a quiet network is linked to everybody in its leaf set and in its table.
      for (const other of new Set([...leaves, ...entries])) simulation.connect(node, nodes[other]!)
      const peerOf = (other: number): Peer => simulation.peerOf(node, nodes[other]!)
      const entryOf = (other: number): AdoptedEntry => ({
        peer: peerOf(other),
        distanceMs: rtt(at, other) / US_PER_MS
      })
      const tables = {
        leaves: leaves.map(peerOf),
        entries: entries.map(entryOf),
        neighbours: this.#nearOf(ideal.peers, place, rtt).map(entryOf)
      }
      simulation.command(node, { type: 'adopt', tables })
    }
  }

  protected rootOf(key: Key, truth: RingTruth): NodeIndex | undefined {
    return truth.nearestTo(key)
  }

  protected standingIn(notice: PastryNotice): Standing | undefined {
    if (notice.type !== 'mode') return undefined
    return notice.mode === 'member' ? 'member' : 'out'
  }

  protected keysOf(node: NodeIndex): Key[] {
    return [this.simulation.keyOf(node)]
  }

  /** Filled: nobody near has it for a leaf any more, and their sides are as long as they can be. */
  watchRepair(dead: NodeIndex): () => boolean {
    const { simulation } = this
    const half = this.#settings.leafSet / 2
    const near = this.members.truth.around(simulation.keyOf(dead), half).map(({ node }) => node)
    return () => {
      const others = this.members.nodes.size - 1
      const length = Math.min(half, others)
      return near.every(node => {
        if (!this.isMember(node)) return true
        const { smaller, larger } = simulation.machine(node).snapshot()
        const isIn = (side: readonly Peer[]) => side.some(peer => simulation.nodeOfPeer(node, peer) === dead)
        return [smaller, larger].every(side => side.length >= length && !isIn(side))
      })
    }
  }

  /** Its nearest leaf on each side is the next member there. */
  protected isInPlace(node: NodeIndex): boolean {
    const { simulation } = this
    const { smaller, larger } = simulation.machine(node).snapshot()
    const nearest = [smaller[0], larger[0]].flatMap(peer =>
      peer === undefined ? [] : simulation.nodeOfPeer(node, peer)
    )
    const next = this.members.truth.around(simulation.keyOf(node), 1)
    return next.every(({ node: other }) => nearest.includes(other))
  }

  state(node: NodeIndex): { entries: number; bytes: number } {
    const { simulation } = this
    const { smaller, larger, table, neighbours } = simulation.machine(node).snapshot()
    const peers = [...smaller, ...larger, ...[...table, ...neighbours].map(({ peer }) => peer)]
    const bytes = peers.reduce(
      (sum, peer) => sum + entryBytes(simulation.contactOf(simulation.nodeOfPeer(node, peer))),
      0
    )
    return { entries: peers.length, bytes }
  }

  /** The nearest of those that come behind in the order of ids, which says nothing of where they are. */
  #nearOf(ring: readonly number[], place: number, rtt: (from: number, to: number) => number): number[] {
    const count = Math.min(NEIGHBOUR_SAMPLES, ring.length - 1)
    return Array.from({ length: count }, (_, step) => ring[(place + 1 + step) % ring.length]!)
      .map(other => ({ other, rtt: rtt(ring[place]!, other) }))
      .sort((a, b) => a.rtt - b.rtt)
      .slice(0, this.#settings.neighbourhood)
      .map(({ other }) => other)
  }
}

function settingsOf(settings: Settings, frozen: boolean): PastrySettings {
  const number = (key: string) => settings[key] as number
  return pastrySettings({
    leafSet: number('leaf-set'),
    digitBits: number('digit-bits'),
    neighbourhood: number('neighbourhood'),
    proximity: settings.proximity as 'on' | 'off',
    distances: settings.distances as 'told' | 'own',
    style: settings.style as LookupStyle,
    heartbeatMs: number('heartbeat-ms'),
    leafExchangeMs: number('leaf-exchange-ms'),
    tableProbeMs: number('table-probe-ms'),
    rowMs: number('row-ms'),
    neighbourhoodMs: number('neighbourhood-ms'),
    mergeMs: number('merge-ms'),
    replicas: number('replicas'),
    lookupBudgetMs: number('lookup-budget-ms'),
    // Nobody starts again with what it saved.
    saveMs: 0,
    traceLookups: true,
    routing: { ...(frozen ? INDEPENDENT_CALLS : {}), ...defencesOf(settings) }
  })
}

export const pastry: Adapter = {
  overlay: 'pastry',
  deploy: init => new PastryDeployment(init)
}
