/**
 * Who lies in a run, drawn from its seed before any overlay is asked: places, so that the same peers lie in every
 * overlay, and whoever comes for a liar that left lies as well. Liars know each other, and work together.
 *
 * Where peers are is drawn as well, for defences that go by it. Few who have many peers have them in many places: the
 * honest ones are spread over a network, a /24, for each four of them, and liars over a sixteenth of as many networks.
 */
import type { LinkOrigin } from '@servent/overlay/machine'
import { type NodeIndex, randomOf } from '@servent/simulator'
import type { Places } from '../places.ts'
import type { Plan } from '../plan.ts'
import type { Lie } from './lies.ts'

const HONEST_PER_NETWORK = 4
/** Networks of honest peers for each one of liars. */
const NETWORKS_PER_LIARS_NETWORK = 16
/** First numbers of the addresses of networks: both are of the Internet. */
const HONEST_SIDE = 11
const LIARS_SIDE = 12
/** Last numbers of addresses, from 1. */
const HOSTS = 254

export class Liars {
  readonly lies: readonly Lie[]
  readonly count: number
  readonly #places: Places
  readonly #liarAt: readonly boolean[]
  readonly #networkAt: readonly number[]

  /** `count` is at least 1. */
  private constructor(seed: string, count: number, lies: readonly Lie[], places: Places) {
    const random = randomOf(seed).fork('liars')
    this.lies = lies
    this.count = count
    this.#places = places
    const order = Array.from({ length: places.count }, (_, place) => place)
    const liarAt: boolean[] = new Array(places.count).fill(false)
    for (let liar = 0; liar < count; liar += 1) {
      const drawn = liar + random.below(places.count - liar)
      const place = order[drawn]!
      order[drawn] = order[liar]!
      liarAt[place] = true
    }
    this.#liarAt = liarAt
    const honest = Math.ceil((places.count - count) / HONEST_PER_NETWORK)
    const ofLiars = Math.ceil(honest / NETWORKS_PER_LIARS_NETWORK)
    const where = random.fork('networks')
    this.#networkAt = liarAt.map(lies => where.below(lies ? ofLiars : honest))
  }

  /** Nothing where the plan has none, or so small a part of so few that it is nobody. */
  static of({ liars, lies, nodes }: Plan, seed: string, places: Places): Liars | undefined {
    const count = Math.round((liars ?? 0) * nodes)
    return count === 0 ? undefined : new Liars(seed, count, lies, places)
  }

  isLiar(node: NodeIndex): boolean {
    return this.#liarAt[this.#places.placeOf(node)] === true
  }

  originOf(node: NodeIndex): LinkOrigin {
    const place = this.#places.placeOf(node) % this.#liarAt.length
    const number = this.#networkAt[place]!
    const network = `${this.#liarAt[place] ? LIARS_SIDE : HONEST_SIDE}.${number >> 8}.${number & 255}`
    return { host: `${network}.${1 + (place % HOSTS)}`, network, isRelayed: false, reach: 'public' }
  }
}
