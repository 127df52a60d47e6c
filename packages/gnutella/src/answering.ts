/**
 * Work that the world does for this servent: matching queries in the catalogue, verifying hits of own
 * searches, vouching for cached hits. So much at a time; the rest waits within bounds, and sources take turns.
 */
import type { Link, RequestId } from '@servent/overlay/machine'
import {
  MATCHES_MAX,
  MATCHES_WAITING_MAX,
  MATCHES_WAITING_PER_LINK_MAX,
  VERIFIES_MAX,
  VERIFIES_WAITING_MAX,
  VERIFIES_WAITING_PER_LINK_MAX,
  VOUCHES_MAX
} from './constants.ts'
import { FairQueue } from './fair-queue.ts'
import type { Guid } from './messages.ts'
import type { CacheEntry } from './query-cache.ts'
import type { Claim, Wanted } from './types.ts'

/** A query that this servent may have something for. */
export interface MatchWork extends Wanted {
  readonly link: Link
  readonly guid: Guid
  readonly hops: number
}

/** A hit of an own search. */
export interface VerifyWork {
  readonly search: RequestId
  readonly claim: Claim
  readonly servent: Guid
  readonly hops: number
}

/** Questions of one kind: those asked, and the work that waits to be. */
export class Desk<Work> {
  readonly #atATime: number
  readonly #waiting: FairQueue<Link, Work>
  readonly #asked = new Map<RequestId, Work>()

  constructor(atATime: number, perLinkMax: number, totalMax: number) {
    this.#atATime = atATime
    this.#waiting = new FairQueue(perLinkMax, totalMax)
  }

  get asked(): number {
    return this.#asked.size
  }

  get waiting(): number {
    return this.#waiting.length
  }

  /** Asks at once where that may be, else the work waits. False: too much waits already. */
  put(link: Link, work: Work, question: (work: Work) => RequestId): boolean {
    if (this.#waiting.length > 0 || this.#asked.size >= this.#atATime) return this.#waiting.push(link, work)
    this.#asked.set(question(work), work)
    return true
  }

  /** Asks as much of what waits as may be asked now. */
  ask(question: (work: Work) => RequestId): void {
    while (this.#asked.size < this.#atATime) {
      const work = this.#waiting.shift()
      if (work === undefined) return
      this.#asked.set(question(work), work)
    }
  }

  /** The work that an answer is to, once. */
  answered(id: RequestId): Work | undefined {
    const work = this.#asked.get(id)
    if (work !== undefined) this.#asked.delete(id)
    return work
  }

  forget(link: Link): void {
    this.#waiting.drop(link)
  }
}

export class Answering {
  readonly matches = new Desk<MatchWork>(MATCHES_MAX, MATCHES_WAITING_PER_LINK_MAX, MATCHES_WAITING_MAX)
  readonly verifies = new Desk<VerifyWork>(VERIFIES_MAX, VERIFIES_WAITING_PER_LINK_MAX, VERIFIES_WAITING_MAX)
  readonly #vouches = new Map<RequestId, CacheEntry>()
  #nextId: RequestId = 1

  get sizes(): Readonly<Record<string, number>> {
    const { matches, verifies } = this
    return {
      matchesAsked: matches.asked,
      matchesWaiting: matches.waiting,
      verifiesAsked: verifies.asked,
      verifiesWaiting: verifies.waiting,
      vouches: this.#vouches.size
    }
  }

  newId(): RequestId {
    this.#nextId += 1
    return this.#nextId
  }

  get mayVouch(): boolean {
    return this.#vouches.size < VOUCHES_MAX
  }

  vouching(id: RequestId, entry: CacheEntry): void {
    this.#vouches.set(id, entry)
  }

  vouched(id: RequestId): CacheEntry | undefined {
    const entry = this.#vouches.get(id)
    if (entry !== undefined) this.#vouches.delete(id)
    return entry
  }

  /** What a link asked for is of no use when it is gone; hits that it brought still are. */
  forget(link: Link): void {
    this.matches.forget(link)
  }
}
