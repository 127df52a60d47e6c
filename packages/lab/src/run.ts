/** One network of one overlay from its start to its last answer: a pure function of plan, files and seed. */
import {
  beginChurn,
  type ChurnProcess,
  failShare,
  type NodeIndex,
  nodesUpAtFirst,
  type Random,
  randomOf
} from '@servent/simulator'
import { conditioned, Firewalls } from './conditions.ts'
import { type Deployment, TAIL_US } from './deployment.ts'
import { RunError } from './errors.ts'
import { graphOf } from './graph.ts'
import { Liars } from './liars/liars.ts'
import type { PlanFiles, RunTask } from './messages.ts'
import { churnOfPlan, latencyOfPlan } from './models.ts'
import { ADAPTERS } from './overlays/adapters.ts'
import { beginningUs, parsePartition, Sides } from './partition.ts'
import { PartitionWatch } from './partition-watch.ts'
import { Peers } from './peers.ts'
import { Places } from './places.ts'
import { overlaySettings, type Plan } from './plan.ts'
import { type Joining, joiningOf } from './population.ts'
import { RepairWatch } from './repair.ts'
import type { PartitionSamples, Publishing, RunResult } from './run-result.ts'
import { ValuesWork } from './values-work.ts'
import { MeasuredTime } from './window.ts'
import { type Choose, Work } from './work.ts'
import { type GetAsk, type LookupAsk, type PutAsk, type SearchAsk, World } from './world.ts'

const US_PER_S = 1_000_000
/** Before a failure each peer looks up so many keys, in the middle third of the warm-up. */
const WARM_LOOKUPS_PER_NODE = 10
const WARM_LOOKUPS_PART = 1 / 3
/** Members that somebody who comes is told of. */
export const CONTACTS = 3
/** Virtual time between two words of progress. */
const SLICE_US = 10 * US_PER_S
/**
 * Between the last acknowledgement of what was announced and a failure. Who has acknowledged is not all that is to know of
 * it: Kelips tells two of a group, and gossip the others. A failure at that very moment, in which gossip stands still, would
 * measure the moment.
 */
const SETTLE_US = 300 * US_PER_S
/**
 * With churn what is shared is announced before the warm-up is over, in its second half, so that the measured time begins
 * in the same moment of those who come and go in every overlay; where announcing takes longer, later.
 */
const PUBLISH_AHEAD_US_MAX = 3_600 * US_PER_S
/** For announcing what is shared; whoever is not done then has met something that does not end. */
const PUBLISH_US_MAX = 86_400 * US_PER_S

type AnyAsk = LookupAsk | SearchAsk | PutAsk | GetAsk

/** What all is drawn from. */
export const seedText = (seed: number) => `servent-lab/${seed}`

export function runOnce(
  plan: Plan,
  files: PlanFiles,
  task: RunTask,
  onProgress: (done: number) => void = () => {}
): RunResult {
  const startedMs = performance.now()
  const result = new Run(plan, files, task, onProgress).toEnd()
  const wallMs = performance.now() - startedMs
  const rssPeakBytes = process.resourceUsage().maxRSS * 1024
  return { ...result, cost: { ...result.cost, wallMs, rssPeakBytes } }
}

class Run {
  readonly #plan: Plan
  readonly #task: RunTask
  readonly #onProgress: (done: number) => void
  readonly #random: Random
  readonly #world: World
  readonly #places: Places
  readonly #deployment: Deployment
  readonly #peers: Peers
  readonly #choose: Choose
  readonly #work: Work
  readonly #values: ValuesWork
  readonly #churn: ChurnProcess | undefined
  readonly #partition: PartitionWatch | undefined
  /** Of a trace's peers those that are there at first: our first ones, in this order. All others begin down. */
  readonly #traced: readonly number[] | undefined
  /** Virtual time that the run is expected to end at. */
  readonly #expectedUs: number

  constructor(plan: Plan, files: PlanFiles, task: RunTask, onProgress: (done: number) => void) {
    this.#plan = plan
    this.#task = task
    this.#onProgress = onProgress
    // Not of the overlay: what is drawn here is the same for all of them.
    const seed = seedText(task.seed)
    this.#random = randomOf(seed)
    this.#world = new World(seed, plan)
    this.#churn = churnOfPlan(plan, files)
    this.#traced = this.#churn?.type === 'trace' ? nodesUpAtFirst(this.#churn.events) : undefined
    const whole = latencyOfPlan(plan, files, this.#random.fork('latency'))
    this.#places = new Places(plan.nodes)
    const sides = this.#sidesOf(plan)
    const settings = overlaySettings(plan, task.overlay)
    const firewalls = new Firewalls(plan, this.#places, this.#random.fork('firewalls'))
    const made = conditioned(whole, plan, {
      random: this.#random.fork('conditions'),
      firewalls,
      places: this.#places
    })
    const network = sides?.over(made) ?? made
    const liars = Liars.of(plan, seed, this.#places)
    this.#deployment = ADAPTERS[task.overlay].deploy({
      seed,
      network,
      settings,
      world: this.#world,
      places: this.#places,
      frozen: plan.failures !== null,
      ...(liars && { liars }),
      ...(sides && { sides })
    })
    this.#partition = sides && new PartitionWatch(this.#deployment, sides)
    const isMember = (node: NodeIndex) => this.#deployment.isMember(node)
    this.#peers = new Peers(this.#deployment, this.#places, (drawn, newcomer) =>
      firewalls.introduced(drawn, newcomer, isMember)
    )
    const asks = (node: NodeIndex) => isMember(node) && liars?.isLiar(node) !== true
    this.#choose = ({ chooser }) => this.#places.choose(chooser, asks)
    this.#work = new Work(this.#deployment, this.#choose, network, () => this.#partition?.phase ?? 'before')
    this.#values = new ValuesWork(this.#deployment, this.#choose)
    this.#expectedUs = (plan.warmup + plan.duration) * US_PER_S + this.#deployment.lookupUsMax
  }

  toEnd(): RunResult {
    const { failures, duration, searches, puts } = this.#plan
    const deployment = this.#deployment
    const { simulation } = deployment
    this.#start()
    if (failures !== null) this.#warmUp()
    const warmUs = this.#plan.warmup * US_PER_S
    this.#runUntil(this.#churn === undefined ? warmUs : warmUs - Math.min(warmUs / 2, PUBLISH_AHEAD_US_MAX))
    const publishing = this.#publish()
    this.#runUntil(warmUs)
    if (failures !== null && publishing !== undefined) this.#runUntil(simulation.nowUs + SETTLE_US)
    if (failures !== null) this.#putBeforeFailure()
    const repair = this.#churn === undefined ? undefined : new RepairWatch(deployment, this.#plan.nodes)
    if (repair !== undefined) this.#peers.onMemberDeath = node => repair.onDeath(node)
    const measured = new MeasuredTime(deployment, this.#peers)
    const rolesUntilNow = deployment.watchRoles?.()
    const fromUs = simulation.nowUs
    if (this.#plan.partition !== null)
      this.#partition!.begin(beginningUs(this.#plan), parsePartition(this.#plan.partition))
    if (failures !== null) {
      deployment.freeze()
      failShare(this.#peers, failures)
      deployment.failServers?.(failures)
    }
    this.#ask(fromUs)
    this.#runUntil(fromUs + duration * US_PER_S)
    const window = measured.end()
    const graph = this.#task.graph ? { graph: graphOf(deployment, measured.living) } : {}
    const roles = rolesUntilNow?.()
    // Nobody dies any more for the sake of figures: what is still under way gets its time.
    this.#untilAnswered(() => this.#work.open, deployment.lookupUsMax)
    this.#untilAnswered(() => this.#values.open, deployment.valueUsMax)
    this.#runUntil(simulation.nowUs + TAIL_US)
    const path = this.#work.path()
    return {
      overlay: this.#task.overlay,
      seed: this.#task.seed,
      traceHash: simulation.traceHash,
      lookups: this.#work.lookupSamples(),
      searches: searches === 0 || deployment.search === undefined ? undefined : this.#work.searchSamples(),
      ...(puts > 0 ? { values: this.#values.samples() } : {}),
      publishing,
      ...window,
      repair: repair?.samples,
      ...(this.#partition && { partition: this.#partitionSamples(this.#partition) }),
      ...(roles === undefined ? {} : { roles }),
      ...graph,
      ...(path === undefined ? {} : { path }),
      cost: { events: simulation.events, wallMs: 0, rssPeakBytes: 0 }
    }
  }

  #sidesOf({ partition }: Plan): Sides | undefined {
    if (partition === null) return undefined
    return new Sides(parsePartition(partition).part, this.#places, this.#random.fork('partition'))
  }

  #partitionSamples({ apart, healedUs }: PartitionWatch): PartitionSamples {
    const { samplesOf } = this.#work
    const of = samplesOf.bind(this.#work)
    return { apart, healedUs, phases: { before: of('before'), during: of('during'), after: of('after') } }
  }

  #start(): void {
    const { start } = this.#plan
    const { simulation } = this.#deployment
    const nodes = this.#traced?.length ?? this.#plan.nodes
    if (start === 'ideal' || nodes === 0) {
      this.#deployment.startIdeal(Array.from({ length: nodes }, () => this.#peers.addNode()))
      if (this.#churn !== undefined) this.#beginChurn(this.#churn)
      return
    }
    const random = this.#random.fork('joining')
    const joining = joiningOf(this.#plan)
    for (let index = 0; index < nodes; index += 1) {
      simulation.at(Math.floor((index * joining.withinUs) / nodes), () => {
        this.#join(random)
        if (index === nodes - 1 && this.#churn !== undefined) this.#beginChurn(this.#churn)
      })
    }
    this.#turnOver(joining, random)
  }

  /** One after another somebody dies, and somebody new comes at that moment: there are always as many. */
  #turnOver({ withinUs: fromUs, turnoverToUs: toUs, deaths }: Joining, random: Random): void {
    for (let death = 0; death < deaths; death += 1) {
      this.#deployment.simulation.at(fromUs + Math.floor((death * (toUs - fromUs)) / deaths), () => {
        this.#peers.crash(this.#peers.pickAlive(random)!)
        this.#join(random)
      })
    }
  }

  #join(random: Random): void {
    const contacts = this.#contacts(random)
    const node = this.#peers.addNode()
    this.#peers.start(node)
    for (const contact of contacts) this.#peers.contact(node, contact)
  }

  /** Members, different ones; while there are none, whoever came first. */
  #contacts(random: Random): ReadonlySet<NodeIndex> {
    const contacts = new Set<NodeIndex>()
    for (let draw = 0; draw < CONTACTS; draw += 1) {
      const node = this.#places.choose(random.unit(), one => this.#deployment.isMember(one))
      if (node !== undefined) contacts.add(node)
    }
    return contacts.size > 0 ? contacts : new Set(this.#places.taken.slice(0, 1))
  }

  #beginChurn(process: ChurnProcess): void {
    const traced = this.#traced && new Map(this.#traced.map((label, node) => [label, node]))
    beginChurn(this.#peers, process, { contacts: CONTACTS, ...(traced && { traced }) })
  }

  /** Peers look things up before they fail, so that those who live know how far the others are. */
  #warmUp(): void {
    const { nodes, warmup } = this.#plan
    const { simulation, asksPerS } = this.#deployment
    const withinUs = Math.floor(warmup * US_PER_S * WARM_LOOKUPS_PART)
    const count = Math.min(WARM_LOOKUPS_PER_NODE * nodes, Math.floor((asksPerS * withinUs) / US_PER_S))
    const fromUs = warmup * US_PER_S - 2 * withinUs
    for (const ask of this.#world.makeLookups(this.#random.fork('warm-up'), count, withinUs)) {
      this.#runUntil(fromUs + ask.atUs)
      const origin = this.#choose(ask)
      if (origin !== undefined && simulation.alive(origin)) this.#deployment.lookup(origin, ask, () => {})
    }
  }

  #publish(): Publishing | undefined {
    const { simulation, publish } = this.#deployment
    if (this.#plan.searches === 0 || publish === undefined) return undefined
    const fromUs = simulation.nowUs
    let published: Publishing | undefined
    this.#deployment.publish!(cost => {
      published = { ...cost, us: simulation.nowUs - fromUs }
    })
    while (published === undefined) {
      if (simulation.nowUs - fromUs > PUBLISH_US_MAX) throw new RunError('Announcing did not end in a day.')
      this.#runUntil(simulation.nowUs + US_PER_S)
    }
    return published
  }

  /** While all live, so that what gets are held against was acknowledged; and until the last one is over. */
  #putBeforeFailure(): void {
    const { simulation, valueUsMax } = this.#deployment
    const fromUs = simulation.nowUs
    for (const ask of this.#world.puts) {
      this.#runUntil(fromUs + ask.atUs)
      this.#begin(ask)
    }
    this.#untilAnswered(() => this.#values.open, valueUsMax)
  }

  #untilAnswered(open: () => number, us: number): void {
    const { simulation } = this.#deployment
    const lastUs = simulation.nowUs + us
    while (open() > 0 && simulation.nowUs < lastUs)
      this.#runUntil(Math.min(lastUs, simulation.nowUs + US_PER_S))
  }

  #ask(fromUs: number): void {
    const { lookups, searches, puts, gets } = this.#world
    const { failures, duration } = this.#plan
    const now = failures === null ? puts : []
    const asks: readonly AnyAsk[] = [...lookups, ...searches, ...now, ...gets].sort((a, b) => a.atUs - b.atUs)
    // After a failure they come as fast as the network can take them, so that none learns from another.
    const withinS = Math.max(1, Math.ceil(asks.length / this.#deployment.asksPerS))
    const faster = failures === null ? 1 : Math.max(1, duration / withinS)
    for (const ask of asks) {
      this.#runUntil(fromUs + Math.floor(ask.atUs / faster))
      this.#begin(ask)
    }
  }

  #begin(ask: AnyAsk): void {
    if (ask.type === 'lookup') this.#work.lookup(ask)
    else if (ask.type === 'put') this.#values.put(ask)
    else if (ask.type === 'get') this.#values.get(ask)
    else if (this.#deployment.search !== undefined) this.#work.search(ask)
  }

  #runUntil(us: number): void {
    const { simulation } = this.#deployment
    while (simulation.nowUs < us) {
      simulation.runUntil(Math.min(us, simulation.nowUs + SLICE_US))
      this.#onProgress(Math.min(0.999, simulation.nowUs / this.#expectedUs))
    }
  }
}
