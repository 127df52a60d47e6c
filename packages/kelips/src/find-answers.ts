/** What this peer says to lookups of others, and to its own: from its tuples, or by whom else it passes them on to. */
import { type Key, type Peer, randomBelow } from '@servent/overlay/machine'
import {
  FOUND_TUPLES_MAX,
  PREFIX_BYTES,
  PRIORITY_FIND,
  RELAYS_MAX,
  STEP_PATIENCE_MS,
  WALK_TTL
} from './constants.ts'
import { anyMember, onFailed } from './gossip.ts'
import type { Kelips } from './kelips.ts'
import type { Find, PeerTuple, Providers, Want } from './messages.ts'
import { contactsFor, isNearer, nearestContacts, nearestOthers } from './nearest.ts'
import type { Fx } from './types.ts'

export type Answer = Omit<Providers, 'type' | 'id'>

/** Somebody asks. */
export function onFind(kelips: Kelips, from: Peer, message: Find, fx: Fx): void {
  const { id, key, want, after, ttl } = message
  const covers = kelips.covers(key)
  const own = covers ? answerOf(kelips, key, want, after) : elsewhere(kelips, key)
  const isFirst = ttl === WALK_TTL
  const next = ttl === 0 || isAnswer(own, want) ? undefined : nextStep(kelips, from, key, covers, isFirst, fx)
  if (next === undefined || kelips.relays >= RELAYS_MAX) {
    answer(kelips, from, { ...own, type: 'providers', id }, fx)
    return
  }
  kelips.relays += 1
  kelips.counters.findsPassedOn += 1
  const release = kelips.hold([from])
  kelips.calls.request(
    next,
    { ...message, id: kelips.calls.nextId(), ttl: ttl - 1 },
    PRIORITY_FIND,
    (outcome, later) => {
      kelips.relays -= 1
      release()
      if ('answer' in outcome && outcome.answer.type === 'providers') {
        const { hops, ...rest } = outcome.answer
        answer(kelips, from, { ...rest, id, hops: hops + 1 }, later)
        return
      }
      if (ttl === 1) onFailed(kelips, next, outcome, later)
      answer(kelips, from, { ...own, type: 'providers', id, timeouts: own.timeouts + 1 }, later)
    },
    fx,
    (ttl - 1) * STEP_PATIENCE_MS
  )
}

/**
 * In the key's group first the member that is nearest to it, and then random ones; from outside it a contact, and not
 * always the same one.
 */
function nextStep(
  kelips: Kelips,
  from: Peer,
  key: Key,
  covers: boolean,
  isFirst: boolean,
  fx: Fx
): Peer | undefined {
  if (covers && !isFirst) return anyMember(kelips, fx, [from])
  if (covers) {
    const [nearest] = nearestOthers(kelips, key, 1, from)
    const isFurther = nearest === undefined || isNearer(key, kelips.key, kelips.peers.key(nearest))
    return isFurther ? anyMember(kelips, fx, [from]) : nearest
  }
  const contacts = contactsFor(kelips, key).filter(peer => peer !== from)
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
