/**
 * Who shares, and how much. Adar and Huberman ("Free Riding on Gnutella", First Monday, 2000) found that 70 % of the
 * peers share nothing, and that half of all answers come from 1 % of those who do. So a part of the places may be
 * freeloaders, and the rest may share alike, or by a heavy tail: copies are at the sharer of rank k with a chance of
 * 1/k^1.5 of that for the first one, and whoever has nothing by then gets a file that nobody else has.
 */
import { pickSome, type Random } from '@servent/simulator'
import type { Plan } from './plan.ts'
import { Zipf } from './zipf.ts'

export class Sharers {
  /** Places, and how likely a copy is to be at each. */
  readonly #places: readonly number[]
  readonly #ranks: Zipf | undefined
  /** Those who have nothing yet, where somebody might be left without. */
  readonly #empty: Set<number>

  constructor(
    random: Random,
    { nodes, freeloaders, sharing }: Pick<Plan, 'nodes' | 'freeloaders' | 'sharing'>
  ) {
    const count = Math.max(1, Math.round((1 - freeloaders) * nodes))
    const all = Array.from({ length: nodes }, (_, place) => place)
    // Where all share alike nobody need be chosen.
    const isChosen = count < nodes || sharing === 'heavy'
    this.#places = isChosen ? pickSome(all, count, random.fork('sharers')) : all
    this.#ranks = sharing === 'heavy' ? new Zipf(count, heavy) : undefined
    this.#empty = new Set(sharing === 'heavy' ? this.#places : [])
  }

  /** How many there are. */
  get count(): number {
    return this.#places.length
  }

  /** Different places for the copies of a file: as many as are wanted, or all that share. */
  draw(random: Random, copies: number): number[] {
    const wanted = Math.min(copies, this.#places.length)
    const [empty] = wanted === 1 ? this.#empty : []
    const holders = new Set<number>(empty === undefined ? [] : [empty])
    while (holders.size < wanted) holders.add(this.#places[this.#rank(random)]!)
    for (const place of holders) this.#empty.delete(place)
    return [...holders]
  }

  #rank(random: Random): number {
    return this.#ranks === undefined ? random.below(this.#places.length) : this.#ranks.draw(random)
  }
}

function heavy(rank: number): number {
  return 1 / ((rank + 1) * Math.sqrt(rank + 1))
}
