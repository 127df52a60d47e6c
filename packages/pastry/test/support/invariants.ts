/**
 * What must hold of a Pastry network after every event, seen by an observer who knows everybody: P1 to P8 as the
 * reference numbers them. P5 and P6 are of a network in which nothing happens any more.
 */
import {
  clockwiseDistance,
  commonPrefixDigits,
  compareKeys,
  type Key,
  keyDigit,
  NO_PEER
} from '@servent/overlay/machine'
import type { NodeIndex } from '@servent/simulator'
import { compareCloseness, type PastryNotice } from '../../src/machine.ts'
import type { PastryNetwork } from './network.ts'

export class InvariantError extends Error {
  static override readonly name = 'InvariantError'
  override readonly name = 'InvariantError'
  readonly invariant: string

  constructor(invariant: string, what: string) {
    super(`${invariant}: ${what}`)
    this.invariant = invariant
  }
}

type Step = Extract<PastryNotice, { type: 'lookup-step' }>

/** Measured round trips are whole milliseconds, and the mean of several. */
const MEASURED_WITHIN_US = 2000

export interface CheckerInit {
  readonly network: PastryNetwork
  /** How far apart two nodes are: the same for every message. */
  readonly oneWayUs: (from: NodeIndex, to: NodeIndex) => number
  /** Until when the dead may stand in leaf sets. */
  readonly detectedWithinUs: number
  /** For so long a member that stands in the tables of another may lack its place in that one's leaf set. */
  readonly placedWithinUs: number
}

/** What may lag is looked at so often. */
const PLACES_EVERY_US = 250_000

export class InvariantChecker {
  readonly #init: CheckerInit
  /** Entries of each node by slot, as they stood after the last event. */
  readonly #entries = new Map<NodeIndex, Map<number, NodeIndex>>()
  readonly #diedUs = new Map<NodeIndex, number>()
  /** Of each node, whom it knows and lacks among its leaves, and since when. */
  readonly #missing = new Map<NodeIndex, Map<NodeIndex, number>>()
  #placesCheckedUs = 0
  /** What broke while a notice was told: it is thrown between two events, where a failure names its seed. */
  #broken: InvariantError | undefined
  checks = 0

  constructor(init: CheckerInit) {
    this.#init = init
    init.network.notices.push((node, notice) => {
      if (notice.type !== 'lookup-step') return
      try {
        if (notice.what === 'sent') this.#checkProgress(node, notice)
        else if (notice.what === 'arrived') this.#checkActive(node)
      } catch (error) {
        this.#broken ??= error as InvariantError
      }
    })
  }

  died(node: NodeIndex): void {
    this.#diedUs.set(node, this.#init.network.simulation.nowUs)
  }

  check(): void {
    this.checks += 1
    if (this.#broken !== undefined) throw this.#broken
    for (const node of this.#init.network.simulation.aliveNodes()) {
      this.#checkTable(node)
      this.#checkLeaves(node)
    }
    this.#checkPlaces()
  }

  #checkTable(node: NodeIndex): void {
    const { network, oneWayUs } = this.#init
    const { simulation, settings } = network
    const { digitBits } = settings
    const own = simulation.keyOf(node)
    const before = this.#entries.get(node) ?? new Map<number, NodeIndex>()
    const now = new Map<number, NodeIndex>()
    const { table } = network.viewOf(node)
    for (let slot = 0; slot < table.slots; slot += 1) {
      const peer = table.at(slot)
      if (peer === NO_PEER) continue
      const entry = simulation.nodeOfPeer(node, peer)
      now.set(slot, entry)
      // What has not changed was looked at before.
      if (before.get(slot) === entry) continue
      const key = simulation.keyOf(entry)
      const row = slot >> digitBits
      const isRight =
        commonPrefixDigits(own, key, digitBits) === row &&
        keyDigit(key, row, digitBits) === (slot & ((1 << digitBits) - 1))
      if (entry === node || !isRight)
        throw new InvariantError(
          'P1 entries',
          `node ${node} has ${entry} in slot ${slot}, where it does not belong`
        )
      const replaced = before.get(slot)
      if (replaced === undefined || !this.#isThere(replaced)) continue
      if (oneWayUs(node, entry) > oneWayUs(node, replaced) + MEASURED_WITHIN_US)
        throw new InvariantError(
          'P8 proximity',
          `node ${node} has ${entry} in place of ${replaced}, which is nearer`
        )
    }
    this.#entries.set(node, now)
  }

  #isThere(node: NodeIndex): boolean {
    const { network } = this.#init
    return network.simulation.alive(node) && network.isMember(node)
  }

  #checkLeaves(node: NodeIndex): void {
    const { network, detectedWithinUs } = this.#init
    const { simulation, settings } = network
    const own = simulation.keyOf(node)
    const { smaller, larger } = network.viewOf(node)
    for (const [name, side, clockwise] of [
      ['smaller', smaller, false],
      ['larger', larger, true]
    ] as const) {
      if (side.length > settings.leafSet / 2)
        throw new InvariantError('P2 leaf sets', `node ${node} has ${side.length} ${name} leaves`)
      let last = own
      for (const peer of side) {
        const leaf = simulation.nodeOfPeer(node, peer)
        const key = simulation.keyOf(leaf)
        if (leaf === node || !isInOrder(own, last, key, clockwise))
          throw new InvariantError(
            'P2 leaf sets',
            `node ${node} has ${leaf} out of order among its ${name} leaves`
          )
        last = key
        const diedUs = this.#diedUs.get(leaf)
        if (diedUs !== undefined && simulation.nowUs - diedUs > detectedWithinUs)
          throw new InvariantError('P2 leaf sets', `node ${node} has ${leaf} for a leaf, which died long ago`)
      }
    }
  }

  #checkPlaces(): void {
    const { network } = this.#init
    const { nowUs } = network.simulation
    if (nowUs - this.#placesCheckedUs < PLACES_EVERY_US) return
    this.#placesCheckedUs = nowUs
    for (const node of network.members()) this.#checkClosest(node, nowUs)
  }

  /**
   * P2: of those that a node knows, the closest are its leaves. Whoever is named comes into the routing table when it
   * answered a ping, or told of itself, and into the leaf set when it answered a probe: who was named first as an entry
   * is named again as a leaf by an exchange of leaf sets.
   */
  #checkClosest(node: NodeIndex, nowUs: number): void {
    const { network, placedWithinUs } = this.#init
    const { simulation, settings } = network
    const { smaller, larger, table, neighbours } = network.viewOf(node)
    const own = simulation.keyOf(node)
    const sides = [
      { leaves: smaller, wayTo: (key: Key) => clockwiseDistance(key, own) },
      { leaves: larger, wayTo: (key: Key) => clockwiseDistance(own, key) }
    ].map(({ leaves, wayTo }) => {
      const nodes = leaves.map(peer => simulation.nodeOfPeer(node, peer))
      const isFull = nodes.length >= settings.leafSet / 2
      return { nodes, wayTo, furthest: isFull ? wayTo(simulation.keyOf(nodes.at(-1)!)) : undefined }
    })
    const before = this.#missing.get(node)
    const now = new Map<NodeIndex, number>()
    for (const peer of new Set([...table.peers(), ...neighbours])) {
      const other = simulation.nodeOfPeer(node, peer)
      const key = simulation.keyOf(other)
      const isMissing = sides.some(
        ({ nodes, wayTo, furthest }) =>
          !nodes.includes(other) && (furthest === undefined || compareKeys(wayTo(key), furthest) < 0)
      )
      if (!isMissing || !this.#isThere(other)) continue
      const sinceUs = before?.get(other) ?? nowUs
      now.set(other, sinceUs)
      if (nowUs - sinceUs > placedWithinUs)
        throw new InvariantError(
          'P2 closest leaves',
          `node ${node} knows ${other}, which is closer than a leaf that it has, and does not take it for one`
        )
    }
    this.#missing.set(node, now)
  }

  /** P3: a step shares more digits with the key, or comes closer. */
  #checkProgress(node: NodeIndex, { key, peer }: Step): void {
    const { simulation, settings } = this.#init.network
    const [own, other] = [simulation.keyOf(node), simulation.keyOf(simulation.nodeOfPeer(node, peer))]
    const shared = (id: Key) => commonPrefixDigits(id, key, settings.digitBits)
    if (shared(other) > shared(own) || compareCloseness(key, other, own) < 0) return
    throw new InvariantError('P3 progress', `node ${node} sent a lookup away from its key`)
  }

  #checkActive(node: NodeIndex): void {
    if (!this.#init.network.isMember(node))
      throw new InvariantError('P4 active', `node ${node} delivered before it was active`)
  }

  /** P6, where nothing happens any more. */
  checkSymmetry(): void {
    const { network } = this.#init
    const { simulation } = network
    const leavesOf = (node: NodeIndex): Set<NodeIndex> => {
      const { smaller, larger } = network.viewOf(node)
      return new Set([...smaller, ...larger].map(peer => simulation.nodeOfPeer(node, peer)))
    }
    for (const node of simulation.aliveNodes())
      for (const leaf of leavesOf(node))
        if (simulation.alive(leaf) && !leavesOf(leaf).has(node))
          throw new InvariantError(
            'P6 symmetry',
            `node ${node} has ${leaf} for a leaf, and not the other way round`
          )
  }
}

/** Whether `key` lies further from `own` than `last` on the way round, without coming back to it. */
function isInOrder(own: Key, last: Key, key: Key, clockwise: boolean): boolean {
  if (compareKeys(last, own) === 0) return compareKeys(key, own) !== 0
  const wraps = (id: Key) => compareKeys(id, own) < 0
  const order = wraps(last) === wraps(key) ? compareKeys(last, key) : wraps(last) ? 1 : -1
  return clockwise ? order < 0 : order > 0
}
