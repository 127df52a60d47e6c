/**
 * A lookup that is under way: asks whom `DisjointLookup` names, hears what they say, and ends with it or with its time.
 * What is asked is a `find-node`, or a request that brings what is kept under the key as well.
 */
import type { LookupFailure, LookupPurpose } from '@servent/key-routing/machine'
import {
  type Contact,
  type Key,
  keyToHex,
  NO_PEER,
  type Peer,
  randomBelow,
  SELF
} from '@servent/overlay/machine'
import type { Fx, Kad } from './kad.ts'
import { kademliaCodec } from './kad-wire.ts'
import { type Ask, DisjointLookup, type Named } from './lookup.ts'
import { KAD_LOOKUPS_MAX, KAD_PRIORITY_LOOKUP, KAD_PRIORITY_TABLE } from './machine-constants.ts'
import type { KademliaAnswer, KademliaMessage } from './messages.ts'
import { answered, fellSilent } from './table-care.ts'

type Asking = 'find-node' | 'get-providers' | 'get-value'

export interface LookupEnd {
  /** The k nearest that answered, the nearest first. */
  readonly closest: readonly Ask[]
  /** Why the nearest that is known has not answered. */
  readonly failed?: LookupFailure
  /** Whether the k nearest that are known have all answered. */
  readonly isComplete: boolean
  /** Requests until the nearest was reached. */
  readonly hops: number
  readonly timeouts: number
  readonly elapsedMs: number
  /** Of requests that left and answers that came. */
  readonly traffic: { readonly messages: number; readonly bytes: number }
}

export interface LookupInit {
  readonly key: Key
  readonly purpose: LookupPurpose
  readonly asking?: Asking
  readonly budgetMs: number
  /** Whether a step is told by a notice. */
  readonly traced?: boolean
  /** Each answer, with the requests until it. True: what was looked for is here, and the lookup may end. */
  readonly onAnswer?: (from: Peer, answer: KademliaAnswer, steps: number, fx: Fx) => boolean
  /** Called once, perhaps before `startLookup` returns. */
  readonly done: (end: LookupEnd, fx: Fx) => void
}

const LOOKUP_TIMERS = 'kad/lookup/'

export class LookupRun {
  readonly #kad: Kad
  readonly #init: LookupInit
  readonly #lookup: DisjointLookup
  readonly #startMs: number
  readonly #traffic = { messages: 0, bytes: 0 }
  /** Names the lookup: to its timer, and in traces. */
  readonly id: number
  #isPumping = false
  /** What was looked for was in an answer. */
  #isFound = false
  #isOver = false

  constructor(kad: Kad, init: LookupInit, fx: Fx) {
    this.#kad = kad
    this.#init = init
    this.id = kad.calls.nextId()
    this.#startMs = fx.nowMs()
    const { buckets, settings, rules } = kad
    const seeds = shuffled(buckets.closest(init.key, settings.k), fx)
    this.#lookup = new DisjointLookup(init.key, seeds, settings, rules.lookup)
  }

  get timer(): string {
    return `${LOOKUP_TIMERS}${this.id}`
  }

  start(fx: Fx): void {
    if (this.#init.budgetMs > 0) fx.setTimer(this.timer, this.#init.budgetMs)
    this.#pump(fx)
  }

  onDue(fx: Fx): void {
    this.#end('budget', fx)
  }

  /** Nobody waits for it any more. */
  giveUp(fx: Fx): void {
    this.#forget(fx)
  }

  heldPeers(hold: (peer: Peer) => void): void {
    this.#lookup.heldPeers(hold)
  }

  #pump(fx: Fx): void {
    // A request that fails at once comes back here while it is made.
    if (this.#isPumping || this.#isOver) return
    this.#isPumping = true
    for (let ask = this.#lookup.next(); ask !== undefined && !this.#isOver; ask = this.#lookup.next())
      this.#ask(ask, fx)
    this.#isPumping = false
    if (this.#isOver || this.#lookup.underWay > 0) return
    this.#end(this.#lookup.closest().length === 0 ? 'no-route' : 'budget', fx)
  }

  #ask({ peer, steps }: Ask, fx: Fx): void {
    const { key, purpose, asking = 'find-node' } = this.#init
    const { calls, mark } = this.#kad
    const request = { type: asking, id: calls.nextId(), key, purpose, ...mark }
    this.#note(request)
    this.#trace('sent', peer, steps, fx)
    calls.request(
      peer,
      request,
      purpose === 'table' ? KAD_PRIORITY_TABLE : KAD_PRIORITY_LOOKUP,
      (outcome, later) => {
        if ('answer' in outcome && isAnswerTo(asking, outcome.answer))
          this.#onAnswer(peer, outcome.answer as KademliaAnswer & { closer: Contact[] }, steps, later)
        else this.#onFailed(peer, 'failed' in outcome ? outcome.failed : 'silent', steps, later)
        this.#pump(later)
      },
      fx
    )
  }

  #onAnswer(peer: Peer, answer: KademliaAnswer & { closer: Contact[] }, steps: number, fx: Fx): void {
    const kad = this.#kad
    // Even where nobody waits for it any more, it says that the peer lives.
    answered(kad, peer, fx)
    if (this.#isOver) return
    this.#note(answer)
    this.#trace('acknowledged', peer, steps, fx)
    const closer: Named[] = []
    for (const contact of answer.closer.slice(0, kad.settings.k)) {
      const named = fx.peers.intern(contact)
      if (named !== NO_PEER && named !== SELF) closer.push({ peer: named, key: fx.peers.key(named) })
    }
    this.#lookup.onAnswer(peer, closer)
    if (this.#init.onAnswer?.(peer, answer, steps, fx) === true) {
      this.#isFound = true
      this.#end('budget', fx)
    }
  }

  #onFailed(peer: Peer, why: string, steps: number, fx: Fx): void {
    // `busy` is a bound of this peer: it says nothing of the other.
    if (why !== 'busy') fellSilent(this.#kad, peer, why, fx)
    if (this.#isOver) return
    this.#trace('silent', peer, steps, fx)
    this.#lookup.onSilent(peer)
  }

  /** `why` is told where the nearest has not been reached. */
  #end(why: LookupFailure, fx: Fx): void {
    if (this.#isOver) return
    this.#forget(fx)
    const { counters } = this.#kad
    const failed = this.#lookup.hasNearest || this.#isFound ? undefined : why
    if (failed !== undefined) counters.failed += 1
    const closest = this.#lookup.closest()
    this.#init.done(
      {
        closest,
        isComplete: this.#lookup.isComplete,
        hops: closest[0]?.steps ?? 0,
        timeouts: this.#lookup.timeouts,
        elapsedMs: fx.nowMs() - this.#startMs,
        traffic: this.#traffic,
        ...(failed !== undefined && { failed })
      },
      fx
    )
  }

  #forget(fx: Fx): void {
    this.#isOver = true
    this.#kad.lookups.delete(this)
    if (this.#init.budgetMs > 0) fx.cancelTimer(this.timer)
  }

  #note(message: KademliaMessage): void {
    this.#traffic.messages += 1
    this.#traffic.bytes += kademliaCodec.byteLength(message)
  }

  #trace(what: 'sent' | 'acknowledged' | 'silent', peer: Peer, hops: number, fx: Fx): void {
    if (this.#init.traced !== true) return
    const { key, purpose } = this.#init
    const origin = keyToHex(fx.peers.contact(SELF).id)
    fx.notify({ type: 'lookup-step', origin, id: this.id, key, purpose, what, peer, root: false, hops })
  }
}

/** Begins a lookup from the peers of the buckets. */
export function startLookup(kad: Kad, init: LookupInit, fx: Fx): LookupRun | undefined {
  kad.counters.lookups += 1
  if (kad.lookups.size >= KAD_LOOKUPS_MAX || kad.buckets.size === 0) {
    const failed = kad.buckets.size === 0 ? 'not-ready' : 'busy'
    kad.counters.failed += 1
    init.done(
      {
        closest: [],
        failed,
        isComplete: false,
        hops: 0,
        timeouts: 0,
        elapsedMs: 0,
        traffic: { messages: 0, bytes: 0 }
      },
      fx
    )
    return undefined
  }
  const bucket = kad.buckets.prefixOf(init.key)
  kad.refreshedMs[Math.min(bucket, kad.buckets.length)] = fx.nowMs()
  const run = new LookupRun(kad, init, fx)
  kad.lookups.add(run)
  run.start(fx)
  return run
}

/** True where it was a lookup's. */
export function onLookupTimer(kad: Kad, timer: string | number, fx: Fx): boolean {
  if (typeof timer !== 'string' || !timer.startsWith(LOOKUP_TIMERS)) return false
  for (const lookup of kad.lookups) if (lookup.timer === timer) lookup.onDue(fx)
  return true
}

const ANSWER_TYPES: Readonly<Record<Asking, KademliaAnswer['type']>> = {
  'find-node': 'closer-peers',
  'get-providers': 'providers',
  'get-value': 'value-found'
}

/** Another kind of answer to a request is none. */
function isAnswerTo(asking: Asking, answer: KademliaMessage): boolean {
  return answer.type === ANSWER_TYPES[asking]
}

/** kad-dht deals its first peers to the paths by chance, so that no path has all of the nearest. */
function shuffled<T>(all: readonly T[], fx: Fx): T[] {
  const mixed = [...all]
  for (let at = mixed.length - 1; at > 0; at -= 1) {
    const other = randomBelow(fx, at + 1)
    ;[mixed[at], mixed[other]] = [mixed[other]!, mixed[at]!]
  }
  return mixed
}
