/**
 * What must hold of a Pastry network after every event, seen by an observer who knows everybody: P1 to P8 as the
 * reference numbers them. P5 and P6 are of a network in which nothing happens any more.
 */
import { commonPrefixDigits, compareKeys, type Key, keyDigit, NO_PEER } from '@servent/overlay/machine'
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
}

export class InvariantChecker {
  readonly #init: CheckerInit
  /** Entries of each node by slot, as they stood after the last event. */
  readonly #entries = new Map<NodeIndex, Map<number, NodeIndex>>()
  readonly #diedUs = new Map<NodeIndex, number>()
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
