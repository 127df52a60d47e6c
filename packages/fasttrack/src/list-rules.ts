/** Telling others of supernodes, and hearing of them: 200 at connect and every two hours (giFT, packet 00). */
import type { Peer } from '@servent/overlay/machine'
import {
  CONTACTS_MAX,
  HEIRS_MAX,
  LOAD_MAX,
  SAID_MAX,
  SUPERNODES_MAX,
  SUPERNODES_PER_MESSAGE_MAX,
  SUPERNODES_PER_TELLER_MAX,
  SUPERNODES_PER_USER_MAX
} from './constants.ts'
import { bestUsers } from './merit-rules.ts'
import type { SupernodeEntry, SupernodesMessage } from './messages.ts'
import type { Neighbour } from './neighbours.ts'
import { seek } from './ordinary-rules.ts'
import { CONTROL } from './priorities.ts'
import { contactOf, type FastTrackState, type Fx } from './state.ts'
import { OWN_EYES } from './supernode-list.ts'

/** All that is known, in several messages, or as many as one holds. */
export function tellSupernodes(state: FastTrackState, fx: Fx, neighbour: Neighbour, isWhole: boolean): void {
  const count = isWhole ? SUPERNODES_MAX : SUPERNODES_PER_MESSAGE_MAX
  const known = state.list
    .toTell(count + 1, state.nowMs, () => fx.random())
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
  const isAlone = isWhole && state.isSupernode && known.length < HEIRS_MAX
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
  // The list comes before the welcome.
  if (bond === 'supernode' || neighbour.asked?.wants === 'session') {
    state.heirs = heirs.map(heir => fx.peers.intern(heir)).filter(peer => peer > 0)
  } else if (list.size === 0)
    rememberHeirs(
      state,
      heirs.map(heir => fx.peers.intern(heir))
    )
  seek(state, fx)
}

/** Where nothing else is known, they are as good as any. */
function rememberHeirs(state: FastTrackState, heirs: readonly Peer[]): void {
  for (const peer of heirs)
    if (peer > 0 && !state.contacts.has(peer) && state.contacts.size < CONTACTS_MAX)
      state.contacts.set(peer, { failures: 0, retryMs: state.nowMs, isComer: false })
}

/** Every two hours to all that are linked, a few at a time. */
export function refreshLists(state: FastTrackState, fx: Fx, everyMs: number, most: number): void {
  let told = 0
  for (const neighbour of state.neighbours.all) {
    const { bond, listedMs } = neighbour
    if (bond !== 'user' && bond !== 'peering' && bond !== 'standby') continue
    if (told >= most || state.nowMs - listedMs < everyMs) continue
    tellSupernodes(state, fx, neighbour, true)
    told += 1
  }
}
