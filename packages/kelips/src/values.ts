/**
 * Values and their homenodes (IPTPS section 2.3). A value that is put goes to a member of its key's group, who places
 * copies at members drawn at random, each of whom may refuse; then another one is tried. Each homenode signs a tuple
 * of its own, by which the value is found. Homenodes that are known already have the next version, too. `repair.ts` sees
 * to it that there are enough of them.
 */
import {
  type CallOutcome,
  isFull,
  isReadable,
  type StoredRecord,
  type StoreOutcome
} from '@servent/key-routing/machine'
import { type Peer, SELF } from '@servent/overlay/machine'
import { INSERT_TRIES, INSERTS_MAX, KEEP_PATIENCE_MS, PREFIX_BYTES, PRIORITY_STATE } from './constants.ts'
import { anyMember, onFailed } from './gossip.ts'
import { isSameGroup } from './group.ts'
import { type Asked, homesOf, proveHomes } from './homes.ts'
import type { Kelips } from './kelips.ts'
import type { KelipsMessage } from './messages.ts'
import { contactsFor } from './nearest.ts'
import { type Outcome, say, tupleName } from './publish.ts'
import type { Fx } from './types.ts'

type PlacedDone = (outcome: Outcome, fx: Fx) => void

/**
 * Copies of one value, each at a member of its own: at those that have a version of it, as far as they prove it, and at
 * members drawn at random. Others that are said to have one are told, and count for nothing.
 */
export function place(kelips: Kelips, record: StoredRecord, done: PlacedDone, fx: Fx): void {
  const copies = kelips.settings.replicas
  if (kelips.inserts + copies > INSERTS_MAX) {
    done({ outcome: 'busy', copies: 0 }, fx)
    return
  }
  kelips.inserts += copies
  const end: PlacedDone = (outcome, later) => {
    kelips.inserts -= copies
    done(outcome, later)
  }
  checkValue(
    kelips,
    record,
    (refusal, later) => {
      if (refusal !== undefined) {
        end({ outcome: refusal, copies: 0 }, later)
        return
      }
      proveHomes(
        kelips,
        record.key,
        homesOf(kelips, record.key),
        (asked, after) => {
          if (asked === undefined) end({ outcome: 'busy', copies: 0 }, after)
          else new Placing(kelips, record, copies, asked, end).begin(after)
        },
        later
      )
    },
    fx
  )
}

class Placing {
  readonly #kelips: Kelips
  readonly #record: StoredRecord
  readonly #copies: number
  readonly #done: PlacedDone
  readonly #homes: Peer[]
  /** Told beside the copies. */
  readonly #others: readonly Peer[]
  readonly #tried: Peer[] = []
  readonly #tries: number[] = []
  #outcome: StoreOutcome | 'unreachable' = 'unreachable'
  #kept = 0
  #left: number
  readonly #releases: readonly (() => void)[]

  constructor(kelips: Kelips, record: StoredRecord, copies: number, asked: Asked, done: PlacedDone) {
    this.#kelips = kelips
    this.#record = record
    this.#copies = copies
    this.#done = done
    // After a split some are of the other half, and will have it no more.
    const isIn = (peer: Peer) => isSameGroup(kelips.peers.key(peer), record.key, kelips.level)
    this.#homes = asked.proven.filter(isIn).slice(0, copies)
    this.#others = [...asked.proven, ...asked.unproven].filter(peer => !this.#homes.includes(peer))
    this.#left = copies
    this.#releases = [this.#homes, this.#tried].map(peers => kelips.hold(peers))
  }

  begin(fx: Fx): void {
    for (let copy = 0; copy < this.#copies; copy += 1) this.#try(1, fx)
    for (const peer of this.#others)
      if (!this.#tried.includes(peer)) give(this.#kelips, peer, this.#record, () => undefined, fx)
  }

  #try(tries: number, fx: Fx): void {
    const peer = this.#homes.shift() ?? this.#someone(fx)
    if (peer === undefined || this.#tried.includes(peer)) {
      this.#end(undefined, fx)
      return
    }
    this.#tried.push(peer)
    const settle = (outcome: StoreOutcome | 'unreachable', later: Fx): void => {
      if (outcome === 'kept') this.#kept += 1
      if (this.#outcome !== 'kept' && this.#outcome !== 'older') this.#outcome = outcome
      if (outcome === 'older') this.#outcome = outcome
      if (mayOthersTake(outcome) && tries < INSERT_TRIES) this.#try(tries + 1, later)
      else this.#end(outcome === 'kept' ? tries : undefined, later)
    }
    give(this.#kelips, peer, this.#record, settle, fx)
  }

  /** Anybody in the group is as good as another; this peer is one of them. */
  #someone(fx: Fx): Peer | undefined {
    const { view } = this.#kelips
    const { key } = this.#record
    // After a split first those that it will be with.
    const contacts = this.#kelips.isMember(key) ? [] : contactsFor(this.#kelips, key)
    const contact = contacts.find(peer => !this.#tried.includes(peer))
    if (contact !== undefined) return contact
    const isSelf = fx.random() % (view.size + 1) === 0
    if (isSelf && !this.#tried.includes(SELF)) return SELF
    return anyMember(this.#kelips, fx, this.#tried) ?? (this.#tried.includes(SELF) ? undefined : SELF)
  }

  #end(tries: number | undefined, fx: Fx): void {
    if (tries !== undefined) this.#tries.push(tries)
    this.#left -= 1
    if (this.#left > 0) return
    const kelips = this.#kelips
    for (const release of this.#releases) release()
    fx.notify({ type: 'placed', tries: this.#tries })
    const enough = Math.min(kelips.writeQuorum, kelips.view.size + 1)
    if (this.#outcome === 'older' || this.#kept === 0)
      this.#done({ outcome: this.#outcome, copies: this.#kept }, fx)
    else this.#done({ outcome: this.#kept >= enough ? 'kept' : 'few-copies', copies: this.#kept }, fx)
  }
}

/** Whether somebody else may keep what one does not. */
export function mayOthersTake(outcome: StoreOutcome | 'unreachable'): boolean {
  return outcome === 'unreachable' || isFull(outcome) || outcome === 'busy' || outcome === 'not-root'
}

/** Keeps a value here: signed, as its fields say, and better than the one that is there. */
export function keepValue(
  kelips: Kelips,
  record: StoredRecord,
  done: (outcome: StoreOutcome, fx: Fx) => void,
  fx: Fx
): void {
  const { values } = kelips
  // Of what it has still since a split it takes newer versions, as long as it is asked for it.
  if (record.kind === 'value' && !kelips.keeps(record.key) && values.find(record) === undefined) {
    done('not-root', fx)
    return
  }
  checkValue(
    kelips,
    record,
    (refusal, later) => {
      if (refusal !== undefined) {
        done(refusal, later)
        return
      }
      const there = values.find(record)?.record
      if (there === undefined) {
        done(take(kelips, record, later), later)
        return
      }
      kelips.ask(
        { type: 'select', key: record.key, records: [there, record] },
        (selected, after) => {
          const isSame = values.find(record)?.record === there && sameAs(there, record)
          if (isSame) done(take(kelips, record, after), after)
          else if (selected?.type !== 'selected') done('busy', after)
          else done(selected.index === 1 ? take(kelips, record, after) : 'older', after)
        },
        later
      )
    },
    fx
  )
}

/** Nothing refuses it: it is a value, signed, as its fields say, and readable. */
function checkValue(
  kelips: Kelips,
  record: StoredRecord,
  done: (refusal: 'refused' | 'busy' | undefined, fx: Fx) => void,
  fx: Fx
): void {
  const { store, wallMs } = kelips
  const isFit = record.kind === 'value' && isReadable(record, wallMs)
  if (!isFit || store.inspect?.(record, wallMs) === false) {
    done('refused', fx)
    return
  }
  if (kelips.asking >= INSERTS_MAX) {
    done('busy', fx)
    return
  }
  kelips.ask(
    { type: 'verify', records: [record] },
    (answer, later) =>
      done(answer?.type === 'verified' && answer.good[0] === true ? undefined : 'refused', later),
    fx
  )
}

/** A copy for this peer itself, or for another one. */
export function give(
  kelips: Kelips,
  peer: Peer,
  record: StoredRecord,
  done: (outcome: StoreOutcome | 'unreachable', fx: Fx) => void,
  fx: Fx
): void {
  if (peer === SELF) keepValue(kelips, record, done, fx)
  else sendValue(kelips, peer, record, 'replica', done, fx)
}

function sameAs(a: StoredRecord, b: StoredRecord): boolean {
  return (
    a.sequence === b.sequence &&
    a.body.length === b.body.length &&
    a.body.every((byte, at) => byte === b.body[at])
  )
}

function take(kelips: Kelips, record: StoredRecord, fx: Fx): StoreOutcome {
  const put = kelips.values.put(record, kelips.nowMs, kelips.wallMs)
  if (isFull(put) || put === 'older') return put
  if (!isTold(kelips, record)) tellOf(kelips, record, fx)
  return 'kept'
}

/** Whether this peer's own tuple is there already, and says as much: nobody has it sign and tell the same again. */
export function isTold(kelips: Kelips, { key, sequence, expiresMs }: StoredRecord): boolean {
  const { tuples, ownTuples } = kelips
  const prefix = key.slice(0, PREFIX_BYTES)
  const said = ownTuples.get(tupleName({ kind: 'value', prefix }))
  if (said === undefined || said.withdrawn) return false
  if (said.sequence < sequence || said.expiresMs < wholeSeconds(expiresMs)) return false
  // Tuples of other groups are kept there.
  const row = tuples.find('value', prefix, SELF)
  return !kelips.keeps(key) || (row >= 0 && !tuples.isWithdrawn(row))
}

/** The homenode's own tuple, newer than the one that is there, which may be withdrawn, and than what it has said last. */
export function tellOf(kelips: Kelips, record: StoredRecord, fx: Fx): void {
  const { tuples, ownTuples } = kelips
  const prefix = record.key.slice(0, PREFIX_BYTES)
  const row = tuples.find('value', prefix, SELF)
  const known = row < 0 ? -1 : tuples.sequenceAt(row)
  const said = ownTuples.get(tupleName({ kind: 'value', prefix }))
  const tuple = {
    kind: 'value',
    prefix,
    provider: kelips.peers.contact(SELF),
    sequence: Math.min(
      Number.MAX_SAFE_INTEGER,
      Math.max(record.sequence, known + 1, (said?.sequence ?? -1) + 1)
    ),
    expiresMs: wholeSeconds(record.expiresMs),
    withdrawn: false
  } as const
  say(kelips, [tuple], () => undefined, fx)
}

function wholeSeconds(ms: number): number {
  return 1000 * Math.floor(ms / 1000)
}

export function sendValue(
  kelips: Kelips,
  peer: Peer,
  record: StoredRecord,
  as: 'root' | 'replica' | 'hand-over',
  done: (outcome: StoreOutcome | 'unreachable', fx: Fx, copies: number) => void,
  fx: Fx,
  patienceMs = KEEP_PATIENCE_MS
): void {
  kelips.calls.request(
    peer,
    { type: 'store', id: kelips.calls.nextId(), as, records: [record] },
    PRIORITY_STATE,
    (outcome: CallOutcome<KelipsMessage>, later) => {
      if ('answer' in outcome && outcome.answer.type === 'stored') {
        const { outcomes, copies } = outcome.answer
        done(outcomes[0] ?? 'unreachable', later, copies[0] ?? 0)
        return
      }
      onFailed(kelips, peer, outcome, later)
      done('unreachable', later, 0)
    },
    fx,
    patienceMs
  )
}

/** Somebody brings values: to be placed, or to be kept here. */
export function onStore(
  kelips: Kelips,
  from: Peer,
  message: KelipsMessage & { readonly type: 'store' },
  fx: Fx
): void {
  const { id, as, records } = message
  const outcomes: StoreOutcome[] = records.map(() => 'refused')
  const copies = records.map(() => 0)
  let left = records.length
  const release = kelips.hold([from])
  const settle = (at: number, outcome: StoreOutcome, kept: number, later: Fx): void => {
    outcomes[at] = outcome
    copies[at] = kept
    left -= 1
    if (left === 0) release()
    const link = kelips.calls.linkOf(from)
    if (left === 0 && link !== undefined)
      later.send(link, { type: 'stored', id, outcomes, copies }, PRIORITY_STATE)
  }
  for (const [at, record] of records.entries()) {
    if (as !== 'root') keepValue(kelips, record, (outcome, later) => settle(at, outcome, 1, later), fx)
    else if (record.kind !== 'value') settle(at, 'refused', 0, fx)
    else if (!kelips.covers(record.key)) settle(at, 'not-root', 0, fx)
    else
      place(
        kelips,
        record,
        ({ outcome, copies: kept }, later) =>
          settle(at, outcome === 'unreachable' ? 'busy' : outcome, kept, later),
        fx
      )
  }
}
