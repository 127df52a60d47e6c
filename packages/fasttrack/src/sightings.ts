/**
 * When a peer is believed to be a supernode. Whoever knocks may say so of itself under as many keys as it likes, so that
 * is a hint: kept in a small part of the list that all comers share, and told to nobody. It has been seen once this peer
 * has reached it, by a link that it opened itself or by a dial back.
 */
import { SUPERNODES_OF_COMERS_MAX } from './constants.ts'
import type { Neighbour } from './neighbours.ts'
import { contactOf, type FastTrackState, type Fx } from './state.ts'
import { COMERS, OWN_EYES } from './supernode-list.ts'

/** Over its link it says that it is a supernode with so many users. */
export function claimsToBeSupernode(state: FastTrackState, fx: Fx, neighbour: Neighbour): void {
  const { list, nowMs } = state
  const { peer, users } = neighbour
  const known = list.get(peer)
  if (neighbour.isReached || (known?.teller === OWN_EYES && known.failures === 0)) {
    list.seen(peer, users, nowMs)
  } else {
    list.told(
      { peer, teller: COMERS, users, seenMs: nowMs, isHint: true, most: SUPERNODES_OF_COMERS_MAX },
      nowMs
    )
  }
  if (neighbour.bond === 'peering' && !neighbour.isReached) reachBack(state, fx, neighbour)
}

/**
 * Once for each link, so that those who opened it are told on, too, where they can be reached, and count where loads are
 * compared. The list of an earlier run holds what others told as well: it is no proof of that.
 */
function reachBack(state: FastTrackState, fx: Fx, neighbour: Neighbour): void {
  if (neighbour.isReachTested || !state.dialBacks.take(1, state.nowMs)) return
  neighbour.isReachTested = true
  state.count('dialBacks')
  state.ask(fx, { type: 'dial-back', contact: contactOf(fx, neighbour.peer) }, (_fx, answer) => {
    if (answer?.type !== 'dialled' || !answer.isReachable) return
    neighbour.isReached = true
    const isThere = state.neighbours.get(neighbour.link) === neighbour
    if (isThere && neighbour.isSupernode) state.list.seen(neighbour.peer, neighbour.users, state.nowMs)
  })
}
