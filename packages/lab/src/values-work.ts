/**
 * Puts and gets of a run while they are under way, and what came of them. The truth is what was put: of each key the
 * newest version whose put was acknowledged, at the moment that a get for it begins. A version is the number of its
 * put, in the order in which they began.
 */
import type { NodeIndex } from '@servent/simulator'
import type { Deployment, GetOutcome, PutOutcome } from './deployment.ts'
import type { ValueSamples } from './run-result.ts'
import type { Choose } from './work.ts'
import type { GetAsk, PutAsk } from './world.ts'

interface Begun<Outcome> {
  readonly origin: NodeIndex
  readonly startedUs: number
  outcome?: Outcome
  tookUs: number
}

interface BegunGet extends Begun<GetOutcome> {
  readonly value: number
  /** The newest version that was acknowledged when it began. */
  readonly wanted: number | undefined
}

export class ValuesWork {
  readonly #deployment: Deployment
  readonly #choose: Choose
  readonly #puts: Begun<PutOutcome>[] = []
  readonly #gets: BegunGet[] = []
  /** Of each version, the value that it is one of. */
  readonly #valueOf: number[] = []
  readonly #acknowledged = new Map<number, number>()
  readonly #nobody = { puts: 0, gets: 0 }
  #open = 0

  constructor(deployment: Deployment, choose: Choose) {
    this.#deployment = deployment
    this.#choose = choose
  }

  /** Begun and not answered yet. */
  get open(): number {
    return this.#open
  }

  put(ask: PutAsk): void {
    const origin = this.#choose(ask)
    if (origin === undefined) {
      this.#nobody.puts += 1
      return
    }
    const version = this.#valueOf.push(ask.value) - 1
    const put: Begun<PutOutcome> = this.#begin(origin)
    this.#puts.push(put)
    this.#deployment.put!(origin, ask, version, outcome => {
      if (!this.#isInTime(put)) return
      this.#end(put, outcome)
      if (outcome !== 'acknowledged') return
      const newest = this.#acknowledged.get(ask.value)
      this.#acknowledged.set(ask.value, Math.max(newest ?? version, version))
    })
  }

  get(ask: GetAsk): void {
    const origin = this.#choose(ask)
    if (origin === undefined) {
      this.#nobody.gets += 1
      return
    }
    const { value } = ask
    const get: BegunGet = { ...this.#begin(origin), value, wanted: this.#acknowledged.get(value) }
    this.#gets.push(get)
    this.#deployment.get!(origin, ask, outcome => {
      if (this.#isInTime(get)) this.#end(get, outcome)
    })
  }

  /** As of lookups: whose peer died meanwhile was never issued, and what has no answer in its time has failed. */
  samples(): ValueSamples {
    const puts = this.#puts.filter(one => this.#wasIssued(one))
    const gets = this.#gets.filter(one => this.#wasIssued(one))
    const stored = puts.filter(({ outcome }) => outcome === 'acknowledged')
    const answered = gets.filter(({ outcome }) => outcome !== undefined && outcome !== 'failed')
    const correct = answered.filter(get => this.#isCorrect(get))
    const wanted = gets.filter(get => get.wanted !== undefined)
    return {
      puts: {
        issued: puts.length,
        acknowledged: stored.length,
        fewCopies: puts.filter(({ outcome }) => outcome === 'few-copies').length,
        unissued: this.#puts.length - puts.length + this.#nobody.puts,
        latencyUs: Float64Array.from(stored, ({ tookUs }) => tookUs)
      },
      gets: {
        correct: correct.length,
        incorrect: answered.length - correct.length,
        failed: gets.length - answered.length,
        unissued: this.#gets.length - gets.length + this.#nobody.gets,
        wanted: wanted.length,
        right: correct.filter(get => get.wanted !== undefined).length,
        latencyUs: Float64Array.from(answered, ({ tookUs }) => tookUs)
      }
    }
  }

  /** A later version than the acknowledged one may be there: of a put that nobody has heard the end of. */
  #isCorrect({ value, wanted, outcome }: BegunGet): boolean {
    const { version } = outcome as Exclude<GetOutcome, 'failed'>
    if (version === undefined) return wanted === undefined
    return this.#valueOf[version] === value && version >= (wanted ?? 0)
  }

  #begin(origin: NodeIndex): { origin: NodeIndex; startedUs: number; tookUs: number } {
    this.#open += 1
    return { origin, startedUs: this.#deployment.simulation.nowUs, tookUs: 0 }
  }

  /** Once, and as long as whoever asked waits. */
  #isInTime({ outcome, startedUs }: Begun<unknown>): boolean {
    return (
      outcome === undefined && this.#deployment.simulation.nowUs - startedUs <= this.#deployment.valueUsMax
    )
  }

  #end<Outcome>(begun: Begun<Outcome>, outcome: Outcome): void {
    this.#open -= 1
    begun.outcome = outcome
    begun.tookUs = this.#deployment.simulation.nowUs - begun.startedUs
  }

  #wasIssued({ origin, outcome }: Begun<unknown>): boolean {
    return outcome !== undefined || this.#deployment.simulation.alive(origin)
  }
}
