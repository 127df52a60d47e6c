/**
 * Announcing (IPTPS section 2.3, with the provider as homenode). A provider keeps its signed records, and for each key
 * under which it has some signs one tuple, which it offers to members of the key's group; gossip has it go round, as
 * long as the provider says that it lives (`refresh.ts`).
 *
 * A value has no provider who stays: whoever puts it has a member of the key's group place it (`values.ts`).
 */
import {
  isFull,
  isReadable,
  nameOf,
  type StoredRecord,
  type StoreOutcome
} from '@servent/key-routing/machine'
import { type Key, type Peer, SELF } from '@servent/overlay/machine'
import {
  OFFER_HOLDERS,
  OFFER_MEMBERS,
  OFFER_TUPLES_MAX,
  PLACE_PATIENCE_MS,
  PREFIX_BYTES,
  PRIORITY_STATE,
  REFRESH_FACTOR_MAX,
  REFRESH_MS_LEAST,
  REFRESH_MS_MAX,
  REFRESHES_PER_TIMEOUT,
  SIGN_MAX
} from './constants.ts'
import { find } from './find.ts'
import { onFailed } from './gossip.ts'
import { groupOf } from './group.ts'
import { keepTuple, takeIn } from './intake.ts'
import type { Kelips } from './kelips.ts'
import type { Offer, Offered, PeerTuple } from './messages.ts'
import { contactsFor } from './nearest.ts'
import { armNews } from './news.ts'
import { tellNearest } from './rendezvous.ts'
import { tupleStatement } from './statements.ts'
import { KINDS } from './tuple-table.ts'
import type { Fx } from './types.ts'

export interface Outcome {
  readonly outcome: StoreOutcome | 'unreachable'
  readonly copies: number
}

export function tupleName({ kind, prefix }: Pick<PeerTuple, 'kind' | 'prefix'>): string {
  return `${KINDS.indexOf(kind)}${nameOf(prefix)}`
}

/** Keeps or takes back records of files and words, and tells the groups of their keys. */
export function announce(
  kelips: Kelips,
  records: readonly StoredRecord[],
  done: (at: number, outcome: Outcome, fx: Fx) => void,
  fx: Fx
): void {
  const due = new Map<string, { readonly tuple: Omit<PeerTuple, 'signature'>; readonly places: number[] }>()
  for (const [at, record] of records.entries()) {
    const kept = kelips.own.put(record, kelips.nowMs, kelips.wallMs)
    if (isFull(kept) || kept === 'older') {
      done(at, { outcome: kept, copies: 0 }, fx)
      continue
    }
    const prefix = record.key.slice(0, PREFIX_BYTES)
    const name = tupleName({ kind: record.kind, prefix })
    const known = due.get(name)
    const places = known?.places ?? []
    places.push(at)
    due.set(name, { tuple: tupleOf(kelips, record, prefix), places })
  }
  const fresh = [...due.values()].filter(({ tuple, places }) => {
    const known = kelips.ownTuples.get(tupleName(tuple))
    const isSaid =
      known !== undefined && known.withdrawn === tuple.withdrawn && known.expiresMs >= tuple.expiresMs
    if (isSaid) for (const at of places) done(at, { outcome: 'kept', copies: OFFER_HOLDERS }, fx)
    return !isSaid
  })
  const finish = (at: number, outcome: Outcome, later: Fx): void => {
    for (const place of fresh[at]!.places) done(place, outcome, later)
  }
  say(
    kelips,
    fresh.map(({ tuple }) => tuple),
    finish,
    fx
  )
}

/** One tuple for all records of a kind under a key: as long as the longest of them lives; none left takes it back. */
function tupleOf(kelips: Kelips, record: StoredRecord, prefix: Uint8Array): Omit<PeerTuple, 'signature'> {
  const { own, ownTuples, wallMs, nowMs } = kelips
  const common = {
    kind: record.kind,
    prefix,
    provider: kelips.peers.contact(SELF),
    sequence: record.sequence
  }
  if (isReadable(record, wallMs)) {
    // Those under the key already live as long as their tuple says: a word that all files have is not read for each.
    const known = ownTuples.get(tupleName({ kind: record.kind, prefix }))
    const ownS = Math.floor(record.expiresMs / 1000)
    const longestMs = Math.max(1000 * ownS, known?.withdrawn === false ? known.expiresMs : 0)
    return { ...common, expiresMs: longestMs, withdrawn: false }
  }
  const { records } = own.page(record.kind, record.key, 0, all => all.length, nowMs, wallMs)
  const readable = records.filter(one => isReadable(one, wallMs))
  const expiresMs = readable.reduce((latest, one) => Math.max(latest, one.expiresMs), 0)
  return {
    ...common,
    expiresMs: 1000 * Math.floor((readable.length > 0 ? expiresMs : record.expiresMs) / 1000),
    withdrawn: readable.length === 0
  }
}

/** Signs tuples and offers each to its group. `done` says of each, by its place, what came of it. */
export function say(
  kelips: Kelips,
  tuples: readonly Omit<PeerTuple, 'signature'>[],
  done: (at: number, outcome: Outcome, fx: Fx) => void,
  fx: Fx
): void {
  for (let from = 0; from < tuples.length; from += SIGN_MAX) {
    const part = tuples.slice(from, from + SIGN_MAX)
    kelips.ask(
      { type: 'sign', statements: part.map(tuple => tupleStatement(tuple)) },
      (answer, later) => {
        const byGroup = new Map<number, { readonly at: number; readonly tuple: PeerTuple }[]>()
        for (const [at, tuple] of part.entries()) {
          const signature = answer?.type === 'signed' ? answer.signatures[at] : undefined
          if (signature === undefined) {
            done(from + at, { outcome: 'busy', copies: 0 }, later)
            continue
          }
          const whole = { ...tuple, signature }
          kelips.ownTuples.set(tupleName(tuple), whole)
          const group = groupOf(tuple.prefix, kelips.level)
          const same = byGroup.get(group)
          if (same === undefined) byGroup.set(group, [{ at: from + at, tuple: whole }])
          else same.push({ at: from + at, tuple: whole })
        }
        for (const same of byGroup.values())
          for (let first = 0; first < same.length; first += OFFER_TUPLES_MAX)
            offer(kelips, same.slice(first, first + OFFER_TUPLES_MAX), done, later)
      },
      fx
    )
  }
}

interface Placed {
  readonly at: number
  readonly tuple: PeerTuple
}

function forget(kelips: Kelips, tuple: PeerTuple): void {
  const name = tupleName(tuple)
  if (kelips.ownTuples.get(name) === tuple) kelips.ownTuples.delete(name)
}

/** To members of one group: this peer itself where it is one, and others. */
function offer(
  kelips: Kelips,
  placed: readonly Placed[],
  done: (at: number, outcome: Outcome, fx: Fx) => void,
  fx: Fx
): void {
  const key = placed[0]!.tuple.prefix
  const outcomes: (StoreOutcome | 'unreachable')[] = placed.map(() => 'unreachable')
  const copies = placed.map(() => 0)
  const note = (at: number, outcome: StoreOutcome): void => {
    if (outcome === 'kept' || outcome === 'older') copies[at] = copies[at]! + 1
    if (outcomes[at] !== 'kept') outcomes[at] = outcome
  }
  if (kelips.covers(key)) {
    for (const [at, { tuple }] of placed.entries()) note(at, keepTuple(kelips, tuple))
    tellNearest(
      kelips,
      placed.map(({ tuple }) => tuple),
      fx
    )
    armNews(kelips, fx)
  }
  const end = (later: Fx): void => {
    for (const [at, { at: place }] of placed.entries()) {
      const outcome = outcomes[at]!
      // Nobody has it, so the next record under its key is to say it again, and the group does not lack it.
      if (copies[at] === 0 && isFull(outcome)) forget(kelips, placed[at]!.tuple)
      // Somebody has it, and one is few where two should.
      const isFew = outcome === 'kept' && copies[at]! < OFFER_HOLDERS && kelips.view.size > 0
      done(place, { outcome: isFew ? 'few-copies' : outcome, copies: copies[at]! }, later)
    }
  }
  membersFor(
    kelips,
    key,
    (peers, later) => {
      let left = peers.length
      if (left === 0) end(later)
      for (const peer of peers)
        sendOffer(
          kelips,
          peer,
          placed.map(({ tuple }) => tuple),
          (answered, after) => {
            for (const [at, outcome] of (answered?.outcomes ?? []).entries())
              if (at < placed.length) note(at, outcome)
            left -= 1
            if (left === 0) end(after)
          },
          later
        )
    },
    fx
  )
}

/** Some members of a key's group; where no contact is known they are looked for. */
export function membersFor(
  kelips: Kelips,
  key: Key,
  then: (peers: readonly Peer[], fx: Fx) => void,
  fx: Fx
): void {
  if (kelips.covers(key)) {
    const { view } = kelips
    const first = view.size === 0 ? 0 : fx.random() % view.size
    const count = Math.min(view.size, OFFER_MEMBERS)
    then(
      Array.from({ length: count }, (_, step) => view.peerAt((first + step) % view.size)),
      fx
    )
    return
  }
  const contacts = contactsFor(kelips, key).slice(0, OFFER_HOLDERS)
  if (contacts.length > 0) {
    then(contacts, fx)
    return
  }
  lookForMembers(kelips, key, then, fx)
}

/** The members that are nearest to a key, or to one that begins like it. */
export function lookForMembers(
  kelips: Kelips,
  key: Key,
  then: (peers: readonly Peer[], fx: Fx) => void,
  fx: Fx
): void {
  const whole = new Uint8Array(2 * PREFIX_BYTES)
  whole.set(key.subarray(0, PREFIX_BYTES))
  find(
    kelips,
    whole,
    'peer',
    0,
    (result, later) => {
      const found = 'failed' in result ? [] : result.nearest.slice(0, OFFER_HOLDERS)
      const peers = found.map(contact => kelips.intern(contact))
      then(peers.filter(peer => peer !== undefined && peer !== SELF) as Peer[], later)
    },
    fx
  )
}

/** With no tuples it says that this peer lives. `done`: nothing where there is no answer. */
export function sendOffer(
  kelips: Kelips,
  peer: Peer,
  tuples: readonly PeerTuple[],
  done: (answer: Offered | undefined, fx: Fx) => void,
  fx: Fx
): void {
  const life = kelips.ownLife
  if (life === undefined) {
    done(undefined, fx)
    return
  }
  const message: Offer = { type: 'offer', id: kelips.calls.nextId(), life, tuples }
  kelips.calls.request(
    peer,
    message,
    PRIORITY_STATE,
    (outcome, later) => {
      if (!('answer' in outcome) || outcome.answer.type !== 'offered') {
        onFailed(kelips, peer, outcome, later)
        done(undefined, later)
        return
      }
      const group = groupOf(kelips.peers.key(peer), kelips.level)
      const saidMs = Math.max(REFRESH_MS_LEAST, outcome.answer.refreshS * 1000)
      const mostMs = Math.min(REFRESH_MS_MAX, REFRESH_FACTOR_MAX * refreshMsOf(kelips))
      kelips.refreshes.set(group, kelips.nowMs + Math.min(mostMs, saidMs))
      done(outcome.answer, later)
    },
    fx,
    PLACE_PATIENCE_MS / 2
  )
}

/** Between two signs of life of a provider, as the own group wants them. */
const refreshMsOf = (kelips: Kelips): number => kelips.originTimeoutMs() / REFRESHES_PER_TIMEOUT

/** A provider's word. */
export function onOffer(kelips: Kelips, from: Peer, { id, life, tuples }: Offer, fx: Fx): void {
  const refuse = tuples.map((): StoreOutcome => (kelips.mode === 'member' ? 'refused' : 'not-root'))
  const say = (outcomes: readonly StoreOutcome[], later: Fx): void => {
    const refreshS = Math.ceil(refreshMsOf(kelips) / 1000)
    const link = kelips.calls.linkOf(from)
    if (link === undefined) return
    const known = kelips.origins.tuplesOf(from)
    later.send(link, { type: 'offered', id, outcomes, known, refreshS }, PRIORITY_STATE)
  }
  if (kelips.mode !== 'member' || kelips.intern(life.contact) !== from) {
    say(refuse, fx)
    return
  }
  // Only its own: others' come by gossip.
  const isOwn = tuples.every(({ provider }) => kelips.intern(provider) === from)
  takeIn(kelips, { lives: [life], tuples: isOwn ? tuples : [] }, fx, ({ outcomes }, later) => {
    say(isOwn ? outcomes : refuse, later)
    // A member tells them itself.
    if (isOwn && !kelips.isMember(kelips.peers.key(from)))
      tellNearest(
        kelips,
        tuples.filter((_, at) => outcomes[at] === 'kept'),
        later
      )
  })
}
