/**
 * The sources of one run of a download: who is asked, who waits, who gives way, and the search for others. What a
 * source is asked for is the run's matter, which gives `serve`.
 */
import { type Provider, VerificationError } from '@servent/overlay'
import { Candidates } from './candidates.ts'
import { NoSourceError, type SourceBusyError } from './errors.ts'
import { HttpSource } from './http-source.ts'
import type { Job } from './job.ts'
import { ProviderSearch } from './provider-search.ts'
import type { Waker } from './waker.ts'

/** Asks a source for what is wanted until there is nothing left for it; rejects where the source fails. */
export type Serve = (source: HttpSource, provider: Provider, signal: AbortSignal) => Promise<void>

interface Active {
  readonly source: HttpSource
  readonly provider: Provider
  /** Aborted by whoever makes room for another source. */
  readonly giveWay: AbortController
  readonly sinceMs: number
}

export class SourcePool {
  readonly #job: Job
  readonly #signal: AbortSignal
  readonly #waker: Waker
  readonly #serve: Serve
  readonly #candidates: Candidates
  readonly #search: ProviderSearch
  readonly #active = new Set<Active>()
  /** Who is fetching the file too, and had nothing that was missing when it was asked last. */
  readonly #resting = new Map<string, HttpSource>()
  readonly #tasks = new Set<Promise<void>>()
  #reviewedMs = performance.now()
  #emptyRounds = 0
  /** When verified bytes came last. */
  #gaveMs = performance.now()
  /** What ends the run though sources are at work. */
  failure: Error | undefined

  constructor(job: Job, signal: AbortSignal, waker: Waker, serve: Serve) {
    this.#job = job
    this.#signal = signal
    this.#waker = waker
    this.#serve = serve
    this.#candidates = new Candidates(job.limits, job.row.banned)
    this.#search = new ProviderSearch(job, signal, provider => this.add(provider))
    for (const provider of job.row.providers) this.#candidates.add(provider)
    for (const peer of job.awaited ?? []) this.#candidates.gave(peer, 1)
  }

  /** At work now, or fetching the file themselves and about to be asked again. */
  get sources(): HttpSource[] {
    return [...[...this.#active].map(({ source }) => source), ...this.#resting.values()]
  }

  get size(): number {
    return this.#tasks.size
  }

  get bans(): Candidates['bans'] {
    return this.#candidates.bans
  }

  /** Somebody who has the file; true where that is new. */
  add(provider: Provider): boolean {
    const isNew = this.#candidates.add(provider)
    if (!isNew) return false
    this.#trimResting()
    this.#waker.wake()
    return true
  }

  /** Puts sources to work, `most` in all. */
  employ(most: number): void {
    while (this.#tasks.size < most) {
      const provider = this.#candidates.take(performance.now())
      if (provider === undefined) return
      const task = this.#use(provider).finally(() => {
        this.#tasks.delete(task)
        this.#waker.wake()
      })
      this.#tasks.add(task)
    }
  }

  /** Milliseconds until somebody who waits may be put to work; nothing where nobody may, or there is no place. */
  get waitMs(): number | undefined {
    if (this.#tasks.size >= this.#job.limits.sourcesMax) return undefined
    return this.#candidates.waitMs(performance.now())
  }

  /** While sources are at work: looks for others now and then, and has the slowest give way to one that waits. */
  review(): void {
    const { sourcesMax, reviewMs, slowerThanMean } = this.#job.limits
    const nowMs = performance.now()
    this.#search.lookAgain(nowMs)
    if (nowMs - this.#reviewedMs < reviewMs) return
    this.#reviewedMs = nowMs
    if (this.#tasks.size < sourcesMax || this.#candidates.waitMs(nowMs) !== 0) return
    let slowest: Active | undefined
    let total = 0
    for (const active of this.#active) {
      const { rate } = active.source.status(nowMs)
      total += rate
      if (nowMs - active.sinceMs < reviewMs) continue
      if (slowest === undefined || rate < slowest.source.status(nowMs).rate) slowest = active
    }
    if (slowest === undefined) return
    const { rate } = slowest.source.status(nowMs)
    const mean = total / this.#active.size
    if (rate * slowerThanMean < mean)
      slowest.giveWay.abort(`${Math.round(rate)} bytes a second, others ${Math.round(mean)}.`)
  }

  /** A source gave verified bytes. */
  gave(source: HttpSource, provider: Provider, bytes: number): void {
    const { row } = this.#job
    this.#emptyRounds = 0
    this.#gaveMs = performance.now()
    this.#candidates.gave(provider.peerId, bytes)
    this.#job.ledger?.gave(source.peer, bytes)
    this.#job.onGave?.(source.peer, bytes)
    if (row.givers.includes(source.peer)) return
    row.givers = [...row.givers, source.peer]
    this.#job.save()
  }

  /** Nobody is at work. Waits for who may be asked later, or looks for others. */
  async seek(woken: Promise<void>): Promise<void> {
    const { limits } = this.#job
    const nowMs = performance.now()
    const waitMs = this.#candidates.waitMs(nowMs)
    if (waitMs === 0) return
    this.#job.show('locating', this.#candidates.reason)
    // Those who fetch it too may wait for each other, and would for ever.
    const isVain = () =>
      performance.now() - this.#gaveMs >= limits.partialPatienceMs && this.#candidates.isOnlyLacking
    if (waitMs !== undefined && !isVain()) {
      if (nowMs - this.#search.beganMs > limits.retryMsMax) void this.#search.look()
      return this.#waker.orAfter(woken, waitMs)
    }
    await Promise.race([this.#search.look(), woken])
    const isSomebody = this.#candidates.waitMs(performance.now()) !== undefined && !isVain()
    if (isSomebody || this.#signal.aborted) return
    this.#emptyRounds += 1
    if (this.#emptyRounds >= limits.emptyRoundsMax) throw this.#verdict()
    await this.#waker.orAfter(woken, limits.retryMs * 2 ** (this.#emptyRounds - 1))
  }

  /** Ends when every source has ended. */
  async close(): Promise<void> {
    for (const { source } of this.#active) source.close()
    await Promise.all(this.#tasks)
  }

  /** What the next run begins with: those who gave most come first. */
  remember(): void {
    const { row } = this.#job
    row.providers = this.#candidates.providers
    row.banned = this.#candidates.bans
    this.#job.save()
  }

  /** Never rejects: what goes wrong is the source's, or ends the run as `failure`. */
  async #use(provider: Provider): Promise<void> {
    const { id, connector, limits, cap, streams } = this.#job
    const source = new HttpSource({ provider, id, connector, limits, cap, streams })
    const giveWay = new AbortController()
    const active = { source, provider, giveWay, sinceMs: performance.now() }
    this.#active.add(active)
    this.#resting.delete(provider.peerId)
    try {
      await this.#serve(source, provider, AbortSignal.any([this.#signal, giveWay.signal]))
      this.#candidates.served(provider.peerId, performance.now())
    } catch (error) {
      if (giveWay.signal.aborted)
        this.#candidates.slow(provider.peerId, giveWay.signal.reason, performance.now())
      else this.#judge(source, provider, error as Error)
    } finally {
      this.#active.delete(active)
      this.#trimResting()
      source.close()
      this.#job.changed()
    }
  }

  /** Who made room for somebody new, or is banned, is not asked again. */
  #trimResting(): void {
    for (const peer of this.#resting.keys()) if (!this.#candidates.has(peer)) this.#resting.delete(peer)
  }

  #judge(source: HttpSource, { peerId }: Provider, error: Error): void {
    const nowMs = performance.now()
    const { message } = error
    if (this.#signal.aborted) return
    if (error.name !== 'SourceLostError' && this.#job.streams !== undefined) this.#job.streams.answers += 1
    if (error.name === 'SourceLiedError') {
      this.#candidates.ban(peerId, message)
      // A provider's record may have named another than the one who answered.
      if (source.peer !== peerId) this.#candidates.ban(source.peer, message)
      this.remember()
      this.#job.logger?.warn(
        { id: this.#job.id.toString(), peer: source.peer, reason: message },
        'a source lied'
      )
    } else if (error.name === 'SourceBusyError') {
      this.#candidates.busy(peerId, message, (error as SourceBusyError).retryMs, nowMs)
    } else if (error.name === 'SourceGoneError') {
      this.#candidates.gone(peerId, message, Math.random(), nowMs)
    } else if (error.name === 'SourceLacksError') {
      this.#resting.set(peerId, source)
      this.#candidates.lacks(peerId, message, source.available?.size ?? 0, nowMs)
    } else if (error.name === 'SourceLostError') {
      this.#candidates.failed(peerId, message, Math.random(), nowMs)
    } else {
      this.failure = error
    }
  }

  #verdict(): Error {
    const { bans } = this.#candidates
    if (bans.length > 0) {
      const list = bans.map(({ peer, reason }) => `${peer}: ${reason}`).join(' ')
      return new VerificationError(
        `Nobody is left who gives the right bytes; nothing wrong was kept. ${list} Try again when others share the file.`
      )
    }
    const reason = this.#candidates.reason
    return new NoSourceError(
      reason === ''
        ? 'Nobody who has this file was found. Try again later, or with a ticket of somebody who has it.'
        : `Nobody who has this file could be reached. ${reason} What was fetched is kept: try again later.`
    )
  }
}
