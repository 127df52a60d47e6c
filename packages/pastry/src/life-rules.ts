/**
 * How a node gets into a ring, stays in one, and begins again. Rowstron section 2.4: it should begin with a node that
 * is near, and so it measures those that it knows, asks the nearest for its neighbourhood set, and so on (Castro
 * section 4.2). Rings that a partition made are found by nodes that were lost: each member goes to the place of its own
 * id in the ring of one of them, every so often, and whoever it finds there has a place in its leaf set or not.
 */
import { clamp, compareKeys, type Peer, SELF } from '@servent/overlay/machine'
import {
  CONTACTS_ASKED_MAX,
  FIRST_CONTACT_MS,
  JOIN_ALONE_MS,
  JOIN_RETRY_MS,
  MERGE_MS,
  SEED_SAMPLES_MAX,
  SEED_STEPS_MAX
} from './constants.ts'
import { release } from './held-lookups.ts'
import { walk } from './join-walk.ts'
import { forget, probeLeaf } from './leaf-rules.ts'
import type { Fx, PastryNode } from './node.ts'
import { arm, disarm, GATHER_TIMER } from './rounds.ts'
import { announce, askNeighbours, considerEntry, measure } from './table-rules.ts'

/** Looks for a ring among all that are known. */
export function gather(node: PastryNode, fx: Fx): void {
  disarm(fx)
  node.term += 1
  stopSteps(node)
  node.setMode('joining', fx)
  node.gatheringSinceMs = node.nowMs
  node.gatherMs = JOIN_RETRY_MS
  tryJoin(node, fx)
  fx.setTimer(GATHER_TIMER, remembered(node).length === 0 ? FIRST_CONTACT_MS : node.gatherMs)
}

/** What an earlier membership asked is nothing any more. */
export function stopSteps(node: PastryNode): void {
  node.probing.clear()
  node.awaited.clear()
  node.asking.clear()
  node.named.clear()
  node.suitors.clear()
  node.candidates.clear()
  node.measuring.clear()
  node.inHand.clear()
  node.repairs = 0
  node.announces = false
  node.walking = false
  node.entering = false
}

function remembered({ cache, table }: PastryNode): Peer[] {
  return [...new Set([...cache.bootstrap.peers, ...table.peers(), ...cache.lost.peers])]
}

export function gatherAgain(node: PastryNode, fx: Fx): void {
  const isAlone = node.mode === 'member' && node.leaves.isEmpty
  if (node.mode !== 'joining' && !isAlone) return
  if (isAlone) {
    // Whoever stays alone asks less and less often.
    node.gatherMs = clamp(2 * node.gatherMs, JOIN_RETRY_MS, MERGE_MS)
    probeForeign(node, fx)
  } else if (!node.walking && !node.entering) {
    const isLate = node.nowMs - node.gatheringSinceMs >= JOIN_ALONE_MS
    if (isLate || remembered(node).length === 0) alone(node, fx)
    else tryJoin(node, fx)
  }
  fx.setTimer(GATHER_TIMER, node.gatherMs)
}

/** Nobody else is there: a ring of its own, which serves what it knows and merges later. */
function alone(node: PastryNode, fx: Fx): void {
  node.entering = true
  activate(node, fx)
}

/** A few of those that it was told of, has in its table or has lost, in turn. */
function someContacts(node: PastryNode): Peer[] {
  const { bootstrap, lost } = node.cache
  const known = [bootstrap.next(), lost.next(), bootstrap.next(), lost.next(), ...node.table.peers()]
  const peers = new Set(known.filter(peer => peer !== undefined && peer !== SELF) as Peer[])
  return [...peers].slice(0, CONTACTS_ASKED_MAX)
}

export function tryJoin(node: PastryNode, fx: Fx): void {
  if (node.walking || node.entering || node.mode !== 'joining') return
  const contacts = someContacts(node)
  if (contacts.length === 0) return
  const { term } = node
  node.walking = true
  node.count('joins')
  nearestOf(node, contacts, fx, (first, fx) => {
    if (node.term !== term) return
    if (first === undefined) {
      joinFailed(node, fx)
      return
    }
    const go = (seed: Peer, fx: Fx): void => walkFrom(node, [...new Set([seed, first, ...contacts])], fx)
    if (node.settings.proximity === 'off') go(first, fx)
    else nearer(node, first, SEED_STEPS_MAX, fx, go)
  })
}

/** Of those that answer, the nearest. With one there is nothing to choose. */
function nearestOf(
  node: PastryNode,
  peers: readonly Peer[],
  fx: Fx,
  done: (nearest: Peer | undefined, fx: Fx) => void
): void {
  if (peers.length < 2) {
    done(peers[0], fx)
    return
  }
  const { term } = node
  const hand = [...peers]
  node.inHand.add(hand)
  let waiting = peers.length
  let [nearest, nearestMs] = [undefined as Peer | undefined, Number.POSITIVE_INFINITY]
  for (const peer of peers) {
    measure(node, peer, fx, (ms, fx) => {
      if (node.term !== term) return
      waiting -= 1
      if (typeof ms === 'number' && ms < nearestMs) [nearest, nearestMs] = [peer, ms]
      if (waiting > 0) return
      node.inHand.delete(hand)
      done(nearest, fx)
    })
  }
}

/** Steps towards a node that is near: of its neighbours, the nearest, as long as that one is nearer than itself. */
function nearer(
  node: PastryNode,
  from: Peer,
  steps: number,
  fx: Fx,
  done: (seed: Peer, fx: Fx) => void
): void {
  const { term } = node
  const hand = [from]
  node.inHand.add(hand)
  askNeighbours(node, from, fx, (neighbours, fx) => {
    if (node.term !== term) return
    node.inHand.delete(hand)
    const others = (neighbours ?? []).slice(0, SEED_SAMPLES_MAX - 1)
    if (others.length === 0 || steps === 0) {
      done(from, fx)
      return
    }
    nearestOf(node, [from, ...others], fx, (nearest, fx) => {
      if (nearest === undefined || nearest === from) done(nearest ?? from, fx)
      else nearer(node, nearest, steps - 1, fx, done)
    })
  })
}

/** By the first, and where that comes to nothing by the others. */
function walkFrom(node: PastryNode, contacts: readonly Peer[], fx: Fx): void {
  walk(node, contacts, fx, ({ root, leaves, entries, neighbours, out }, fx) => {
    if (root === undefined) {
      foundNobody(node, contacts, out, fx)
      return
    }
    enter(node, [root, ...leaves], fx)
    for (const peer of [...entries, ...neighbours]) considerEntry(node, peer, fx)
  })
}

/** Takes its place in the leaf sets of others: it is active when all of them have answered. */
function enter(node: PastryNode, leaves: readonly Peer[], fx: Fx): void {
  node.walking = false
  node.entering = true
  node.enteringSinceMs = node.nowMs
  for (const peer of node.probing) node.awaited.add(peer)
  for (const peer of leaves) probeLeaf(node, peer, fx)
  if (node.awaited.size === 0 && node.mode === 'joining') joinFailed(node, fx)
}

/**
 * Where all who were asked are out too and have asked this node, the one with the lowest id begins, and the others find
 * it. Of those who all know one that knows none of them, none does: that one begins by itself.
 */
function foundNobody(node: PastryNode, contacts: readonly Peer[], out: readonly Peer[], fx: Fx): void {
  const { callers } = node
  const isFirst = out.every(
    peer => callers.peers.includes(peer) && compareKeys(node.key, node.keyOf(peer)) < 0
  )
  // One of unlike sizes has no ring for anybody here.
  if (isFirst && out.length >= contacts.filter(peer => !node.unlike.has(peer)).length) alone(node, fx)
  else joinFailed(node, fx)
}

/** The next look at the contacts tries again. */
export function joinFailed(node: PastryNode, fx: Fx): void {
  node.walking = false
  node.entering = false
  node.count('joinsFailed')
  release(node, fx)
}

/** Its whole leaf set has answered: it delivers from now on, what was kept first. */
export function activate(node: PastryNode, fx: Fx): void {
  node.walking = false
  node.setMode('member', fx)
  node.periods.begin(node.nowMs)
  node.rightSinceMs = node.nowMs
  node.leavesChanged(fx)
  release(node, fx)
  arm(node, fx)
  // The rows that the way brought are measured first: what is announced lives.
  if (node.measuring.size > 0) node.announces = true
  else announce(node, fx)
}

/** No leaf is left. Who knew nobody else is a ring of its own; any other has fallen out of one. */
export function lostAll(node: PastryNode, fx: Fx): void {
  node.count('isolated')
  node.metMs = undefined
  if (node.table.size > 0) {
    gather(node, fx)
    return
  }
  node.gatherMs = JOIN_RETRY_MS
  fx.setTimer(GATHER_TIMER, JOIN_RETRY_MS)
}

/** Goes to the place of its own id in the ring of a remembered peer, and takes in whoever it did not know. */
export function probeForeign(node: PastryNode, fx: Fx, by?: Peer): void {
  const via = by ?? nextRemembered(node)
  if (node.walking || via === undefined) return
  node.walking = true
  node.count('foreignProbes')
  walk(node, [via], fx, ({ root, leaves, entries }, fx) => {
    node.walking = false
    if (root === undefined) return
    if (node.leaves.isEmpty) {
      // Who was alone joins as a newcomer does.
      disarm(fx)
      node.setMode('joining', fx)
      node.gatherMs = JOIN_RETRY_MS
      fx.setTimer(GATHER_TIMER, JOIN_RETRY_MS)
      enter(node, [root, ...leaves], fx)
    } else {
      for (const peer of [root, ...leaves]) if (node.leaves.wants(peer)) probeLeaf(node, peer, fx)
    }
    for (const peer of entries) considerEntry(node, peer, fx)
  })
}

/** In turn by those that it was told of, those that it lost, and those of its table, which may lie beyond a gap. */
function nextRemembered({ cache, counters, table }: PastryNode): Peer | undefined {
  const turn = counters.foreignProbes ?? 0
  const entries = table.peers()
  const ways = [
    () => cache.bootstrap.next(),
    () => cache.lost.next(),
    () => entries[Math.floor(turn / 3) % Math.max(1, entries.length)]
  ]
  for (let way = 0; way < ways.length; way += 1) {
    const peer = ways[(turn + way) % ways.length]!()
    if (peer !== undefined) return peer
  }
  return undefined
}

/** Out of its ring: all tables are empty. */
export function clearTables(node: PastryNode, fx: Fx): void {
  node.term += 1
  stopSteps(node)
  node.setMode('idle', fx)
  const { leaves, table } = node
  for (const peer of [...leaves.members, ...table.peers()]) forget(node, peer, fx)
  node.neighbourhood.clear()
  node.metMs = undefined
  release(node, fx)
  disarm(fx)
  fx.cancelTimer(GATHER_TIMER)
}

/** Two that know each other and have no ring do not wait for the next round. */
export function onCaller(node: PastryNode, peer: Peer, fx: Fx): void {
  if (node.mode !== 'joining' || node.callers.peers.includes(peer)) return
  node.callers.add(peer)
  if (node.cache.bootstrap.peers.includes(peer)) tryJoin(node, fx)
}
