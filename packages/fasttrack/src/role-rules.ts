/**
 * Becoming a supernode, and becoming ordinary again. Either way nothing is given up before it is somewhere else: a new
 * supernode keeps its place with its former one until its own index has its files, and one that steps down serves its
 * users until they have all moved, or `STEP_DOWN_MS_MAX` is over.
 */
import { PEERINGS_SOUGHT, STEP_DOWN_MS_MAX } from './constants.ts'
import { sayHello, setBond } from './link-rules.ts'
import type { Neighbour } from './neighbours.ts'
import { beginSeeking } from './ordinary-rules.ts'
import { endAllQueries } from './query-rules.ts'
import { runOwnSearches } from './search-rules.ts'
import type { FastTrackState, Fx } from './state.ts'
import { OWN_INDEX } from './upload.ts'
import { startUpload } from './upload-rules.ts'
import { removeOwner } from './user-rules.ts'

export function becomeSupernode(state: FastTrackState, fx: Fx, reason: string): void {
  state.role = 'supernode'
  state.steppingDownMs = undefined
  state.roleSinceMs = state.nowMs
  state.balancedMs = state.nowMs
  state.lowMs = undefined
  state.emptyMs = undefined
  state.promotionDueMs = undefined
  state.moving = []
  state.heirs = []
  state.count('promotions')
  fx.notify({ type: 'role', role: 'supernode', reason })
  for (const neighbour of [...state.neighbours.with('probed'), ...state.neighbours.with('spare')])
    if (neighbour.asked === undefined) sayHello(state, fx, neighbour, 'peering')
  removeOwner(state, fx, state.selfName(fx))
  startUpload(state, fx, OWN_INDEX)
  runOwnSearches(state, fx)
}

/** A supernode that was this peer's own, or was asked to be, is one among others. */
export function joinPeers(state: FastTrackState, fx: Fx, neighbour: Neighbour): void {
  if (neighbour.asked === undefined) sayHello(state, fx, neighbour, 'peering')
}

/** Hands everything over, and is ordinary afterwards. */
export function stepDown(state: FastTrackState, fx: Fx): void {
  state.steppingDownMs = state.nowMs
  state.count('demotions')
  beginSeeking(state, fx)
  seekHome(state, fx)
}

/**
 * A place of its own for a supernode that steps down: with one that it is linked with and has reached, and where that one has none to give, or
 * steps down itself and says so, with the next.
 */
export function seekHome(state: FastTrackState, fx: Fx): void {
  if (state.supernode !== undefined || state.pendingSession !== undefined) return
  const home = emptiest(state).find(({ isSupernode, isReached }) => isSupernode && isReached)
  if (home !== undefined) sayHello(state, fx, home, 'session')
}

/** Supernodes that are linked, with the fewest users first. */
export function emptiest(state: FastTrackState): Neighbour[] {
  return state.neighbours
    .with('peering')
    .filter(({ asked }) => asked === undefined)
    .sort((a, b) => a.users - b.users || a.link - b.link)
}

/** Whether a supernode that steps down has handed over all, or has tried for long enough. */
export function endSteppingDown(state: FastTrackState, fx: Fx): void {
  const { steppingDownMs, nowMs, users, upload, supernode } = state
  if (steppingDownMs === undefined) return
  const isDone = users === 0 && supernode !== undefined && upload.target === supernode && upload.isComplete
  const isLate = nowMs - steppingDownMs >= STEP_DOWN_MS_MAX
  if (isDone || isLate) becomeOrdinary(state, fx)
}

function becomeOrdinary(state: FastTrackState, fx: Fx): void {
  state.role = 'ordinary'
  state.steppingDownMs = undefined
  state.roleSinceMs = state.nowMs
  fx.notify({ type: 'role', role: 'ordinary', reason: 'Other supernodes have room for all' })
  state.count('usersCutOff', state.users)
  endAllQueries(state, fx)
  for (const neighbour of [...state.neighbours.all]) {
    const { bond, link, asked } = neighbour
    if (bond === 'supernode' || bond === 'former' || bond === 'spare') continue
    if (bond === 'new' && asked !== undefined) continue
    if (
      bond === 'peering' &&
      state.spare === undefined &&
      state.pendingSpare === undefined &&
      asked === undefined
    ) {
      setBond(state, fx, neighbour, 'new')
      sayHello(state, fx, neighbour, 'spare')
      continue
    }
    if (bond !== 'peering' || asked === undefined) {
      setBond(state, fx, neighbour, 'new')
      fx.close(link, 'Not a supernode any more')
    }
  }
  if (state.upload.target === OWN_INDEX) startUpload(state, fx, undefined)
  removeOwner(state, fx, state.selfName(fx))
  if (state.supernode === undefined) beginSeeking(state, fx)
}

/** How many more supernodes this one looks for to link with. */
export function peeringsMissing(state: FastTrackState): number {
  let opening = 0
  for (const { wants } of state.opening.values()) if (wants === 'peering') opening += 1
  return PEERINGS_SOUGHT - state.neighbours.count('peering') - opening
}
