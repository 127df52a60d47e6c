/**
 * One run on real peers: the simulator's plan, step by step, with the clock on the wall in the place of virtual time. Work,
 * places, round trips, and who comes and goes are drawn from the seed by the lab's own code, so that they are the same.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import {
  churnOfPlan,
  Firewalls,
  type Job,
  latencyOfPlan,
  NODES_LIMITS,
  operatorsNodes,
  overlaySettings,
  Places,
  type RealBackendId,
  RunError,
  type RunResult,
  type Settings,
  World
} from '@servent/lab/backend'
import {
  beginChurn,
  type ChurnProcess,
  failShare,
  type LatencyModel,
  type NodeIndex,
  pickSome,
  type Random,
  randomOf,
  Streams
} from '@servent/simulator'
import { Arriving } from './arriving.ts'
import { ContentIds } from './contents.ts'
import { Crowd } from './crowd.ts'
import { Parting } from './parting.ts'
import { breaksOrRefuses, conditionsOf } from './plan-conditions.ts'
import { Progress } from './progress.ts'
import { Questions } from './questions.ts'
import { LocalRendezvous, type Rendezvous } from './rendezvous.ts'
import { SampleResults } from './sample-results.ts'
import { LocalSink, type Sink } from './sink.ts'
import { Truth } from './truth.ts'
import type { RealNetwork, RealNetworkInit } from './types.ts'

const US_PER_S = 1_000_000
const US_PER_MS = 1000
const MS_PER_S = 1000
/** Members that somebody who comes is told of, as in the simulator. */
const CONTACTS = 3
/** For answers that are still on their way when the measured time is over: as long as the longest question lasts. */
const TAIL_MS_MAX = 32_000
/** For what is still sent after an answer. */
const REST_MS = 1_000

export interface RealRunInit {
  readonly job: Job
  readonly files: { readonly matrix?: string }
  readonly makeNetwork: (init: RealNetworkInit) => RealNetwork
  readonly signal: AbortSignal
  readonly onDone: (done: number) => void
  /** Where its peers find each other, and where its samples go; else in memory. */
  readonly rendezvous?: Rendezvous
  readonly sink?: Sink
  /** How long answers are waited for when the measured time is over, where not as long as the longest question lasts. */
  readonly tailMs?: number
}

export async function realRun(init: RealRunInit): Promise<RunResult> {
  const startedMs = performance.now()
  const run = new RealRun(init)
  let result: RunResult
  try {
    result = await run.toEnd()
  } catch (error) {
    // What ended it is told, and not what came of that.
    await run.close().catch(() => {})
    throw error
  }
  const wallMs = performance.now() - startedMs
  await run.close()
  const rssPeakBytes = process.resourceUsage().maxRSS * 1024
  return { ...result, cost: { events: undefined, wallMs, rssPeakBytes } }
}

class RealRun {
  readonly #init: RealRunInit
  readonly #settings: Settings
  readonly #seed: string
  readonly #random: Random
  readonly #world: World
  readonly #places: Places
  readonly #churn: ChurnProcess | undefined
  readonly #latency: LatencyModel
  readonly #truth: Truth
  readonly #network: RealNetwork
  readonly #crowd: Crowd
  readonly #arriving: Arriving
  readonly #progress: Progress
  readonly #questions: Questions
  readonly #parting: Parting | undefined
  readonly #sink: Sink
  readonly #startedMs = performance.now()
  /** Aborts with the first error of a peer that could not come, or with whoever asked for the run. */
  readonly #ended = new AbortController()
  readonly #signal: AbortSignal
  readonly #asks = new Set<Promise<void>>()

  constructor(init: RealRunInit) {
    const { job, files, signal, makeNetwork, rendezvous = new LocalRendezvous() } = init
    const { plan, overlay, seed } = job
    this.#init = init
    this.#sink = init.sink ?? new LocalSink()
    this.#settings = overlaySettings(plan, overlay)
    this.#seed = `servent-lab/${seed}`
    this.#signal = AbortSignal.any([signal, this.#ended.signal])
    // As in the simulator, draw by draw.
    this.#random = randomOf(this.#seed)
    this.#world = new World(this.#seed, plan)
    this.#churn = churnOfPlan(plan, files)
    this.#latency = latencyOfPlan(plan, files, this.#random.fork('latency'))
    this.#places = new Places(plan.nodes)
    const firewalls = new Firewalls(plan, this.#places, this.#random.fork('firewalls'))
    this.#parting =
      plan.partition === null
        ? undefined
        : new Parting({
            partition: plan.partition,
            duration: plan.duration,
            places: this.#places,
            random: this.#random.fork('partition')
          })
    this.#truth = new Truth(overlay, this.#settings)
    this.#network = makeNetwork({
      overlay,
      settings: this.#settings,
      roundTripMs: (node, other) => this.#roundTripUs(node, other) / US_PER_MS
    })
    this.#crowd = new Crowd({
      seed: this.#seed,
      network: this.#network,
      rendezvous,
      truth: this.#truth,
      world: this.#world,
      places: this.#places,
      random: new Streams(this.#seed),
      shares: plan.searches > 0 || !this.#truth.hasRoots,
      nodesMax: NODES_LIMITS[plan.backend as RealBackendId],
      conditionsOf: node => conditionsOf(plan, node, { seed: this.#seed, places: this.#places, firewalls }),
      introduced: (drawn, newcomer) =>
        firewalls.introduced(drawn, newcomer, node => this.#truth.isMember(node)),
      nowUs: () => this.#nowUs,
      onError: error => this.#fail(error)
    })
    this.#arriving = new Arriving({
      crowd: this.#crowd,
      truth: this.#truth,
      nodes: plan.nodes,
      shares: plan.searches > 0,
      firstMustStand: overlay === 'fasttrack',
      wait: ms => this.#wait(ms)
    })
    this.#progress = new Progress((plan.warmup + plan.duration) * MS_PER_S, init.onDone)
    this.#questions = new Questions({
      overlay,
      world: this.#world,
      places: this.#places,
      ids: new ContentIds(this.#seed, this.#world),
      truth: this.#truth,
      crowd: this.#crowd,
      sink: this.#sink,
      ...(this.#parting && { parting: this.#parting }),
      roundTripUs: (node, other) => this.#roundTripUs(node, other)
    })
  }

  get #nowUs(): number {
    return (performance.now() - this.#startedMs) * US_PER_MS
  }

  async toEnd(): Promise<RunResult> {
    const { plan, overlay, seed } = this.#init.job
    const { warmup, duration, searches, enough, failures } = plan
    const random = this.#random.fork('joining')
    for (let server = 0; server < this.#servers(); server += 1) await this.#come(this.#crowd.addServer())
    for (let peer = 0; peer < plan.nodes; peer += 1) {
      const contacts = this.#contacts(random)
      await this.#come(this.#crowd.addNode(), contacts)
      this.#progress.came(peer + 1, plan.nodes)
      if (peer + 1 < plan.nodes) await this.#arriving.room()
    }
    const passing = setInterval(() => this.#progress.pass(), MS_PER_S).unref()
    this.#signal.addEventListener('abort', () => clearInterval(passing))
    const churn = this.#churn && beginChurn(this.#crowd, this.#churn, { contacts: CONTACTS })
    const calmMs = performance.now() + warmup * MS_PER_S
    await this.#orEnded(this.#arriving.all())
    await this.#wait(calmMs - performance.now())

    const atStart = this.#census()
    if (failures !== null) await this.#killSome(failures)
    const fromUs = this.#nowUs
    await this.#lookAtAll('first')
    this.#parting?.begin(this.#crowd, error => this.#fail(error))
    await this.#ask(fromUs)
    await this.#wait((fromUs + duration * US_PER_S - this.#nowUs) / US_PER_MS)
    churn?.end()
    this.#crowd.end()
    await this.#orEnded(this.#crowd.settled())
    const atEnd = this.#census()
    const toUs = this.#nowUs
    await this.#lookAtAll('last')
    const { tailMs = TAIL_MS_MAX } = this.#init
    await this.#orEnded(Promise.race([Promise.all(this.#asks), sleep(tailMs, undefined, { ref: false })]))
    this.#questions.end()
    await this.#orEnded(Promise.all(this.#asks))
    await this.#wait(REST_MS)
    await this.#samplePeers(fromUs, toUs)
    const samples = await this.#orEnded(this.#sink.all())
    const results = new SampleResults(samples, { servers: this.#servers() })
    const [busy, sockets] = [results.busy(), results.sockets()]
    const { turnedAway } = this.#crowd
    const singles = new Set(this.#world.searches.flatMap(({ single }, number) => (single ? [number] : [])))
    return {
      overlay,
      seed,
      traceHash: undefined,
      lookups: results.lookupSamples(),
      searches: searches === 0 ? undefined : results.searchSamples(enough, singles),
      publishing: undefined,
      nodes: results.nodeSamples(atStart, atEnd),
      traffic: results.traffic(),
      repair: undefined,
      measuredUs: toUs - fromUs,
      ...(busy !== undefined && { busy }),
      ...(sockets && { sockets }),
      ...(turnedAway > 0 && { turnedAway }),
      ...(this.#parting && { partition: this.#parting.samples(results) }),
      ...(breaksOrRefuses(plan) && { faults: results.faultSamples() }),
      ...(this.#init.job.graph && { graph: null }),
      cost: { events: undefined, wallMs: 0, rssPeakBytes: 0 }
    }
  }

  async close(): Promise<void> {
    this.#ended.abort(new Error('The run is over.'))
    this.#crowd.end()
    await this.#network.close()
    // Who was on the way when it closed is gone only then.
    await this.#crowd.settled()
    await this.#network.close()
  }

  /** As many as the simulator has. */
  #servers(): number {
    const { overlay, plan } = this.#init.job
    return operatorsNodes(overlay, this.#settings, plan)
  }

  /** This part of the peers dies at once, and of the servers as many as in the simulator. */
  async #killSome(part: number): Promise<void> {
    const servers = this.#crowd.members.flatMap(({ node, isServer }) => (isServer ? [node] : []))
    const random = this.#crowd.random.of('servers-fail')
    const count = Math.floor(part * servers.length + random.unit())
    failShare(this.#crowd, part)
    for (const server of pickSome(servers, count, random)) this.#crowd.crash(server)
    await this.#orEnded(this.#crowd.settled())
  }

  #fail(error: Error): void {
    this.#ended.abort(new RunError(error.message))
  }

  async #come(node: NodeIndex, contacts: readonly NodeIndex[] = []): Promise<void> {
    this.#crowd.start(node)
    for (const contact of contacts) this.#crowd.contact(node, contact)
    await this.#orEnded(this.#crowd.settled())
  }

  /** Members, different ones; while there are none, whoever came first. Drawn as in the simulator. */
  #contacts(random: Random): NodeIndex[] {
    const contacts = new Set<NodeIndex>()
    for (let draw = 0; draw < CONTACTS; draw += 1) {
      const node = this.#questions.choose(random.unit())
      if (node !== undefined) contacts.add(node)
    }
    return contacts.size > 0 ? [...contacts] : this.#places.taken.slice(0, 1)
  }

  async #ask(fromUs: number): Promise<void> {
    const lookups = this.#world.lookups.map((ask, number) => ({ ask, number }))
    const searches = this.#world.searches.map((ask, number) => ({ ask, number }))
    const all = [...lookups, ...searches].sort((a, b) => a.ask.atUs - b.ask.atUs)
    for (const { ask, number } of all) {
      await this.#wait((fromUs + ask.atUs - this.#nowUs) / US_PER_MS)
      const under =
        ask.type === 'lookup' ? this.#questions.lookup(ask, number) : this.#questions.search(ask, number)
      const asked = under.catch(error => this.#ended.abort(error))
      this.#asks.add(asked)
      asked.finally(() => this.#asks.delete(asked))
    }
  }

  #census() {
    return { live: this.#crowd.aliveCount, members: this.#truth.members }
  }

  #roundTripUs(node: NodeIndex, other: NodeIndex): number {
    return node === other ? 0 : this.#latency.roundTripUs(node, other)
  }

  async #lookAtAll(when: 'first' | 'last'): Promise<void> {
    const living = this.#crowd.members.filter(({ node }) => this.#crowd.alive(node))
    await this.#orEnded(
      Promise.all(
        living.map(async member => {
          // The system's count is since connections opened, so it is of use at the end alone.
          member[when] = await member.peer!.look({ withKernel: when === 'last' })
        })
      )
    )
  }

  async #samplePeers(fromUs: number, toUs: number): Promise<void> {
    for (const { node, isServer, bornUs, diedUs, peer, first, last } of this.#crowd.members) {
      // Who went before the measured time, or never came, was not measured.
      if (last === undefined) continue
      const livesAtEnd = diedUs === undefined
      const { questions } = livesAtEnd ? await this.#orEnded(peer!.look()) : last
      const aliveUs = Math.min(diedUs ?? toUs, toUs) - Math.max(bornUs, fromUs)
      if (aliveUs <= 0) continue
      await this.#sink.peer({
        node,
        isServer,
        aliveUs,
        isSteady: first !== undefined && livesAtEnd,
        livesAtEnd,
        first,
        last,
        questions
      })
    }
  }

  async #wait(ms: number): Promise<void> {
    this.#signal.throwIfAborted()
    if (ms > 0) await this.#orEnded(sleep(ms, undefined, { signal: this.#signal }))
  }

  /** @throws whatever ends the run */
  async #orEnded<T>(work: Promise<T>): Promise<T> {
    const ended = Promise.withResolvers<never>()
    const onAbort = () => ended.reject(this.#signal.reason)
    this.#signal.addEventListener('abort', onAbort, { once: true })
    try {
      this.#signal.throwIfAborted()
      return await Promise.race([work, ended.promise])
    } catch (error) {
      // A sleep that was broken off says nothing of why.
      this.#signal.throwIfAborted()
      throw error
    } finally {
      this.#signal.removeEventListener('abort', onAbort)
    }
  }
}
