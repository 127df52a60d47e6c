/** How nodes go and come, counted: what every kind of churn does with a node whose time has come. */
import { checkWithin } from '../network/errors.ts'
import { isInShare } from '../network/hash.ts'
import type { Random } from '../random.ts'
import type { NodeIndex } from '../types.ts'
import type { Population } from './population.ts'

/**
 * Who comes when somebody's absence ends: another peer with an id of its own, or the same one, with what it had
 * saved or without.
 */
export type Rejoin = 'as-new' | 'with-saved' | 'without-saved'

export interface ChurnSettings {
  /** The share of departures that are announced; the rest are crashes. Default 0. */
  readonly orderlyShare?: number
  /** Default `as-new`. */
  readonly rejoin?: Rejoin
  /** How many nodes that are up each comer is told of. Default 1. */
  readonly contacts?: number
  /** Departures that would leave fewer nodes up do not happen, and are counted. Default 1. */
  readonly aliveMin?: number
  /**
   * Whose node each of a trace's is that is there when the churn begins; the rest of them come as new. Default: of
   * all nodes that were added, the one of the same number.
   */
  readonly traced?: ReadonlyMap<number, NodeIndex>
  /** No departure or arrival after this time. Default: none. */
  readonly untilUs?: number
}

export const CHURN_CONTACTS_MAX = 64

export interface ChurnCounts {
  readonly leaves: number
  readonly crashes: number
  /** Of peers that were never there before. */
  readonly joins: number
  readonly rejoins: number
  /** Departures that `aliveMin` did not let happen. */
  readonly withheld: number
}

export class Turnover {
  readonly population: Population
  readonly random: Random
  readonly rejoin: Rejoin
  readonly counts = { leaves: 0, crashes: 0, joins: 0, rejoins: 0, withheld: 0 }
  readonly #settings: ChurnSettings
  #ended = false

  constructor(population: Population, settings: ChurnSettings, random: Random) {
    checkWithin('orderlyShare', settings.orderlyShare ?? 0, 0, 1)
    checkWithin('contacts', settings.contacts ?? 1, 0, CHURN_CONTACTS_MAX)
    this.population = population
    this.random = random
    this.rejoin = settings.rejoin ?? 'as-new'
    this.#settings = settings
  }

  /** No act that is scheduled happens any more. */
  end(): void {
    this.#ended = true
  }

  after(us: number, act: () => void): void {
    const atUs = this.population.nowUs + us
    if (atUs > (this.#settings.untilUs ?? Number.MAX_SAFE_INTEGER)) return
    this.population.at(atUs, () => {
      if (!this.#ended) act()
    })
  }

  /** Whether it went: not where too few would stay. */
  depart(node: NodeIndex): boolean {
    if (this.population.aliveCount <= (this.#settings.aliveMin ?? 1)) {
      this.counts.withheld += 1
      return false
    }
    if (isInShare(this.random.u32(), this.#settings.orderlyShare ?? 0)) {
      this.population.stop(node)
      this.counts.leaves += 1
    } else {
      this.population.crash(node)
      this.counts.crashes += 1
    }
    return true
  }

  /** A peer that was never there. */
  join(): NodeIndex {
    const node = this.population.addNode()
    this.#arrive(node, () => this.population.start(node))
    this.counts.joins += 1
    return node
  }

  /** Gives the node that came: another one where peers come as new. */
  comeBack(node: NodeIndex): NodeIndex {
    if (this.rejoin === 'as-new') return this.join()
    const keepSaved = this.rejoin === 'with-saved'
    this.#arrive(node, () => this.population.revive(node, { keepSaved }))
    this.counts.rejoins += 1
    return node
  }

  /** Contacts are drawn before it is up: nobody is told of itself. */
  #arrive(node: NodeIndex, begin: () => void): void {
    const contacts = Array.from({ length: this.#settings.contacts ?? 1 }, () =>
      this.population.pickAlive(this.random)
    )
    begin()
    for (const contact of contacts) if (contact !== undefined) this.population.contact(node, contact)
  }
}
