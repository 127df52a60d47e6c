/** Values and their homenodes: what one tells, what it takes back, whom it counts, and where it sends what is not its own. */
import { type StoredRecord, VALUE_HOLDERS_MAX } from '@servent/key-routing/machine'
import { type Peer, SELF } from '@servent/overlay/machine'
import { describe, expect, it } from 'vitest'
import { KEEP_PATIENCE_MS, PLACE_PATIENCE_MS, PREFIX_BYTES, REPAIRS_PER_ROUND } from '../src/constants.ts'
import { proveHomes } from '../src/homes.ts'
import { keepTuple } from '../src/intake.ts'
import { repairValues } from '../src/repair.ts'
import { keepValue } from '../src/values.ts'
import {
  type Answers,
  claim,
  holding,
  key,
  type Member,
  member,
  obliging,
  put,
  silentOfValues,
  storedAt,
  valueUnder
} from './support/homenodes.ts'
import { NOW_MS, tupleOf } from './support/lone.ts'
import { answerOf, KelipsNetwork } from './support/network.ts'
import { keyOf, Workload } from './support/workload.ts'

const SECOND_US = 1_000_000

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
    expect(keep(valueUnder(key, { sequence: 7 }))).toBe('kept')
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

  it('whose tuple is lost here says it with a later sequence than before: others may have that one', () => {
    const own = member(obliging)
    const { kelips, fx } = own
    const prefix = key.slice(0, PREFIX_BYTES)
    const row = () => kelips.tuples.find('value', key, SELF)
    keepTuple(kelips, tupleOf(0, 0, { kind: 'value', prefix, sequence: 9 }))
    for (const sequence of [10, 11, 12]) {
      keepValue(kelips, valueUnder(key), () => undefined, fx)
      expect(kelips.tuples.sequenceAt(row())).toBe(sequence)
      expect(kelips.tuplesUnder('value', key)).toHaveLength(1)
      kelips.tuples.remove(row())
    }
  })

  it('that has a value again while it signs that it has it not is found a round later', () => {
    for (const isWithdrawnFirst of [true, false]) {
      const own = member(obliging)
      const { kelips, fx } = own
      const prefix = key.slice(0, PREFIX_BYTES)
      keepTuple(kelips, tupleOf(0, 0, { kind: 'value', prefix, sequence: 5 }))
      const ends: (() => void)[] = []
      const { ask } = kelips
      kelips.ask = (question, then, later) => {
        if (question.type === 'sign') ends.push(() => ask.call(kelips, question, then, later))
        else ask.call(kelips, question, then, later)
      }
      repairValues(kelips, fx)
      keepValue(kelips, valueUnder(key), () => undefined, fx)
      expect(ends).toHaveLength(2)
      for (const end of isWithdrawnFirst ? ends : ends.reverse()) end()
      kelips.ask = ask
      repairValues(kelips, fx)
      expect(kelips.tuplesUnder('value', key)).toHaveLength(1)
      expect(kelips.tuples.sequenceAt(kelips.tuples.find('value', key, SELF))).toBe(7)
    }
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

it('a round of repair is for REPAIRS_PER_ROUND values at most, some told and some not', () => {
  for (const isTold of [(_: number) => false, (at: number) => at % 5 === 4, (at: number) => at % 2 === 0]) {
    const own = member(obliging)
    const { kelips, fx } = own
    const keys = Array.from({ length: 5 * REPAIRS_PER_ROUND }, (_, at) => key.map(byte => byte ^ at))
    for (const one of keys) keepValue(kelips, valueUnder(one), () => undefined, fx)
    for (const [at, one] of keys.entries())
      if (!isTold(at)) kelips.tuples.remove(kelips.tuples.find('value', one, SELF))
    own.asked.length = 0
    repairValues(kelips, fx)
    const given = own.asked.flatMap(({ message }) =>
      message.type === 'store' ? message.records.map(record => record.key[0]) : []
    )
    const values = new Set(given).size
    expect(values).toBeGreaterThanOrEqual(REPAIRS_PER_ROUND / 2)
    expect(values).toBeLessThanOrEqual(REPAIRS_PER_ROUND)
  }
})

it('a homenode proves its own value by its own memory, and one that it has not by nothing', () => {
  const own = member(() => undefined)
  const { kelips, fx } = own
  const proven = () => {
    const told: (readonly Peer[] | undefined)[] = []
    proveHomes(kelips, key, [SELF], asked => told.push(asked?.proven), fx)
    return told
  }
  expect(proven()).toEqual([[]])
  keepValue(kelips, valueUnder(key), () => undefined, fx)
  expect(proven()).toEqual([[SELF]])
  expect(own.asked.filter(({ message }) => message.type === 'get')).toEqual([])
})

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
      const own = member(silentOfValues)
      const { kelips, fx } = own
      keepValue(kelips, record, () => undefined, fx)
      const peers = claim(own, liars)
      Object.defineProperty(kelips, 'key', { value: new Uint8Array(32).fill(255) })
      own.asked.length = 0
      repairValues(kelips, fx)
      // Whoever is late once may have it.
      expect(storedAt(own)).toHaveLength(Math.max(0, 3 - liars.length))
      own.asked.length = 0
      repairValues(kelips, fx)
      // One who does not answer may have it.
      expect(storedAt(own)).toHaveLength(2)
      for (const peer of storedAt(own)) expect(peers).not.toContain(peer)
    }
  })

  it('does not stop repair for a round where it says itself that it has it not', () => {
    const nothing: Answers = (peer, message) =>
      message.type === 'get'
        ? { type: 'page', id: message.id, records: [], total: 0 }
        : obliging(peer, message)
    const own = member(nothing)
    keepValue(own.kelips, valueUnder(key), () => undefined, own.fx)
    claim(own, [1, 2, 3])
    repairValues(own.kelips, own.fx)
    expect(storedAt(own)).toHaveLength(3)
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

describe('nobody else is given a value', () => {
  const record = valueUnder(key)
  /** In so many rounds, of which some find the homenodes silent, or have no room to ask them. */
  function given(rounds: readonly ('holding' | 'silent' | 'no-room')[]): number {
    let round = 0
    const own: Member = member((peer, message) => {
      if (message.type === 'get' && rounds[round] === 'no-room') return undefined
      return rounds[round] === 'silent'
        ? silentOfValues(peer, message)
        : holding(record, one => homes.includes(one))(peer, message)
    })
    keepValue(own.kelips, record, () => undefined, own.fx)
    const homes = claim(own, [1, 2, 3])
    for (; round < rounds.length; round += 1) repairValues(own.kelips, own.fx)
    return storedAt(own).length
  }

  it('where homenodes are late once, and not twice in a row', () => {
    expect(given(['silent', 'holding', 'silent', 'holding', 'silent'])).toBe(0)
    expect(given(['holding', 'silent', 'silent'])).toBe(2)
  })

  it('where they take PLACE_PATIENCE_MS, each time', () => {
    const own: Member = member(obliging)
    const { kelips, fx } = own
    keepValue(kelips, record, () => undefined, fx)
    claim(own, [1, 2, 3])
    const { request } = kelips.calls
    for (let round = 0; round < 3; round += 1) {
      const late: (() => void)[] = []
      kelips.calls.request = ((...args: Parameters<typeof request>) => {
        const [peer, message, , done] = args
        if (message.type !== 'get') request.apply(kelips.calls, args)
        else late.push(() => done({ answer: holding(record, () => true)(peer, message)! } as never, fx))
      }) as never
      repairValues(kelips, fx)
      expect(late).toHaveLength(3)
      fx.nowMs = () => kelips.nowMs + PLACE_PATIENCE_MS - 100
      kelips.calls.handle({ type: 'timer', timer: 'calls' }, fx)
      for (const answer of late) answer()
    }
    expect(storedAt(own)).toEqual([])
  })

  it('where this peer has no room to ask them', () => {
    expect(given(Array.from({ length: 10 }, () => 'no-room' as const))).toBe(0)
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
