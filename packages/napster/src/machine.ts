/**
 * OpenNap as a pure machine: a client, or a server whose own user is one of its users. Here inputs are led to the
 * rules that they concern: `client-….ts` for the user, `server-….ts` for what a server does for its users, and
 * `mesh-….ts` for what servers do for each other. What they share stands in `state.ts`.
 *
 * Sources: napster.txt (drscholl, 2000) for what is published; opennap 0.44's defaults for its limits; the lecture
 * notes for what a client does with a list of hosts.
 */
import {
  type Effects,
  type Input,
  type Link,
  type Machine,
  type Peer,
  SELF,
  type Timer,
  toHex
} from '@servent/overlay/machine'
import { ANNOUNCE_TIMER, Announcing, announceAgain, onAnnounceTimer, onChanged } from './client-announce.ts'
import { onClientMessage } from './client-machine.ts'
import {
  answerWhois,
  askCall,
  askWhois,
  endPing,
  endSearch,
  OwnQuestions,
  onQuestionTimer,
  setHotlist,
  startBrowse,
  startPings,
  startSearch
} from './client-questions.ts'
import {
  onReturnFailed,
  onReturnMessage,
  onReturnTimer,
  onReturnUp,
  RETURN_TIMER,
  Returning,
  returnLater
} from './client-return.ts'
import {
  keepAlive,
  LOGIN_ANSWER_TIMER,
  LOGIN_TIMER,
  logInSomewhere,
  onHomeDown,
  onHomeUnreachable,
  onHomeUp,
  onLoginAnswerTimer,
  onLoginTimer,
  Session,
  sendHome
} from './client-session.ts'
import { UPKEEP_MS } from './constants.ts'
import { hello, learnServers } from './mesh-links.ts'
import { LOCAL_LINK, Remote } from './remotes.ts'
import { checkIndex } from './server-index.ts'
import { saveNicks } from './server-login.ts'
import { onServerLinkDown, onServerMessage, onServerUpkeep } from './server-machine.ts'
import { ServerSearches } from './server-results.ts'
import { onSearchTimer } from './server-search.ts'
import { snapshotOf } from './snapshot.ts'
import { type Fx, idText, NapsterState } from './state.ts'
import type { NapsterCommand, NapsterSettings, NapsterTables, NapsterTypes } from './types.ts'

export * from './best-host.ts'
export * from './constants.ts'
export { entryOf } from './entries.ts'
export type * from './messages.ts'
export type * from './types.ts'
export { wantedContent, wantedOf } from './wanted.ts'
export { napsterCodec } from './wire.ts'

const UPKEEP_TIMER = 'upkeep'

export class NapsterMachine implements Machine<NapsterTypes> {
  readonly #state: NapsterState

  /** Settings out of their range are taken for the nearest that is in it. */
  constructor(settings: Partial<NapsterSettings> = {}) {
    const state = new NapsterState(settings)
    state.session = new Session()
    state.returning = new Returning()
    state.announcing = new Announcing()
    state.questions = new OwnQuestions()
    if (state.server !== undefined) state.server.searches = new ServerSearches()
    this.#state = state
  }

  handle(input: Input<NapsterTypes>, effects: Effects<NapsterTypes>): void {
    const state = this.#state
    state.nowMs = effects.nowMs()
    if (state.stopped) return
    take(state, effects, input)
    drainLoopback(state, effects)
  }

  heldPeers(hold: (peer: Peer) => void): void {
    const { known, links, opening, session, returning } = this.#state
    for (const { peer } of known.all) hold(peer)
    for (const { peer } of links.values()) hold(peer)
    for (const peer of opening) hold(peer)
    if (session.opening !== undefined) hold(session.opening)
    if (returning.opening !== undefined) hold(returning.opening)
  }

  /** Of the collections that `snapshot` does not show. */
  sizes(): Readonly<Record<string, number>> {
    return this.#state.sizes()
  }

  snapshot(): NapsterTables {
    return snapshotOf(this.#state)
  }
}

function take(state: NapsterState, fx: Fx, input: Input<NapsterTypes>): void {
  switch (input.type) {
    case 'start':
      onStart(state, fx, input.saved)
      break
    case 'stop':
      if (state.server !== undefined) saveNicks(state, state.server, fx)
      state.stopped = true
      break
    case 'contact':
      // Only servers take links of this protocol, so whoever is known to speak it is most likely one.
      learnServers(state, fx, [fx.peers.contact(input.peer)], 'met')
      if (state.server === undefined) logInSomewhere(state, fx)
      break
    case 'link-up':
      onLinkUp(state, fx, input)
      break
    case 'link-down':
      onLinkDown(state, fx, input.link)
      break
    case 'unreachable':
      state.count('unreachable')
      state.opening.delete(input.peer)
      onHomeUnreachable(state, fx, input.peer)
      onReturnFailed(state, fx, input.peer)
      break
    case 'message':
      onMessage(state, fx, input.link, input.message)
      break
    case 'pressure': {
      const remote = state.links.get(input.link)
      if (remote !== undefined) remote.isFull = input.level !== 'low'
      break
    }
    case 'command':
      onCommand(state, fx, input.id, input.command)
      break
    case 'timer':
      onTimer(state, fx, input.timer)
      break
    case 'answer':
      state.answered(fx, input.id, 'answer' in input ? input.answer : undefined)
      break
  }
}

function onStart(state: NapsterState, fx: Fx, saved: ReadonlyMap<string, Uint8Array>): void {
  state.selfId = fx.peers.contact(SELF).id
  state.selfPeerId = idText(state.selfId)
  const nicks = saved.get('nicks')
  fx.setTimer(UPKEEP_TIMER, UPKEEP_MS)
  if (state.server === undefined) return
  if (nicks !== undefined) state.server.nicks.load(nicks, fx.wallMs())
  const self = new Remote(LOCAL_LINK, SELF, state.selfId, true, state.nowMs)
  state.links.set(LOCAL_LINK, self)
  onHomeUp(state, fx, self)
}

function onLinkUp(
  state: NapsterState,
  fx: Fx,
  { link, peer, inbound, origin }: Input<NapsterTypes> & { type: 'link-up' }
): void {
  const remote = new Remote(link, peer, fx.peers.contact(peer).id, inbound, state.nowMs, origin)
  state.links.set(link, remote)
  state.opening.delete(peer)
  if (state.server !== undefined) {
    if (!inbound) state.send(fx, link, hello(state, fx))
    return
  }
  const isHome = state.session.home === undefined && (peer === state.session.opening || !inbound)
  if (isHome) onHomeUp(state, fx, remote)
  else if (!onReturnUp(state, fx, remote)) state.close(fx, remote, 'This peer is no server.')
}

function onLinkDown(state: NapsterState, fx: Fx, link: Link): void {
  const remote = state.links.get(link)
  if (remote === undefined) return
  state.links.delete(link)
  if (state.server === undefined) {
    onReturnFailed(state, fx, remote.peer)
    onHomeDown(state, fx, remote)
  } else onServerLinkDown(state, state.server, fx, remote)
}

function onMessage(state: NapsterState, fx: Fx, link: Link, message: NapsterTypes['message']): void {
  const remote = state.links.get(link)
  if (remote === undefined || remote.leaving || link === LOCAL_LINK) return
  remote.heardMs = state.nowMs
  if (state.server !== undefined) onServerMessage(state, state.server, fx, remote, message)
  else if (state.session.home === remote) onClientMessage(state, fx, message)
  else if (state.returning.remote === remote) onReturnMessage(state, fx, remote, message)
}

/** What a server and its own user say to each other, until they have nothing more to say. */
function drainLoopback(state: NapsterState, fx: Fx): void {
  const local = state.links.get(LOCAL_LINK)
  for (let next = state.loopback.shift(); next !== undefined; next = state.loopback.shift()) {
    if (next.to === 'client') onClientMessage(state, fx, next.message)
    else if (local !== undefined && state.server !== undefined)
      onServerMessage(state, state.server, fx, local, next.message)
  }
}

function onCommand(state: NapsterState, fx: Fx, id: number, command: NapsterCommand): void {
  switch (command.type) {
    case 'servers':
      learnServers(state, fx, command.contacts, 'named')
      if (state.server === undefined) {
        logInSomewhere(state, fx)
        returnLater(state, fx)
      } else onServerUpkeep(state, state.server, fx)
      break
    case 'sharing':
      onSharing(state, fx, command)
      break
    case 'changed':
      onChanged(state, fx, command.added, command.removed)
      break
    case 'announce':
      if (state.session.isIn) announceAgain(state, fx)
      break
    case 'search':
      startSearch(state, fx, id, command.wanted)
      break
    case 'end-search':
      endSearch(state, fx, command.search)
      break
    case 'browse':
      startBrowse(state, fx, id, command.user, command.after)
      break
    case 'whois':
      askWhois(state, fx, id, command.nick)
      break
    case 'hotlist':
      setHotlist(state, fx, command.action, command.nick)
      break
    case 'ping':
      startPings(state, fx, id, command.peers)
      break
    case 'call':
      askCall(state, fx, id, command.to, command.index, command.nonce)
      break
    case 'transfer':
      onTransfer(state, fx, command)
      break
    case 'index-check':
      if (state.server !== undefined) checkIndex(state, state.server, fx)
      break
    case 'index-lost':
      for (const { remote } of state.server?.users.values() ?? [])
        if (remote.hello !== undefined) state.send(fx, remote.link, { type: 'announce-again' })
      break
  }
}

function onSharing(
  state: NapsterState,
  fx: Fx,
  { files, firewalled }: NapsterCommand & { type: 'sharing' }
): void {
  const hasChanged = state.sharing.firewalled !== firewalled
  state.sharing = { files, firewalled }
  if (!state.session.isIn) return
  if (hasChanged) sendHome(state, fx, { type: 'port-change', port: firewalled ? 0 : 1 })
  const greeting = hello(state, fx)
  const addresses = greeting.addresses.map(toHex).join(' ')
  if (addresses !== state.toldAddresses) sendHome(state, fx, greeting)
  state.toldAddresses = addresses
}

function onTransfer(
  state: NapsterState,
  fx: Fx,
  { direction, begun }: NapsterCommand & { type: 'transfer' }
): void {
  if (!state.session.isIn) return
  if (direction === 'down') sendHome(state, fx, { type: begun ? 'downloading' : 'downloaded' })
  else sendHome(state, fx, { type: begun ? 'uploading' : 'uploaded' })
}

function onTimer(state: NapsterState, fx: Fx, timer: Timer): void {
  switch (timer) {
    case UPKEEP_TIMER:
      fx.setTimer(UPKEEP_TIMER, UPKEEP_MS)
      keepAlive(state, fx)
      if (state.server !== undefined) onServerUpkeep(state, state.server, fx)
      return
    case LOGIN_TIMER:
      onLoginTimer(state, fx)
      return
    case LOGIN_ANSWER_TIMER:
      onLoginAnswerTimer(state, fx)
      return
    case RETURN_TIMER:
      onReturnTimer(state, fx)
      return
    case ANNOUNCE_TIMER:
      onAnnounceTimer(state, fx)
      return
  }
  const [kind, key = ''] = `${timer}`.split(' ')
  if (kind === 'question') onQuestionTimer(state, fx, Number(key))
  else if (kind === 'whois') answerWhois(state, fx, key, undefined)
  else if (kind === 'ping') endPing(state, fx, key, undefined)
  else if (kind === 'search' && state.server !== undefined) onSearchTimer(state, state.server, fx, key)
}
