/**
 * Telling others of supernodes, and hearing of them: up to 200 at connect and every two hours (giFT, packet 00). Lists were nine
 * tenths of all bytes where each link was told all of one, so whoever links says how many it can use: all that it keeps of
 * one teller where it has none or an old one, a few otherwise; and every two hours it is told what is new. It has one when two
 * have told all that it can use of theirs: the first alone could tell of its friends and of nobody else.
 */
import type { Peer } from '@servent/overlay/machine'
import {
  CONTACTS_MAX,
  HEIRS_MAX,
  LOAD_MAX,
  PROBES,
  SAID_MAX,
  SUPERNODES_MAX,
  SUPERNODES_PER_MESSAGE_MAX,
  SUPERNODES_PER_TELLER_MAX,
  SUPERNODES_PER_USER_MAX,
  SUPERNODES_REFRESH_MS,
  SUPERNODES_SAMPLE
} from './constants.ts'
import { bestUsers } from './merit-rules.ts'
import type { HelloMessage, SupernodeEntry, SupernodesMessage, Wanting } from './messages.ts'
import type { Neighbour } from './neighbours.ts'
import { seek } from './ordinary-rules.ts'
import { CONTROL } from './priorities.ts'
import { contactOf, type FastTrackState, type Fx } from './state.ts'
import { OWN_EYES } from './supernode-list.ts'

/** What a hello asks for. */
export function supernodesWanted(state: FastTrackState, wants: Wanting): number {
  const { list, listedMs, nowMs } = state
  // With as many as one round of probes takes the rest can wait for the first real link.
  const hasSome = list.hasFresh(PROBES, nowMs)
  if (wants === 'probe') return hasSome ? 0 : SUPERNODES_PER_MESSAGE_MAX
  const isListed = hasSome && nowMs - listedMs < SUPERNODES_REFRESH_MS
  if (!isListed) return SUPERNODES_PER_TELLER_MAX
  // The supernode beside it has just told some.
  return wants === 'spare' ? 0 : SUPERNODES_SAMPLE
}

/** As many as it asked for; a stranger as many as one message holds. */
export function answerWithSupernodes(
  state: FastTrackState,
  fx: Fx,
  neighbour: Neighbour,
  { wants, supernodesWanted: wanted }: HelloMessage,
  isAccepted: boolean
): void {
  const isBound = isAccepted && wants !== 'probe'
  if (isBound || wanted > 0)
    tellSupernodes(state, fx, neighbour, {
      count: Math.min(wanted, isBound ? SUPERNODES_MAX : SUPERNODES_PER_MESSAGE_MAX),
      mayHaveHeirs: isBound
    })
}

interface Telling {
  readonly count: number
  readonly mayHaveHeirs: boolean
  /** Only those that are known since then. */
  readonly sinceMs?: number
}

function tellSupernodes(
  state: FastTrackState,
  fx: Fx,
  neighbour: Neighbour,
  { count, mayHaveHeirs, sinceMs }: Telling
): void {
  const known = state.list
    .toTell(count + 1, state.nowMs, () => fx.random(), sinceMs)
    .filter(({ peer }) => peer !== neighbour.peer)
    .slice(0, count)
  const entries = known.map(
    ({ peer, users, seenMs }): SupernodeEntry => ({
      contact: contactOf(fx, peer),
      users: Math.min(LOAD_MAX, users),
      seenS: Math.min(SAID_MAX, Math.max(0, Math.floor((state.nowMs - seenMs) / 1000)))
    })
  )
  // Where there are few supernodes, the death of one may leave its users with none.
  const isAlone = mayHaveHeirs && state.isSupernode && !state.list.hasFresh(HEIRS_MAX, state.nowMs)
  const heirs = isAlone
    ? bestUsers(state, HEIRS_MAX + 1)
        .filter(({ peer }) => peer !== neighbour.peer)
        .slice(0, HEIRS_MAX)
        .map(({ peer }) => contactOf(fx, peer))
    : []
  for (let from = 0; from === 0 || from < entries.length; from += SUPERNODES_PER_MESSAGE_MAX) {
    const message: SupernodesMessage = {
      type: 'supernodes',
      entries: entries.slice(from, from + SUPERNODES_PER_MESSAGE_MAX),
      heirs: from === 0 ? heirs : []
    }
    fx.send(neighbour.link, message, CONTROL)
  }
  neighbour.listedMs = state.nowMs
}

/** The own supernode hears of those that this peer has seen itself: of two networks that met in it, it makes one. */
export function tellOfOthers(state: FastTrackState, fx: Fx): void {
  const supernode = state.neighbours.get(state.supernode)
  if (supernode === undefined) return
  const entries: SupernodeEntry[] = []
  for (const { peer, teller, users, failures } of state.list.all) {
    if (entries.length >= SUPERNODES_PER_USER_MAX) break
    if (teller !== OWN_EYES || failures > 0 || peer === supernode.peer) continue
    entries.push({ contact: contactOf(fx, peer), users: Math.min(LOAD_MAX, users), seenS: 0 })
  }
  if (entries.length > 0) fx.send(supernode.link, { type: 'supernodes', entries, heirs: [] }, CONTROL)
}

/**
 * A list is believed of a peer that this one asked or is linked with as with a supernode: so a stranger that only
 * knocks tells nobody anything.
 */
export function onSupernodes(
  state: FastTrackState,
  fx: Fx,
  neighbour: Neighbour,
  { entries, heirs }: SupernodesMessage
): void {
  const { bond } = neighbour
  if (bond === 'standby' || bond === 'guest') return
  const { nowMs, list } = state
  // What a user says is a hint: a few, and not told on before this supernode was linked with them.
  const isHint = bond === 'user'
  const most = isHint ? SUPERNODES_PER_USER_MAX : SUPERNODES_PER_TELLER_MAX
  for (const { contact, users, seenS } of entries.slice(0, most)) {
    const peer = fx.peers.intern(contact)
    if (peer > 0)
      list.told({ peer, teller: neighbour.peer, users, seenMs: nowMs - seenS * 1000, isHint, most }, nowMs)
  }
  if (isHint) return
  const { asked } = neighbour
  if (asked?.isWhole && entries.length > 0) onWholeList(state, neighbour.peer)
  const named = heirs.map(heir => fx.peers.intern(heir)).filter(peer => peer > 0)
  // The list comes before the welcome.
  if (asked?.wants === 'session') state.offeredHeirs = named
  else if (bond === 'supernode') state.heirs = named
  else if (list.size === 0) rememberHeirs(state, named)
  seek(state, fx)
}

/** Of the same teller further messages are parts of one list. */
function onWholeList(state: FastTrackState, peer: Peer): void {
  const { lister, nowMs } = state
  if (lister !== undefined && lister.peer !== peer && nowMs - lister.atMs < SUPERNODES_REFRESH_MS)
    state.listedMs = nowMs
  state.lister = { peer, atMs: nowMs }
}

/** Where nothing else is known, they are as good as any. */
function rememberHeirs(state: FastTrackState, heirs: readonly Peer[]): void {
  for (const peer of heirs)
    if (!state.contacts.has(peer) && state.contacts.size < CONTACTS_MAX)
      state.contacts.set(peer, { failures: 0, retryMs: state.nowMs, isComer: false })
}

/** Every two hours to all that are linked, a few at a time: users what is new to them, supernodes those that live, new or not. */
export function refreshLists(state: FastTrackState, fx: Fx, everyMs: number, most: number): void {
  let told = 0
  for (const neighbour of state.neighbours.all) {
    const { bond, listedMs } = neighbour
    if (bond !== 'user' && bond !== 'peering' && bond !== 'standby') continue
    if (told >= most || state.nowMs - listedMs < everyMs) continue
    tellSupernodes(state, fx, neighbour, {
      count: SUPERNODES_PER_TELLER_MAX,
      mayHaveHeirs: true,
      ...(bond === 'peering' ? {} : { sinceMs: listedMs })
    })
    told += 1
  }
}
