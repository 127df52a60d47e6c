/**
 * Where a tuple is found before gossip has brought it round: at the members that are nearest to its key. Whoever has one
 * from its provider tells them at once, and lookups that go on inside the group go there first. (The paper's lookups walk
 * at random, and in the seconds after an announcement find nobody who has heard of it.)
 */
import type { Peer } from '@servent/overlay/machine'
import { PRIORITY_GOSSIP, RENDEZVOUS_MEMBERS, RENDEZVOUS_PEERS_MAX } from './constants.ts'
import { Draft } from './gossip-draft.ts'
import type { Kelips } from './kelips.ts'
import type { PeerTuple } from './messages.ts'
import { nearestOthers } from './nearest.ts'
import type { Fx } from './types.ts'
import { groupByteLength } from './wire-group.ts'

/** Tuples that this peer keeps. Those for which there is no room now come round as news. */
export function tellNearest(kelips: Kelips, tuples: readonly PeerTuple[], fx: Fx): void {
  const rowsOf = new Map<Peer, number[]>()
  for (const { kind, prefix, provider } of tuples) {
    const origin = kelips.intern(provider)
    const row = origin === undefined ? -1 : kelips.tuples.find(kind, prefix, origin)
    if (row < 0) continue
    for (const peer of nearestOthers(kelips, prefix, RENDEZVOUS_MEMBERS)) {
      if (peer === origin) continue
      const rows = rowsOf.get(peer)
      if (rows !== undefined) rows.push(row)
      else if (rowsOf.size < RENDEZVOUS_PEERS_MAX) rowsOf.set(peer, [row])
    }
  }
  for (const [peer, rows] of rowsOf) {
    const draft = new Draft(kelips)
    for (const row of rows) draft.tuple(row, true)
    const bytes = groupByteLength(draft.message)
    if (!kelips.rendezvousBudget.take(bytes, kelips.nowMs)) return
    kelips.counters.rendezvousSent += 1
    kelips.counters.rendezvousBytes += bytes
    draft.told(1)
    kelips.calls.tell(peer, draft.message, PRIORITY_GOSSIP, fx)
  }
}
