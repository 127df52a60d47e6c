/**
 * The routing table and the neighbourhood set. Whoever is named is measured before it is taken in: that shows that it
 * lives, and how far away it is. Of two nodes for one place the nearer has it (Rowstron section 2.5). A distance is
 * measured once for both: whoever measured tells the other (Castro section 4.2).
 *
 * Repair (Rowstron section 2.5): for an entry that failed, others of its row are asked for theirs in that place, and
 * then those of the next row.
 */
import { type Ping, PRIORITY_TABLE } from '@servent/key-routing/machine'
import { type Link, NO_PEER, type Peer, SELF } from '@servent/overlay/machine'
import {
  ANNOUNCED_KEPT_MS,
  CANDIDATES_MAX,
  COLUMNS_MAX,
  DISTANCE_MS_MAX,
  MEASURES_AT_ONCE,
  NEIGHBOURHOOD_MAX,
  REPAIR_ASKS_MAX,
  REPAIRS_MAX,
  SECOND_STAGE_ASKS_MAX
} from './constants.ts'
import type { Fx, PastryNode } from './node.ts'
import { request } from './node-calls.ts'
import { rangeOfSlot } from './node-ids.ts'

/** The right rule of `PastryRules.isNearer`. */
export function isNearer(candidateMs: number, entryMs: number): boolean {
  return candidateMs > 0 && candidateMs < entryMs
}

/** Somebody who may be an entry, or a neighbour. `toldMs`: how far away it says that it is. */
export function considerEntry(node: PastryNode, peer: Peer, fx: Fx, toldMs?: number): void {
  if (!node.maintenance || !mayServe(node, peer)) return
  const known = node.distances.get(peer)
  const isHeard = node.heard.has(peer)
  // What this node measured itself goes before what it was told, by a peer that lives since it tells.
  if (toldMs !== undefined) take(node, peer, known ?? toldMs, fx)
  else if (known !== undefined && isHeard) take(node, peer, known, fx)
  else if (node.settings.proximity === 'off' && isHeard) take(node, peer, 0, fx)
  // Measured before, it may be dead by now, and named by all who have not missed it yet: it is taken when it answers.
  else if (known === undefined || isWanted(node, peer, known)) measureLater(node, peer, fx)
}

/** Whether a peer at this distance would come into the table or the neighbourhood set. */
function isWanted(node: PastryNode, peer: Peer, ms: number): boolean {
  const slot = node.slotOf(peer)
  const isEntry = node.table.at(slot) === NO_PEER || node.rules.isNearer(ms, node.table.distanceMs(slot))
  return isEntry || node.neighbourhood.wants(peer, ms)
}

/** Whether there is an empty place for a peer, or one whose entry is chosen by distance. */
function mayServe(node: PastryNode, peer: Peer): boolean {
  if (peer === SELF || peer === NO_PEER || node.hasFailed(peer)) return false
  const slot = node.slotOf(peer)
  if (slot < 0) return false
  const entry = node.table.at(slot)
  return entry === NO_PEER || entry === peer || node.settings.proximity === 'on'
}

/** A peer that was heard, at a distance; 0 where that was not measured. */
function take(node: PastryNode, peer: Peer, ms: number, fx: Fx): void {
  const { table, neighbourhood, router } = node
  if (!router.isCrowded(peer, neighbourhood.peers)) neighbourhood.add(peer, ms)
  const slot = node.slotOf(peer)
  const entry = table.at(slot)
  if (entry === peer) {
    if (ms > 0) table.set(slot, peer, ms)
    return
  }
  if (isCrowdedOut(node, slot, peer)) return
  if (entry !== NO_PEER) {
    if (node.settings.proximity === 'off') return
    const entryMs = table.distanceMs(slot)
    // One that was never measured is, before it is held against others.
    if (entryMs === 0) measureLater(node, entry, fx)
    if (!node.rules.isNearer(ms, entryMs)) return
    node.count('replaced')
  }
  table.set(slot, peer, ms)
  node.sync(peer, fx)
  if (entry !== NO_PEER) node.sync(entry, fx)
}

/** Whether the other slots have as many from where this peer is as they may. */
export function isCrowdedOut({ table, router }: PastryNode, slot: number, peer: Peer): boolean {
  if (router.settings.peersPerNetwork === 0) return false
  return router.isCrowded(
    peer,
    table.peers().filter(other => other !== table.at(slot))
  )
}

function measureLater(node: PastryNode, peer: Peer, fx: Fx): void {
  if (node.measuring.has(peer) || node.candidates.size >= CANDIDATES_MAX) return
  node.candidates.add(peer)
  measureNext(node, fx)
}

function measureNext(node: PastryNode, fx: Fx): void {
  const { term } = node
  while (node.measuring.size < MEASURES_AT_ONCE) {
    const [peer] = node.candidates
    if (peer === undefined) {
      if (!node.announces || node.measuring.size > 0) return
      node.announces = false
      announce(node, fx)
      return
    }
    node.candidates.delete(peer)
    if (!mayServe(node, peer)) continue
    node.measuring.add(peer)
    measure(node, peer, fx, (ms, fx) => {
      // What an earlier membership measured may be measured anew.
      if (node.term !== term) return
      node.measuring.delete(peer)
      if (ms === undefined) node.rememberSilent(peer)
      else if (ms !== 'later') measured(node, peer, ms, fx)
      measureNext(node, fx)
    })
  }
}

/**
 * By one ping over a link that is up: the mean that calls keep of all round trips has those in it that waited for a
 * link. What was asked again, or sent again when its link went down, is not timed from the first try, which was lost:
 * a near peer would pass for a far one. Nothing where it does not answer.
 */
export function measure(
  node: PastryNode,
  peer: Peer,
  fx: Fx,
  done: (ms: number | 'later' | undefined, fx: Fx) => void
): void {
  const { calls } = node.router
  let [link, beganMs] = [undefined as Link | undefined, 0]
  const ping = (id: number): Ping => {
    link = calls.linkOf(peer)
    beganMs = node.nowMs
    return { type: 'ping', id }
  }
  request(node, peer, ping, fx, (heard, fx) => {
    if (heard === undefined || heard === 'later') {
      done(heard, fx)
      return
    }
    const isOneTrip = link !== undefined && link === calls.linkOf(peer)
    const ms = isOneTrip ? Math.max(1, fx.nowMs() - beganMs) : (calls.rttMs(peer) ?? 1)
    node.rememberDistance(peer, ms)
    done(ms, fx)
  })
}

function measured(node: PastryNode, peer: Peer, ms: number, fx: Fx): void {
  node.count('measured')
  take(node, peer, ms, fx)
  if (node.settings.proximity === 'off' || node.mode !== 'member') return
  const distanceUs = Math.min(1000 * DISTANCE_MS_MAX, Math.round(1000 * ms))
  node.router.calls.tell(peer, { type: 'distance', distanceUs }, PRIORITY_TABLE, fx)
}

export function onDistance(node: PastryNode, peer: Peer, distanceUs: number, fx: Fx): void {
  if (node.mode !== 'member' || distanceUs <= 0 || distanceUs > 1000 * DISTANCE_MS_MAX) return
  if (node.settings.distances === 'told') considerEntry(node, peer, fx, distanceUs / 1000)
  // Whoever says that it is near, and is not, would have the place of one that is. Measured once, it is not again.
  else if (!node.distances.has(peer)) considerEntry(node, peer, fx)
}

/** An entry failed, or is no member any more. */
export function forgetEntry(node: PastryNode, peer: Peer, fx: Fx): void {
  const slot = node.table.remove(peer)
  if (slot >= 0 && node.maintenance && node.mode === 'member') repair(node, slot, fx)
}

function repair(node: PastryNode, slot: number, fx: Fx): void {
  const { table, term } = node
  const row = table.rowOf(slot)
  if (isAmongLeaves(node, slot)) {
    for (const leaf of node.leaves.members) if (node.slotOf(leaf) === slot) considerEntry(node, leaf, fx)
    return
  }
  if (node.repairs >= REPAIRS_MAX) return
  const asked = [...table.row(row), ...table.row(row + 1)].slice(0, REPAIR_ASKS_MAX)
  node.repairs += 1
  node.inHand.add(asked)
  const end = (): void => {
    node.repairs -= 1
    node.inHand.delete(asked)
  }
  const askNext = (at: number, fx: Fx): void => {
    const peer = asked[at]
    if (peer === undefined || table.at(slot) !== NO_PEER) {
      end()
      return
    }
    node.count('repairAsks')
    askRow(node, peer, row, slot & (table.columns - 1), fx, (entries, fx) => {
      if (node.term !== term) return
      const found = entries.filter(other => node.slotOf(other) === slot && !node.hasFailed(other))
      for (const other of found) considerEntry(node, other, fx)
      if (found.length > 0) end()
      else askNext(at + 1, fx)
    })
  }
  askNext(0, fx)
}

/** Whoever could stand in this slot would be a leaf: the leaf set has all nodes of that part of the circle. */
function isAmongLeaves(node: PastryNode, slot: number): boolean {
  const { digitBits } = node.settings
  const [first, last] = rangeOfSlot(node.key, slot, digitBits)
  return node.leaves.coversAll(first, last)
}

/** `column`: one of the row, or `COLUMNS_MAX` for all. `done` is called once. */
function askRow(
  node: PastryNode,
  peer: Peer,
  row: number,
  column: number,
  fx: Fx,
  done: (entries: readonly Peer[], fx: Fx) => void
): void {
  request(
    node,
    peer,
    id => ({ type: 'row-request', id, row, column }),
    fx,
    (heard, fx) => {
      const isRow = typeof heard === 'object' && heard.type === 'row'
      done(isRow ? node.intern(heard.entries, COLUMNS_MAX) : [], fx)
    },
    1
  )
}

/** By chance one entry of each row is asked for that row (Castro section 4.2: periodic routing table maintenance). */
export function lookAtRows(node: PastryNode, fx: Fx): void {
  for (let row = 0; row < node.table.rows; row += 1) {
    const peers = node.table.row(row)
    if (peers.length > 0) considerRowOf(node, peers[fx.random() % peers.length]!, row, fx)
  }
}

function considerRowOf(node: PastryNode, peer: Peer, row: number, fx: Fx): void {
  const { term } = node
  askRow(node, peer, row, COLUMNS_MAX, fx, (entries, fx) => {
    if (node.term === term) for (const other of entries) considerEntry(node, other, fx)
  })
}

/** The right rule of `PastryRules.secondStageAsks`. Where distances count for nothing, no entry is better than another. */
export function secondStageAsks({ settings }: PastryNode): number {
  return settings.proximity === 'on' ? SECOND_STAGE_ASKS_MAX : 0
}

/**
 * What a node does once it is active (Rowstron sections 2.4 and 2.5). It sends each row to the nodes in it. Then, the
 * second stage: it asks the nodes of its table and of its neighbourhood set for theirs, and takes what is nearer.
 */
export function announce(node: PastryNode, fx: Fx): void {
  const { table } = node
  const asksMost = node.rules.secondStageAsks(node)
  let asks = 0
  for (let row = table.rows - 1; row >= 0; row -= 1) {
    const members = table.row(row)
    const entries = node.contacts(members)
    for (const peer of members) {
      node.router.calls.tell(peer, { type: 'announce', entries }, PRIORITY_TABLE, fx)
      if (asks >= asksMost) continue
      asks += 1
      considerRowOf(node, peer, row, fx)
    }
  }
  for (const peer of node.neighbourhood.peers) {
    if (asks >= asksMost) return
    if (table.has(peer)) continue
    asks += 1
    considerRowOf(node, peer, 0, fx)
  }
}

export function onAnnounce(node: PastryNode, peer: Peer, entries: readonly Peer[], fx: Fx): void {
  if (node.mode !== 'member') return
  considerEntry(node, peer, fx)
  const announcedMs = node.announced.get(peer) ?? Number.NEGATIVE_INFINITY
  if (node.nowMs - announcedMs < ANNOUNCED_KEPT_MS) return
  node.rememberAnnounced(peer)
  for (const other of entries) considerEntry(node, other, fx)
}

/** One of the neighbourhood set in its turn: whether it lives, and whom it has for its neighbours. */
export function visitNeighbour(node: PastryNode, fx: Fx): void {
  const { peers } = node.neighbourhood
  if (peers.length === 0) return
  node.neighbourTurn = (node.neighbourTurn + 1) % peers.length
  const peer = peers[node.neighbourTurn]!
  const { term } = node
  askNeighbours(node, peer, fx, (others, fx) => {
    if (node.term !== term) return
    if (others === undefined) {
      node.neighbourhood.remove(peer)
      node.distances.delete(peer)
      return
    }
    node.neighbourhood.add(peer, node.distances.get(peer) ?? node.neighbourhood.distanceMs(peer) ?? 0)
    for (const other of others)
      if (node.neighbourhood.distanceMs(other) === undefined) considerEntry(node, other, fx)
  })
}

/** Nothing where it does not answer. */
export function askNeighbours(
  node: PastryNode,
  peer: Peer,
  fx: Fx,
  done: (neighbours: readonly Peer[] | undefined, fx: Fx) => void
): void {
  request(
    node,
    peer,
    id => ({ type: 'neighbours-request', id }),
    fx,
    (heard, fx) => {
      if (typeof heard === 'object' && heard.type === 'neighbours')
        done(node.intern(heard.neighbours, NEIGHBOURHOOD_MAX), fx)
      else done(heard === undefined ? undefined : [], fx)
    },
    1
  )
}
