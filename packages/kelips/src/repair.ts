/**
 * Repair of values, once a minute. Of homenodes that are left the nearest to the key places what is missing. A tuple is
 * only its signer's word: of a few values in turn homenodes are asked for them. What this peer is said to have and has
 * not, since it has restarted, it takes back, so that others see what is missing. What is another group's since a split
 * goes there.
 */
import { nameOf, type StoredRecord } from '@servent/key-routing/machine'
import { type Key, type Peer, randomBelow, SELF } from '@servent/overlay/machine'
import {
  AUDITS_PER_ROUND,
  HAND_OVERS_AT_ONCE,
  MOVED_VALUES_MS,
  PLACE_PATIENCE_MS,
  PREFIX_BYTES,
  REPAIRS_PER_ROUND,
  SIGN_MAX
} from './constants.ts'
import { anyMember } from './gossip.ts'
import { homesOf, proveHomes } from './homes.ts'
import type { Kelips } from './kelips.ts'
import type { PeerTuple } from './messages.ts'
import { contactsFor, isNearer } from './nearest.ts'
import { say, tupleName } from './publish.ts'
import type { Fx } from './types.ts'
import { isTold, sendValue, tellOf } from './values.ts'

type Held = NonNullable<ReturnType<Kelips['values']['find']>>

/** A few values, each round of repair. */
export function repairValues(kelips: Kelips, fx: Fx): void {
  const { values } = kelips
  values.sweep(kelips.nowMs, kelips.wallMs)
  withdrawLost(kelips, fx)
  let left = REPAIRS_PER_ROUND
  let audits = AUDITS_PER_ROUND
  let moves = HAND_OVERS_AT_ONCE
  for (const slot of fromAnyOn([...values.slots.values()], fx)) {
    if (left <= 0) return
    const [held] = slot.held.values()
    if (held === undefined) continue
    if (!kelips.isMember(slot.key)) {
      if (moves > 0 && move(kelips, held, fx)) moves -= 1
      continue
    }
    const { record } = held
    held.placedMs = undefined
    if (!isTold(kelips, record)) {
      left -= 1
      tellOf(kelips, record, fx)
    }
    const homes = homesOf(kelips, slot.key).filter(peer => peer !== SELF && kelips.view.find(peer) >= 0)
    const missing = missingOf(kelips, homes.length)
    if (missing > 0 && isNearest(kelips, slot.key, homes)) {
      left -= 1
      replace(kelips, record, missing, homes, fx)
    } else if (audits > 0 && homes.length > 0) {
      audits -= 1
      audit(kelips, record, homes, fx)
    }
  }
}

/** Values in turn, so that none waits for ever behind others. */
function fromAnyOn<T>(all: readonly T[], fx: Fx): readonly T[] {
  const first = all.length === 0 ? 0 : randomBelow(fx, all.length)
  return [...all.slice(first), ...all.slice(0, first)]
}

/** Copies that a value lacks which so many others have. */
function missingOf({ settings, view }: Kelips, others: number): number {
  return Math.min(settings.replicas, view.size + 1) - 1 - others
}

function isNearest({ key, peers }: Kelips, to: Key, others: readonly Peer[]): boolean {
  return others.every(peer => isNearer(to, key, peers.key(peer)))
}

function replace(kelips: Kelips, record: StoredRecord, missing: number, but: readonly Peer[], fx: Fx): void {
  const tried = [...but]
  for (let copy = 0; copy < missing; copy += 1) {
    const peer = anyMember(kelips, fx, tried)
    if (peer === undefined) return
    tried.push(peer)
    sendValue(kelips, peer, record, 'replica', () => undefined, fx)
  }
}

/**
 * Whoever does not prove to have the value counts for nothing, but for so many as a write may do without, and for those
 * that could not be asked. Who is late once may have it: of those who say nothing, the second audit in a row counts.
 */
function audit(kelips: Kelips, record: StoredRecord, homes: readonly Peer[], fx: Fx): void {
  const release = kelips.hold(homes)
  proveHomes(
    kelips,
    record.key,
    homes,
    (asked, later) => {
      release()
      const now = kelips.values.find(record)?.record
      if (asked === undefined || now === undefined) return
      const { proven, unproven, unasked } = asked
      const silent = unproven.length - unasked
      const most = missingOf(
        kelips,
        proven.length + unasked + Math.min(silent, kelips.settings.replicas - kelips.writeQuorum)
      )
      const least = missingOf(kelips, proven.length + unproven.length)
      const isAgain = kelips.unprovenValues.delete(now)
      if (most > Math.max(0, least) && !isAgain) kelips.unprovenValues.add(now)
      const missing = isAgain ? most : least
      if (isNearest(kelips, record.key, proven)) replace(kelips, now, missing, homes, later)
    },
    fx,
    PLACE_PATIENCE_MS
  )
}

/**
 * Since a split its key is of another group, which may have no copy: a member of that one is given it. When that group has
 * had time to make copies of its own, a member is given it again, whichever; it goes from here when that one has it then,
 * from before or from here.
 */
function move(kelips: Kelips, held: Held, fx: Fx): boolean {
  const { record, placedMs } = held
  const isMoved = placedMs !== undefined && !kelips.keeps(record.key)
  if (placedMs !== undefined && (!isMoved || kelips.nowMs - placedMs < MOVED_VALUES_MS)) return false
  const contacts = contactsFor(kelips, record.key)
  if (contacts.length === 0) return false
  sendValue(
    kelips,
    contacts[randomBelow(fx, contacts.length)]!,
    record,
    'hand-over',
    (outcome, later) => {
      const isThere = outcome === 'kept' || outcome === 'older'
      if (!isThere || kelips.isMember(record.key) || kelips.values.find(record) !== held) return
      if (!isMoved) {
        held.placedMs = kelips.nowMs
        return
      }
      kelips.values.delete(held)
      const own = kelips.ownTuples.get(
        tupleName({ kind: 'value', prefix: record.key.slice(0, PREFIX_BYTES) })
      )
      if (own !== undefined) withdraw(kelips, [own], later)
    },
    fx
  )
  return true
}

/**
 * Own tuples, which others had kept, of values that were in the memory of the run before. A tuple has only the first
 * bytes of its key, so the value cannot be asked for.
 */
function withdrawLost(kelips: Kelips, fx: Fx): void {
  const { tuples, origins, values, wallMs } = kelips
  if (origins.tuplesOf(SELF) === 0) return
  const held = new Set<string>()
  for (const { key } of values.slots.values()) held.add(nameOf(key.slice(0, PREFIX_BYTES)))
  const lost: PeerTuple[] = []
  for (let row = 0; row < tuples.size && lost.length < SIGN_MAX; row += 1) {
    if (tuples.originAt(row) !== SELF || tuples.isWithdrawn(row) || tuples.expiresMs(row) <= wallMs) continue
    const tuple = kelips.tupleAt(row)
    if (tuple.kind === 'value' && !held.has(nameOf(tuple.prefix))) lost.push(tuple)
  }
  withdraw(kelips, lost, fx)
}

/** Takes own tuples back, for as long as they would be valid. */
function withdraw(kelips: Kelips, own: readonly PeerTuple[], fx: Fx): void {
  const withdrawals = own.map(tuple => ({
    ...tuple,
    sequence: Math.min(Number.MAX_SAFE_INTEGER, tuple.sequence + 1),
    withdrawn: true
  }))
  say(kelips, withdrawals, () => undefined, fx)
}
