/** Repeated queries answered from the cache; `query-cache.ts` says why that changes no search. */
import type { Link } from '@servent/overlay/machine'
import { CACHE_ENTRY_BYTES_MAX, CACHE_WAITING_MAX } from './constants.ts'
import type { QueryHitMessage, QueryMessage } from './messages.ts'
import type { Neighbour } from './neighbours.ts'
import { priorityOf } from './priorities.ts'
import { hashesOfQuery } from './qrp-hash.ts'
import type { CachedHit, CacheEntry, Repeat } from './query-cache.ts'
import { relay } from './query-rules.ts'
import { onTheWay } from './routing-rules.ts'
import type { Fx, GnutellaState } from './state.ts'

const NONE: ReadonlySet<Link> = new Set()

/** Answers a query from the cache, under its key there, now or when its hits are vouched for, and names whom that stands in for. */
export function answerRepeat(
  state: GnutellaState,
  fx: Fx,
  from: Neighbour,
  query: QueryMessage,
  key: string,
  ttl: number
): ReadonlySet<Link> {
  const entry = state.cache.find(key, ttl, state.nowMs)
  if (entry === undefined) return NONE
  const hits = usableHits(state, fx, entry, from.link, ttl)
  if (hits.length === 0) return NONE
  const held = new Set(hits.map(({ link }) => link))
  if (entry.verdict === 'given') {
    sendCached(state, fx, from, query, hits)
    return held
  }
  return waitForVerdict(state, fx, entry, { link: from.link, query, ttl, held }) ? held : NONE
}

function waitForVerdict(state: GnutellaState, fx: Fx, entry: CacheEntry, repeat: Repeat): boolean {
  if (entry.waiting.length >= CACHE_WAITING_MAX) return false
  if (entry.verdict === 'none') {
    if (!state.answering.mayVouch || !state.vouches.take(1, state.nowMs)) return false
    const id = state.answering.newId()
    entry.verdict = 'asked'
    state.answering.vouching(id, entry)
    const claims = entry.hits.map(({ hit }) => ({ contact: hit.contact!, results: hit.results }))
    fx.ask(id, { type: 'vouch', text: entry.text, urns: entry.urns, claims })
  }
  entry.waiting = [...entry.waiting, repeat]
  return true
}

/** The verdict on an entry: when each hit expires, or 0; nothing where nobody could tell. */
export function onVouched(
  state: GnutellaState,
  fx: Fx,
  entry: CacheEntry,
  expiresMs: readonly number[] | undefined
): void {
  entry.verdict = 'given'
  for (const [index, cached] of entry.hits.entries()) cached.expiresMs = expiresMs?.[index] ?? 0
  if (expiresMs === undefined) state.cache.delete(entry)
  const sentBytes = new Map<Link, number>()
  const { waiting } = entry
  entry.waiting = []
  for (const { link, query, ttl, held } of waiting) {
    const from = state.neighbours.upLink(link)
    if (from === undefined) continue
    let hits = usableHits(state, fx, entry, link, ttl)
    // One link may wait for the verdict more than once, and all that it is sent comes at the same moment.
    const bytes = hits.reduce(
      (total, { hit }) => total + (hit.payload?.length ?? 0),
      sentBytes.get(link) ?? 0
    )
    if (bytes > CACHE_ENTRY_BYTES_MAX) hits = []
    else sentBytes.set(link, bytes)
    sendCached(state, fx, from, query, hits)
    // Whoever the cache does not stand in for after all gets the query late, but gets it.
    const answered = new Set(hits.map(cached => cached.link))
    const late = state.neighbours.up.filter(other => held.has(other.link) && !answered.has(other.link))
    const targets = state.tiers.flat ? late : onTheWay(state, late, hashesOfQuery(query), ttl - 1)
    relay(state, fx, from, query, ttl, targets)
  }
}

/** Of neighbours that are still there, other than the one that asks. */
function usableHits(state: GnutellaState, fx: Fx, entry: CacheEntry, asker: Link, ttl: number): CachedHit[] {
  return state.cache
    .hitsFor(entry, ttl, fx.wallMs())
    .filter(({ link }) => link !== asker && state.neighbours.upLink(link) !== undefined)
}

function sendCached(
  state: GnutellaState,
  fx: Fx,
  to: Neighbour,
  query: QueryMessage,
  hits: readonly CachedHit[]
): void {
  if (hits.length === 0) return
  if (to.fullSinceMs !== undefined) {
    state.count('hitsDroppedInFlowControl', hits.length)
    return
  }
  state.count('queriesAnsweredFromCache')
  for (const { hit, distance } of hits) {
    // As it would have come by: from as far, and with enough TTL for the way back.
    const again: QueryHitMessage = { ...hit, guid: query.guid, hops: distance, ttl: query.hops + 2 }
    fx.send(to.link, again, priorityOf(again))
  }
}
