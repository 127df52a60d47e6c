/**
 * Gossip (IPTPS section 3): each round tells a few members and contacts some entries of every sort, within a ration
 * and within a budget of bytes a second. Contacts pass on what concerns more than one group.
 */
import { type CallOutcome, ping as pingTwice } from '@servent/key-routing/machine'
import { type Peer, randomBelow, SELF } from '@servent/overlay/machine'
import {
  CHAIN_SPARE,
  DOUBT_PART,
  DOUBT_PATIENCE_MS,
  DOUBTED_MAX,
  DOUBTS_PER_ROUND,
  ESTIMATE_APART_MAX,
  ESTIMATE_PARTS,
  GOSSIP_BURST_BYTES,
  GOSSIP_FOR_ROUNDS_BYTES,
  GOSSIP_PER_PEER_MAX,
  PINGS_PER_ROUND,
  PRIORITY_GOSSIP,
  SLEPT_MS
} from './constants.ts'
import { compose, type Draft, head } from './gossip-draft.ts'
import { takeBeats, takeIn } from './intake.ts'
import type { Kelips } from './kelips.ts'
import type { LifeTable } from './life-table.ts'
import type { Beat, Gossip, KelipsMessage, PeerLife } from './messages.ts'
import { armNews } from './news.ts'
import { beginChain } from './own-life.ts'
import { newsTargets, roundTargets } from './targets.ts'
import type { Fx } from './types.ts'
import { groupByteLength } from './wire-group.ts'

/** One round. */
export function gossipRound(kelips: Kelips, fx: Fx): void {
  const { view, contacts, settings, counters } = kelips
  counters.rounds += 1
  kelips.epochRounds += 1
  kelips.heardOf.clear()
  kelips.introduced.clear()
  kelips.rendezvousTold.clear()
  renewOwn(kelips, fx)
  kelips.rules.expire(kelips)
  kelips.estimate = averaged(kelips, kelips.estimate)
  if (view.size > 0) {
    const peers = roundTargets(kelips, view, settings.targets, fx)
    tell(kelips, compose(kelips, 'members', fx), peers, fx)
  }
  if (contacts.table.size > 0 && settings.contactTargets > 0) {
    const peers = roundTargets(kelips, contacts.table, settings.contactTargets, fx)
    tell(kelips, compose(kelips, 'contacts', fx), peers, fx)
  }
  const { table } = contacts
  for (const row of stalest(table, PINGS_PER_ROUND)) ping(kelips, table.peerAt(row), fx)
  // News of members that live may be slow, where many die at once: before one is given up it is asked itself.
  const doubtMs = kelips.nowMs - kelips.memberTimeoutMs() * DOUBT_PART
  for (const row of stalest(view, DOUBTS_PER_ROUND))
    if (view.heardMs(row) < doubtMs) ping(kelips, view.peerAt(row), fx)
}

/**
 * Entries that are fresh. Where many announce at once there are more than the budget lets go. They wait for it then, and
 * leave rounds what these need.
 */
export function tellNews(kelips: Kelips, fx: Fx): void {
  kelips.newsArmed = false
  const { view, settings, gossipBudget, nowMs } = kelips
  const peers = newsTargets(kelips, view, settings.targets, fx)
  if (peers.length === 0) return
  const draft = compose(kelips, 'news', fx)
  if (draft.isEmpty) return
  const bytes = groupByteLength(draft.message)
  // A draft is no longer than what is not left to rounds; many of a long one are not told at once.
  const told = peers.slice(0, Math.floor((GOSSIP_BURST_BYTES - GOSSIP_FOR_ROUNDS_BYTES) / bytes))
  const waitMs = gossipBudget.waitMs(told.length * bytes + GOSSIP_FOR_ROUNDS_BYTES, nowMs)
  if (waitMs === 0) tell(kelips, draft, told, fx)
  // What the ration left over, or had to wait.
  armNews(kelips, fx, waitMs)
}

/**
 * The same life to these peers, as news: how a joiner comes to be known in its group. What rounds need is left to them.
 * Gives how many were told.
 */
export function tellLife(kelips: Kelips, life: PeerLife, peers: readonly Peer[], fx: Fx): number {
  const message = { ...head(kelips), lives: [life], beats: [], tuples: [] }
  return send(kelips, message, peers, fx, GOSSIP_FOR_ROUNDS_BYTES)
}

/** The last word of this peer, to members and to contacts. */
export function tellFarewell(kelips: Kelips, beat: Beat, fx: Fx): void {
  const { view, contacts, settings } = kelips
  const members = newsTargets(kelips, view, settings.targets, fx)
  const peers = [...members, ...newsTargets(kelips, contacts.table, settings.targets, fx)]
  send(kelips, { ...head(kelips), lives: [], beats: [beat], tuples: [] }, peers, fx)
}

export function onGossip(kelips: Kelips, from: Peer, message: Gossip, fx: Fx): void {
  const heard = (kelips.heardOf.get(from) ?? 0) + 1
  kelips.heardOf.set(from, heard)
  if (heard > GOSSIP_PER_PEER_MAX) {
    kelips.counters.gossipUnread += 1
    return
  }
  if (kelips.mode === 'idle') return
  if (kelips.isMember(kelips.peers.key(from)) || message.level <= kelips.level + 1)
    kelips.estimate = averaged(kelips, (kelips.estimate + message.estimate / ESTIMATE_PARTS) / 2)
  takeBeats(kelips, message.beats)
  takeIn(kelips, message, fx)
}

/** An estimate, cut to what this peer's own count allows, and drawn a little towards it. */
function averaged(kelips: Kelips, estimate: number): number {
  const own = kelips.localEstimate
  const cut = Math.min(own + ESTIMATE_APART_MAX, Math.max(own - ESTIMATE_APART_MAX, estimate))
  return cut + (own - cut) * OWN_WEIGHT
}

/** With this weight at every message the mean of all peers comes out, and no single group's size. */
const OWN_WEIGHT = 1 / 16

function tell(kelips: Kelips, draft: Draft, peers: readonly Peer[], fx: Fx): void {
  if (!draft.isEmpty) draft.told(send(kelips, draft.message, peers, fx))
}

/** One message, once for each peer as far as the budget goes and so much of it stays. Gives how many it went to. */
function send(kelips: Kelips, message: Gossip, peers: readonly Peer[], fx: Fx, reserve = 0): number {
  const { gossipBudget, rules, nowMs } = kelips
  const bytes = groupByteLength(message)
  let sent = 0
  for (const peer of peers) {
    const isSpare = reserve === 0 || gossipBudget.waitMs(bytes + reserve, nowMs) === 0
    if (!isSpare || !rules.mayGo(kelips, bytes)) {
      kelips.counters.gossipHeldBack += 1
      continue
    }
    sent += 1
    kelips.counters.gossipSent += 1
    kelips.counters.gossipBytes += bytes
    kelips.calls.tell(peer, message, PRIORITY_GOSSIP, fx)
  }
  return sent
}

/** The own heartbeat among those of providers, and a new chain before the old one ends. */
function renewOwn(kelips: Kelips, fx: Fx): void {
  const { origins, chain, ownLife } = kelips
  if (ownLife === undefined) return
  const row = origins.table.find(SELF)
  if (row >= 0 && (ownLife.startS !== origins.table.startAt(row) || ownLife.beat > origins.table.beatAt(row)))
    origins.table.renew(row, ownLife, kelips.nowMs)
  const lagMs = kelips.wallMs - kelips.bornMs(ownLife) - kelips.settings.heartbeatMs
  if (chain?.isNearItsEnd(kelips.nowMs, CHAIN_SPARE) || lagMs > SLEPT_MS) beginChain(kelips, fx)
}

/** Rows of which nothing was heard for longest. */
function stalest(table: LifeTable, count: number): number[] {
  const rows: number[] = []
  for (let row = 0; row < table.size; row += 1) {
    let place = rows.length
    while (place > 0 && table.heardMs(rows[place - 1]!) > table.heardMs(row)) place -= 1
    if (place >= count) continue
    rows.splice(place, 0, row)
    rows.length = Math.min(rows.length, count)
  }
  return rows
}

/** A pong shows that a peer lives, though not to others, and how far away it is. */
function ping(kelips: Kelips, peer: Peer, fx: Fx): void {
  const id = kelips.calls.nextId()
  kelips.calls.request(
    peer,
    { type: 'ping', id },
    PRIORITY_GOSSIP,
    (outcome, later) => {
      if ('answer' in outcome) {
        noteRtt(kelips, peer)
        const row = kelips.view.find(peer)
        if (row >= 0) kelips.view.hear(row, kelips.nowMs)
      } else if (outcome.failed === 'silent' || outcome.failed === 'unreachable')
        onSilent(kelips, peer, later)
    },
    fx
  )
}

export function noteRtt(kelips: Kelips, peer: Peer): void {
  const rttMs = kelips.calls.rttMs(peer)
  if (rttMs === undefined) return
  for (const table of [kelips.view, kelips.contacts.table]) {
    const row = table.find(peer)
    if (row >= 0) table.setRtt(row, rttMs)
  }
}

/** A call to it came to nothing. Where this peer had no place for one, or it none for a connection, it may well live. */
export function onFailed(kelips: Kelips, peer: Peer, outcome: CallOutcome<KelipsMessage>, fx: Fx): void {
  if (!('failed' in outcome) || outcome.failed !== 'busy') onSilent(kelips, peer, fx)
}

/**
 * It did not answer. A contact is taken out, and comes back with its next heartbeat if it lives: others of its group do as
 * well. A member is asked itself before that, with more patience: by the view this peer answers whose a key is, and the
 * keys of one that is only far away, or late, are nobody else's.
 */
export function onSilent(kelips: Kelips, peer: Peer, fx: Fx): void {
  if (!kelips.maintenance || !kelips.knows(peer) || kelips.doubted.has(peer)) return
  kelips.counters.silent += 1
  if (kelips.view.find(peer) < 0 || kelips.doubted.size >= DOUBTED_MAX) {
    giveUp(kelips, peer)
    return
  }
  kelips.doubted.add(peer)
  const done = (isAlive: boolean | 'later'): void => {
    kelips.doubted.delete(peer)
    if (!kelips.maintenance) return
    const row = kelips.view.find(peer)
    if (isAlive === true && row >= 0) kelips.view.hear(row, kelips.nowMs)
    else if (isAlive === false) giveUp(kelips, peer)
  }
  pingTwice(kelips.calls, peer, fx, done, kelips.calls.rttMs(peer) === undefined ? DOUBT_PATIENCE_MS : 0)
}

function giveUp(kelips: Kelips, peer: Peer): void {
  kelips.cache.lost.add(peer)
  kelips.bury(peer)
}

/** One of the members, evenly; nothing where there is none. */
export function anyMember(kelips: Kelips, fx: Fx, but: readonly Peer[] = []): Peer | undefined {
  return someOf(kelips.view, fx, peer => !but.includes(peer))
}

/** One that there is a link to, which tells soon that it is gone. */
export function linkedMember(kelips: Kelips, fx: Fx, but: readonly Peer[]): Peer | undefined {
  return someOf(kelips.view, fx, peer => kelips.calls.linkOf(peer) !== undefined && !but.includes(peer))
}

/** One of the contacts of all groups. */
export function anyContact(kelips: Kelips, fx: Fx, but: readonly Peer[]): Peer | undefined {
  return someOf(kelips.contacts.table, fx, peer => !but.includes(peer))
}

function someOf(table: LifeTable, fx: Fx, isFit: (peer: Peer) => boolean): Peer | undefined {
  if (table.size === 0) return undefined
  const first = randomBelow(fx, table.size)
  for (let step = 0; step < table.size; step += 1) {
    const peer = table.peerAt((first + step) % table.size)
    if (isFit(peer)) return peer
  }
  return undefined
}
