/**
 * What a peer sees to before it leaves in good order: that all it keeps is with whoever keeps it then. What it is the
 * root of goes to the peer that becomes its root, or where that one is silent or refuses it to the one behind it. Of
 * what it keeps as a replica it asks for the root, which may have died a moment ago and with it all but this copy, and
 * gives it what it lacks. What nobody takes has another round, for those around may not have found out yet who is
 * gone. Nothing is forgotten meanwhile: reads are answered to the end.
 */
import {
  betweenRightClosed,
  clockwiseDistance,
  compareKeys,
  type Key,
  NO_PEER,
  type Peer,
  SELF
} from '@servent/overlay/machine'
import type { LookupResult } from './lookup-types.ts'
import { believedRange, ONE } from './publish-ranges.ts'
import type { Held } from './records.ts'
import { Sync } from './replica-sync.ts'
import type { KeyRange } from './routing.ts'
import type { Acceptance } from './store-accept.ts'
import {
  HAND_OVER_LOOKUPS_MAX,
  HEIRS_MAX,
  LEAVE_LOOKUPS_MS,
  LEAVE_PAUSE_MS,
  LEAVE_ROUNDS_MAX,
  SYNCS_AT_ONCE
} from './store-constants.ts'
import type { StoreContext } from './store-context.ts'
import type { RoutingEffects } from './types.ts'

/** In which nobody else is given what the best heir refuses. */
const PATIENT_ROUNDS = 2

export const LEAVE_TIMER = 'store/leave'
export const LEAVE_LOOKUPS_TIMER = 'store/leave/lookups'

/** Records whose keys follow one another, and who is to have them, the best first. */
interface Bequest extends KeyRange {
  readonly held: readonly Held[]
  readonly heirs: readonly Peer[]
}

export class Leaving {
  readonly #context: StoreContext
  readonly #acceptance: Acceptance
  readonly #done: ((effects: RoutingEffects) => void)[] = []
  readonly #waiting: Bequest[] = []
  /** With those who have their turn after it. */
  readonly #running = new Map<Sync, readonly Peer[]>()
  /** Copies whose root is still to be looked for. */
  #copies: Held[] = []
  /** What nobody has taken in this round. */
  #left: Held[] = []
  #lookups = 0
  #rounds = 0
  #isLooking = false
  #isOver = false

  constructor(context: StoreContext, acceptance: Acceptance) {
    this.#context = context
    this.#acceptance = acceptance
  }

  get running(): number {
    return this.#running.size
  }

  heldPeers(hold: (peer: Peer) => void): void {
    for (const { heirs } of this.#waiting) for (const peer of heirs) hold(peer)
    for (const [{ peer }, others] of this.#running) for (const one of [peer, ...others]) hold(one)
  }

  whenDone(done: (effects: RoutingEffects) => void): void {
    this.#done.push(done)
  }

  start(effects: RoutingEffects): void {
    effects.setTimer(LEAVE_LOOKUPS_TIMER, LEAVE_LOOKUPS_MS)
    this.#round(
      [...this.#context.table.slots.values()].flatMap(({ held }) => [...held.values()]),
      effects
    )
  }

  /** The pause is over. */
  onPauseOver(effects: RoutingEffects): void {
    this.#round(this.#left, effects)
  }

  /** A root that was there a moment ago and has gone is looked for long: longer than one that leaves may take. */
  onLookupsOver(effects: RoutingEffects): void {
    this.#lookups = HAND_OVER_LOOKUPS_MAX
    if (this.#isLooking) this.#looked(effects)
  }

  /** Nobody is told. */
  stop(effects: RoutingEffects): void {
    this.#isOver = true
    this.#isLooking = false
    for (const sync of this.#running.keys()) sync.stop()
    effects.cancelTimer(LEAVE_TIMER)
    effects.cancelTimer(LEAVE_LOOKUPS_TIMER)
  }

  #round(held: readonly Held[], effects: RoutingEffects): void {
    this.#rounds += 1
    this.#left = []
    const isOwn = ({ record }: Held): boolean => this.#context.isRoot(record.key)
    this.#copies = held.filter(one => !isOwn(one))
    this.#isLooking = true
    this.#bequeath(held.filter(isOwn))
    this.#look(effects)
  }

  #look(effects: RoutingEffects): void {
    const first = this.#copies[0]
    if (first === undefined || this.#lookups >= HAND_OVER_LOOKUPS_MAX) {
      this.#looked(effects)
      return
    }
    this.#lookups += 1
    const { key } = first.record
    this.#next(effects)
    this.#context.deps.findRoot(key, (result, later) => this.#found(key, result, later), effects)
  }

  #found(key: Key, result: LookupResult, effects: RoutingEffects): void {
    if (!this.#isLooking) return
    const root = 'failed' in result ? NO_PEER : effects.peers.intern(result.root)
    if ('failed' in result || root === NO_PEER) {
      // Around one that leaves others may have gone: there is no time to find that out for each key.
      this.#looked(effects)
      return
    }
    const range = believedRange(this.#context.deps.routing, key, root, result)
    const isIn = ({ record }: Held): boolean => betweenRightClosed(record.key, range.from, range.to)
    const held = this.#copies.filter(isIn)
    this.#copies = this.#copies.filter(one => !isIn(one))
    // By now it may be the root itself: the last one was found dead.
    if (root === SELF) this.#bequeath(held)
    else this.#waiting.push({ ...range, held, heirs: this.#heirsAfter(root, key) })
    this.#look(effects)
  }

  /** Copies whose root was not found go to those who would have them by the own tables. */
  #looked(effects: RoutingEffects): void {
    this.#bequeath(this.#copies)
    this.#copies = []
    this.#isLooking = false
    this.#next(effects)
  }

  /** Where the root does not answer, or leaves too, whoever may be the next one. */
  #heirsAfter(root: Peer, key: Key): Peer[] {
    const others = this.#context.deps.routing.replicas(key, HEIRS_MAX)
    return [root, ...others.filter(peer => peer !== root)].slice(0, HEIRS_MAX)
  }

  /** To those who would hold copies, the nearest first. In Pastry some keys go to the left, and others to the right. */
  #bequeath(held: readonly Held[]): void {
    const inOrder = held.toSorted(({ record: a }, { record: b }) => compareKeys(a.key, b.key))
    let last: { from: Key; to: Key; held: Held[]; heirs: readonly Peer[] } | undefined
    for (const one of inOrder) {
      const { key } = one.record
      const heirs = this.#context.deps.routing.replicas(key, HEIRS_MAX)
      if (last === undefined || last.heirs[0] !== heirs[0]) {
        last = { ...justThis(key), held: [], heirs }
        this.#waiting.push(last)
      }
      last.held.push(one)
      last.to = key
    }
  }

  #next(effects: RoutingEffects): void {
    while (this.#running.size < SYNCS_AT_ONCE) {
      const bequest = this.#waiting.shift()
      if (bequest === undefined) break
      this.#give(bequest, effects)
    }
    if (this.#isOver || this.#isLooking || this.#running.size > 0) return
    if (this.#left.length > 0 && this.#rounds < LEAVE_ROUNDS_MAX) {
      effects.setTimer(LEAVE_TIMER, LEAVE_PAUSE_MS)
      return
    }
    this.stop(effects)
    for (const done of this.#done) done(effects)
  }

  #give({ from, to, held, heirs: [peer, ...others] }: Bequest, effects: RoutingEffects): void {
    if (held.length === 0) return
    if (peer === undefined) {
      this.#left.push(...held)
      return
    }
    const sync: Sync = new Sync(this.#context, this.#acceptance, {
      peer,
      from,
      to,
      held,
      as: 'hand-over',
      pull: false,
      paced: false,
      done: ({ whole, missing }, later) => {
        this.#running.delete(sync)
        const left = held.filter(({ fingerprint }) => !whole || missing.has(fingerprint))
        // The best heir that refuses them may know better a moment later.
        if (whole && this.#rounds <= PATIENT_ROUNDS) this.#left.push(...left)
        else this.#waiting.push({ from, to, held: left, heirs: others })
        this.#next(later)
      }
    })
    this.#running.set(sync, others)
    sync.start(effects)
  }
}

function justThis(key: Key): KeyRange {
  return { from: clockwiseDistance(ONE, key), to: key }
}
