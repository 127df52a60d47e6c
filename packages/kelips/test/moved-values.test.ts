/** Values whose homenodes a split has left in the other half: they go to the group of their key. */
import type { StoredRecord } from '@servent/key-routing/machine'
import { describe, expect, it } from 'vitest'
import { MOVED_VALUES_MS } from '../src/constants.ts'
import { setLevel } from '../src/epoch.ts'
import { dropTuples } from '../src/expiry.ts'
import { groupOf } from '../src/group.ts'
import { handOverValues } from '../src/hand-over.ts'
import type { Kelips } from '../src/kelips.ts'
import { contactsFor } from '../src/nearest.ts'
import { repairValues } from '../src/repair.ts'
import { keepValue } from '../src/values.ts'
import { type Answers, member, obliging, put, storedAt, valueUnder } from './support/homenodes.ts'
import { KelipsNetwork } from './support/network.ts'
import { keyOf, Workload } from './support/workload.ts'

const SECOND_US = 1_000_000

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
