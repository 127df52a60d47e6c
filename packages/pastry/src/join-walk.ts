/**
 * The way of a joiner to the node that is closest to its id (Rowstron section 2.4), in a ring of which it is not a
 * part. It asks step by step, so that it sees itself who is silent and goes around; each node on the way gives the
 * rows that it is the first to share, and the last its leaf set. Whoever looks for a foreign ring goes the same way.
 */
import { NEXT_HOPS_MAX, SILENT_MAX } from '@servent/key-routing/machine'
import { type Peer, SELF, sameBytes } from '@servent/overlay/machine'
import { JOIN_ENTRIES_MAX, JOIN_STEPS_MAX, LEAF_SET_MAX, NEIGHBOURHOOD_MAX } from './constants.ts'
import type { JoinAnswer, JoinRequest } from './messages.ts'
import type { Fx, PastryNode } from './node.ts'
import { isUnlike, request, sizesOf } from './node-calls.ts'
import { standingOf } from './standing.ts'

/** What the way brought. Handles are good as long as the caller holds them. */
export interface Walk {
  /** The closest; nothing where the way came to no end. */
  readonly root: Peer | undefined
  readonly leaves: readonly Peer[]
  readonly entries: readonly Peer[]
  readonly neighbours: readonly Peer[]
  /** Those that answered and are no members. */
  readonly out: readonly Peer[]
}

/** `done` is called once, or never where the node begins another membership first. */
export function walk(
  node: PastryNode,
  contacts: readonly Peer[],
  fx: Fx,
  done: (walk: Walk, fx: Fx) => void
): void {
  const { term } = node
  const hand: Peer[] = [...contacts]
  /** The best last. Those of earlier answers stay below, for when all of the later ones are silent. */
  const stack: Peer[] = contacts.toReversed()
  const asked = new Set<Peer>([SELF])
  const silent: Uint8Array[] = []
  const entries: Peer[] = []
  const out: Peer[] = []
  let neighbours: readonly Peer[] = []
  let row = 0
  let isFirst = true
  node.inHand.add(hand)
  const end = (root: Peer | undefined, leaves: readonly Peer[], fx: Fx): void => {
    node.inHand.delete(hand)
    done({ root, leaves, entries, neighbours, out }, fx)
  }
  const take = (peer: Peer, answer: JoinAnswer, fx: Fx): void => {
    const given = node.intern(answer.entries, JOIN_ENTRIES_MAX)
    entries.push(...given)
    hand.push(...given)
    if (isFirst) {
      neighbours = node.intern(answer.neighbours, NEIGHBOURHOOD_MAX)
      hand.push(...neighbours)
      isFirst = false
    }
    for (const other of given) row = Math.max(row, node.table.rowOf(Math.max(0, node.slotOf(other))) + 1)
    if (answer.root) {
      end(peer, node.intern(answer.leaves, LEAF_SET_MAX), fx)
      return
    }
    const hops = node.intern(answer.hops, NEXT_HOPS_MAX).filter(hop => !asked.has(hop))
    hand.push(...hops)
    stack.push(...hops.reverse())
    next(fx)
  }
  const next = (fx: Fx): void => {
    const peer = stack.pop()
    if (peer === undefined || asked.size > JOIN_STEPS_MAX) {
      end(undefined, [], fx)
      return
    }
    if (asked.has(peer)) {
      next(fx)
      return
    }
    asked.add(peer)
    request(
      node,
      peer,
      id => ({ type: 'join-request', id, row, neighbours: isFirst, silent: silent.slice(-SILENT_MAX) }),
      fx,
      (heard, fx) => {
        if (node.term !== term) {
          // What a later membership does it begins itself, and nobody holds these handles for it.
          node.inHand.delete(hand)
          return
        }
        if (typeof heard !== 'object' || heard.type !== 'join-answer') {
          if (heard === undefined) silent.push(node.peers.contact(peer).id)
          next(fx)
        } else if (isUnlike(node, peer, heard, fx)) {
          next(fx)
        } else if (heard.standing === 'member') {
          take(peer, heard, fx)
        } else {
          out.push(peer)
          next(fx)
        }
      },
      2
    )
  }
  next(fx)
}

export function answerJoin(node: PastryNode, peer: Peer, message: JoinRequest): JoinAnswer {
  const standing = standingOf(node)
  const nothing = { type: 'join-answer', id: message.id, ...sizesOf(node), standing } as const
  if (standing !== 'member')
    return { ...nothing, root: false, entries: [], neighbours: [], leaves: [], hops: [] }
  const key = node.keyOf(peer)
  const isOut = (other: Peer): boolean =>
    other === peer || message.silent.some(id => sameBytes(id, node.peers.contact(other).id))
  const root = node.leaves.closest(key, isOut) === SELF && node.leaves.covers(key)
  const others = (peers: readonly Peer[]) => node.contacts(peers.filter(other => other !== peer))
  const hops = root ? [] : node.rules.nextHops(node, key, NEXT_HOPS_MAX, isOut).map(hop => hop.peer)
  return {
    ...nothing,
    root,
    entries: others(sharedRows(node, peer, message.row)).slice(0, JOIN_ENTRIES_MAX),
    neighbours: message.neighbours ? others(node.neighbourhood.peers) : [],
    leaves: root ? others(node.leaves.members) : [],
    hops: others(hops)
  }
}

/** Rows from the one that is asked for to the one in which the asker itself belongs: it may use all of these. */
function sharedRows(node: PastryNode, peer: Peer, from: number): Peer[] {
  const last = node.table.rowOf(Math.max(0, node.slotOf(peer)))
  const peers: Peer[] = []
  for (let row = from; row <= last && peers.length < JOIN_ENTRIES_MAX; row += 1)
    peers.push(...node.table.row(row))
  return peers
}
