/**
 * Whom tuples name as homenodes of a value, and who of them proves it. A tuple is its signer's word: anybody can sign one
 * for any key. So whoever is to count as a copy is asked for the value, and has it that gives one which is signed.
 */
import {
  Hedge,
  isReadable,
  type RecordsPage,
  type StoredRecord,
  VALUE_HOLDERS_MAX
} from '@servent/key-routing/machine'
import { type Key, type Peer, randomBelow, SELF } from '@servent/overlay/machine'
import { INSERTS_MAX, KEEP_PATIENCE_MS } from './constants.ts'
import type { Kelips } from './kelips.ts'
import { askForPage } from './serve-records.ts'
import type { Fx, KelipsTypes } from './types.ts'

/** By their tuples. */
export function homesOf(kelips: Kelips, key: Key): Peer[] {
  return kelips.tuplesUnder('value', key).map(row => kelips.tuples.originAt(row))
}

export interface Asked {
  /** Gave the value, of whichever version. */
  readonly proven: readonly Peer[]
  /** Did not answer, or gave what nobody signed: they may have it, and may not. */
  readonly unproven: readonly Peer[]
  /** So many of these could not be asked: there was no room for it. */
  readonly unasked: number
}

/** Asks `VALUE_HOLDERS_MAX` of them at most. Nothing: there is too much to check already. */
export function proveHomes(
  kelips: Kelips,
  key: Key,
  homes: readonly Peer[],
  done: (asked: Asked | undefined, fx: Fx) => void,
  fx: Fx,
  patienceMs = KEEP_PATIENCE_MS
): void {
  const first = homes.length > VALUE_HOLDERS_MAX ? randomBelow(fx, homes.length) : 0
  const asked = [...homes.slice(first), ...homes.slice(0, first)].slice(0, VALUE_HOLDERS_MAX)
  const given = new Map<Peer, StoredRecord>()
  const waiting = new Set(asked)
  const unproven: Peer[] = []
  let unasked = 0
  const release = kelips.hold(asked)
  const end = (good: readonly boolean[] | undefined, later: Fx): void => {
    release()
    const proven: Peer[] = []
    for (const [at, peer] of [...given.keys()].entries()) (good?.[at] ? proven : unproven).push(peer)
    done(good && { proven, unproven, unasked }, later)
  }
  let isOver = false
  const check = (later: Fx): void => {
    isOver = true
    kelips.calls.end(hedge, false, later)
    unproven.push(...waiting)
    if (given.size === 0) end([], later)
    else if (kelips.asking >= INSERTS_MAX) end(undefined, later)
    else
      kelips.ask(
        { type: 'verify', records: [...given.values()] },
        (answer, after) => end(answer?.type === 'verified' ? answer.good : [], after),
        later
      )
  }
  // Nobody makes a put wait by being slow.
  const hedge = new Hedge<KelipsTypes>(check)
  const note = (peer: Peer, page: Pick<RecordsPage, 'records'> | undefined, later: Fx, isAsked: boolean) => {
    if (isOver) return
    waiting.delete(peer)
    if (!isAsked) unasked += 1
    const record = page?.records[0]
    if (record !== undefined && isValueOf(kelips, key, record)) given.set(peer, record)
    else if (page === undefined || record !== undefined) unproven.push(peer)
    if (waiting.size === 0) check(later)
  }
  if (asked.length === 0) {
    check(fx)
    return
  }
  kelips.calls.wait(hedge, kelips.nowMs + patienceMs, fx)
  for (const peer of asked)
    askForValue(kelips, peer, key, (page, later, isAsked) => note(peer, page, later, isAsked), fx)
}

/** This peer itself looks into its own memory. */
export function askForValue(
  kelips: Kelips,
  peer: Peer,
  key: Key,
  done: (page: Pick<RecordsPage, 'records'> | undefined, fx: Fx, isAsked: boolean) => void,
  fx: Fx
): void {
  if (peer !== SELF) askForPage(kelips, peer, 'value', key, 0, 1, done, fx)
  else
    done(
      kelips.values.page('value', key, 0, () => 1, kelips.nowMs, kelips.wallMs),
      fx,
      true
    )
}

export function isValueOf(kelips: Kelips, key: Key, record: StoredRecord): boolean {
  const isSameKey = record.kind === 'value' && record.key.every((byte, at) => byte === key[at])
  return isSameKey && isReadable(record, kelips.wallMs)
}
