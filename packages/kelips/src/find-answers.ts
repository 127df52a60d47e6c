/** What this peer says to lookups of others, and to its own: from its tuples, or by whom else it passes them on to. */
import type { CallFailure } from '@servent/key-routing/machine'
import { type Key, type Peer, randomBelow } from '@servent/overlay/machine'
import {
  FOUND_TUPLES_MAX,
  PASS_TRIES_MAX,
  PREFIX_BYTES,
  PRIORITY_FIND,
  RELAYS_MAX,
  RENDEZVOUS_MEMBERS,
  STEP_PATIENCE_MS,
  STEPS_MAX,
  WALK_TTL
} from './constants.ts'
import { anyMember, linkedMember, onFailed } from './gossip.ts'
import type { Kelips } from './kelips.ts'
import type { Find, PeerTuple, Providers, Want } from './messages.ts'
import { contactsFor, nearestContacts, nearestOthers } from './nearest.ts'
import type { Fx } from './types.ts'

export type Answer = Omit<Providers, 'type' | 'id'>

/** Of these it is this peer that is not there, and nobody behind it. */
const GONE: ReadonlySet<CallFailure> = new Set(['unreachable', 'link-down'])

/** Somebody asks. */
export function onFind(kelips: Kelips, from: Peer, message: Find, fx: Fx): void {
  const { id, key, want, after } = message
  const ttl = Math.min(message.ttl, WALK_TTL)
  const covers = kelips.covers(key)
  const own = covers ? answerOf(kelips, key, want, after) : elsewhere(kelips, key)
  const next =
    ttl === 0 || isAnswer(own, want) ? undefined : nextStep(kelips, { key, ttl }, covers, [from], fx)
  if (next === undefined || kelips.relays >= RELAYS_MAX) {
    answer(kelips, from, { ...own, type: 'providers', id }, fx)
    return
  }
  kelips.relays += 1
  passOn(kelips, { ...message, ttl }, next, { from, own, tried: [from, next], beganMs: kelips.nowMs }, fx)
}

/** A step of a walk that another takes for this peer. */
interface Passed {
  readonly from: Peer
  /** What this peer itself has. */
  readonly own: Answer
  /** Who asks, and whom it was passed on to. */
  readonly tried: Peer[]
  readonly beganMs: number
}

/**
 * Whoever cannot be reached is mostly found out soon: another takes its place for as long as whoever asks waits for one
 * step, one that there is a link to, since to open one may take longer than that.
 */
function passOn(kelips: Kelips, message: Find, next: Peer, passed: Passed, fx: Fx): void {
  const { id, ttl } = message
  const { from, own, tried, beganMs } = passed
  kelips.counters.findsPassedOn += 1
  const release = kelips.hold(tried)
  kelips.calls.request(
    next,
    { ...message, id: kelips.calls.nextId(), ttl: ttl - 1 },
    PRIORITY_FIND,
    (outcome, later) => {
      release()
      const failures = tried.length - 2
      if ('answer' in outcome && outcome.answer.type === 'providers') {
        kelips.relays -= 1
        const { hops, timeouts, ...rest } = outcome.answer
        // No more steps than it may have taken, whatever it says: what is read is bounded.
        const steps = {
          hops: Math.min(hops, ttl - 1) + 1,
          timeouts: Math.min(timeouts + failures, STEPS_MAX)
        }
        answer(kelips, from, { ...rest, id, ...steps }, later)
        return
      }
      const isGone = 'failed' in outcome && GONE.has(outcome.failed)
      // Whoever was silent may have waited for somebody else.
      if (isGone || ttl === 1) onFailed(kelips, next, outcome, later)
      const isSoon = failures + 1 < PASS_TRIES_MAX && kelips.nowMs - beganMs <= STEP_PATIENCE_MS
      const isWaitedFor = kelips.calls.linkOf(from) !== undefined
      const other =
        isGone && isSoon && isWaitedFor
          ? nextStep(kelips, message, own.covers, tried, later, true)
          : undefined
      if (other !== undefined) {
        tried.push(other)
        passOn(kelips, message, other, passed, later)
        return
      }
      kelips.relays -= 1
      answer(kelips, from, { ...own, type: 'providers', id, timeouts: own.timeouts + failures + 1 }, later)
    },
    fx,
    (ttl - 1) * STEP_PATIENCE_MS
  )
}

/**
 * In the key's group first the members that are nearest to it, who are told first, and then random ones; from outside it a
 * contact, and not always the same one.
 */
function nextStep(
  kelips: Kelips,
  { key, ttl }: Pick<Find, 'key' | 'ttl'>,
  covers: boolean,
  tried: readonly Peer[],
  fx: Fx,
  mustBeLinked = false
): Peer | undefined {
  const isFit = (peer: Peer): boolean =>
    !tried.includes(peer) && (!mustBeLinked || kelips.calls.linkOf(peer) !== undefined)
  if (covers && ttl > WALK_TTL - RENDEZVOUS_MEMBERS) {
    const nearest = nearestOthers(kelips, key, tried.length + 1).find(isFit)
    if (nearest !== undefined) return nearest
  }
  if (covers) return (mustBeLinked ? linkedMember : anyMember)(kelips, fx, tried)
  const contacts = contactsFor(kelips, key).filter(isFit)
  return contacts.length === 0 ? undefined : contacts[randomBelow(fx, contacts.length)]
}

function answer(kelips: Kelips, to: Peer, message: Providers, fx: Fx): void {
  const link = kelips.calls.linkOf(to)
  if (link !== undefined) fx.send(link, message, PRIORITY_FIND)
}

export function isAnswer({ covers, total }: Answer, want: Want): boolean {
  return total > 0 || (covers && want === 'peer')
}

/** From outside the group: its contacts. */
function elsewhere(kelips: Kelips, key: Key): Answer {
  const nearest =
    kelips.mode === 'member' ? contactsFor(kelips, key).map(peer => kelips.peers.contact(peer)) : []
  return { covers: false, hops: 0, timeouts: 0, total: 0, tuples: [], nearest }
}

/**
 * An answer with the tuples alone that were asked for. With none of them it has nothing, whatever it says; but for a later
 * page, which ends the list of whoever gives it.
 */
export function fitting(answer: Answer, key: Key, want: Want, after: number): Answer {
  const tuples = answer.tuples.filter(tuple => isFit(tuple, key, want))
  return { ...answer, tuples, total: tuples.length === 0 && after === 0 ? 0 : answer.total }
}

function isFit({ kind, prefix, withdrawn }: PeerTuple, key: Key, want: Want): boolean {
  if (kind !== want || withdrawn) return false
  for (let at = 0; at < PREFIX_BYTES; at += 1) if (prefix[at] !== key[at]) return false
  return true
}

/** What this peer itself knows of a key of its group. */
export function answerOf(kelips: Kelips, key: Key, want: Want, after: number): Answer {
  const none = { covers: true, hops: 0, timeouts: 0, nearest: [] }
  if (want === 'peer') return { ...none, total: 0, tuples: [], nearest: nearestContacts(kelips, key) }
  const rows = kelips.tuplesUnder(want, key)
  const page = rows.slice(after, after + FOUND_TUPLES_MAX)
  return { ...none, total: rows.length, tuples: page.map(row => kelips.tupleAt(row)) }
}
