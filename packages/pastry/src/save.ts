/** The peer cache: contacts of the tables and of those remembered, kept for the next start. */
import { jittered } from '@servent/key-routing/machine'
import type { Fx, PastryNode } from './node.ts'

export const PEERS_SAVED_AS = 'pastry/peers'

export function savePeers(node: PastryNode, fx: Fx): void {
  const { leaves, neighbourhood, table } = node
  const known = new Set([...leaves.members, ...neighbourhood.peers, ...table.peers()])
  const bytes = node.cache.encode(known, node.mode === 'member', node.peers)
  if (bytes !== undefined) fx.save(PEERS_SAVED_AS, bytes)
}

export const SAVE_TIMER = 'save-peers'

export function armSaving(node: PastryNode, fx: Fx): void {
  const { saveMs } = node.settings
  if (saveMs > 0) fx.setTimer(SAVE_TIMER, jittered(fx, saveMs))
}

export function onSaveTimer(node: PastryNode, fx: Fx): void {
  savePeers(node, fx)
  armSaving(node, fx)
}
