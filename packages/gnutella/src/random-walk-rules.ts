/**
 * Random walks (Lv, Cao, Cohen, Li, Shenker, ICS 2002, section 5.2): a search sends out k walkers, each a query that a
 * servent hands on to one neighbour, chosen at random, and not back to the one that it came from. Everybody whom a
 * walker meets answers once, whichever walker came first; all may pass again.
 *
 * A walker asks its origin whether to go on, and waits for the word: so a search that has found enough costs nothing
 * more. In the paper that question is one message straight to the origin, and it is asked after each fourth step. Here
 * it goes back along the walker's path, link by link, as hits do, since no servent opens a link for it; asked each
 * fourth step, the questions of a long walk would cost many times its steps. So it is asked after 4 steps, and then
 * each time the walker has come twice as far: all questions and words of a walk cost less than four times its steps.
 * No word is a no.
 *
 * Who does not know of walkers would flood them or let them end, so they go only to neighbours that said they do
 * (`walk-wire.ts`). Where no neighbour does, the search is a flood. A walker that has nowhere to go but back ends.
 */
import type { Link } from '@servent/overlay/machine'
import { offend } from './bye-rules.ts'
import { WALK_CHECK_STEPS } from './constants.ts'
import type { Guid, OtherMessage, QueryMessage } from './messages.ts'
import type { Neighbour } from './neighbours.ts'
import { priorityOf } from './priorities.ts'
import { isFit, isHeldBack, match, mayRelay } from './query-rules.ts'
import { askAll, beginQuery, hasEnough, queryOf, type Search, sendQuery } from './search-rules.ts'
import type { Fx, GnutellaState } from './state.ts'
import { type Walk, type WalkWord, walkExtension, walkWord, walkWordOf } from './walk-wire.ts'

/** A header's TTL is one byte. */
const HEADER_TTL_MAX = 255

/** Sends the walkers of an own search out, in turn to the neighbours there are. Without any it is left for later. */
export function startWalk(state: GnutellaState, fx: Fx, search: Search, steps: number): void {
  const { up } = state.neighbours
  const ways = up.filter(({ walks }) => walks)
  if (ways.length === 0) {
    askAll(state, fx, search, search.ttl)
    return
  }
  beginQuery(state, fx, search, 1)
  // Who comes first in the table would else have the most walkers of every search.
  const first = fx.random() % ways.length
  for (let walker = 0; walker < state.walkers; walker += 1) {
    const neighbour = ways[(first + walker) % ways.length]!
    const query = { ...queryOf(state, search), ttl: 1, ggep: [walkExtension({ walker, steps })] }
    sendQuery(state, fx, search, neighbour, query)
  }
}

export function onWalker(
  state: GnutellaState,
  fx: Fx,
  neighbour: Neighbour,
  query: QueryMessage,
  walk: Walk
): void {
  const { guid, hops } = query
  const { link, name } = neighbour
  state.count('walkersReceived')
  if (hops >= walk.steps) {
    state.count('descriptorsBadTtl')
    offend(state, fx, neighbour, 'bad-ttl')
    return
  }
  if (isHeldBack(state, neighbour) || !isFit(state, fx, neighbour, query)) return
  if (state.routes.get(guid) === undefined) {
    state.routes.set(guid, { link, hops, hits: 0 }, state.nowMs)
    state.recent.add(guid, query.ttl, hops, name)
    match(state, fx, link, query)
  }
  const taken = hops + 1
  if (taken === walk.steps) return
  if (asksAfter(taken)) askOrigin(state, fx, link, query, walk)
  else handOn(state, fx, link, query)
}

/** After the first steps, and whenever as many again have been taken. */
export function asksAfter(steps: number): boolean {
  const times = steps / WALK_CHECK_STEPS
  return Number.isInteger(times) && times > 0 && (times & (times - 1)) === 0
}

/** Hands a walker on, once somebody who may is found; that it came by a link costs that link's neighbour its share. */
function handOn(state: GnutellaState, fx: Fx, from: Link, query: QueryMessage): void {
  const bringer = state.neighbours.upLink(from)
  const ways = state.neighbours.up.filter(
    ({ walks, link, fullSinceMs }) => walks && link !== from && fullSinceMs === undefined
  )
  if (ways.length === 0 || bringer === undefined) {
    state.count('walkersWithoutWay')
    return
  }
  if (!mayRelay(state, bringer)) return
  const { link, name } = ways[fx.random() % ways.length]!
  const onward: QueryMessage = { ...query, ttl: 1, hops: query.hops + 1 }
  fx.send(link, onward, priorityOf(onward))
  state.recent.forwarded(query.guid, name)
  state.count('walkersHandedOn')
}

/** The walker waits here. Came it home, its origin is asked on the spot. */
function askOrigin(state: GnutellaState, fx: Fx, link: Link, query: QueryMessage, { walker }: Walk): void {
  const { guid } = query
  const route = state.routes.get(guid)
  if (route?.link === undefined) {
    if (mayGoOn(state, guid)) handOn(state, fx, link, query)
    return
  }
  const back = state.neighbours.upLink(route.link)
  if (back === undefined) {
    state.count('walkersWithoutWay')
    return
  }
  state.walksWaiting.set(keyOf(guid, walker), { link, query }, state.nowMs)
  const word = walkWord(guid, Math.min(HEADER_TTL_MAX, route.hops + 2), { type: 'ask', walker })
  fx.send(back.link, word, priorityOf(word))
}

/** Whether an own search wants its walkers to go on. */
function mayGoOn(state: GnutellaState, guid: Guid): boolean {
  const id = state.routes.get(guid)?.search
  const search = id === undefined ? undefined : state.searches.get(id)
  return search !== undefined && !hasEnough(search)
}

/** A walker's question on its way to the origin, or the word on its way back; false: it is something else. */
export function onWalkWord(
  state: GnutellaState,
  fx: Fx,
  neighbour: Neighbour,
  message: OtherMessage
): boolean {
  const word = walkWordOf(message)
  if (word === undefined) return false
  const handled =
    neighbour.queries.take(1, state.nowMs) &&
    (word.type === 'ask'
      ? onAsk(state, fx, neighbour, message, word)
      : onGo(state, fx, neighbour, message, word))
  if (!handled) state.count('walkWordsDropped')
  return true
}

function onAsk(
  state: GnutellaState,
  fx: Fx,
  { link }: Neighbour,
  message: OtherMessage,
  { walker }: WalkWord
): boolean {
  const { guid, hops } = message
  const route = state.routes.get(guid)
  if (route === undefined || route.link === link) return false
  if (route.link === undefined) {
    if (!mayGoOn(state, guid)) return false
    const word = walkWord(guid, Math.min(HEADER_TTL_MAX, hops + 2), { type: 'go', walker })
    fx.send(link, word, priorityOf(word))
    return true
  }
  state.walkRoutes.set(keyOf(guid, walker), link, state.nowMs)
  return passOn(state, fx, route.link, message)
}

function onGo(
  state: GnutellaState,
  fx: Fx,
  { link }: Neighbour,
  message: OtherMessage,
  { walker }: WalkWord
): boolean {
  const { guid } = message
  const key = keyOf(guid, walker)
  // Only the link that leads to the origin brings its word.
  if (state.routes.get(guid)?.link !== link) return false
  const waiting = state.walksWaiting.get(key)
  if (waiting !== undefined) {
    state.walksWaiting.delete(key)
    handOn(state, fx, waiting.link, waiting.query)
    return true
  }
  const next = state.walkRoutes.get(key)
  return next !== undefined && passOn(state, fx, next, message)
}

function passOn(state: GnutellaState, fx: Fx, link: Link, message: OtherMessage): boolean {
  const next = state.neighbours.upLink(link)
  if (next === undefined || message.ttl <= 1) return false
  const onward: OtherMessage = {
    ...message,
    ttl: message.ttl - 1,
    hops: Math.min(HEADER_TTL_MAX, message.hops + 1)
  }
  fx.send(next.link, onward, priorityOf(onward))
  return true
}

function keyOf(guid: Guid, walker: number): string {
  return `${guid}/${walker}`
}
