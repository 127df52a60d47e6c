/** Values and their homenodes: what one tells, what it takes back, whom it counts, and where it sends what is not its own. */
import type { StoredRecord } from '@servent/key-routing/machine'
import { type Peer, SELF } from '@servent/overlay/machine'
import { testContact } from '@servent/overlay/testing'
import { describe, expect, it } from 'vitest'
import { PREFIX_BYTES } from '../src/constants.ts'
import { enter, keepTuple } from '../src/intake.ts'
import type { KelipsMessage } from '../src/messages.ts'
import { beginChain } from '../src/own-life.ts'
import { repairValues } from '../src/repair.ts'
import type { KelipsQuestion, KelipsSettings, KelipsTypes } from '../src/types.ts'
import { keepValue } from '../src/values.ts'
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
