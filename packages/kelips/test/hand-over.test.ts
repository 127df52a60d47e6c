/** What one that leaves gives to whom: each value to one who takes it, and not all at once. */
import type { StoreOutcome } from '@servent/key-routing/machine'
import type { Peer } from '@servent/overlay/machine'
import { testContact } from '@servent/overlay/testing'
import { describe, expect, it } from 'vitest'
import { HAND_OVERS_AT_ONCE, INSERT_TRIES, INSERTS_MAX } from '../src/constants.ts'
import { handOverValues } from '../src/hand-over.ts'
import { enter } from '../src/intake.ts'
import type { KelipsMessage } from '../src/messages.ts'
import { type Lone, lifeOf, lone, NOW_MS } from './support/lone.ts'

interface Asked {
  readonly peer: Peer
  readonly key: number
  readonly answer: (outcome: StoreOutcome | undefined) => void
}

/** A member with so many values, whose requests the test answers. `undefined`: by nobody. */
function holder(values: number, members: number): Lone & { readonly asked: Asked[] } {
  const own = lone()
  for (let number = 1; number <= members; number += 1)
    enter(own.kelips, own.kelips.peers.intern(testContact(number)), lifeOf(number))
  for (let at = 0; at < values; at += 1) {
    const key = new Uint8Array(32)
    new DataView(key.buffer).setUint32(8, at)
    own.kelips.values.put(
      {
        kind: 'value',
        key,
        publisher: testContact(0),
        sequence: 1,
        expiresMs: NOW_MS + 1000,
        subject: new Uint8Array(0),
        body: new Uint8Array(1)
      },
      own.kelips.nowMs,
      NOW_MS
    )
  }
  const asked: Asked[] = []
  own.kelips.calls.request = ((
    peer: Peer,
    message: KelipsMessage & { type: 'store' },
    _priority: number,
    done: (outcome: object, fx: object) => void
  ) => {
    if (message.type !== 'store') return
    expect(message.as).toBe('hand-over')
    const { id, records } = message
    asked.push({
      peer,
      key: new DataView(records[0]!.key.buffer).getUint32(8),
      answer: outcome =>
        done(
          outcome === undefined
            ? { failed: 'busy' }
            : { answer: { type: 'stored', id, outcomes: [outcome], copies: [1] } },
          own.fx
        )
    })
  }) as never
  return Object.assign(own, { asked })
}

const heldBy = ({ kelips }: Lone): Set<Peer> => {
  const peers = new Set<Peer>()
  kelips.heldPeers(peer => peers.add(peer))
  return peers
}

describe('one that leaves', () => {
  it.each(['busy', 'not-root', 'full', undefined] as const)(
    'gives what one does not take to another, four of them at most: %s',
    outcome => {
      const own = holder(1, INSERT_TRIES + 1)
      handOverValues(own.kelips, own.fx)
      for (let tries = 1; tries <= INSERT_TRIES; tries += 1) {
        expect(own.asked).toHaveLength(tries)
        own.asked.at(-1)!.answer(outcome)
      }
      expect(own.asked).toHaveLength(INSERT_TRIES)
      expect(new Set(own.asked.map(({ peer }) => peer)).size).toBe(INSERT_TRIES)
    }
  )

  it('is done with what one takes, has a newer one of, or will have nowhere', () => {
    for (const outcome of ['kept', 'older', 'refused'] as const) {
      const own = holder(1, 3)
      handOverValues(own.kelips, own.fx)
      own.asked[0]!.answer(outcome)
      expect(own.asked).toHaveLength(1)
    }
  })

  it(`gives ${HAND_OVERS_AT_ONCE} values at a time, in their order, and holds whom it has tried`, () => {
    const own = holder(HAND_OVERS_AT_ONCE + 2, 3)
    handOverValues(own.kelips, own.fx)
    expect(own.asked.map(({ key }) => key)).toEqual(Array.from({ length: HAND_OVERS_AT_ONCE }, (_, at) => at))
    own.asked[0]!.answer('kept')
    expect(own.asked.at(-1)!.key).toBe(HAND_OVERS_AT_ONCE)
    expect(own.asked).toHaveLength(HAND_OVERS_AT_ONCE + 1)
    const { peer } = own.asked[1]!
    own.kelips.view.remove(own.kelips.view.find(peer))
    expect(heldBy(own).has(peer)).toBe(true)
    for (let at = 1; at < own.asked.length; at += 1) own.asked[at]!.answer('kept')
    expect(heldBy(own).has(peer)).toBe(false)
    expect(own.asked.map(({ key }) => key)).toEqual(
      Array.from({ length: HAND_OVERS_AT_ONCE + 2 }, (_, at) => at)
    )
    expect(4 * HAND_OVERS_AT_ONCE).toBe(INSERTS_MAX)
  })

  it('gives nothing more when it has come back', () => {
    const own = holder(HAND_OVERS_AT_ONCE + 1, 3)
    handOverValues(own.kelips, own.fx)
    own.kelips.chain = {} as NonNullable<typeof own.kelips.chain>
    for (const { answer } of own.asked) answer('busy')
    expect(own.asked).toHaveLength(HAND_OVERS_AT_ONCE)
  })
})
