/**
 * What a member does again and again. Each round comes after half to one and a half of its period, by chance, but for
 * heartbeats: whoever waits for them knows when they are due.
 */
import { jittered } from '@servent/key-routing/machine'
import { NO_PEER, type Timer } from '@servent/overlay/machine'
import { HEARTBEAT_GRACE_MS, JOIN_RETRY_MS, LOOKS_PER_PERIOD, TABLE_PROBES_MAX } from './constants.ts'
import { tableProbeMs } from './failure-rate.ts'
import { exchangeWithNext, sendHeartbeat, suspect } from './leaf-rules.ts'
import { gatherAgain, probeForeign } from './life-rules.ts'
import type { Fx, PastryNode } from './node.ts'
import { lookAtRows, visitNeighbour } from './table-rules.ts'

const HEARTBEAT_TIMER = 'heartbeat'
const WATCH_TIMER = 'watch'
const EXCHANGE_TIMER = 'exchange'
const PROBE_TIMER = 'probe-table'
const ROW_TIMER = 'rows'
const NEIGHBOUR_TIMER = 'neighbours'
const MERGE_TIMER = 'merge'
/** Looks for a ring as long as a node has none, or is alone in it. */
export const GATHER_TIMER = 'gather'

const ROUNDS = [
  HEARTBEAT_TIMER,
  WATCH_TIMER,
  EXCHANGE_TIMER,
  PROBE_TIMER,
  ROW_TIMER,
  NEIGHBOUR_TIMER,
  MERGE_TIMER
]

export function arm(node: PastryNode, fx: Fx): void {
  if (!node.maintenance || node.mode !== 'member') return
  const { heartbeatMs, leafExchangeMs, rowMs, neighbourhoodMs, neighbourhood, mergeMs } = node.settings
  fx.setTimer(HEARTBEAT_TIMER, 1 + (fx.random() % heartbeatMs))
  fx.setTimer(WATCH_TIMER, heartbeatMs + HEARTBEAT_GRACE_MS)
  fx.setTimer(EXCHANGE_TIMER, jittered(fx, leafExchangeMs))
  fx.setTimer(PROBE_TIMER, lookEveryMs(node))
  fx.setTimer(ROW_TIMER, jittered(fx, rowMs))
  if (neighbourhood > 0) fx.setTimer(NEIGHBOUR_TIMER, jittered(fx, neighbourhoodMs))
  if (mergeMs > 0) fx.setTimer(MERGE_TIMER, jittered(fx, mergeMs))
}

export function disarm(fx: Fx): void {
  for (const timer of ROUNDS) fx.cancelTimer(timer)
}

export function onTimer(node: PastryNode, timer: Timer, fx: Fx): void {
  if (timer === GATHER_TIMER) {
    if (node.maintenance) gatherAgain(node, fx)
    else if (node.mode === 'joining') fx.setTimer(GATHER_TIMER, JOIN_RETRY_MS)
  }
  if (!node.maintenance || node.mode !== 'member') return
  const { heartbeatMs, leafExchangeMs, rowMs, neighbourhoodMs, mergeMs } = node.settings
  switch (timer) {
    case HEARTBEAT_TIMER:
      fx.setTimer(timer, heartbeatMs)
      sendHeartbeat(node, fx)
      break
    case WATCH_TIMER:
      watchRight(node, fx)
      break
    case EXCHANGE_TIMER:
      fx.setTimer(timer, jittered(fx, leafExchangeMs))
      exchangeWithNext(node, fx)
      break
    case PROBE_TIMER:
      fx.setTimer(timer, lookEveryMs(node))
      probeTable(node, fx)
      break
    case ROW_TIMER:
      fx.setTimer(timer, jittered(fx, rowMs))
      lookAtRows(node, fx)
      break
    case NEIGHBOUR_TIMER:
      fx.setTimer(timer, jittered(fx, neighbourhoodMs))
      visitNeighbour(node, fx)
      break
    case MERGE_TIMER:
      fx.setTimer(timer, jittered(fx, mergeMs))
      probeForeign(node, fx)
      break
  }
}

/** The right neighbour is heard every T_ls, by its heartbeat or by anything else; else it is probed (Castro 4.1). */
function watchRight(node: PastryNode, fx: Fx): void {
  const { right, rightSinceMs } = node
  const longestMs = node.settings.heartbeatMs + HEARTBEAT_GRACE_MS
  const heardMs = Math.max(node.heard.get(right) ?? 0, rightSinceMs)
  const leftMs = heardMs + longestMs - node.nowMs
  if (right === NO_PEER || leftMs > 0) {
    fx.setTimer(WATCH_TIMER, right === NO_PEER ? longestMs : Math.max(1, leftMs))
    return
  }
  fx.setTimer(WATCH_TIMER, HEARTBEAT_GRACE_MS)
  suspect(node, right, fx)
}

function lookEveryMs(node: PastryNode): number {
  return Math.max(1, Math.floor(tableProbeMs(node) / LOOKS_PER_PERIOD))
}

/** Entries of which nothing was heard for a period are probed: normal traffic takes the place of probes. */
function probeTable(node: PastryNode, fx: Fx): void {
  const sinceMs = node.nowMs - tableProbeMs(node)
  let probes = 0
  for (const { peer } of node.table.entries()) {
    if ((node.heard.get(peer) ?? 0) > sinceMs || node.asking.has(peer) || node.probing.has(peer)) continue
    probes += 1
    if (probes > TABLE_PROBES_MAX) return
    node.count('tableProbes')
    suspect(node, peer, fx)
  }
}
