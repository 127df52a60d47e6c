/**
 * The wishlist: searches that run by themselves now and then, remember what they found, and fetch it where the
 * user said so, within bounds. What the user searched for last is not touched.
 */
import { folderName, parseQuery } from '@servent/overlay'
import type { Logger } from 'pino'
import { NotFoundError, WishError } from './errors.ts'
import type { SearchRequest, SearchRow } from './types.ts'
import {
  WISH_FILES_A_DAY_DEFAULT,
  WISH_FILES_A_DAY_MAX,
  WISH_GET_BYTES_DEFAULT,
  WISH_LOOK_MS,
  WISH_PROVIDER_SHARE_MAX,
  WISH_RESULTS_MAX,
  WISH_SEARCH_MS,
  WISH_START_MS,
  WISHES_MAX
} from './wish-limits.ts'
import { type Moment, WishSchedule } from './wish-schedule.ts'
import type { StoredWish, WishStore } from './wish-store.ts'
import type { WishRequest, WishRow, WishView } from './wish-types.ts'

export interface WishesInit {
  readonly store: WishStore
  readonly periodMs: number
  /** Rows of one search over the overlays, which is not kept as the user's last. */
  readonly find: (request: SearchRequest, signal: AbortSignal) => Promise<readonly SearchRow[]>
  /** Whether a file is here, or on its way. */
  readonly has: (id: string) => Promise<boolean>
  /** Begins a download of at most so many bytes, whatever its row says, and does not wait for it. */
  readonly get: (row: SearchRow, sizeMax: number) => Promise<void>
  readonly logger: Logger
  readonly clock?: () => Moment
  /** From 0 to 1. */
  readonly chance?: () => number
}

const systemClock = (): Moment => ({ wallMs: Date.now(), nowMs: performance.now() })

export class Wishes {
  readonly #init: WishesInit
  readonly #clock: () => Moment
  readonly #schedule: WishSchedule
  readonly #ended = new AbortController()
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> | undefined

  constructor(init: WishesInit) {
    this.#init = init
    this.#clock = init.clock ?? systemClock
    this.#schedule = new WishSchedule(init.periodMs)
    for (const { wish, dueMs } of init.store.all()) this.#schedule.add(wish, dueMs)
  }

  /** Looks now and then whether a wish is due, from when the node has met others on. */
  start(): void {
    this.#timer = setTimeout(() => {
      void this.look()
      this.#timer = setInterval(() => void this.look(), WISH_LOOK_MS).unref()
    }, WISH_START_MS).unref()
  }

  /** Ends with the search that is under way. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer)
    this.#ended.abort()
    await this.#running
  }

  /**
   * Saves a search. It runs as soon as it may.
   *
   * @throws QueryError  the text breaks the grammar of queries
   * @throws WishError   there are `WISHES_MAX` wishes, or a bound of what is fetched is out of range
   */
  add(request: WishRequest): WishView {
    parseQuery(request.text, request)
    const filesADay = request.get?.filesADay ?? WISH_FILES_A_DAY_DEFAULT
    if (!Number.isSafeInteger(filesADay) || filesADay < 1 || filesADay > WISH_FILES_A_DAY_MAX) {
      throw new WishError(`A wish fetches 1 to ${WISH_FILES_A_DAY_MAX} files a day.`)
    }
    const { store } = this.#init
    if (store.all().length >= WISHES_MAX) {
      throw new WishError(
        `There are ${WISHES_MAX} wishes, and no more are kept. Take one back: servent unwish N.`
      )
    }
    const { wallMs } = this.#clock()
    const wish = store.add(request, wallMs)
    this.#schedule.add(wish, wallMs)
    const view = viewOf(store.all().find(one => one.wish === wish)!)
    void this.look()
    return view
  }

  /** @throws NotFoundError */
  remove(wish: number): void {
    this.#schedule.delete(wish)
    if (!this.#init.store.remove(wish)) throw noWish(wish)
  }

  list(): WishView[] {
    return this.#init.store.all().map(viewOf)
  }

  /**
   * What was found since the user looked, or with `all` everything that is remembered.
   *
   * @throws NotFoundError
   */
  rows(wish: number, { all = false }: { readonly all?: boolean } = {}): WishRow[] {
    if (!this.#init.store.all().some(one => one.wish === wish)) throw noWish(wish)
    return this.#init.store.rows(wish, { all })
  }

  /**
   * The user has looked at the rows up to this one.
   *
   * @throws NotFoundError
   */
  looked(wish: number, through: number): void {
    if (!this.#init.store.all().some(one => one.wish === wish)) throw noWish(wish)
    this.#init.store.looked(wish, through)
  }

  /** Searches for a wish where one is due, and ends with that. Never rejects. */
  look(): Promise<void> {
    this.#running ??= this.#look()
      .catch(error => {
        if (!this.#ended.signal.aborted) this.#init.logger.warn({ err: error }, 'a wish could not be kept')
      })
      .finally(() => {
        this.#running = undefined
      })
    return this.#running
  }

  async #look(): Promise<void> {
    if (this.#ended.signal.aborted) return
    const { store, chance = Math.random } = this.#init
    const moment = this.#clock()
    const wish = this.#schedule.next(moment)
    const stored = wish === undefined ? undefined : store.all().find(one => one.wish === wish)
    if (stored === undefined) return
    store.began(stored.wish, moment.wallMs, this.#schedule.began(stored.wish, moment, chance()))
    const { get: _, ...request } = stored.request
    let rows: readonly SearchRow[]
    try {
      rows = await this.#init.find(
        { ...request, limit: WISH_RESULTS_MAX, timeoutMs: WISH_SEARCH_MS },
        this.#ended.signal
      )
    } catch (error) {
      if (!this.#ended.signal.aborted) store.failed(stored.wish, (error as Error).message)
      return
    }
    if (this.#ended.signal.aborted) return
    store.found(stored.wish, rows)
    if (stored.request.get !== undefined) await this.#get(stored)
  }

  /**
   * Fetches what is wanted still, also of searches before, within the bounds of a day. Smaller ones first: more of
   * them fit. No provider has more than its share of a day, so that one who answers with much keeps nobody out.
   */
  async #get({ wish, request }: StoredWish): Promise<void> {
    const { store, has, get, logger } = this.#init
    const sizeMax = request.maxSize ?? WISH_GET_BYTES_DEFAULT
    const filesADay = request.get?.filesADay ?? WISH_FILES_A_DAY_DEFAULT
    const ofProviderMax = Math.ceil(filesADay * WISH_PROVIDER_SHARE_MAX)
    for (const row of store.wanted(wish).sort((a, b) => a.size - b.size)) {
      const { wallMs } = this.#clock()
      const gets = store.getsOfDay(wish, wallMs)
      if (row.size > sizeMax || gets.length >= filesADay) return
      // A folder's size is not known before its list of files is there.
      if (folderName(row.name) !== undefined) continue
      const provider = row.providers.find(
        ({ peerId }) => gets.filter(other => other === peerId).length < ofProviderMax
      )
      if (provider === undefined) continue
      const isHere = await has(row.id)
      if (this.#ended.signal.aborted) return
      if (isHere) {
        store.unwant(wish, row.id)
        continue
      }
      try {
        await get(row, sizeMax)
      } catch (error) {
        if (!this.#ended.signal.aborted)
          logger.warn({ err: error, wish, id: row.id }, 'a wish could not fetch a file, and will try again')
        return
      }
      store.got(wish, row.id, provider.peerId, wallMs)
      logger.info({ wish, id: row.id, size: row.size }, 'a wish fetches a file')
    }
  }
}

function viewOf({ wish, request, dueMs, ranMs, reason, hits, newHits }: StoredWish): WishView {
  return {
    wish,
    ...request,
    hits,
    newHits,
    nextMs: dueMs,
    ...(ranMs === undefined ? {} : { lastMs: ranMs }),
    ...(reason === undefined ? {} : { reason })
  }
}

const noWish = (wish: number): NotFoundError =>
  new NotFoundError(`There is no wish ${wish}. servent wishes lists them.`)
