/** A word's list of several pages: each peer has an order of its own, so pages are of one peer's list. */
import type { Call, StoredRecord } from '@servent/key-routing/machine'
import type { Contact, Peer } from '@servent/overlay/machine'
import { testContact } from '@servent/overlay/testing'
import { describe, expect, it } from 'vitest'
import {
  FOUND_TUPLES_MAX,
  HEDGE_MS,
  LISTS_AGAIN_MAX,
  PREFIX_BYTES,
  PROVIDERS_ASKED_MAX,
  STEP_PATIENCE_MS
} from '../src/constants.ts'
import { Fetch } from '../src/fetch.ts'
import { enter } from '../src/intake.ts'
import type { Find, KelipsMessage, PeerTuple } from '../src/messages.ts'
import type { KelipsTypes } from '../src/types.ts'
import { lifeOf, lone, NOW_MS, tupleOf } from './support/lone.ts'

/** Of the group of which the searcher is none. */
const KEY = new Uint8Array(32)
const PREFIX = KEY.slice(0, PREFIX_BYTES)
const FIRST_PROVIDER = 1000
const TOTAL = 2 * FOUND_TUPLES_MAX

interface Asked {
  readonly peer: Peer
  readonly after: number
  /** The page that was asked for, of this list. */
  answer(list: readonly PeerTuple[]): void
  silent(): void
}

const recordOf = (publisher: Contact): StoredRecord => ({
  kind: 'word',
  key: KEY,
  publisher,
  sequence: 1,
  expiresMs: NOW_MS + 3_600_000,
  subject: new Uint8Array(32),
  body: new Uint8Array(1)
})

/** A search for a word of two pages, by one of two groups, of whose requests the test says what comes. */
function searching(total = TOTAL, gives: (provider: Peer) => boolean = () => true) {
  const own = lone({ groups: 2 })
  const { kelips, fx } = own
  for (let number = 1; number <= 20; number += 1)
    enter(kelips, kelips.peers.intern(testContact(number)), lifeOf(number))
  const finds: Asked[] = []
  const providers = new Set<Peer>()
  const waits: { readonly call: Call<KelipsTypes>; readonly ms: number }[] = []
  kelips.calls.request = ((peer: Peer, message: KelipsMessage, _priority: number, done: Done) => {
    if (message.type === 'get') {
      providers.add(peer)
      const records = gives(peer) ? [recordOf(kelips.peers.contact(peer))] : []
      done({ answer: { type: 'page', id: message.id, records, total: records.length } }, fx)
      return
    }
    const { id, after } = message as Find
    finds.push({
      peer,
      after,
      answer: list => {
        const tuples = list.slice(after, after + FOUND_TUPLES_MAX)
        const rest = { covers: true, hops: 0, timeouts: 0, total, nearest: [] }
        done({ answer: { type: 'providers', id, tuples, ...rest } }, fx)
      },
      silent: () => done({ failed: 'silent' }, fx)
    })
  }) as never
  kelips.calls.wait = (call, dueMs) => {
    const ms = dueMs - kelips.nowMs
    if (ms <= STEP_PATIENCE_MS) waits.push({ call, ms })
  }
  kelips.calls.end = call => {
    const at = waits.findIndex(one => one.call === call)
    if (at >= 0) waits.splice(at, 1)
  }
  expect(kelips.isMember(KEY)).toBe(false)
  const ask = { command: 1, kind: 'word', keys: [KEY], limit: 4096 } as const
  new Fetch(kelips, ask, () => undefined).begin(fx)
  return {
    finds,
    providers,
    notices: own.notices,
    handleOf: (number: number) => kelips.peers.intern(testContact(number)),
    /** Whoever was asked takes so long. */
    grow: (byMs: number) => {
      for (const one of waits.filter(({ ms }) => ms <= byMs)) {
        waits.splice(waits.indexOf(one), 1)
        one.call.onFailed('silent', fx)
      }
    }
  }
}

type Done = (outcome: object, fx: object) => void

const listOf = (total: number) =>
  Array.from({ length: total }, (_, at) => tupleOf(FIRST_PROVIDER + at, 1, { kind: 'word', prefix: PREFIX }))
const list = listOf(TOTAL)
const otherOrder = list.toReversed()

it('whoever told of the first page is waited for with the second longer than others are, and not for ever', () => {
  const { finds, providers, grow } = searching()
  finds[0]!.answer(list)
  expect(finds[1]).toMatchObject({ peer: finds[0]!.peer, after: FOUND_TUPLES_MAX })
  grow(HEDGE_MS)
  expect(finds).toHaveLength(2)
  grow(STEP_PATIENCE_MS)
  expect(finds).toHaveLength(3)
  finds[1]!.answer(list)
  expect(providers.size).toBe(TOTAL)
})

it('of a word with more than PROVIDERS_ASKED_MAX providers another list is read, too, where the first is silent', () => {
  const total = PROVIDERS_ASKED_MAX + 1
  const long = listOf(total)
  const { finds, providers } = searching(total)
  finds[0]!.answer(long)
  finds[1]!.silent()
  for (let at = 2; at < finds.length; at += 1) finds[at]!.answer(long.toReversed())
  expect(providers.size).toBe(PROVIDERS_ASKED_MAX)
})

it('where it is silent another one is asked, from its first page on', () => {
  const { finds, providers } = searching()
  finds[0]!.answer(list)
  finds[1]!.silent()
  // Its second page is the first one of the other: nothing new.
  expect(finds[2]).toMatchObject({ after: FOUND_TUPLES_MAX })
  expect(finds[2]!.peer).not.toBe(finds[0]!.peer)
  finds[2]!.answer(otherOrder)
  expect(finds[3]).toMatchObject({ peer: finds[2]!.peer, after: 0 })
  finds[3]!.answer(otherOrder)
  expect(providers.size).toBe(TOTAL)
})

it('a list is begun anew LISTS_AGAIN_MAX times, where nobody ever tells of all of it', () => {
  const { finds, providers } = searching(TOTAL + 1)
  for (let at = 0; at < finds.length; at += 1) finds[at]!.answer(list)
  const firstPages = finds.filter(({ after }) => after === 0)
  expect(firstPages).toHaveLength(1 + LISTS_AGAIN_MAX)
  // Those that were told of are asked all the same.
  expect(providers.size).toBe(TOTAL)
})

const END = { type: 'records-end' }

describe('where no provider gives anything', () => {
  const madeUp = listOf(3)
  const [real] = [tupleOf(2000, 1, { kind: 'word', prefix: PREFIX })]

  it('another peer is asked who has it, and not who named them', () => {
    const search = searching(3, peer => peer === search.handleOf(2000))
    const { finds, providers, notices } = search
    finds[0]!.answer(madeUp)
    expect(providers.size).toBe(3)
    expect(finds[1]).toMatchObject({ after: 0 })
    expect(finds[1]!.peer).not.toBe(finds[0]!.peer)
    expect(notices).toEqual([])
    // Whom both name is not asked again.
    const asked = [...providers]
    providers.clear()
    finds[1]!.answer([real!, ...madeUp.slice(0, 2)])
    expect([...providers].filter(peer => asked.includes(peer))).toEqual([])
    expect(notices).toMatchObject([{ type: 'records', records: [{ publisher: testContact(2000) }] }, END])
  })

  it('a third peer is not asked', () => {
    const { finds, notices } = searching(3, () => false)
    finds[0]!.answer(madeUp)
    finds[1]!.answer(madeUp)
    expect([finds.length, notices]).toMatchObject([2, [END]])
  })

  it('and nobody else answers, there is nothing: that is no failure', () => {
    const { finds, notices } = searching(3, () => false)
    finds[0]!.answer(madeUp)
    for (let at = 1; at < finds.length; at += 1) finds[at]!.silent()
    expect(notices).toMatchObject([END])
    expect(notices[0]).not.toHaveProperty('failure')
  })

  it('half of PROVIDERS_ASKED_MAX is left for those whom another names, and all are no more', () => {
    const { finds, providers, handleOf } = searching(PROVIDERS_ASKED_MAX, () => false)
    const lists = [0, PROVIDERS_ASKED_MAX].map(from => listOf(2 * PROVIDERS_ASKED_MAX).slice(from))
    const [first] = finds
    for (let at = 0; at < finds.length; at += 1)
      finds[at]!.answer(lists[finds[at]!.peer === first!.peer ? 0 : 1]!)
    expect(providers.size).toBe(PROVIDERS_ASKED_MAX)
    const others = lists[1]!.map((_, at) => handleOf(FIRST_PROVIDER + PROVIDERS_ASKED_MAX + at))
    const ofOther = others.filter(peer => providers.has(peer))
    expect(ofOther.length).toBe(PROVIDERS_ASKED_MAX / 2)
  })
})
