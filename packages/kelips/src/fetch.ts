/**
 * Finding files: the tuples under a key name providers, and each of these is asked for its records. A search of
 * several words asks for the tuples of all of them at once, keeps the providers that have every word, as far as whole
 * lists came, and asks those about the rarest. Whoever is gone has no answer, so what is told is there. Where none of
 * them gives any, whoever named them may have made them up, or be the last to hear: another peer's list is read, once.
 */
import {
  Hedge,
  isReadable,
  type LookupFailure,
  nameOf,
  PAGE_RECORDS_MAX,
  type RecordKind,
  type StoredRecord
} from '@servent/key-routing/machine'
import { type Key, type Peer, SELF } from '@servent/overlay/machine'
import {
  FOUND_TUPLES_MAX,
  HEDGE_MS,
  LISTS_AGAIN_MAX,
  PROVIDERS_ASKED_MAX,
  PROVIDERS_AT_ONCE,
  PROVIDERS_WAITED_FOR_MAX
} from './constants.ts'
import { find } from './find.ts'
import type { Kelips } from './kelips.ts'
import type { PeerTuple } from './messages.ts'
import { askForPage } from './serve-records.ts'
import type { Fx, KelipsTypes } from './types.ts'
import { groupByteLength } from './wire-group.ts'

export interface FetchAsk {
  readonly command: number
  readonly kind: RecordKind
  readonly keys: readonly Key[]
  readonly limit: number
}

/** One key's providers. */
interface Listed {
  readonly key: Key
  readonly providers: Set<Peer>
  hops: number
  total: number
  /** Who tells of them: pages are of one peer's list. */
  by: Peer | undefined
  /** Times that it was begun anew: pages came from several, and did not fit together. */
  again: number
  isWhole: boolean
  failure: LookupFailure | undefined
}

function listedOf(key: Key): Listed {
  return {
    key,
    providers: new Set(),
    hops: 0,
    total: 0,
    by: undefined,
    again: 0,
    isWhole: false,
    failure: undefined
  }
}

/** Pages of tuples of one key. */
const PAGES = Math.ceil(PROVIDERS_ASKED_MAX / FOUND_TUPLES_MAX)
/** About what one request for records and its answer take, beside the records. */
const REQUEST_BYTES = 50

export class Fetch {
  readonly #kelips: Kelips
  readonly #ask: FetchAsk
  readonly #done: () => void
  readonly #listed: Listed[]
  readonly #releases: (() => void)[]
  readonly #traffic = { messages: 0, bytes: 0 }
  readonly #seen = new Set<string>()
  readonly #beganMs: number
  /** Whose providers are asked for records. */
  #from: Listed | undefined
  #waiting: Peer[] = []
  /** Providers that were asked. */
  readonly #asked = new Set<Peer>()
  /** Whose list was of no use. */
  #useless: Peer | undefined
  /** Nobody is asked for records before the other list has come. */
  #isListing = false
  #asking = 0
  /** Of these, providers that take long: they do not hold up the others. */
  #slow = 0
  #isOver = false

  constructor(kelips: Kelips, ask: FetchAsk, done: () => void) {
    this.#kelips = kelips
    this.#ask = ask
    this.#done = done
    this.#beganMs = kelips.nowMs
    this.#listed = ask.keys.map(listedOf)
    this.#releases = [...this.#listed.map(({ providers }) => providers), this.#asked].map(peers =>
      kelips.hold(peers)
    )
  }

  begin(fx: Fx): void {
    let left = this.#listed.length
    const listed = (later: Fx): void => {
      left -= 1
      if (left === 0 && !this.#isOver) this.#choose(later)
    }
    for (const one of this.#listed) this.#list(one, 0, listed, fx)
  }

  cancel(): void {
    this.#close()
  }

  #close(): void {
    this.#isOver = true
    for (const release of this.#releases) release()
    this.#done()
  }

  #list(one: Listed, page: number, done: (fx: Fx) => void, fx: Fx): void {
    find(
      this.#kelips,
      one.key,
      this.#ask.kind,
      page * FOUND_TUPLES_MAX,
      (result, later) => {
        if (this.#isOver) return
        one.hops = Math.max(one.hops, result.hops)
        if (result.hops > 0) this.#note(REQUEST_BYTES)
        if ('failed' in result) {
          // What another list had is still there.
          if (one.providers.size === 0) one.failure = result.failed
          done(later)
          return
        }
        if (result.hops > 0) this.#noteFound(result.tuples)
        const isOther = page > 0 && result.by !== one.by
        one.total = result.total
        one.by = result.by
        for (const { provider } of result.tuples) {
          const peer = this.#kelips.intern(provider)
          if (peer !== undefined) one.providers.add(peer)
        }
        // By who is in it, not by pages: those of different peers overlap.
        one.isWhole = one.providers.size >= result.total
        const isLast = (page + 1) * FOUND_TUPLES_MAX >= result.total || page + 1 === PAGES
        const isOver = isLast || result.tuples.length === 0
        const lacks = isOver && page > 0 && result.total <= PROVIDERS_ASKED_MAX
        if (one.isWhole) done(later)
        else if ((isOther || lacks) && one.again < LISTS_AGAIN_MAX) {
          // Each has an order of its own: what came before is of no use to whoever goes on.
          one.again += 1
          this.#list(one, 0, done, later)
        } else if (!isOver) this.#list(one, page + 1, done, later)
        else done(later)
      },
      fx,
      one.by,
      this.#useless
    )
  }

  /** The rarest word that could be asked about, and of its providers those that have the others, too. */
  #choose(fx: Fx): void {
    const answered = this.#listed.filter(({ failure }) => failure === undefined)
    if (answered.length === 0) {
      this.#end(this.#listed[0]?.failure ?? 'no-route', fx)
      return
    }
    const rarest = answered.reduce((least, one) => (one.total < least.total ? one : least))
    const whole = answered.filter(({ isWhole }) => isWhole)
    const told = [...rarest.providers].filter(peer => whole.every(({ providers }) => providers.has(peer)))
    // Lists of several peers may be more than one of them tells.
    this.#waiting = told
      .filter(peer => !this.#asked.has(peer))
      .slice(0, PROVIDERS_ASKED_MAX - this.#asked.size)
    this.#from = rarest
    this.#next(fx)
  }

  #next(fx: Fx): void {
    while (!this.#isOver && this.#mayAsk && this.#seen.size < this.#ask.limit) {
      if (this.#asked.size >= PROVIDERS_ASKED_MAX / 2 && this.#mayListAgain) break
      const peer = this.#waiting.shift()
      if (peer === undefined) break
      this.#asking += 1
      this.#asked.add(peer)
      this.#records(this.#from!, peer, 0, fx)
    }
    if (this.#isOver || this.#isListing || this.#asking > 0) return
    if (this.#mayListAgain) this.#listAgain(this.#from!, fx)
    else this.#end(undefined, fx)
  }

  get #mayListAgain(): boolean {
    const isInVain = this.#asked.size > 0 && this.#seen.size === 0
    return isInVain && this.#useless === undefined && this.#from?.by !== undefined
  }

  /** By somebody else; where nobody is left to say more, what is left of the first list is asked. */
  #listAgain(from: Listed, fx: Fx): void {
    this.#useless = from.by
    this.#isListing = true
    const other = { ...listedOf(from.key), hops: from.hops }
    this.#releases.push(this.#kelips.hold(other.providers))
    const listed = (later: Fx): void => {
      this.#isListing = false
      if (other.failure !== undefined || other.total === 0) {
        this.#next(later)
        return
      }
      this.#listed[this.#listed.indexOf(from)] = other
      this.#choose(later)
    }
    this.#list(other, 0, listed, fx)
  }

  get #mayAsk(): boolean {
    if (this.#isListing) return false
    return this.#asking - this.#slow < PROVIDERS_AT_ONCE && this.#asking < PROVIDERS_WAITED_FOR_MAX
  }

  #records(from: Listed, peer: Peer, after: number, fx: Fx): void {
    const kelips = this.#kelips
    const { kind, limit } = this.#ask
    const wanted = Math.min(PAGE_RECORDS_MAX, limit - this.#seen.size)
    const end = (later: Fx): void => {
      this.#asking -= 1
      this.#next(later)
    }
    if (peer === SELF) {
      const page = kelips.own.page(
        kind,
        from.key,
        after,
        all => Math.min(wanted, all.length),
        kelips.nowMs,
        kelips.wallMs
      )
      this.#tell(from, peer, page.records, fx)
      end(fx)
      return
    }
    this.#note(REQUEST_BYTES)
    let isSlow = false
    const hedge = new Hedge<KelipsTypes>(later => {
      isSlow = true
      this.#slow += 1
      if (!this.#isOver) this.#next(later)
    })
    kelips.calls.wait(hedge, kelips.nowMs + HEDGE_MS, fx)
    askForPage(
      kelips,
      peer,
      kind,
      from.key,
      after,
      wanted,
      (page, later) => {
        kelips.calls.end(hedge, false, later)
        if (isSlow) this.#slow -= 1
        if (this.#isOver) return
        if (page !== undefined) {
          this.#note(
            page.records.reduce((bytes, { body }) => bytes + body.length + REQUEST_BYTES, REQUEST_BYTES)
          )
          this.#tell(from, peer, page.records, later)
          if (page.next !== undefined && page.next > after && this.#seen.size < limit) {
            this.#records(from, peer, page.next, later)
            return
          }
        }
        end(later)
      },
      fx
    )
  }

  /** A provider speaks for itself alone. */
  #tell({ key, hops }: Listed, peer: Peer, records: readonly StoredRecord[], fx: Fx): void {
    const { command, kind, limit } = this.#ask
    const provider = nameOf(this.#kelips.peers.contact(peer).id)
    const told = records.filter(record => {
      if (record.kind !== kind || nameOf(record.key) !== nameOf(key)) return false
      if (nameOf(record.publisher.id) !== provider || !isReadable(record, this.#kelips.wallMs)) return false
      const name = nameOf(record.subject) + provider
      if (this.#seen.has(name) || this.#seen.size >= limit) return false
      this.#seen.add(name)
      return true
    })
    if (told.length === 0) return
    const total = this.#seen.size + this.#waiting.length + this.#asking - 1
    const elapsedMs = this.#kelips.nowMs - this.#beganMs
    fx.notify({ type: 'records', command, records: told, total, hops, elapsedMs })
  }

  #noteFound(tuples: readonly PeerTuple[]): void {
    this.#note(
      groupByteLength({
        type: 'providers',
        id: 1,
        covers: true,
        hops: 0,
        timeouts: 0,
        total: 0,
        tuples,
        nearest: []
      })
    )
  }

  #note(bytes: number): void {
    this.#traffic.messages += 1
    this.#traffic.bytes += bytes
  }

  #end(failure: LookupFailure | undefined, fx: Fx): void {
    this.#close()
    const total = this.#seen.size + this.#waiting.length
    const end = { type: 'records-end', command: this.#ask.command, total, traffic: this.#traffic } as const
    fx.notify(failure === undefined ? end : { ...end, failure })
  }
}
