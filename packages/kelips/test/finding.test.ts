/**
 * Lookups and listings by themselves, each answer given by hand: whom a lookup holds, whom it asks for the next page, and
 * what is kept of a listing that broke off.
 */
import type { CallDone, CallFailure } from '@servent/key-routing/machine'
import { type Contact, type Key, keyOfPeer, type Peer } from '@servent/overlay/machine'
import { testContact } from '@servent/overlay/testing'
import { describe, expect, it } from 'vitest'
import { FIND_TRIES_MAX, FOUND_TUPLES_MAX } from '../src/constants.ts'
import { Fetch } from '../src/fetch.ts'
import { type FindFailed, type FindFound, find } from '../src/find.ts'
import { groupOf } from '../src/group.ts'
import type { KelipsMessage, PeerTuple, Providers, Want } from '../src/messages.ts'
import type { KelipsSettings, KelipsTypes } from '../src/types.ts'
import { lifeOf, lone, tupleOf } from './support/lone.ts'

interface Asked {
  readonly number: number
  readonly message: KelipsMessage
  readonly done: CallDone<KelipsTypes>
}

/** A peer whose requests wait until the test says what came of them. Others are numbers. */
class Seeker {
  readonly #lone
  readonly asked: Asked[] = []
  #answered = 0

  constructor(settings: Partial<KelipsSettings>) {
    this.#lone = lone(settings)
    this.kelips.calls.request = (peer, message, _priority, done) => {
      const number = this.#numbers.get(peer) ?? -1
      this.asked.push({ number, message, done })
    }
  }

  readonly #numbers = new Map<Peer, number>()

  get kelips() {
    return this.#lone.kelips
  }

  peer(number: number): Peer {
    const peer = this.kelips.intern(testContact(number))!
    this.#numbers.set(peer, number)
    return peer
  }

  member(number: number): void {
    this.kelips.view.add(this.peer(number), lifeOf(number), 1000)
  }

  contact(number: number): void {
    this.kelips.contacts.add(this.peer(number), lifeOf(number), 1000)
  }

  /** The first `count` peers in this peer's group, or in the other one of two. */
  numbers(where: 'own' | 'other', count: number): number[] {
    const { key, level } = this.kelips
    const isOwn = (number: number) =>
      groupOf(keyOfPeer(testContact(number).id), level) === groupOf(key, level)
    const all = Array.from({ length: 200 }, (_, at) => 1 + at)
    return all.filter(number => isOwn(number) === (where === 'own')).slice(0, count)
  }

  find(key: Key, want: Want, after = 0, by?: Peer): (FindFound | FindFailed)[] {
    const results: (FindFound | FindFailed)[] = []
    find(this.kelips, key, want, after, result => results.push(result), this.#lone.fx, by)
    return results
  }

  /** Gives what it notified. */
  fetch(key: Key): unknown[] {
    const ask = { command: 1, kind: 'provider', keys: [key], limit: 10 } as const
    new Fetch(this.kelips, ask, () => undefined).begin(this.#lone.fx)
    return this.#lone.notices
  }

  /** The oldest request that was not answered. Gives whom it went to. */
  answer(own: Partial<Providers>): number {
    const { number, done, message } = this.#next()
    const none = { covers: true, hops: 0, timeouts: 0, total: 0, tuples: [], nearest: [] }
    const { id } = message as { id: number }
    done({ answer: { type: 'providers', id, ...none, ...own } }, this.#lone.fx)
    return number
  }

  fail(failed: CallFailure = 'unreachable'): number {
    const { number, done } = this.#next()
    done({ failed }, this.#lone.fx)
    return number
  }

  /** All that wait and all that come of them. Gives whom lookups went to. */
  failAll(): number[] {
    const numbers: number[] = []
    while (this.#answered < this.asked.length) {
      const { type } = this.asked[this.#answered]!.message
      const number = this.fail()
      if (type === 'find') numbers.push(number)
    }
    return numbers
  }

  holds(contact: Contact): boolean {
    const peer = this.kelips.peers.intern(contact)
    let isHeld = false
    this.kelips.heldPeers(held => {
      if (held === peer) isHeld = true
    })
    return isHeld
  }

  #next(): Asked {
    const next = this.asked[this.#answered]
    if (next === undefined) throw new Error('Nothing is asked.')
    this.#answered += 1
    return next
  }
}

/** In the other group of two. */
function seeker(settings: Partial<KelipsSettings> = {}): { seeker: Seeker; key: Key } {
  const made = new Seeker({ groups: 2, proximity: 'off', ...settings })
  const key = Uint8Array.from(made.kelips.key)
  key[0]! ^= 0x80
  return { seeker: made, key }
}

const page = (providers: readonly number[], total: number): Partial<Providers> => ({
  total,
  tuples: providers.map((provider): PeerTuple => tupleOf(provider, 1))
})

describe('a lookup', () => {
  it('holds whoever was named to it until it has ended: it asks them later, and tells of them then', () => {
    const { seeker: alice, key } = seeker({ routing: { lookupPaths: 2 } })
    const [first, second] = alice.numbers('other', 2)
    for (const number of [first!, second!]) alice.contact(number)
    const results = alice.find(key, 'peer')
    const named = testContact(150)
    const before = testContact(151)
    alice.answer({ nearest: [named, before] })
    expect([alice.holds(named), alice.holds(before)]).toEqual([true, true])
    alice.answer({ nearest: [] })
    // Of the two one is asked now whether it lives, and the other waits behind it.
    expect(alice.asked.at(-1)!.message.type).toBe('ping')
    expect([alice.holds(named), alice.holds(before)]).toEqual([true, true])
    alice.failAll()
    expect(results).toHaveLength(1)
    expect([alice.holds(named), alice.holds(before)]).toEqual([false, false])
  })

  it('for another page asks its teller first, and where that one is silent the others, each once', () => {
    const { seeker: alice } = seeker()
    const members = alice.numbers('own', 4)
    for (const number of members) alice.member(number)
    const [teller] = members
    const results = alice.find(alice.kelips.key, 'provider', FOUND_TUPLES_MAX, alice.peer(teller!))
    const asked = alice.failAll()
    expect(asked[0]).toBe(teller)
    // Of members that are silent it is asked besides whether they live.
    expect([...asked].sort((a, b) => a - b)).toEqual(members)
    expect(results).toMatchObject([{ failed: 'no-route' }])
    expect(members.length).toBeLessThan(FIND_TRIES_MAX)
  })

  it('after a split asks a member of its own half, too, who has the other half’s tuples still', () => {
    const { seeker: alice, key } = seeker()
    alice.kelips.answerLevel = 0
    const [member] = alice.numbers('own', 1)
    const [teller] = alice.numbers('other', 1)
    alice.member(member!)
    const results = alice.find(key, 'provider', FOUND_TUPLES_MAX, alice.peer(teller!))
    expect(alice.fail()).toBe(teller)
    expect(alice.answer(page([30], FOUND_TUPLES_MAX + 1))).toBe(member)
    expect(results).toMatchObject([{ total: FOUND_TUPLES_MAX + 1, tuples: [{ provider: testContact(30) }] }])
  })
})

describe('a listing', () => {
  it('that breaks off keeps the providers that it has, and they are asked', () => {
    const { seeker: alice, key } = seeker()
    const [contact] = alice.numbers('other', 1)
    alice.contact(contact!)
    alice.peer(30)
    const notices = alice.fetch(key)
    // Two pages that do not fit together: it begins again, and nobody answers any more.
    alice.answer(page([30], FOUND_TUPLES_MAX + 1))
    alice.answer(page([30], FOUND_TUPLES_MAX + 1))
    expect(alice.asked.at(-1)!.message).toMatchObject({ type: 'find', after: 0 })
    while (alice.asked.at(-1)!.message.type === 'find') alice.fail()
    expect(alice.asked.at(-1)).toMatchObject({ number: 30, message: { type: 'get' } })
    alice.fail()
    expect(notices.at(-1)).toMatchObject({ type: 'records-end' })
    expect(notices.at(-1)).not.toHaveProperty('failure')
  })

  it('that never had any says why', () => {
    const { seeker: alice, key } = seeker()
    const [contact] = alice.numbers('other', 1)
    alice.contact(contact!)
    const notices = alice.fetch(key)
    alice.failAll()
    expect(notices).toMatchObject([{ type: 'records-end', failure: 'no-route' }])
  })
})
