/**
 * A root sees to it that its replica set has what it has: after its tables changed, and every so often. It also
 * takes what a replica has and it lacks, for it may be the root only since the last one died (Chord, ToN'03,
 * section VI; DHash's "replica maintenance", Cates 2003, compares trees of digests so).
 */
import {
  addPowerOfTwo,
  betweenRightClosed,
  clockwiseDistance,
  compareKeys,
  type Key,
  type Peer,
  SELF
} from '@servent/overlay/machine'
import { LazyMap } from './lazy-map.ts'
import { ONE } from './publish-ranges.ts'
import { nameOf } from './records.ts'
import { Sync } from './replica-sync.ts'
import type { KeyRange } from './routing.ts'
import type { Acceptance } from './store-accept.ts'
import { SYNCS_AT_ONCE } from './store-constants.ts'
import { NOBODY_SILENT, type StoreContext } from './store-context.ts'
import type { RoutingEffects } from './types.ts'

/** Keys in a row that have the same replica set, and which of it are still to be compared with. */
interface Stretch extends KeyRange {
  readonly peers: readonly Peer[]
}

export class Repair {
  readonly #context: StoreContext
  readonly #acceptance: Acceptance
  /** What waits. A stretch is compared with one replica after the other, so that none brings the same again. */
  #stretches: Stretch[] = []
  /** With the replicas of the stretch, whose turn comes after. */
  readonly #running = new LazyMap<Sync, readonly Peer[]>()
  /** Where the range of each of this peer's places began when it last looked, by where it ends. */
  readonly #began = new LazyMap<string, Key>()

  constructor(context: StoreContext, acceptance: Acceptance) {
    this.#context = context
    this.#acceptance = acceptance
  }

  get running(): number {
    return this.#running.size
  }

  /** Whether this peer became the root of keys that it may have nothing of. */
  hasGrown(effects: RoutingEffects): boolean {
    return this.#grown(effects).length > 0
  }

  /** Of the ranges of its places, those that did not begin where they do now. A place that is gone begins anew. */
  #grown(effects: RoutingEffects): readonly KeyRange[] {
    const places = this.#places(effects)
    if (this.#began.size > places.length) {
      const there = new Set(places.map(({ to }) => nameOf(to)))
      for (const name of [...this.#began.keys()]) if (!there.has(name)) this.#began.delete(name)
    }
    return places.filter(range => this.#isNew(range))
  }

  #places(effects: RoutingEffects): readonly KeyRange[] {
    const { routing } = this.#context.deps
    if (routing.ownRanges !== undefined) return routing.ownRanges()
    const own = routing.rootOf(effects.peers.key(SELF), NOBODY_SILENT)
    return own === undefined ? [] : [own]
  }

  #isNew({ from, to }: KeyRange): boolean {
    const began = this.#began.get(nameOf(to))
    return began === undefined || compareKeys(from, began) !== 0
  }

  heldPeers(hold: (peer: Peer) => void): void {
    for (const peers of this.#running.values()) for (const peer of peers) hold(peer)
    for (const { peers } of this.#stretches) for (const peer of peers) hold(peer)
  }

  /** Begins anew with what is true now; what is under way goes on to its end. */
  run(effects: RoutingEffects): void {
    const ranges = this.#ownRanges(effects)
    this.#stretches = ranges.flatMap(range => this.#cut(range))
    this.#next(effects)
  }

  /** Ranges that this peer is the root of and has records in, with those of its places that have grown. */
  #ownRanges(effects: RoutingEffects): KeyRange[] {
    const { routing } = this.#context.deps
    const ranges = new Map<string, KeyRange>()
    const add = (range: KeyRange | undefined): void => {
      if (range !== undefined) ranges.set(nameOf(range.to), range)
    }
    for (const range of this.#grown(effects)) {
      this.#began.set(nameOf(range.to), range.from)
      add(range)
    }
    let last: KeyRange | undefined
    for (const slot of this.#context.table.slots.values()) {
      if (last === undefined || !betweenRightClosed(slot.key, last.from, last.to))
        last = routing.rootOf(slot.key, NOBODY_SILENT)
      add(last)
    }
    return [...ranges.values()]
  }

  /**
   * Chord has one replica set for a whole range; where its ends differ, as in Pastry, it is cut by its keys. Of what
   * lies between two of them with unlike sets nothing is here, and whoever is in either may have something: sets are
   * neighbours on the ring, so none in between has another peer.
   */
  #cut(range: KeyRange): Stretch[] {
    const { replicas } = this.#context.settings
    const setOf = (key: Key): readonly Peer[] => this.#context.deps.routing.replicas(key, replicas)
    const last = setOf(range.to)
    let before = addPowerOfTwo(range.from, 0)
    let current = setOf(before)
    if (sameSet(current, last)) return [{ ...range, peers: last }]
    const stretches: Stretch[] = []
    let { from } = range
    for (const key of [...this.#keysIn(range), range.to]) {
      const set = setOf(key)
      if (!sameSet(set, current)) {
        const until = clockwiseDistance(ONE, key)
        stretches.push({ from, to: before, peers: current })
        if (compareKeys(before, until) !== 0)
          stretches.push({ from: before, to: until, peers: [...new Set([...current, ...set])] })
        from = until
        current = set
      }
      before = key
    }
    stretches.push({ from, to: range.to, peers: current })
    return stretches
  }

  #keysIn({ from, to }: KeyRange): Key[] {
    const keys = new Map<string, Key>()
    for (const { record } of this.#context.table.inRange(from, to)) keys.set(nameOf(record.key), record.key)
    // Clockwise from the range's beginning.
    const laps = (key: Key): number => (compareKeys(key, from) > 0 ? 0 : 1)
    return [...keys.values()].sort((a, b) => laps(a) - laps(b) || compareKeys(a, b))
  }

  #next(effects: RoutingEffects): void {
    while (this.#running.size < SYNCS_AT_ONCE) {
      const stretch = this.#stretches.shift()
      if (stretch === undefined) return
      const { from, to, peers } = stretch
      const peer = peers[0]
      if (peer === undefined) continue
      const sync: Sync = new Sync(this.#context, this.#acceptance, {
        peer,
        from,
        to,
        held: this.#context.table.inRange(from, to),
        as: 'replica',
        pull: true,
        paced: true,
        done: (_, later) => {
          this.#running.delete(sync)
          this.#stretches.push({ from, to, peers: peers.slice(1) })
          this.#next(later)
        }
      })
      this.#running.set(sync, peers)
      sync.start(effects)
    }
  }
}

function sameSet(a: readonly Peer[], b: readonly Peer[]): boolean {
  return a.length === b.length && a.every(peer => b.includes(peer))
}
