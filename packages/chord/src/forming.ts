/**
 * Before there is a ring. Zave's proof wants a ring to begin with r + 1 members that have whole lists (section
 * 4.2), while a real one begins with one peer. Up to r + 1 peers exchange who takes part, all with all; each
 * builds its tables of everybody that it heard, so lookups are served, and says that the theorems do not hold
 * yet. Who knows r others, each of whom has named all the rest, is a member of a ring from then on: every
 * member's list is then made of at least these, so it skips none of them, and r + 1 principals are there. Where
 * more come at one time, those with the lowest keys found the ring, and the others join it.
 *
 * A newcomer speaks to its contacts by the same exchange, and hears whether to take part here or to join.
 */
import { type Contact, compareKeys, NO_PEER, type Peer, SELF } from '@servent/overlay/machine'
import {
  CONTACTS_ASKED_MAX,
  EXCHANGE_MS_MIN,
  FORMING_MEMBERS_MAX,
  FORMING_MS,
  FOUNDERS_KEPT_MS,
  JOIN_ALONE_MS,
  JOIN_RETRY_MS,
  VIRTUAL_NODES_MAX
} from './constants.ts'
import { FormingTable } from './forming-table.ts'
import type { Member, Members, MembersRequest, Standing } from './messages.ts'
import type { Fx, Ring } from './ring.ts'
import { forgetUnlike, request } from './ring-calls.ts'
import { NOBODY, refOf } from './ring-key.ts'
import { entered, joinBy, rejoin, setMode } from './ring-life.ts'
import { enter, setPredecessor, setSuccessors } from './ring-tables.ts'
import { armJoin, disarm, GATHER_TIMER } from './ring-timers.ts'
import { nearestBehind } from './successor-list.ts'
import type { RingRef } from './types.ts'

/** Looks for a ring among all that are known. */
export function gather(ring: Ring, fx: Fx): void {
  disarm(ring, fx)
  setMode(ring, 'joining', fx)
  ring.gatheringSinceMs = ring.nowMs
  ring.gatherMs = JOIN_RETRY_MS
  if (ring.bootstrap.peers.length + ring.lost.peers.length === 0) alone(ring, fx)
  else askContacts(ring, fx)
  fx.setTimer(GATHER_TIMER, FORMING_MS)
}

/** Nobody else is there: a ring of its own, which serves what it knows and merges later. */
export function alone(ring: Ring, fx: Fx): void {
  if (!ring.rules.forming) {
    for (const place of ring.places) enter(ring, place, fx)
    setMode(ring, 'ring', fx)
    for (const place of ring.places) entered(ring, place, fx)
    return
  }
  ring.forming ??= newTable(ring)
  setMode(ring, 'forming', fx)
  build(ring, fx)
}

function newTable(ring: Ring): FormingTable {
  return new FormingTable(ring.settings.successors, (a, b) =>
    compareKeys(ring.peers.key(a), ring.peers.key(b))
  )
}

export function onGatherTimer(ring: Ring, fx: Fx): void {
  if (ring.mode === 'ring') {
    armJoin(ring, fx)
    if (ring.maintenance) rejoin(ring, fx)
    return
  }
  if (ring.mode === 'idle') return
  fx.setTimer(GATHER_TIMER, FORMING_MS)
  if (
    ring.mode === 'joining' &&
    ring.nowMs - ring.gatheringSinceMs >= JOIN_ALONE_MS &&
    !ring.places.some(place => place.joining)
  )
    alone(ring, fx)
  askMembers(ring, fx)
  if (ring.nowMs < ring.contactsDueMs) return
  // Whoever stays alone asks less and less often.
  ring.gatherMs = Math.min(2 * ring.gatherMs, Math.max(ring.settings.mergeMs, JOIN_RETRY_MS))
  askContacts(ring, fx)
}

function askMembers(ring: Ring, fx: Fx): void {
  ring.exchangeDueMs = ring.nowMs + EXCHANGE_MS_MIN
  for (const peer of ring.forming?.toAsk ?? []) askPeer(ring, peer, fx)
}

/** A few of those that it is linked with, was told of or has lost, round and round. */
export function askContacts(ring: Ring, fx: Fx): void {
  ring.contactsDueMs = ring.nowMs + ring.gatherMs
  const asked: Peer[] = []
  const ask = (peer: Peer | undefined): void => {
    if (peer === undefined || asked.length >= CONTACTS_ASKED_MAX) return
    if (asked.includes(peer) || ring.forming?.has(peer)) return
    asked.push(peer)
    askPeer(ring, peer, fx)
  }
  ask(ring.bootstrap.next())
  ask(ring.lost.next())
  for (const peer of ring.router.calls.linked()) ask(peer)
  ask(ring.bootstrap.next())
  ask(ring.lost.next())
}

export function askPeer(ring: Ring, peer: Peer, fx: Fx): void {
  if (peer === SELF) return
  const { successors: listLength, virtualNodes } = ring.settings
  request(
    ring,
    peer,
    id => ({ type: 'members-request', id, listLength, virtualNodes, members: known(ring) }),
    fx,
    (answer, fx) => {
      if (typeof answer === 'object' && answer.type === 'members') onMembers(ring, peer, answer, fx)
      else if (answer === undefined && ring.forming?.silent(peer)) build(ring, fx)
    },
    1
  )
}

/** Only those who were heard themselves: whom a peer names is in its lists. */
function known(ring: Ring): Member[] {
  return (ring.forming?.confirmed ?? []).map(peer => ({
    contact: ring.peers.contact(peer),
    virtualNodes: ring.forming!.virtualNodes(peer)
  }))
}

/** What a peer says of itself and of those that it knows. */
function onMembers(ring: Ring, peer: Peer, answer: Members, fx: Fx): void {
  if (ring.mode !== 'joining' && ring.mode !== 'forming') return
  // There is somebody: it is worth waiting for. Where all are out, all would wait for each other for ever.
  if (answer.standing !== 'out') ring.gatheringSinceMs = ring.nowMs
  if (answer.listLength !== ring.settings.successors) {
    forgetUnlike(ring, peer)
    formingWithout(ring, peer, fx)
    fx.notify({ type: 'mismatch', peer, listLength: answer.listLength })
    return
  }
  if (answer.standing === 'ring') {
    const founder = answer.members.some(({ contact }) => isSelf(ring, contact))
    // A founder that was started anew remembers nobody to build a list of, and joins like any other.
    const remembers = (ring.forming?.size ?? 0) >= ring.settings.successors
    if (founder && ring.mode === 'forming' && remembers) found(ring, foundersNamed(ring, peer, answer), fx)
    else joinBy(ring, peer, fx)
  } else if (answer.standing === 'forming') {
    const admitted = answer.members.some(({ contact }) => isSelf(ring, contact))
    if (ring.mode === 'joining' && !admitted) {
      // No room: soon there is a ring.
      ring.gatherMs = JOIN_RETRY_MS
      ring.contactsDueMs = ring.nowMs + JOIN_RETRY_MS
      return
    }
    ring.forming ??= newTable(ring)
    setMode(ring, 'forming', fx)
    take(ring, peer, answer, fx)
  }
}

function isSelf(ring: Ring, contact: Contact): boolean {
  return ring.peers.intern(contact) === SELF
}

export function onMembersRequest(ring: Ring, peer: Peer, message: MembersRequest, fx: Fx): Members {
  const { successors: listLength, virtualNodes } = ring.settings
  const standing = standingOf(ring)
  if (ring.mode === 'forming' && message.listLength === listLength) take(ring, peer, message, fx)
  const members = ring.mode === 'ring' ? founders(ring) : known(ring)
  return { type: 'members', id: message.id, standing, listLength, virtualNodes, members }
}

export function standingOf(ring: Ring): Standing {
  return ring.mode === 'ring' ? 'ring' : ring.mode === 'forming' ? 'forming' : 'out'
}

function founders(ring: Ring): Member[] {
  if (ring.nowMs - ring.foundedMs > FOUNDERS_KEPT_MS) ring.founders = []
  return ring.founders.map(peer => ({ contact: ring.peers.contact(peer), virtualNodes: 1 }))
}

function take(ring: Ring, peer: Peer, message: Members | MembersRequest, fx: Fx): void {
  const forming = ring.forming!
  const named = new Set<Peer>()
  let news = false
  for (const { contact, virtualNodes } of message.members.slice(0, FORMING_MEMBERS_MAX)) {
    const other = ring.peers.intern(contact)
    if (other === NO_PEER) continue
    named.add(other)
    if (other !== SELF && other !== peer)
      news = forming.heardOf(other, clampPlaces(virtualNodes), peer) || news
  }
  if (forming.heard(peer, clampPlaces(message.virtualNodes), named)) news = true
  if (forming.mutual > 0) ring.metMs ??= ring.nowMs
  if (forming.agreed) {
    found(ring, forming.group, fx)
    return
  }
  if (!news) return
  build(ring, fx)
  // Whoever has something new to say all the time does not make everybody speak all the time. Who comes right behind
  // another is told of soon all the same: until then the two do not know of each other.
  if (ring.nowMs >= ring.exchangeDueMs) askMembers(ring, fx)
  else fx.setTimer(GATHER_TIMER, ring.exchangeDueMs - ring.nowMs)
}

function clampPlaces(virtualNodes: number): number {
  return Math.min(Math.max(1, virtualNodes), VIRTUAL_NODES_MAX)
}

/** A founder tells who they are, itself and this peer among them. */
function foundersNamed(ring: Ring, peer: Peer, { members }: Members): Peer[] {
  const named = members.map(({ contact }) => ring.peers.intern(contact))
  return [...new Set([peer, ...named])].filter(other => other !== SELF && other !== NO_PEER)
}

/** From now on the tables are kept by stabilisation. */
function found(ring: Ring, others: readonly Peer[], fx: Fx): void {
  build(ring, fx, others)
  ring.founders = others
  ring.foundedMs = ring.nowMs
  ring.forming = undefined
  ring.count('founded')
  setMode(ring, 'ring', fx)
  for (const place of ring.places) entered(ring, place, fx)
}

/** It is out: of the tables, too. */
export function formingWithout(ring: Ring, peer: Peer, fx: Fx): void {
  if (ring.forming?.remove(peer)) build(ring, fx)
}

/** Tables of everybody who was heard, or of these. */
function build(ring: Ring, fx: Fx, others: readonly Peer[] = ring.forming?.confirmed ?? []): void {
  const forming = ring.forming
  if (forming === undefined) return
  const all: RingRef[] = []
  for (const peer of [SELF, ...others]) {
    const places = peer === SELF ? ring.places.length : Math.max(1, forming.virtualNodes(peer))
    for (let index = 0; index < places; index += 1) all.push(refOf(peer, index))
  }
  for (const place of ring.places) {
    if (!place.member) enter(ring, place, fx)
    const behind = nearestBehind(place.key, all, all.length, ring)
    place.wrapped = behind.length <= ring.settings.successors
    setSuccessors(ring, place, behind.slice(0, ring.settings.successors), fx)
    setPredecessor(ring, place, behind.at(-1) ?? NOBODY, fx)
  }
}
