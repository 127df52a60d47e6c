/**
 * What others tell, and what of it is believed. A heartbeat of somebody who is known is held against the chain, at
 * once; whoever is not known, or begins a new chain, and every tuple, must have been signed, which takes an answer of
 * the world. An entry that is no newer than what is known costs nothing.
 */

import type { StoreOutcome } from '@servent/key-routing/machine'
import { type Peer, SELF } from '@servent/overlay/machine'
import { leadsTo, stepped } from './chain.ts'
import {
  CHAIN_LENGTH,
  INTAKES_MAX,
  PEER_PREFIX_BYTES,
  TUPLE_LIFETIME_MS_MAX,
  TUPLES_PER_KEY_MAX
} from './constants.ts'
import { dropTuples } from './expiry.ts'
import { groupOf } from './group.ts'
import type { Kelips } from './kelips.ts'
import type { Life, LifeTable } from './life-table.ts'
import type { Beat, PeerLife, PeerTuple } from './messages.ts'
import { armNews, noteFarewell } from './news.ts'
import { lifeStatement, tupleStatement } from './statements.ts'
import type { Fx, Signed } from './types.ts'

export interface Told {
  readonly lives: readonly PeerLife[]
  readonly tuples: readonly PeerTuple[]
}

export interface Taken {
  /** Peers of the lives that were believed. */
  readonly peers: readonly Peer[]
  /** One for each tuple. */
  readonly outcomes: readonly StoreOutcome[]
}

type Done = (taken: Taken, fx: Fx) => void

interface Candidate {
  readonly peer: Peer
  readonly life: PeerLife
}

/** `welcome`: lives that are wanted in any case, as those of a joiner and of whom it is told. */
export function takeIn(kelips: Kelips, told: Told, fx: Fx, done?: Done, welcome = false): void {
  const candidates: Candidate[] = []
  const peers: Peer[] = []
  const providers = new Set<Peer>()
  for (const { provider } of told.tuples) {
    const peer = kelips.intern(provider)
    if (peer !== undefined) providers.add(peer)
  }
  for (const life of told.lives) {
    const peer = kelips.intern(life.contact)
    if (peer === undefined || peer === SELF) continue
    if (!isCandidate(kelips, peer, life, welcome, providers.has(peer))) peers.push(peer)
    else if (spend(kelips, life.beat)) candidates.push({ peer, life })
  }
  const outcomes: StoreOutcome[] = told.tuples.map(tuple => verdict(kelips, tuple))
  const wanted = told.tuples.filter((_, at) => outcomes[at] === 'kept')
  if (candidates.length === 0 && wanted.length === 0) {
    done?.({ peers: peers.filter(peer => kelips.knows(peer)), outcomes }, fx)
    return
  }
  if (kelips.asking >= INTAKES_MAX) {
    kelips.counters.livesRefused += candidates.length
    done?.({ peers: [], outcomes: outcomes.map(outcome => (outcome === 'kept' ? 'busy' : outcome)) }, fx)
    return
  }
  const signed = [...candidates.map(({ life }) => signedLife(kelips, life)), ...wanted.map(signedTuple)]
  const release = kelips.hold([...peers, ...candidates.map(({ peer }) => peer), ...providers])
  kelips.ask(
    { type: 'check', signed },
    (answer, later) => {
      release()
      const good = answer?.type === 'checked' ? answer.good : []
      for (const [at, { peer, life }] of candidates.entries()) {
        if (!kelips.rules.believes(good[at] === true)) kelips.counters.livesRefused += 1
        else if (enter(kelips, peer, life, welcome, providers.has(peer))) peers.push(peer)
      }
      let next = candidates.length
      const settled = outcomes.map((outcome, at): StoreOutcome => {
        if (outcome !== 'kept') return outcome
        const isGood = kelips.rules.believes(good[next] === true)
        next += 1
        return isGood ? keepTuple(kelips, told.tuples[at]!) : 'refused'
      })
      // Whoever came with tuples that were refused is no provider.
      for (const peer of providers) kelips.origins.forget(peer)
      armNews(kelips, later)
      done?.({ peers, outcomes: settled }, later)
    },
    fx
  )
}

/** Heartbeats of peers that are known. */
export function takeBeats(kelips: Kelips, beats: readonly Beat[]): void {
  for (const { peer, beat, value } of beats) {
    const tables = tablesOf(kelips)
    for (const table of tables) {
      const row = table.findPrefix(peer)
      if (row < 0) continue
      advance(kelips, table.peerAt(row), table, row, { startS: table.startAt(row), beat, value })
      break
    }
  }
}

function tablesOf({ view, contacts, origins }: Kelips): readonly LifeTable[] {
  return [view, contacts.table, origins.table]
}

/** Checked against one table, and taken into all. False: it is not the chain's. */
function advance(
  kelips: Kelips,
  peer: Peer,
  table: LifeTable,
  row: number,
  heard: { readonly startS: number; readonly beat: number; readonly value: Uint8Array }
): boolean {
  const known = { startS: table.startAt(row), beat: table.beatAt(row) }
  if (!kelips.rules.isNewer(heard, known) || heard.startS !== known.startS) return true
  const steps = heard.beat - known.beat
  if (!spend(kelips, Math.abs(steps))) return false
  if (!kelips.rules.believes(leadsTo(heard.value, steps, table.valueAt(row), kelips.oneWay))) {
    kelips.counters.livesRefused += 1
    return false
  }
  if (heard.beat === CHAIN_LENGTH) {
    farewell(kelips, peer, known.startS, heard.value)
    return true
  }
  for (const other of tablesOf(kelips)) {
    const place = other.find(peer)
    if (place >= 0 && other.startAt(place) === heard.startS && other.beatAt(place) < heard.beat)
      other.beat(place, heard.beat, heard.value, kelips.nowMs)
  }
  return true
}

/** It has said itself that it is gone, which is news. */
function farewell(kelips: Kelips, peer: Peer, startS: number, value: Uint8Array): void {
  kelips.bury(peer)
  kelips.remember(peer, startS, CHAIN_LENGTH)
  dropTuples(kelips, row => kelips.tuples.originAt(row) === peer)
  noteFarewell(kelips, {
    peer: kelips.peers.key(peer).slice(0, PEER_PREFIX_BYTES),
    beat: CHAIN_LENGTH,
    value
  })
}

/** Whether a life must be checked by its signature: it is unknown or begins anew, and there is a use for it. */
function isCandidate(
  kelips: Kelips,
  peer: Peer,
  life: PeerLife,
  welcome: boolean,
  isProvider: boolean
): boolean {
  for (const table of tablesOf(kelips)) {
    const row = table.find(peer)
    if (row < 0) continue
    if (life.startS < table.startAt(row)) return false
    if (life.startS > table.startAt(row)) return kelips.isTimely(life, kelips.memberTimeoutMs())
    advance(kelips, peer, table, row, life)
    break
  }
  // A provider that is a member or a contact is taken from there.
  if (kelips.knows(peer)) return false
  if (life.beat >= CHAIN_LENGTH) return false
  if (!kelips.rules.isRisen(kelips, peer, life)) return false
  if (!kelips.isTimely(life, kelips.originTimeoutMs())) {
    kelips.counters.staleRefused += 1
    return false
  }
  // One that is known as a provider already may be wanted as a member or a contact.
  const isNewProvider = isProvider && (kelips.origins.table.find(peer) < 0 || isBack(kelips, peer))
  return welcome || isNewProvider || isWanted(kelips, peer, life)
}

/** It was taken out of view and contacts, and is a provider still: that alone is no reason to leave it out. */
function isBack(kelips: Kelips, peer: Peer): boolean {
  return !kelips.knows(peer) && kelips.dead.has(peer)
}

/** Whether there is a place for it in view or contacts. */
function isWanted(kelips: Kelips, peer: Peer, life: PeerLife): boolean {
  const key = kelips.peers.key(peer)
  if (kelips.rules.belongs(kelips, key)) return kelips.isTimely(life, kelips.memberTimeoutMs())
  const { contacts, level } = kelips
  const group = groupOf(key, level)
  return contacts.hasRoom(group) || staleOf(kelips, group, life) >= 0
}

/**
 * The contact of a group that makes room: the one whose heartbeat is the oldest, where it is older than this one by
 * half the time after which it would be gone. So a contact that is near stays as long as it is heard of, and one that
 * is dead is replaced long before its time is over.
 */
function staleOf(kelips: Kelips, group: number, life: Life): number {
  const { table } = kelips.contacts
  let stale = -1
  let bornMs = kelips.bornMs(life) - kelips.contactTimeoutMs() / 2
  for (const row of kelips.contacts.of(group)) {
    const ownMs = kelips.bornMs({ startS: table.startAt(row), beat: table.beatAt(row) })
    if (ownMs >= bornMs) continue
    stale = row
    bornMs = ownMs
  }
  return stale
}

/** Puts a life that was checked where it belongs. */
export function enter(
  kelips: Kelips,
  peer: Peer,
  life: PeerLife,
  welcome = false,
  isProvider = false
): boolean {
  const { view, contacts, origins, nowMs } = kelips
  const isKnown = kelips.knows(peer)
  let isHeld = false
  for (const table of tablesOf(kelips)) {
    const row = table.find(peer)
    if (row < 0) continue
    isHeld = true
    const known = { startS: table.startAt(row), beat: table.beatAt(row) }
    if (!kelips.rules.isNewer(life, known)) continue
    table.renew(row, life, nowMs)
    table.freshen(row)
  }
  if (isKnown || !kelips.rules.isRisen(kelips, peer, life)) return isHeld
  kelips.dead.delete(peer)
  const key = kelips.peers.key(peer)
  // A provider may have been heard of since.
  const known = origins.table.find(peer)
  const latest = known >= 0 ? origins.table.lifeAt(known) : life
  let isIn = false
  if (kelips.rules.belongs(kelips, key)) isIn = view.add(peer, latest, nowMs) >= 0
  else {
    const group = groupOf(key, kelips.level)
    if (!contacts.hasRoom(group)) {
      const stale = staleOf(kelips, group, latest)
      if (stale >= 0) replaceContact(kelips, stale)
    }
    isIn = contacts.add(peer, latest, nowMs) >= 0
  }
  if (isIn) kelips.cache.lost.remove(peer)
  if (isProvider && origins.table.find(peer) < 0) origins.add(peer, life, nowMs)
  return isIn || welcome
}

/** Somebody with a newer heartbeat takes its place. It may come back, but not with an older one than it had. */
function replaceContact(kelips: Kelips, row: number): void {
  const { table } = kelips.contacts
  const peer = table.peerAt(row)
  if (kelips.origins.table.find(peer) < 0) kelips.remember(peer, table.startAt(row), table.beatAt(row) - 1)
  kelips.contacts.remove(row)
}

/** `kept`: it is to be checked, and kept if it is good. */
function verdict(kelips: Kelips, tuple: PeerTuple): StoreOutcome {
  const { tuples, origins, wallMs } = kelips
  if (!kelips.keeps(tuple.prefix)) return 'not-root'
  if (tuple.expiresMs <= wallMs || tuple.expiresMs > wallMs + TUPLE_LIFETIME_MS_MAX) return 'refused'
  const provider = kelips.intern(tuple.provider)
  if (provider === undefined) return 'full'
  const row = tuples.find(tuple.kind, tuple.prefix, provider)
  if (row >= 0) return tuples.sequenceAt(row) >= tuple.sequence ? 'older' : 'kept'
  if (origins.table.find(provider) >= 0 && !origins.mayHaveMore(provider)) return 'full-publisher'
  if (tuples.under(tuple.kind, tuple.prefix).length >= TUPLES_PER_KEY_MAX) return 'full-key'
  return 'kept'
}

/** A tuple that is this peer's own, or was checked. */
export function keepTuple(kelips: Kelips, tuple: PeerTuple): StoreOutcome {
  const { tuples, origins, nowMs, counters } = kelips
  const outcome = verdict(kelips, tuple)
  if (outcome !== 'kept') return outcome
  const provider = kelips.intern(tuple.provider)!
  const row = tuples.find(tuple.kind, tuple.prefix, provider)
  if (row >= 0) {
    tuples.renew(row, tuple)
    return 'kept'
  }
  if (origins.table.find(provider) < 0) {
    const life = kelips.lifeOf(provider)
    // Nobody could tell when it is over.
    if (life === undefined || origins.add(provider, life, nowMs) < 0) {
      counters.tuplesRefused += 1
      return 'refused'
    }
  }
  if (tuples.add(tuple, provider) < 0) {
    counters.tuplesRefused += 1
    origins.forget(provider)
    return 'full'
  }
  origins.count(provider, 1)
  return 'kept'
}

/** Whether so many steps may be hashed now. */
function spend(kelips: Kelips, steps: number): boolean {
  if (steps === 0 || kelips.hashBudget.take(steps, kelips.nowMs)) return true
  kelips.counters.gossipUnread += 1
  return false
}

function signedLife(kelips: Kelips, life: PeerLife): Signed {
  const anchor = stepped(life.value, life.beat, kelips.oneWay)
  return {
    signer: life.contact.id,
    statement: lifeStatement(life.startS, anchor, kelips.settings.heartbeatMs),
    signature: life.signature
  }
}

function signedTuple(tuple: PeerTuple): Signed {
  return { signer: tuple.provider.id, statement: tupleStatement(tuple), signature: tuple.signature }
}
