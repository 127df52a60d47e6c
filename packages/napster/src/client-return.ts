/**
 * Going back to a server that the user named, where the loss of it had moved them to one that others told of. Nobody is
 * moved for a sign of life: the server has to answer over a link for a while, and to take the login, before the other
 * one is left. Where it is lost again soon after, the next attempt waits longer, so that a server that comes and goes
 * does not drag its users to and fro.
 */
import type { Peer } from '@servent/overlay/machine'
import { randomBelow } from '@servent/overlay/machine'
import { backOff, changeHome, firstNick, loginOf, nickOf } from './client-session.ts'
import {
  LOGIN_ANSWER_MS,
  NICK_TRIES_MAX,
  RETURN_AFTER_MS,
  RETURN_PINGS,
  RETURN_PROVEN_MS,
  RETURN_RETRY_MS,
  RETURN_RETRY_MS_MAX,
  RETURN_STEADY_MS
} from './constants.ts'
import { hello } from './mesh-links.ts'
import type { NapsterMessage } from './messages.ts'
import type { Remote } from './remotes.ts'
import type { Fx, NapsterState } from './state.ts'

export const RETURN_TIMER = 'return'

/** The attempt that is under way, and how those before it ended. */
export class Returning {
  opening: Peer | undefined
  /** The link over which the server is to show that it answers. */
  remote: Remote | undefined
  pings = 0
  pongs = 0
  nick = ''
  nickTries = 0
  hasAsked = false
  /** Attempts in turn that failed, and returns that did not last. */
  failures = 0
  returnedMs = Number.NEGATIVE_INFINITY

  /** The attempt is over, however it ended. */
  end(): void {
    this.opening = undefined
    this.remote = undefined
    this.pings = 0
    this.pongs = 0
    this.hasAsked = false
  }
}

/** Logged in at a server that the user did not name, while there are others that they did. */
function isAway(state: NapsterState): boolean {
  const { session, known } = state
  if (state.server !== undefined || !session.isIn || session.home === undefined) return false
  return known.get(session.home.peerId)?.named !== true && [...known.all].some(({ named }) => named)
}

/** Called when a session begins, and when the user names a server. */
export function returnLater(state: NapsterState, fx: Fx): void {
  const { returning } = state
  if (!isAway(state) || returning.opening !== undefined || returning.remote !== undefined) return
  const { failures } = returning
  const waitMs = failures === 0 ? 0 : backOff(fx, failures, RETURN_RETRY_MS, RETURN_RETRY_MS_MAX)
  fx.setTimer(RETURN_TIMER, Math.max(RETURN_AFTER_MS, waitMs))
}

export function onReturnTimer(state: NapsterState, fx: Fx): void {
  const { returning } = state
  const { remote } = returning
  if (remote === undefined) {
    if (returning.opening === undefined && isAway(state)) begin(state, fx)
  } else if (returning.hasAsked || returning.pongs < returning.pings)
    giveUp(state, fx, 'It does not answer in time.')
  else if (returning.pings < RETURN_PINGS) ping(state, fx, remote)
  else askIn(state, fx, remote)
}

/** One of those that failed least. */
function begin(state: NapsterState, fx: Fx): void {
  const named = [...state.known.all].filter(server => server.named)
  const least = Math.min(...named.map(({ failures }) => failures))
  const best = named.filter(({ failures }) => failures === least)
  const { peer } = best[randomBelow(fx, best.length)]!
  state.returning.opening = peer
  state.count('opens')
  fx.open(peer)
}

/** Whether the link is the one that this asked for. */
export function onReturnUp(state: NapsterState, fx: Fx, remote: Remote): boolean {
  const { returning } = state
  if (remote.inbound || remote.peer !== returning.opening) return false
  returning.end()
  returning.remote = remote
  state.send(fx, remote.link, hello(state, fx))
  ping(state, fx, remote)
  return true
}

function ping(state: NapsterState, fx: Fx, remote: Remote): void {
  state.returning.pings += 1
  state.send(fx, remote.link, { type: 'ping-server' })
  fx.setTimer(RETURN_TIMER, RETURN_STEADY_MS / RETURN_PINGS)
}

function askIn(state: NapsterState, fx: Fx, remote: Remote): void {
  const { returning } = state
  returning.hasAsked = true
  returning.nickTries = 0
  returning.nick = firstNick(state, remote)
  state.send(fx, remote.link, loginOf(state, returning.nick))
  fx.setTimer(RETURN_TIMER, LOGIN_ANSWER_MS)
}

/** What the server says that is not the user's own yet. */
export function onReturnMessage(state: NapsterState, fx: Fx, remote: Remote, message: NapsterMessage): void {
  const { returning } = state
  switch (message.type) {
    case 'hello':
      remote.hello = message
      break
    case 'ping-server':
      returning.pongs += 1
      break
    case 'login-ack':
      if (returning.hasAsked) comeBack(state, fx, remote)
      break
    case 'nick-taken':
    case 'nick-bad':
      returning.nickTries += 1
      returning.nick = nickOf(state.selfPeerId, returning.nickTries)
      if (returning.nickTries > NICK_TRIES_MAX) giveUp(state, fx, 'It refuses every nick.')
      else state.send(fx, remote.link, loginOf(state, returning.nick))
      break
    case 'login-error':
      giveUp(state, fx, message.text)
      break
    default:
      break
  }
}

function comeBack(state: NapsterState, fx: Fx, remote: Remote): void {
  const { returning } = state
  const { nick } = returning
  returning.end()
  returning.returnedMs = state.nowMs
  fx.cancelTimer(RETURN_TIMER)
  state.count('serversReturned')
  changeHome(state, fx, remote, nick)
}

/** The link to it could not be opened, or is down. */
export function onReturnFailed(state: NapsterState, fx: Fx, peer: Peer): void {
  const { opening, remote } = state.returning
  if (opening === peer || remote?.peer === peer) giveUp(state, fx, 'It is gone.')
}

function giveUp(state: NapsterState, fx: Fx, reason: string): void {
  const { returning } = state
  if (returning.remote !== undefined) state.close(fx, returning.remote, reason)
  returning.end()
  returning.failures += 1
  fx.cancelTimer(RETURN_TIMER)
  returnLater(state, fx)
}

/**
 * The user's server is lost. Where one that they named is answering already, its link is given: it is the next. A
 * server to which they had just come back is trusted less from now on, one where they stayed as at the first time.
 */
export function onHomeLost(state: NapsterState, fx: Fx): Remote | undefined {
  const { returning } = state
  const { remote } = returning
  const isSoon = state.nowMs - returning.returnedMs < RETURN_PROVEN_MS
  if (returning.returnedMs !== Number.NEGATIVE_INFINITY)
    returning.failures = isSoon ? returning.failures + 1 : 0
  returning.returnedMs = Number.NEGATIVE_INFINITY
  returning.end()
  fx.cancelTimer(RETURN_TIMER)
  return remote?.leaving === false ? remote : undefined
}
