/**
 * Reading records under a key, page by page: from its root, from holders of copies where the root is silent, and
 * from one of them where the root has nothing, for it may have become the root only now. A search of several
 * words asks the homes of all of them for their counts at once, and the rarest for its records; a word that
 * nobody has ends it (Reynolds and Vahdat, Middleware 2003, intersect from the smallest list so). Where the way to such a
 * word's home led past silent peers, those may have been its holders: then the others' rarest is read, since names
 * of files hold all of their words, and whoever asks looks at names.
 */
import { type Key, NO_PEER, type Peer, SELF } from '@servent/overlay/machine'
import { LOOKUP_BUDGET_MS } from './constants.ts'
import type { LookupResult } from './lookup-types.ts'
import type { Lookup, LookupFailure } from './messages.ts'
import { isReadable, nameOf } from './records.ts'
import {
  FALL_BACKS_MAX,
  FETCH_PAGES_MAX,
  FETCH_RECORDS_MAX,
  PAGE_RECORDS_MAX,
  PRIORITY_READ
} from './store-constants.ts'
import type { StoreContext } from './store-context.ts'
import type { RecordKind, RecordsPage } from './store-messages.ts'
import type { Serving } from './store-serving.ts'
import { storeByteLength } from './store-wire.ts'
import type { RoutingEffects } from './types.ts'
import { routingByteLength } from './wire.ts'

/** One word, and where its records are. */
interface Home {
  readonly key: Key
  /** Root and replicas, the one that is asked now first. */
  holders: Peer[]
  hops: number
  /** Asked after one that had nothing: there is one such second opinion. */
  asked: number
  total: number | undefined
  /** Peers that should have been asked before its home were silent. */
  isDoubted: boolean
  failure: LookupFailure | undefined
}

export interface FetchInit {
  readonly command: number
  readonly kind: RecordKind
  readonly keys: readonly Key[]
  readonly limit: number
  readonly done: () => void
}

export class Fetch {
  readonly #context: StoreContext
  readonly #serving: Serving
  readonly #init: FetchInit
  readonly #homes: Home[]
  readonly #limit: number
  /** By publisher and subject: holders of copies page in another order. */
  readonly #seen = new Set<string>()
  readonly #traffic = { messages: 0, bytes: 0 }
  #startedMs = 0
  #pages = 0
  #isOver = false

  constructor(context: StoreContext, serving: Serving, init: FetchInit) {
    this.#context = context
    this.#serving = serving
    this.#init = init
    this.#limit = Math.min(init.limit, FETCH_RECORDS_MAX)
    this.#homes = init.keys.map(key => ({
      key,
      holders: [],
      hops: 0,
      asked: 0,
      total: undefined,
      isDoubted: false,
      failure: undefined
    }))
  }

  heldPeers(hold: (peer: Peer) => void): void {
    for (const { holders } of this.#homes) for (const peer of holders) hold(peer)
  }

  start(effects: RoutingEffects): void {
    this.#startedMs = effects.nowMs()
    for (const home of this.#homes) {
      this.#context.deps.findRoot(
        home.key,
        (result, later) => {
          if (this.#isOver) return
          home.hops = result.hops
          home.isDoubted = result.timeouts > 0
          this.#noteLookup(home.key, result, later)
          if ('failed' in result) {
            home.failure = result.failed
            this.#counted(later)
            return
          }
          for (const contact of [result.root, ...result.replicas].slice(0, 1 + FALL_BACKS_MAX)) {
            const peer = later.peers.intern(contact)
            if (peer !== NO_PEER) home.holders.push(peer)
          }
          if (this.#homes.length === 1) this.#fetch(home, 0, later)
          else this.#count(home, later)
        },
        effects
      )
    }
  }

  giveUp(): void {
    this.#isOver = true
    this.#init.done()
  }

  #count(home: Home, effects: RoutingEffects): void {
    this.#get(
      home,
      0,
      0,
      (page, later) => {
        if (page === undefined) home.failure = 'no-route'
        else home.total = page.total
        this.#counted(later)
      },
      effects
    )
  }

  /** A word is counted, or cannot be. */
  #counted(effects: RoutingEffects): void {
    if (this.#isOver) return
    if (this.#homes.some(home => home.total === 0 && !home.isDoubted)) {
      this.#end(0, undefined, effects)
      return
    }
    if (this.#homes.some(home => home.total === undefined && home.failure === undefined)) return
    let rarest: Home | undefined
    for (const home of this.#homes) {
      if (home.total! > 0 && (rarest === undefined || home.total! < rarest.total!)) rarest = home
    }
    if (rarest !== undefined) this.#fetch(rarest, 0, effects)
    else if (this.#homes.some(home => home.total === 0)) this.#end(0, undefined, effects)
    else this.#end(0, this.#homes[0]?.failure ?? 'no-route', effects)
  }

  #fetch(home: Home, after: number, effects: RoutingEffects): void {
    const limit = Math.min(PAGE_RECORDS_MAX, this.#limit - this.#seen.size)
    this.#get(
      home,
      after,
      limit,
      (page, later) => {
        if (page === undefined) {
          // What came from others stays told; the failure says that there may be more.
          this.#end(home.total ?? this.#seen.size, 'no-route', later)
          return
        }
        home.total = Math.max(home.total ?? 0, page.total)
        this.#tell(home, home.total, page, later)
        this.#pages += 1
        const isLast = page.records.length === 0 || this.#pages >= FETCH_PAGES_MAX
        if (page.next === undefined || isLast || this.#seen.size >= this.#limit)
          this.#end(home.total, undefined, later)
        else this.#fetch(home, page.next, later)
      },
      effects
    )
  }

  #tell(home: Home, total: number, page: RecordsPage, effects: RoutingEffects): void {
    const isTheirs = nameOf(home.key)
    const wallMs = effects.wallMs()
    const records = page.records.filter(record => {
      if (record.kind !== this.#init.kind || nameOf(record.key) !== isTheirs) return false
      // A holder that says what is over brings back nothing.
      if (!isReadable(record, wallMs)) return false
      const name = `${nameOf(record.subject)}${nameOf(record.publisher.id)}`
      if (this.#seen.has(name) || this.#seen.size >= this.#limit) return false
      this.#seen.add(name)
      return true
    })
    if (records.length === 0) return
    const elapsedMs = effects.nowMs() - this.#startedMs
    const { command } = this.#init
    effects.notify({ type: 'records', command, records, total, hops: home.hops, elapsedMs })
  }

  /** Asks the first holder, and the next ones where it fails; nothing where all of them do. */
  #get(
    home: Home,
    after: number,
    limit: number,
    done: (page: RecordsPage | undefined, effects: RoutingEffects) => void,
    effects: RoutingEffects
  ): void {
    const peer = home.holders[0]
    const next = (later: RoutingEffects): void => {
      home.holders.shift()
      // Places in pages are a holder's own.
      if (home.holders.length > 0) this.#get(home, 0, limit, done, later)
      else done(undefined, later)
    }
    const take = (page: RecordsPage, later: RoutingEffects): void => {
      if (page.total === 0 && home.asked === 0 && home.holders.length > 1) {
        home.asked += 1
        next(later)
      } else done(page, later)
    }
    const { kind } = this.#init
    if (peer === undefined) done(undefined, effects)
    else if (peer === SELF) {
      take(this.#serving.page({ type: 'get', id: 0, kind, key: home.key, after, limit }, effects), effects)
    } else {
      const request = { type: 'get', kind, key: home.key, after, limit } as const
      this.#note(storeByteLength({ ...request, id: 1 }))
      this.#context.request(
        peer,
        request,
        PRIORITY_READ,
        (outcome, later) => {
          if (this.#isOver) return
          if ('answer' in outcome && outcome.answer.type === 'page') {
            this.#note(storeByteLength(outcome.answer))
            take(outcome.answer, later)
          } else next(later)
        },
        effects
      )
    }
  }

  /** What a lookup of this peer sends and receives: it, its acknowledgement, and the answer. */
  #noteLookup(key: Key, result: LookupResult, effects: RoutingEffects): void {
    if (result.hops === 0) return
    const { hops, timeouts } = result
    const origin = effects.peers.contact(SELF)
    const lookup: Lookup = {
      type: 'lookup',
      id: 1,
      origin,
      key,
      purpose: 'user',
      replyBy: 'direct',
      hops: 1,
      timeouts: 0,
      budgetMs: LOOKUP_BUDGET_MS,
      root: false,
      silent: []
    }
    this.#note(routingByteLength(lookup))
    this.#note(routingByteLength({ type: 'hop-ack', origin: origin.id, id: 1 }))
    if ('failed' in result) return
    const { root, from, to, replicas } = result
    const found = {
      type: 'found',
      origin: origin.id,
      id: 1,
      root,
      from,
      to,
      replicas,
      hops,
      timeouts
    } as const
    this.#note(routingByteLength(found))
  }

  #note(bytes: number): void {
    this.#traffic.messages += 1
    this.#traffic.bytes += bytes
  }

  #end(total: number, failure: LookupFailure | undefined, effects: RoutingEffects): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#init.done()
    const end = { type: 'records-end', command: this.#init.command, total, traffic: this.#traffic } as const
    effects.notify(failure === undefined ? end : { ...end, failure })
  }
}
