/** Lookups and searches of a run while they are under way, and what came of them. */
import type { LatencyModel, NodeIndex } from '@servent/simulator'
import type { Deployment, LookupOutcome, SearchOutcome } from './deployment.ts'
import type { Places } from './places.ts'
import type { LookupSamples, SearchSamples } from './run-result.ts'
import type { Ask, LookupAsk, SearchAsk } from './world.ts'

interface Begun<Outcome> {
  readonly origin: NodeIndex
  readonly startedUs: number
  outcome?: Outcome
  tookUs: number
}

export class Work {
  readonly #deployment: Deployment
  readonly #places: Places
  readonly #network: LatencyModel
  readonly #lookups: Begun<LookupOutcome>[] = []
  readonly #searches: Begun<SearchOutcome>[] = []
  #nobody = { lookups: 0, searches: 0 }
  #open = 0

  constructor(deployment: Deployment, places: Places, network: LatencyModel) {
    this.#deployment = deployment
    this.#places = places
    this.#network = network
  }

  /** Begun and not answered yet. */
  get open(): number {
    return this.#open
  }

  lookup(ask: LookupAsk): void {
    const origin = this.#choose(ask)
    if (origin === undefined) this.#nobody.lookups += 1
    else
      this.#begin(this.#lookups, origin, done => {
        this.#deployment.lookup(origin, ask, done)
      })
  }

  search(ask: SearchAsk): void {
    const origin = this.#choose(ask)
    if (origin === undefined) this.#nobody.searches += 1
    else
      this.#begin(this.#searches, origin, done => {
        this.#deployment.search!(origin, ask, done)
      })
  }

  /** What came of all lookups. Whose peer died meanwhile was never issued; what has no answer has failed. */
  lookupSamples(): LookupSamples {
    const issued = this.#lookups.filter(one => this.#wasIssued(one))
    const answered = issued.filter(({ outcome }) => outcome !== undefined && outcome.status !== 'failed')
    const correct = issued.filter(({ outcome }) => outcome?.status === 'correct')
    const incorrect = answered.length - correct.length
    const timeouts = issued.map(({ outcome }) => outcome?.timeouts)
    return {
      correct: correct.length,
      incorrect,
      failed: issued.length - answered.length,
      unissued: this.#lookups.length - issued.length + this.#nobody.lookups,
      hops: Float64Array.from(answered, ({ outcome }) => outcome!.hops),
      hopsAsPublished: Float64Array.from(answered, ({ outcome }) => outcome!.hopsAsPublished),
      latencyUs: Float64Array.from(answered, ({ tookUs }) => tookUs),
      timeouts: timeouts.includes(undefined) ? undefined : Float64Array.from(timeouts as number[]),
      messages: Float64Array.from(issued, ({ outcome }) => outcome?.messages ?? 0),
      stretch: Float64Array.from(correct.flatMap(one => this.#stretch(one)))
    }
  }

  searchSamples(): SearchSamples {
    const issued = this.#searches.filter(one => this.#wasIssued(one))
    const outcomes = issued.flatMap(({ outcome }) => (outcome?.asked ? [outcome] : []))
    const total = (of: 'wanted' | 'found' | 'right') => outcomes.reduce((sum, one) => sum + one[of], 0)
    return {
      issued: issued.length,
      failed: issued.length - outcomes.length,
      unissued: this.#searches.length - issued.length + this.#nobody.searches,
      wanted: total('wanted'),
      found: total('found'),
      right: total('right'),
      messages: Float64Array.from(outcomes, ({ messages }) => messages),
      bytes: Float64Array.from(outcomes, ({ bytes }) => bytes),
      firstHitUs: Float64Array.from(outcomes.flatMap(({ firstHitUs }) => firstHitUs ?? []))
    }
  }

  #choose({ chooser }: Ask): NodeIndex | undefined {
    return this.#places.choose(chooser, node => this.#deployment.isMember(node))
  }

  #begin<Outcome>(
    list: Begun<Outcome>[],
    origin: NodeIndex,
    begin: (done: (outcome: Outcome) => void) => void
  ): void {
    const { simulation } = this.#deployment
    const begun: Begun<Outcome> = { origin, startedUs: simulation.nowUs, tookUs: 0 }
    list.push(begun)
    this.#open += 1
    begin(outcome => {
      if (begun.outcome !== undefined) return
      begun.outcome = outcome
      begun.tookUs = simulation.nowUs - begun.startedUs
      this.#open -= 1
    })
  }

  #wasIssued({ origin, outcome }: Begun<unknown>): boolean {
    return outcome !== undefined || this.#deployment.simulation.alive(origin)
  }

  #stretch({ origin, outcome, tookUs }: Begun<LookupOutcome>): number[] {
    const found = outcome?.found
    if (found === undefined || found === origin) return []
    const directUs = this.#network.roundTripUs(origin, found)
    return directUs === 0 ? [] : [tookUs / directUs]
  }
}
