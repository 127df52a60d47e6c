/** Leaving of one's own accord: records go to whoever takes their keys, and the leaves are told. */
import { type KeyRange, PRIORITY_TABLE, type RoutingEffects } from '@servent/key-routing/machine'
import type { Peer } from '@servent/overlay/machine'
import { clearTables } from './life-rules.ts'
import type { Fx, PastryNode } from './node.ts'
import { midpoint } from './node-ids.ts'
import { savePeers } from './save.ts'

/** Hands records over first, to the neighbours on both sides, and stays a member until they have them. */
export function leave(node: PastryNode, fx: Fx): void {
  const heirs = heirsOf(node)
  if (node.mode !== 'member' || heirs.length === 0) {
    depart(node, fx)
    return
  }
  const { term } = node
  let waiting = heirs.length
  const done = (effects: RoutingEffects): void => {
    waiting -= 1
    if (waiting === 0 && node.term === term) depart(node, effects as unknown as Fx)
  }
  for (const { heir, range } of heirs)
    node.keeper.handOverAll(heir, done, fx as unknown as RoutingEffects, range)
}

/** With this node gone, the keys up to the middle between its neighbours belong to the one, the rest to the other. */
function heirsOf(node: PastryNode): { heir: Peer; range: KeyRange }[] {
  const { key, leaves } = node
  const [left, right] = [leaves.smaller[0], leaves.larger[0]]
  if (left === undefined || right === undefined) return []
  if (left === right) return [{ heir: left, range: { from: key, to: key } }]
  const [before, behind] = [node.keyOf(left), node.keyOf(right)]
  const middle = midpoint(before, behind)
  return [
    { heir: left, range: { from: midpoint(before, key), to: middle } },
    { heir: right, range: { from: middle, to: midpoint(key, behind) } }
  ]
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
  clearTables(node, fx)
}
