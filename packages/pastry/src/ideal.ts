/**
 * Tables of a network as an observer who knows everybody builds them: what every node's tables come to once nothing
 * has changed for long. Simulations start from them, and tests hold what a network did against them.
 */
import { compareKeys, type Key, keyDigit, SELF } from '@servent/overlay/machine'
import { stopSteps } from './life-rules.ts'
import type { Fx, PastryNode } from './node.ts'
import { compareCloseness } from './node-ids.ts'
import { arm, GATHER_TIMER } from './rounds.ts'
import { isCrowdedOut } from './table-rules.ts'
import type { AdoptedTables } from './types.ts'

/** Numbers of peers, as an observer numbers them: from 0. */
export interface IdealTables {
  /** Counter-clockwise and clockwise, the nearest first. */
  readonly smaller: readonly number[]
  readonly larger: readonly number[]
  readonly entries: readonly number[]
}

export interface IdealProximity {
  /** Nodes of each place's many that are looked at. */
  readonly samples: number
  /** Between two peers, in any unit. */
  rtt(from: number, to: number): number
}

/** All nodes of a network, in the order of their ids. */
export class IdealNetwork {
  /** By place on the circle: the number of the peer there. */
  readonly peers: readonly number[]
  readonly keys: readonly Key[]
  readonly #placeOf: Int32Array

  constructor(peerKeys: readonly Key[]) {
    const order = peerKeys.map((_, peer) => peer).sort((a, b) => compareKeys(peerKeys[a]!, peerKeys[b]!))
    this.peers = order
    this.keys = order.map(peer => peerKeys[peer]!)
    this.#placeOf = new Int32Array(order.length)
    for (const [place, peer] of order.entries()) this.#placeOf[peer] = place
  }

  /** The peer that is numerically closest to a key. */
  rootOf(key: Key): number {
    const { length } = this.keys
    const behind = this.#lowerBound(key, 0, length) % length
    const before = (behind + length - 1) % length
    const isBefore = compareCloseness(key, this.keys[before]!, this.keys[behind]!) < 0
    return this.peers[isBefore ? before : behind]!
  }

  tables(peer: number, leafSet: number, digitBits: number, proximity?: IdealProximity): IdealTables {
    const { length } = this.keys
    const place = this.#placeOf[peer]!
    const count = Math.min(leafSet / 2, length - 1)
    const at = (step: number): number => this.peers[(place + step + length) % length]!
    return {
      larger: Array.from({ length: count }, (_, step) => at(1 + step)),
      smaller: Array.from({ length: count }, (_, step) => at(-1 - step)),
      entries: this.#entries(place, digitBits, proximity)
    }
  }

  /** Row by row: nodes that share so many digits stand side by side, in a range that narrows with each row. */
  #entries(place: number, digitBits: number, proximity: IdealProximity | undefined): number[] {
    const own = this.keys[place]!
    const entries: number[] = []
    let [from, to] = [0, this.keys.length]
    for (let row = 0; to - from > 1; row += 1) {
      const [rowFrom, rowTo] = [from, to]
      let start = rowFrom
      while (start < rowTo) {
        const digit = keyDigit(this.keys[start]!, row, digitBits)
        const end = this.#endOfDigit(start, rowTo, row, digitBits, digit)
        if (start <= place && place < end) [from, to] = [start, end]
        else entries.push(this.#choose(own, place, start, end, proximity))
        start = end
      }
    }
    return entries
  }

  /** Of nodes in a row, the first that has another digit there. */
  #endOfDigit(from: number, to: number, row: number, digitBits: number, digit: number): number {
    let [low, high] = [from, to]
    while (low < high) {
      const middle = (low + high) >> 1
      if (keyDigit(this.keys[middle]!, row, digitBits) === digit) low = middle + 1
      else high = middle
    }
    return low
  }

  /**
   * Without proximity any will do: which one is drawn from the own id, so that it is another for each node. With it
   * the nearest of so many, in a row from the one that was drawn.
   */
  #choose(own: Key, place: number, from: number, to: number, proximity: IdealProximity | undefined): number {
    const count = to - from
    // Digits that the row has not used.
    const draw = ((own[28]! << 24) | (own[29]! << 16) | (own[30]! << 8) | own[31]!) >>> 0
    const first = from + (draw % count)
    if (proximity === undefined) return this.peers[first]!
    let best = first
    let bestRtt = Number.POSITIVE_INFINITY
    for (let step = 0; step < Math.min(count, proximity.samples); step += 1) {
      const other = from + ((first - from + step) % count)
      const rtt = proximity.rtt(this.peers[place]!, this.peers[other]!)
      if (rtt < bestRtt) [best, bestRtt] = [other, rtt]
    }
    return this.peers[best]!
  }

  #lowerBound(key: Key, from: number, to: number): number {
    let [low, high] = [from, to]
    while (low < high) {
      const middle = (low + high) >> 1
      if (compareKeys(this.keys[middle]!, key) < 0) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** Takes tables as they are, as far as there is a place for each. */
export function adoptTables(node: PastryNode, tables: AdoptedTables, fx: Fx): void {
  node.term += 1
  stopSteps(node)
  node.entering = true
  for (const peer of tables.leaves) node.leaves.add(peer)
  for (const { peer, distanceMs } of tables.entries) {
    const slot = peer === SELF ? -1 : node.slotOf(peer)
    if (slot >= 0 && !isCrowdedOut(node, slot, peer)) node.table.set(slot, peer, distanceMs)
  }
  for (const { peer, distanceMs } of tables.neighbours) node.neighbourhood.add(peer, distanceMs)
  for (const peer of new Set([...node.leaves.members, ...node.table.peers()])) node.sync(peer, fx)
  fx.cancelTimer(GATHER_TIMER)
  node.setMode('member', fx)
  node.periods.begin(node.nowMs)
  node.leavesChanged(fx)
  arm(node, fx)
}
