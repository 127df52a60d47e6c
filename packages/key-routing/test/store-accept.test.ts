/** Taking records in, one keeper alone: whom it believes, what it refuses, and how much may wait. */
import { SELF } from '@servent/overlay/machine'
import { describe, expect, it } from 'vitest'
import {
  HEIRS_MAX,
  RECORD_BODY_BYTES_MAX,
  SELECTIONS_MAX,
  SEQUENCE_AHEAD_MS_MAX,
  STORED_LIFETIME_MS_MAX,
  STORES_WAITING_MAX,
  STORES_WAITING_PER_PEER_MAX
} from '../src/machine.ts'
import { Home } from './home.ts'
import { keyAt } from './solo.ts'

describe('a record', () => {
  it('by a link of its own publisher is believed without a question; by another its signature is asked for', () => {
    const home = new Home()
    const link = home.link(1)
    expect(home.store(link, [home.record(1)])).toEqual(['kept'])
    expect(home.questions()).toEqual([])
    expect(home.store(link, [home.record(2), home.record(1), home.record(3)])).toBeUndefined()
    // One question for all of them, without the one that is there.
    const { question } = home.questions()[0]!
    expect(question).toMatchObject({ type: 'verify', records: [home.record(2), home.record(3)] })
    expect(home.verified([true, false])).toEqual(['kept', 'kept', 'refused'])
  })

  it('cannot be verified now: try again', () => {
    const home = new Home()
    home.store(home.link(1), [home.record(2)])
    home.give({ type: 'answer', id: home.questions()[0]!.id, error: 'the work failed' })
    expect(home.stored()).toEqual(['busy'])
  })

  it('expires within seven days, give or take a clock', () => {
    const home = new Home()
    const link = home.link(1)
    const at = (ms: number, subject: number) =>
      home.store(link, [home.record(1, { expiresMs: home.effects.wall + ms, subject: keyAt(subject) })])
    expect(at(0, 1)).toEqual(['refused'])
    expect(at(1, 2)).toEqual(['kept'])
    expect(at(STORED_LIFETIME_MS_MAX + SEQUENCE_AHEAD_MS_MAX, 3)).toEqual(['kept'])
    expect(at(STORED_LIFETIME_MS_MAX + SEQUENCE_AHEAD_MS_MAX + 1, 4)).toEqual(['refused'])
  })

  it(`has a body of at most ${RECORD_BODY_BYTES_MAX} bytes, also where no wire has seen it`, () => {
    const home = new Home()
    const link = home.link(1)
    const of = (length: number) => [home.record(1, { body: new Uint8Array(length) })]
    expect(home.store(link, of(RECORD_BODY_BYTES_MAX))).toEqual(['kept'])
    expect(home.store(link, of(RECORD_BODY_BYTES_MAX + 1))).toEqual(['refused'])
  })

  it('whose body says something else is refused, whoever brings it', () => {
    const home = new Home({ inspect: record => record.body[0] === 1 })
    const link = home.link(1)
    expect(home.store(link, [home.record(1)])).toEqual(['refused'])
    expect(home.store(link, [home.record(1, { body: Uint8Array.of(1) })])).toEqual(['kept'])
  })

  it('for a root is refused by one that is none; a hand-over is taken from the root before it', () => {
    const home = new Home()
    const link = home.link(1)
    home.routing.root = (_, silent) => (silent(home.peer(1)) ? { from: keyAt(0), to: keyAt(9) } : undefined)
    expect(home.store(link, [home.record(1)])).toEqual(['not-root'])
    expect(home.store(link, [home.record(1)], 'hand-over')).toEqual(['kept'])
    home.routing.hops = [{ peer: home.peer(3), root: true }]
    expect(home.store(home.link(2), [home.record(2)], 'hand-over')).toEqual(['not-root'])
  })

  it('is taken from its root that leaves, by one that still takes that one for the root', () => {
    const home = new Home()
    home.routing.root = () => undefined
    home.routing.hops = [{ peer: home.peer(1), root: true }]
    expect(home.store(home.link(1), [home.record(1)], 'hand-over')).toEqual(['kept'])
    expect(home.keeper.snapshot().rootRecords).toBe(1)
  })

  it('is taken from a holder that leaves after the root did, by one that would be next and knows of neither', () => {
    for (const [hops, outcome] of [
      [[5, 6], 'kept'],
      [[2, 1], 'kept'],
      [[2, 0], 'kept'],
      [[2, 3], 'not-root'],
      [[2, 3, 4, 5, 6, 7, 8, 1], 'kept'],
      [[2, 3, 4, 5, 6, 7, 8, 9, 1], 'not-root']
    ] as const) {
      const home = new Home()
      home.routing.root = () => undefined
      const link = home.link(1)
      home.routing.hops = hops.map(hop => ({
        peer: hop === 0 ? SELF : home.peer(hop),
        root: hops[0] !== 5
      }))
      expect(home.store(link, [home.record(1)], 'hand-over')).toEqual([outcome])
    }
    expect(HEIRS_MAX).toBe(8)
  })

  it('for a replica is taken from whoever may be the root, and not where another one is known to be', () => {
    const home = new Home()
    home.routing.root = () => undefined
    const link = home.link(1)
    home.routing.hops = [{ peer: home.peer(2), root: true }]
    expect(home.store(link, [home.record(1)], 'replica')).toEqual(['not-root'])
    home.routing.hops = [{ peer: home.peer(2), root: false }]
    expect(home.store(link, [home.record(1)], 'replica')).toEqual(['kept'])
    home.routing.hops = [{ peer: home.peer(1), root: true }]
    expect(home.store(link, [home.record(1, { sequence: 2 })], 'replica')).toEqual(['kept'])
  })
})

describe('a value', () => {
  const value = (home: Home, publisher: number, sequence: number) =>
    home.record(publisher, { kind: 'value', subject: new Uint8Array(0), sequence })

  it('is verified although its link is its own, and held against the one that is there', () => {
    const home = new Home()
    const link = home.link(1)
    expect(home.store(link, [value(home, 1, 1)])).toBeUndefined()
    expect(home.verified([true])).toEqual(['kept'])
    home.store(link, [value(home, 1, 2)])
    expect(home.verified([true])).toBeUndefined()
    const { id, question } = home.questions().at(-1)!
    expect(question).toMatchObject({ type: 'select', records: [value(home, 1, 1), value(home, 1, 2)] })
    home.give({ type: 'answer', id, answer: { type: 'selected', index: 1 } })
    expect(home.stored()).toEqual(['kept'])
    home.store(link, [value(home, 1, 3)])
    home.verified([true])
    home.give({ type: 'answer', id: home.questions().at(-1)!.id, answer: { type: 'selected', index: 0 } })
    expect(home.stored()).toEqual(['older'])
  })

  it(`is held against what changed meanwhile, ${SELECTIONS_MAX} times more and no longer`, () => {
    const home = new Home()
    const links = Array.from({ length: SELECTIONS_MAX + 3 }, (_, index) => home.link(index + 1))
    home.store(links[0]!, [value(home, 1, 1)])
    home.verified([true])
    home.store(links[1]!, [value(home, 2, 2)])
    home.verified([true])
    let waiting = home.questions().at(-1)!.id
    for (let turn = 0; turn <= SELECTIONS_MAX; turn += 1) {
      // Another one is quicker.
      home.store(links[turn + 2]!, [value(home, turn + 3, turn + 3)])
      home.verified([true])
      home.give({ type: 'answer', id: home.questions().at(-1)!.id, answer: { type: 'selected', index: 1 } })
      expect(home.stored()).toEqual(['kept'])
      home.effects.take()
      home.give({ type: 'answer', id: waiting, answer: { type: 'selected', index: 1 } })
      if (turn < SELECTIONS_MAX) waiting = home.questions().at(-1)!.id
    }
    expect(home.stored()).toEqual(['busy'])
    expect([...home.keeper.records()].map(({ sequence }) => sequence)).toEqual([SELECTIONS_MAX + 3])
  })
})

describe('what waits', () => {
  it(`is ${STORES_WAITING_PER_PEER_MAX} requests of one peer, and one past it is told to come again`, () => {
    const home = new Home()
    const link = home.link(1)
    for (let count = 0; count < STORES_WAITING_PER_PEER_MAX; count += 1)
      expect(home.store(link, [home.record(2, { subject: keyAt(count) })])).toBeUndefined()
    expect(home.store(link, [home.record(2)])).toEqual(['busy'])
    expect(home.store(home.link(3), [home.record(3)])).toEqual(['kept'])
  })

  it(`is ${STORES_WAITING_MAX} requests of all peers`, () => {
    const home = new Home()
    const peers = STORES_WAITING_MAX / STORES_WAITING_PER_PEER_MAX
    for (let peer = 1; peer <= peers; peer += 1) {
      const link = home.link(peer)
      for (let count = 0; count < STORES_WAITING_PER_PEER_MAX; count += 1)
        home.store(link, [home.record(99, { subject: keyAt(count) })])
    }
    expect(home.keeper.snapshot().sizes.stores).toEqual([STORES_WAITING_MAX, STORES_WAITING_MAX])
    const link = home.link(peers + 1)
    expect(home.store(link, [home.record(99)])).toEqual(['busy'])
  })

  it('is answered to nobody when who asked is gone', () => {
    const home = new Home()
    const link = home.link(1)
    home.store(link, [home.record(2)])
    const { id } = home.questions()[0]!
    home.down(link)
    home.effects.take()
    home.give({ type: 'answer', id, answer: { type: 'verified', good: [true] } })
    expect(home.said()).toEqual([])
    expect(home.keeper.snapshot().records).toBe(1)
  })
})
