/**
 * A network of two tiers that has been there for a while: which peers are ultrapeers, and the links of all. The graph of
 * the ultrapeers is one that peers come to by the machine's rules (`settledGraph`). A leaf has links to a few
 * ultrapeers, any that has a place, for nothing in the protocol prefers one to another (Gnutella 0.6, Ultrapeers, 1.0).
 */
import { pickSome, type Random } from '@servent/simulator'
import { settledGraph } from './gnutella-graph.ts'

/** Of all places for leaves the part that is taken: with none free nobody could come. */
const LEAF_PLACES_TAKEN = 0.9

export interface TierSizes {
  /** Places of an ultrapeer for others. */
  readonly degree: number
  /** Places of an ultrapeer for leaves. */
  readonly leaves: number
  /** Links of a leaf. */
  readonly ultrapeersOfLeaf: number
}

export interface TwoTierGraph {
  /** By place. */
  readonly roles: readonly ('leaf' | 'ultrapeer')[]
  /** Pairs of places, the one first that opened the link. */
  readonly pairs: readonly (readonly [number, number])[]
}

/** As few ultrapeers among `count` places as the leaves need, two at least, in places by chance. */
export function twoTierGraph(count: number, sizes: TierSizes, random: Random): TwoTierGraph {
  const all = Array.from({ length: count }, (_, place) => place)
  const order = pickSome(all, count, random.fork('roles'))
  const ultrapeers = order.slice(0, Math.min(count, Math.max(2, ultrapeersFor(count, sizes))))
  const leaves = order.slice(ultrapeers.length)
  const roles: ('leaf' | 'ultrapeer')[] = new Array(count).fill('leaf')
  for (const place of ultrapeers) roles[place] = 'ultrapeer'
  const between = linksBetween(ultrapeers.length, sizes.degree, random.fork('ultrapeers'))
  const room = new Room(ultrapeers, sizes.leaves)
  const draws = random.fork('leaves')
  return {
    roles,
    pairs: [
      ...between.map(([a, b]) => [ultrapeers[a]!, ultrapeers[b]!] as const),
      ...leaves.flatMap(leaf => room.take(draws, sizes.ultrapeersOfLeaf).map(to => [leaf, to] as const))
    ]
  }
}

/** Where there are places for all, all are linked. */
function linksBetween(count: number, degree: number, random: Random): readonly (readonly [number, number])[] {
  if (count > degree) return settledGraph(count, degree, random)
  const all = Array.from({ length: count }, (_, at) => at)
  return all.flatMap(to => all.slice(0, to).map(from => [from, to] as const))
}

function ultrapeersFor(count: number, { leaves, ultrapeersOfLeaf }: TierSizes): number {
  return Math.ceil((count * ultrapeersOfLeaf) / (LEAF_PLACES_TAKEN * leaves + ultrapeersOfLeaf))
}

/** Ultrapeers with places for leaves. */
class Room {
  /** In no order that matters. */
  readonly #open: { readonly place: number; left: number }[]

  constructor(ultrapeers: readonly number[], leaves: number) {
    this.#open = ultrapeers.map(place => ({ place, left: leaves }))
  }

  /** Takes a place at so many different ones, or at all that have any. */
  take(random: Random, wanted: number): number[] {
    // Who was drawn stands behind those that can still be drawn.
    let drawable = this.#open.length
    const taken: number[] = []
    while (taken.length < wanted && drawable > 0) {
      const at = random.below(drawable)
      const one = this.#open[at]!
      drawable -= 1
      this.#open[at] = this.#open[drawable]!
      this.#open[drawable] = one
      one.left -= 1
      taken.push(one.place)
    }
    for (let at = this.#open.length - 1; at >= drawable; at -= 1) {
      if (this.#open[at]!.left > 0) continue
      this.#open[at] = this.#open.at(-1)!
      this.#open.pop()
    }
    return taken
  }
}
