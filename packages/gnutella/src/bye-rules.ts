/**
 * Bye, with its codes (Bye proposal; draft 0.6, 2.2.7), and what makes this servent say it.
 *
 * | code | said here when |
 * |------|----------------|
 * | 200 | the user stops the servent |
 * | 203 | this servent changes its tier |
 * | 400 | too many descriptors whose payload breaks the rules, or queries over `QUERY_RELAYED_BYTES_MAX`; route tables that are broken or too many |
 * | 401 | too many queries that this same link had brought before |
 * | 402 | too many queries with nothing to search for |
 * | 403 | too many broadcasts with a TTL over `TTL_HARD_MAX` or of 0 |
 * | 405 | its send queue was too full for too long |
 * | 406 | it did not answer when asked whether it is alive |
 * | 501 | a part of the handshake came among descriptors |
 * | 502 | its send queue overflowed |
 * | 503 | the user left fewer places, or a neighbour that was lost is back |
 *
 * Only a peer that said `Bye-Packet` is sent one. Whoever hears a Bye sends nothing more, hands on hits and
 * pushes for `BYE_DRAIN_MS`, and ends the link.
 */
import type { Link } from '@servent/overlay/machine'
import { openMore } from './calling-rules.ts'
import { BYE_DRAIN_MS, BYE_REASON_CHARACTERS_MAX, OFFENCES_MS, OFFENCES_PER_MINUTE_MAX } from './constants.ts'
import { newGuid } from './guid.ts'
import type { ByeMessage } from './messages.ts'
import type { Neighbour, Offence } from './neighbours.ts'
import { PRIORITY_LAST_WORD, priorityOf } from './priorities.ts'
import type { Fx, GnutellaState } from './state.ts'

export type ByeCode = 200 | 203 | 400 | 401 | 402 | 403 | 405 | 406 | 501 | 502 | 503

const OFFENCES: Readonly<Record<Offence, { readonly code: ByeCode; readonly reason: string }>> = {
  malformed: { code: 400, reason: 'Too many descriptors that break the rules' },
  duplicates: { code: 401, reason: 'Too many queries that you sent before' },
  'bad-queries': { code: 402, reason: 'Too many queries for nothing' },
  'bad-ttl': { code: 403, reason: 'Too many descriptors with a bad TTL' }
}

/** Says why, and ends the link; nothing that it brings afterwards counts. */
export function sayBye(
  state: GnutellaState,
  fx: Fx,
  neighbour: Neighbour,
  code: ByeCode,
  reason: string
): void {
  const { link, hearsBye, phase } = neighbour
  if (hearsBye && phase === 'up') {
    state.count('byesSent')
    const text = reason.slice(0, BYE_REASON_CHARACTERS_MAX)
    const bye: ByeMessage = { type: 'bye', guid: newGuid(fx), ttl: 1, hops: 0, code, reason: text }
    // With a full queue nothing else gets through; otherwise what was promised before goes first.
    fx.send(link, bye, code === 502 ? PRIORITY_LAST_WORD : priorityOf(bye))
  }
  leave(state, neighbour)
  fx.close(link, `Bye ${code}: ${reason}`)
}

/** Counts what no peer that keeps the rules does often; past the bound the peer is sent away for a while. */
export function offend(state: GnutellaState, fx: Fx, neighbour: Neighbour, kind: Offence): void {
  const count = neighbour.offend(kind, state.nowMs, OFFENCES_MS)
  if (count <= OFFENCES_PER_MINUTE_MAX || neighbour.phase !== 'up') return
  const { code, reason } = OFFENCES[kind]
  state.banished.set(neighbour.name.text, true, state.nowMs)
  sayBye(state, fx, neighbour, code, reason)
}

/** The timer after which a link that was said Bye on ends. */
export function drainTimer(link: Link): string {
  return `drain-${link}`
}

export function onBye(state: GnutellaState, fx: Fx, neighbour: Neighbour): void {
  state.count('byesReceived')
  leave(state, neighbour)
  neighbour.draining = true
  fx.setTimer(drainTimer(neighbour.link), BYE_DRAIN_MS)
  openMore(state, fx)
}

export function onDrainTimer(state: GnutellaState, fx: Fx, link: Link): void {
  if (state.neighbours.get(link)?.phase === 'leaving') fx.close(link, 'It said Bye.')
}

function leave(state: GnutellaState, neighbour: Neighbour): void {
  state.neighbours.setPhase(neighbour, 'leaving')
  state.answering.forget(neighbour.link)
}
