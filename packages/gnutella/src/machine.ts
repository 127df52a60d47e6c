/**
 * Gnutella 0.6 as a pure machine. Here inputs are led to the rules that they concern; the rules stand in the
 * files named after them, and what they share in `state.ts`.
 *
 * How searches are spread is the user's choice. Where all servents are alike: one flood, an expanding ring, or random
 * walkers. In the two tiers a leaf asks its ultrapeers, and an ultrapeer asks others in one flood, or step by step
 * (dynamic querying), guided by the leaf. All styles share how a search begins, how a query of it is made, and how its
 * results are counted (`search-rules.ts`).
 *
 * One input causes at most `SENDS_PER_INPUT_MAX` messages out, a message at most `SENDS_PER_MESSAGE_MAX`.
 *
 * Sources: the lecture notes (queries, hits, pings, pushes), the 0.6 draft, Rohrs and Falco's ping and pong
 * scheme, the Bye proposal, Rohrs' SACHRIFC (flow control), Markatos (query cache), Lv et al. (expanding ring,
 * random walks); and for the two tiers Singla and Rohrs (ultrapeers), Rohrs (query routing) and Fisk (routing between
 * ultrapeers, dynamic queries) and Solares (leaf guidance).
 */
import type { Effects, Input, Link, Machine, Peer, RequestId, Timer } from '@servent/overlay/machine'
import { drainTimer, offend, onBye, onDrainTimer, sayBye } from './bye-rules.ts'
import { onVouched } from './cache-rules.ts'
import { onContact, onUnreachable } from './calling-rules.ts'
import { dynamicTimer, onDynamicTimer } from './dynamic-rules.ts'
import { onRingTimer, ringTimer } from './expanding-ring-rules.ts'
import { onGuidance } from './guidance-rules.ts'
import {
  handshakeTimer,
  onConnect,
  onHandshakeTimer,
  onLinkDown,
  onLinkUp,
  onStatus,
  outOfStep
} from './handshake-rules.ts'
import { onHit } from './hit-rules.ts'
import type { Descriptor, GnutellaMessage, OtherMessage } from './messages.ts'
import type { Neighbour } from './neighbours.ts'
import { onPing, onPong } from './ping-rules.ts'
import { askPush, onPush } from './push-rules.ts'
import { onMatched, onQuery } from './query-rules.ts'
import { onWalkWord } from './random-walk-rules.ts'
import { endSearch, onVerified, startSearch } from './search-rules.ts'
import { resize, share } from './settings-rules.ts'
import { type Fx, GnutellaState } from './state.ts'
import { addWords, onTable, takeWords } from './table-rules.ts'
import type {
  GnutellaAnswer,
  GnutellaCommand,
  GnutellaSettings,
  GnutellaTables,
  GnutellaTypes
} from './types.ts'
import { onStart, onStop, onUpkeep, UPKEEP_TIMER } from './upkeep.ts'

export * from './constants.ts'
export type * from './messages.ts'
export { pongsNeeded } from './pong-cache.ts'
export { addHashes, type HashedFile } from './qrp-hash.ts'
export * from './tier-constants.ts'
export type * from './types.ts'
export { gnutellaCodec } from './wire.ts'

export class GnutellaMachine implements Machine<GnutellaTypes> {
  readonly #state: GnutellaState

  /** Settings out of their range are taken for the nearest that is in it. */
  constructor(settings: Partial<GnutellaSettings> = {}) {
    this.#state = new GnutellaState(settings)
  }

  handle(input: Input<GnutellaTypes>, effects: Effects<GnutellaTypes>): void {
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
        break
      case 'message':
        onMessage(state, effects, input.link, input.message)
        break
      case 'pressure':
        onPressure(state, effects, input.link, input.level)
        break
      case 'command':
        onCommand(state, effects, input.id, input.command)
        break
      case 'timer':
        onTimer(state, effects, input.timer)
        break
      case 'answer':
        onAnswer(state, effects, input.id, 'answer' in input ? input.answer : undefined)
        break
    }
  }

  heldPeers(hold: (peer: Peer) => void): void {
    const { hosts, lost, opening, neighbours } = this.#state
    hosts.peers(hold)
    lost.peers(hold)
    for (const peer of opening.keys()) hold(peer)
    for (const { peer } of neighbours.all) hold(peer)
  }

  /** Of the collections that `snapshot` does not show. */
  sizes(): Readonly<Record<string, number>> {
    return this.#state.sizes()
  }

  snapshot(): GnutellaTables {
    return this.#state.snapshot()
  }
}

function onMessage(state: GnutellaState, fx: Fx, link: Link, message: GnutellaMessage): void {
  const neighbour = state.neighbours.get(link)
  if (neighbour === undefined) return
  neighbour.heardMs = state.nowMs
  neighbour.alivePingMs = undefined
  if (message.type === 'connect') onConnect(state, fx, neighbour, message)
  else if (message.type === 'status') onStatus(state, fx, neighbour, message)
  else if (neighbour.phase === 'up') onDescriptor(state, fx, neighbour, message)
  else if (neighbour.phase !== 'leaving') outOfStep(state, fx, neighbour)
  else if (neighbour.draining && message.type === 'query-hit') onHit(state, fx, neighbour, message)
  else if (neighbour.draining && message.type === 'push') onPush(state, fx, neighbour, message)
}

function onDescriptor(state: GnutellaState, fx: Fx, neighbour: Neighbour, message: Descriptor): void {
  switch (message.type) {
    case 'ping':
      onPing(state, fx, neighbour, message)
      break
    case 'pong':
      onPong(state, fx, neighbour, message)
      break
    case 'query':
      onQuery(state, fx, neighbour, message)
      break
    case 'query-hit':
      onHit(state, fx, neighbour, message)
      break
    case 'push':
      onPush(state, fx, neighbour, message)
      break
    case 'bye':
      onBye(state, fx, neighbour)
      break
    case 'table-reset':
    case 'table-patch':
      onTable(state, fx, neighbour, message)
      break
    case 'other':
      onOther(state, fx, neighbour, message)
      break
    case 'malformed':
      state.count('descriptorsMalformed')
      offend(state, fx, neighbour, 'malformed')
      break
  }
}

/** Vendor messages, and what is not invented yet: within its length, and harmless. */
function onOther(state: GnutellaState, fx: Fx, neighbour: Neighbour, message: OtherMessage): void {
  const known = onWalkWord(state, fx, neighbour, message) || onGuidance(state, fx, neighbour, message)
  if (!known) state.count('descriptorsUnknown')
}

/** Flow control by the bytes that wait (SACHRIFC): whoever does not take what it is sent asks no more. */
function onPressure(state: GnutellaState, fx: Fx, link: Link, level: 'low' | 'high' | 'overflow'): void {
  const neighbour = state.neighbours.get(link)
  if (neighbour === undefined) return
  if (level === 'low') neighbour.fullSinceMs = undefined
  else if (level === 'high') neighbour.fullSinceMs ??= state.nowMs
  else sayBye(state, fx, neighbour, 502, 'Your queue overflowed')
}

function onCommand(state: GnutellaState, fx: Fx, id: RequestId, command: GnutellaCommand): void {
  switch (command.type) {
    case 'search':
      startSearch(state, fx, id, command)
      break
    case 'end-search':
      endSearch(state, fx, command.search)
      break
    case 'push':
      askPush(state, fx, id, command)
      break
    case 'sharing':
      share(state, command)
      break
    case 'words':
      takeWords(state, fx, command.hashes)
      break
    case 'words-added':
      addWords(state, fx, command.hashes)
      break
    case 'resize':
      resize(state, fx, command.neighbours)
      break
  }
}

function onTimer(state: GnutellaState, fx: Fx, timer: Timer): void {
  if (timer === UPKEEP_TIMER) {
    onUpkeep(state, fx)
    return
  }
  const link = numberOf(timer)
  if (timer === dynamicTimer(link)) onDynamicTimer(state, fx, link)
  if (timer === handshakeTimer(link)) onHandshakeTimer(state, fx, link)
  if (timer === drainTimer(link)) onDrainTimer(state, fx, link)
  if (timer === ringTimer(link)) onRingTimer(state, fx, link)
}

/** The link in the name of a timer, the search, or the dynamic query. */
function numberOf(timer: Timer): number {
  const [, number] = `${timer}`.split('-')
  return Number(number)
}

/** An answer that is of another kind than its question, or none, counts as nothing found. */
function onAnswer(state: GnutellaState, fx: Fx, id: RequestId, answer: GnutellaAnswer | undefined): void {
  const { answering } = state
  const match = answering.matches.answered(id)
  if (match !== undefined) {
    onMatched(state, fx, match, answer?.type === 'match' ? answer.results : [])
    return
  }
  const verify = answering.verifies.answered(id)
  if (verify !== undefined) {
    onVerified(state, fx, verify, answer?.type === 'verify' ? answer.files : [])
    return
  }
  const entry = answering.vouched(id)
  if (entry !== undefined)
    onVouched(state, fx, entry, answer?.type === 'vouch' ? answer.expiresMs : undefined)
}
