/** A member whose requests a test answers, and what it has of values and their homenodes. */
import type { StoredRecord } from '@servent/key-routing/machine'
import type { Peer } from '@servent/overlay/machine'
import { testContact } from '@servent/overlay/testing'
import { PREFIX_BYTES } from '../../src/constants.ts'
import { enter, takeIn } from '../../src/intake.ts'
import type { KelipsMessage } from '../../src/messages.ts'
import { beginChain } from '../../src/own-life.ts'
import type { Outcome } from '../../src/publish.ts'
import type { KelipsQuestion, KelipsSettings, KelipsTypes } from '../../src/types.ts'
import { place } from '../../src/values.ts'
import { type Lone, lifeOf, lone, NOW_MS, tupleOf } from './lone.ts'
import { answerOf } from './network.ts'

const MEMBERS = 20

export function valueUnder(key: Uint8Array, own: Partial<StoredRecord> = {}): StoredRecord {
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

type Answer = KelipsMessage | 'silent' | undefined
export type Answers = (peer: Peer, message: KelipsMessage) => Answer

export interface Member extends Lone {
  readonly asked: { readonly peer: Peer; readonly message: KelipsMessage }[]
  readonly questions: KelipsQuestion[]
}

/** A member among others, whose requests `answers` answers; nothing: there is no room for them. */
export function member(
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
    if (answer === undefined || answer === 'silent') done({ failed: answer ?? 'busy' }, own.fx)
    else done({ answer }, own.fx)
  }) as never
  return Object.assign(own, { asked, questions })
}

/** Keeps whatever comes. */
export const obliging = (_peer: Peer, message: KelipsMessage): KelipsMessage | undefined => {
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

export const key = new Uint8Array(32).fill(3)

/** Says that these are homenodes of `key`. */
export function claim({ kelips, fx }: Member, numbers: readonly number[]): Peer[] {
  const prefix = key.slice(0, PREFIX_BYTES)
  const tuples = numbers.map(number => tupleOf(number, 0, { kind: 'value', prefix }))
  takeIn(kelips, { lives: numbers.map(number => lifeOf(number)), tuples }, fx)
  return numbers.map(number => kelips.peers.intern(testContact(number)))
}

/** Lives and keeps whatever comes, and says nothing when it is asked for a value. */
export const silentOfValues: Answers = (peer, message) => {
  if (message.type === 'get') return 'silent'
  return message.type === 'ping' ? { type: 'pong', id: message.id } : obliging(peer, message)
}

/** Gives the value when it is asked for it, as these do. */
export const holding =
  (record: StoredRecord, isHolder: (peer: Peer) => boolean): Answers =>
  (peer, message) => {
    if (message.type !== 'get' || !isHolder(peer)) return obliging(peer, message)
    return { type: 'page', id: message.id, records: [record], total: 1 }
  }

export const storedAt = ({ asked }: Member): Peer[] =>
  asked.filter(({ message }) => message.type === 'store').map(({ peer }) => peer)

export function put(own: Member, record: StoredRecord): readonly Outcome[] {
  const outcomes: Outcome[] = []
  place(own.kelips, record, outcome => outcomes.push(outcome), own.fx)
  return outcomes
}
