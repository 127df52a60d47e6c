/**
 * Lookups and listings by themselves, each answer given by hand: whom a lookup holds, whom it asks for the next page, and
 * what is kept of a listing that broke off.
 */
import type { CallDone, CallFailure, RecordKind } from '@servent/key-routing/machine'
import { type Contact, type Key, keyOfPeer, type Peer } from '@servent/overlay/machine'
import { testContact } from '@servent/overlay/testing'
import { describe, expect, it } from 'vitest'
import {
  DENIALS,
  FIND_TRIES_MAX,
  FOUND_TUPLES_MAX,
  PREFIX_BYTES,
  RENDEZVOUS_MEMBERS,
  WALK_TTL,
  WALKS_OF_VIAS
} from '../src/constants.ts'
import { Fetch } from '../src/fetch.ts'
import { type FindFailed, type FindFound, find } from '../src/find.ts'
import { groupOf } from '../src/group.ts'
import type { Find, KelipsMessage, Providers, Want } from '../src/messages.ts'
import { nearestOthers } from '../src/nearest.ts'
import { CORRECT_KELIPS, type KelipsRules, type Retries } from '../src/rules.ts'
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

  constructor(settings: Partial<KelipsSettings>, rules: Partial<KelipsRules> = {}) {
    this.#lone = lone(settings, rules)
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

  /** The same with tuples of these providers, of the kind and under the key that are asked for. */
  tell(providers: readonly number[], total: number, own: Partial<Providers> = {}): number {
    const { key, want } = this.asked[this.#answered]!.message as Find
    const fit = { kind: want as RecordKind, prefix: key.slice(0, PREFIX_BYTES) }
    return this.answer({ total, tuples: providers.map(provider => tupleOf(provider, 1, fit)), ...own })
  }

  /** Whom the oldest request that was not answered went to, and how far it may be passed on; nothing: there is none. */
  get next(): { readonly number: number; readonly ttl: number } | undefined {
    const next = this.asked.slice(this.#answered).find(({ message }) => message.type === 'find')
    return next && { number: next.number, ttl: (next.message as Find).ttl }
  }

  fail(failed: CallFailure = 'unreachable'): number {
    const { number, done } = this.#next()
    done({ failed }, this.#lone.fx)
    return number
  }

  /** What was asked before the next lookup waits for ever. */
  toFind(): this {
    while (this.asked[this.#answered]?.message.type !== 'find') this.#next()
    return this
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
function seeker(
  settings: Partial<KelipsSettings> = {},
  rules: Partial<KelipsRules> = {}
): { seeker: Seeker; key: Key } {
  const made = new Seeker({ groups: 2, proximity: 'off', ...settings }, rules)
  const key = Uint8Array.from(made.kelips.key)
  key[0]! ^= 0x80
  return { seeker: made, key }
}

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
    expect(alice.tell([30], FOUND_TUPLES_MAX + 1)).toBe(member)
    expect(results).toMatchObject([{ total: FOUND_TUPLES_MAX + 1, tuples: [{ provider: testContact(30) }] }])
  })
})

describe('an answer without what was asked for', () => {
  const lies: readonly [string, (prefix: Uint8Array) => Partial<Providers>][] = [
    ['is none that says that there are some, and names none', () => ({ total: 3 })],
    ['is none with tuples of another key', () => ({ total: 1, tuples: [tupleOf(40, 1)] })],
    [
      'is none with tuples of another kind',
      prefix => ({ total: 1, tuples: [tupleOf(40, 1, { kind: 'word', prefix })] })
    ]
  ]

  it.each(lies)('%s: others are asked', (_, lie) => {
    for (const covers of [true, false]) {
      const { seeker: alice, key } = seeker()
      const [liar, honest] = alice.numbers('other', 2)
      for (const number of [liar!, honest!]) alice.contact(number)
      const results = alice.find(key, 'provider')
      expect(alice.answer({ ...lie(key.slice(0, PREFIX_BYTES)), covers })).toBe(liar)
      expect(results).toEqual([])
      // Where it is of the group it is asked to have the others of it asked, as whoever denies it.
      expect(alice.next).toEqual(covers ? { number: liar, ttl: WALK_TTL } : { number: honest, ttl: 0 })
      if (covers) alice.fail()
      expect(alice.tell([30], 1)).toBe(honest)
      expect(results).toMatchObject([{ total: 1, tuples: [{ provider: testContact(30) }] }])
    }
  })

  it('among others is one of those alone that were asked for', () => {
    const { seeker: alice, key } = seeker()
    alice.contact(alice.numbers('other', 1)[0]!)
    const results = alice.find(key, 'provider')
    const fit = { prefix: key.slice(0, PREFIX_BYTES) }
    const tuples = [tupleOf(40, 1), tupleOf(41, 1, { ...fit, withdrawn: true }), tupleOf(30, 1, fit)]
    alice.answer({ total: 3, tuples })
    expect(results).toMatchObject([{ total: 3, tuples: [{ provider: testContact(30) }] }])
    expect((results[0] as FindFound).tuples).toHaveLength(1)
  })

  it('is believed to have none where nobody says otherwise', () => {
    const { seeker: alice, key } = seeker()
    alice.contact(alice.numbers('other', 1)[0]!)
    const results = alice.find(key, 'provider')
    while (results.length === 0) alice.answer({ total: 9 })
    expect(results).toMatchObject([{ total: 0, tuples: [] }])
  })

  it('is the end of a list of which it is a later page', () => {
    const { seeker: alice, key } = seeker()
    const [contact] = alice.numbers('other', 1)
    alice.contact(contact!)
    const results = alice.find(key, 'provider', FOUND_TUPLES_MAX, alice.peer(contact!))
    alice.answer({ total: FOUND_TUPLES_MAX + 1, tuples: [tupleOf(40, 1)] })
    expect(results).toMatchObject([{ total: FOUND_TUPLES_MAX + 1, tuples: [] }])
  })
})

/** With one of the ways off, what is left of them. */
const without = (way: keyof Retries): Partial<KelipsRules> => ({
  retries: { ...CORRECT_KELIPS.retries, [way]: false }
})

describe('section 2.2, a lookup tries again', () => {
  const FOUND = { total: 1, tuples: [{ provider: testContact(30) }] }

  describe.each([
    ['by another contact', {}, FOUND],
    ['and by no other contact where that is off', without('contact'), { failed: 'no-route' }]
  ])('%s', (_, rules, result) => {
    it('of the group, where the first one is silent', () => {
      const { seeker: alice, key } = seeker({}, rules)
      const contacts = alice.numbers('other', 2)
      for (const number of contacts) alice.contact(number)
      const results = alice.find(key, 'provider')
      // Before any member of its own group.
      const [member] = alice.numbers('own', 1)
      alice.member(member!)
      expect(alice.fail()).toBe(contacts[0])
      expect(alice.next?.number).toBe('total' in result ? contacts[1] : member)
      if ('total' in result) alice.tell([30], 1)
      else alice.failAll()
      expect(results).toMatchObject([result])
    })

    it('of another group, where none of the key’s is known, and by those whom it names', () => {
      const { seeker: alice, key } = seeker({ groups: 4 }, rules)
      const own = groupOf(alice.kelips.key, 2)
      const groupOfPeer = (number: number) => groupOf(keyOfPeer(testContact(number).id), 2)
      const all = Array.from({ length: 200 }, (_one, at) => 1 + at)
      const elsewhere = all.find(number => ![own, groupOf(key, 2)].includes(groupOfPeer(number)))!
      const named = all.find(number => groupOfPeer(number) === groupOf(key, 2))!
      alice.contact(elsewhere)
      const results = alice.find(key, 'provider')
      if (alice.next !== undefined) {
        alice.peer(named)
        expect(alice.answer({ covers: false, nearest: [testContact(named)] })).toBe(elsewhere)
        expect(alice.tell([30], 1)).toBe(named)
      }
      expect(results).toMatchObject([result])
    })
  })

  it.each([
    ['by a walk inside the group, which a contact begins that has nothing itself', {}, FOUND],
    ['and by no walk where that is off', without('walk'), { total: 0, tuples: [] }]
  ])('%s', (_, rules, result) => {
    const { seeker: alice, key } = seeker({}, rules)
    const [contact] = alice.numbers('other', 1)
    alice.contact(contact!)
    const results = alice.find(key, 'provider')
    expect(alice.next).toEqual({ number: contact, ttl: 0 })
    alice.answer({ total: 0 })
    expect(alice.next).toEqual(
      'total' in result && result.total > 0 ? { number: contact, ttl: WALK_TTL } : undefined
    )
    if (alice.next !== undefined) {
      alice.tell([30], 1, { hops: 2 })
      expect(results).toMatchObject([{ hops: 3 }])
    }
    expect(results).toMatchObject([result])
  })

  it('by no more walks than deny it', () => {
    const { seeker: alice, key } = seeker()
    for (const number of alice.numbers('other', 2)) alice.contact(number)
    const results = alice.find(key, 'provider')
    let answers = 0
    while (results.length === 0) {
      alice.answer({ total: 0, hops: alice.next!.ttl })
      answers += 1
    }
    expect(answers).toBe(DENIALS + 1)
    expect(results).toMatchObject([{ total: 0 }])
  })

  describe('and is not denied', () => {
    it('by a walk that came to nobody else', () => {
      const { seeker: alice, key } = seeker()
      const contacts = alice.numbers('other', 2)
      for (const number of contacts) alice.contact(number)
      const results = alice.find(key, 'provider')
      for (const number of contacts) {
        expect(alice.next).toEqual({ number, ttl: 0 })
        alice.answer({ total: 0 })
        expect(alice.next).toEqual({ number, ttl: WALK_TTL })
        alice.answer({ total: 0, timeouts: 1 })
      }
      // Two have it not, which is one less than it takes; and nobody else is there.
      expect(results).toMatchObject([{ total: 0, timeouts: 2 }])
    })

    it('by members of the own group before DENIALS others have, however many are silent', () => {
      const { seeker: alice } = seeker()
      const members = alice.numbers('own', 12)
      for (const number of members) alice.member(number)
      const results = alice.find(alice.kelips.key, 'provider')
      alice.answer({ total: 0 })
      alice.answer({ total: 0, timeouts: 1 })
      const silent = new Set<number>()
      for (let at = 0; at < 7; at += 1) silent.add(alice.toFind().fail())
      expect(silent.size).toBe(7)
      expect(results).toEqual([])
      alice.toFind().tell([30], 1)
      expect(results).toMatchObject([FOUND])
    })

    it('before both of the nearest were asked, who were told first', () => {
      const { seeker: alice } = seeker()
      for (const number of alice.numbers('own', 12)) alice.member(number)
      const key = alice.kelips.key
      const nearest = nearestOthers(alice.kelips, key, RENDEZVOUS_MEMBERS)
      const results = alice.find(key, 'provider')
      expect(alice.peer(alice.fail())).toBe(nearest[0])
      expect(alice.peer(alice.toFind().tell([30], 1))).toBe(nearest[1])
      expect(results).toMatchObject([FOUND])
    })

    it('by one of two who says it again: then nobody else is asked, for nobody else has it', () => {
      const { seeker: alice } = seeker()
      const [member] = alice.numbers('own', 1)
      alice.member(member!)
      for (const number of alice.numbers('other', 3)) alice.contact(number)
      const results = alice.find(alice.kelips.key, 'provider')
      expect([alice.answer({ total: 0 }), alice.answer({ total: 0 })]).toEqual([member, member])
      expect(results).toMatchObject([{ total: 0 }])
      expect(alice.next).toBeUndefined()
    })

    it('and is by DENIALS of them', () => {
      const { seeker: alice } = seeker()
      for (const number of alice.numbers('own', 12)) alice.member(number)
      const results = alice.find(alice.kelips.key, 'provider')
      let answers = 0
      for (; results.length === 0; answers += 1) alice.answer({ total: 0, hops: alice.next!.ttl })
      expect(answers).toBe(DENIALS)
    })
  })

  describe.each([
    ['by members of its own group', {}, FOUND],
    ['and by no member where that is off', without('member'), { failed: 'no-route' }]
  ])('%s', (_, rules, result) => {
    it('who pass it on to contacts of theirs', () => {
      const { seeker: alice, key } = seeker({}, rules)
      const [contact] = alice.numbers('other', 1)
      const [member] = alice.numbers('own', 1)
      alice.contact(contact!)
      alice.member(member!)
      const results = alice.find(key, 'provider')
      expect(alice.fail()).toBe(contact)
      expect(alice.next).toEqual('total' in result ? { number: member, ttl: WALK_TTL } : undefined)
      if (alice.next !== undefined) alice.tell([30], 1, { hops: 1 })
      expect(results).toMatchObject([result])
    })

    it('or name these, which are asked', () => {
      const { seeker: alice, key } = seeker({}, rules)
      const members = alice.numbers('own', WALKS_OF_VIAS)
      const [named] = alice.numbers('other', 1)
      for (const number of members) alice.member(number)
      const results = alice.find(key, 'provider')
      if (alice.next !== undefined) {
        // One of four passes it on.
        alice.answer({ covers: false })
        expect(alice.next).toMatchObject({ ttl: 0 })
        alice.peer(named!)
        alice.answer({ covers: false, nearest: [testContact(named!)] })
        expect(alice.tell([30], 1)).toBe(named)
      }
      expect(results).toMatchObject([result])
    })
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
    alice.tell([30], FOUND_TUPLES_MAX + 1)
    alice.tell([30], FOUND_TUPLES_MAX + 1)
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
