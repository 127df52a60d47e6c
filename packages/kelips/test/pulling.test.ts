/** What members tell of their tables, page by page, and who else is asked where one tells nothing. */
import type { Peer } from '@servent/overlay/machine'
import { testContact } from '@servent/overlay/testing'
import { describe, expect, it } from 'vitest'
import { LEVEL_MAX, STATE_ROWS_MAX, STATE_TUPLES_MAX } from '../src/constants.ts'
import { enter } from '../src/intake.ts'
import { onPull, pullFrom } from '../src/join.ts'
import type { Part, State, StateRequest, Welcome } from '../src/messages.ts'
import type { KelipsMode } from '../src/types.ts'
import { lifeOf, lone, tupleOf } from './support/lone.ts'

/** One that has so many tuples, all of one group whatever the level, and what it answers. */
function asked(tuples: number, mode: KelipsMode = 'member') {
  const { kelips, fx } = lone({ groups: 1 })
  const peer = fx.peers.intern(testContact(3))
  enter(kelips, peer, lifeOf(3))
  for (let n = 0; n < tuples; n += 1) kelips.tuples.add(tupleOf(3, n), peer)
  kelips.mode = mode
  const answers: (State | Welcome)[] = []
  kelips.calls.linkOf = () => 1
  fx.send = (_link, message) => answers.push(message as State)
  const request = { type: 'state-request', id: 7, from: 0 } as const
  return {
    ask: (part: Part, level: number, from = 0) => {
      onPull(kelips, peer, { ...request, part, level, from }, fx)
      return answers.at(-1) as State
    },
    answers
  }
}

describe('a page of tuples', () => {
  it('looks at STATE_ROWS_MAX of them, and says where the next one begins', () => {
    const { ask } = asked(2 * STATE_ROWS_MAX + 10)
    // None is of the asker's group.
    const none = { type: 'state', lives: [], tuples: [] }
    expect(ask('tuples', LEVEL_MAX)).toMatchObject({ ...none, next: STATE_ROWS_MAX })
    expect(ask('tuples', LEVEL_MAX, STATE_ROWS_MAX)).toMatchObject({ ...none, next: 2 * STATE_ROWS_MAX })
    expect(ask('tuples', LEVEL_MAX, 2 * STATE_ROWS_MAX)).toMatchObject({ ...none, next: 0 })
  })

  it('has STATE_TUPLES_MAX where all of them are of the asker’s group', () => {
    const { ask } = asked(STATE_ROWS_MAX)
    const { tuples, next } = ask('tuples', 0)
    expect([tuples.length, next]).toEqual([STATE_TUPLES_MAX, STATE_TUPLES_MAX])
  })
})

it.each(['idle', 'joining'] as const)('whoever is %s tells nothing of its tables, and says so', mode => {
  const { ask, answers } = asked(10, mode)
  for (const part of ['members', 'contacts', 'tuples'] as const) ask(part, 0)
  expect(answers).toMatchObject(Array.from({ length: 3 }, () => ({ type: 'welcome', id: 7, lives: [] })))
})

type Done = (outcome: object, fx: object) => void

it('a joiner that is refused asks the next one at once, and holds it for no sign of death', () => {
  const { kelips, fx } = lone({ groups: 1 })
  kelips.mode = 'joining'
  for (const number of [1, 2]) enter(kelips, fx.peers.intern(testContact(number)), lifeOf(number))
  const pulled: Peer[] = []
  kelips.calls.request = ((peer: Peer, { id }: StateRequest, _priority: number, done: Done) => {
    pulled.push(peer)
    const isFirst = peer === pulled[0]
    const { heartbeatMs } = kelips.settings
    const refusal = { type: 'welcome', id, level: 0, estimate: 0, heartbeatMs, lives: [] }
    done({ answer: isFirst ? refusal : { type: 'state', id, lives: [], tuples: [], next: 0 } }, fx)
  }) as never
  pullFrom(kelips, 'join', fx)
  // Three parts of the second one.
  expect(pulled).toEqual([pulled[0], ...Array.from({ length: 3 }, () => pulled[1])])
  expect(pulled[0]).not.toBe(pulled[1])
  expect([kelips.mode, kelips.doubted.size, kelips.counters.silent]).toEqual(['member', 0, 0])
})
