/**
 * Chord in the lab. A lookup finds the root of a random key; it is right when that root is the first peer at or
 * after the key of all that live and take part (`ChordMembers`), when it was asked or when the answer came.
 *
 * Ideal start: the tables that stabilisation ends in, from the true ring (`idealTables`), fingers chosen by
 * round trip where proximity is on.
 */
import {
  ChordMachine,
  type ChordMode,
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
import type { LookupStep, LookupStyle } from '@servent/key-routing/machine'
import type { Key } from '@servent/overlay/machine'
import { type NodeIndex, Simulation } from '@servent/simulator'
import {
  type Adapter,
  type Deployment,
  type DeploymentInit,
  type GetOutcome,
  type LookupOutcome,
  type PutOutcome,
  type SearchOutcome,
  TAIL_US
} from '../deployment.ts'
import type { GetAsk, LookupAsk, PutAsk, SearchAsk } from '../world.ts'
import { ChordMembers } from './chord-members.ts'
import { LookupPath } from './chord-path.ts'
import { ChordRecords } from './chord-records.ts'
import { ChordTraffic, type Cost, tagOf } from './chord-traffic.ts'
import { ChordValues, newestOf } from './chord-values.ts'
import { entryBytes, idsIn } from './contacts.ts'
import { ExpiringMap } from './expiring-map.ts'
import { watched } from './observed.ts'
import type { Settings } from './settings.ts'

const US_PER_MS = 1000
/** Lookups a second that begin at each peer, by which peers' bounds on lookups under way are never met. */
const ASKS_PER_NODE_PER_S = 10
/** Longer than any run: a link to a dead peer tells nobody. */
const NEVER_US = 86_400_000_000_000
/** Beyond a lookup's own budget, for the word of its end. */
const GRACE_US = 1_000_000

/** As long as a peer's own service waits for a put or a get. */
const VALUE_US_MAX = 20_000_000

/** Longer than any round trip of the models, and than the two that a dial takes: who lives is not taken for dead. */
const PATIENCE_MS = 3000
const DIAL_PATIENCE_MS = 2 * PATIENCE_MS
/**
 * Where nothing may be learnt, a lookup is begun once, and how long a request waits is bounded whatever its peer
 * did before: what one lookup meets does not depend on those before it.
 */
const INDEPENDENT_CALLS: ChordSettings['routing'] = {
  lookupAttempts: 1,
  callTimeoutFirstMs: PATIENCE_MS,
  callTimeoutHighMs: PATIENCE_MS,
  openTimeoutMs: DIAL_PATIENCE_MS
}

type Told = Extract<ChordNotice, { type: 'looked-up' | 'lookup-failed' }>

interface Begun {
  readonly key: Key
  /** The root when it was asked. */
  readonly rootAtFirst: NodeIndex | undefined
  readonly path: LookupPath
  readonly cost: Cost
  readonly done: (outcome: LookupOutcome) => void
}

export class ChordDeployment implements Deployment {
  readonly simulation: Simulation<ChordTypes>
  readonly countsIds = true
  readonly asksPerS: number
  readonly lookupUsMax: number
  readonly valueUsMax = VALUE_US_MAX
  readonly #init: DeploymentInit
  readonly #settings: ChordSettings
  readonly #members = new ChordMembers(node => this.#keysOf(node))
  readonly #records: ChordRecords
  readonly #values = new ChordValues(VALUE_US_MAX, () => this.simulation)
  readonly #traffic: ChordTraffic
  /** Who has announced what it shares; nothing before anybody does. Whoever joins then does so too, once. */
  #announced: Set<NodeIndex> | undefined
  /** By the first bits of their keys, which are random: steps tell of nothing else. */
  readonly #byKey: ExpiringMap<number, Begun>
  readonly #byCommand: ExpiringMap<number, Begun>
  /** Whose command is being given: an origin that is the root itself says so before its command has a number. */
  #beginning: Begun | undefined
  #isIdeal = false

  /** `createMachine` is for tests that put in machines which break the rules. */
  constructor(init: DeploymentInit, createMachine = (settings: ChordSettings) => new ChordMachine(settings)) {
    this.#init = init
    this.#settings = settingsOf(init.settings, init.frozen)
    this.asksPerS = ASKS_PER_NODE_PER_S * init.places.count
    this.lookupUsMax = this.#settings.lookupBudgetMs * US_PER_MS + GRACE_US
    const livesUs = this.lookupUsMax + TAIL_US
    const nowUs = () => this.simulation.nowUs
    this.#byKey = new ExpiringMap(livesUs, nowUs)
    this.#byCommand = new ExpiringMap(livesUs, nowUs)
    this.#traffic = new ChordTraffic(livesUs, nowUs)
    this.#records = new ChordRecords(init, livesUs, () => this.simulation)
    const watch = watched<ChordTypes>({
      onInput: input => this.#traffic.onInput(input),
      onSend: message => {
        this.#traffic.onSend(message)
        this.#records.onSend(message)
      }
    })
    this.simulation = new Simulation<ChordTypes>({
      seed: init.seed,
      codec: chordCodec,
      network: init.network,
      // Nobody comes back, and nobody looks at the dead.
      forgetDead: true,
      ...(init.frozen ? { limits: { stallTimeoutUs: NEVER_US } } : {}),
      createMachine: () => watch(createMachine(this.#settings)),
      // Nobody lies here.
      answer: question =>
        question.type === 'verify'
          ? { type: 'verified', good: question.records.map(() => true) }
          : newestOf(question.records),
      onNotice: (node, notice) => this.#onNotice(node, notice),
      idsIn
    })
  }

  startIdeal(nodes: readonly NodeIndex[]): void {
    const { simulation } = this
    const { successors, virtualNodes, proximity, samples = successors } = this.#settings
    const { network } = this.#init
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
    // What they say of themselves meanwhile is not how they stand in the end.
    this.#isIdeal = true
    for (const node of nodes) simulation.start(node)
    for (const [node, places] of tables) this.#link(node, places)
    for (const [node, places] of tables) simulation.command(node, { type: 'adopt', places })
    this.#isIdeal = false
    this.#members.addRing(nodes)
  }

  start(node: NodeIndex): void {
    this.simulation.start(node)
  }

  isMember(node: NodeIndex): boolean {
    return this.#members.has(node)
  }

  onDeath(node: NodeIndex): void {
    this.#records.onDeath(node)
    this.#members.onDeath(node)
    this.#announced?.delete(node)
  }

  freeze(): void {
    for (const node of this.simulation.aliveNodes())
      this.simulation.command(node, { type: 'maintenance', on: false })
  }

  lookup(origin: NodeIndex, { key }: LookupAsk, done: (outcome: LookupOutcome) => void): void {
    const begun: Begun = {
      key,
      rootAtFirst: this.#members.truth.successorOf(key),
      path: new LookupPath(),
      cost: { messages: 0, bytes: 0 },
      done
    }
    this.#byKey.set(tagOf(key), begun)
    this.#traffic.expect(key, begun.cost)
    this.#beginning = begun
    const command = this.simulation.command(origin, { type: 'lookup', key })
    if (this.#beginning !== undefined) this.#byCommand.set(command, begun)
    this.#beginning = undefined
  }

  publish(done: (cost: Cost) => void): void {
    const cost = { messages: 0, bytes: 0 }
    const members = this.#members.nodes
    this.#announced = new Set(members)
    this.#traffic.countPublishing(cost)
    this.#records.publishAll(members, () => {
      this.#traffic.countPublishing(undefined)
      done({ ...cost })
    })
  }

  search(origin: NodeIndex, ask: SearchAsk, done: () => void): SearchOutcome {
    return this.#records.search(origin, ask, done)
  }

  put(origin: NodeIndex, ask: PutAsk, version: number, done: (outcome: PutOutcome) => void): void {
    this.#values.put(origin, ask, version, done)
  }

  get(origin: NodeIndex, ask: GetAsk, done: (outcome: GetOutcome) => void): void {
    this.#values.get(origin, ask, done)
  }

  watchRepair(dead: NodeIndex): () => boolean {
    const keys = this.#keysOf(dead)
    return () => keys.every(key => this.#isClosedAt(key))
  }

  /** Whether who stands before a key has the next one after it for its first successor. */
  #isClosedAt(key: Key): boolean {
    const { truth } = this.#members
    const before = truth.predecessorOf(key)
    if (before === undefined) return true
    const { successors } = this.simulation.machine(before.node).snapshot().places[before.index]!
    const [first] = successors
    const next = first === undefined ? before.node : this.simulation.nodeOfPeer(before.node, first.peer)
    return next === truth.successorOf(key)
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
      const list = this.#init.frozen ? successors : successors.slice(0, 1)
      for (const ref of [predecessor, ...list, ...fingers]) {
        const other = ref === undefined ? node : simulation.nodeOfPeer(node, peerOfRef(ref))
        if (other !== node) simulation.connect(node, other)
      }
    }
  }

  #onNotice(node: NodeIndex, notice: ChordNotice): void {
    if (notice.type === 'lookup-step') this.#onStep(node, notice)
    else if (notice.type === 'looked-up' || notice.type === 'lookup-failed') this.#onTold(notice)
    else if (notice.type === 'mode') this.#onMode(node, notice.mode)
    else if (!this.#values.onNotice(notice)) this.#records.onNotice(node, notice)
  }

  #onMode(node: NodeIndex, mode: ChordMode): void {
    if (this.#isIdeal) return
    this.#members.onMode(node, mode)
    if (this.#announced === undefined || this.#announced.has(node) || !this.#members.has(node)) return
    this.#announced.add(node)
    this.#records.publish(node)
  }

  #onStep(node: NodeIndex, step: LookupStep): void {
    if (step.purpose !== 'user') return
    const begun = this.#byKey.get(tagOf(step.key))
    begun?.path.add(step, node, this.simulation.nodeOfPeer(node, step.peer))
  }

  #onTold(told: Told): void {
    const begun = this.#byCommand.get(told.command) ?? this.#beginning
    if (begun === undefined) return
    this.#beginning = undefined
    this.#byCommand.delete(told.command)
    this.#byKey.delete(tagOf(begun.key))
    const { key, path, cost, done, rootAtFirst } = begun
    const { hops } = told
    const { timeouts } = path
    if (told.type === 'lookup-failed') {
      done({ status: 'failed', hops, hopsAsPublished: hops, cost, timeouts, found: undefined })
      return
    }
    const found = this.simulation.nodeOf(told.root)
    const right =
      found !== undefined && (found === rootAtFirst || found === this.#members.truth.successorOf(key))
    const hopsAsPublished = this.#published(begun, hops, found)
    done({ status: right ? 'correct' : 'incorrect', hops, hopsAsPublished, cost, timeouts, found })
  }

  /**
   * ToN counts the steps until the key's predecessor is reached, who then names the root: the step to the root is
   * none. Who names it from further back, out of its successor list, saves steps and is charged one.
   */
  #published({ key, path }: Begun, hops: number, root: NodeIndex | undefined): number {
    if (hops === 0 || root === undefined) return 0
    const last = path.lastBefore(root, this.#settings.style)
    return last === this.#members.truth.predecessorOf(key)?.node ? hops - 1 : hops
  }

  #keysOf(node: NodeIndex): Key[] {
    const key = this.simulation.keyOf(node)
    return Array.from({ length: this.#settings.virtualNodes }, (_, index) => keyOfPlace(key, index))
  }
}

function settingsOf(settings: Settings, frozen: boolean): ChordSettings {
  const number = (key: string) => settings[key] as number
  return chordSettings({
    successors: number('successors'),
    virtualNodes: number('virtual-nodes'),
    proximity: settings.proximity as 'on' | 'off',
    samples: number('samples') === 0 ? undefined : number('samples'),
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
    routing: frozen ? INDEPENDENT_CALLS : {}
  })
}

export const chord: Adapter = {
  overlay: 'chord',
  deploy: init => new ChordDeployment(init)
}
