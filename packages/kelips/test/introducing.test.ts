/** Introducing joiners (K6) within the bound of gossip (K3): whoever joins again and again silences nobody. */
import type { Peer } from '@servent/overlay/machine'
import { testContact } from '@servent/overlay/testing'
import { beforeEach, describe, expect, it } from 'vitest'
import { CONTACTS_DEFAULT, GOSSIP_BURST_BYTES, GOSSIP_FOR_ROUNDS_BYTES } from '../src/constants.ts'
import { setLevel } from '../src/epoch.ts'
import { gossipRound } from '../src/gossip.ts'
import { enter } from '../src/intake.ts'
import { onJoin } from '../src/join.ts'
import type { Gossip } from '../src/messages.ts'
import { beginChain } from '../src/own-life.ts'
import { type Lone, lifeOf, lone, NOW_MS } from './support/lone.ts'

let own: Lone
/** Of the other of two groups: two that are contacts, and more. */
let foreign: readonly number[]

const handleOf = (number: number): Peer => own.fx.peers.intern(testContact(number))

beforeEach(() => {
  own = lone({ groups: 2 })
  const { kelips, fx } = own
  setLevel(kelips, 1, fx)
  beginChain(kelips, fx)
  kelips.calls.request = () => undefined
  const numbers = Array.from({ length: 200 }, (_, at) => at + 1)
  foreign = numbers.filter(number => !kelips.isMember(kelips.peers.key(handleOf(number))))
  const members = numbers.filter(number => !foreign.includes(number))
  for (const number of [...members.slice(0, 10), ...foreign.slice(0, CONTACTS_DEFAULT)])
    enter(kelips, handleOf(number), lifeOf(number))
})

function join(number: number): void {
  const { heartbeatMs } = own.kelips.settings
  const life = lifeOf(number, 0, { signature: new Uint8Array(64) })
  onJoin(own.kelips, handleOf(number), { type: 'join', id: 1, level: 1, heartbeatMs, life }, own.fx)
}

/** Contacts that were told of a peer by itself. */
const toldOf = (number: number): number =>
  own.sent.filter(({ message }) => {
    const { lives, beats } = message as Gossip
    return (
      beats.length === 0 && lives.length === 1 && own.kelips.intern(lives[0]!.contact) === handleOf(number)
    )
  }).length

describe('a joiner of another group', () => {
  it('is introduced to the contacts there, once in a round', () => {
    const joiner = foreign[5]!
    for (let turn = 0; turn < 5; turn += 1) join(joiner)
    expect(toldOf(joiner)).toBe(CONTACTS_DEFAULT)
    gossipRound(own.kelips, own.fx)
    own.sent.length = 0
    for (let turn = 0; turn < 5; turn += 1) join(joiner)
    expect(toldOf(joiner)).toBe(CONTACTS_DEFAULT)
  })

  it('is introduced later in the round where there was no room at first', () => {
    const joiner = foreign[5]!
    own.kelips.gossipBudget.take(GOSSIP_BURST_BYTES, own.kelips.nowMs)
    join(joiner)
    expect(toldOf(joiner)).toBe(0)
    own.kelips.nowMs += 60_000
    join(joiner)
    expect(toldOf(joiner)).toBe(CONTACTS_DEFAULT)
  })

  it('leaves GOSSIP_FOR_ROUNDS_BYTES to rounds, and as many as may join do', () => {
    const { kelips, fx } = own
    for (const joiner of foreign.slice(CONTACTS_DEFAULT)) join(joiner)
    expect(kelips.counters.gossipHeldBack).toBeGreaterThan(0)
    expect(kelips.gossipBudget.waitMs(GOSSIP_FOR_ROUNDS_BYTES, kelips.nowMs)).toBe(0)
    const { gossipHeldBack } = kelips.counters
    gossipRound(kelips, fx)
    expect(kelips.counters.gossipHeldBack).toBe(gossipHeldBack)
  })

  it('that joins twenty times a second holds no round up', () => {
    const { kelips, fx } = own
    const joiner = foreign[5]!
    for (let ms = 0; ms < 60_000; ms += 50) {
      kelips.nowMs = 1000 + ms
      kelips.wallMs = NOW_MS + ms
      join(joiner)
      if (ms % kelips.settings.gossipMs === 0) gossipRound(kelips, fx)
    }
    expect(kelips.counters.gossipHeldBack).toBe(0)
  })
})
