/** Whom gossip tells where a peer holds as many links as it should, and who may be a contact. */
import type { Peer } from '@servent/overlay/machine'
import { testContact } from '@servent/overlay/testing'
import { describe, expect, it } from 'vitest'
import { LINKED_TARGETS_MIN, STRANGERS_EVERY_ROUNDS, TARGETS_DEFAULT } from '../src/constants.ts'
import { setLevel } from '../src/epoch.ts'
import { gossipRound } from '../src/gossip.ts'
import { groupOf } from '../src/group.ts'
import { enter, keepTuple, takeIn } from '../src/intake.ts'
import { newsTargets } from '../src/targets.ts'
import { lifeOf, lone, NOW_MS, tupleOf } from './support/lone.ts'

const MEMBERS = 40
const LINKED = LINKED_TARGETS_MIN * TARGETS_DEFAULT

/** A peer with forty members, linked with the first ones, which holds enough links. */
function linkedWith(count: number, holdsEnough = true) {
  const own = lone()
  const { kelips, fx } = own
  // Another one each time, from the whole range.
  let drawn = 0
  fx.random = () => {
    drawn += 1
    return Math.imul(drawn, 0x9e3779b1) >>> 0
  }
  const members = Array.from({ length: MEMBERS }, (_, at) => fx.peers.intern(testContact(at + 1)) as Peer)
  for (const [at, peer] of members.entries()) enter(kelips, peer, lifeOf(at + 1))
  Object.defineProperty(kelips.calls, 'holdsEnough', { value: holdsEnough })
  const linked = new Set(members.slice(0, count))
  kelips.calls.linkOf = peer => (linked.has(peer) ? peer : undefined)
  const toldIn = (rounds: number) => {
    own.sent.length = 0
    for (let round = 0; round < rounds; round += 1) gossipRound(kelips, fx)
    return own.sent.map(({ peer }) => peer)
  }
  return { ...own, linked, toldIn }
}

describe('targets of gossip', () => {
  it('are linked peers where another link would take the place of one, but for one round of several', () => {
    const { toldIn, linked } = linkedWith(LINKED)
    const told = toldIn(STRANGERS_EVERY_ROUNDS - 1)
    expect(told).toHaveLength((STRANGERS_EVERY_ROUNDS - 1) * TARGETS_DEFAULT)
    expect(told.every(peer => linked.has(peer))).toBe(true)
    const strangers = Array.from({ length: 20 }, () => {
      const open = toldIn(1)
      toldIn(STRANGERS_EVERY_ROUNDS - 1)
      return open
    }).flat()
    expect(strangers.some(peer => !linked.has(peer))).toBe(true)
  })

  it('are drawn from all where there is room for links, or too few have one', () => {
    for (const { toldIn, linked } of [linkedWith(LINKED, false), linkedWith(LINKED - 1)])
      expect(toldIn(STRANGERS_EVERY_ROUNDS - 1).some(peer => !linked.has(peer))).toBe(true)
  })

  it('of news are linked, too, and all of these in time', () => {
    const { kelips, fx, linked } = linkedWith(LINKED)
    const told = Array.from({ length: 200 }, () => newsTargets(kelips, kelips.view, TARGETS_DEFAULT, fx))
    expect(new Set(told.flat())).toEqual(linked)
  })
})

describe('a provider of which there are tuples here already', () => {
  /** Providers in a group of all, before it splits: every member is one. */
  function beforeSplit() {
    const own = lone()
    const { kelips, fx } = own
    for (let number = 1; number <= MEMBERS; number += 1) {
      enter(kelips, fx.peers.intern(testContact(number)) as Peer, lifeOf(number))
      expect(keepTuple(kelips, tupleOf(number, number))).toBe('kept')
    }
    return own
  }

  it('is a contact once its group is another one', () => {
    const { kelips, fx } = beforeSplit()
    setLevel(kelips, 1, fx)
    const { contacts, view, settings } = kelips
    expect(contacts.table.size).toBe(settings.contacts)
    for (let row = 0; row < contacts.table.size; row += 1)
      expect(groupOf(kelips.peers.key(contacts.table.peerAt(row)), 1)).not.toBe(kelips.group)
    expect(view.size).toBeGreaterThan(MEMBERS / 4)
  })

  it('takes the place of a contact that was lost, with the latest of its heartbeats that is known', () => {
    const { kelips, fx } = beforeSplit()
    setLevel(kelips, 1, fx)
    const { contacts, origins, peers } = kelips
    while (contacts.table.size > 0) kelips.bury(contacts.table.peerAt(0))
    const foreign = Array.from({ length: MEMBERS }, (_, at) => at + 1).filter(number => {
      const peer = peers.intern(testContact(number)) as Peer
      return groupOf(peers.key(peer), 1) !== kelips.group && !kelips.dead.has(peer)
    })
    const [number] = foreign as [number]
    const peer = peers.intern(testContact(number)) as Peer
    origins.table.beat(origins.table.find(peer), 5, new Uint8Array(16), kelips.nowMs)
    takeIn(kelips, { lives: [lifeOf(number, 3)], tuples: [] }, fx)
    const row = contacts.table.find(peer)
    expect(row).toBeGreaterThanOrEqual(0)
    expect(contacts.table.beatAt(row)).toBe(5)
  })
})

it('a contact that made room comes back with no older heartbeat than it had', () => {
  const { kelips, fx } = lone({ groups: 2 })
  const foreign = (own = {}) => ({ startS: NOW_MS / 1000 - 60, ...own })
  const numbers = Array.from({ length: MEMBERS }, (_, at) => at + 1).filter(
    number => groupOf(fx.peers.key(fx.peers.intern(testContact(number)) as Peer), 1) !== kelips.group
  )
  const [one, two, newer] = numbers as [number, number, number]
  const peerOf = (number: number) => fx.peers.intern(testContact(number)) as Peer
  enter(kelips, peerOf(one), lifeOf(one, 2, foreign()))
  enter(kelips, peerOf(two), lifeOf(two, 4, foreign()))
  enter(kelips, peerOf(newer), lifeOf(newer))
  const { contacts } = kelips
  expect(contacts.table.find(peerOf(one))).toBe(-1)
  kelips.bury(peerOf(newer))
  expect(enter(kelips, peerOf(one), lifeOf(one, 1, foreign()))).toBe(false)
  expect(contacts.table.find(peerOf(one))).toBe(-1)
  expect(enter(kelips, peerOf(one), lifeOf(one, 2, foreign()))).toBe(true)
})
