/** Messages that come in: each costs at most a stated number out, whoever sends it. */
import { PRIORITY_TABLE } from '@servent/key-routing/machine'
import type { Link } from '@servent/overlay/machine'
import { COLUMNS_MAX, LEAF_SET_MAX } from './constants.ts'
import { answerJoin } from './join-walk.ts'
import { dismiss, onHeartbeat, onLeafProbe, onLeave } from './leaf-rules.ts'
import { onCaller } from './life-rules.ts'
import type { NodeAnswer, PastryMessage, RowRequest } from './messages.ts'
import type { Fx, PastryNode } from './node.ts'
import { onAnnounce, onDistance } from './table-rules.ts'

export function onMessage(node: PastryNode, link: Link, message: PastryMessage, fx: Fx): void {
  const peer = node.router.calls.peerOf(link)
  if (peer === undefined) return
  const answer = (message: NodeAnswer): void => fx.send(link, message, PRIORITY_TABLE)
  switch (message.type) {
    case 'join-request':
      answer(answerJoin(node, peer, message))
      onCaller(node, peer, fx)
      break
    case 'leaf-probe':
      onLeafProbe(node, link, peer, message, fx)
      break
    case 'heartbeat':
      onHeartbeat(node, peer, fx)
      break
    case 'row-request': {
      const entries = rowOf(node, message).filter(other => other !== peer)
      answer({ type: 'row', id: message.id, entries: node.contacts(entries) })
      break
    }
    case 'announce':
      onAnnounce(node, peer, node.intern(message.entries, COLUMNS_MAX), fx)
      break
    case 'neighbours-request': {
      const others = node.neighbourhood.peers.filter(other => other !== peer)
      answer({ type: 'neighbours', id: message.id, neighbours: node.contacts(others) })
      break
    }
    case 'distance':
      onDistance(node, peer, message.distanceUs, fx)
      break
    case 'leave':
      onLeave(node, peer, node.intern(message.leaves, LEAF_SET_MAX), fx)
      break
  }
}

function rowOf(node: PastryNode, { row, column }: RowRequest): number[] {
  const { table } = node
  if (node.mode !== 'member' || row >= table.rows) return []
  if (column >= table.columns) return table.row(row)
  const entry = table.at(row * table.columns + column)
  return entry < 0 ? [] : [entry]
}

export function onNotReady(node: PastryNode, link: Link, fx: Fx): void {
  const peer = node.router.calls.peerOf(link)
  if (peer !== undefined && node.maintenance) dismiss(node, peer, fx)
}
