/** What supernodes say of their load and do not have, at the limits of what can be said. */
import type { Link } from '@servent/overlay/machine'
import { testContact } from '@servent/overlay/testing'
import { describe, expect, it } from 'vitest'
import {
  AVERAGE_LOW_PART,
  AVERAGE_ROOM_PART,
  BALANCE_MS,
  DEMOTE_MS,
  EMPTIER_WAIT_MS,
  FULLER_WAIT_PART,
  HAND_OVER_PLACES_MS,
  HANDED_PEERS_MAX,
  LOAD_MAX,
  PEERING_KNOWN_MS,
  PROMOTION_DELAY_MS,
  SETTLED_MS
} from '../src/constants.ts'
import { averageLoad, countHanded, loadOf, placesAt, upperMedian } from '../src/load-rules.ts'
import { Neighbour } from '../src/neighbours.ts'
import { FastTrackState } from '../src/state.ts'
import type { FastTrackSettings } from '../src/types.ts'
import { hello, TestPeer } from './peer.ts'

const TARGET = 20
const LONG_MS = SETTLED_MS + 5 * DEMOTE_MS
const comers = (count: number, users: number, isReachable = true) =>
  Array.from({ length: count }, () => ({ users, isReachable }))
const FIRST_COMER = 500

interface Comer {
  readonly users: number
  readonly isReachable: boolean
}

/** One supernode with so many users, and others that are linked and say this of themselves. */
class Told {
  readonly peer: TestPeer
  /** Users handed over, by the place of the comer that was named first. */
  readonly firsts = new Map<number, number>()
  readonly #users: readonly Link[]
  readonly #others: (Comer & { readonly link: Link })[]

  constructor(users: number, others: readonly Comer[], settings: Partial<FastTrackSettings> = {}) {
    const peer = new TestPeer({ ordinariesPerSupernode: TARGET, ...settings })
    this.peer = peer
    peer.pass(20_000)
    expect(peer.machine.snapshot().role).toBe('supernode')
    this.#users = Array.from({ length: users }, (_, place) => peer.bond(place + 1, 'session'))
    this.#others = others.map((comer, place) => ({ ...comer, link: peer.link(FIRST_COMER + place) }))
    for (const { link } of this.#others) {
      peer.from(link, hello('peering'))
      // Dials back have a rate, too.
      peer.pass(5_000)
    }
  }

  /** One of the others says this from now on. */
  say(place: number, users: number): void {
    this.#others[place] = { ...this.#others[place]!, users }
  }

  /** One of the others ends its link and comes back at once. */
  relink(place: number): void {
    const { link: former, ...comer } = this.#others[place]!
    this.peer.down(former)
    const link = this.peer.link(FIRST_COMER + place)
    this.#others[place] = { ...comer, link }
    this.peer.from(link, hello('peering'))
    this.#answer()
  }

  pass(ms: number): this {
    for (let passed = 0; passed < ms && !this.stepsDown; passed += 5_000) {
      for (const link of this.#users) this.peer.from(link, { type: 'ping' })
      for (const { link, users } of this.#others)
        this.peer.from(link, { type: 'pong', users, usersMax: 60_000 })
      this.#answer()
      this.peer.pass(5_000)
    }
    expect(this.#others.every((_, place) => this.peer.bondOf(FIRST_COMER + place) === 'peering')).toBe(true)
    return this
  }

  get stepsDown(): boolean {
    return this.peer.machine.snapshot().steppingDown
  }

  get promotionsAsked(): number {
    return this.peer.counter('promotionsAsked')
  }

  #answer(): void {
    const placeOf = (id: Uint8Array) =>
      this.#others.findIndex((_, place) => testContact(FIRST_COMER + place).id.toString() === id.toString())
    for (const { id, question } of this.peer.asked()) {
      if (question.type !== 'dial-back') continue
      const isReachable = this.#others[placeOf(question.contact.id)]?.isReachable ?? true
      this.peer.answer(id, { type: 'dialled', isReachable })
    }
    for (const link of this.#users) {
      for (const message of this.peer.sent(link)) {
        if (message.type !== 'hand-over') continue
        const place = placeOf(message.to[0]!.id)
        this.firsts.set(place, (this.firsts.get(place) ?? 0) + 1)
      }
    }
    this.peer.take()
  }
}

describe('a supernode, whatever others say of their load', () => {
  const stepsDown = (users: number, others: readonly Comer[]) =>
    new Told(users, others).pass(LONG_MS).stepsDown

  it('stays with enough users of its own, against ten that can be reached and claim room for all', () => {
    const users = AVERAGE_LOW_PART * TARGET
    // The last make it one of the emptiest, and their average low.
    for (const liars of [comers(10, 0), comers(10, 3), [...comers(9, users + 1), ...comers(1, 0)]])
      expect(stepsDown(users, liars)).toBe(false)
  })

  it('stays with few, against ten that nobody can reach', () => {
    expect(stepsDown(2, comers(10, 3, false))).toBe(false)
  })

  it('stays with few, against ten that can be reached, where as many honest ones are full', () => {
    expect(stepsDown(2, [...comers(10, TARGET), ...comers(10, 3)])).toBe(false)
  })

  it('steps down with few, though fewer than half of those that it has reached say LOAD_MAX', () => {
    expect(stepsDown(2, [...comers(9, 3), ...comers(1, LOAD_MAX)])).toBe(true)
    expect(stepsDown(2, [...comers(6, 3), ...comers(5, LOAD_MAX)])).toBe(true)
    expect(stepsDown(2, [...comers(5, 3), ...comers(5, LOAD_MAX)])).toBe(false)
  })

  it('steps down after EMPTIER_WAIT_MS though one says for ever that it is emptier', () => {
    const told = new Told(2, [...comers(1, 0), ...comers(1, 3)])
    expect(told.pass(SETTLED_MS + EMPTIER_WAIT_MS).stepsDown).toBe(false)
    expect(told.pass(DEMOTE_MS + PEERING_KNOWN_MS).stepsDown).toBe(true)
  })

  it('steps down where those that it has reached have few users, too, and not before PEERING_KNOWN_MS', () => {
    expect(stepsDown(2, comers(3, 3))).toBe(true)
    const { peer } = new Told(2, []).pass(SETTLED_MS)
    peer.take()
    const isSteppingDown = () => peer.machine.snapshot().steppingDown
    const late = peer.link(FIRST_COMER)
    peer.from(late, hello('peering'))
    peer.answerLast('dial-back', { type: 'dialled', isReachable: true })
    const pass = (ms: number) => {
      for (let passed = 0; passed < ms && !isSteppingDown(); passed += 5_000) {
        for (const user of [1, 2]) peer.from(user, { type: 'ping' })
        peer.from(late, { type: 'pong', users: 3, usersMax: 30 })
        peer.pass(5_000)
      }
    }
    pass(PEERING_KNOWN_MS + DEMOTE_MS - 5_000)
    expect(isSteppingDown()).toBe(false)
    pass(2 * BALANCE_MS)
    expect(isSteppingDown()).toBe(true)
  })

  it('has nobody promoted because one among ten says LOAD_MAX, reached or not', () => {
    for (const isReachable of [false, true]) {
      const told = new Told(TARGET, [...comers(9, TARGET), ...comers(1, LOAD_MAX, isReachable)])
      expect(told.pass(600_000).promotionsAsked).toBe(0)
    }
    // That they could be promoted, honest ones show.
    expect(new Told(TARGET, comers(10, 1.2 * TARGET)).pass(600_000).promotionsAsked).toBeGreaterThan(0)
  })

  it('that is crowded hands nobody to one that it has not reached, and has one promoted', () => {
    const told = new Told(1.3 * TARGET, [...comers(9, TARGET), ...comers(1, 0, false)]).pass(600_000)
    expect(told.firsts).toEqual(new Map())
    expect(told.promotionsAsked).toBeGreaterThan(0)
  })

  it('that is crowded hands as many to one that stays empty as an empty one takes, in HAND_OVER_PLACES_MS', () => {
    const most = AVERAGE_ROOM_PART * TARGET
    const told = new Told(1.3 * TARGET, [...comers(9, TARGET), ...comers(1, 0)]).pass(HAND_OVER_PLACES_MS)
    expect(told.firsts).toEqual(new Map([[9, most]]))
    // Those that stayed are a new one's.
    expect(told.promotionsAsked).toBeGreaterThan(0)
    told.pass(HAND_OVER_PLACES_MS)
    expect(told.firsts).toEqual(new Map([[9, 2 * most]]))
  })

  it('that is crowded hands no more to one that ends its link and comes back between two looks', () => {
    const most = AVERAGE_ROOM_PART * TARGET
    const told = new Told(1.3 * TARGET, [...comers(9, TARGET), ...comers(1, 0)])
    for (let passed = 0; passed < HAND_OVER_PLACES_MS; passed += BALANCE_MS) {
      told.pass(BALANCE_MS)
      told.relink(9)
    }
    expect(told.firsts).toEqual(new Map([[9, most]]))
  })

  it('that is crowded waits FULLER_WAIT_PART of its delay for one that says that it is fuller', () => {
    const waitMs = FULLER_WAIT_PART * PROMOTION_DELAY_MS
    const told = new Told(1.3 * TARGET, [...comers(2, 0.9 * TARGET), ...comers(1, LOAD_MAX)])
    // While the comers came there was nobody to wait for.
    const before = told.pass(30_000).promotionsAsked
    expect(told.pass(waitMs - 60_000).promotionsAsked).toBe(before)
    expect(told.pass(90_000).promotionsAsked).toBe(before + 1)
  })
})

describe('a supernode that waits for its turn to have one promoted', () => {
  it('and hands users over meanwhile, is not late for it, and loses nothing of its wait', () => {
    const promotionDelayMs = 3 * BALANCE_MS
    // The first look begins the wait.
    const looks = 1 + (FULLER_WAIT_PART * promotionDelayMs) / BALANCE_MS
    const others = [...comers(9, TARGET), ...comers(2, LOAD_MAX)]
    const told = new Told(1.5 * TARGET, others, { promotionDelayMs })
    const looksToPromotion = () => {
      const before = told.promotionsAsked
      for (let look = 1; look <= looks; look += 1)
        if (told.pass(BALANCE_MS).promotionsAsked > before) return look
      return undefined
    }
    // It has waited already while the others came.
    looksToPromotion()
    looksToPromotion()
    expect(looksToPromotion()).toBe(looks)

    const before = told.promotionsAsked
    told.pass(3 * BALANCE_MS)
    // At each look another one has one place.
    for (let place = 0; place < 9; place += 1) {
      told.say(place, AVERAGE_ROOM_PART * TARGET - 1)
      told.pass(BALANCE_MS)
      told.say(place, TARGET)
    }
    expect(told.promotionsAsked).toBe(before)
    expect(looksToPromotion()).toBe(looks - 3)
    expect([...told.firsts.values()]).toEqual(Array.from({ length: 9 }, () => 1))
  })
})

describe('a load', () => {
  const state = new FastTrackState({ ordinariesPerSupernode: TARGET })
  const peer = (users: number) =>
    Object.assign(new Neighbour({ link: 1, peer: 1, id: testContact(1).id, inbound: false, nowMs: 0 }), {
      users
    })

  it('is believed up to what a supernode takes', () => {
    expect(state.usersHard).toBe(40)
    expect([39, 40, 41, LOAD_MAX].map(users => loadOf(state, peer(users)))).toEqual([39, 40, 40, 40])
  })

  it('on average is the mean or the median, whichever is less', () => {
    expect([[20], [10, 30], [0, 20, 20], [20, 20, 40], [2, 4, 6, 40]].map(averageLoad)).toEqual([
      20,
      20,
      40 / 3,
      20,
      5
    ])
    expect([[1], [1, 2], [1, 3, 2]].map(upperMedian)).toEqual([1, 2, 2])
  })

  it('leaves places up to AVERAGE_ROOM_PART of the target, of which those handed to it are taken', () => {
    expect([0, 17, 18, 40].map(users => placesAt(state, peer(users)))).toEqual([18, 1, 0, 0])
    const one = peer(10)
    for (let handed = 0; handed < 8; handed += 1) {
      expect(placesAt(state, one)).toBe(8 - handed)
      countHanded(state, one)
    }
    expect(placesAt(state, one)).toBe(0)
    // They came: nobody is counted twice.
    one.users = 17
    expect(placesAt(state, one)).toBe(0)
    state.nowMs = HAND_OVER_PLACES_MS - 1
    one.users = 0
    expect(placesAt(state, one)).toBe(0)
    // A new link brings it no more.
    expect(placesAt(state, peer(0))).toBe(0)
    state.nowMs = HAND_OVER_PLACES_MS
    expect(placesAt(state, one)).toBe(18)
    state.nowMs = 0
  })

  it('is known of HANDED_PEERS_MAX to whom users were handed, of half of them for certain', () => {
    const told = new FastTrackState({ ordinariesPerSupernode: TARGET })
    const at = (number: number) =>
      new Neighbour({ link: 1, peer: 1, id: testContact(number).id, inbound: false, nowMs: 0 })
    for (let number = 1; number <= HANDED_PEERS_MAX; number += 1) countHanded(told, at(number))
    expect(told.sizes().handed).toBe(HANDED_PEERS_MAX)
    expect(placesAt(told, at(1))).toBe(17)
    countHanded(told, at(HANDED_PEERS_MAX + 1))
    expect(told.sizes().handed).toBe(HANDED_PEERS_MAX / 2 + 1)
    expect(placesAt(told, at(1))).toBe(18)
    expect(placesAt(told, at(HANDED_PEERS_MAX / 2 + 1))).toBe(17)
  })
})
