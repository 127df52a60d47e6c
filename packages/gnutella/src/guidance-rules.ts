/**
 * Leaf guidance of dynamic queries (Solares, 2003). A leaf asks three ultrapeers, none of which knows what the others
 * find, or what the leaf's checks refuse. So the leaf tells them how many results it has kept, and that it wants no more
 * once it has enough, or its search is over: then nobody asks further for it.
 *
 * Solares has the ultrapeer ask before each step, and wait for the answer. As LimeWire did, this servent's leaves speak
 * unasked, and its ultrapeers do not ask; a leaf that is asked answers. It speaks of its first result, whenever it has
 * twice as many as it said last, and after `GUIDANCE_RESULTS` more at the latest: an ultrapeer that has heard of none
 * takes what is common for rare, and asks as far as it may. Whoever says nothing is asked for as the results that came by
 * say.
 *
 * A search of an ultrapeer itself is guided in the same way, without messages.
 */
import { endDynamic } from './dynamic-rules.ts'
import { guidanceMessage, guidanceOf, isGuided } from './guidance-wire.ts'
import type { Guid, OtherMessage } from './messages.ts'
import type { Neighbour } from './neighbours.ts'
import { priorityOf } from './priorities.ts'
import { hasEnough, type Search } from './search-rules.ts'
import type { Fx, GnutellaState } from './state.ts'
import { GUIDANCE_OVER, GUIDANCE_RESULTS } from './tier-constants.ts'

/** An own search has kept more results, or is over. */
export function guide(state: GnutellaState, fx: Fx, search: Search, isOver = hasEnough(search)): void {
  const { guid, results, told } = search
  const running = state.tiers.byGuid(guid)
  if (running !== undefined) {
    running.query.kept = results.size
    if (isOver) endDynamic(state.tiers, fx, running)
  }
  if (state.tiers.tier !== 'leaf' || told === GUIDANCE_OVER) return
  if (!isOver && results.size < told + Math.min(GUIDANCE_RESULTS, Math.max(1, told))) return
  search.told = isOver ? GUIDANCE_OVER : results.size
  const message = guidanceMessage(guid, { type: 'response', results: search.told })
  for (const { peer, link, tiered } of state.neighbours.peers) {
    if (tiered?.queriesDynamically !== true || !search.sentTo.has(peer)) continue
    fx.send(link, message, priorityOf(message))
    fx.notify({ type: 'search-traffic', search: search.id, message, copies: 1 })
  }
}

/** A leaf's word, or an ultrapeer's question for it; false: it is something else. */
export function onGuidance(
  state: GnutellaState,
  fx: Fx,
  neighbour: Neighbour,
  message: OtherMessage
): boolean {
  const guidance = guidanceOf(message)
  if (guidance === undefined) return false
  const taken =
    neighbour.queries.take(1, state.nowMs) &&
    (guidance.type === 'request'
      ? answer(state, fx, neighbour, message.guid)
      : follow(state, fx, neighbour, message.guid, guidance.results))
  if (!taken) state.count('guidanceDropped')
  return true
}

/** Only the leaf whose query it is, and which said that it guides it, is followed. */
function follow(
  { tiers }: GnutellaState,
  fx: Fx,
  neighbour: Neighbour,
  guid: Guid,
  results: number
): boolean {
  const running = tiers.byGuid(guid)
  if (running?.leaf !== neighbour || !isGuided(running.message)) return false
  running.query.kept = results
  if (results === GUIDANCE_OVER) endDynamic(tiers, fx, running)
  return true
}

/** A number for whoever was asked; a search that is gone is over. */
function answer(state: GnutellaState, fx: Fx, { peer, link }: Neighbour, guid: Guid): boolean {
  const id = state.routes.get(guid)?.search
  if (id === undefined) return false
  const search = state.searches.get(id)
  if (search !== undefined && !search.sentTo.has(peer)) return false
  const results = search === undefined || hasEnough(search) ? GUIDANCE_OVER : search.results.size
  const message = guidanceMessage(guid, { type: 'response', results })
  fx.send(link, message, priorityOf(message))
  return true
}
