/**
 * The order of a send queue (SACHRIFC flow control, Rohrs 2002, as gtk-gnutella has it): Push before
 * QueryHit before Pong before Query before Ping. Queries with fewer hops go first, since they have reached
 * fewer; hits with more hops go first, since more was spent on them.
 *
 * Route tables go behind all of these, in their own order.
 *
 * The handshake and a Bye for a full queue stand before all, other Byes behind all: what was promised before
 * a Bye is still delivered.
 */
import { TTL_MAX } from './constants.ts'
import type { GnutellaMessage } from './messages.ts'

/** Seven hops and none: eight classes for hits and eight for queries. */
const HOPS_CLASSES = TTL_MAX + 1

export const PRIORITY_HANDSHAKE = 0
export const PRIORITY_LAST_WORD = 0
const PRIORITY_PUSH = 1
const PRIORITY_HIT = 2
const PRIORITY_PONG = PRIORITY_HIT + HOPS_CLASSES
const PRIORITY_QUERY = PRIORITY_PONG + 1
const PRIORITY_PING = PRIORITY_QUERY + HOPS_CLASSES
/** Tables are bulk: what says that a peer lives goes before them. */
const PRIORITY_TABLE = PRIORITY_PING + 1
const PRIORITY_OTHER = PRIORITY_TABLE + 1
const PRIORITY_BYE = PRIORITY_OTHER + 1

export function priorityOf(message: GnutellaMessage): number {
  switch (message.type) {
    case 'connect':
    case 'status':
      return PRIORITY_HANDSHAKE
    case 'push':
      return PRIORITY_PUSH
    case 'query-hit':
      return PRIORITY_HIT + TTL_MAX - Math.min(message.hops, TTL_MAX)
    case 'pong':
      return PRIORITY_PONG
    case 'query':
      return PRIORITY_QUERY + Math.min(message.hops, TTL_MAX)
    case 'ping':
      return PRIORITY_PING
    case 'bye':
      return PRIORITY_BYE
    case 'table-reset':
    case 'table-patch':
      return PRIORITY_TABLE
    case 'other':
    case 'malformed':
      return PRIORITY_OTHER
  }
}
