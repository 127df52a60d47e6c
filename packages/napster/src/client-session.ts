/**
 * A user's session at one server: which one, logging in, moving to another when it is gone. A server is left as
 * soon as its link ends or nothing comes over it; the next is tried at once, and after that with more and more
 * time between, each time with chance over it, so that the users of a lost server do not come all at once.
 */
import { type Peer, randomBelow } from '@servent/overlay/machine'
import { restartAnnouncing } from './client-announce.ts'
import { askAgain, failQuestions } from './client-questions.ts'
import { onHomeLost, returnLater } from './client-return.ts'
import {
  KEEP_ALIVE_MS,
  LOGIN_ANSWER_MS,
  LOGIN_RETRY_MS,
  LOGIN_RETRY_MS_MAX,
  NICK_CHARACTERS_MAX,
  NICK_TRIES_MAX
} from './constants.ts'
import type { KnownServer } from './known-servers.ts'
import { hello, learnServers } from './mesh-links.ts'
import type { HelloMessage, NapsterMessage } from './messages.ts'
import { isNick } from './nicks.ts'
import { LOCAL_LINK, type Remote } from './remotes.ts'
import type { Fx, NapsterState } from './state.ts'
import type { NapsterTables } from './types.ts'

export const LOGIN_TIMER = 'login'
export const LOGIN_ANSWER_TIMER = 'login-answer'

export class Session {
  nick = ''
  nickTries = 0
  /** The server's link; `isIn` once it has acknowledged the login. */
  home: Remote | undefined
  isIn = false
  /** The server speaks our messages. */
  speaksOurs = false
  opening: Peer | undefined
  /** Attempts that failed since a login went well. */
  failures = 0
  wasIn = false
  /** When the server was last given a sign of life. */
  pingedMs = Number.NEGATIVE_INFINITY
  motd: string[] = []
  stats: NapsterTables['stats'] = null
}

/** A time that grows with the failures, the half of it by chance. */
export function backOff(fx: Fx, failures: number, leastMs: number, mostMs: number): number {
  const ms = Math.min(mostMs, leastMs * 2 ** Math.min(failures, 16))
  return Math.floor(ms / 2) + randomBelow(fx, Math.max(1, Math.ceil(ms / 2)))
}

/** To the server that this user is logged in at, or is about to be. */
export function sendHome(state: NapsterState, fx: Fx, message: NapsterMessage): void {
  const { home } = state.session
  if (home === undefined) return
  if (home.link === LOCAL_LINK) state.loopback.push({ to: 'server', message })
  else state.send(fx, home.link, message)
}

/** Opens a link to a server, where there is none and one may be tried. */
export function logInSomewhere(state: NapsterState, fx: Fx): void {
  const { session } = state
  if (session.home !== undefined || session.opening !== undefined || state.server !== undefined) return
  const server = choose(state, fx)
  if (server === undefined) return
  if (server.tryMs > state.nowMs) {
    fx.setTimer(LOGIN_TIMER, server.tryMs - state.nowMs)
    return
  }
  server.tryMs = state.nowMs + backOff(fx, server.failures, LOGIN_RETRY_MS, LOGIN_RETRY_MS_MAX)
  session.opening = server.peer
  state.count('opens')
  fx.open(server.peer)
}

/** Of those that may be tried now one by chance, named ones first, rather one that did not fail; else the next to be. */
function choose(state: NapsterState, fx: Fx): KnownServer | undefined {
  const all = [...state.known.all]
  const due = all.filter(({ tryMs }) => tryMs <= state.nowMs)
  if (due.length === 0) return all.sort((a, b) => a.tryMs - b.tryMs)[0]
  const named = due.filter(server => server.named)
  const from = named.length > 0 ? named : due
  const least = Math.min(...from.map(({ failures }) => failures))
  const best = from.filter(({ failures }) => failures === least)
  return best[randomBelow(fx, best.length)]
}

export function onHomeUp(state: NapsterState, fx: Fx, remote: Remote): void {
  const { session } = state
  session.opening = undefined
  session.home = remote
  session.isIn = false
  session.speaksOurs = false
  session.motd = []
  session.nick = firstNick(state, remote)
  session.nickTries = 0
  sendHome(state, fx, hello(state, fx))
  sayLogin(state, fx)
  fx.setTimer(LOGIN_ANSWER_TIMER, LOGIN_ANSWER_MS)
}

export const firstNick = (state: NapsterState, remote: Remote): string =>
  state.settings.nick ?? nickOf(remote.link === LOCAL_LINK ? remote.peerId : state.selfPeerId, 0)

/**
 * Made of the PeerId where the user has chosen none, or where the one that they chose is another's. PeerIds of one
 * kind of key begin alike (`12D3KooW`), so the part after that is taken.
 */
export function nickOf(peerId: string, attempt: number): string {
  const begin = peerId.startsWith('12D3KooW') ? 8 : 2
  return peerId.slice(begin + attempt, begin + attempt + 12).slice(0, NICK_CHARACTERS_MAX)
}

function sayLogin(state: NapsterState, fx: Fx): void {
  sendHome(state, fx, loginOf(state, state.session.nick))
}

export function loginOf({ settings, sharing }: NapsterState, nick: string): NapsterMessage {
  // Transfers are libp2p's and have no port; 0 says what it always said, that nobody can call this user.
  const port = sharing.firewalled ? 0 : 1
  const { agent: client, linkSpeed: link } = settings
  return { type: 'login', nick, password: '-', port, client, link }
}

/** The published answers to a login. */
export function onLoginAck(state: NapsterState, fx: Fx): void {
  const { session } = state
  if (session.isIn || session.home === undefined) return
  session.isIn = true
  session.failures = 0
  fx.cancelTimer(LOGIN_ANSWER_TIMER)
  const known = state.known.get(session.home.peerId)
  if (known !== undefined) state.known.succeeded(known)
  state.count('logins')
  if (session.wasIn) state.count('serversMoved')
  session.wasIn = true
  state.notify(fx, { type: 'session', server: session.home.peerId })
  for (const nick of state.hotlist.values()) sendHome(state, fx, { type: 'hotlist', nick })
  if (session.speaksOurs) begin(state, fx)
  returnLater(state, fx)
}

/** The user is in at another server already, and leaves this one. What they ask now is asked there again. */
export function changeHome(state: NapsterState, fx: Fx, remote: Remote, nick: string): void {
  const { session } = state
  if (session.home !== undefined) state.close(fx, session.home, 'Its user goes to a server that they named.')
  state.announcing.stop()
  failQuestions(state, fx)
  session.home = remote
  session.isIn = false
  session.speaksOurs = remote.hello?.server === true
  session.motd = []
  session.nick = nick
  onLoginAck(state, fx)
}

export function onHelloToClient(state: NapsterState, fx: Fx, message: HelloMessage): void {
  const { session } = state
  if (session.home === undefined) return
  session.home.hello = message
  learnServers(state, fx, message.servers, session.home)
  if (session.speaksOurs || !message.server) return
  session.speaksOurs = true
  if (session.isIn) begin(state, fx)
}

function begin(state: NapsterState, fx: Fx): void {
  restartAnnouncing(state, fx)
  askAgain(state, fx)
}

/** The nick is another peer's, or not allowed at this server: one of the PeerId is nobody else's. */
export function onNickRefused(state: NapsterState, fx: Fx): void {
  const { session } = state
  if (session.home === undefined || session.isIn) return
  session.nickTries += 1
  state.count('loginsRefused')
  const own = session.home.link === LOCAL_LINK ? session.home.peerId : state.selfPeerId
  session.nick = nickOf(own, session.nickTries)
  if (session.nickTries > NICK_TRIES_MAX || !isNick(session.nick))
    leaveHome(state, fx, 'It refuses every nick.')
  else sayLogin(state, fx)
}

export function onLoginError(state: NapsterState, fx: Fx, text: string): void {
  if (state.session.isIn) return
  state.count('loginsRefused')
  leaveHome(state, fx, text)
}

export function onLoginTimer(state: NapsterState, fx: Fx): void {
  logInSomewhere(state, fx)
}

export function onLoginAnswerTimer(state: NapsterState, fx: Fx): void {
  if (!state.session.isIn) leaveHome(state, fx, 'It did not answer the login in time.')
}

function leaveHome(state: NapsterState, fx: Fx, reason: string): void {
  const { home } = state.session
  if (home === undefined) return
  state.close(fx, home, reason)
  onHomeDown(state, fx, home)
}

/** The server is gone, or will be in a moment. */
export function onHomeDown(state: NapsterState, fx: Fx, remote: Remote): void {
  const { session } = state
  if (session.home !== remote) return
  const { isIn } = session
  session.home = undefined
  session.isIn = false
  fx.cancelTimer(LOGIN_ANSWER_TIMER)
  if (isIn) state.notify(fx, { type: 'session', server: undefined })
  state.announcing.stop()
  failQuestions(state, fx)
  const next = onHomeLost(state, fx)
  if (next !== undefined) {
    onHomeUp(state, fx, next)
    return
  }
  failed(state, fx, state.known.get(remote.peerId))
}

export function onHomeUnreachable(state: NapsterState, fx: Fx, peer: Peer): void {
  const { session } = state
  if (session.opening !== peer) return
  session.opening = undefined
  failed(
    state,
    fx,
    [...state.known.all].find(known => known.peer === peer)
  )
}

function failed(state: NapsterState, fx: Fx, known: KnownServer | undefined): void {
  const { session } = state
  state.count('loginsFailed')
  session.failures += 1
  if (known !== undefined) {
    state.known.failed(known)
    known.tryMs = state.nowMs + backOff(fx, known.failures, LOGIN_RETRY_MS, LOGIN_RETRY_MS_MAX)
  }
  fx.setTimer(
    LOGIN_TIMER,
    backOff(fx, Math.min(session.failures, 6) - 1, LOGIN_RETRY_MS / 2, LOGIN_RETRY_MS_MAX)
  )
}

/** Each side hears of the other now and then; a server over which nothing comes is left. */
export function keepAlive(state: NapsterState, fx: Fx): void {
  const { home } = state.session
  if (home === undefined || home.link === LOCAL_LINK) return
  const silentMs = state.nowMs - home.heardMs
  if (silentMs > 2 * KEEP_ALIVE_MS) {
    leaveHome(state, fx, 'Nothing comes from it any more.')
    return
  }
  if (state.nowMs - state.session.pingedMs < KEEP_ALIVE_MS) return
  state.session.pingedMs = state.nowMs
  sendHome(state, fx, { type: 'ping-server' })
}
