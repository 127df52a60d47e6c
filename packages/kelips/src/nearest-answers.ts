/**
 * What members of a key's group say of who is nearest to it. Anybody may name anybody: where more than one is asked, the
 * nearest of all that were named is the one, for nobody is nearer than the nearest, once it has answered this peer
 * itself (Castro et al., OSDI 2002, section 5: redundant routing).
 *
 * An answer may be held against what this peer sees itself: contacts of its own that are nearer, and how far the nearest
 * member of a group lies from a key by chance, where a group has as many members as its own.
 */
import { believeByOdds, LOOKUP_PATHS_MAX, ping, WHOLE_RING, widthOf } from '@servent/key-routing/machine'
import { type Contact, clamp, compareKeys, type Key, type Peer, xorDistance } from '@servent/overlay/machine'
import type { Kelips } from './kelips.ts'
import { contactsFor } from './nearest.ts'
import type { Fx } from './types.ts'

interface Named {
  readonly peer: Peer
  readonly distance: Key
}

export class NearestAnswers {
  readonly #kelips: Kelips
  readonly #key: Key
  /** Answers that are wanted. */
  readonly wanted: number
  readonly #isChecked: boolean
  /** Who answered, and therefore lives. */
  readonly #heard = new Set<Peer>()
  #named: readonly Named[] = []
  #sound = 0
  #hops = 0

  constructor(kelips: Kelips, key: Key) {
    const { lookupPaths = 1, answerChecks = 'off' } = kelips.settings.routing
    this.#kelips = kelips
    this.#key = key
    this.wanted = clamp(lookupPaths, 1, LOOKUP_PATHS_MAX)
    this.#isChecked = answerChecks === 'on'
  }

  /** Whether the first answer is not simply taken. */
  get judges(): boolean {
    return this.wanted > 1 || this.#isChecked
  }

  get isEmpty(): boolean {
    return this.#named.length === 0
  }

  get isEnough(): boolean {
    return this.#sound >= this.wanted
  }

  /** `from`: who said so, where it was asked itself. */
  add(from: Peer | undefined, nearest: readonly Contact[], hops: number): void {
    const named = nearest
      .map(contact => this.#kelips.intern(contact))
      .filter(peer => peer !== undefined)
      .map(peer => ({ peer, distance: xorDistance(this.#key, this.#kelips.peers.key(peer)) }))
    if (from !== undefined) this.#heard.add(from)
    if (!this.#isChecked || this.#isSound(named)) this.#sound += 1
    this.#hops = Math.max(this.#hops, hops)
    const known = new Set(this.#named.map(({ peer }) => peer))
    const all = [...this.#named, ...named.filter(({ peer }) => !known.has(peer))]
    this.#named = all.sort((a, b) => compareKeys(a.distance, b.distance))
  }

  /** The nearest that lives, and the others behind it; nothing where all are silent. After `endMs` nobody is asked. */
  settle(fx: Fx, endMs: number, done: (nearest: readonly Contact[], hops: number, fx: Fx) => void): void {
    const { calls, peers } = this.#kelips
    const [first] = this.#named
    const end = (later: Fx): void =>
      done(
        this.#named.map(({ peer }) => peers.contact(peer)),
        this.#hops,
        later
      )
    // A single answer is believed as it is.
    const isOver = this.#kelips.nowMs >= endMs
    if (first === undefined || isOver || this.wanted === 1 || this.#heard.has(first.peer)) {
      end(fx)
      return
    }
    ping(calls, first.peer, fx, (lives, later) => {
      if (lives !== false) {
        end(later)
        return
      }
      this.#named = this.#named.filter(({ peer }) => peer !== first.peer)
      this.settle(later, endMs, done)
    })
  }

  /** Those that were named: whoever asks holds them. */
  *peers(): Generator<Peer> {
    for (const { peer } of this.#named) yield peer
  }

  #isSound(named: readonly Named[]): boolean {
    const kelips = this.#kelips
    const distances = named.map(({ distance }) => distance).sort(compareKeys)
    const [nearest] = distances
    if (nearest === undefined) return false
    const isNearer = (peer: Peer) => compareKeys(xorDistance(this.#key, kelips.peers.key(peer)), nearest) < 0
    if (contactsFor(kelips, this.#key).some(isNearer)) return false
    return believeByOdds(widthOf(nearest), WHOLE_RING / 2 ** kelips.level, kelips.view.size + 1) === 'sound'
  }
}
