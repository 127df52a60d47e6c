/**
 * Hits of queries that were handed on, which answer the same queries when they come again, as the lecture
 * notes ask and Markatos (CCGRID 2002) measured: up to half of the traffic is repetition.
 *
 * The cache must not change what a search finds. So a cached hit stands in for the neighbour that brought
 * it, and for that one alone: the others still get the query. It answers only a query that would have gone
 * as far as the hit's peer (TTL 6 does not find over seven links what TTL 7 found), and only for a neighbour
 * that was asked with at least as much TTL before and had time to answer. Before its first use every
 * record in it is vouched for; what has expired since is no answer. Hits that bring records without our
 * signature, or more than fits, have their neighbour asked again instead.
 */
import type { Link } from '@servent/overlay/machine'
import {
  CACHE_AGE_MS,
  CACHE_BYTES_MAX,
  CACHE_ENTRY_BYTES_MAX,
  CACHE_HITS_MAX,
  CACHE_QUERIES_MAX,
  CACHE_RESULTS_MAX,
  CACHE_SETTLE_MS
} from './constants.ts'
import { isSigned } from './hit-making.ts'
import type { Guid, QueryHitMessage, QueryMessage } from './messages.ts'
import type { Wanted } from './types.ts'

export interface CachedHit {
  /** The neighbour that brought it. */
  readonly link: Link
  /** Links from here to the peer that has the files. */
  readonly distance: number
  readonly hit: QueryHitMessage
  /** When the first of its records expires, milliseconds since 1970; 0 until somebody vouched for it. */
  expiresMs: number
}

/** A query that came again, and the neighbours that it was not handed to while a verdict is due. */
export interface Repeat {
  readonly link: Link
  readonly query: QueryMessage
  readonly ttl: number
  readonly held: ReadonlySet<Link>
}

export interface CacheEntry extends Wanted {
  readonly key: string
  /** The query that fills it. */
  readonly guid: Guid
  /** TTL that the query had when it came in. */
  readonly ttl: number
  readonly atMs: number
  hits: readonly CachedHit[]
  bytes: number
  results: number
  /** Neighbours that it does not stand in for. */
  closed: ReadonlySet<Link>
  verdict: 'none' | 'asked' | 'given'
  waiting: readonly Repeat[]
}

/** What most entries have, for most queries bring no hit: one for all of them. */
const NO_HITS: readonly CachedHit[] = []
const NOBODY: ReadonlySet<Link> = new Set()
const NO_REPEATS: readonly Repeat[] = []

export class QueryCache {
  /** The oldest first. */
  readonly #entries = new Map<string, CacheEntry>()
  #bytes = 0

  get size(): { queries: number; hits: number; bytes: number } {
    let hits = 0
    for (const entry of this.#entries.values()) hits += entry.hits.length
    return { queries: this.#entries.size, hits, bytes: this.#bytes }
  }

  /** Repeats that wait for a verdict, of the query that most wait for. */
  get waiting(): number {
    let most = 0
    for (const { waiting } of this.#entries.values()) most = Math.max(most, waiting.length)
    return most
  }

  /** Begins to keep the hits of a query; false where hits of as far a query are kept already. */
  begin(key: string, wanted: Wanted, guid: Guid, ttl: number, nowMs: number): boolean {
    const known = this.#entries.get(key)
    if (known !== undefined && known.ttl >= ttl && nowMs - known.atMs <= CACHE_AGE_MS) return false
    if (known !== undefined) this.delete(known)
    const oldest = this.#entries.values().next().value
    if (oldest !== undefined && this.#entries.size >= CACHE_QUERIES_MAX) this.delete(oldest)
    const { text, urns } = wanted
    this.#entries.set(key, {
      key,
      text,
      urns,
      guid,
      ttl,
      atMs: nowMs,
      hits: NO_HITS,
      bytes: 0,
      results: 0,
      closed: NOBODY,
      verdict: 'none',
      waiting: NO_REPEATS
    })
    return true
  }

  /** Keeps a hit of the query that fills the entry. */
  add(key: string, link: Link, hit: QueryHitMessage): void {
    const entry = this.#entries.get(key)
    if (entry === undefined || entry.guid !== hit.guid || entry.verdict !== 'none') return
    const bytes = hit.payload?.length ?? 0
    const sound = hit.contact !== undefined && hit.results.every(isSigned)
    const fits =
      entry.hits.length < CACHE_HITS_MAX &&
      entry.results + hit.results.length <= CACHE_RESULTS_MAX &&
      entry.bytes + bytes <= CACHE_ENTRY_BYTES_MAX
    if (!sound || !fits || entry.closed.has(link)) {
      this.#close(entry, link)
      return
    }
    entry.hits = [...entry.hits, { link, distance: hit.hops + 1, hit, expiresMs: 0 }]
    entry.results += hit.results.length
    entry.bytes += bytes
    this.#bytes += bytes
    for (const oldest of this.#entries.values()) {
      if (this.#bytes <= CACHE_BYTES_MAX) break
      this.delete(oldest)
    }
  }

  /** A hit of the query that fills the entry was dropped: its branch is asked again the next time. */
  drop(key: string, guid: Guid, link: Link): void {
    const entry = this.#entries.get(key)
    if (entry?.guid === guid && entry.verdict === 'none') this.#close(entry, link)
  }

  /** What may answer a query of this TTL, if anything. */
  find(key: string, ttl: number, nowMs: number): CacheEntry | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined || ttl > entry.ttl) return undefined
    const ageMs = nowMs - entry.atMs
    return ageMs >= CACHE_SETTLE_MS && ageMs <= CACHE_AGE_MS ? entry : undefined
  }

  /** Hits that a query of this TTL would have reached, and that have not expired once vouched for. */
  hitsFor(entry: CacheEntry, ttl: number, wallMs: number): CachedHit[] {
    return entry.hits.filter(
      ({ link, distance, expiresMs }) =>
        distance < ttl && !entry.closed.has(link) && (entry.verdict !== 'given' || expiresMs > wallMs)
    )
  }

  delete(entry: CacheEntry): void {
    if (this.#entries.get(entry.key) !== entry) return
    this.#entries.delete(entry.key)
    this.#bytes -= entry.bytes
  }

  age(nowMs: number): void {
    for (const entry of this.#entries.values()) {
      if (nowMs - entry.atMs <= CACHE_AGE_MS) break
      this.delete(entry)
    }
  }

  #close(entry: CacheEntry, link: Link): void {
    entry.closed = new Set(entry.closed).add(link)
    entry.hits = entry.hits.filter(cached => cached.link !== link)
    entry.results = entry.hits.reduce((total, { hit }) => total + hit.results.length, 0)
    const bytes = entry.hits.reduce((total, { hit }) => total + (hit.payload?.length ?? 0), 0)
    this.#bytes -= entry.bytes - bytes
    entry.bytes = bytes
  }
}

/** Queries that ask for the same have the same key. In quotes the order of words counts, so it is kept. */
export function cacheKey({ text, urns }: Wanted): string {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean)
  if (!text.includes('"')) words.sort()
  return `${words.join(' ')}\n${[...urns].sort().join('\n')}`
}
