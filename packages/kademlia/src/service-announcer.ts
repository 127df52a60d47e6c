/**
 * Provides the keys of what this peer shares: each file's content, and each word of their names and tags once, however
 * many files have it. Within a budget of keys a second, again before the network forgets them, and no more when the
 * last file with them is gone. A file that is being fetched has its content's key alone. What is provided is not
 * remembered between runs: a peer that starts says all of it again.
 */
import { Pace } from '@servent/key-routing'
import type { Clock } from '@servent/libp2p-host'
import {
  type AnnouncedSnapshot,
  type Catalogue,
  isPartial,
  type PartialFile,
  type SharedFile,
  TokenBucket,
  wordsOfFile
} from '@servent/overlay'
import type { CID } from 'multiformats/cid'
import {
  KEYS_PROVIDED_MAX,
  LOOK_MS,
  PROVIDE_AGAIN_MS,
  PROVIDE_MS,
  PROVIDE_RETRY_MS,
  PROVIDES_AT_A_TIME,
  PROVIDES_PER_SECOND
} from './constants.ts'
import { cidOfMultihash, cidOfWord } from './service-search.ts'

export interface AnnouncerInit {
  readonly clock: Clock
  /** Whether there is anybody to tell. */
  readonly isReady: () => boolean
  /** Rejects where nobody took it. */
  readonly provide: (cid: CID, signal: AbortSignal) => Promise<void>
  readonly withdraw: (cid: CID) => Promise<void>
  readonly onError: (error: Error) => void
  /** `KEYS_PROVIDED_MAX` where it is not said. */
  readonly keysMax?: number
}

type AnyFile = SharedFile | PartialFile

interface ProvidedKey {
  readonly cid: CID
  /** Files that have it. */
  readonly files: Set<number>
  /** By the monotonic clock; 0 where it never was. */
  providedMs: number
}

interface Told {
  readonly keys: readonly string[]
  /** Of them, those that were never provided. */
  left: number
}

export class Announcer {
  readonly #init: AnnouncerInit
  readonly #keys = new Map<string, ProvidedKey>()
  /** By index, with what is provided for each. */
  readonly #files = new Map<number, Told>()
  /** Keys that are due and when, each kind in the order of its times: what is new goes before what is provided again. */
  readonly #due = {
    fresh: new Map<string, number>(),
    retry: new Map<string, number>(),
    again: new Map<string, number>()
  }
  readonly #bucket: TokenBucket
  /** Of keys. */
  readonly #pace = new Pace()
  readonly #refused = new Set<number>()
  readonly counters = { keysProvided: 0, keysFailed: 0, keysWithdrawn: 0, filesRefused: 0 }
  #catalogue: Catalogue | undefined
  #ends: (() => void)[] = []
  #underWay = 0
  #announcedFiles = 0
  #timer: unknown
  #ended = new AbortController()

  constructor(init: AnnouncerInit) {
    this.#init = init
    this.#bucket = new TokenBucket(PROVIDES_PER_SECOND, PROVIDES_PER_SECOND, init.clock.nowMs())
  }

  /** Files all of whose keys were provided, of files shared, and while some are left what holds them back. */
  get progress(): AnnouncedSnapshot {
    const { isReady, clock, keysMax = KEYS_PROVIDED_MAX } = this.#init
    const of = this.#catalogue?.totals.files ?? 0
    const files = Math.min(this.#announcedFiles, of)
    const keysLeft = this.#due.fresh.size + this.#due.retry.size
    const pace = keysLeft > 0 ? this.#pace.view(keysLeft, clock.nowMs()) : undefined
    return {
      files,
      of,
      ...(this.#refused.size > 0 && {
        refused: this.#refused.size,
        why: `a node provides ${keysMax} keys at most`
      }),
      ...(pace !== undefined && {
        leftMs: pace.leftMs,
        limit: pace.isPaid ? { name: 'providesPerSecond', perS: PROVIDES_PER_SECOND } : { name: 'answers' }
      }),
      ...(keysLeft > 0 && !isReady() && { limit: { name: 'nobody' } })
    }
  }

  get keys(): number {
    return this.#keys.size
  }

  start(): void {
    this.#ended = new AbortController()
    this.#look()
  }

  /** What was provided stays with the network until it expires: this peer answers nobody meanwhile. */
  stop(): void {
    this.#ended.abort(new Error('The overlay stops.'))
    this.#init.clock.clearTimeout(this.#timer)
    this.detach()
  }

  detach(): void {
    for (const end of this.#ends) end()
    this.#ends = []
    this.#catalogue = undefined
    this.#keys.clear()
    this.#files.clear()
    this.#refused.clear()
    for (const queue of Object.values(this.#due)) queue.clear()
    this.#announcedFiles = 0
  }

  attach(catalogue: Catalogue): void {
    this.detach()
    this.#catalogue = catalogue
    const take = (changes: readonly { readonly type: 'added' | 'removed'; readonly file: AnyFile }[]) => {
      for (const { type, file } of changes) {
        if (type === 'added') this.#add(file)
        else this.#remove(file.index)
      }
    }
    const ends = [catalogue.subscribe(take), catalogue.partials?.subscribe(change => take([change]))]
    this.#ends = ends.filter(end => end !== undefined)
    this.#readAll(catalogue).catch(error => this.#init.onError(error as Error))
  }

  async #readAll(catalogue: Catalogue): Promise<void> {
    for (const file of catalogue.partials?.files() ?? []) this.#add(file)
    for await (const file of catalogue.files()) {
      if (this.#catalogue !== catalogue) return
      this.#add(file)
    }
  }

  #add(file: AnyFile): void {
    if (this.#files.has(file.index)) this.#remove(file.index)
    const words = isPartial(file) ? [] : wordsOfFile(file)
    const content = cidOfMultihash(file.id.multihash)
    const keys = [`content ${file.id}`, ...words.map(word => `word ${word}`)]
    const fresh = keys.filter(name => !this.#keys.has(name))
    if (this.#keys.size + fresh.length > (this.#init.keysMax ?? KEYS_PROVIDED_MAX)) {
      this.counters.filesRefused += 1
      if (!isPartial(file)) this.#refused.add(file.index)
      return
    }
    for (const [at, name] of keys.entries()) {
      const known = this.#keys.get(name)
      if (known !== undefined) known.files.add(file.index)
      else {
        const cid = at === 0 ? content : cidOfWord(words[at - 1]!)
        this.#keys.set(name, { cid, files: new Set([file.index]), providedMs: 0 })
        this.#due.fresh.set(name, 0)
      }
    }
    const left = keys.filter(name => this.#keys.get(name)!.providedMs === 0).length
    this.#files.set(file.index, { keys, left })
    if (left === 0) this.#announcedFiles += 1
    this.#look()
  }

  #remove(index: number): void {
    this.#refused.delete(index)
    const told = this.#files.get(index)
    if (told === undefined) return
    this.#files.delete(index)
    if (told.left === 0) this.#announcedFiles -= 1
    for (const name of told.keys) {
      const key = this.#keys.get(name)!
      key.files.delete(index)
      if (key.files.size > 0) continue
      this.#keys.delete(name)
      for (const queue of Object.values(this.#due)) queue.delete(name)
      if (key.providedMs === 0) continue
      this.counters.keysWithdrawn += 1
      this.#init.withdraw(key.cid).catch(error => this.#init.onError(error as Error))
    }
  }

  /** Provides what is due, as much as the budget allows, and looks again later. */
  #look(): void {
    const { clock, isReady } = this.#init
    clock.clearTimeout(this.#timer)
    if (this.#ended.signal.aborted) return
    const nowMs = clock.nowMs()
    while (isReady() && this.#underWay < PROVIDES_AT_A_TIME) {
      const name = this.#nextDue(nowMs)
      if (name === undefined || !this.#bucket.take(1, nowMs)) break
      for (const queue of Object.values(this.#due)) queue.delete(name)
      this.#provide(name)
    }
    this.#timer = clock.setTimeout(() => this.#look(), LOOK_MS)
  }

  #nextDue(nowMs: number): string | undefined {
    for (const queue of Object.values(this.#due)) {
      const first = queue.entries().next().value
      if (first !== undefined && first[1] <= nowMs) return first[0]
    }
    return undefined
  }

  #provide(name: string): void {
    const { clock, provide } = this.#init
    const key = this.#keys.get(name)!
    this.#underWay += 1
    const signal = AbortSignal.any([AbortSignal.timeout(PROVIDE_MS), this.#ended.signal])
    provide(key.cid, signal)
      .then(
        () => this.#provided(name, key),
        () => {
          this.counters.keysFailed += 1
          if (this.#keys.get(name) === key) this.#due.retry.set(name, clock.nowMs() + PROVIDE_RETRY_MS)
        }
      )
      .finally(() => {
        this.#underWay -= 1
        if (!this.#ended.signal.aborted) this.#look()
      })
  }

  #provided(name: string, key: ProvidedKey): void {
    const nowMs = this.#init.clock.nowMs()
    this.counters.keysProvided += 1
    if (this.#ended.signal.aborted) return
    if (this.#keys.get(name) !== key) {
      this.#init.withdraw(key.cid).catch(error => this.#init.onError(error as Error))
      return
    }
    const isFirst = key.providedMs === 0
    // Whoever has a place free waits for the budget.
    const isPaid = this.#underWay < PROVIDES_AT_A_TIME
    this.#pace.add({ files: 1, startMs: nowMs, waitedMs: isPaid ? 1 : 0, toldMs: isPaid ? 0 : 1 })
    key.providedMs = Math.max(1, nowMs)
    this.#due.again.set(name, nowMs + PROVIDE_AGAIN_MS)
    if (!isFirst) return
    for (const index of key.files) {
      const told = this.#files.get(index)!
      told.left -= 1
      if (told.left === 0) this.#announcedFiles += 1
    }
  }
}
