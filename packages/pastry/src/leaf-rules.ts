/**
 * How leaf sets come to be right and stay so (Castro figure 2). Two nodes that take each other for leaves say so in a
 * probe and its answer, each with its whole leaf set; whoever is named there and would have a place is probed in turn,
 * and takes its place when it answers. So nobody is taken in, or out, on the word of another. A joiner is active
 * when none is left that it probed, or was told of in time.
 *
 * Repair (Rowstron section 2.5): when a leaf fails, the live one with the largest index on its side is asked for its
 * leaf set. Whoever was the left neighbour of the failed one noticed it first, and asks all: that tells them too.
 */
import { PRIORITY_URGENT } from '@servent/key-routing/machine'
import { type Link, type Peer, SELF, sameBytes } from '@servent/overlay/machine'
import {
  CONFIRMING_PROBE_TRIES,
  ENTERING_MS_MAX,
  FAILED_TOLD_MAX,
  HEARD_LATELY_MS,
  LEAF_PROBES_MAX,
  LEAF_SET_MAX,
  PROBE_TRIES,
  SUITOR_KEPT_MS
} from './constants.ts'
import { ownPeriodMs } from './failure-rate.ts'
import { activate, joinFailed, lostAll, probeForeign } from './life-rules.ts'
import type { LeafProbe, LeafState } from './messages.ts'
import type { Fx, PastryNode } from './node.ts'
import { isUnlike, ping, request, sizesOf } from './node-calls.ts'
import { standingOf } from './standing.ts'
import { considerEntry, forgetEntry } from './table-rules.ts'

/** Leaves of a peer, as it said. */
interface Named {
  readonly by: Peer
  readonly leaves: readonly Peer[]
}

function leafState(node: PastryNode): LeafState {
  const { peers, leaves, settings, failed } = node
  const own = settings.tableProbeMs === 0 && node.mode === 'member' ? ownPeriodMs(node) : 0
  return {
    ...sizesOf(node),
    standing: standingOf(node),
    leaves: node.contacts(leaves.members),
    failed: failed.slice(-FAILED_TOLD_MAX).map(peer => peers.contact(peer).id),
    probePeriodMs: own
  }
}

/** Tells a peer that it is taken for a leaf, or may be one, and hears whether it is. */
export function probeLeaf(node: PastryNode, peer: Peer, fx: Fx, tries = PROBE_TRIES): void {
  // Whatever others named, a leaf is always asked.
  const most = node.leaves.has(peer) ? LEAF_PROBES_MAX + LEAF_SET_MAX : LEAF_PROBES_MAX
  if (peer === SELF || node.probing.has(peer) || node.probing.size >= most) return
  const { term } = node
  node.probing.add(peer)
  if (node.mode === 'joining' && node.nowMs - node.enteringSinceMs < ENTERING_MS_MAX) node.awaited.add(peer)
  request(
    node,
    peer,
    id => ({ type: 'leaf-probe', id, ...leafState(node) }),
    fx,
    (heard, fx) => {
      if (node.term === term) {
        node.probing.delete(peer)
        node.awaited.delete(peer)
        if (typeof heard === 'object' && heard.type === 'leaf-probe-answer')
          hearLeaf(node, peer, heard, true, fx)
        else if (heard === undefined) node.rules.fail(node, peer, fx)
        if (heard !== undefined) node.hearsay.answered(peer)
        node.named.delete(peer)
        if (node.term === term) probed(node, fx)
      }
      node.router.settled(peer, fx)
    },
    tries
  )
}

/**
 * A joiner's whole leaf set has answered when nobody is left who has not, of those that it was told of in time: else
 * whoever names new ones again and again keeps it from its ring. A member without leaves has none to come.
 */
function probed(node: PastryNode, fx: Fx): void {
  if (node.mode === 'member') lookForOthers(node, fx)
  if (node.mode !== 'joining' || !node.entering || node.awaited.size > 0) return
  if (node.leaves.isEmpty) joinFailed(node, fx)
  else activate(node, fx)
}

/** Once, when the last leaf of a member has gone, however it went, and nobody is being asked who may be the next. */
function lookForOthers(node: PastryNode, fx: Fx): void {
  const hasLost = node.mode === 'member' && node.metMs !== undefined && node.leaves.isEmpty
  if (hasLost && node.maintenance && node.probing.size === 0) lostAll(node, fx)
}

export function onLeafProbe(node: PastryNode, link: Link, peer: Peer, message: LeafProbe, fx: Fx): void {
  hearLeaf(node, peer, message, false, fx)
  fx.send(link, { type: 'leaf-probe-answer', id: message.id, ...leafState(node) }, PRIORITY_URGENT)
}

/** Of others only a leaf may name some unasked: anybody may make up any number of peers. */
function hearLeaf(node: PastryNode, peer: Peer, state: LeafState, wasAsked: boolean, fx: Fx): void {
  if (isUnlike(node, peer, state, fx) || state.standing === 'out') {
    dismiss(node, peer, fx)
    return
  }
  node.lives(peer)
  if (standingOf(node) === 'out') return
  node.rules.takeLeaf(node, peer, fx)
  if (node.leaves.has(peer)) node.periods.heard(peer, state.probePeriodMs)
  else node.rememberSuitor(peer)
  if (state.standing === 'member') considerEntry(node, peer, fx)
  if (!node.maintenance) return
  const others = node.intern(state.leaves, LEAF_SET_MAX)
  confirmEnds(node, peer, state, others)
  for (const id of state.failed.slice(0, FAILED_TOLD_MAX)) {
    const named = node.leaves.members.find(leaf => sameBytes(node.peers.contact(leaf).id, id))
    if (named !== undefined && named !== peer) doubtNamed(node, named, { by: peer, leaves: others }, fx)
  }
  if (wasAsked || node.leaves.has(peer)) probeWanted(node, { by: peer, leaves: others }, fx)
}

/** An end of the leaf set has this node for a leaf, and none that this one lacks: there is nobody between the ends. */
function confirmEnds(node: PastryNode, peer: Peer, state: LeafState, others: readonly Peer[]): void {
  const { leaves, peers } = node
  if (leaves.isSure || state.standing !== 'member' || !leaves.ends.includes(peer)) return
  const own = peers.contact(SELF).id
  const isLeaf = state.leaves.some(({ id }) => sameBytes(id, own))
  if (isLeaf && others.every(other => leaves.has(other) || node.hasFailed(other))) leaves.confirm()
}

/**
 * Whoever told has probed it often enough: this node asks once itself, and not at all where it heard of it since then
 * (Castro figure 2: each node probes what it is told, so that nobody can talk others out of their leaves).
 */
function doubtNamed(node: PastryNode, peer: Peer, others: Named, fx: Fx): void {
  if (node.mode === 'idle' || node.probing.has(peer)) return
  if ((node.heard.get(peer) ?? 0) > node.nowMs - HEARD_LATELY_MS) return
  // Whoever told of it first has named those that may take its place.
  node.named.set(peer, others)
  probeLeaf(node, peer, fx, CONFIRMING_PROBE_TRIES)
}

/**
 * Those who have a place once all have theirs that are being asked (Castro figure 2), and nobody else. Whom another one
 * named may never answer, and counts for `HEARSAY_FRESH_MS`.
 */
function probeWanted(node: PastryNode, { by, leaves }: Named, fx: Fx): number {
  const { hearsay, probing, settings, nowMs } = node
  const candidates = leaves.filter(peer => !node.hasFailed(peer) && !probing.has(peer))
  const others = [...probing].filter(peer => hearsay.isBefore(peer, by, nowMs))
  const wanted = node.leaves
    .wantsOf(candidates, others)
    .filter(peer => hearsay.take(peer, by, settings.leafSet, nowMs))
  for (const peer of wanted) probeLeaf(node, peer, fx)
  return wanted.length
}

/** The right rule of `PastryRules.takeLeaf`. Whoever is pushed out may stay an entry. */
export function takeLeaf(node: PastryNode, peer: Peer, fx: Fx): void {
  const before = node.leaves.members
  if (!node.leaves.add(peer)) return
  node.sync(peer, fx)
  for (const other of before) {
    node.sync(other, fx)
    if (!node.leaves.has(other)) node.periods.forget(other)
  }
  node.leavesChanged(fx)
}

/**
 * Nothing came from it that should have: nobody is taken out before this node has probed it itself. `tries`: fewer where
 * something that was asked of it has not been answered already.
 */
export function suspect(node: PastryNode, peer: Peer, fx: Fx, tries = PROBE_TRIES): void {
  if (!node.maintenance || node.mode === 'idle') return
  if (node.leaves.has(peer)) {
    probeLeaf(node, peer, fx, tries)
    return
  }
  const isKnown = node.table.has(peer) || node.neighbourhood.peers.includes(peer)
  if (!isKnown || node.asking.has(peer)) return
  const { term } = node
  node.asking.add(peer)
  ping(
    node,
    peer,
    fx,
    (lives, fx) => {
      node.asking.delete(peer)
      if (node.term !== term) return
      if (lives === false) node.rules.fail(node, peer, fx)
      else if (lives === true) node.lives(peer)
    },
    tries
  )
}

/** The right rule of `PastryRules.fail`: what a peer that does not answer leaves open is filled. */
export function fail(node: PastryNode, peer: Peer, fx: Fx): void {
  node.rememberSilent(peer)
  const sides = node.leaves.sidesOf(peer)
  const named = node.named.get(peer)
  if (!node.heard.has(peer)) {
    node.neighbourhood.remove(peer)
    // It would have had a place: whoever else may have it is asked for.
    askSides(node, sides, undefined, fx)
    return
  }
  node.count('failed')
  node.periods.failed(node.nowMs)
  const wasRight = node.leaves.larger[0] === peer
  const wasLeaf = node.leaves.has(peer)
  forget(node, peer, fx)
  if (!node.maintenance || node.mode === 'idle') return
  if (!wasLeaf) return
  const tookSuitors = takeSuitors(node, fx)
  if (wasRight) for (const leaf of node.leaves.members) probeLeaf(node, leaf, fx)
  else if (!tookSuitors || named === undefined || named.leaves.length === 0) askSides(node, sides, named, fx)
  else probeWanted(node, named, fx)
  // Nobody is left who knows that side: others of the table do (Castro section 3.1 goes by the table then, too).
  if (sides.some(side => side.length === 0)) probeForeign(node, fx, node.table.peers()[0])
  if (node.leaves.isEmpty && node.mode === 'member') lostAll(node, fx)
}

/** Who found out earlier has probed this node for a leaf when there was no place yet: it was heard, so it lives. */
function takeSuitors(node: PastryNode, fx: Fx): boolean {
  const fresh = [...node.suitors]
    .filter(([, atMs]) => atMs > node.nowMs - SUITOR_KEPT_MS)
    .map(([peer]) => peer)
  const wanted = node.leaves.wantsOf(fresh.filter(peer => !node.hasFailed(peer)))
  for (const peer of wanted) {
    node.suitors.delete(peer)
    node.rules.takeLeaf(node, peer, fx)
  }
  return wanted.length > 0
}

/**
 * The live leaf with the largest index of a side knows who comes behind it (Rowstron section 2.5). Where somebody told of
 * the failure, it named its own leaves, of whom one is that.
 */
function askSides(
  node: PastryNode,
  sides: readonly (readonly Peer[])[],
  named: Named | undefined,
  fx: Fx
): void {
  if (!node.maintenance || node.mode === 'idle' || sides.length === 0) return
  if (named !== undefined && probeWanted(node, named, fx) > 0) return
  for (const side of sides) {
    const end = side.at(-1) ?? node.leaves.ends[0]
    if (end !== undefined) probeLeaf(node, end, fx)
  }
}

/** Out of all tables, whether it lives or not. */
export function forget(node: PastryNode, peer: Peer, fx: Fx): void {
  const wasLeaf = node.leaves.remove(peer)
  node.periods.forget(peer)
  node.neighbourhood.remove(peer)
  forgetEntry(node, peer, fx)
  node.sync(peer, fx)
  if (wasLeaf) node.leavesChanged(fx)
}

/** It lives and takes no part: nothing of it is good for a hop, and others may have what it leaves open. */
export function dismiss(node: PastryNode, peer: Peer, fx: Fx): void {
  const sides = node.leaves.has(peer) ? node.leaves.sidesOf(peer) : []
  forget(node, peer, fx)
  askSides(node, sides, undefined, fx)
  lookForOthers(node, fx)
}

/** Goes of its own accord: those that it names may take its place. */
export function onLeave(node: PastryNode, peer: Peer, leaves: readonly Peer[], fx: Fx): void {
  const wasLeaf = node.leaves.has(peer)
  const sides = node.leaves.sidesOf(peer)
  forget(node, peer, fx)
  if (!wasLeaf || !node.maintenance || node.mode === 'idle') return
  const wanted = probeWanted(node, { by: peer, leaves: leaves.filter(other => other !== peer) }, fx)
  if (wanted === 0 && !node.leaves.isSure) askSides(node, sides, undefined, fx)
  lookForOthers(node, fx)
}

/**
 * One leaf after the other, so that what was missed is heard a little later (FreePastry's leaf set maintenance). Where
 * more have died in a row than a side has, no leaf knows who comes behind them, and an entry may be whoever does.
 */
export function exchangeWithNext(node: PastryNode, fx: Fx): void {
  const { leaves, table, leafTurn } = node
  const { members } = leaves
  if (members.length === 0) return
  node.leafTurn = (leafTurn + 1) % members.length
  probeLeaf(node, members[node.leafTurn]!, fx)
  if (leaves.isSure) return
  const { smaller, larger } = leaves.sure
  const hasGap = smaller.length === 0 || larger.length === 0
  const entries = hasGap ? leaves.wantsOf([...table.peers()]) : []
  for (const peer of [...leaves.ends, ...entries]) probeLeaf(node, peer, fx)
}

/** Whoever takes this node for its left neighbour. Where it is not the right one, it has not heard of who is. */
export function onHeartbeat(node: PastryNode, peer: Peer, fx: Fx): void {
  if (node.mode !== 'member' || !node.maintenance || node.leaves.larger[0] === peer) return
  if (node.leaves.has(peer) || node.leaves.wants(peer)) probeLeaf(node, peer, fx)
}

export function sendHeartbeat(node: PastryNode, fx: Fx): void {
  const [left] = node.leaves.smaller
  if (left !== undefined) node.router.calls.tell(left, { type: 'heartbeat' }, PRIORITY_URGENT, fx)
}
