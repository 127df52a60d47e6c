/**
 * A structured overlay in the lab, whichever it is: its machine takes the commands of `RoutingTypes`. A lookup finds the
 * root of a random key, and is right when that root is who the overlay's rule names among all that live, take part, and
 * are heard where who asks is, when it was asked or when the answer came. An overlay adds that rule, its ideal tables, and how it is looked at.
 */
import type {
  LookupStep,
  LookupStyle,
  RouterSettings,
  RoutingMessage,
  RoutingNotice,
  RoutingTypes
} from '@servent/key-routing/machine'
import type { Codec, Key, Machine, MachineTypes } from '@servent/overlay/machine'
import { type NodeIndex, Simulation } from '@servent/simulator'
import {
  type Deployment,
  type DeploymentInit,
  type GetOutcome,
  type LookupOutcome,
  type PutOutcome,
  type SearchOutcome,
  TAIL_US
} from '../deployment.ts'
import { LiarGroup } from '../liars/group.ts'
import { Liar, type LyingRules, lying, nobodyThere } from '../liars/lying.ts'
import { type PeerInPicture, textOfId } from '../path/picture.ts'
import { type LookupTrace, Tracer } from '../path/trace.ts'
import type { GetAsk, LookupAsk, PutAsk, SearchAsk } from '../world.ts'
import { idsIn } from './contacts.ts'
import { ExpiringMap } from './expiring-map.ts'
import { LookupPath } from './lookup-path.ts'
import { watched } from './observed.ts'
import type { RingTruth } from './ring-truth.ts'
import { type Standing, StructuredMembers } from './structured-members.ts'
import { StructuredRecords } from './structured-records.ts'
import {
  type Cost,
  type QuestionTraffic,
  StructuredTraffic,
  type TrafficInit,
  tagOf
} from './structured-traffic.ts'
import { newestOf, StructuredValues } from './structured-values.ts'

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
export const PATIENCE_MS = 3000
export const DIAL_PATIENCE_MS = 2 * PATIENCE_MS
/**
 * Where nothing may be learnt, a lookup is begun once, and how long a request waits is bounded whatever its peer
 * did before: what one lookup meets does not depend on those before it.
 */
export const INDEPENDENT_CALLS: Partial<RouterSettings> = {
  lookupAttempts: 1,
  callTimeoutFirstMs: PATIENCE_MS,
  callTimeoutHighMs: PATIENCE_MS,
  openTimeoutMs: DIAL_PATIENCE_MS
}

export type Told = Extract<RoutingNotice, { type: 'looked-up' | 'lookup-failed' }>

export interface Begun {
  readonly key: Key
  readonly origin: NodeIndex
  /** The root when it was asked. */
  readonly rootAtFirst: NodeIndex | undefined
  readonly path: LookupPath
  readonly cost: Cost
  readonly done: (outcome: LookupOutcome) => void
}

export interface StructuredInit<T extends MachineTypes> {
  readonly codec: Codec<T['message']>
  readonly createMachine: (node: NodeIndex) => Machine<T>
  readonly lookupBudgetMs: number
  readonly style: LookupStyle
  /** Answers questions that are not of routing. */
  readonly answer?: (question: T['question']) => T['answer']
  /** How its peers lie where they do. */
  readonly lies: LyingRules<T>
  /** Where messages of lookups are the overlay's own. */
  readonly traffic?: (init: TrafficInit<T>) => QuestionTraffic<T>
}

export abstract class StructuredDeployment<T extends MachineTypes> implements Deployment {
  readonly simulation: Simulation<T>
  readonly countsIds = true
  readonly asksPerS: number
  readonly lookupUsMax: number
  readonly valueUsMax = VALUE_US_MAX
  readonly tracer = new Tracer(() => this.simulation)
  protected readonly init: DeploymentInit
  protected readonly style: LookupStyle
  protected readonly members: StructuredMembers
  /** As far as all structured overlays are alike: the messages and commands of `key-routing`. */
  readonly #routing: Simulation<RoutingTypes>
  readonly #records: StructuredRecords
  readonly #values = new StructuredValues(VALUE_US_MAX, () => this.#routing)
  readonly #traffic: QuestionTraffic<RoutingTypes>
  readonly #group: LiarGroup | undefined
  readonly #phantoms = new Set<NodeIndex>()
  /** Who has announced what it shares; nothing before anybody does. Whoever joins then does so too, once. */
  #announced: Set<NodeIndex> | undefined
  /** By the first bits of their keys, which are random: steps tell of nothing else. */
  readonly #byKey: ExpiringMap<number, Begun>
  readonly #byCommand: ExpiringMap<number, Begun>
  /** Whose command is being given: an origin that is the root itself says so before its command has a number. */
  #beginning: Begun | undefined
  #isIdeal = false

  constructor(init: DeploymentInit, own: StructuredInit<T>) {
    // Its unions hold those of `RoutingTypes`, and what is its own passes through.
    const {
      codec,
      createMachine,
      lookupBudgetMs,
      style,
      answer,
      lies,
      traffic = (init: TrafficInit<RoutingTypes>) => new StructuredTraffic(init)
    } = own as unknown as StructuredInit<RoutingTypes>
    this.init = init
    this.members = new StructuredMembers(node => this.keysOf(node), init.sides)
    this.style = style
    this.asksPerS = ASKS_PER_NODE_PER_S * init.places.count
    this.lookupUsMax = lookupBudgetMs * US_PER_MS + GRACE_US
    const livesUs = this.lookupUsMax + TAIL_US
    const nowUs = () => this.simulation.nowUs
    const bytesOf = (message: RoutingMessage) => codec.byteLength(message)
    this.#byKey = new ExpiringMap(livesUs, nowUs)
    this.#byCommand = new ExpiringMap(livesUs, nowUs)
    this.#traffic = traffic({ livesUs, nowUs, bytesOf })
    this.#records = new StructuredRecords(init, livesUs, () => this.#routing, bytesOf)
    const watch = watched<RoutingTypes>(
      {
        onInput: (input, machine) => this.#traffic.onInput?.(input, machine) ?? true,
        onSend: (message, link, machine, clock) => {
          this.#traffic.onSend(message, link, machine, clock)
          this.#records.onSend(message)
        }
      },
      this.tracer
    )
    const { liars } = init
    const create = (node: NodeIndex): Machine<RoutingTypes> => {
      if (this.#phantoms.has(node)) return nobodyThere()
      const machine = createMachine(node)
      if (liars?.isLiar(node) !== true) return machine
      this.#group!.add(node)
      return lying(machine, new Liar(this.#group!, node, liars.lies), lies)
    }
    this.#routing = new Simulation<RoutingTypes>({
      seed: init.seed,
      codec,
      network: init.network,
      // Nobody comes back, and nobody looks at the dead.
      forgetDead: true,
      ...(init.frozen ? { limits: { stallTimeoutUs: NEVER_US } } : {}),
      createMachine: node => watch(create(node), node),
      ...(liars && { originOf: node => liars.originOf(node) }),
      // Nobody forges here.
      answer: question => {
        if (question.type === 'verify') return { type: 'verified', good: question.records.map(() => true) }
        return question.type === 'select' ? newestOf(question.records) : answer?.(question)
      },
      onNotice: (node, notice) => this.#onNotice(node, notice),
      idsIn
    })
    this.simulation = this.#routing as unknown as Simulation<T>
    this.#group = liars && new LiarGroup(this.#routing)
  }

  /** The keys of the places that a peer has. */
  protected abstract keysOf(node: NodeIndex): Key[]

  /** Who is to keep a key, by the overlay's rule, of those of whom this is the truth. */
  protected abstract rootOf(key: Key, truth: RingTruth): NodeIndex | undefined

  /** Starts them, and gives them the tables that the protocol would have given them long ago. */
  protected abstract adopt(nodes: readonly NodeIndex[]): void

  /** How the peer says that it stands; undefined where a notice says nothing of it. */
  protected abstract standingIn(notice: T['notice']): Standing | undefined

  abstract watchRepair(dead: NodeIndex): () => boolean

  /** Whether a member knows its neighbours of all that take part. */
  protected abstract isInPlace(node: NodeIndex): boolean

  wholeness(): number {
    return this.members.nodes.values().reduce((sum, node) => sum + Number(this.isInPlace(node)), 0)
  }

  abstract state(node: NodeIndex): { entries: number; bytes: number }

  /** Steps of an answered lookup as the overlay's paper counts them. */
  protected hopsAsPublished(_begun: Begun, hops: number, _root: NodeIndex | undefined): number {
    return hops
  }

  /** Requests of a lookup that came to nothing. */
  protected timeoutsOf({ path }: Begun, _told: Told): number {
    return path.timeouts
  }

  startIdeal(nodes: readonly NodeIndex[]): void {
    // What they say of themselves meanwhile is not how they stand in the end.
    this.#isIdeal = true
    this.adopt(nodes)
    this.#isIdeal = false
    this.members.addAll(nodes)
    this.#addPhantoms()
  }

  start(node: NodeIndex): void {
    this.#addPhantoms()
    this.simulation.start(node)
  }

  /** As many as there are liars, once: nobody who dials them hears anything. */
  #addPhantoms(): void {
    const { liars } = this.init
    if (liars === undefined || this.#phantoms.size > 0) return
    for (let count = 0; count < liars.count; count += 1) {
      const node = this.simulation.addNode()
      this.#phantoms.add(node)
      this.simulation.start(node)
      this.simulation.silence(node)
      this.#group!.addPhantom(node)
    }
  }

  rootLies(key: Key): boolean {
    const root = this.rootOf(key, this.members.truth)
    return root !== undefined && this.#group?.has(root) === true
  }

  isMember(node: NodeIndex): boolean {
    return this.members.has(node)
  }

  onDeath(node: NodeIndex): void {
    this.#records.onDeath(node)
    this.members.onDeath(node)
    this.#group?.remove(node)
    this.#announced?.delete(node)
  }

  freeze(): void {
    for (const node of this.simulation.aliveNodes())
      this.simulation.command(node, { type: 'maintenance', on: false })
  }

  lookup(
    origin: NodeIndex,
    { key }: LookupAsk,
    done: (outcome: LookupOutcome) => void,
    trace?: LookupTrace
  ): void {
    const begun: Begun = {
      key,
      origin,
      rootAtFirst: this.rootOf(key, this.members.truthFor(origin)),
      path: new LookupPath(),
      cost: { messages: 0, bytes: 0, trace },
      done
    }
    if (trace !== undefined)
      trace.target = { key: textOfId(key), file: null, groups: this.groups, group: this.groupOf(key) }
    this.#byKey.set(tagOf(key), begun)
    this.#traffic.expect(key, begun.cost)
    this.#beginning = begun
    const command = this.#routing.command(origin, { type: 'lookup', key })
    if (this.#beginning !== undefined) this.#byCommand.set(command, begun)
    this.#beginning = undefined
  }

  /** Of the places that a peer has, the first at or after what is looked up. */
  inPicture(node: NodeIndex, { key }: LookupAsk): PeerInPicture {
    const target = textOfId(key)
    const places = this.keysOf(node).map(textOfId).sort()
    const id = places.find(place => place >= target) ?? places[0]!
    return { role: null, id, group: this.groupOf(this.simulation.keyOf(node)), links: [] }
  }

  /** Of an overlay that divides its peers by their keys: how many groups there are, and the one of a key. */
  protected get groups(): number | null {
    return null
  }
  protected groupOf(_key: Key): number | null {
    return null
  }

  publish(done: (cost: Cost) => void): void {
    const cost = { messages: 0, bytes: 0 }
    const members = [...this.members.nodes]
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

  #onNotice(node: NodeIndex, notice: RoutingNotice): void {
    const standing = this.standingIn(notice as T['notice'])
    if (standing !== undefined) this.#onStanding(node, standing)
    else if (notice.type === 'lookup-step') this.#onStep(node, notice)
    else if (notice.type === 'looked-up' || notice.type === 'lookup-failed') this.#onTold(notice)
    else if (!this.#values.onNotice(notice)) this.#records.onNotice(node, notice)
  }

  #onStanding(node: NodeIndex, standing: Standing): void {
    if (this.#isIdeal) return
    this.members.onStanding(node, standing)
    if (this.#announced === undefined || this.#announced.has(node) || !this.members.has(node)) return
    this.#announced.add(node)
    this.#records.publish(node)
  }

  #onStep(node: NodeIndex, step: LookupStep): void {
    if (step.purpose !== 'user') return
    const begun = this.#byKey.get(tagOf(step.key))
    if (begun === undefined) return
    const peer = this.simulation.nodeOfPeer(node, step.peer)
    begun.path.add(step, node, peer)
    if (step.what === 'silent') begun.cost.trace?.silent(node, peer)
    if (step.what === 'sent' && this.style === 'iterative') begun.cost.trace?.steps.set(peer, step.hops)
  }

  #onTold(told: Told): void {
    const begun = this.#byCommand.get(told.command) ?? this.#beginning
    if (begun === undefined) return
    this.#beginning = undefined
    this.#byCommand.delete(told.command)
    this.#byKey.delete(tagOf(begun.key))
    const { key, origin, cost, done, rootAtFirst } = begun
    const { hops } = told
    const timeouts = this.timeoutsOf(begun, told)
    if (told.type === 'lookup-failed') {
      done({ status: 'failed', hops, hopsAsPublished: hops, cost, timeouts, found: undefined })
      return
    }
    const found = this.simulation.nodeOf(told.root)
    const rootNow = this.rootOf(key, this.members.truthFor(origin))
    const right = found !== undefined && (found === rootAtFirst || found === rootNow)
    const hopsAsPublished = this.hopsAsPublished(begun, hops, found)
    done({ status: right ? 'correct' : 'incorrect', hops, hopsAsPublished, cost, timeouts, found })
  }
}
