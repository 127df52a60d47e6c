/**
 * A place in a network that has been there for long, as an observer who sees all of it gives it: for simulations that are to
 * begin with such a network. Links are up already; both sides are told, and nothing is asked or answered. Records are
 * uploaded as ever.
 */
import type { Peer } from '@servent/overlay/machine'
import { HEIRS_MAX, SUPERNODES_REFRESH_MS } from './constants.ts'
import { setBond } from './link-rules.ts'
import type { Bond } from './neighbours.ts'
import { becomeSupernode } from './role-rules.ts'
import type { FastTrackState, Fx } from './state.ts'
import type { Role } from './types.ts'
import { startUpload } from './upload-rules.ts'

export interface IdealPlace {
  readonly role: Role
  /** Supernodes that it knows, as from its last run. */
  readonly known: readonly Peer[]
  /** What links that are up are for. */
  readonly links: readonly { readonly peer: Peer; readonly bond: Bond }[]
}

/** What is given goes to what is there: links may come one after another. */
export function adopt(state: FastTrackState, fx: Fx, { role, known, links }: IdealPlace): void {
  for (const peer of known) state.list.seen(peer, 0, state.nowMs)
  if (known.length > 0) state.listedMs = state.nowMs - state.unit(fx) * SUPERNODES_REFRESH_MS
  if (role === 'supernode' && !state.isSupernode)
    becomeSupernode(state, fx, 'An observer gave this peer its place')
  for (const { peer, bond } of links) {
    const neighbour = state.neighbours.ofPeer(peer)
    if (neighbour === undefined) continue
    setBond(state, fx, neighbour, bond)
    neighbour.isSupernode = bond === 'peering' || bond === 'supernode' || bond === 'spare'
    // Where there are others to turn to, lists were told at one time or another of the last two hours.
    if (state.list.size >= HEIRS_MAX)
      neighbour.listedMs = state.nowMs - state.unit(fx) * SUPERNODES_REFRESH_MS
    if (neighbour.isSupernode) {
      neighbour.isReached = true
      state.list.seen(peer, 0, state.nowMs)
    }
    if (neighbour.user !== undefined) neighbour.user.saysReachable = true
    if (bond === 'spare') state.spare = neighbour.link
    if (bond !== 'supernode') continue
    state.supernode = neighbour.link
    state.hadSupernode = true
    startUpload(state, fx, neighbour.link)
  }
}
