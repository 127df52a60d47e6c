/** Lookups and searches of a run while they are under way, and what came of them. */
import type { LatencyModel, NodeIndex } from '@servent/simulator'
import type { Deployment, LookupOutcome, SearchOutcome } from './deployment.ts'
import { type Followed, pathOf } from './path/path.ts'
import type { Path } from './path/path-schema.ts'
import { pictureOf } from './path/picture.ts'
import type { LookupTrace } from './path/trace.ts'
import { wayOf } from './path/way.ts'
import type { LookupSamples, Part, Phase, PhaseSamples, SearchSamples } from './run-result.ts'
import type { Ask, LookupAsk, SearchAsk } from './world.ts'

/** The first ones of a run, of which one is shown. */
const LOOKUPS_FOLLOWED = 16

interface Begun {
  readonly origin: NodeIndex
  readonly startedUs: number
  readonly phase: Phase
  over: boolean
}

interface BegunLookup extends Begun {
  outcome?: LookupOutcome
  tookUs: number
}

interface BegunSearch extends Begun {
  readonly ask: SearchAsk
  outcome?: SearchOutcome
}

/** Who asks, of those who take part now and say what is so; nothing: nobody. */
export type Choose = (ask: Ask) => NodeIndex | undefined

export class Work {
  readonly #deployment: Deployment
  readonly #choose: Choose
  readonly #network: LatencyModel
  readonly #phase: () => Phase
  readonly #lookups: BegunLookup[] = []
  readonly #searches: BegunSearch[] = []
  readonly #followed: Followed[] = []
  #nobody = { lookups: 0, searches: 0 }
  #open = 0

  /** `phase`: of the measured time, where a partition parts it. */
  constructor(
    deployment: Deployment,
    choose: Choose,
    network: LatencyModel,
    phase: () => Phase = () => 'before'
  ) {
    this.#deployment = deployment
    this.#choose = choose
    this.#network = network
    this.#phase = phase
  }

  /** Begun and not answered yet. */
  get open(): number {
    return this.#open
  }

  /** What a liar is the root of is not asked for. */
  lookup(ask: LookupAsk): void {
    const origin = this.#deployment.rootLies?.(ask.key) === true ? undefined : this.#choose(ask)
    if (origin === undefined) {
      this.#nobody.lookups += 1
      return
    }
    const begun: BegunLookup = { ...this.#begin(origin), tookUs: 0 }
    this.#lookups.push(begun)
    const isFollowed = this.#lookups.length <= LOOKUPS_FOLLOWED
    const trace = isFollowed ? this.#deployment.tracer.begin(origin) : undefined
    this.#deployment.lookup(
      origin,
      ask,
      outcome => {
        if (begun.over) return
        begun.outcome = outcome
        begun.tookUs = this.#deployment.simulation.nowUs - begun.startedUs
        this.#end(begun)
        if (trace !== undefined) this.#follow(begun, ask, trace)
      },
      trace
    )
  }

  /** How the network looks as the answer comes. What is still sent for it is added later. */
  #follow({ outcome, tookUs }: BegunLookup, ask: LookupAsk, trace: LookupTrace): void {
    const { status, found, hops } = outcome!
    if (status !== 'correct' || found === undefined || found === trace.origin) return
    const isSupernode = (peer: NodeIndex) => this.#deployment.inPicture(peer, ask).role === 'supernode'
    const way = wayOf(trace, { found, hops, tookUs, isSupernode })
    if (way === undefined) return
    const ofWay = [found, ...[...way.there, ...way.back].flatMap(({ from, to }) => [from, to])]
    const picture = pictureOf(this.#deployment, ask, trace, ofWay)
    this.#followed.push({ trace, picture, way, found, hops, tookUs })
  }

  /** Of a lookup of middle length: undefined where none of the first had an answer from somebody else. */
  path(): Path | undefined {
    return pathOf(this.#followed, this.lookupSamples().hops)
  }

  search(ask: SearchAsk): void {
    const origin = this.#choose(ask)
    if (origin === undefined) {
      this.#nobody.searches += 1
      return
    }
    const begun: BegunSearch = { ...this.#begin(origin), ask }
    this.#searches.push(begun)
    begun.outcome = this.#deployment.search!(origin, ask, () => {
      if (!begun.over) this.#end(begun)
    })
  }

  /** What came of all lookups. Whose peer died meanwhile was never issued; what has no answer has failed. */
  lookupSamples(): LookupSamples {
    const issued = this.#lookups.filter(one => this.#wasIssued(one))
    const answered = issued.filter(({ outcome }) => outcome !== undefined && outcome.status !== 'failed')
    const correct = issued.filter(({ outcome }) => outcome?.status === 'correct')
    const incorrect = answered.length - correct.length
    // What was never told of says nothing of its cost.
    const told = issued.flatMap(({ outcome }) => outcome ?? [])
    const timeouts = told.map(outcome => outcome.timeouts)
    return {
      correct: correct.length,
      incorrect,
      failed: issued.length - answered.length,
      unissued: this.#lookups.length - issued.length + this.#nobody.lookups,
      hops: Float64Array.from(answered, ({ outcome }) => outcome!.hops),
      hopsAsPublished: Float64Array.from(answered, ({ outcome }) => outcome!.hopsAsPublished),
      latencyUs: Float64Array.from(answered, ({ tookUs }) => tookUs),
      timeouts: timeouts.includes(undefined) ? undefined : Float64Array.from(timeouts as number[]),
      messages: Float64Array.from(told, ({ cost }) => cost.messages),
      stretch: Float64Array.from(correct.flatMap(one => this.#stretch(one)))
    }
  }

  /** What came of all searches: those that failed found nothing of what there was to find. */
  searchSamples(): SearchSamples {
    const issued = this.#searches.filter(one => this.#wasIssued(one))
    const outcomes = issued.map(({ outcome }) => outcome!)
    const asked = outcomes.filter(outcome => outcome.asked)
    const total = (of: 'wanted' | 'found' | 'right') => outcomes.reduce((sum, one) => sum + one[of], 0)
    return {
      issued: issued.length,
      failed: issued.length - asked.length,
      unissued: this.#searches.length - issued.length + this.#nobody.searches,
      wanted: total('wanted'),
      found: total('found'),
      right: total('right'),
      messages: Float64Array.from(outcomes, ({ cost }) => cost.messages),
      bytes: Float64Array.from(outcomes, ({ cost }) => cost.bytes),
      firstHitUs: Float64Array.from(asked.flatMap(({ firstHitUs }) => firstHitUs ?? [])),
      ...partsOf(issued)
    }
  }

  /** What came of those that were asked in one part of the measured time. */
  samplesOf(phase: Phase): PhaseSamples {
    const isOf = (one: Begun) => one.phase === phase && this.#wasIssued(one)
    const lookups = this.#lookups.filter(isOf)
    const count = (status: LookupOutcome['status']) =>
      lookups.filter(({ outcome }) => (outcome?.status ?? 'failed') === status).length
    const searches = this.#searches.filter(isOf)
    return {
      correct: count('correct'),
      incorrect: count('incorrect'),
      failed: count('failed'),
      searches: sumOf(searches, ({ outcome }) => outcome!)
    }
  }

  #begin(origin: NodeIndex): Begun {
    this.#open += 1
    return { origin, startedUs: this.#deployment.simulation.nowUs, phase: this.#phase(), over: false }
  }

  #end(begun: Begun): void {
    begun.over = true
    this.#open -= 1
  }

  #wasIssued({ origin, over }: Begun): boolean {
    return over || this.#deployment.simulation.alive(origin)
  }

  #stretch({ origin, outcome, tookUs }: BegunLookup): number[] {
    const found = outcome?.found
    if (found === undefined || found === origin) return []
    const directUs = this.#network.roundTripUs(origin, found)
    return directUs === 0 ? [] : [tookUs / directUs]
  }
}

function sumOf(of: readonly BegunSearch[], part: (search: BegunSearch) => Part): Part {
  const parts = of.map(part)
  const total = (name: keyof Part) => parts.reduce((sum, one) => sum + one[name], 0)
  return { wanted: total('wanted'), right: total('right') }
}

/** What the plan asks to be looked at apart: nothing where it does not. */
function partsOf(searches: readonly BegunSearch[]): Pick<SearchSamples, 'capped' | 'single'> {
  const wanting = searches.filter(({ ask }) => ask.enough !== undefined)
  const singles = searches.filter(({ ask }) => ask.single)
  const capped = ({ ask, outcome }: BegunSearch): Part => ({
    wanted: Math.min(ask.enough!, outcome!.results.wanted),
    right: Math.min(ask.enough!, outcome!.results.right)
  })
  const single = ({ outcome }: BegunSearch): Part => ({
    wanted: Number(outcome!.sought.wanted),
    right: Number(outcome!.sought.right)
  })
  return {
    ...(wanting.length === 0 ? {} : { capped: sumOf(wanting, capped) }),
    ...(singles.length === 0 ? {} : { single: sumOf(singles, single) })
  }
}
