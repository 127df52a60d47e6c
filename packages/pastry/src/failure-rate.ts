/**
 * Self-tuned probing (Castro section 4.1): how often entries of the routing table are probed, so that of lookups as
 * many meet a dead entry as `RAW_LOSS_TARGET` says, whatever the churn. For that a node estimates how many nodes
 * there are, by how dense its leaf set is, and how often they fail, by the failures that it saw; and it takes the
 * median of its own period and of what its leaves say of theirs.
 */
import { WHOLE_RING, widthOf } from '@servent/key-routing/machine'
import { clamp, clockwiseDistance, type Peer, SELF } from '@servent/overlay/machine'
import {
  FAILURES_REMEMBERED_MAX,
  HEARTBEAT_GRACE_MS,
  PERIODS_HEARD_MAX,
  PROBE_TRIES,
  RAW_LOSS_TARGET,
  TABLE_PROBE_MS_MAX,
  TABLE_PROBE_MS_MIN
} from './constants.ts'
import type { PastryNode } from './node.ts'

const BISECTIONS = 30

/** When nodes of the tables failed, and the periods that leaves told of. */
export class Periods {
  #failures: number[] = []
  readonly #heard = new Map<Peer, number>()

  failed(nowMs: number): void {
    this.#failures.push(nowMs)
    if (this.#failures.length > FAILURES_REMEMBERED_MAX) this.#failures.shift()
  }

  /** A node that begins knows nothing of failures: it takes its own beginning for one. */
  begin(nowMs: number): void {
    this.#failures = [nowMs]
    this.#heard.clear()
  }

  heard(peer: Peer, periodMs: number): void {
    if (periodMs === 0) return
    this.#heard.delete(peer)
    this.#heard.set(peer, periodMs)
    const [first] = this.#heard.keys()
    if (this.#heard.size > PERIODS_HEARD_MAX) this.#heard.delete(first!)
  }

  /** It is no leaf any more. */
  forget(peer: Peer): void {
    this.#heard.delete(peer)
  }

  get sizes(): { readonly failures: number; readonly heard: number } {
    return { failures: this.#failures.length, heard: this.#heard.size }
  }

  peers(): Iterable<Peer> {
    return this.#heard.keys()
  }

  /** mu, failures a millisecond of each of so many nodes. Until there are many, as if one failed now. */
  failureRate(nodes: number, nowMs: number): number {
    const [firstMs] = this.#failures
    if (firstMs === undefined || nodes === 0) return 0
    const isFull = this.#failures.length >= FAILURES_REMEMBERED_MAX
    const count = isFull ? this.#failures.length : this.#failures.length + 1
    return count / (nodes * Math.max(1, nowMs - firstMs))
  }

  median(ownMs: number): number {
    const all = [ownMs, ...this.#heard.values()].sort((a, b) => a - b)
    return all[all.length >> 1]!
  }
}

/** N, by how much of the circle the leaf set spans. */
export function estimateSize(node: PastryNode): number {
  const { leaves } = node
  if (leaves.isWhole) return leaves.members.length + 1
  const { smaller, larger } = leaves.sure
  const [left, right] = [smaller.at(-1) ?? SELF, larger.at(-1) ?? SELF]
  const span = widthOf(clockwiseDistance(node.keyOf(left), node.keyOf(right)))
  const gaps = smaller.length + larger.length
  return Math.max(gaps + 1, Math.round((gaps * WHOLE_RING) / Math.max(1, span)))
}

/** P_f: that an entry which is probed every `periodMs` is dead when it is used; nodes die at the rate `mu`. */
export function probabilityFailed(periodMs: number, mu: number): number {
  const expected = periodMs * mu
  if (expected < 1e-6) return expected / 2
  return 1 - (1 - Math.exp(-expected)) / expected
}

/** h, expected hops. */
export function expectedHops(nodes: number, digitBits: number): number {
  const columns = 2 ** digitBits
  return Math.max(1, (((columns - 1) / columns) * Math.log2(Math.max(2, nodes))) / digitBits)
}

export interface LossInit {
  readonly heartbeatMs: number
  readonly tableProbeMs: number
  readonly mu: number
  readonly nodes: number
  readonly digitBits: number
}

/** L_r: that a lookup meets a dead entry: a leaf in its last hop, or entries of tables in those before. */
export function rawLoss({ heartbeatMs, tableProbeMs, mu, nodes, digitBits }: LossInit): number {
  const late = PROBE_TRIES * HEARTBEAT_GRACE_MS
  const leaf = 1 - probabilityFailed(heartbeatMs + late, mu)
  const entry = 1 - probabilityFailed(tableProbeMs + late, mu)
  return 1 - leaf * entry ** (expectedHops(nodes, digitBits) - 1)
}

/** T_rt: the longest period with which no more is lost than is wanted, in whole seconds. */
export function tunedPeriodMs(init: Omit<LossInit, 'tableProbeMs'>): number {
  let low = TABLE_PROBE_MS_MIN
  let high = TABLE_PROBE_MS_MAX
  for (let step = 0; step < BISECTIONS; step += 1) {
    const middle = (low + high) / 2
    if (rawLoss({ ...init, tableProbeMs: middle }) > RAW_LOSS_TARGET) high = middle
    else low = middle
  }
  return 1000 * Math.round(low / 1000)
}

/** The node's own estimate, without what it heard. */
export function ownPeriodMs(node: PastryNode): number {
  const { heartbeatMs, digitBits } = node.settings
  const mu = node.periods.failureRate(node.heard.size, node.nowMs)
  return tunedPeriodMs({ heartbeatMs, mu, nodes: estimateSize(node), digitBits })
}

/** How often entries are probed: as the user says, or by the median of its own estimate and those of its leaves. */
export function tableProbeMs(node: PastryNode): number {
  const set = node.settings.tableProbeMs
  if (set > 0) return set
  return clamp(node.periods.median(ownPeriodMs(node)), TABLE_PROBE_MS_MIN, TABLE_PROBE_MS_MAX)
}
