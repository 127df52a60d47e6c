/**
 * A peer's dealings with all introducers that it knows: it asks them at the start and whenever it is alone, and has
 * itself listed by each while it can be called.
 *
 * A round asks all at once. Where none names anybody, what they said before is taken: a network lives longer than the
 * introducers that brought it together. An introducer that fails or refuses is left alone for a while, longer each
 * time, and so long as it says.
 */

import type { PrivateKey } from '@libp2p/interface'
import type { ServentDatabase } from '@servent/database'
import { type Clock, cryptoRandom, systemClock } from '@servent/libp2p-host'
import { peerIdText } from '@servent/overlay'
import { openAnnouncement } from './announcement.ts'
import { announceTo, type OwnPlace } from './announcing.ts'
import { type AnsweredPeer, bytesOf } from './answer.ts'
import { type Asked, IntroducerClient } from './client.ts'
import { IntroducerError } from './errors.ts'
import { IntroductionsStore } from './introductions-store.ts'
import { ANNOUNCEMENT_SKEW_MS_MAX, INTRODUCERS_MAX, PEER_LIST_LIMITS, REMEMBERED_MS } from './limits.ts'
import { type FirstContact, type Introduced, type Introduction, mergeIntroductions } from './merge.ts'
import { parseIntroducerUrl } from './url.ts'
import { jittered, Waits } from './waits.ts'

export type { OwnPlace } from './announcing.ts'
export type { FirstContact } from './merge.ts'

/** Between two rounds while this peer is alone: doubled up to the last. */
const ROUND_FIRST_MS = 1_000
const ROUND_LAST_MS = 60_000
/** Between two looks at whether it is alone, while it is not. */
const LOOK_MS = 15_000
/** From the first answer of a round to its end: who is slow is heard in a later one. */
const GATHER_MS = 1_500
/** Between two announcements where this peer's addresses or overlays change. */
const CHANGED_MS = 30_000
/** For saying goodbye when this peer stops: introducers find out by themselves, only later. */
const WITHDRAW_MS = 1_000

export interface IntroductionsInit {
  /** At most `INTRODUCERS_MAX` are asked. */
  readonly urls: readonly string[]
  readonly privateKey: PrivateKey
  readonly database: ServentDatabase
  /** Where this peer can be called and what it takes part in, now. No addresses where it takes no calls. */
  readonly self: () => OwnPlace
  /**
   * The role of those who lead a newcomer into an overlay, where not all do: others of it are not asked for. Nothing of
   * an overlay that any of its peers leads into.
   */
  readonly leaderRole?: (overlay: string) => string | undefined
  /** Whether it needs contacts. */
  readonly isAlone: () => boolean
  /** Those to meet, the ones to call first in front. The next round waits until this ends. */
  readonly onContacts: (contacts: readonly FirstContact[], signal: AbortSignal) => Promise<void>
  readonly clock?: Clock
  /** From which of this machine's addresses introducers are asked; by default the system chooses. */
  readonly localAddress?: string
}

/** What came of one introducer. */
export interface IntroducerStatus {
  /** Without the PeerId that it may be pinned to. */
  readonly url: string
  /** Peers that it named the last time it answered; absent before. */
  readonly peers?: number
  /** Why it was not believed, or did not answer, the last time that it was asked. */
  readonly why?: string
  /** Addresses of this peer that it sends others to; none where this peer is not listed. */
  readonly listed: readonly string[]
  /** Why this peer is not listed. */
  readonly unlisted?: string
}

interface Known {
  readonly client: IntroducerClient
  readonly asks: Waits
  readonly announcements: Waits
  peers?: number
  why?: string | undefined
  last?: Introduction & { readonly seen: string }
  listed: readonly string[]
  unlisted?: string | undefined
  /** What this peer said of itself the last time. */
  announced?: { readonly what: string; readonly atMs: number }
}

export class Introductions {
  readonly #init: IntroductionsInit
  readonly #clock: Clock
  readonly #store: IntroductionsStore
  readonly #self: string
  readonly #known: readonly Known[]
  readonly #random = { random: cryptoRandom() }
  readonly #stopped = new AbortController()
  /** Questions that are not answered yet. */
  readonly #asking = new Map<Known, Promise<unknown>>()
  #timer: unknown
  #roundAtMs = 0
  #roundMs = ROUND_FIRST_MS
  #announcedMs = 0
  #running: Promise<void> = Promise.resolve()

  /** @throws IntroducerUrlError */
  constructor(init: IntroductionsInit) {
    const { database, localAddress, clock = systemClock } = init
    this.#init = init
    this.#clock = clock
    this.#store = new IntroductionsStore(database)
    this.#self = peerIdText(init.privateKey.publicKey.toMultihash().bytes)
    const urls = new Map(init.urls.map(text => [parseIntroducerUrl(text).base, parseIntroducerUrl(text)]))
    this.#known = [...urls.values()].slice(0, INTRODUCERS_MAX).map(url => ({
      client: new IntroducerClient({
        ...{ url, keys: this.#store, wallMs: () => clock.wallMs() },
        ...(localAddress === undefined ? {} : { localAddress })
      }),
      asks: new Waits(),
      announcements: new Waits(),
      listed: []
    }))
  }

  start(): void {
    if (this.#known.length > 0) this.#run()
  }

  /** Takes this peer off the lists where that is quickly done. */
  async stop(): Promise<void> {
    this.#stopped.abort()
    this.#clock.clearTimeout(this.#timer)
    await this.#running
    await Promise.all(this.#asking.values())
    const signal = AbortSignal.timeout(WITHDRAW_MS)
    const listed = this.#known.filter(one => one.listed.length > 0)
    await Promise.all(listed.map(one => this.#announce(one, true, signal).catch(() => {})))
  }

  status(): IntroducerStatus[] {
    return this.#known.map(({ client, peers, why, listed, unlisted }) => ({
      url: client.base,
      ...(peers === undefined ? {} : { peers }),
      ...(why === undefined ? {} : { why }),
      listed,
      ...(unlisted === undefined ? {} : { unlisted })
    }))
  }

  #run(): void {
    this.#running = this.#work().finally(() => {
      if (this.#stopped.signal.aborted) return
      const nowMs = this.#clock.nowMs()
      const announceAtMs = this.#known.map(({ last, announcements }) =>
        last === undefined ? Number.POSITIVE_INFINITY : announcements.atMs
      )
      const waitMs = Math.max(0, Math.min(this.#roundAtMs, ...announceAtMs) - nowMs)
      this.#timer = this.#clock.setTimeout(() => this.#run(), waitMs)
      // A peer that does nothing else may end.
      ;(this.#timer as Partial<NodeJS.Timeout>).unref?.()
    })
  }

  async #work(): Promise<void> {
    const { signal } = this.#stopped
    const nowMs = this.#clock.nowMs()
    const isFirst = this.#roundAtMs === 0
    const announcing = this.#known.filter(one => this.#mustAnnounce(one)).map(one => this.#renew(one, signal))
    if (this.#roundAtMs <= nowMs) {
      if (isFirst || this.#init.isAlone()) await this.#round(signal)
      else this.#roundMs = ROUND_FIRST_MS
      const waitMs = this.#init.isAlone() ? this.#roundMs : LOOK_MS
      this.#roundAtMs = this.#clock.nowMs() + jittered(waitMs, this.#random)
      this.#roundMs = Math.min(ROUND_LAST_MS, this.#roundMs * 2)
    }
    await Promise.all(announcing)
  }

  async #round(signal: AbortSignal): Promise<void> {
    const nowMs = this.#clock.nowMs()
    const asked = this.#known.filter(one => one.asks.atMs <= nowMs && !this.#asking.has(one))
    const answers = await this.#gather(asked, signal)
    if (signal.aborted) return
    const merged = (introductions: Introduction[]) =>
      mergeIntroductions(introductions, this.#known.length, this.#self)
    let contacts = merged(answers)
    if (contacts.length === 0) contacts = merged(await this.#remembered())
    if (contacts.length > 0 && !signal.aborted) await this.#init.onContacts(contacts, signal)
  }

  /** Their answers; once there is one, the others have `GATHER_MS` for theirs. */
  async #gather(asked: readonly Known[], signal: AbortSignal): Promise<Introduction[]> {
    const answers: Introduction[] = []
    const enough = Promise.withResolvers<void>()
    const all = asked.map(async one => {
      const asking = this.#ask(one, signal)
      this.#asking.set(one, asking)
      const answer = await asking
      this.#asking.delete(one)
      if (answer === undefined) return
      answers.push(answer)
      if (answers.length === 1) this.#clock.setTimeout(enough.resolve, GATHER_MS)
    })
    await Promise.race([Promise.all(all), enough.promise])
    return [...answers]
  }

  async #ask(one: Known, signal: AbortSignal): Promise<Introduction | undefined> {
    const { client, asks } = one
    try {
      const { peers, scope, seen } = await this.#askAll(client, signal)
      const askedMs = this.#clock.wallMs()
      const introduced = await verified(peers, askedMs, 0)
      one.peers = introduced.length
      one.why = undefined
      one.last = { introducer: client.base, scope, peers: introduced, seen }
      asks.succeeded(this.#clock.nowMs(), 0)
      // An empty answer is no help when it goes away.
      if (introduced.length > 0) this.#store.keepAnswer(client.base, { peers, scope, askedMs })
      return one.last
    } catch (error) {
      if (signal.aborted) return undefined
      one.why = (error as Error).message
      asks.failed(this.#clock.nowMs(), this.#random, (error as IntroducerError).retryMs)
      return undefined
    }
  }

  /** One question for each role that is looked for, in turn; their answers alternate, so that a share of them has of each. */
  async #askAll(client: IntroducerClient, signal: AbortSignal): Promise<Asked> {
    const asked = new Map<string | undefined, string[]>()
    for (const { name } of this.#init.self().overlays) {
      const role = this.#init.leaderRole?.(name)
      asked.set(role, [...(asked.get(role) ?? []), name])
    }
    // Of a peer in which no overlay runs yet: whoever there is.
    if (asked.size === 0) asked.set(undefined, [])
    const answers: Asked[] = []
    let failure: unknown
    for (const [role, overlays] of asked) {
      try {
        answers.push(await client.ask(overlays, role, signal))
      } catch (error) {
        failure = error
      }
    }
    // One answer is better than none: what the other question was for is asked again with the next round.
    if (answers.length === 0 || signal.aborted) throw failure
    const longest = Math.max(...answers.map(({ peers }) => peers.length))
    const inTurn = Array.from({ length: longest }, (_, place) =>
      answers.flatMap(answer => answer.peers[place] ?? [])
    )
    // Who is in two of them is one peer.
    const peers = new Map(inTurn.flat().map(peer => [peer.announcement, peer]))
    return { ...answers[0]!, peers: [...peers.values()] }
  }

  async #remembered(): Promise<Introduction[]> {
    const nowMs = this.#clock.wallMs()
    const found: Introduction[] = []
    for (const { client } of this.#known) {
      const said = this.#store.answerOf(client.base)
      if (said === undefined || nowMs - said.askedMs >= REMEMBERED_MS) continue
      const peers = await verified(said.peers, nowMs, REMEMBERED_MS)
      found.push({ introducer: client.base, scope: said.scope, peers })
    }
    return found
  }

  /** When its time has come, or this peer has other addresses or overlays than it said last. */
  #mustAnnounce({ last, announcements, announced }: Known): boolean {
    const nowMs = this.#clock.nowMs()
    if (last === undefined) return false
    if (announcements.atMs <= nowMs) return true
    const isOther = announced !== undefined && announced.what !== JSON.stringify(this.#init.self())
    return isOther && nowMs - announced.atMs >= CHANGED_MS
  }

  async #renew(one: Known, signal: AbortSignal): Promise<void> {
    const { announcements } = one
    try {
      const againMs = await this.#announce(one, false, signal)
      one.unlisted = undefined
      announcements.succeeded(this.#clock.nowMs(), jittered(againMs, this.#random))
    } catch (error) {
      if (signal.aborted) return
      one.listed = []
      one.unlisted = (error as Error).message
      announcements.failed(this.#clock.nowMs(), this.#random, (error as IntroducerError).retryMs)
    }
  }

  /** Gives the time after which it is to be done again. */
  async #announce(one: Known, withdraws: boolean, signal: AbortSignal): Promise<number> {
    const { client, last } = one
    const own = this.#init.self()
    one.announced = { what: JSON.stringify(own), atMs: this.#clock.nowMs() }
    if (own.overlays.length === 0 && !withdraws) throw new IntroducerError('None of its overlays runs.')
    const { listed, againMs } = await announceTo({
      client,
      place: withdraws ? { addresses: one.listed, overlays: [] } : own,
      scope: last!.scope,
      seen: last!.seen,
      peerId: this.#self,
      privateKey: this.#init.privateKey,
      // Each is later than the one before, also when the clock goes back.
      nextMs: () => {
        this.#announcedMs = Math.max(Math.round(this.#clock.wallMs()), this.#announcedMs + 1)
        return this.#announcedMs
      },
      signal
    })
    one.listed = listed
    return againMs
  }
}

/** Peers whose announcements are signed by them, and not older than an introducer keeps them, or `ageMs` more. */
async function verified(peers: readonly AnsweredPeer[], nowMs: number, ageMs: number): Promise<Introduced[]> {
  const latestMs = nowMs + 2 * ANNOUNCEMENT_SKEW_MS_MAX
  const earliestMs = nowMs - ageMs - PEER_LIST_LIMITS.seenMs - 2 * ANNOUNCEMENT_SKEW_MS_MAX
  const found: Introduced[] = []
  for (const { announcement: text, addresses } of peers) {
    try {
      const announcement = await openAnnouncement(bytesOf(text))
      const { issuedMs, overlays } = announcement
      if (issuedMs < earliestMs || issuedMs > latestMs || overlays.length === 0) continue
      found.push({ announcement, addresses })
    } catch {
      // What this introducer made up itself, or another version of this program wrote.
    }
  }
  return found
}
