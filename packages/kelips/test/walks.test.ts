/** A walk inside a group, as each of its steps sees it (IPTPS section 2.2): who has nothing passes the question on, and the answer back. */
import type { CallDone } from '@servent/key-routing/machine'
import type { Peer } from '@servent/overlay/machine'
import { testContact } from '@servent/overlay/testing'
import { expect, it } from 'vitest'
import {
  PASS_TRIES_MAX,
  RELAYS_MAX,
  RENDEZVOUS_MEMBERS,
  STEP_PATIENCE_MS,
  STEPS_MAX,
  TTL_MAX,
  WALK_TTL
} from '../src/constants.ts'
import { onFind } from '../src/find-answers.ts'
import { groupOf } from '../src/group.ts'
import { takeIn } from '../src/intake.ts'
import type { Find, KelipsMessage, Providers } from '../src/messages.ts'
import { contactsFor, nearestOthers } from '../src/nearest.ts'
import type { KelipsTypes } from '../src/types.ts'
import { lifeOf, lone, tupleOf } from './support/lone.ts'

const ASKER = 9
const TUPLE = tupleOf(3, 1)
const KEY = Uint8Array.of(...TUPLE.prefix, ...TUPLE.prefix)
const NONE = {
  type: 'providers',
  id: 1,
  covers: true,
  hops: 0,
  timeouts: 0,
  total: 0,
  tuples: [],
  nearest: []
} as const

/**
 * A peer with eight others, who are members of its group or, in `groups` of two, of both, as they are asked and answered;
 * its choices are as `drawn`. `unlinked`: to whom there is no link.
 */
function step({ drawn = 5, groups = 1 }: { drawn?: number; groups?: number } = {}) {
  const own = lone({ groups, proximity: 'off' })
  const { kelips } = own
  const asked: { peer: Peer; message: Find; done: CallDone<KelipsTypes> }[] = []
  const answered: Providers[] = []
  const unlinked = new Set<Peer>()
  for (let number = 1; number <= 8; number += 1) {
    const peer = kelips.intern(testContact(number))!
    const isMember = groupOf(kelips.peers.key(peer), kelips.level) === groupOf(kelips.key, kelips.level)
    if (isMember) kelips.view.add(peer, lifeOf(number), 1000)
    else kelips.contacts.add(peer, lifeOf(number), 1000)
  }
  kelips.calls.request = (peer, message, _priority, done) => {
    if (message.type === 'find') asked.push({ peer, message, done })
  }
  kelips.calls.linkOf = peer => (unlinked.has(peer) ? undefined : 1)
  const fx = Object.assign(own.fx, {
    random: () => drawn,
    send: (_link: number, message: KelipsMessage) => answered.push(message as Providers)
  })
  const asker = kelips.intern(testContact(ASKER))!
  const find = (ttl: number, key = KEY) =>
    onFind(kelips, asker, { type: 'find', id: 77, key, want: 'provider', after: 0, ttl }, fx)
  return { kelips, fx, asked, answered, asker, find, unlinked }
}

it('asks those first who are told first: RENDEZVOUS_MEMBERS that are nearest, and the next where one cannot be reached', () => {
  for (let passed = 0; passed < RENDEZVOUS_MEMBERS; passed += 1) {
    const { kelips, fx, asked, asker, find } = step()
    find(WALK_TTL - passed)
    asked[0]!.done({ failed: 'unreachable' }, fx)
    const [first, second] = nearestOthers(kelips, KEY, 3).filter(peer => peer !== asker)
    expect(asked.map(({ peer }) => peer)).toEqual([first, second])
  }
  const chosen = new Set<Peer>()
  for (let drawn = 0; drawn < 8; drawn += 1) {
    const { asked, find } = step({ drawn })
    find(WALK_TTL - RENDEZVOUS_MEMBERS)
    chosen.add(asked[0]!.peer)
  }
  expect(chosen.size).toBeGreaterThan(2)
})

it('begins at the member that is nearest to the key, and its answer goes back with one step more', () => {
  const { kelips, fx, asked, answered, asker, find } = step()
  find(WALK_TTL)
  const [first] = asked
  expect(first).toMatchObject({
    peer: nearestOthers(kelips, KEY, 1, asker)[0],
    message: { key: KEY, ttl: WALK_TTL - 1 }
  })
  expect(answered).toEqual([])
  first!.done({ answer: { ...NONE, hops: 1, total: 1, tuples: [TUPLE] } }, fx)
  expect(answered).toMatchObject([{ id: 77, hops: 2, total: 1, tuples: [{ provider: testContact(3) }] }])
})

it('goes on to another member as long as it may, and not back to who asks', () => {
  for (let at = 0; at < 8; at += 1) {
    const { asked, asker, find } = step()
    find(1)
    expect(asked).toMatchObject([{ message: { ttl: 0 } }])
    expect(asked[0]!.peer).not.toBe(asker)
  }
})

it.each([
  ['it may go no further', (): number => 0, false],
  ['who is asked has the tuple', () => WALK_TTL, true]
])('ends where %s', (_, ttl, has) => {
  const { kelips, fx, asked, answered, find } = step()
  if (has) takeIn(kelips, { lives: [lifeOf(3)], tuples: [TUPLE] }, fx)
  find(ttl())
  expect(asked).toEqual([])
  expect(answered).toMatchObject([{ id: 77, hops: 0, covers: true, total: has ? 1 : 0 }])
})

it('that meets somebody silent ends with what the one before has, and says that it waited', () => {
  const { fx, asked, answered, find } = step()
  find(WALK_TTL)
  asked[0]!.done({ failed: 'silent' }, fx)
  expect(answered).toMatchObject([{ id: 77, total: 0, timeouts: 1, covers: true }])
})

it.each(['unreachable', 'link-down'] as const)(
  'that meets somebody %s goes on by another, PASS_TRIES_MAX in all',
  failed => {
    const { kelips, fx, asked, answered, asker, find } = step()
    find(WALK_TTL)
    for (let tries = 1; tries < PASS_TRIES_MAX; tries += 1) {
      asked[tries - 1]!.done({ failed }, fx)
      expect([asked.length, answered.length, kelips.relays]).toEqual([tries + 1, 0, 1])
    }
    const peers = asked.map(({ peer }) => peer)
    expect(new Set([...peers, asker]).size).toBe(PASS_TRIES_MAX + 1)
    expect(asked.every(({ message }) => message.ttl === WALK_TTL - 1)).toBe(true)
    asked.at(-1)!.done({ failed }, fx)
    expect([asked.length, kelips.relays]).toEqual([PASS_TRIES_MAX, 0])
    expect(answered).toMatchObject([{ id: 77, hops: 0, total: 0, timeouts: PASS_TRIES_MAX }])
  }
)

it('that another took says how many could not be reached before', () => {
  const { kelips, fx, asked, answered, find } = step()
  find(WALK_TTL)
  asked[0]!.done({ failed: 'unreachable' }, fx)
  asked[1]!.done({ answer: { ...NONE, hops: 1, timeouts: 1, total: 1, tuples: [TUPLE] } }, fx)
  expect(answered).toMatchObject([{ hops: 2, timeouts: 2, total: 1 }])
  expect(kelips.relays).toBe(0)
})

it.each([
  [0, 2],
  [1, 1]
])(
  'goes on by another for as long as whoever asks waits for a step: %i ms later, %i are asked',
  (late, count) => {
    const { kelips, fx, asked, find } = step()
    find(WALK_TTL)
    kelips.nowMs += STEP_PATIENCE_MS + late
    asked[0]!.done({ failed: 'unreachable' }, fx)
    expect(asked.length).toBe(count)
  }
)

it('of more steps than WALK_TTL is cut to that', () => {
  for (const ttl of [WALK_TTL, WALK_TTL + 1, TTL_MAX]) {
    const { asked, find } = step()
    find(ttl)
    expect(asked).toMatchObject([{ message: { ttl: WALK_TTL - 1 } }])
  }
})

it('says of its steps no more than whoever asks may read, whatever the next one says', () => {
  const { fx, asked, answered, find } = step()
  find(WALK_TTL)
  asked[0]!.done({ failed: 'unreachable' }, fx)
  asked[1]!.done({ answer: { ...NONE, hops: STEPS_MAX, timeouts: STEPS_MAX } }, fx)
  expect(answered).toMatchObject([{ hops: WALK_TTL, timeouts: STEPS_MAX }])
})

it('goes on by those alone that there is a link to, and while there is one to who asks', () => {
  const { kelips, fx, asked, answered, asker, find, unlinked } = step()
  const [first, second, third] = nearestOthers(kelips, KEY, 4, asker)
  unlinked.add(second!)
  find(WALK_TTL)
  asked[0]!.done({ failed: 'unreachable' }, fx)
  expect(asked.map(({ peer }) => peer)).toEqual([first, third])
  unlinked.add(asker)
  asked[1]!.done({ failed: 'unreachable' }, fx)
  expect([asked.length, answered.length, kelips.relays]).toEqual([2, 0, 0])
})

it('from outside the group goes on by another contact', () => {
  const { kelips, fx, asked, answered, find } = step({ groups: 2 })
  const key = Uint8Array.from(kelips.key)
  key[0]! ^= 0x80
  const contacts = contactsFor(kelips, key)
  expect(contacts.length).toBe(2)
  find(WALK_TTL, key)
  asked[0]!.done({ failed: 'unreachable' }, fx)
  expect(new Set(asked.map(({ peer }) => peer))).toEqual(new Set(contacts))
  asked[1]!.done({ failed: 'unreachable' }, fx)
  // What this peer itself can say; those that are gone are contacts no more.
  expect(answered).toMatchObject([{ covers: false, timeouts: 2 }])
  expect(contactsFor(kelips, key)).toEqual([])
})

it.each([
  ['unreachable', WALK_TTL, 1],
  ['link-down', WALK_TTL, 1],
  ['silent', WALK_TTL, 0],
  ['silent', 1, 1],
  ['busy', 1, 0]
] as const)('that meets somebody %s with %i steps left doubts %i', (failed, ttl, doubts) => {
  const { kelips, fx, asked, find } = step()
  find(ttl)
  asked[0]!.done({ failed }, fx)
  expect(kelips.counters.silent).toBe(doubts)
})

it('holds who asks and who is asked until it is answered, and no longer', () => {
  const { kelips, fx, asked, answered, asker, find } = step()
  const held = () => {
    const peers = new Set<Peer>()
    kelips.heldPeers(peer => peers.add(peer))
    return peers
  }
  const before = held()
  const passedOn = () => [...held()].filter(peer => !before.has(peer))
  find(WALK_TTL)
  asked[0]!.done({ failed: 'busy' }, fx)
  expect([answered.length, passedOn()]).toEqual([1, []])
  find(WALK_TTL)
  expect(passedOn()).toContain(asker)
  asked[1]!.done({ answer: NONE }, fx)
  expect([answered.length, passedOn()]).toEqual([2, []])
})

it('that fails before it is under way is answered once', () => {
  const { kelips, answered, find } = step()
  kelips.calls.request = (_peer, message, _priority, done, fx) => {
    if (message.type === 'find') done({ failed: 'busy' }, fx)
  }
  find(WALK_TTL)
  expect([answered.length, kelips.relays]).toEqual([1, 0])
})

it('is passed on for RELAYS_MAX at a time: one more is answered at once', () => {
  const { kelips, fx, asked, answered, find } = step()
  for (let at = 0; at < RELAYS_MAX; at += 1) find(WALK_TTL)
  expect([asked.length, answered.length]).toEqual([RELAYS_MAX, 0])
  find(WALK_TTL)
  expect([asked.length, answered.length]).toEqual([RELAYS_MAX, 1])
  asked[0]!.done({ answer: NONE }, fx)
  expect(kelips.relays).toBe(RELAYS_MAX - 1)
  find(WALK_TTL)
  expect(asked.length).toBe(RELAYS_MAX + 1)
})
