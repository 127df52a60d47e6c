/**
 * Where a tuple is found before gossip has brought it round: at the members that are nearest to its key. Whoever has one
 * from its provider tells them at once, and lookups that go on inside the group go there first. (The paper's lookups walk
 * at random, and in the seconds after an announcement find nobody who has heard of it.)
 */
import type { Peer } from '@servent/overlay/machine'
import {
  PRIORITY_GOSSIP,
  RENDEZVOUS_MEMBERS,
  RENDEZVOUS_PEERS_MAX,
  RENDEZVOUS_PER_PEER_MAX
} from './constants.ts'
import { Draft } from './gossip-draft.ts'
import type { Kelips } from './kelips.ts'
import type { PeerTuple } from './messages.ts'
import { nearestOthers } from './nearest.ts'
import type { Fx } from './types.ts'
import { groupByteLength } from './wire-group.ts'

/** Tuples that this peer keeps. What the bounds hold back comes round as news. */
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
  for (const [peer, rows] of rowsOf) tell(kelips, peer, rows, fx)
}

/** In as many messages as it takes, and no more than leave the peer room for this one's gossip. */
function tell(kelips: Kelips, peer: Peer, rows: readonly number[], fx: Fx): void {
  const { rendezvousTold, rules, counters, calls } = kelips
  let next = 0
  while (next < rows.length) {
    const told = (rendezvousTold.get(peer) ?? 0) + 1
    if (told > RENDEZVOUS_PER_PEER_MAX) return
    const draft = new Draft(kelips)
    while (next < rows.length && draft.tuple(rows[next]!, true)) next += 1
    if (draft.tuples.length === 0) return
    const bytes = groupByteLength(draft.message)
    if (!rules.mayTell(kelips, bytes)) return
    rendezvousTold.set(peer, told)
    counters.rendezvousSent += 1
    counters.rendezvousBytes += bytes
    draft.told(1)
    calls.tell(peer, draft.message, PRIORITY_GOSSIP, fx)
  }
}
