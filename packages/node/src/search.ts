/**
 * Searches: every wanted overlay is asked at once, and hits of one content become one row. Rows are numbered
 * from 1 in the order in which their first hit came, and keep their numbers until the next search.
 */
import type { SearchExtent } from '@servent/key-routing'
import type { Ended } from '@servent/napster'
import {
  given,
  type Hit,
  NobodyToAskError,
  type Overlay,
  type OverlayName,
  type Provider,
  parseQuery,
  type Query,
  QueryError,
  type SearchOptions,
  type SearchTraffic
} from '@servent/overlay'
import type { Logger } from 'pino'
import { LINK_SPEED_MAX } from './config-parts.ts'
import { NotFoundError } from './errors.ts'
import { merge } from './merge.ts'
import { type OverlaysHere, wantedOverlays } from './overlays.ts'
import type { HitEvent, SearchEvent, SearchRequest, SearchRow } from './types.ts'

/** A flooded query has no end of its own: answers that come later than this are not waited for. */
export const SEARCH_MS_DEFAULT = 5_000
/** Of one row: more sources than any download asks. */
export const ROW_PROVIDERS_MAX = 32

export interface SearchesInit {
  /** Overlays of this node, those that run among them, by name. */
  readonly overlays: () => OverlaysHere
  readonly load: () => SearchRow[]
  readonly keep: (rows: readonly SearchRow[]) => void
  readonly logger: Logger
}

export interface RowsEnd {
  readonly files: number
  /** There were more hits than were taken. */
  readonly more?: true
}

interface Row extends SearchRow {
  readonly providers: Provider[]
  readonly overlays: OverlayName[]
}

interface Asked {
  readonly name: OverlayName
  readonly traffic: SearchTraffic
  /** Overlays that route by key fill it in. */
  readonly extent: Partial<SearchExtent>
  hits: number
  firstHitMs: number | null
  /** Overlays that ask servers fill it in. */
  unanswered: readonly string[]
  reason?: string
  isNobody: boolean
}

export class Searches {
  readonly #init: SearchesInit
  #last: readonly SearchRow[]

  constructor(init: SearchesInit) {
    this.#init = init
    this.#last = init.load()
  }

  /** Rows of the search that was begun last, those of it that are there already. */
  last(): readonly SearchRow[] {
    return this.#last
  }

  /**
   * @throws QueryError     the text breaks the grammar
   * @throws NotFoundError  an overlay was named that does not run here
   */
  async *run(request: SearchRequest, signal?: AbortSignal): AsyncGenerator<SearchEvent, void> {
    const search = this.#search(request, signal)
    this.#last = search.rows
    try {
      yield* search.events
    } finally {
      // A search that was begun later has replaced this one, and its rows are what `get N` means.
      if (this.#last === search.rows) this.#init.keep(search.rows)
    }
  }

  /**
   * Rows of a search that nobody looks on, and that is not kept as the last.
   *
   * @throws as `run`, and NobodyToAskError where no overlay has anybody to ask
   */
  async find(request: SearchRequest, signal: AbortSignal): Promise<readonly SearchRow[]> {
    const { events, rows } = this.#search(request, signal)
    for await (const event of events) {
      if (event.event !== 'done' || event.overlays.some(({ status }) => status !== 'nobody')) continue
      const why = event.overlays.flatMap(({ reason }) => reason ?? []).join(' ')
      throw new NobodyToAskError(`This node has nobody to ask yet. ${why}`.trim())
    }
    return rows
  }

  /**
   * Rows of what one peer shares, numbered and kept as a search's, so that `get N` fetches them. No more than `limit` hits
   * are taken.
   */
  async *rows(hits: AsyncIterable<Hit>, limit: number): AsyncGenerator<HitEvent, RowsEnd> {
    const rows: Row[] = []
    const byId = new Map<string, Row>()
    this.#last = rows
    let left = limit
    try {
      for await (const hit of hits) {
        if (left === 0) return { files: rows.length, more: true }
        left -= 1
        const event = take(hit, byId, rows)
        if (event !== undefined) yield event
      }
      return { files: rows.length }
    } finally {
      if (this.#last === rows) this.#init.keep(rows)
    }
  }

  #search(
    request: SearchRequest,
    signal: AbortSignal | undefined
  ): { readonly events: AsyncIterable<SearchEvent>; readonly rows: readonly SearchRow[] } {
    const query = parseQuery(request.text, request)
    const overlays = this.#wanted(overlaysFor(request))
    const rows: Row[] = []
    return { rows, events: this.#events(query, overlays, rows, request, signal) }
  }

  async *#events(
    query: Query,
    overlays: readonly { name: OverlayName; overlay: Overlay }[],
    last: Row[],
    request: SearchRequest,
    signal: AbortSignal | undefined
  ): AsyncGenerator<SearchEvent, void> {
    const rows = new Map<string, Row>()
    const ended = new AbortController()
    const options = {
      signal: signal === undefined ? ended.signal : AbortSignal.any([signal, ended.signal]),
      timeoutMs: request.timeoutMs ?? SEARCH_MS_DEFAULT,
      ...given({ ttl: request.ttl, rounds: request.rounds, minLinkSpeed: request.minLinkSpeed })
    }
    const asked = overlays.map(({ name }): Asked => {
      return {
        name,
        traffic: { messages: 0, bytes: 0 },
        extent: {},
        hits: 0,
        firstHitMs: null,
        unanswered: [],
        isNobody: false
      }
    })
    try {
      let hits = 0
      for await (const { overlay, hit } of this.#ask(overlays, asked, query, options)) {
        const event = take(hit, rows, last)
        if (event === undefined) continue
        overlay.hits += 1
        overlay.firstHitMs ??= hit.elapsedMs
        hits += 1
        yield event
        if (hits >= query.limit) break
      }
      ended.abort()
      for (const [index, { overlay }] of overlays.entries()) lookForSomebody(asked[index]!, overlay)
      yield { event: 'done', hits, files: last.length, overlays: asked.map(summary) }
    } finally {
      ended.abort()
    }
  }

  async *#ask(
    overlays: readonly { name: OverlayName; overlay: Overlay }[],
    asked: readonly Asked[],
    query: Query,
    options: SearchOptions & Pick<SearchRequest, 'minLinkSpeed'>
  ): AsyncGenerator<{ overlay: Asked; hit: Hit }, void> {
    const sources = overlays.map(({ overlay }, index) => {
      const one = asked[index]!
      const { traffic, extent } = one
      const onEnd = ({ unanswered, reason }: Ended) => {
        one.unanswered = unanswered
        if (reason !== '') one.reason = reason
      }
      const own = { ...options, traffic, extent, onEnd }
      return overlay.search(query, own)
    })
    let silent = 0
    let lastFailure: Error | undefined
    for await (const found of merge(sources)) {
      const overlay = asked[found.source]!
      if ('value' in found) {
        yield { overlay, hit: found.value }
        continue
      }
      // Who asked has left, or the time is over: no failure.
      if (options.signal?.aborted === true) continue
      overlay.reason = (found.error as Error).message
      silent += 1
      const { name } = found.error as Error
      // An overlay that routes by key waits for others to come, and fails when nobody has.
      const isEmpty = name === 'NotReadyError' && isAlone(overlays[found.source]!.overlay)
      overlay.isNobody = name === 'NobodyToAskError' || isEmpty
      if (name !== 'NobodyToAskError') lastFailure = found.error as Error
      if (overlay.isNobody) continue
      this.#init.logger.warn({ overlay: overlay.name, err: found.error }, 'an overlay could not search')
    }
    // What was found before is still worth telling, and the reason stands beside it.
    if (lastFailure !== undefined && silent === sources.length && asked.every(({ hits }) => hits === 0))
      throw lastFailure
  }

  #wanted(names: readonly OverlayName[] | undefined): { name: OverlayName; overlay: Overlay }[] {
    const wanted = wantedOverlays(this.#init.overlays(), names)
    if (wanted.length > 0) return wanted
    throw new NotFoundError('No overlay that was asked for is running. servent status says why.')
  }
}

/**
 * Only Napster's servers know of a sharer's link: the others would give files of any.
 *
 * @throws QueryError  there is no such link speed, or it is asked of another overlay
 */
function overlaysFor({
  overlays,
  minLinkSpeed
}: Pick<SearchRequest, 'overlays' | 'minLinkSpeed'>): SearchRequest['overlays'] {
  if (minLinkSpeed === undefined) return overlays
  if (!Number.isInteger(minLinkSpeed) || minLinkSpeed < 1 || minLinkSpeed > LINK_SPEED_MAX)
    throw new QueryError(`A link speed is a whole number from 1 to ${LINK_SPEED_MAX}, not ${minLinkSpeed}.`)
  const other = overlays?.find(name => name !== 'napster')
  if (other !== undefined)
    throw new QueryError(`Napster alone knows the speed of a sharer's link: do not ask ${other} for it.`)
  return ['napster']
}

/** Puts a hit into its row. Nothing where this overlay has told of this provider already. */
function take(hit: Hit, rows: Map<string, Row>, last: Row[]): HitEvent | undefined {
  const { record, provider, overlay } = hit
  const id = record.id.toString()
  let row = rows.get(id)
  if (row === undefined) {
    const { name, size, type, tags } = record
    row = { row: last.length + 1, id, name, size, type, tags, providers: [], overlays: [] }
    rows.set(id, row)
    last.push(row)
  }
  const known = row.providers.some(one => one.peerId === provider.peerId && one.overlay === overlay)
  if (known || row.providers.length >= ROW_PROVIDERS_MAX) return undefined
  row.providers.push({ ...provider, overlay })
  if (!row.overlays.includes(overlay)) row.overlays.push(overlay)
  return {
    event: 'hit',
    row: row.row,
    id,
    name: record.name,
    size: record.size,
    type: record.type,
    tags: record.tags,
    provider: provider.peerId,
    overlay,
    hops: hit.hops,
    elapsedMs: hit.elapsedMs
  }
}

/** An overlay without neighbours that sent nothing has asked nobody, whether or not it says so. */
function lookForSomebody(asked: Asked, overlay: Overlay): void {
  const { hits, traffic, extent, unanswered, reason } = asked
  const isSilent = hits === 0 && traffic.messages === 0 && Object.keys(extent).length === 0
  if (isSilent && unanswered.length === 0 && reason === undefined && isAlone(overlay)) asked.isNobody = true
}

const isAlone = (overlay: Overlay): boolean => overlay.snapshot().neighbours.length === 0

const summary = ({ name, hits, firstHitMs, traffic, extent, unanswered, reason, isNobody }: Asked) => ({
  name,
  hits,
  firstHitMs,
  messages: traffic.messages,
  bytes: traffic.bytes,
  ...extent,
  ...(unanswered.length === 0 ? {} : { unanswered: [...unanswered] }),
  ...(isNobody && { status: 'nobody' as const }),
  ...(reason === undefined ? {} : { reason })
})
