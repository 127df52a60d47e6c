/** What several members say of who is nearest to a key: which answers count, and whose word is not enough. */
import type { CallOutcome } from '@servent/key-routing/machine'
import { LOOKUP_PATHS_MAX } from '@servent/key-routing/machine'
import {
  type Contact,
  compareKeys,
  type Key,
  keyOfPeer,
  type Peer,
  xorDistance
} from '@servent/overlay/machine'
import { testContact } from '@servent/overlay/testing'
import { describe, expect, it } from 'vitest'
import type { KelipsMessage } from '../src/messages.ts'
import { NearestAnswers } from '../src/nearest-answers.ts'
import type { Fx, KelipsSettings } from '../src/types.ts'
import { lifeOf, lone } from './support/lone.ts'

const KEY = keyOfPeer(testContact(77).id)
const far = (number: number): Key => xorDistance(KEY, keyOfPeer(testContact(number).id))
/** Numbers of peers, the nearest to the key first. */
const BY_DISTANCE = Array.from({ length: 400 }, (_, at) => 100 + at).sort((a, b) =>
  compareKeys(far(a), far(b))
)
const named = (...ranks: readonly number[]): Contact[] => ranks.map(rank => testContact(BY_DISTANCE[rank]!))

function asking(routing: KelipsSettings['routing'], view: readonly number[] = []) {
  const { kelips, fx } = lone({ routing })
  const asked: Peer[] = []
  const alive = new Set<Peer>()
  kelips.calls.request = (peer, _message, _priority, done) => {
    asked.push(peer)
    const outcome: CallOutcome<KelipsMessage> = alive.has(peer)
      ? { answer: { type: 'pong', id: 0 } }
      : { failed: 'unreachable' }
    done(outcome, fx)
  }
  const peer = (rank: number): Peer => kelips.intern(testContact(BY_DISTANCE[rank]!))!
  for (const rank of view) kelips.view.add(peer(rank), lifeOf(BY_DISTANCE[rank]!), 1000)
  const answers = new NearestAnswers(kelips, KEY)
  /** Ranks of what it comes to. */
  const settled = (endMs = Number.POSITIVE_INFINITY): number[] => {
    let found: readonly Contact[] = []
    answers.settle(fx as Fx, endMs, nearest => {
      found = nearest
    })
    return found.map(({ id }) =>
      BY_DISTANCE.findIndex(number => testContact(number).id.every((byte, at) => byte === id[at]))
    )
  }
  return { answers, asked, alive, peer, settled, kelips }
}

describe('two answers that are wanted', () => {
  it('come to the nearest of all that were named, once it has answered itself', () => {
    const { answers, asked, alive, peer, settled } = asking({ lookupPaths: 2 })
    expect(answers.judges).toBe(true)
    answers.add(peer(30), named(20, 30), 1)
    expect([answers.isEnough, answers.isEmpty]).toEqual([false, false])
    answers.add(peer(9), named(3, 9, 20), 1)
    expect(answers.isEnough).toBe(true)
    alive.add(peer(3))
    expect(settled()).toEqual([3, 9, 20, 30])
    expect(asked).toEqual([peer(3)])
  })

  it('pass over whoever is not there', () => {
    const { answers, asked, alive, peer, settled } = asking({ lookupPaths: 2 })
    answers.add(peer(30), named(0, 1, 20), 1)
    answers.add(peer(9), named(9), 1)
    alive.add(peer(9))
    expect(settled()).toEqual([9, 20])
    expect(asked).toEqual([peer(0), peer(1)])
  })

  it('whoever answered lives, and is not asked again', () => {
    const { answers, asked, peer, settled } = asking({ lookupPaths: 2 })
    answers.add(peer(3), named(3, 9), 1)
    answers.add(undefined, named(20), 3)
    expect(settled()).toEqual([3, 9, 20])
    expect(asked).toEqual([])
  })

  it('are taken as they are where there is no time to ask, and whoever asks holds all that were named', () => {
    const { answers, asked, peer, settled, kelips } = asking({ lookupPaths: 2 })
    answers.add(undefined, named(0, 1), 1)
    expect([...answers.peers()]).toEqual([peer(0), peer(1)])
    expect(settled(kelips.nowMs)).toEqual([0, 1])
    expect(asked).toEqual([])
  })

  it('come to nothing where all that were named are silent', () => {
    const { answers, settled } = asking({ lookupPaths: 2 })
    answers.add(undefined, named(0, 1), 1)
    expect(settled()).toEqual([])
  })
})

describe('an answer that is checked', () => {
  it('does not count where a member that this peer knows is nearer than all whom it names', () => {
    const { answers, peer } = asking({ answerChecks: 'on' }, [5])
    answers.add(peer(30), named(6, 30), 1)
    expect(answers.isEnough).toBe(false)
    answers.add(peer(30), named(5, 6), 1)
    expect(answers.isEnough).toBe(true)
  })

  it('does not count where by chance nobody’s nearest lies so far away', () => {
    const many = Array.from({ length: 60 }, (_, at) => 340 + at)
    const { answers, peer } = asking({ answerChecks: 'on' }, many)
    answers.add(peer(200), named(200), 1)
    expect(answers.isEnough).toBe(false)
    answers.add(peer(4), named(4), 1)
    expect(answers.isEnough).toBe(true)
  })

  it('that was not believed is still the answer where no other comes', () => {
    const { answers, peer, settled } = asking({ answerChecks: 'on' }, [5])
    answers.add(peer(30), named(6, 30), 1)
    expect(answers.isEmpty).toBe(false)
    expect(settled()).toEqual([6, 30])
  })
})

it('one answer is simply taken where nobody says otherwise, and LOOKUP_PATHS_MAX are the most that are wanted', () => {
  expect(asking({}).answers.judges).toBe(false)
  for (const lookupPaths of [LOOKUP_PATHS_MAX, LOOKUP_PATHS_MAX + 1])
    expect(asking({ lookupPaths }).answers.wanted).toBe(LOOKUP_PATHS_MAX)
  expect(asking({ lookupPaths: 0 }).answers.wanted).toBe(1)
})
