/**
 * What lookups ask of Chord's tables (ToN section IV-D, figure 5): the closest preceding node among fingers and
 * successor list, and the root itself where the successor list reaches it, which answers a step early.
 */
import type { KeyRange, KeyRouting, NextHop, RootBelief, RoutingEffects } from '@servent/key-routing/machine'
import { compareClockwise, type Key, type Link, type Peer, SELF } from '@servent/overlay/machine'
import { dropFinger } from './finger-refresh.ts'
import { askFormer, forgetFormerOf } from './former-predecessors.ts'
import { believeRoot, isPlausibleRange } from './plausible-range.ts'
import type { Fx, Place, Ring } from './ring.ts'
import { isOwn } from './ring-calls.ts'
import { distanceExponent, inHalfOpen, keyBefore, NOBODY, peerOfRef } from './ring-key.ts'
import type { RingRef } from './types.ts'

/** The correct rule of `ChordRules.rootOf`. */
export function rootOf(
  ring: Ring,
  key: Key,
  silent: (peer: Peer) => boolean,
  asRoot = false
): KeyRange | undefined {
  let mayClaim = false
  for (const place of ring.places) {
    if (!place.member) continue
    const { key: to, predecessor, successors } = place
    if (predecessor === NOBODY) {
      if (successors.length === 0) return { from: to, to }
      continue
    }
    const from = ring.key(predecessor)
    if (inHalfOpen(key, from, to)) return { from, to }
    if (isGone(ring, place, silent)) mayClaim = true
  }
  return mayClaim ? claimOf(ring, key, silent, asRoot) : undefined
}

/**
 * Whether a place is rid of its predecessor. That somebody found it silent is not enough, for it may be far from that
 * one, or late: it must be lost, which this peer finds out itself (`doubted`). Where maintenance stands still nobody
 * finds out, and the word of others is all there is.
 */
function isGone(ring: Ring, place: Place, silent: (peer: Peer) => boolean): boolean {
  const { predecessor, predecessorLost } = place
  if (predecessor === NOBODY) return false
  return ring.maintenance ? predecessorLost : silent(peerOfRef(predecessor))
}

/**
 * The predecessor is gone: as long as no other takes its place, its keys come here. But only where somebody's list,
 * of whoever forwarded or of another place of this peer, has nobody living between the key and this place. That a
 * peer is gone which stands before it is not enough, for it may have been asked in another of its places. More
 * than the key itself is not claimed, for who lies between the predecessor and this key is not known.
 */
function claimOf(
  ring: Ring,
  key: Key,
  silent: (peer: Peer) => boolean,
  asRoot: boolean
): KeyRange | undefined {
  const place = placeBehind(ring, key)
  if (!isGone(ring, place, silent) || isOutBefore(ring, key, place)) return undefined
  if (!asRoot && !isReached(ring, key, place)) return undefined
  return knowsBetween(ring, key, place, silent) ? undefined : { from: keyBefore(key), to: place.key }
}

/** Whether the list of the place before the key goes on up to `place`, or to whoever comes right before it. */
function isReached(ring: Ring, key: Key, { key: to, predecessor }: Place): boolean {
  const from = nearestPlace(ring, key)!
  if (from.wrapped) return true
  return from.successors.some(
    ref =>
      ref === predecessor ||
      (inHalfOpen(key, from.key, ring.key(ref)) && compareClockwise(key, ring.key(ref), to) >= 0)
  )
}

/**
 * Whether a place of this peer that is no member lies between: peers are named, not places, so whoever takes this
 * one for the root may still have that place in its list, from an earlier life.
 */
function isOutBefore(ring: Ring, key: Key, place: Place): boolean {
  return ring.places.some(({ member, key: other }) => !member && compareClockwise(key, other, place.key) < 0)
}

/**
 * Whether any place of this peer knows of a node at or behind the key and before `place` that was not found
 * silent or lost: the key is that one's, or belongs to somebody before it.
 */
function knowsBetween(ring: Ring, key: Key, place: Place, silent: (peer: Peer) => boolean): boolean {
  const { predecessor: before, predecessorLost, livingFormer } = place
  const isBetween = (ref: RingRef): boolean =>
    compareClockwise(key, ring.key(ref), place.key) < 0 &&
    !isOwn(ref) &&
    !(predecessorLost && ref === before) &&
    !silent(peerOfRef(ref))
  if (livingFormer !== NOBODY && isBetween(livingFormer)) return true
  return ring.members.some(({ predecessor, successors, fingers }) => {
    if (predecessor !== NOBODY && isBetween(predecessor)) return true
    if (successors.some(isBetween)) return true
    for (let at = 0; at < fingers.length; at += 1) if (isBetween(fingers.at(at))) return true
    return false
  })
}

/**
 * The predecessor of the place that a key was brought to, where it was silent to somebody: it is asked, and nobody takes
 * its place before it is lost. Nothing where this peer is on the way at best: whoever is silent there is gone round.
 */
function doubted(
  ring: Ring,
  key: Key,
  silent: (peer: Peer) => boolean,
  asRoot: boolean,
  fx: Fx
): Peer | undefined {
  if (!ring.maintenance || ring.members.length === 0) return undefined
  const place = placeBehind(ring, key)
  const { predecessor } = place
  if (predecessor === NOBODY || !silent(peerOfRef(predecessor))) return undefined
  if (!asRoot && !isReached(ring, key, place)) return undefined
  askSilent(ring, place, fx)
  return place.rectifying ? peerOfRef(predecessor) : undefined
}

/** One that is lost is asked by its timer alone: each time that it is, it is silent. */
function askSilent(ring: Ring, place: Place, fx: Fx, tries?: number): void {
  if (place.predecessorLost) return
  const askedMs = ring.nowMs - ring.settings.checkPredecessorMs
  place.predecessorHeardMs = Math.min(place.predecessorHeardMs, askedMs)
  ring.rules.checkPredecessor(ring, place, fx, tries)
}

/** Adds hops as long as there is room, each peer once. */
class Hops {
  readonly found: NextHop[] = []
  readonly #limit: number
  readonly #silent: (peer: Peer) => boolean

  constructor(limit: number, silent: (peer: Peer) => boolean) {
    this.#limit = limit
    this.#silent = silent
  }

  get full(): boolean {
    return this.found.length >= this.#limit
  }

  add(ref: RingRef, root: boolean): void {
    const peer = peerOfRef(ref)
    if (this.full || peer === SELF || this.#silent(peer)) return
    if (this.found.some(hop => hop.peer === peer)) return
    this.found.push({ peer, root })
  }
}

export function nextHops(
  ring: Ring,
  key: Key,
  limit: number,
  silent: (peer: Peer) => boolean,
  asRoot = false
): readonly NextHop[] {
  const place = nearestPlace(ring, key)
  if (place === undefined) return []
  const hops = new Hops(limit, silent)
  const behind = placeBehind(ring, key)
  // As a peer that is no member: whoever forwarded tries the next one of its list.
  if (asRoot && isOutBefore(ring, key, behind)) return []
  if (asRoot && behind.predecessor !== NOBODY && !behind.predecessorLost) {
    // Whoever looks step by step comes again when this peer knows whether it is the root: nobody further round does.
    if (ring.maintenance && limit > 1 && silent(peerOfRef(behind.predecessor)))
      return [{ peer: SELF, root: true }]
    // Somebody came between since whoever forwarded looked: the key is the predecessor's, or of one before it.
    hops.add(behind.predecessor, true)
  }
  const { livingFormer } = behind
  if (asRoot && livingFormer !== NOBODY && compareClockwise(key, ring.key(livingFormer), behind.key) < 0)
    hops.add(livingFormer, true)
  const { successors } = place
  const reach = firstAtOrBehind(ring, place, key)
  for (let at = reach; at < successors.length; at += 1) {
    if (compareClockwise(key, ring.key(successors[at]!), behind.key) >= 0) {
      // Nobody behind a place of this peer is the root. Only when its predecessor is silent is the key its own.
      if (behind.predecessor !== NOBODY) hops.add(behind.predecessor, true)
      break
    }
    hops.add(successors[at]!, true)
  }
  addPreceding(ring, place, key, reach - 1, hops)
  return hops.found
}

/** Of this peer's places, the one that precedes the key most closely. */
function nearestPlace(ring: Ring, key: Key): Place | undefined {
  let best: Place | undefined
  for (const place of ring.places) {
    if (!place.member) continue
    if (best === undefined || compareClockwise(key, best.key, place.key) < 0) best = place
  }
  return best
}

/** Of this peer's places, the one that the key lies before. */
function placeBehind(ring: Ring, key: Key): Place {
  let best = ring.members[0]!
  for (const place of ring.members) if (compareClockwise(key, place.key, best.key) < 0) best = place
  return best
}

/** Where in the list the key's root stands: the list's length where the key lies beyond it. */
function firstAtOrBehind(ring: Ring, place: Place, key: Key): number {
  const { successors } = place
  const last = successors.at(-1)
  if (last === undefined || !inHalfOpen(key, place.key, ring.key(last))) return successors.length
  return successors.findIndex(ref => inHalfOpen(key, place.key, ring.key(ref)))
}

/** Nodes before the key, the nearest first, out of two tables that are in order themselves. */
function addPreceding(ring: Ring, place: Place, key: Key, lastListed: number, hops: Hops): void {
  const { fingers, successors } = place
  let listed = lastListed
  let at = firstFingerBefore(ring, place, key)
  while (!hops.full && (at < fingers.length || listed >= 0)) {
    if (at >= fingers.length) {
      hops.add(successors[listed]!, false)
      listed -= 1
    } else if (listed < 0) {
      hops.add(fingers.at(at), false)
      at += 1
    } else {
      const further = compareClockwise(place.key, ring.key(fingers.at(at)), ring.key(successors[listed]!))
      if (further >= 0) {
        hops.add(fingers.at(at), false)
        at += 1
      } else {
        hops.add(successors[listed]!, false)
        listed -= 1
      }
    }
  }
}

function firstFingerBefore(ring: Ring, place: Place, key: Key): number {
  const { fingers } = place
  const reach = distanceExponent(place.key, key)
  // A key that is the place's own lies a whole turn away: every finger precedes it.
  if (reach < 0) return 0
  let at = 0
  while (at < fingers.length && fingers.exponentAt(at) > reach) at += 1
  if (at < fingers.length && fingers.exponentAt(at) === reach) {
    if (compareClockwise(place.key, ring.key(fingers.at(at)), key) >= 0) at += 1
  }
  return at
}

/** Distinct peers behind a key's root, as its successor list has them (ToN section IV-E.3). */
export function replicas(ring: Ring, key: Key, count: number): readonly Peer[] {
  const peers: Peer[] = []
  if (ring.members.length === 0) return peers
  for (const ref of placeBehind(ring, key).successors) {
    const peer = peerOfRef(ref)
    if (peers.length >= count) break
    if (peer !== SELF && !peers.includes(peer)) peers.push(peer)
  }
  return peers
}

/** It lives and is no member: nothing of it is good for a hop. The rules find out of lists and predecessors. */
export function onNotReady(ring: Ring, link: Link, fx: Fx): void {
  const peer = ring.router.calls.peerOf(link)
  if (peer === undefined) return
  dropFingersOf(ring, peer, fx)
  forgetFormerOf(ring, peer, fx)
}

function dropFingersOf(ring: Ring, peer: Peer, fx: Fx): void {
  for (const place of ring.members) {
    for (let at = place.fingers.length - 1; at >= 0; at -= 1) {
      const ref = place.fingers.at(at)
      if (peerOfRef(ref) === peer) dropFinger(ring, place, ref, fx)
    }
  }
}

/** It may be gone: a finger goes; successors and predecessor are asked by the rules themselves. */
export function onSilent(ring: Ring, peer: Peer, fx: Fx, tries?: number): void {
  if (!ring.maintenance || ring.mode !== 'ring') return
  dropFingersOf(ring, peer, fx)
  for (const place of ring.places) {
    if (!place.member) continue
    const [head] = place.successors
    if (head !== undefined && peerOfRef(head) === peer) ring.rules.stabilise(ring, place, fx)
    if (place.predecessor !== NOBODY && peerOfRef(place.predecessor) === peer)
      askSilent(ring, place, fx, tries)
    if (place.livingFormer !== NOBODY && peerOfRef(place.livingFormer) === peer) askFormer(ring, place, fx)
  }
}

export class ChordRouting implements KeyRouting {
  readonly #ring: Ring

  constructor(ring: Ring) {
    this.#ring = ring
  }

  get ready(): boolean {
    return this.#ring.members.length > 0
  }

  rootOf(key: Key, silent: (peer: Peer) => boolean, asRoot?: boolean): KeyRange | undefined {
    return this.#ring.rules.rootOf(this.#ring, key, silent, asRoot)
  }

  nextHops(key: Key, limit: number, silent: (peer: Peer) => boolean, asRoot?: boolean): readonly NextHop[] {
    return nextHops(this.#ring, key, limit, silent, asRoot)
  }

  doubted(
    key: Key,
    silent: (peer: Peer) => boolean,
    asRoot: boolean,
    effects: RoutingEffects
  ): Peer | undefined {
    return doubted(this.#ring, key, silent, asRoot, effects as unknown as Fx)
  }

  ownRanges(): readonly KeyRange[] {
    const ranges = this.#ring.members.map(({ key }) => this.rootOf(key, () => false))
    return ranges.filter(range => range !== undefined)
  }

  replicas(key: Key, count: number): readonly Peer[] {
    return replicas(this.#ring, key, count)
  }

  isPlausibleRange(root: Peer, range: KeyRange): boolean {
    return isPlausibleRange(this.#ring, root, range)
  }

  believeRoot(root: Peer, key: Key, to: Key): RootBelief {
    return believeRoot(this.#ring, root, key, to)
  }

  /** What was not answered was its first try. */
  onSilent(peer: Peer, effects: RoutingEffects): void {
    onSilent(this.#ring, peer, effects as unknown as Fx, 1)
  }
}
