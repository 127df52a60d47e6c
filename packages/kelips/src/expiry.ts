/** What is over: members and contacts whose heartbeat stands still, providers, and tuples (IPTPS section 2). */
import type { Peer } from '@servent/overlay/machine'
import { SWEEP_ROUNDS } from './constants.ts'
import type { Kelips } from './kelips.ts'
import type { LifeTable } from './life-table.ts'

/** Once a round. */
export function expire(kelips: Kelips): void {
  const { view, contacts, origins, counters } = kelips
  for (const peer of over(kelips, view, kelips.memberTimeoutMs())) {
    kelips.cache.lost.add(peer)
    kelips.bury(peer)
    counters.expired += 1
  }
  for (const peer of over(kelips, contacts.table, kelips.contactTimeoutMs())) {
    kelips.bury(peer)
    counters.expired += 1
  }
  const gone = new Set(over(kelips, origins.table, kelips.originTimeoutMs()))
  // This peer's own heartbeat needs nobody to tell of it.
  gone.delete(0)
  // No other one's copy of the same heartbeat brings it back.
  for (const peer of gone) {
    const row = origins.table.find(peer)
    kelips.remember(peer, origins.table.startAt(row), origins.table.beatAt(row))
  }
  if (gone.size > 0 || counters.rounds % SWEEP_ROUNDS === 0)
    dropTuples(kelips, row => {
      const { tuples, wallMs } = kelips
      return tuples.expiresMs(row) <= wallMs || gone.has(tuples.originAt(row))
    })
}

/** Forgets tuples, and providers that have none any more. */
export function dropTuples(kelips: Kelips, isOver: (row: number) => boolean): void {
  const { tuples, origins, counters } = kelips
  for (let row = tuples.size - 1; row >= 0; row -= 1) {
    if (!isOver(row)) continue
    const origin = tuples.originAt(row)
    const known = origins.table.find(origin)
    if (known >= 0 && origins.tuplesOf(origin) === 1)
      kelips.remember(origin, origins.table.startAt(known), origins.table.beatAt(known) - 1)
    tuples.remove(row)
    origins.count(origin, -1)
    counters.expired += 1
  }
}

function over(kelips: Kelips, table: LifeTable, timeoutMs: number): Peer[] {
  const peers: Peer[] = []
  for (let row = 0; row < table.size; row += 1)
    if (kelips.nowMs - table.heardMs(row) > timeoutMs) peers.push(table.peerAt(row))
  return peers
}
