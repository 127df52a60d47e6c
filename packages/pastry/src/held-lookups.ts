/**
 * What comes to a joiner. From the moment when others have it in their leaf sets they send it the lookups of its keys,
 * and answer none of them themselves any more; it delivers only when it is active. So it takes them on and keeps
 * them until then: nothing is swallowed, and no two nodes answer for a key (Castro section 3.1).
 */
import { LOOKUP_BUDGET_MS_MAX, PRIORITY_URGENT } from '@servent/key-routing/machine'
import type { Link, Peer } from '@servent/overlay/machine'
import { HELD_LOOKUPS_MAX, HELD_REQUEST_MS_MAX } from './constants.ts'
import type { PastryMessage } from './messages.ts'
import type { Fx, PastryNode } from './node.ts'

type Keepable = Extract<PastryMessage, { type: 'lookup' | 'next-hops-request' }>

export interface HeldLookup {
  readonly link: Link
  readonly peer: Peer
  readonly message: Keepable
  readonly sinceMs: number
}

/** The right rule of `PastryRules.keep`. */
export function keep(node: PastryNode, link: Link, message: PastryMessage, fx: Fx): boolean {
  if (message.type !== 'lookup' && message.type !== 'next-hops-request') return false
  const peer = node.router.calls.peerOf(link)
  if (node.held.length >= HELD_LOOKUPS_MAX) dropLate(node)
  if (peer === undefined || node.held.length >= HELD_LOOKUPS_MAX) return false
  if (message.type === 'lookup')
    fx.send(link, { type: 'hop-ack', origin: message.origin.id, id: message.id }, PRIORITY_URGENT)
  node.held.push({ link, peer, message, sinceMs: node.nowMs })
  node.count('held')
  return true
}

/** Nobody waits any more for those whose time is over. */
function dropLate({ held, nowMs }: PastryNode): void {
  const inTime = held.filter(({ message, sinceMs }) => {
    const longestMs = message.type === 'lookup' ? message.budgetMs : HELD_REQUEST_MS_MAX
    return nowMs - sinceMs < Math.min(longestMs, LOOKUP_BUDGET_MS_MAX)
  })
  held.splice(0, held.length, ...inTime)
}

/** Delivers them where the node is active by now, and else says to whoever sent them that it is not. */
export function release(node: PastryNode, fx: Fx): void {
  for (const { link, peer, message, sinceMs } of node.held.splice(0)) {
    const heldMs = Math.ceil(node.nowMs - sinceMs)
    const left =
      message.type === 'lookup' ? { ...message, budgetMs: Math.max(0, message.budgetMs - heldMs) } : message
    // The link that it came by may have been one of two.
    node.deliver(node.router.calls.linkOf(peer) ?? link, left, fx)
  }
}
