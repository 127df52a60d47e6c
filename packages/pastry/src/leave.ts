/** Leaving of one's own accord: records go to whoever takes their keys, and the leaves are told. */
import { PRIORITY_TABLE, type RoutingEffects } from '@servent/key-routing/machine'
import { clearTables } from './life-rules.ts'
import type { Fx, PastryNode } from './node.ts'
import { savePeers } from './save.ts'

/**
 * Hands records over first, to the neighbours on both sides, and stays a member until they have them. Whoever says it
 * again meanwhile waits no longer.
 */
export function leave(node: PastryNode, fx: Fx): void {
  if (node.mode !== 'member' || node.leaves.isEmpty || node.leaving) {
    depart(node, fx)
    return
  }
  node.leaving = true
  // Who has gone before they have them is not told (`left`), so whoever is told is still to go.
  node.keeper.handOverAll(effects => depart(node, effects as unknown as Fx), fx as unknown as RoutingEffects)
}

/** Only over links that are up: nobody waits for the others. */
export function depart(node: PastryNode, fx: Fx): void {
  const { calls } = node.router
  if (node.settings.saveMs > 0 && node.mode !== 'idle') savePeers(node, fx)
  const { members } = node.leaves
  const leaves = node.contacts(members)
  for (const peer of new Set([...members, ...node.table.peers()])) {
    const link = calls.linkOf(peer)
    if (link !== undefined) fx.send(link, { type: 'leave', leaves }, PRIORITY_TABLE)
  }
  node.leaving = false
  node.keeper.left(fx as unknown as RoutingEffects)
  clearTables(node, fx)
}
