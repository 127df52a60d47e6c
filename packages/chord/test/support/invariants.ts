/**
 * What must hold of a Chord network after every event, seen by an observer who knows everybody: Zave's invariant
 * (C1, C2), its theorems (C3 to C6), and what this implementation promises beside (C7 to C10), as the reference
 * numbers them. Terms are Zave's: a member's extended list is itself and its list; its best successor is the
 * first living member in it; a principal is a member that no pair of neighbours in any extended list skips.
 */
import type { Key } from '@servent/overlay/machine'
import type { NodeIndex } from '@servent/simulator'
import { distanceExponent, inHalfOpen, inOpen, peerOfRef } from '../../src/ring-key.ts'
import type { ChordNetwork, PlaceId, SeenPlace } from './network.ts'

export class InvariantError extends Error {
  static override readonly name = 'InvariantError'
  override readonly name = 'InvariantError'
  readonly invariant: string

  constructor(invariant: string, what: string) {
    super(`${invariant}: ${what}`)
    this.invariant = invariant
  }
}

export interface RingState {
  readonly members: readonly SeenPlace[]
  readonly byId: ReadonlyMap<PlaceId, SeenPlace>
}

export function stateOf(network: ChordNetwork, without?: NodeIndex): RingState {
  const members = network
    .places()
    .filter(
      place => place.inRing && place.member && (without === undefined || peerOfRef(place.id) !== without)
    )
  return { members, byId: new Map(members.map(place => [place.id, place])) }
}

export function bestSuccessor(state: RingState, place: SeenPlace): SeenPlace | undefined {
  for (const id of place.successors) {
    const successor = state.byId.get(id)
    if (successor !== undefined) return successor
  }
  return undefined
}

/**
 * Members that no pair of any extended list skips. `keyOf` knows the dead too. `others` are lists that count
 * beside those of the members.
 */
export function principals(
  state: RingState,
  keyOf: (id: PlaceId) => Key,
  others: readonly SeenPlace[] = []
): SeenPlace[] {
  const skipped = new Set<PlaceId>()
  for (const { id, successors } of [...state.members, ...others]) {
    let before = id
    for (const next of successors) {
      for (const other of state.members)
        if (!skipped.has(other.id) && inOpen(other.key, keyOf(before), keyOf(next))) skipped.add(other.id)
      before = next
    }
  }
  return state.members.filter(({ id }) => !skipped.has(id))
}

/** C1 to C6. */
export function checkRing(state: RingState, r: number, keyOf: (id: PlaceId) => Key): void {
  for (const place of state.members) checkList(place, r, keyOf)
  for (const place of state.members)
    if (bestSuccessor(state, place) === undefined)
      throw new InvariantError('C1 OneLiveSuccessor', `nobody in the list of ${place.id} lives`)
  const principal = principals(state, keyOf)
  if (principal.length < r + 1)
    throw new InvariantError('C2 SufficientPrincipals', `there are ${principal.length}, not ${r + 1}`)
  const ring = ringOf(state)
  for (const place of principal)
    if (!ring.has(place.id)) throw new InvariantError('C3 OneRing', `the principal ${place.id} is outside`)
}

function checkList({ id, key, successors }: SeenPlace, r: number, keyOf: (id: PlaceId) => Key): void {
  if (successors.length > r) throw new InvariantError('C6 lists', `${id} has ${successors.length} entries`)
  let before = key
  for (const [at, next] of successors.entries()) {
    if (next === id) throw new InvariantError('C6 lists', `${id} is in its own list`)
    const ordered = at === 0 || inOpen(keyOf(next), before, key)
    if (!ordered) throw new InvariantError('C6 lists', `${id} has ${successors.join()} out of order`)
    before = keyOf(next)
  }
}

/** Who reaches itself by best successors; C3, C4 and C5 on the way. */
function ringOf(state: RingState): Set<PlaceId> {
  const [first] = state.members
  const ring = new Set<PlaceId>()
  if (first === undefined) return ring
  const cycle = cycleFrom(state, first)
  for (const place of cycle) ring.add(place.id)
  let turns = 0
  for (const [at, place] of cycle.entries()) {
    const next = cycle[(at + 1) % cycle.length]!
    if (state.members.indexOf(next) <= state.members.indexOf(place)) turns += 1
  }
  if (turns !== 1) throw new InvariantError('C4 OrderedRing', `the ring goes around ${turns} times`)
  for (const place of state.members) {
    const other = cycleFrom(state, place)
    if (!ring.has(other[0]!.id)) throw new InvariantError('C3 OneRing', `${place.id} leads to a second ring`)
  }
  return ring
}

function cycleFrom(state: RingState, from: SeenPlace): SeenPlace[] {
  const seen = new Map<PlaceId, number>()
  const path: SeenPlace[] = []
  let at: SeenPlace | undefined = from
  while (at !== undefined && !seen.has(at.id)) {
    seen.set(at.id, path.length)
    path.push(at)
    at = bestSuccessor(state, at)
  }
  if (at === undefined) throw new InvariantError('C5 ConnectedAppendages', `${from.id} leads nowhere`)
  return path.slice(seen.get(at.id)!)
}

/** Rounds of stabilisation, and time for calls to the dead: by then a member is known to those before it. */
const SETTLED_US = 15_000_000

/** Looks at a network after its events, as far as something changed. */
export class InvariantChecker {
  readonly #network: ChordNetwork
  readonly #r: number
  readonly #fingerGraceMs: number
  readonly #versions = new Map<NodeIndex, number>()
  readonly #deathsUs = new Map<NodeIndex, number>()
  /** When each place was a member first. */
  readonly #sinceUs = new Map<PlaceId, number>()
  /** What each place had as its predecessor, until when. */
  readonly #predecessors = new Map<PlaceId, { id: PlaceId; untilUs: number }[]>()
  #alive = 0
  checks = 0

  /** `fingerGraceMs`: for how long a dead node may still be somebody's finger. */
  constructor(network: ChordNetwork, fingerGraceMs: number) {
    this.#network = network
    this.#r = network.settings.successors ?? 8
    this.#fingerGraceMs = fingerGraceMs
  }

  died(node: NodeIndex): void {
    this.#deathsUs.set(node, this.#network.simulation.nowUs)
  }

  readonly keyOf = (id: PlaceId): Key => this.#network.keyOfPlaceId(id)

  /** @throws InvariantError  something does not hold */
  check(): void {
    if (!this.#changed()) return
    this.checks += 1
    const state = stateOf(this.#network)
    if (state.members.length === 0) return
    checkRing(state, this.#r, this.keyOf)
    for (const place of state.members) {
      if (!this.#sinceUs.has(place.id)) this.#sinceUs.set(place.id, this.#network.simulation.nowUs)
      this.#checkPredecessor(state, place)
      this.#checkFingers(state, place)
    }
  }

  /**
   * C9: at the time of an answer, or shortly before, the range of one of the root's places held the key. A place
   * whose predecessor is dead or not known may answer for what lies behind the last member before it that lives:
   * one that all had the time to hear of, be it another place of the same peer. An appendage does not count: to
   * the ring, in which lookups go, no best successor has made it known yet, and Zave promises only that it comes in.
   */
  checkAnswer(root: NodeIndex, key: Key, withinUs: number): void {
    const { simulation } = this.#network
    if (!simulation.alive(root)) return
    const state = stateOf(this.#network)
    const nowUs = simulation.nowUs
    const ring = ringOf(state)
    const settled = state.members.filter(
      ({ id }) => ring.has(id) && nowUs - (this.#sinceUs.get(id) ?? nowUs) >= SETTLED_US
    )
    const places = state.members.filter(({ id }) => peerOfRef(id) === root)
    if (places.length === 0) return
    for (const place of places) {
      const history = this.#predecessors.get(place.id) ?? []
      const recent = history.filter(({ untilUs }) => untilUs >= nowUs - withinUs).map(({ id }) => id)
      const ids = place.predecessor === undefined ? recent : [...recent, place.predecessor]
      if (ids.some(id => inHalfOpen(key, this.keyOf(id), place.key))) return
      const unsure = place.predecessor === undefined || ids.some(id => !simulation.alive(peerOfRef(id)))
      const passed = settled.some(
        ({ id, key: other }) => id !== place.id && inHalfOpen(other, key, place.key)
      )
      if (unsure && !passed) return
    }
    throw new InvariantError('C9 owner', `${root} answered for a key that is not in its range`)
  }

  #changed(): boolean {
    const { simulation } = this.#network
    let changed = simulation.aliveCount !== this.#alive
    this.#alive = simulation.aliveCount
    for (const node of simulation.aliveNodes()) {
      let version = 0
      for (const place of this.#network.viewOf(node))
        version = (version * 31 + place.version + place.fingers.length) >>> 0
      if (this.#versions.get(node) !== version) changed = true
      this.#versions.set(node, version)
    }
    return changed
  }

  /** C8: a predecessor gives way only to a nearer one, unless it is dead or gone. */
  #checkPredecessor(state: RingState, place: SeenPlace): void {
    const { simulation } = this.#network
    const history = this.#predecessors.get(place.id) ?? []
    this.#predecessors.set(place.id, history)
    const last = history.at(-1)
    const { predecessor } = place
    if (last !== undefined) last.untilUs = simulation.nowUs
    if (predecessor === undefined || last?.id === predecessor) return
    if (last !== undefined && state.byId.has(last.id)) {
      if (!inOpen(this.keyOf(predecessor), this.keyOf(last.id), place.key))
        throw new InvariantError('C8 predecessor', `${place.id} went from ${last.id} back to ${predecessor}`)
    }
    history.push({ id: predecessor, untilUs: simulation.nowUs })
    if (history.length > 8) history.shift()
  }

  /** C7: a finger stands where its distance puts it, and lives or died not long ago. */
  #checkFingers(state: RingState, place: SeenPlace): void {
    const { simulation } = this.#network
    for (const { id, exponent } of place.fingers) {
      const reached = distanceExponent(place.key, this.keyOf(id))
      if (reached !== exponent)
        throw new InvariantError('C7 fingers', `${place.id} has ${id} for 2^${exponent}, at 2^${reached}`)
      if (state.byId.has(id)) continue
      const node = peerOfRef(id)
      const diedUs = this.#deathsUs.get(node) ?? (simulation.alive(node) ? simulation.nowUs : 0)
      if (simulation.nowUs - diedUs > this.#fingerGraceMs * 1000)
        throw new InvariantError('C7 fingers', `${place.id} still has ${id}, which is long dead`)
    }
  }
}
