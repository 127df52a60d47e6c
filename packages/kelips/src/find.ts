/**
 * Lookups (IPTPS section 2.2): the nearest contact of the key's group is asked, and answers from its tuples: one hop.
 * Where it is silent or has nothing there are three ways to try again: another contact; the group itself, by a random
 * walk that a contact begins; and a member of one's own group, whose contacts are others. Each step of a walk passes
 * the question on and the answer back. Whoever takes long does not hold it up: the next one is asked, too.
 */
import { type CallOutcome, Hedge, type LookupFailure } from '@servent/key-routing/machine'
import type { Contact, Key, Peer } from '@servent/overlay/machine'
import {
  DENIALS,
  FIND_TRIES_MAX,
  FINDS_MAX,
  FOUND_CONTACTS_MAX,
  HEDGE_MS,
  HEDGES_MAX,
  PRIORITY_FIND,
  RENDEZVOUS_MEMBERS,
  STEP_PATIENCE_MS,
  VIA_MAX,
  WALK_TTL,
  WALKS_OF_VIAS
} from './constants.ts'
import { type Answer, answerOf, fitting, isAnswer } from './find-answers.ts'
import { anyContact, anyMember, linkedMember, noteRtt, onFailed, onSilent } from './gossip.ts'
import type { Kelips } from './kelips.ts'
import type { Find, KelipsMessage, PeerTuple, Want } from './messages.ts'
import { contactsFor, nearestOthers } from './nearest.ts'
import { NearestAnswers } from './nearest-answers.ts'
import type { Retries } from './rules.ts'
import type { Fx, KelipsTypes } from './types.ts'

interface FindCost {
  /** Steps of the request that was answered. */
  readonly hops: number
  readonly timeouts: number
  readonly elapsedMs: number
}

export interface FindFound extends FindCost {
  /** Whose answer it is; nothing where it was passed on, or is this peer's own. */
  readonly by?: Peer | undefined
  readonly total: number
  readonly tuples: readonly PeerTuple[]
  readonly nearest: readonly Contact[]
}

export interface FindFailed extends FindCost {
  readonly failed: LookupFailure
}

export type FindDone = (result: FindFound | FindFailed, fx: Fx) => void

/**
 * `done` is called once, perhaps before this returns. `after`: so many tuples are known already, in the order of the
 * peer `by` that told of them, and each has an order of its own: it is asked first. `but`: is not asked at all.
 */
export function find(
  kelips: Kelips,
  key: Key,
  want: Want,
  after: number,
  done: FindDone,
  fx: Fx,
  by?: Peer,
  but?: Peer
): void {
  kelips.counters.finds += 1
  if (kelips.finds >= FINDS_MAX) {
    done({ failed: 'busy', hops: 0, timeouts: 0, elapsedMs: 0 }, fx)
    return
  }
  kelips.finds += 1
  new Finding(kelips, key, want, after, done).begin(by, but, fx)
}

class Finding {
  readonly #kelips: Kelips
  readonly #key: Key
  readonly #want: Want
  readonly #after: number
  readonly #done: FindDone
  readonly #beganMs: number
  /** Whose list is read on: it has longer than others have, since another's list is of no use to it. */
  #by: Peer | undefined
  /** Whom to ask, and how far each may pass it on. */
  readonly #candidates: { readonly peer: Peer; readonly ttl: number }[] = []
  readonly #asked = new Set<Peer>()
  /** All that were candidates. */
  readonly #peers = new Set<Peer>()
  #release: () => void = () => undefined
  #tries = 0
  #timeouts = 0
  /** Somebody in the group who has nothing. */
  #denials = 0
  /** Who has said so of itself: a walk that comes to nobody else says it again. */
  readonly #deniedBy = new Set<Peer>()
  #denial: Answer | undefined
  #vias = 0
  #waiting = 0
  #isOver = false
  readonly #nearest: NearestAnswers
  #isSettling = false
  readonly #hedge = new Hedge<KelipsTypes>(fx => this.#next(fx))

  constructor(kelips: Kelips, key: Key, want: Want, after: number, done: FindDone) {
    this.#kelips = kelips
    this.#key = key
    this.#want = want
    this.#after = after
    this.#done = done
    this.#beganMs = kelips.nowMs
    this.#nearest = new NearestAnswers(kelips, key)
  }

  begin(by: Peer | undefined, but: Peer | undefined, fx: Fx): void {
    const kelips = this.#kelips
    if (but !== undefined) this.#asked.add(but)
    this.#release = kelips.hold(this.#peers)
    if (kelips.mode !== 'member') {
      this.#fail('not-ready', 0, fx)
      return
    }
    const covers = kelips.covers(this.#key)
    if (by !== undefined) {
      this.#by = by
      this.#add(by, 0)
    }
    if (by === undefined && covers) {
      const own = answerOf(kelips, this.#key, this.#want, this.#after)
      if (isAnswer(own, this.#want) || kelips.view.size === 0) {
        this.#end(own, 0, fx)
        return
      }
      this.#denials += 1
      this.#denial = own
      // Others of the group may have heard by now, those before any other who are told first.
      for (const peer of nearestOthers(kelips, this.#key, RENDEZVOUS_MEMBERS, but)) this.#add(peer, 0)
      for (let other = 1; other < DENIALS; other += 1) this.#addMember(0, fx)
    } else {
      const contacts = contactsFor(kelips, this.#key).filter(peer => peer !== by && peer !== but)
      for (const peer of this.#retries.contact ? contacts : contacts.slice(0, 1)) this.#add(peer, 0)
    }
    // After a split there may be no contact in the other half yet. Members of the own half have its tuples, too.
    if (by !== undefined && covers) this.#addMember(0, fx)
    const ways = this.#want === 'peer' ? this.#nearest.wanted : 1
    for (let way = 0; way < ways; way += 1) this.#next(fx)
  }

  get #retries(): Retries {
    return this.#kelips.rules.retries
  }

  #add(peer: Peer, ttl: number): void {
    this.#peers.add(peer)
    this.#candidates.push({ peer, ttl })
  }

  /** Another member of the own group. */
  #addVia(fx: Fx): void {
    this.#vias += 1
    if (this.#kelips.covers(this.#key)) {
      // It may have the tuple itself.
      this.#addMember(0, fx)
      return
    }
    // Some pass it on, as in the paper; the others say at once whom they know there, however many of those are dead.
    const ttl = this.#vias % WALKS_OF_VIAS === 1 ? WALK_TTL : 0
    if (!this.#addMember(ttl, fx)) this.#addContact(fx)
  }

  #addMember(ttl: number, fx: Fx): boolean {
    const known = this.#known()
    const peer = linkedMember(this.#kelips, fx, known) ?? anyMember(this.#kelips, fx, known)
    if (peer !== undefined) this.#add(peer, ttl)
    return peer !== undefined
  }

  /** Where no member of the own group is left to ask, others have contacts, too. */
  #addContact(fx: Fx): void {
    const peer = this.#retries.contact ? anyContact(this.#kelips, fx, this.#known()) : undefined
    if (peer !== undefined) this.#add(peer, 0)
  }

  #known(): Peer[] {
    return [...this.#asked, ...this.#candidates.map(({ peer }) => peer)]
  }

  #next(fx: Fx): void {
    const kelips = this.#kelips
    if (this.#isOver || this.#isSettling) return
    if (this.#denials > DENIALS && this.#denial !== undefined) {
      this.#end(this.#denial, 1, fx)
      return
    }
    if (kelips.nowMs - this.#beganMs > kelips.settings.lookupBudgetMs) {
      this.#over('budget', fx)
      return
    }
    if (this.#candidates.length === 0 && this.#retries.member && this.#vias < VIA_MAX) this.#addVia(fx)
    const next = this.#candidates.shift()
    if (next === undefined || this.#tries >= FIND_TRIES_MAX) {
      if (this.#waiting === 0) this.#over('no-route', fx)
      return
    }
    this.#tries += 1
    this.#waiting += 1
    const patienceMs = next.peer === this.#by ? STEP_PATIENCE_MS : HEDGE_MS
    if (this.#waiting < HEDGES_MAX) kelips.calls.wait(this.#hedge, kelips.nowMs + patienceMs, fx)
    this.#ask(next.peer, next.ttl, fx)
  }

  #ask(peer: Peer, ttl: number, fx: Fx): void {
    const kelips = this.#kelips
    this.#asked.add(peer)
    const message: Find = {
      type: 'find',
      id: kelips.calls.nextId(),
      key: this.#key,
      want: this.#want,
      after: this.#after,
      ttl
    }
    kelips.calls.request(
      peer,
      message,
      PRIORITY_FIND,
      (outcome, later) => this.#onOutcome(peer, ttl, outcome, later),
      fx,
      ttl * STEP_PATIENCE_MS
    )
  }

  #onOutcome(peer: Peer, ttl: number, outcome: CallOutcome<KelipsMessage>, fx: Fx): void {
    const kelips = this.#kelips
    this.#waiting -= 1
    if (this.#isOver) {
      if ('failed' in outcome && ttl === 0) onFailed(kelips, peer, outcome, fx)
      return
    }
    if (!('answer' in outcome) || outcome.answer.type !== 'providers') {
      if (!('failed' in outcome) || outcome.failed !== 'busy') {
        this.#timeouts += 1
        // Whoever passed it on may have waited for somebody else.
        if (ttl === 0) onSilent(kelips, peer, fx)
      }
      this.#next(fx)
      return
    }
    if (ttl === 0) noteRtt(kelips, peer)
    const answer = fitting(outcome.answer, this.#key, this.#want, this.#after)
    this.#timeouts += answer.timeouts
    if (isAnswer(answer, this.#want)) {
      this.#onAnswer(peer, ttl, answer, fx)
      return
    }
    if (answer.covers) {
      const isOwnWord = answer.hops === 0
      if (!isOwnWord || !this.#deniedBy.has(peer)) this.#denials += 1
      if (isOwnWord) this.#deniedBy.add(peer)
      this.#denial = answer
      // Somebody else in its group may have heard of it.
      if (this.#retries.walk && ttl === 0 && this.#denials <= DENIALS)
        this.#candidates.unshift({ peer, ttl: WALK_TTL })
    } else if (this.#retries.contact)
      for (const contact of answer.nearest) {
        const other = kelips.intern(contact)
        if (other !== undefined && other !== 0 && !this.#asked.has(other)) this.#add(other, 0)
      }
    this.#next(fx)
  }

  #onAnswer(peer: Peer, ttl: number, answer: Answer, fx: Fx): void {
    if (this.#want !== 'peer' || !this.#nearest.judges) {
      this.#end(answer, 1 + answer.hops, fx, ttl === 0 ? peer : undefined)
      return
    }
    this.#nearest.add(
      ttl === 0 ? peer : undefined,
      answer.nearest.slice(0, FOUND_CONTACTS_MAX),
      1 + answer.hops
    )
    for (const named of this.#nearest.peers()) this.#peers.add(named)
    if (this.#nearest.isEnough) this.#settle(fx)
    else this.#next(fx)
  }

  /** Of all that were named, the nearest that answers itself. */
  #settle(fx: Fx): void {
    if (this.#isSettling) return
    this.#isSettling = true
    const endMs = this.#beganMs + this.#kelips.settings.lookupBudgetMs
    this.#nearest.settle(fx, endMs, (nearest, hops, later) => {
      if (this.#isOver) return
      if (nearest.length === 0) this.#fail('no-route', this.#tries, later)
      else this.#end({ covers: true, hops, timeouts: 0, total: 0, tuples: [], nearest }, hops, later)
    })
  }

  /** What was denied once, and nobody else could be asked, is believed. */
  #over(failed: LookupFailure, fx: Fx): void {
    if (!this.#nearest.isEmpty) this.#settle(fx)
    else if (this.#denial !== undefined) this.#end(this.#denial, 1, fx)
    else this.#fail(failed, this.#tries, fx)
  }

  #end({ total, tuples, nearest }: Answer, hops: number, fx: Fx, by?: Peer): void {
    this.#close(fx)
    const elapsedMs = this.#kelips.nowMs - this.#beganMs
    this.#done({ by, total, tuples, nearest, hops, timeouts: this.#timeouts, elapsedMs }, fx)
  }

  #close(fx: Fx): void {
    this.#isOver = true
    this.#release()
    this.#kelips.finds -= 1
    this.#kelips.calls.end(this.#hedge, false, fx)
  }

  #fail(failed: LookupFailure, hops: number, fx: Fx): void {
    this.#close(fx)
    this.#kelips.counters.findsFailed += 1
    const elapsedMs = this.#kelips.nowMs - this.#beganMs
    this.#done({ failed, hops, timeouts: this.#timeouts, elapsedMs }, fx)
  }
}
