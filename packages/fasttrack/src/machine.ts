/**
 * FastTrack as a pure machine. Here inputs are led to the rules that they concern; the rules stand in the files named
 * after them, and what they share in `state.ts`. One machine is both an ordinary node and a supernode, and decides itself
 * which.
 *
 * Sources: giFT-FastTrack, PROTOCOL 1.19; Liang, Kumar and Ross, "Understanding KaZaA", "The FastTrack overlay: a
 * measurement study". What supernodes say to each other was never published: it is done here so that it means the same.
 */
import type { Effects, Input, Link, Machine, Peer, RequestId } from '@servent/overlay/machine'
import { LEVEL_MAX } from './constants.ts'
import { adopt } from './ideal.ts'
import { onContact, onHello, onLinkDown, onLinkUp, onUnreachable, onWelcome } from './link-rules.ts'
import { onSupernodes } from './list-rules.ts'
import { onDecline, onPromote, shareOut } from './merit-rules.ts'
import type { FastTrackMessage, HelloMessage } from './messages.ts'
import type { Neighbour } from './neighbours.ts'
import { moveOn, onHandOver } from './ordinary-rules.ts'
import { askPush, onPush } from './push-rules.ts'
import { onQueriesTimer, onQuery, onQueryEnd, QUERIES_TIMER } from './query-rules.ts'
import { onRelayedResults } from './result-rules.ts'
import { endSearch, onResults, onSearchEnd, searchMore, startSearch } from './search-rules.ts'
import { claimsToBeSupernode } from './sightings.ts'
import { FastTrackState, type Fx } from './state.ts'
import type { FastTrackCommand, FastTrackSettings, FastTrackTables, FastTrackTypes } from './types.ts'
import { onPing, onStart, onStop, onUpkeep, UPKEEP_TIMER } from './upkeep.ts'
import { OWN_INDEX } from './upload.ts'
import { onChanged, onShared, pump, startUpload, UPLOAD_TIMER } from './upload-rules.ts'
import { onShare, onUnshare } from './user-rules.ts'

export * from './constants.ts'
export type { IdealPlace } from './ideal.ts'
export { indexedFile, isWanted } from './index-entry.ts'
export type * from './messages.ts'
export { score } from './ordinary-rules.ts'
export { QUERIES_TIMER } from './query-rules.ts'
export type { Counter } from './state.ts'
export { sample } from './supernode-list.ts'
export type * from './types.ts'
export { wantedContent, wantedOf } from './wanted.ts'
export { fasttrackCodec } from './wire.ts'

export class FastTrackMachine implements Machine<FastTrackTypes> {
  readonly #state: FastTrackState

  /** Settings out of their range are taken for the nearest that is in it. */
  constructor(settings: Partial<FastTrackSettings> = {}) {
    this.#state = new FastTrackState(settings)
  }

  handle(input: Input<FastTrackTypes>, effects: Effects<FastTrackTypes>): void {
    const state = this.#state
    state.nowMs = effects.nowMs()
    if (state.stopped) return
    switch (input.type) {
      case 'start':
        onStart(state, effects, input.saved)
        break
      case 'stop':
        onStop(state, effects)
        break
      case 'contact':
        onContact(state, effects, input.peer)
        break
      case 'link-up':
        onLinkUp(state, effects, input)
        break
      case 'link-down':
        onLinkDown(state, effects, input.link, input.end)
        break
      case 'unreachable':
        onUnreachable(state, effects, input.peer)
        moveOn(state, effects)
        break
      case 'message':
        onMessage(state, effects, input.link, input.message)
        break
      case 'pressure': {
        const neighbour = state.neighbours.get(input.link)
        if (neighbour !== undefined) neighbour.isFull = input.level !== 'low'
        break
      }
      case 'command':
        onCommand(state, effects, input.id, input.command)
        break
      case 'timer':
        if (input.timer === UPKEEP_TIMER) onUpkeep(state, effects)
        else if (input.timer === QUERIES_TIMER) onQueriesTimer(state, effects)
        else if (input.timer === UPLOAD_TIMER) pump(state, effects)
        break
      case 'answer':
        state.answered(effects, input.id, 'answer' in input ? input.answer : undefined)
        break
    }
  }

  heldPeers(hold: (peer: Peer) => void): void {
    this.#state.peers(hold)
  }

  /** Of the collections, with their bounds in `constants.ts`. */
  sizes(): Readonly<Record<string, number>> {
    return this.#state.sizes()
  }

  snapshot(): FastTrackTables {
    return this.#state.snapshot()
  }
}

function onMessage(state: FastTrackState, fx: Fx, link: Link, message: FastTrackMessage): void {
  const neighbour = state.neighbours.get(link)
  if (neighbour === undefined) return
  neighbour.heardMs = state.nowMs
  switch (message.type) {
    case 'hello':
      hello(state, fx, neighbour, message)
      break
    case 'welcome':
      onWelcome(state, fx, neighbour, message)
      break
    case 'supernodes':
      onSupernodes(state, fx, neighbour, message)
      break
    case 'share':
      onShare(state, fx, neighbour, message)
      break
    case 'unshare':
      onUnshare(state, fx, neighbour, message)
      break
    case 'shared':
      onShared(state, fx, neighbour, message)
      break
    case 'query':
      onQuery(state, fx, neighbour, message)
      break
    case 'results':
      if (neighbour.bond === 'peering') onRelayedResults(state, fx, neighbour, message)
      else onResults(state, fx, neighbour, message)
      break
    case 'query-end':
      if (neighbour.bond === 'peering') onQueryEnd(state, fx, neighbour, message.id)
      else onSearchEnd(state, fx, neighbour, message.id)
      break
    case 'promote':
      onPromote(state, fx, neighbour)
      break
    case 'decline':
      onDecline(state, fx, neighbour)
      break
    case 'hand-over':
      onHandOver(state, fx, neighbour, message)
      break
    case 'ping':
      onPing(state, fx, neighbour)
      break
    case 'pong':
      neighbour.users = message.users
      neighbour.usersMax = message.usersMax
      if (neighbour.isSupernode) claimsToBeSupernode(state, fx, neighbour)
      break
    case 'push':
      onPush(state, fx, neighbour, message)
      break
  }
}

/** Of a user that was asked to be a supernode, and now is one, others follow. */
function hello(state: FastTrackState, fx: Fx, neighbour: Neighbour, message: HelloMessage): void {
  const wasAsked = neighbour.user?.promotedMs !== undefined
  onHello(state, fx, neighbour, message)
  if (wasAsked && neighbour.bond === 'peering') shareOut(state, fx, neighbour)
}

function onCommand(state: FastTrackState, fx: Fx, id: RequestId, command: FastTrackCommand): void {
  switch (command.type) {
    case 'search':
      startSearch(state, fx, id, command.wanted, command.ttl)
      break
    case 'more':
      searchMore(state, fx, command.search)
      break
    case 'end-search':
      endSearch(state, command.search)
      break
    case 'push':
      askPush(state, fx, id, command)
      break
    case 'circumstances':
      state.circumstances = { isReachable: command.isReachable, uploadKbps: command.uploadKbps }
      break
    case 'adopt':
      adopt(state, fx, command.place)
      break
    case 'reshare':
      startUpload(state, fx, state.isSupernode ? (state.upload.target ?? OWN_INDEX) : state.supernode)
      break
    case 'changed':
      onChanged(state, fx, command.added, command.removed)
      break
    case 'level': {
      const user = state.neighbours.user(command.peerId)?.user
      if (user !== undefined) user.level = Math.max(0, Math.min(LEVEL_MAX, command.level || 0))
      break
    }
  }
}
