/**
 * Expanding ring (Lv, Cao, Cohen, Li, Shenker, "Search and Replication in Unstructured Peer-to-Peer Networks",
 * ICS 2002, section 5.1): a search begins with a query of a small TTL, waits for its hits, and asks again with a larger
 * one until enough was found. What many peers have is found near by, and does not cost a flood.
 *
 * Each ring is a query with an id of its own. A servent hands one id on once, so a wider query under the old id would
 * end at the first neighbour, unless all on its way kept the probes of `X-Ext-Probes`, by which the same id may come
 * again with a higher TTL; that is announced link by link, and one servent without it would cut off what is behind
 * it. So peers near by answer each ring anew, which costs little beside the last ring, and a file that was told of
 * before counts once.
 */
import type { RequestId } from '@servent/overlay/machine'
import { RING_MS_PER_HOP, RING_TTLS } from './constants.ts'
import { askAll, hasEnough, type Search } from './search-rules.ts'
import type { Fx, GnutellaState } from './state.ts'

/** The timer of a search's next ring. */
export function ringTimer(search: RequestId): string {
  return `ring-${search}`
}

/** Asks with the first TTL, or the next. */
export function askRing(state: GnutellaState, fx: Fx, search: Search): void {
  const ttl = ringTtl(search.rings, search.ttl)
  search.rings += 1
  askAll(state, fx, search, ttl)
  if (ttl < search.ttl) fx.setTimer(ringTimer(search.id), ttl * RING_MS_PER_HOP)
}

/** The TTL of a ring, counted from 0: of the schedule, and at last all that the search may have. */
function ringTtl(ring: number, ttlMax: number): number {
  return Math.min(ttlMax, RING_TTLS[ring] ?? ttlMax)
}

export function onRingTimer(state: GnutellaState, fx: Fx, id: RequestId): void {
  const search = state.searches.get(id)
  if (search === undefined || search.rings === 0 || search.queryTtl >= search.ttl || hasEnough(search)) return
  askRing(state, fx, search)
}
