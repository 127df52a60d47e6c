/** Everything that others could make grow, at its bound and one past it. */
import { PERIOD_MS_MAX } from '@servent/key-routing/machine'
import { ADDRESS_BYTES_MAX, type Peer } from '@servent/overlay/machine'
import { testContact } from '@servent/overlay/testing'
import { describe, expect, it } from 'vitest'
import {
  CONTACTS_ALL_MAX,
  DEAD_MAX,
  ESTIMATE_APART_MAX,
  ESTIMATE_PARTS,
  FAREWELLS_MAX,
  FIND_TRIES_MAX,
  FINDS_MAX,
  FOUND_CONTACTS_MAX,
  FOUND_TUPLES_MAX,
  GOSSIP_BYTES_MAX,
  GOSSIP_PER_PEER_MAX,
  HEDGES_MAX,
  INSERTS_MAX,
  INTAKES_MAX,
  ORIGIN_TIMEOUT_MS_MAX,
  ORIGINS_MAX,
  OWN_RECORDS_MAX,
  PREFIX_BYTES,
  PROVIDERS_ASKED_MAX,
  PROVIDERS_AT_ONCE,
  PROVIDERS_WAITED_FOR_MAX,
  PULL_PAGES_MAX,
  RATION_MAX,
  SIGN_MAX,
  STATE_BYTES_MAX,
  TUPLE_LIFETIME_MS_MAX,
  TUPLES_PER_KEY_MAX,
  TUPLES_PER_ORIGIN_MAX,
  VIA_MAX,
  VIEW_MAX
} from '../src/constants.ts'
import { Fetch } from '../src/fetch.ts'
import { type FindFailed, find } from '../src/find.ts'
import { gossipRound, onGossip } from '../src/gossip.ts'
import { groupOf } from '../src/group.ts'
import { enter, keepTuple, takeIn } from '../src/intake.ts'
import { onPull, pullFrom } from '../src/join.ts'
import type { KelipsMessage } from '../src/messages.ts'
import { noteFarewell } from '../src/news.ts'
import { announce } from '../src/publish.ts'
import { kelipsSettings } from '../src/settings.ts'
import { place } from '../src/values.ts'
import { kelipsCodec } from '../src/wire.ts'
import { type Lone, lifeOf, lone, NOW_MS, tupleOf } from './support/lone.ts'

const peerOf = ({ kelips }: Lone, number: number): Peer => kelips.peers.intern(testContact(number))
const join = (own: Lone, number: number): boolean => enter(own.kelips, peerOf(own, number), lifeOf(number))

/** Requests are answered by a function, at once; nothing: never. */
function answering(own: Lone, answer: (message: KelipsMessage) => object | undefined): KelipsMessage[] {
  const asked: KelipsMessage[] = []
  own.kelips.calls.request = ((
    _peer: Peer,
    message: KelipsMessage,
    _priority: number,
    done: (o: object, fx: object) => void
  ) => {
    asked.push(message)
    const answered = answer(message)
    if (answered !== undefined) done(answered, own.fx)
  }) as never
  return asked
}

/** A key of the other of two groups. */
function foreignKey({ kelips }: Lone): Uint8Array {
  const key = new Uint8Array(32)
  key[0] = groupOf(kelips.key, 1) === 0 ? 255 : 0
  return key
}

const foreignWord = (own: Lone) => ({ kind: 'word', prefix: foreignKey(own).slice(0, PREFIX_BYTES) }) as const

describe('tables', () => {
  it('a view takes VIEW_MAX members, and the other tables what they say', () => {
    const own = lone()
    for (let number = 1; number <= VIEW_MAX; number += 1) expect(join(own, number)).toBe(true)
    expect(join(own, VIEW_MAX + 1)).toBe(false)
    expect(own.kelips.view.size).toBe(VIEW_MAX)
    expect(own.kelips.contacts.table.rowsMax).toBe(CONTACTS_ALL_MAX)
    expect(own.kelips.origins.table.rowsMax).toBe(ORIGINS_MAX)
    expect(own.kelips.own.limits.recordsMax).toBe(OWN_RECORDS_MAX)
  })

  it('a provider has TUPLES_PER_ORIGIN_MAX tuples, and a key TUPLES_PER_KEY_MAX', () => {
    const own = lone()
    for (let number = 1; number <= TUPLES_PER_KEY_MAX + 2; number += 1) join(own, number)
    for (let key = 1; key <= TUPLES_PER_ORIGIN_MAX; key += 1)
      expect(keepTuple(own.kelips, tupleOf(1, key))).toBe('kept')
    expect(keepTuple(own.kelips, tupleOf(1, TUPLES_PER_ORIGIN_MAX + 1))).toBe('full-publisher')
    // The first provider has one under this key already.
    for (let number = 2; number <= TUPLES_PER_KEY_MAX; number += 1)
      expect(keepTuple(own.kelips, tupleOf(number, 1))).toBe('kept')
    expect(keepTuple(own.kelips, tupleOf(TUPLES_PER_KEY_MAX + 1, 1))).toBe('full-key')
  })

  it('a tuple is valid for TUPLE_LIFETIME_MS_MAX at most', () => {
    const own = lone()
    join(own, 1)
    const last = NOW_MS + TUPLE_LIFETIME_MS_MAX
    expect(keepTuple(own.kelips, tupleOf(1, 1, { expiresMs: last + 1000 }))).toBe('refused')
    expect(keepTuple(own.kelips, tupleOf(1, 1, { expiresMs: NOW_MS }))).toBe('refused')
    expect(keepTuple(own.kelips, tupleOf(1, 1, { expiresMs: last }))).toBe('kept')
    expect(keepTuple(own.kelips, tupleOf(2, 1))).toBe('refused')
  })

  it('DEAD_MAX dead and FAREWELLS_MAX farewells are remembered, the latest', () => {
    const { kelips } = lone()
    for (let peer = 1; peer <= DEAD_MAX + 1; peer += 1) kelips.remember(peer, 1, 1)
    expect([kelips.dead.size, kelips.dead.has(1), kelips.dead.has(2)]).toEqual([DEAD_MAX, false, true])
    for (let beat = 0; beat <= FAREWELLS_MAX; beat += 1)
      noteFarewell(kelips, { peer: new Uint8Array(8), beat, value: new Uint8Array(16) })
    expect(kelips.farewells.map(({ beat }) => beat.beat)).toEqual(
      Array.from({ length: FAREWELLS_MAX }, (_, at) => at + 1)
    )
  })

  it('whoever is dead comes back with a later heartbeat alone', () => {
    const own = lone()
    join(own, 1)
    own.kelips.bury(peerOf(own, 1))
    expect(join(own, 1)).toBe(false)
    expect(enter(own.kelips, peerOf(own, 1), lifeOf(1, 1))).toBe(true)
  })
})

describe('gossip', () => {
  const gossip = { type: 'gossip', level: 0, estimate: 0, lives: [], beats: [], tuples: [] } as const

  it('of one peer GOSSIP_PER_PEER_MAX messages are read in a round', () => {
    const own = lone()
    for (let message = 0; message < GOSSIP_PER_PEER_MAX; message += 1)
      onGossip(own.kelips, peerOf(own, 1), gossip, own.fx)
    expect(own.kelips.counters.gossipUnread).toBe(0)
    onGossip(own.kelips, peerOf(own, 1), gossip, own.fx)
    expect(own.kelips.counters.gossipUnread).toBe(1)
  })

  it('an estimate moves this peer ESTIMATE_APART_MAX away from its own count at most', () => {
    const own = lone()
    for (let turn = 0; turn < 100; turn += 1) {
      own.kelips.heardOf.clear()
      onGossip(own.kelips, peerOf(own, 1), { ...gossip, estimate: 40 * ESTIMATE_PARTS }, own.fx)
    }
    expect(own.kelips.estimate).toBeGreaterThan(1)
    expect(own.kelips.estimate).toBeLessThanOrEqual(own.kelips.localEstimate + ESTIMATE_APART_MAX)
  })

  it('a message has GOSSIP_BYTES_MAX bytes at most, and rations RATION_MAX', () => {
    const own = lone({ memberRation: RATION_MAX + 1 })
    expect(own.kelips.settings.memberRation).toBe(RATION_MAX)
    expect(kelipsSettings({ tupleRation: RATION_MAX }).tupleRation).toBe(RATION_MAX)
    const address = new Uint8Array(ADDRESS_BYTES_MAX)
    for (let number = 1; number <= 40; number += 1) {
      const addresses = Array.from({ length: 8 }, (_, at) => address.slice().fill(at + 1))
      own.kelips.peers.intern({ id: testContact(number).id, addresses })
      join(own, number)
    }
    gossipRound(own.kelips, own.fx)
    const [first] = own.sent
    expect(first!.message).toMatchObject({ type: 'gossip' })
    expect(kelipsCodec.byteLength(first!.message)).toBeLessThanOrEqual(GOSSIP_BYTES_MAX + 8)
    expect((first!.message as typeof gossip).lives.length).toBeLessThan(RATION_MAX)
  })

  it('INTAKES_MAX messages wait for signatures', () => {
    const own = lone()
    own.held = []
    const outcomes: string[] = []
    for (let number = 1; number <= INTAKES_MAX + 1; number += 1)
      takeIn(own.kelips, { lives: [lifeOf(number)], tuples: [tupleOf(number, 1)] }, own.fx, taken =>
        outcomes.push(...taken.outcomes)
      )
    expect(own.held.length).toBe(INTAKES_MAX)
    expect(outcomes).toEqual(['busy'])
    // It is not believed on its word, and counts as refused; its offerer may come again.
    const { counters, others, tuples } = own.kelips
    expect([counters.livesRefused, others, tuples.size]).toEqual([1, 0, 0])
  })

  it('a provider is gone after ORIGIN_TIMEOUT_MS_MAX, however slow gossip is', () => {
    expect(lone({ gossipMs: PERIOD_MS_MAX }).kelips.originTimeoutMs()).toBe(ORIGIN_TIMEOUT_MS_MAX)
    expect(lone().kelips.originTimeoutMs()).toBeLessThan(ORIGIN_TIMEOUT_MS_MAX)
  })
})

describe('requests', () => {
  it('a lookup asks VIA_MAX members where no contact is known, and FIND_TRIES_MAX peers at all', () => {
    const silent = lone({ groups: 2 })
    for (let number = 1; number <= 200; number += 1) join(silent, number)
    for (let row = silent.kelips.contacts.table.size - 1; row >= 0; row -= 1)
      silent.kelips.contacts.remove(row)
    const asked = answering(silent, () => ({ failed: 'silent' }))
    const failures: string[] = []
    const done = (result: object) => failures.push((result as FindFailed).failed)
    find(silent.kelips, foreignKey(silent), 'word', 0, done, silent.fx)
    // Beside them each member that was silent is asked whether it lives.
    const finds = asked.filter(({ type }) => type === 'find')
    expect([finds.length, failures]).toEqual([VIA_MAX, ['no-route']])

    const endless = lone({ groups: 2 })
    for (let number = 1; number <= 200; number += 1) join(endless, number)
    let next = 1000
    const redirected = answering(endless, () => {
      const nearest = Array.from({ length: FOUND_CONTACTS_MAX }, () => testContact(next++))
      return {
        answer: {
          type: 'providers',
          id: 1,
          covers: false,
          hops: 0,
          timeouts: 0,
          total: 0,
          tuples: [],
          nearest
        }
      }
    })
    find(endless.kelips, foreignKey(endless), 'word', 0, done, endless.fx)
    expect([redirected.length, failures[1]]).toEqual([FIND_TRIES_MAX, 'no-route'])
  })

  it('HEDGES_MAX requests of a lookup are under way at a time, and FINDS_MAX lookups', () => {
    const own = lone({ groups: 2 })
    for (let number = 1; number <= 200; number += 1) join(own, number)
    const asked = answering(own, () => undefined)
    // Nobody ever answers in time.
    own.kelips.calls.wait = (call, _dueMs, fx) => call.onFailed('silent', fx)
    const failed: string[] = []
    const look = () =>
      find(
        own.kelips,
        foreignKey(own),
        'word',
        0,
        result => failed.push((result as FindFailed).failed),
        own.fx
      )
    look()
    expect(asked.length).toBe(HEDGES_MAX)
    for (let other = 1; other < FINDS_MAX; other += 1) look()
    expect(failed).toEqual([])
    look()
    expect(failed).toEqual(['busy'])
  })

  it('PROVIDERS_ASKED_MAX providers of a key are looked at', () => {
    const own = lone({ groups: 2 })
    for (let number = 1; number <= 20; number += 1) join(own, number)
    let provider = 100
    const asked = answering(own, message => {
      if (message.type !== 'find') return { failed: 'silent' }
      const tuples = Array.from({ length: FOUND_TUPLES_MAX }, () => tupleOf(provider++, 1, foreignWord(own)))
      return {
        answer: {
          type: 'providers',
          id: 1,
          covers: true,
          hops: 0,
          timeouts: 0,
          total: 1024,
          tuples,
          nearest: []
        }
      }
    })
    const ask = { command: 1, kind: 'word', keys: [foreignKey(own)], limit: 4096 } as const
    new Fetch(own.kelips, ask, () => undefined).begin(own.fx)
    expect(asked.filter(({ type }) => type === 'get').length).toBe(PROVIDERS_ASKED_MAX)
  })

  it('PROVIDERS_WAITED_FOR_MAX providers that take long are waited for, each in turn', () => {
    const own = lone({ groups: 2 })
    for (let number = 1; number <= 20; number += 1) join(own, number)
    let provider = 100
    const asked = answering(own, message => {
      if (message.type !== 'find') return undefined
      const tuples = Array.from({ length: FOUND_TUPLES_MAX }, () => tupleOf(provider++, 1, foreignWord(own)))
      const total = PROVIDERS_WAITED_FOR_MAX + 1
      return {
        answer: { type: 'providers', id: 1, covers: true, hops: 0, timeouts: 0, total, tuples, nearest: [] }
      }
    })
    const slow: { onFailed(why: string, fx: object): void }[] = []
    own.kelips.calls.wait = ((call: never) => slow.push(call)) as never
    const ask = { command: 1, kind: 'word', keys: [foreignKey(own)], limit: 4096 } as const
    new Fetch(own.kelips, ask, () => undefined).begin(own.fx)
    const requests = () => asked.filter(({ type }) => type === 'get').length
    expect(requests()).toBe(PROVIDERS_AT_ONCE)
    for (let next = slow.pop(); next !== undefined; next = slow.pop()) next.onFailed('silent', own.fx)
    expect(requests()).toBe(PROVIDERS_WAITED_FOR_MAX)
  })

  it('PULL_PAGES_MAX pages are pulled from somebody who has always one more', () => {
    const own = lone()
    own.kelips.mode = 'joining'
    join(own, 1)
    const answers: (() => void)[] = []
    let pages = 0
    own.kelips.calls.request = ((
      _peer: Peer,
      { from }: { from: number },
      _priority: number,
      done: (o: object, fx: object) => void
    ) => {
      pages += 1
      answers.push(() =>
        done({ answer: { type: 'state', id: 1, lives: [], tuples: [], next: from + 1 } }, own.fx)
      )
    }) as never
    pullFrom(own.kelips, 'join', own.fx)
    // It is the only member, so nobody else is asked when it has had its turn.
    for (let answer = answers.shift(); answer !== undefined; answer = answers.shift()) answer()
    expect(pages).toBe(PULL_PAGES_MAX)
    expect(own.kelips.mode).toBe('member')
  })

  it('a page of state has STATE_BYTES_MAX bytes at most', () => {
    const own = lone()
    const address = new Uint8Array(ADDRESS_BYTES_MAX)
    for (let number = 1; number <= 100; number += 1) {
      const addresses = Array.from({ length: 8 }, (_, at) => address.slice().fill(at + 1))
      own.kelips.peers.intern({ id: testContact(number).id, addresses })
      join(own, number)
    }
    const pages: KelipsMessage[] = []
    own.kelips.calls.linkOf = () => 1
    own.fx.send = (_link, message) => pages.push(message)
    onPull(
      own.kelips,
      peerOf(own, 1),
      { type: 'state-request', id: 1, part: 'members', from: 0, level: 0 },
      own.fx
    )
    const [page] = pages as unknown as { lives: unknown[]; next: number }[]
    expect(kelipsCodec.byteLength(pages[0]!)).toBeLessThanOrEqual(STATE_BYTES_MAX + 16)
    expect(page!.next).toBe(page!.lives.length)
  })

  it('SIGN_MAX tuples are signed with one question, and INSERTS_MAX copies placed at a time', () => {
    const own = lone()
    own.held = []
    const key = (at: number) =>
      Uint8Array.from({ length: 32 }, (_, byte) => (byte === 8 ? at >> 8 : byte === 9 ? at : 0))
    const record = (at: number) => ({
      kind: 'word' as const,
      key: key(at),
      publisher: testContact(0),
      sequence: 1,
      expiresMs: NOW_MS + 1000,
      subject: new Uint8Array(32),
      body: new Uint8Array(1)
    })
    announce(
      own.kelips,
      Array.from({ length: SIGN_MAX + 1 }, (_, at) => record(at)),
      () => undefined,
      own.fx
    )
    expect(
      own.held.map(question => (question as unknown as { statements: unknown[] }).statements.length)
    ).toEqual([SIGN_MAX, 1])
    const outcomes: string[] = []
    own.kelips.inserts = INSERTS_MAX - own.kelips.settings.replicas + 1
    place(own.kelips, { ...record(1), kind: 'value' }, ({ outcome }) => outcomes.push(outcome), own.fx)
    expect(outcomes).toEqual(['busy'])
  })
})
