/** A message of gossip while it is made: what goes into it, as far as that fits, and to how many it went. */
import { type Peer, SELF } from '@servent/overlay/machine'
import {
  ESTIMATE_PARTS,
  FRESH_TOLD_MAX,
  GOSSIP_BYTES_MAX,
  GOSSIP_LIVES_MAX,
  GOSSIP_TUPLES_MAX,
  PEER_PREFIX_BYTES
} from './constants.ts'
import type { Kelips } from './kelips.ts'
import type { LifeTable } from './life-table.ts'
import type { Beat, Gossip, PeerLife, PeerTuple } from './messages.ts'
import { pickFresh, pickRation } from './ration.ts'
import type { TupleTable } from './tuple-table.ts'
import type { Fx } from './types.ts'
import { beatByteLength, groupByteLength, lifeByteLength, tupleByteLength } from './wire-group.ts'

/** How every message of gossip begins. */
export function head(kelips: Kelips) {
  const estimate = Math.max(0, Math.round(kelips.estimate * ESTIMATE_PARTS))
  return { type: 'gossip', level: kelips.level, estimate } as const
}

/** Entries are added while they fit; how many they were told to is known when it has gone. */
export class Draft {
  readonly #kelips: Kelips
  readonly #told: ((messages: number) => void)[] = []
  readonly lives: PeerLife[] = []
  readonly beats: Beat[] = []
  readonly tuples: PeerTuple[] = []
  readonly #inIt = new Set<Peer>()
  #left: number

  constructor(kelips: Kelips) {
    this.#kelips = kelips
    this.#left = GOSSIP_BYTES_MAX - groupByteLength(this.message)
  }

  get message(): Gossip {
    return { ...head(this.#kelips), lives: this.lives, beats: this.beats, tuples: this.tuples }
  }

  get isEmpty(): boolean {
    return this.lives.length + this.beats.length + this.tuples.length === 0
  }

  /** It went to so many. What the budget held back is as fresh as it was. */
  told(messages: number): void {
    if (messages > 0) for (const note of this.#told) note(messages)
  }

  #fits(bytes: number): boolean {
    if (bytes > this.#left) return false
    this.#left -= bytes
    return true
  }

  /** This peer itself. A chain that has just begun nobody could hold its heartbeats against. */
  self(whole: boolean): void {
    const life = this.#kelips.ownLife
    if (life === undefined) return
    const isFresh = this.#kelips.rules.isNews(this.#kelips)
    if (!whole)
      this.#told.push(messages => {
        this.#kelips.chainTold += messages
      })
    if (whole || isFresh) this.#life(SELF, life)
    else this.#beat(SELF, life.beat, life.value)
  }

  row(table: LifeTable, row: number, whole: boolean): void {
    const peer = table.peerAt(row)
    const isIn = whole
      ? this.#life(peer, this.#kelips.lifeAt(table, row))
      : this.#beat(peer, table.beatAt(row), table.valueAt(row).slice())
    if (isIn && whole) this.#told.push(messages => table.told(row, messages))
  }

  /** False: there is no room for it. */
  tuple(row: number, withLife: boolean): boolean {
    const { tuples, origins } = this.#kelips
    const tuple = this.#kelips.tupleAt(row)
    const origin = origins.table.find(tuples.originAt(row))
    if (this.tuples.length >= GOSSIP_TUPLES_MAX) return false
    if (withLife && origin >= 0) this.row(origins.table, origin, true)
    if (!this.#fits(tupleByteLength(tuple))) return false
    this.tuples.push(tuple)
    this.#told.push(messages => tuples.told(row, messages))
    return true
  }

  farewells(): void {
    const { farewells } = this.#kelips
    const taken = farewells.filter(({ beat }) => this.#fits(beatByteLength(beat)))
    this.beats.push(...taken.map(({ beat }) => beat))
    this.#told.push(messages => {
      for (const one of taken) one.told += messages
      const left = farewells.filter(({ told }) => told < FRESH_TOLD_MAX)
      farewells.splice(0, farewells.length, ...left)
    })
  }

  #life(peer: Peer, life: PeerLife): boolean {
    if (this.#inIt.has(peer) || this.lives.length >= GOSSIP_LIVES_MAX) return false
    if (!this.#fits(lifeByteLength(life))) return false
    this.#inIt.add(peer)
    this.lives.push(life)
    return true
  }

  #beat(peer: Peer, beat: number, value: Uint8Array): boolean {
    if (this.#inIt.has(peer)) return false
    const entry = { peer: this.#kelips.peers.key(peer).slice(0, PEER_PREFIX_BYTES), beat, value }
    if (!this.#fits(beatByteLength(entry))) return false
    this.#inIt.add(peer)
    this.beats.push(entry)
    return true
  }
}

/**
 * What is fresh goes whole, since nobody knows it; what is old goes as a heartbeat, but for one of each table, so that
 * whoever missed it when it was fresh learns of it some time. Other groups' contacts are each known to few: they go whole.
 */
export function compose(kelips: Kelips, to: 'members' | 'contacts' | 'news', fx: Fx): Draft {
  const { view, contacts, origins, tuples, settings, counters, rules } = kelips
  const draft = new Draft(kelips)
  const pick = (table: LifeTable | TupleTable, entries: number): readonly number[] =>
    (to === 'news' ? pickFresh : pickRation)(table, rules.ration(entries), fx)
  if (to !== 'news') draft.self(to === 'contacts')
  draft.farewells()
  const isTurn = counters.rounds % 2 === 0
  addLives(
    draft,
    view,
    pick(view, to === 'contacts' ? settings.contactRation : settings.memberRation),
    to === 'contacts',
    isTurn
  )
  if (to !== 'contacts')
    for (const row of pick(tuples, settings.tupleRation)) draft.tuple(row, tuples.isFresh(row) || isTurn)
  if (to === 'members')
    addLives(draft, origins.table, pick(origins.table, settings.originRation), false, !isTurn)
  if (to !== 'news')
    addLives(draft, contacts.table, pick(contacts.table, settings.contactRation), true, false)
  return draft
}

function addLives(
  draft: Draft,
  table: LifeTable,
  rows: readonly number[],
  whole: boolean,
  oneWhole: boolean
): void {
  let isOwed = oneWhole
  for (const row of rows) {
    const asOld = !whole && !table.isFresh(row)
    draft.row(table, row, !asOld || isOwed)
    if (asOld) isOwed = false
  }
}
