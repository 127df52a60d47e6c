/** Values and their homenodes: what one tells, what it takes back, whom it counts, and where it sends what is not its own. */
import { type StoredRecord, VALUE_HOLDERS_MAX } from '@servent/key-routing/machine'
import { type Peer, SELF } from '@servent/overlay/machine'
import { testContact } from '@servent/overlay/testing'
import { describe, expect, it } from 'vitest'
import { KEEP_PATIENCE_MS, MOVED_VALUES_MS, PREFIX_BYTES } from '../src/constants.ts'
import { setLevel } from '../src/epoch.ts'
import { dropTuples } from '../src/expiry.ts'
import { groupOf } from '../src/group.ts'
import { handOverValues } from '../src/hand-over.ts'
import { enter, keepTuple, takeIn } from '../src/intake.ts'
import type { Kelips } from '../src/kelips.ts'
import type { KelipsMessage } from '../src/messages.ts'
import { contactsFor } from '../src/nearest.ts'
import { beginChain } from '../src/own-life.ts'
import type { Outcome } from '../src/publish.ts'
import { repairValues } from '../src/repair.ts'
import type { KelipsQuestion, KelipsSettings, KelipsTypes } from '../src/types.ts'
import { keepValue, place } from '../src/values.ts'
import { type Lone, lifeOf, lone, NOW_MS, tupleOf } from './support/lone.ts'
import { answerOf, KelipsNetwork } from './support/network.ts'
import { keyOf, Workload } from './support/workload.ts'

const SECOND_US = 1_000_000
const MEMBERS = 20

function valueUnder(key: Uint8Array, own: Partial<StoredRecord> = {}): StoredRecord {
  return {
    kind: 'value',
    key,
    publisher: testContact(1),
    sequence: 5,
    expiresMs: NOW_MS + 3_600_000,
    subject: new Uint8Array(0),
    body: new Uint8Array(10),
    ...own
  }
}

type Answers = (peer: Peer, message: KelipsMessage) => KelipsMessage | undefined

interface Member extends Lone {
  readonly asked: { readonly peer: Peer; readonly message: KelipsMessage }[]
  readonly questions: KelipsQuestion[]
}

/** A member among others, whose requests `answers` answers; nothing: nobody does. */
function member(
  answers: Answers,
  settings: Partial<KelipsSettings> = { groups: 1 },
  isGood: (question: KelipsQuestion) => KelipsTypes['answer'] = answerOf
): Member {
  const questions: KelipsQuestion[] = []
  const own = lone(settings, {}, question => {
    questions.push(question)
    return isGood(question)
  })
  beginChain(own.kelips, own.fx)
  for (let number = 1; number <= MEMBERS; number += 1)
    enter(own.kelips, own.fx.peers.intern(testContact(number)), lifeOf(number))
  const asked: Member['asked'] = []
  own.kelips.calls.request = ((
    peer: Peer,
    message: KelipsMessage,
    _priority: number,
    done: (outcome: object, fx: object) => void
  ) => {
    asked.push({ peer, message })
    const answer = answers(peer, message)
    done(answer === undefined ? { failed: 'busy' } : { answer }, own.fx)
  }) as never
  return Object.assign(own, { asked, questions })
}

/** Keeps whatever comes. */
const obliging: Answers = (_peer, message) => {
  if (message.type === 'store') return { type: 'stored', id: message.id, outcomes: ['kept'], copies: [1] }
  if (message.type === 'offer')
    return {
      type: 'offered',
      id: message.id,
      outcomes: message.tuples.map(() => 'kept'),
      known: 1,
      refreshS: 40
    }
  return undefined
}

const key = new Uint8Array(32).fill(3)

describe('a homenode', () => {
  it('that is given the same value again signs and tells nothing, but where its tuple is lost', () => {
    const { kelips, fx, asked, questions } = member(obliging)
    const record = valueUnder(key)
    const keep = (one: StoredRecord): string => {
      const outcomes: string[] = []
      keepValue(kelips, one, outcome => outcomes.push(outcome), fx)
      return outcomes.join()
    }
    const signed = () => questions.filter(({ type }) => type === 'sign').length
    expect(keep(record)).toBe('kept')
    const before = [signed(), asked.length]
    for (let times = 0; times < 100; times += 1) expect(keep(record)).toBe('kept')
    expect([signed(), asked.length]).toEqual(before)
    kelips.tuples.remove(kelips.tuples.find('value', key, SELF))
    expect(keep(record)).toBe('kept')
    expect(signed()).toBe(before[0]! + 1)
    expect(kelips.tuples.find('value', key, SELF)).toBeGreaterThanOrEqual(0)
    expect(keep(valueUnder(key, { sequence: 6 }))).toBe('kept')
    expect(signed()).toBe(before[0]! + 2)
  })

  it('takes back what it is said to have and has not, and tells it anew when it has it again', () => {
    const { kelips, fx } = member(obliging)
    const prefix = key.slice(0, PREFIX_BYTES)
    const sequenceOf = () => kelips.tuples.sequenceAt(kelips.tuples.find('value', key, SELF))
    expect(keepTuple(kelips, tupleOf(0, 0, { kind: 'value', prefix, sequence: 5 }))).toBe('kept')
    expect(kelips.tuplesUnder('value', key)).toHaveLength(1)
    repairValues(kelips, fx)
    expect(kelips.tuplesUnder('value', key)).toHaveLength(0)
    expect(sequenceOf()).toBe(6)
    keepValue(kelips, valueUnder(key, { sequence: 5 }), () => undefined, fx)
    expect(kelips.tuplesUnder('value', key)).toHaveLength(1)
    expect(sequenceOf()).toBe(7)
    repairValues(kelips, fx)
    expect(sequenceOf()).toBe(7)
    // The withdrawal of the run before comes by a third.
    expect(keepTuple(kelips, tupleOf(0, 0, { kind: 'value', prefix, sequence: 9, withdrawn: true }))).toBe(
      'kept'
    )
    repairValues(kelips, fx)
    expect(kelips.tuplesUnder('value', key)).toHaveLength(1)
    expect(sequenceOf()).toBe(10)
  })

  it('that crashes and comes back has no value: its copy is replaced, however many do so one by one', () => {
    const network = new KelipsNetwork({ seed: 'restarts' })
    const { simulation } = network
    const work = new Workload(network)
    const nodes = network.startIdeal(12, 0)
    const holders = () =>
      simulation.aliveNodes().filter(node => network.machine(node).snapshot().store.byKind.value!.records > 0)
    work.publish(nodes[0]!, work.record(nodes[0]!, 'value', keyOf('a value')))
    simulation.runFor(20 * SECOND_US)
    const homes = holders()
    expect(homes).toHaveLength(4)
    for (const home of homes) {
      simulation.crash(home)
      simulation.runFor(3 * SECOND_US)
      simulation.revive(home, { keepSaved: true })
      simulation.contact(home, simulation.aliveNodes().find(node => node !== home)!)
      simulation.runFor(180 * SECOND_US)
      expect(holders()).toHaveLength(4)
    }
  })
})

/** Says that these are homenodes of `key`. */
function claim({ kelips, fx }: Member, numbers: readonly number[]): Peer[] {
  const prefix = key.slice(0, PREFIX_BYTES)
  const tuples = numbers.map(number => tupleOf(number, 0, { kind: 'value', prefix }))
  takeIn(kelips, { lives: numbers.map(number => lifeOf(number)), tuples }, fx)
  return numbers.map(number => kelips.peers.intern(testContact(number)))
}

/** Gives the value when it is asked for it, as these do. */
const holding =
  (record: StoredRecord, isHolder: (peer: Peer) => boolean): Answers =>
  (peer, message) => {
    if (message.type !== 'get' || !isHolder(peer)) return obliging(peer, message)
    return { type: 'page', id: message.id, records: [record], total: 1 }
  }

const storedAt = ({ asked }: Member): Peer[] =>
  asked.filter(({ message }) => message.type === 'store').map(({ peer }) => peer)

function put(own: Member, record: StoredRecord): readonly Outcome[] {
  const outcomes: Outcome[] = []
  place(own.kelips, record, outcome => outcomes.push(outcome), own.fx)
  return outcomes
}

describe('whoever only says that it has a value', () => {
  it('is told of the next version, and is no copy of it: as many as ever are drawn', () => {
    const own = member(obliging)
    const liars = claim(own, [101, 102, 103, 104])
    expect(put(own, valueUnder(key))).toEqual([{ outcome: 'kept', copies: 4 }])
    const stored = storedAt(own)
    expect(stored.filter(peer => !liars.includes(peer))).toHaveLength(4)
    expect(new Set(stored).size).toBe(stored.length)
    for (const liar of liars) expect(stored).toContain(liar)
  })

  it('and gives another value, or one that nobody signed, proves nothing', () => {
    const other = valueUnder(new Uint8Array(32).fill(4))
    const forged = valueUnder(key, { sequence: 99 })
    for (const record of [other, forged, valueUnder(key, { expiresMs: NOW_MS })]) {
      const own = member(
        holding(record, () => true),
        { groups: 1 },
        question =>
          question.type === 'verify'
            ? { type: 'verified', good: question.records.map(({ sequence }) => sequence !== 99) }
            : answerOf(question)
      )
      const liars = claim(own, [101, 102, 103, 104])
      expect(put(own, valueUnder(key, { sequence: 6 }))).toEqual([{ outcome: 'kept', copies: 4 }])
      expect(storedAt(own).filter(peer => !liars.includes(peer))).toHaveLength(4)
    }
  })

  it('does not stop repair, however near to the key', () => {
    for (const liars of [[101, 102, 103, 104], [101, 102], [101]]) {
      const record = valueUnder(key)
      const own = member(obliging)
      const { kelips, fx } = own
      keepValue(kelips, record, () => undefined, fx)
      const peers = claim(own, liars)
      Object.defineProperty(kelips, 'key', { value: new Uint8Array(32).fill(255) })
      own.asked.length = 0
      repairValues(kelips, fx)
      // One who does not answer may have it.
      expect(storedAt(own)).toHaveLength(2)
      for (const peer of storedAt(own)) expect(peers).not.toContain(peer)
    }
  })

  it('makes no put wait for longer than KEEP_PATIENCE_MS', () => {
    const own = member(() => undefined)
    const { kelips, fx } = own
    claim(own, [101])
    const { request } = kelips.calls
    kelips.calls.request = (() => undefined) as never
    const outcomes = put(own, valueUnder(key))
    kelips.calls.request = ((...args: Parameters<typeof request>) => {
      const [peer, message, , done] = args
      own.asked.push({ peer, message })
      done({ answer: obliging(peer, message)! } as never, fx)
    }) as never
    const expire = (ms: number): void => {
      fx.nowMs = () => 1000 + ms
      kelips.calls.handle({ type: 'timer', timer: 'calls' }, fx)
    }
    expire(KEEP_PATIENCE_MS - 100)
    expect(outcomes).toEqual([])
    expire(KEEP_PATIENCE_MS + 100)
    expect(outcomes).toEqual([{ outcome: 'kept', copies: 4 }])
  })

  it('is one of VALUE_HOLDERS_MAX that are asked, of however many', () => {
    const own = member(() => undefined)
    claim(
      own,
      Array.from({ length: 3 * VALUE_HOLDERS_MAX }, (_, at) => 101 + at)
    )
    put(own, valueUnder(key))
    expect(own.asked.filter(({ message }) => message.type === 'get')).toHaveLength(VALUE_HOLDERS_MAX)
  })
})

describe('a put', () => {
  it('goes to those that have the value, and to nobody else; where these are more than copies, to all', () => {
    for (const [count, copies] of [
      [4, 4],
      [6, 4]
    ] as const) {
      const own: Member = member((peer, message) =>
        holding(valueUnder(key), one => homes.includes(one))(peer, message)
      )
      const homes = claim(own, [1, 2, 3, 4, 5, 6].slice(0, count))
      expect(put(own, valueUnder(key, { sequence: 6 }))).toEqual([{ outcome: 'kept', copies }])
      expect(storedAt(own).sort()).toEqual(homes.sort())
    }
  })

  it('that nobody signed goes to nobody', () => {
    const own = member(obliging, { groups: 1 }, question =>
      question.type === 'verify'
        ? { type: 'verified', good: question.records.map(() => false) }
        : answerOf(question)
    )
    claim(own, [1])
    expect(put(own, valueUnder(key))).toEqual([{ outcome: 'refused', copies: 0 }])
    expect(own.asked).toEqual([])
    expect(own.kelips.inserts).toBe(0)
  })
})

it('homenodes that prove to have a value are enough: nobody else is given it', () => {
  const record = valueUnder(key)
  const own: Member = member((peer, message) => holding(record, one => homes.includes(one))(peer, message))
  keepValue(own.kelips, record, () => undefined, own.fx)
  const homes = claim(own, [1, 2, 3])
  repairValues(own.kelips, own.fx)
  expect(own.asked.filter(({ message }) => message.type === 'get')).toHaveLength(3)
  expect(storedAt(own)).toEqual([])
})

describe('a value of the other half, after a split', () => {
  /** A member of one half that has a value of the other, of which it knows two. */
  function split(answers: Answers = obliging) {
    const own = member(answers, { groups: undefined })
    const { kelips, fx } = own
    const foreign = kelips.key.map((byte, at) => (at === 0 ? byte ^ 128 : byte))
    const record = valueUnder(foreign)
    keepValue(kelips, record, () => undefined, fx)
    setLevel(kelips, 1, fx)
    kelips.answerLevel = 0
    const contacts = contactsFor(kelips, foreign)
    expect(contacts).toHaveLength(2)
    own.asked.length = 0
    const endEpoch = () => {
      kelips.answerLevel = 1
      dropTuples(kelips, row => !kelips.keeps(kelips.tuples.prefixAt(row)))
    }
    return { own, kelips, fx, record, contacts, endEpoch }
  }

  it('is given to a member there, and goes MOVED_VALUES_MS later, when one there has it still', () => {
    const { own, kelips, fx, record, contacts, endEpoch } = split()
    repairValues(kelips, fx)
    expect(storedAt(own)).toHaveLength(1)
    expect(contacts).toContain(storedAt(own)[0])
    kelips.nowMs += MOVED_VALUES_MS
    repairValues(kelips, fx)
    expect(storedAt(own)).toHaveLength(1)
    endEpoch()
    kelips.nowMs -= 1
    repairValues(kelips, fx)
    expect(storedAt(own)).toHaveLength(1)
    expect(kelips.values.size).toBe(1)
    kelips.nowMs += 1
    repairValues(kelips, fx)
    expect(storedAt(own)).toHaveLength(2)
    expect(kelips.values.size).toBe(0)
    const offers = own.asked.flatMap(({ peer, message }) =>
      message.type === 'offer' && contacts.includes(peer) ? message.tuples : []
    )
    expect(offers.length).toBeGreaterThan(0)
    for (const tuple of offers)
      expect(tuple).toMatchObject({ kind: 'value', withdrawn: true, sequence: record.sequence + 1 })
  })

  it('stays where nobody there takes it, and where the halves are one again', () => {
    const full: Answers = (peer, message) =>
      message.type === 'store'
        ? { type: 'stored', id: message.id, outcomes: ['full'], copies: [0] }
        : obliging(peer, message)
    const refused = split(full)
    for (let round = 1; round <= 3; round += 1) {
      refused.endEpoch()
      repairValues(refused.kelips, refused.fx)
      expect(storedAt(refused.own)).toHaveLength(round)
      refused.kelips.nowMs += MOVED_VALUES_MS
    }
    expect(refused.kelips.values.size).toBe(1)
    const { kelips, fx, endEpoch } = split()
    repairValues(kelips, fx)
    endEpoch()
    setLevel(kelips, 0, fx)
    repairValues(kelips, fx)
    setLevel(kelips, 1, fx)
    kelips.nowMs += MOVED_VALUES_MS
    repairValues(kelips, fx)
    expect(kelips.values.size).toBe(1)
  })

  it('has its next version as long as it is here, and no other comes', () => {
    const { kelips, fx, record, endEpoch } = split()
    endEpoch()
    const outcomes: string[] = []
    const keep = (one: StoredRecord) => keepValue(kelips, one, outcome => outcomes.push(outcome), fx)
    keep({ ...record, sequence: 6 })
    keep({ ...record, key: record.key.map((byte, at) => (at === 31 ? byte ^ 1 : byte)) })
    expect(outcomes).toEqual(['kept', 'not-root'])
    expect(kelips.values.find(record)?.record.sequence).toBe(6)
  })

  it('is placed there first, while both halves answer', () => {
    const { own, record, contacts } = split()
    expect(put(own, { ...record, sequence: 6 })).toEqual([{ outcome: 'kept', copies: 4 }])
    expect(storedAt(own).slice(0, 2).sort()).toEqual([...contacts].sort())
  })

  it('goes there when its homenode leaves', () => {
    const { own, kelips, fx, contacts, endEpoch } = split()
    endEpoch()
    handOverValues(kelips, fx)
    expect(storedAt(own)).toHaveLength(1)
    expect(contacts).toContain(storedAt(own)[0])
  })

  it('has copies there within two rounds of repair, of 60 values of 64 peers', () => {
    const network = new KelipsNetwork({ seed: 'split' })
    const { simulation } = network
    const work = new Workload(network)
    const nodes = network.startIdeal(64, 0)
    simulation.runFor(10 * SECOND_US)
    const keys = Array.from({ length: 60 }, (_, at) => keyOf(`split ${at}`))
    for (const [at, one] of keys.entries()) work.publish(nodes[at]!, work.record(nodes[at]!, 'value', one))
    const homes = (one: Uint8Array, isIn: boolean) =>
      nodes.filter(node => {
        const { values } = network.machine(node).state as unknown as Pick<Kelips, 'values'>
        const isSame = groupOf(simulation.keyOf(node), 1) === groupOf(one, 1)
        return isSame === isIn && values.page('value', one, 0, () => 1, 0, 0).total > 0
      }).length
    simulation.runFor(40 * SECOND_US)
    expect(keys.filter(one => homes(one, true) === 0).length).toBeGreaterThan(0)
    simulation.runFor(20 * SECOND_US)
    expect(nodes.every(node => network.machine(node).state.level === 1)).toBe(true)
    simulation.runFor(75 * SECOND_US)
    for (const one of keys) expect(homes(one, true)).toBeGreaterThan(0)
    simulation.runFor(75 * SECOND_US)
    for (const one of keys) expect(homes(one, true)).toBeGreaterThanOrEqual(4)
  })
})
