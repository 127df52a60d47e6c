/** What a provider says to a key's group, and what comes of it where there is no room. */
import type { Peer } from '@servent/overlay/machine'
import { testContact } from '@servent/overlay/testing'
import { expect, it } from 'vitest'
import { PREFIX_BYTES } from '../src/constants.ts'
import { groupOf } from '../src/group.ts'
import { enter } from '../src/intake.ts'
import type { KelipsMessage, Offer } from '../src/messages.ts'
import { announce } from '../src/publish.ts'
import { lifeOf, lone, NOW_MS } from './support/lone.ts'

/** One of two groups, whose other group answers each tuple of an offer so. */
function provider() {
  const own = lone({ groups: 2 })
  const { kelips } = own
  // Its chain is signed elsewhere.
  Object.defineProperty(kelips, 'ownLife', { get: () => lifeOf(0) })
  for (let number = 1; number <= 20; number += 1)
    enter(kelips, kelips.peers.intern(testContact(number)), lifeOf(number))
  const offers: Offer[] = []
  let outcome = 'kept'
  kelips.calls.request = ((
    _peer: Peer,
    message: KelipsMessage,
    _priority: number,
    done: (outcome: object, fx: typeof own.fx) => void
  ) => {
    offers.push(message as Offer)
    const outcomes = (message as Offer).tuples.map(() => outcome)
    done({ answer: { type: 'offered', id: 1, outcomes, known: 0, refreshS: 60 } }, own.fx)
  }) as never
  const key = new Uint8Array(32)
  key[0] = groupOf(kelips.key, 1) === 0 ? 255 : 0
  const publish = (file: number, expiresMs: number, withdrawn = false) => {
    const said: string[] = []
    const record = {
      kind: 'word' as const,
      key,
      publisher: testContact(0),
      sequence: expiresMs,
      expiresMs,
      subject: new Uint8Array(32).fill(file),
      body: new Uint8Array(1),
      ...(withdrawn && { withdrawn: true as const })
    }
    announce(kelips, [record], (_, result) => said.push(result.outcome), own.fx)
    return said
  }
  return {
    kelips,
    offers,
    publish,
    answer: (what: string) => {
      outcome = what
    }
  }
}

const tuplesOf = (offers: readonly Offer[]) =>
  offers.map(({ tuples }) => tuples.map(({ expiresMs, withdrawn }) => [expiresMs - NOW_MS, withdrawn]))

it('a word has one tuple, that lives as long as the longest of its records', () => {
  const { offers, publish, kelips } = provider()
  publish(1, NOW_MS + 5000)
  const once = offers.length
  expect(tuplesOf(offers.slice(0, 1))).toEqual([[[5000, false]]])
  // It says as much already.
  expect([publish(2, NOW_MS + 4999), offers.length]).toEqual([['kept'], once])
  publish(3, NOW_MS + 9000)
  expect(tuplesOf(offers.slice(once, once + 1))).toEqual([[[9000, false]]])
  // What is taken back was the longest: whoever comes for the others finds them, and nothing is said.
  const twice = offers.length
  expect([publish(3, NOW_MS + 9001, true), offers.length]).toEqual([['kept'], twice])
  for (const file of [1, 2]) publish(file, NOW_MS + 9002, true)
  expect(tuplesOf(offers.slice(-1))).toEqual([[[9000, true]]])
  expect([...kelips.ownTuples.values()].map(({ prefix }) => prefix.length)).toEqual([PREFIX_BYTES])
})

it.each(['full', 'full-key', 'full-publisher'])(
  '%s: the next record under the key offers the tuple again, and nobody is told that it is lost',
  outcome => {
    const { kelips, offers, publish, answer } = provider()
    answer(outcome)
    expect(publish(1, NOW_MS + 5000)).toEqual([outcome])
    expect(kelips.ownTuples.size).toBe(0)
    const before = offers.length
    expect(publish(2, NOW_MS + 4000)).toEqual([outcome])
    expect(offers.length).toBe(2 * before)
    answer('kept')
    expect(publish(3, NOW_MS + 4000)).toEqual(['kept'])
    expect(kelips.ownTuples.size).toBe(1)
  }
)
