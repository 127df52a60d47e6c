/**
 * Members that do not answer in time. By its view a peer answers whose a key is, so whoever is taken out of it while it
 * lives has its keys told to be another's; IPTPS section 2 takes out those alone whose heartbeat stands still.
 */
import type { Peer } from '@servent/overlay/machine'
import { testContact } from '@servent/overlay/testing'
import { describe, expect, it } from 'vitest'
import { DOUBTED_MAX } from '../src/constants.ts'
import { onSilent } from '../src/gossip.ts'
import { enter } from '../src/intake.ts'
import { type Lone, lifeOf, lone } from './support/lone.ts'
import { KelipsNetwork } from './support/network.ts'

const SECOND_US = 1_000_000
/** Nearly the longest round trip of the lab's wide area, one way. */
const FAR_US = 1_400_000
const NEAR_US = 25_000

it.each([
  'far member',
  // Where some have first to open a link to it, which takes longer than a request waits for one.
  ...[1, 3, 10, 13, 15, 17, 18].map(number => `far member${number}`)
])('a member that is further away than a request to it waits stays in every view: %s', seed => {
  const network = new KelipsNetwork({
    seed,
    settings: { groups: 1, proximity: 'off' },
    simulation: { network: { oneWayUs: (a, b) => (a === 0 || b === 0 ? FAR_US : NEAR_US) } }
  })
  network.startIdeal(12, 0)
  let silent = 0
  for (let second = 0; second < 200; second += 1) {
    network.simulation.runFor(SECOND_US)
    expect(network.views(), `after ${second} s`).toMatchObject({ missing: 0, dead: 0 })
  }
  for (const node of network.simulation.aliveNodes()) silent += network.machine(node).state.counters.silent
  // It was silent to somebody: the first time that it is asked anything its answer comes too late.
  expect(silent).toBeGreaterThan(0)
})

interface Asked {
  readonly peer: Peer
  end(outcome: 'pong' | 'silent' | 'unreachable' | 'busy'): void
}

/** A peer alone whose requests wait until the test says what came of them. */
function asking(settings = {}): { own: Lone; asked: Asked[]; peer: (number: number) => Peer } {
  const own = lone(settings)
  const asked: Asked[] = []
  own.kelips.calls.request = ((peer: Peer, { id }: { id: number }, _priority: number, done: Done) => {
    asked.push({
      peer,
      end: outcome =>
        done(outcome === 'pong' ? { answer: { type: 'pong', id } } : { failed: outcome }, own.fx)
    })
  }) as never
  return { own, asked, peer: number => own.fx.peers.intern(testContact(number)) }
}

type Done = (outcome: unknown, fx: Lone['fx']) => void

/** With a member, or a contact. */
function withOne(settings = {}, number = 1) {
  const all = asking(settings)
  const peer = all.peer(number)
  expect(enter(all.own.kelips, peer, lifeOf(number))).toBe(true)
  return { ...all, one: peer, kelips: all.own.kelips, fx: all.own.fx }
}

describe('a member that did not answer', () => {
  it('is asked itself, once for all who miss it, and stays when it answers', () => {
    const { kelips, fx, asked, one } = withOne()
    onSilent(kelips, one, fx)
    onSilent(kelips, one, fx)
    expect(asked.map(({ peer }) => peer)).toEqual([one])
    expect(kelips.view.find(one)).toBe(0)
    kelips.nowMs = 5000
    asked[0]!.end('pong')
    expect([kelips.view.size, kelips.view.heardMs(0), kelips.doubted.size]).toEqual([1, 5000, 0])
    expect(kelips.cache.lost.peers).toEqual([])
  })

  it('is given up where it is silent again, with more patience each time, or cannot be reached', () => {
    for (const outcomes of [['silent', 'silent'], ['unreachable']] as const) {
      const { kelips, fx, asked, one } = withOne()
      onSilent(kelips, one, fx)
      for (const [at, outcome] of outcomes.entries()) {
        expect(kelips.view.size).toBe(1)
        asked[at]!.end(outcome)
      }
      expect([kelips.view.size, kelips.dead.has(one), kelips.cache.lost.peers]).toEqual([0, true, [one]])
      expect([asked.length, kelips.doubted.size]).toEqual([outcomes.length, 0])
    }
  })

  it('stays where this peer has too much in hand to ask, or stops looking after its tables', () => {
    const { kelips, fx, asked, one } = withOne()
    onSilent(kelips, one, fx)
    asked[0]!.end('busy')
    expect([kelips.view.size, kelips.doubted.size]).toEqual([1, 0])
    onSilent(kelips, one, fx)
    kelips.maintenance = false
    asked[1]!.end('unreachable')
    onSilent(kelips, one, fx)
    expect([kelips.view.size, asked.length]).toEqual([1, 2])
  })

  it('is one of DOUBTED_MAX; one past it is given up at once', () => {
    const { own, asked, peer } = asking()
    const { kelips, fx } = own
    for (let number = 1; number <= DOUBTED_MAX + 1; number += 1) enter(kelips, peer(number), lifeOf(number))
    for (let number = 1; number <= DOUBTED_MAX; number += 1) onSilent(kelips, peer(number), fx)
    expect([kelips.view.size, kelips.doubted.size]).toEqual([DOUBTED_MAX + 1, DOUBTED_MAX])
    onSilent(kelips, peer(DOUBTED_MAX + 1), fx)
    expect([kelips.view.size, asked.length]).toEqual([DOUBTED_MAX, DOUBTED_MAX])
  })
})

it('a contact that did not answer is taken out at once: there are others of its group', () => {
  const settings = { groups: 2 }
  const probe = lone(settings)
  const isForeign = (number: number) =>
    !probe.kelips.isMember(probe.fx.peers.key(probe.fx.peers.intern(testContact(number))))
  const number = Array.from({ length: 50 }, (_, at) => at + 1).find(isForeign)!
  const { kelips, fx, asked, one } = withOne(settings, number)
  expect(kelips.contacts.table.size).toBe(1)
  onSilent(kelips, one, fx)
  expect([kelips.contacts.table.size, kelips.dead.has(one), asked.length]).toEqual([0, true, 0])
})
