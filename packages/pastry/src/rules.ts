/**
 * The rules that the invariants P1 to P8 stand for, and the second stage of a join. A machine has the right ones; tests
 * put in others, to see that the checker of invariants finds them, and what a rule is good for.
 */
import type { KeyRange, NextHop } from '@servent/key-routing/machine'
import type { Key, Link, Peer } from '@servent/overlay/machine'
import type { PastryMessage } from './messages.ts'
import type { Fx, PastryNode } from './node.ts'

export interface PastryRules {
  /** P1: where in the routing table an id belongs. */
  slotOf(own: Key, id: Key, digitBits: number): number
  /** P2: a peer that does not answer goes from all tables. */
  fail(node: PastryNode, peer: Peer, fx: Fx): void
  /** P3: whom a key goes to next. */
  nextHops(
    node: PastryNode,
    key: Key,
    limit: number,
    silent: (peer: Peer) => boolean,
    asRoot?: boolean
  ): readonly NextHop[]
  /** P4: whether it delivers. */
  isActive(node: PastryNode): boolean
  /** P5: whether it is the closest to a key. */
  rootOf(node: PastryNode, key: Key, silent: (peer: Peer) => boolean, asRoot?: boolean): KeyRange | undefined
  /** P6: whoever takes this node for a leaf is taken for one. */
  takeLeaf(node: PastryNode, peer: Peer, fx: Fx): void
  /** P7: keeps what comes to a joiner. False: it is refused. */
  keep(node: PastryNode, link: Link, message: PastryMessage, fx: Fx): boolean
  /** P8: whether a candidate that is so far away takes the place of an entry that is so far away. */
  isNearer(candidateMs: number, entryMs: number): boolean
  /** Nodes of its tables that a joiner asks for their rows, once it is active (Rowstron section 2.5). */
  secondStageAsks(node: PastryNode): number
}
