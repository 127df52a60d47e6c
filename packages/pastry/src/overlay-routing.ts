/**
 * Where a key goes (Rowstron section 2.3). Within the range of the leaf set: to the leaf that is closest to it, which is
 * its root. Else to the entry that shares one digit more. In the rare case that there is none: to any node known that
 * shares as many digits and is numerically closer. What is behind these serves where they are silent.
 *
 * Whoever was taken for the root, and is not, gives a key only to nodes that are numerically closer: so each step
 * before the leaves are reached shares more digits or comes closer, and each step after comes closer, and none goes
 * round.
 */
import {
  type KeyRange,
  type KeyRouting,
  type NextHop,
  type RootBelief,
  type RoutingEffects,
  WHOLE_RING,
  widthOf
} from '@servent/key-routing/machine'
import {
  clockwiseDistance,
  commonPrefixDigits,
  compareKeys,
  type Key,
  NO_PEER,
  type Peer,
  SELF
} from '@servent/overlay/machine'
import { CONFIRMING_PROBE_TRIES, RANGE_GAPS_MAX, SILENT_PROBE_TRIES } from './constants.ts'
import { estimateSize } from './failure-rate.ts'
import { suspect } from './leaf-rules.ts'
import type { Fx, PastryNode } from './node.ts'
import { compareCloseness, keyBefore, keyBehind, midpoint } from './node-ids.ts'
import { believeRoot } from './root-belief.ts'

const nobody = (): boolean => false

/**
 * The right rule of `PastryRules.rootOf`: this node is closest of its leaves. A range has the node's own id at one end,
 * so that others can see whose it is: that of the keys before it, or of those behind it.
 */
export function rootOf(
  node: PastryNode,
  key: Key,
  silent: (peer: Peer) => boolean,
  asRoot = false
): KeyRange | undefined {
  const { leaves } = node
  const isBefore = compareKeys(clockwiseDistance(key, node.key), clockwiseDistance(node.key, key)) <= 0
  if (leaves.closest(key, nobody) === SELF) {
    const [left, right] = [leaves.smaller[0], leaves.larger[0]]
    if (left === undefined && right === undefined) return { from: node.key, to: node.key }
    // Of a side on which it knows nobody it claims the key alone.
    return isBefore
      ? { from: left === undefined ? keyBefore(key) : midpoint(node.keyOf(left), node.key), to: node.key }
      : { from: node.key, to: right === undefined ? key : midpoint(node.key, node.keyOf(right)) }
  }
  // Closer ones that are silent are probed, and until they are out of the leaf set the key is theirs (`doubted`).
  if (node.maintenance) return undefined
  // Nobody finds out: the key itself is this node's then, and no more is claimed.
  if (!asRoot && !leaves.covers(key)) return undefined
  if (leaves.closest(key, silent) !== SELF) return undefined
  return isBefore ? { from: keyBefore(key), to: node.key } : { from: node.key, to: key }
}

/** The right rule of `PastryRules.nextHops`. */
export function nextHops(
  node: PastryNode,
  key: Key,
  limit: number,
  silent: (peer: Peer) => boolean,
  asRoot = false
): readonly NextHop[] {
  const { leaves, table } = node
  const isCovered = leaves.covers(key)
  if (isCovered && limit === 1) {
    const peer = leaves.closest(key, silent)
    return peer === SELF || peer === NO_PEER ? [] : [{ peer, root: true }]
  }
  if (asRoot || isCovered) {
    const known = isCovered ? leaves.members : knownPeers(node)
    const closer = known.filter(peer => !silent(peer) && isCloser(node, key, peer))
    const roots = nearestFirst(node, key, closer, limit)
    if (roots.length < limit && limit > 1 && !silent(SELF)) roots.push(SELF)
    return roots.map(peer => ({ peer, root: true }))
  }
  const entry = table.at(Math.max(0, node.rules.slotOf(node.key, key, node.settings.digitBits)))
  const isEntry = entry !== NO_PEER && !silent(entry)
  if (isEntry && limit === 1) return [{ peer: entry, root: false }]
  const first = isEntry ? [entry] : []
  const others = otherHops(node, key, silent, limit).filter(peer => peer !== entry)
  return [...first, ...others].slice(0, limit).map(peer => ({ peer, root: false }))
}

/**
 * The leaf that a key belongs to, where it was silent to somebody: it is probed, and nobody takes its place before it is
 * found dead (Castro section 3: routing goes around a silent node, but a message is delivered only at the closest).
 */
function doubted(
  node: PastryNode,
  key: Key,
  silent: (peer: Peer) => boolean,
  asRoot: boolean,
  fx: Fx
): Peer | undefined {
  const { leaves } = node
  if (!asRoot && !leaves.covers(key)) return undefined
  const root = leaves.closest(key, nobody)
  if (root === SELF || !silent(root)) return undefined
  suspect(node, root, fx, SILENT_PROBE_TRIES)
  return node.probing.has(root) ? root : undefined
}

/** The rare case: of all that are known, who shares more digits, or as many and is closer. */
function otherHops(node: PastryNode, key: Key, silent: (peer: Peer) => boolean, limit: number): Peer[] {
  const { digitBits } = node.settings
  const own = commonPrefixDigits(node.key, key, digitBits)
  const [further, closer] = [[] as Peer[], [] as Peer[]]
  for (const peer of knownPeers(node)) {
    if (silent(peer)) continue
    const shared = commonPrefixDigits(node.keyOf(peer), key, digitBits)
    if (shared > own) further.push(peer)
    else if (shared === own && isCloser(node, key, peer)) closer.push(peer)
  }
  return [...nearestFirst(node, key, further, limit), ...nearestFirst(node, key, closer, limit)].slice(
    0,
    limit
  )
}

/** L, R and M together. */
function knownPeers({ leaves, table, neighbourhood }: PastryNode): Peer[] {
  return [...new Set([...leaves.members, ...table.peers(), ...neighbourhood.peers])]
}

function isCloser(node: PastryNode, key: Key, peer: Peer): boolean {
  return compareCloseness(key, node.keyOf(peer), node.key) < 0
}

function nearestFirst(node: PastryNode, key: Key, peers: readonly Peer[], limit: number): Peer[] {
  return [...peers].sort((a, b) => compareCloseness(key, node.keyOf(a), node.keyOf(b))).slice(0, limit)
}

/** The k nodes that are closest to a key beside its root (PAST): all of them are in its leaf set. */
export function replicas({ leaves }: PastryNode, key: Key, count: number): readonly Peer[] {
  return leaves.nearest(key, count)
}

/** A range has its root's own id at one end, and is not much wider than those that this node sees. */
export function isPlausibleRange(node: PastryNode, root: Peer, { from, to }: KeyRange): boolean {
  const key = node.keyOf(root)
  const isAlone = compareKeys(from, to) === 0
  if (compareKeys(from, key) !== 0 && compareKeys(to, key) !== 0) return false
  const width = isAlone ? WHOLE_RING : widthOf(clockwiseDistance(from, to))
  return node.leaves.isWhole || width * estimateSize(node) <= RANGE_GAPS_MAX * WHOLE_RING
}

export class PastryRouting implements KeyRouting {
  readonly #node: PastryNode

  constructor(node: PastryNode) {
    this.#node = node
  }

  get ready(): boolean {
    return this.#node.rules.isActive(this.#node)
  }

  rootOf(key: Key, silent: (peer: Peer) => boolean, asRoot?: boolean): KeyRange | undefined {
    return this.#node.rules.rootOf(this.#node, key, silent, asRoot)
  }

  nextHops(key: Key, limit: number, silent: (peer: Peer) => boolean, asRoot?: boolean): readonly NextHop[] {
    return this.#node.rules.nextHops(this.#node, key, limit, silent, asRoot)
  }

  doubted(
    key: Key,
    silent: (peer: Peer) => boolean,
    asRoot: boolean,
    effects: RoutingEffects
  ): Peer | undefined {
    return doubted(this.#node, key, silent, asRoot, effects as unknown as Fx)
  }

  /** The keys on both sides of the own id. */
  ownRanges(): readonly KeyRange[] {
    const { key } = this.#node
    const ranges = [this.rootOf(key, nobody), this.rootOf(keyBehind(key), nobody)]
    const sides = ranges.filter(range => range !== undefined)
    return sides.length === 2 && compareKeys(sides[0]!.to, sides[1]!.to) === 0 ? sides.slice(0, 1) : sides
  }

  replicas(key: Key, count: number): readonly Peer[] {
    return replicas(this.#node, key, count)
  }

  isPlausibleRange(root: Peer, range: KeyRange): boolean {
    return isPlausibleRange(this.#node, root, range)
  }

  believeRoot(root: Peer, key: Key): RootBelief {
    return believeRoot(this.#node, root, key)
  }

  compareRoots(key: Key, a: Peer, b: Peer): number {
    return compareCloseness(key, this.#node.keyOf(a), this.#node.keyOf(b))
  }

  onSilent(peer: Peer, effects: RoutingEffects): void {
    const node = this.#node
    suspect(
      node,
      peer,
      effects as unknown as Fx,
      node.leaves.has(peer) ? SILENT_PROBE_TRIES : CONFIRMING_PROBE_TRIES
    )
  }
}
