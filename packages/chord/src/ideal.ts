/**
 * Tables of a network as an observer who knows everybody builds them: what every place's tables come to once
 * nothing has changed for long. Simulations start from them, and tests hold what a network did against them.
 */
import { addPowerOfTwo, compareKeys, KEY_BITS, type Key, SELF } from '@servent/overlay/machine'
import { takeFinger, trimFingers } from './finger-refresh.ts'
import type { Fx, Ring } from './ring.ts'
import { distanceExponent, keyOfPlace, NOBODY, peerOfRef } from './ring-key.ts'
import { setMode } from './ring-life.ts'
import { adoptList, enter, setPredecessor, syncLinks } from './ring-tables.ts'
import { armPlace, armRing, GATHER_TIMER } from './ring-timers.ts'
import type { PlaceTables } from './types.ts'

/** A place of a peer, as an observer numbers peers: from 0. */
export interface IdealNode {
  readonly peer: number
  readonly index: number
}

/** Numbers of nodes in `IdealRing.nodes`. */
export interface IdealTables {
  readonly predecessor: number | undefined
  readonly successors: readonly number[]
  readonly fingers: readonly number[]
}

export interface IdealProximity {
  /** Nodes of each finger's interval that are looked at. */
  readonly samples: number
  /** Between two peers, in any unit. */
  rtt(from: number, to: number): number
}

/** All places of a network, in the order of their keys. */
export class IdealRing {
  readonly nodes: readonly IdealNode[]
  readonly keys: readonly Key[]

  constructor(peerKeys: readonly Key[], virtualNodes: number) {
    const all = peerKeys.flatMap((peerKey, peer) =>
      Array.from({ length: virtualNodes }, (_, index) => ({ peer, index, key: keyOfPlace(peerKey, index) }))
    )
    all.sort((a, b) => compareKeys(a.key, b.key))
    this.nodes = all.map(({ peer, index }) => ({ peer, index }))
    this.keys = all.map(({ key }) => key)
  }

  /** The first node at or behind a key. */
  successorOf(key: Key): number {
    let low = 0
    let high = this.keys.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (compareKeys(this.keys[middle]!, key) < 0) low = middle + 1
      else high = middle
    }
    return low === this.keys.length ? 0 : low
  }

  tables(node: number, successors: number, proximity?: IdealProximity): IdealTables {
    const { length } = this.nodes
    const count = Math.min(successors, length - 1)
    const list = Array.from({ length: count }, (_, step) => (node + 1 + step) % length)
    return {
      predecessor: length > 1 ? (node + length - 1) % length : undefined,
      successors: list,
      fingers: this.#fingers(node, proximity)
    }
  }

  #fingers(node: number, proximity: IdealProximity | undefined): number[] {
    if (this.keys.length < 2) return []
    const own = this.keys[node]!
    const nearest = distanceExponent(own, this.keys[(node + 1) % this.keys.length]!)
    const fingers: number[] = []
    for (let exponent = KEY_BITS - 1; exponent >= nearest; exponent -= 1) {
      const first = this.successorOf(addPowerOfTwo(own, exponent))
      // Where it lies further than its exponent says it is the finger of a larger one, which has it already.
      if (first !== node && distanceExponent(own, this.keys[first]!) === exponent)
        fingers.push(this.#choose(node, first, exponent, proximity))
    }
    return fingers
  }

  /** Of the first nodes of an interval, the one with the shortest round trip. */
  #choose(node: number, first: number, exponent: number, proximity: IdealProximity | undefined): number {
    if (proximity === undefined) return first
    const own = this.keys[node]!
    let best = first
    for (let step = 1; step < proximity.samples; step += 1) {
      const other = (first + step) % this.keys.length
      if (other === node || distanceExponent(own, this.keys[other]!) !== exponent) break
      const from = this.nodes[node]!.peer
      if (proximity.rtt(from, this.nodes[other]!.peer) < proximity.rtt(from, this.nodes[best]!.peer))
        best = other
    }
    return best
  }
}

/** Takes tables as they are, as far as they are in order. */
export function adoptTables(ring: Ring, places: readonly PlaceTables[], fx: Fx): void {
  for (const place of ring.places) {
    const tables = places[place.index]
    if (tables === undefined) continue
    place.joining = false
    place.fingers.clear()
    const [head, ...rest] = tables.successors
    place.successors = []
    if (head !== undefined) adoptList(ring, place, head, rest, fx)
    if (!place.member) enter(ring, place, fx)
    setPredecessor(ring, place, tables.predecessor ?? NOBODY, fx)
    for (const ref of tables.fingers) {
      const exponent = distanceExponent(place.key, ring.key(ref))
      if (peerOfRef(ref) !== SELF && exponent >= 0) takeFinger(ring, place, exponent, ref, fx)
    }
    trimFingers(ring, place, fx)
    syncLinks(ring, fx)
  }
  ring.forming = undefined
  fx.cancelTimer(GATHER_TIMER)
  setMode(ring, 'ring', fx)
  armRing(ring, fx)
  for (const place of ring.members) armPlace(ring, place, fx)
}
