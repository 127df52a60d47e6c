/**
 * QueryHits (lecture notes, "Avoiding Excessive Traffic"; draft 0.6, 2.2.1): back by the link that the query
 * came by and no other; without a query, dropped. On its way a hit teaches where its servent can be pushed.
 */
import { HITS_PER_QUERY_MAX } from './constants.ts'
import type { QueryHitMessage } from './messages.ts'
import type { Neighbour } from './neighbours.ts'
import { priorityOf } from './priorities.ts'
import type { QueryRoute } from './route-table.ts'
import { onOwnHit } from './search-rules.ts'
import type { Fx, GnutellaState } from './state.ts'

export function onHit(state: GnutellaState, fx: Fx, neighbour: Neighbour, hit: QueryHitMessage): void {
  state.count('hitsReceived')
  const { link } = neighbour
  if (!neighbour.hits.take(1, state.nowMs)) {
    state.count('hitsOverRate')
    return
  }
  const route = state.routes.get(hit.guid)
  if (route === undefined || route.link === link) {
    state.count('hitsWithoutQuery')
    return
  }
  // One query may bring so many; whoever answers with more crowds out the others.
  if (route.hits >= HITS_PER_QUERY_MAX) {
    state.count('hitsOverRate')
    return
  }
  route.hits += 1
  state.pushRoutes.set(hit.servent, link, state.nowMs)
  if (route.link === undefined) onOwnHit(state, fx, neighbour, route, hit)
  else handBack(state, fx, neighbour, route, hit)
}

function handBack(
  state: GnutellaState,
  fx: Fx,
  neighbour: Neighbour,
  route: QueryRoute,
  hit: QueryHitMessage
): void {
  if (hit.ttl <= 1) {
    state.count('hitsExpired')
    return
  }
  if (route.cacheKey !== undefined) state.cache.add(route.cacheKey, neighbour.link, hit)
  const back = state.neighbours.upLink(route.link!)
  if (back === undefined) {
    state.count('hitsWithoutQuery')
    return
  }
  const onward: QueryHitMessage = { ...hit, ttl: hit.ttl - 1, hops: Math.min(255, hit.hops + 1) }
  state.count('hitsForwarded')
  fx.send(back.link, onward, priorityOf(onward))
}
