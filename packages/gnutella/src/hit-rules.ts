/**
 * QueryHits (lecture notes, "Avoiding Excessive Traffic"; draft 0.6, 2.2.1): back by the link that the query
 * came by and no other; without a query, dropped. On its way a hit teaches where its servent can be pushed.
 */
import type { Link } from '@servent/overlay/machine'
import { HIT_RELAYED_BYTES_MAX, HITS_PER_QUERY_MAX } from './constants.ts'
import { countResults } from './dynamic-rules.ts'
import type { Guid, QueryHitMessage } from './messages.ts'
import type { Neighbour } from './neighbours.ts'
import { priorityOf } from './priorities.ts'
import type { QueryRoute } from './route-table.ts'
import { onOwnHit } from './search-rules.ts'
import type { Fx, GnutellaState } from './state.ts'
import { isHeldByAnother } from './tier-headers.ts'

export function onHit(state: GnutellaState, fx: Fx, neighbour: Neighbour, hit: QueryHitMessage): void {
  state.count('hitsReceived')
  const { link } = neighbour
  const route = state.routes.get(hit.guid)
  if (!neighbour.hits.take(1, state.nowMs)) {
    state.count('hitsOverRate')
    if (route !== undefined) closeBranch(state, route, hit, link)
    return
  }
  if (route === undefined || route.link === link) {
    state.count('hitsWithoutQuery')
    return
  }
  // One query may bring so many; whoever answers with more crowds out the others.
  if (route.hits >= HITS_PER_QUERY_MAX) {
    state.count('hitsOverRate')
    closeBranch(state, route, hit, link)
    return
  }
  route.hits += 1
  countResults(state, link, hit.guid, hit.results.length)
  if (isWayTo(state, neighbour, hit.servent)) state.pushRoutes.set(hit.servent, link, state.nowMs)
  if (route.link === undefined) onOwnHit(state, fx, neighbour, route, hit)
  else handBack(state, fx, neighbour, route, hit)
}

/**
 * Whether a hit teaches where its servent can be pushed. Hits of a leaf are its own, under the one GUID that it said; and
 * no hit takes the pushes from a leaf that is linked here.
 */
function isWayTo(state: GnutellaState, neighbour: Neighbour, servent: Guid): boolean {
  const own = neighbour.kind === 'leaf' ? neighbour.tiered?.servent : undefined
  return (own ?? servent) === servent && !isHeldByAnother(state, neighbour, servent)
}

function handBack(
  state: GnutellaState,
  fx: Fx,
  neighbour: Neighbour,
  route: QueryRoute,
  hit: QueryHitMessage
): void {
  const { link } = neighbour
  if (hit.ttl <= 1) {
    state.count('hitsExpired')
    closeBranch(state, route, hit, link)
    return
  }
  if ((hit.payload?.length ?? 0) > HIT_RELAYED_BYTES_MAX) {
    state.count('hitsTooLarge')
    closeBranch(state, route, hit, link)
    return
  }
  // A leaf is asked each time, by its table, so that nothing has to stand in for it.
  if (route.cacheKey !== undefined && neighbour.kind !== 'leaf') state.cache.add(route.cacheKey, link, hit)
  const back = state.neighbours.upLink(route.link!)
  if (back === undefined) {
    state.count('hitsWithoutQuery')
    return
  }
  if (back.fullSinceMs !== undefined) {
    // The newest hits are dropped, as by gtk-gnutella: queued, they would end the link of whoever asked.
    state.count('hitsDroppedInFlowControl')
    return
  }
  const onward: QueryHitMessage = { ...hit, ttl: hit.ttl - 1, hops: Math.min(255, hit.hops + 1) }
  state.count('hitsForwarded')
  fx.send(back.link, onward, priorityOf(onward))
}

/** What was dropped is missing from the cache, so it must not stand in for the branch. */
function closeBranch(state: GnutellaState, route: QueryRoute, { guid }: QueryHitMessage, link: Link): void {
  if (route.cacheKey !== undefined) state.cache.drop(route.cacheKey, guid, link)
}
