/**
 * Links from their beginning to their end: who wants what of whom (hello), and what becomes of it (welcome). A link begins
 * as nothing; one pair of peers has one link, and what it is for may change: a user becomes a supernode, a spare the
 * supernode.
 */
import { type Input, type Link, type LinkEnd, type Peer, SELF } from '@servent/overlay/machine'
import {
  CONTACT_RETRY_MS_MAX,
  CONTACTS_MAX,
  GUESTS_MAX,
  INDEX_BYTES_MAX,
  LOAD_MAX,
  OPENS_MAX,
  PEERINGS_MAX,
  RETRY_MS,
  SAID_MAX,
  STANDBYS_PART,
  SUPERNODES_PER_TELLER_MAX
} from './constants.ts'
import { answerWithSupernodes, supernodesWanted } from './list-rules.ts'
import type { HelloMessage, Wanting, WelcomeMessage } from './messages.ts'
import { type Bond, Neighbour } from './neighbours.ts'
import { lostSupernode, onProbed, onSessionAnswer, onSpareAnswer, seek } from './ordinary-rules.ts'
import { CONTROL } from './priorities.ts'
import { dropQueriesOf } from './query-rules.ts'
import { becomeSupernode } from './role-rules.ts'
import { claimsToBeSupernode } from './sightings.ts'
import type { FastTrackState, Fx } from './state.ts'
import type { FastTrackTypes } from './types.ts'
import { forgetFiles, welcomeUser } from './user-rules.ts'

/** Opens a link for a purpose, or asks a peer that is linked already. False: not now. */
export function reach(state: FastTrackState, fx: Fx, peer: Peer, wants: Wanting): boolean {
  const linked = state.neighbours.ofPeer(peer)
  if (linked !== undefined) {
    if (linked.asked !== undefined) return false
    sayHello(state, fx, linked, wants)
    return true
  }
  if (state.opening.has(peer) || (wants !== 'session' && state.opening.size >= OPENS_MAX)) return false
  state.opening.set(peer, { wants, atMs: state.nowMs })
  state.count('opens')
  fx.open(peer)
  return true
}

export function sayHello(state: FastTrackState, fx: Fx, neighbour: Neighbour, wants: Wanting): void {
  const wanted = supernodesWanted(state, wants)
  neighbour.asked = { wants, atMs: state.nowMs, isWhole: wanted === SUPERNODES_PER_TELLER_MAX }
  if (wants === 'session') {
    state.pendingSession = neighbour.link
    state.offeredHeirs = []
  }
  if (wants === 'spare') state.pendingSpare = neighbour.link
  const { isReachable, uploadKbps } = state.circumstances
  const hello: HelloMessage = {
    type: 'hello',
    wants,
    isSupernode: state.isSupernode && state.steppingDownMs === undefined,
    isReachable,
    uploadKbps: Math.min(SAID_MAX, uploadKbps),
    uptimeS: Math.min(SAID_MAX, state.uptimeS),
    addresses: fx.peers.contact(SELF).addresses,
    supernodesWanted: wanted
  }
  fx.send(neighbour.link, hello, CONTROL)
}

export function onLinkUp(
  state: FastTrackState,
  fx: Fx,
  { link, peer, inbound, origin }: Extract<Input<FastTrackTypes>, { type: 'link-up' }>
): void {
  const { id } = fx.peers.contact(peer)
  const neighbour = new Neighbour({ link, peer, id, inbound, origin, nowMs: state.nowMs })
  const { neighbours } = state
  neighbours.add(neighbour)
  // Whoever opened it: of two that open at once one link stays.
  const opening = state.opening.get(peer)
  state.opening.delete(peer)
  if (opening !== undefined) {
    // Of two places that come up one is asked for a session at a time.
    const isSecond = opening.wants === 'session' && state.pendingSession !== undefined
    sayHello(state, fx, neighbour, isSecond ? 'probe' : opening.wants)
  } else if (neighbours.count('new') + neighbours.count('guest') > GUESTS_MAX) {
    const leaving = oldestSilent(state) ?? neighbour
    leaving.isLeaving = true
    fx.close(leaving.link, 'Too many peers that only ask')
  }
}

/** Whoever comes says hello at once; the oldest that has not is idle, and keeps no newcomer out. */
function oldestSilent({ neighbours }: FastTrackState): Neighbour | undefined {
  for (const neighbour of neighbours.all)
    if (neighbour.bond === 'new' && neighbour.asked === undefined && !neighbour.isLeaving) return neighbour
  return undefined
}

export function onUnreachable(state: FastTrackState, fx: Fx, peer: Peer): void {
  const { nowMs } = state
  state.count('unreachable')
  state.opening.delete(peer)
  state.list.failed(peer, nowMs)
  contactFailed(state, peer)
  seek(state, fx)
}

/** Tries of a contact before the waits between them grow: a network that begins has no supernode for a while. */
const CONTACT_TRIES = 4

export function contactFailed(state: FastTrackState, peer: Peer): void {
  const contact = state.contacts.get(peer)
  if (contact === undefined) return
  const doublings = Math.max(0, Math.min(contact.failures - CONTACT_TRIES, 10))
  contact.retryMs = state.nowMs + Math.min(CONTACT_RETRY_MS_MAX, RETRY_MS * 2 ** doublings)
  contact.failures += 1
}

/** A peer that speaks the protocol; what it is will be seen. The oldest makes room. */
export function onContact(state: FastTrackState, fx: Fx, peer: Peer): void {
  addContact(state, peer, false)
  seek(state, fx)
}

function addContact(state: FastTrackState, peer: Peer, isComer: boolean): void {
  const { contacts } = state
  if (contacts.has(peer)) return
  const oldest = contacts.keys().next().value
  if (oldest !== undefined && contacts.size >= CONTACTS_MAX) contacts.delete(oldest)
  contacts.set(peer, { failures: 0, retryMs: state.nowMs, isComer })
}

export function onHello(state: FastTrackState, fx: Fx, neighbour: Neighbour, hello: HelloMessage): void {
  const { peer, id } = neighbour
  if (hello.addresses.length > 0) fx.peers.intern({ id, addresses: hello.addresses })
  neighbour.isSupernode = hello.isSupernode
  const wasUser = neighbour.bond === 'user'
  const isHome = neighbour.bond === 'supernode' || neighbour.bond === 'former'
  if (!hello.isSupernode && !isHome) state.list.forget(peer)
  if (!state.isSupernode && isHeirFor(state, hello)) {
    becomeSupernode(state, fx, 'The supernode is gone, and others of its users turn to this peer')
  }
  const isAccepted = state.isSupernode && accept(state, fx, neighbour, hello)
  if (hello.isSupernode) claimsToBeSupernode(state, fx, neighbour)
  if (!isAccepted && neighbour.bond === 'new') setBond(state, fx, neighbour, 'guest')
  const welcome: WelcomeMessage = {
    type: 'welcome',
    wants: hello.wants,
    isAccepted,
    isSupernode: state.isSupernode && state.steppingDownMs === undefined,
    users: Math.min(LOAD_MAX, state.users),
    usersMax: Math.min(LOAD_MAX, state.usersSoft)
  }
  // The list comes first: whoever reads the answer may end the link at once.
  answerWithSupernodes(state, fx, neighbour, hello, isAccepted)
  fx.send(neighbour.link, welcome, CONTROL)
  if (isAccepted && hello.wants === 'session') welcomeUser(state, fx, neighbour, hello, !wasUser)
  if (!state.isSupernode) {
    addContact(state, peer, true)
    // It may be the supernode that was looked for.
    if (hello.isSupernode && isHomeless(state) && neighbour.asked === undefined)
      sayHello(state, fx, neighbour, 'session')
  }
}

function isHomeless({ supernode, pendingSession }: FastTrackState): boolean {
  return supernode === undefined && pendingSession === undefined
}

/** Whether this peer takes the place of a supernode that died: one of its users asks, and it has missed it, too. */
function isHeirFor(state: FastTrackState, { wants }: HelloMessage): boolean {
  const { supernode, spare, settings, circumstances } = state
  return (
    wants === 'session' &&
    settings.role === 'auto' &&
    circumstances.isReachable &&
    supernode === undefined &&
    spare === undefined &&
    state.hadSupernode
  )
}

/** Whether a supernode gives what is wanted; the link is for that from then on. */
function accept(
  state: FastTrackState,
  fx: Fx,
  neighbour: Neighbour,
  { wants, isSupernode }: HelloMessage
): boolean {
  const { neighbours } = state
  const isStaying = state.steppingDownMs === undefined
  switch (wants) {
    case 'probe':
      if (neighbour.bond === 'new') setBond(state, fx, neighbour, 'guest')
      return (
        isStaying &&
        state.users < state.usersSoft &&
        state.indexedBytes < INDEX_BYTES_MAX &&
        !neighbours.isPlaceFull('user', neighbour)
      )
    case 'session': {
      if (neighbour.bond === 'user') return isStaying
      // Who holds it as the spare was promised a place.
      const room = neighbour.bond === 'standby' ? state.usersHard : state.usersSoft
      const isFull = state.users >= room || state.indexedBytes >= INDEX_BYTES_MAX
      if (!isStaying || isFull || neighbours.isPlaceFull('user', neighbour)) {
        state.count('usersRefused')
        return false
      }
      setBond(state, fx, neighbour, 'user')
      return true
    }
    case 'spare':
      if (neighbour.bond === 'standby') return true
      if (!isStaying || neighbours.count('standby') >= STANDBYS_PART * state.settings.ordinariesPerSupernode)
        return false
      if (neighbours.isPlaceFull('standby', neighbour)) return false
      setBond(state, fx, neighbour, 'standby')
      return true
    case 'peering':
      if (!isStaying || !isSupernode) return false
      if (neighbour.bond !== 'peering' && neighbours.count('peering') >= PEERINGS_MAX) {
        if (neighbour.user?.promotedMs === undefined) return false
        makeRoomForPeer(state, fx)
      }
      setBond(state, fx, neighbour, 'peering')
      return true
  }
}

/** For one that this supernode has made: it is to get its share of the users, and is known to nobody else yet. */
function makeRoomForPeer(state: FastTrackState, fx: Fx): void {
  const peers = state.neighbours.with('peering')
  const leaving = peers[fx.random() % peers.length]!
  setBond(state, fx, leaving, 'guest')
  fx.close(leaving.link, 'Room for another supernode')
}

export function onWelcome(
  state: FastTrackState,
  fx: Fx,
  neighbour: Neighbour,
  message: WelcomeMessage
): void {
  const { asked, peer } = neighbour
  if (asked?.wants !== message.wants) return
  neighbour.asked = undefined
  neighbour.rttMs = state.nowMs - asked.atMs
  neighbour.isSupernode = message.isSupernode
  neighbour.users = message.users
  neighbour.usersMax = message.usersMax
  if (message.isSupernode) claimsToBeSupernode(state, fx, neighbour)
  else state.list.forget(peer)
  switch (message.wants) {
    case 'probe':
      onProbed(state, fx, neighbour, message.isAccepted)
      break
    case 'session':
      state.pendingSession = undefined
      onSessionAnswer(state, fx, neighbour, message.isAccepted)
      break
    case 'spare':
      state.pendingSpare = undefined
      onSpareAnswer(state, fx, neighbour, message.isAccepted)
      break
    case 'peering':
      onPeeringAnswer(state, fx, neighbour, message)
      break
  }
}

function onPeeringAnswer(
  state: FastTrackState,
  fx: Fx,
  neighbour: Neighbour,
  { isAccepted, isSupernode }: WelcomeMessage
): void {
  if (isAccepted && state.isSupernode) setBond(state, fx, neighbour, 'peering')
  else if (isSupernode || !state.isSupernode) fx.close(neighbour.link, 'No link between supernodes')
  else {
    contactFailed(state, neighbour.peer)
    // An ordinary node: it may want to be a user, now that it knows of this supernode.
    if (neighbour.bond === 'new') setBond(state, fx, neighbour, 'guest')
  }
}

/** What a link is for. A user that is one no more takes its files along. */
export function setBond(state: FastTrackState, fx: Fx, neighbour: Neighbour, bond: Bond): void {
  if (neighbour.bond === bond) return
  if (neighbour.bond === 'user') forgetFiles(state, fx, neighbour)
  state.neighbours.setBond(neighbour, bond, state.nowMs)
  if (state.supernode === neighbour.link && bond !== 'supernode') state.supernode = undefined
  if (state.spare === neighbour.link && bond !== 'spare') state.spare = undefined
  if (state.former?.link === neighbour.link && bond !== 'former') state.former = undefined
}

export function onLinkDown(state: FastTrackState, fx: Fx, link: Link, { kind }: LinkEnd): void {
  const neighbour = state.neighbours.get(link)
  if (neighbour === undefined) return
  const { bond, peer } = neighbour
  if (bond === 'user') state.count('usersLost')
  setBond(state, fx, neighbour, 'new')
  state.neighbours.delete(neighbour)
  if (state.pendingSession === link) state.pendingSession = undefined
  if (state.pendingSpare === link) state.pendingSpare = undefined
  const wasNeeded = bond === 'supernode' || bond === 'spare' || bond === 'peering'
  if (kind !== 'local' && kind !== 'duplicate' && wasNeeded) state.list.failed(peer, state.nowMs)
  dropQueriesOf(state, fx, link)
  if (bond === 'supernode') lostSupernode(state, fx, link)
  else if (bond === 'spare') state.retrySpareMs = state.nowMs
  if (!state.stopped) seek(state, fx)
}
