/**
 * What must hold of a whole network, seen by somebody who sees everybody. Each law gives what is against it, as text.
 *
 * F1: a file of a peer that lives and has uploaded it is in the index of its supernode. F2: an index has files of its users
 * alone. F3: while peers move, their files are in some index that is searched. F4: the ratio of ordinary nodes to supernodes
 * lies within a factor of two of its target. F5: a query is answered once by a supernode, and by no more of them than
 * `SUPERNODES_PER_QUERY_MAX`. F6: every table is within its bound.
 */
import {
  ASKS_MAX,
  CONTACTS_MAX,
  GUESTS_MAX,
  HANDED_PEERS_MAX,
  INDEX_SEARCHES_WAITING_MAX,
  INDIRECT_NODES_MAX,
  INDIRECT_NODES_MIN,
  OPENS_MAX,
  PEERINGS_MAX,
  PUSH_ROUTES_MAX,
  RUNNING_QUERIES_MAX,
  SEARCHES_MAX,
  SEEN_QUERIES_MAX,
  STANDBYS_PART,
  SUPERNODES_MAX,
  TARGETS_MAX,
  USERS_HARD_PART,
  VERIFIES_WAITING_MAX
} from '../src/constants.ts'
import type { FastTrackWorld } from './world.ts'

/** Of a query with a TTL of two: its own supernode, ten that it asks, and six that each of those asks. */
export const SUPERNODES_PER_QUERY_MAX = 1 + INDIRECT_NODES_MAX + INDIRECT_NODES_MAX * INDIRECT_NODES_MIN

export function wrongUploads(world: FastTrackWorld): string[] {
  const wrong: string[] = []
  for (const node of world.ordinaries()) {
    const { supernode, announced } = world.tables(node)
    if (supernode === null || !announced.isComplete) continue
    const home = world.nodeOf(supernode)
    if (!world.simulation.alive(home)) continue
    const index = world.indexes.get(home)!
    for (const key of world.files.get(node)!.keys())
      if (!index.has(world.nameOf(node), `${key}`)) wrong.push(`F1: ${home} lacks file ${key} of ${node}`)
  }
  return wrong
}

/** A removal is under way for a moment: who looks runs the network on and looks again. */
export function wrongOwners(world: FastTrackWorld): string[] {
  const wrong: string[] = []
  for (const node of world.simulation.aliveNodes()) {
    const users = new Set(
      world.tables(node).neighbours.flatMap(({ bond, peerId }) => (bond === 'user' ? [peerId] : []))
    )
    if (world.tables(node).role === 'supernode') users.add(world.nameOf(node))
    for (const [owner, files] of world.indexes.get(node)!.owners)
      if (files.size > 0 && !users.has(owner))
        wrong.push(`F2: ${node} has files of ${world.nodeOf(owner)}, which is no user`)
  }
  return wrong
}

/** Files of peers that once had them all in an index, and that are in none that is searched. */
export function lostFiles(world: FastTrackWorld, settled: Iterable<number>): string[] {
  const wrong: string[] = []
  for (const node of settled) {
    if (!world.simulation.alive(node)) continue
    const name = world.nameOf(node)
    for (const key of world.files.get(node)!.keys()) {
      const isThere = world
        .supernodes()
        .some(
          supernode =>
            world.indexes.get(supernode)!.has(name, `${key}`) &&
            (supernode === node ||
              world
                .tables(supernode)
                .neighbours.some(({ bond, peerId }) => bond === 'user' && peerId === name))
        )
      if (!isThere) wrong.push(`F3: file ${key} of ${node} is in no index`)
    }
  }
  return wrong
}

export function wrongRatio(world: FastTrackWorld, target: number): string[] {
  const ratio = world.ordinaries().length / Math.max(1, world.supernodes().length)
  return ratio < target / 2 || ratio > target * 2
    ? [`F4: ${ratio} ordinary nodes to one supernode, not ${target}`]
    : []
}

/** `answers`: how often each supernode was asked, by query. */
export function wrongAnswers(answers: ReadonlyMap<string, ReadonlyMap<number, number>>): string[] {
  const wrong: string[] = []
  for (const [query, byNode] of answers) {
    if (byNode.size > SUPERNODES_PER_QUERY_MAX) wrong.push(`F5: ${query} was answered by ${byNode.size}`)
    for (const [node, times] of byNode)
      if (times > 1) wrong.push(`F5: ${node} answered ${query} ${times} times`)
  }
  return wrong
}

/** By the names of `sizes`, for a target of ordinary nodes to one supernode. */
export function sizeBounds(target: number): Record<string, number> {
  return {
    supernodes: SUPERNODES_MAX,
    contacts: CONTACTS_MAX,
    // Moving to a supernode that was named does not wait for a place.
    opening: OPENS_MAX + TARGETS_MAX,
    searches: SEARCHES_MAX,
    running: RUNNING_QUERIES_MAX,
    seen: SEEN_QUERIES_MAX,
    pushRoutes: PUSH_ROUTES_MAX,
    handed: HANDED_PEERS_MAX,
    asks: ASKS_MAX,
    admissions: INDEX_SEARCHES_WAITING_MAX,
    waitingResults: VERIFIES_WAITING_MAX,
    peerings: PEERINGS_MAX,
    users: Math.ceil(USERS_HARD_PART * target),
    standbys: STANDBYS_PART * target,
    // An address and the network around it, of each.
    places: 2 * (Math.ceil(USERS_HARD_PART * target) + STANDBYS_PART * target),
    guests: GUESTS_MAX + 1
  }
}

export function wrongSizes(world: FastTrackWorld, target: number): string[] {
  const bounds = sizeBounds(target)
  return world.simulation.aliveNodes().flatMap(node =>
    Object.entries(world.machine(node).sizes())
      .filter(([name, size]) => !(size <= bounds[name]!))
      .map(([name, size]) => `F6: ${node} has ${size} ${name}`)
  )
}
