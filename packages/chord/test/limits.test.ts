/** Every bound on what others control: at the limit, and one past it. */

import { decodeContacts, encodeContacts } from '@servent/key-routing/machine'
import { describe, expect, it } from 'vitest'
import { guessFingers } from '../src/finger-gaps.ts'
import { FingerTable } from '../src/finger-table.ts'
import { alone, askContacts, onMembersRequest } from '../src/forming.ts'
import { FormingTable } from '../src/forming-table.ts'
import {
  BOOTSTRAP_PEERS_MAX,
  CANDIDATE_STEPS_MAX,
  CANDIDATES_MAX,
  type ChordMessage,
  CONTACTS_ASKED_MAX,
  chordSettings,
  EXCHANGE_MS_MIN,
  FINGER_PROBES_MAX,
  FINGERS_MAX,
  FOREIGN_STEPS_MAX,
  FORMING_MEMBERS_MAX,
  FORMING_SILENT_ROUNDS_MAX,
  JOIN_STEPS_MAX,
  LOST_PEERS_MAX,
  PERIOD_MS_MAX,
  PERIOD_MS_MIN,
  PROXIMITY_PINGS_MAX,
  PROXIMITY_SAMPLES_MAX,
  SAVED_PEERS_MAX,
  STABILISE_STEPS_MAX,
  SUCCESSORS_MAX,
  VIRTUAL_KEYS_MAX,
  VIRTUAL_NODES_MAX
} from '../src/machine.ts'
import { probeForeign } from '../src/merge.ts'
import { searchByProximity } from '../src/proximity.ts'
import { join } from '../src/ring-join.ts'
import { NOBODY } from '../src/ring-key.ts'
import { onMessage } from '../src/ring-messages.ts'
import { stabilise } from '../src/stabilise.ts'
import { listBehind } from '../src/successor-list.ts'
import { VirtualKeys } from '../src/virtual-keys.ts'
import {
  type AnsweredRing,
  answeredRing,
  contactOfNumber,
  keyOfNumber,
  nodeOfNumber,
  ref
} from './support/answered-ring.ts'

function sentOf(all: AnsweredRing, type: ChordMessage['type']): number {
  return all.sent.filter(({ message }) => message.type === type).length
}

/** The answer of a node that has this predecessor and list. */
function neighbours(
  id: number,
  predecessor: number,
  successors: readonly number[],
  listLength = 4
): ChordMessage {
  return {
    type: 'neighbours',
    id,
    standing: 'ring',
    version: 1,
    unchanged: false,
    listLength,
    predecessor: nodeOfNumber(predecessor),
    successors: successors.map(nodeOfNumber)
  }
}

describe('settings out of their range are taken for the nearest in it', () => {
  it.each([
    ['successors', SUCCESSORS_MAX],
    ['virtualNodes', VIRTUAL_NODES_MAX],
    ['samples', PROXIMITY_SAMPLES_MAX],
    ['stabiliseMs', PERIOD_MS_MAX],
    ['mergeMs', PERIOD_MS_MAX]
  ] as const)('%s', (name, max) => {
    expect(chordSettings({ [name]: max })[name]).toBe(max)
    expect(chordSettings({ [name]: max + 1 })[name]).toBe(max)
    expect(chordSettings({ [name]: Number.NaN })[name]).toBe(chordSettings({ [name]: -5 })[name])
  })

  it('PERIOD_MS_MIN: no period is shorter, and 0 is never where there is a never', () => {
    for (const name of ['stabiliseMs', 'fixFingersMs', 'checkPredecessorMs', 'mergeMs', 'saveMs'] as const) {
      expect(chordSettings({ [name]: PERIOD_MS_MIN })[name]).toBe(PERIOD_MS_MIN)
      expect(chordSettings({ [name]: PERIOD_MS_MIN - 1 })[name]).toBe(PERIOD_MS_MIN)
    }
    expect([chordSettings({ mergeMs: 0 }).mergeMs, chordSettings({ stabiliseMs: 0 }).stabiliseMs]).toEqual([
      0,
      PERIOD_MS_MIN
    ])
  })
})

describe('tables', () => {
  it(`FINGERS_MAX: the ${FINGERS_MAX} furthest are kept`, () => {
    const table = new FingerTable()
    for (let exponent = 0; exponent < FINGERS_MAX; exponent += 1)
      expect(table.set(exponent, exponent)).toBe(true)
    expect(table.length).toBe(FINGERS_MAX)
    expect(table.set(200, 999)).toBe(true)
    expect(table.length).toBe(FINGERS_MAX)
    expect(table.at(0)).toBe(999)
    expect(table.get(0)).toBe(NOBODY)
    expect(table.set(0, 1)).toBe(false)
  })

  it('a list is cut to r, and at whatever is out of order, twice there or the owner itself', () => {
    const keys = { key: (one: number) => keyOfNumber(one / VIRTUAL_NODES_MAX) }
    const behind = (head: number, list: readonly number[], r: number) =>
      listBehind(keyOfNumber(10), ref(head), list.map(ref), r, keys).map(one => one / VIRTUAL_NODES_MAX)
    expect(behind(11, [12, 13, 14], 4)).toEqual([11, 12, 13, 14])
    expect(behind(11, [12, 13, 14, 15], 4)).toEqual([11, 12, 13, 14])
    expect(behind(11, [13, 12, 14], 4)).toEqual([11, 13])
    expect(behind(11, [12, 12, 14], 4)).toEqual([11, 12])
    expect(behind(11, [12, 10, 14], 4)).toEqual([11, 12])
    expect(behind(11, [12, 5, 11], 4)).toEqual([11, 12, 5])
    expect(behind(10, [12], 4)).toEqual([])
  })

  it('VIRTUAL_KEYS_MAX: one past it they are made anew', () => {
    const keys = new VirtualKeys()
    for (let peer = 1; peer <= VIRTUAL_KEYS_MAX; peer += 1) keys.of(keyOfNumber(peer), ref(peer) + 1)
    expect(keys.size).toBe(VIRTUAL_KEYS_MAX)
    const first = keys.of(keyOfNumber(1), ref(1) + 1)
    keys.of(keyOfNumber(9), ref(9) + 2)
    expect(keys.size).toBe(1)
    expect(keys.of(keyOfNumber(1), ref(1) + 1)).toEqual(first)
    expect(keys.find(keyOfNumber(1), 1, first)).toBe(ref(1) + 1)
    expect(keys.find(keyOfNumber(1), 1, keyOfNumber(2))).toBe(NOBODY)
  })

  it('who takes part while a ring forms: r founders beside this peer, and one who waits, those of the lowest keys', () => {
    const table = new FormingTable(3, (a, b) => a - b)
    for (const peer of [10, 40, 20, 30]) expect(table.heard(peer, 1, new Set())).toBe(true)
    expect(table.heard(50, 1, new Set())).toBe(false)
    expect(table.heardOf(5, 1, 10)).toBe(true)
    expect(table.group).toEqual([5, 10, 20])
    // Beside those who were heard.
    expect(table.size).toBe(5)
  })

  it('whoever is remembered while a ring forms is held: members, whom they named and who named them, those given up', () => {
    const table = new FormingTable(3, (a, b) => a - b)
    table.heard(10, 1, new Set([11, 12]))
    table.heardOf(20, 1, 21)
    table.heardOf(30, 1, 31)
    table.remove(30)
    const held = new Set<number>()
    table.heldPeers(peer => held.add(peer))
    expect([...held].sort()).toEqual([10, 11, 12, 20, 21, 30, 31])
  })

  it('EXCHANGE_MS_MIN: news bring an exchange forward no sooner after the last one', () => {
    const all = answeredRing({ successors: 8 }, [], () => undefined)
    const { ring, fx } = all
    all.hold = true
    alone(ring, fx)
    const timers: number[] = []
    fx.setTimer = (_timer, afterMs) => timers.push(afterMs)
    ring.nowMs = 1_000_000
    const heard = (peer: number) => {
      const { length } = all.sent
      onMembersRequest(
        ring,
        peer,
        { type: 'members-request', id: peer, listLength: 8, virtualNodes: 1, members: [] },
        fx
      )
      return all.sent.slice(length).map(({ peer: to }) => to)
    }
    expect([heard(10), timers]).toEqual([[10], []])
    ring.nowMs += EXCHANGE_MS_MIN - 1
    // It is asked for when it is due.
    expect([heard(11), timers]).toEqual([[], [1]])
    ring.nowMs += 1
    expect([heard(12), timers]).toEqual([[10, 11, 12], [1]])
  })

  it('FORMING_SILENT_ROUNDS_MAX, and FORMING_MEMBERS_MAX that are given up', () => {
    const table = new FormingTable(FORMING_MEMBERS_MAX, (a, b) => a - b)
    for (let peer = 1; peer <= FORMING_MEMBERS_MAX + 1; peer += 1) {
      table.heardOf(peer, 1, peer)
      for (let round = 1; round < FORMING_SILENT_ROUNDS_MAX; round += 1)
        expect(table.silent(peer)).toBe(false)
      expect(table.silent(peer)).toBe(true)
      // Others cannot bring it back; it can itself.
      expect(table.heardOf(peer, 1, peer)).toBe(false)
    }
    expect(table.heard(2, 1, new Set())).toBe(true)
    // So many are remembered, and not the first one before them.
    expect(table.heardOf(FORMING_MEMBERS_MAX + 1, 1, 1000)).toBe(false)
    expect(table.heardOf(1, 1, 1000)).toBe(true)
  })

  it('BOOTSTRAP_PEERS_MAX and LOST_PEERS_MAX: the oldest is forgotten', () => {
    const { ring } = answeredRing({}, [1], () => undefined)
    for (let peer = 1; peer <= BOOTSTRAP_PEERS_MAX + 1; peer += 1) ring.bootstrap.add(peer)
    expect(ring.bootstrap.peers).toEqual(Array.from({ length: BOOTSTRAP_PEERS_MAX }, (_, at) => at + 2))
    for (let peer = 1; peer <= LOST_PEERS_MAX + 1; peer += 1) ring.lost.add(peer)
    expect(ring.lost.peers.length).toBe(LOST_PEERS_MAX)
    const round = Array.from({ length: LOST_PEERS_MAX }, () => ring.lost.next())
    expect(new Set(round).size).toBe(LOST_PEERS_MAX)
  })

  it('SAVED_PEERS_MAX: of more only so many are read; what was cut gives what is whole', () => {
    const contacts = Array.from({ length: SAVED_PEERS_MAX + 1 }, (_, at) => ({
      id: contactOfNumber(at).id,
      addresses: [Uint8Array.of(4, 1, 2, 3)]
    }))
    expect(decodeContacts(encodeContacts(contacts.slice(0, SAVED_PEERS_MAX)), SAVED_PEERS_MAX)).toEqual(
      contacts.slice(0, SAVED_PEERS_MAX)
    )
    expect(decodeContacts(encodeContacts(contacts), SAVED_PEERS_MAX).length).toBe(SAVED_PEERS_MAX)
    const whole = encodeContacts(contacts.slice(0, 2))
    for (let length = 0; length < whole.length; length += 1)
      expect(decodeContacts(whole.slice(0, length), SAVED_PEERS_MAX).length).toBeLessThan(2)
  })
})

describe('what one message, or one round, may cause', () => {
  it('CANDIDATE_STEPS_MAX: it is passed on so often, and dropped beyond', () => {
    const passedOn = (steps: number) => {
      const all = answeredRing({ successors: 4 }, [10, 20, 30], () => undefined)
      onMessage(all.ring, 10, { type: 'candidate', index: 0, node: nodeOfNumber(25), steps }, all.fx)
      return all.sent.map(({ peer, message }) => [peer, message.type === 'candidate' ? message.steps : -1])
    }
    expect(passedOn(CANDIDATE_STEPS_MAX - 1)).toEqual([[20, CANDIDATE_STEPS_MAX]])
    expect(passedOn(CANDIDATE_STEPS_MAX)).toEqual([])
    expect(passedOn(CANDIDATE_STEPS_MAX + 1)).toEqual([])
  })

  it('CANDIDATES_MAX: no more are looked at at a time', () => {
    const all = answeredRing({ successors: 4 }, [100], () => undefined)
    all.hold = true
    for (let peer = 1; peer <= CANDIDATES_MAX + 1; peer += 1)
      onMessage(
        all.ring,
        1000 + peer,
        { type: 'candidate', index: 0, node: nodeOfNumber(50), steps: 0 },
        all.fx
      )
    expect(sentOf(all, 'neighbours-request')).toBe(CANDIDATES_MAX)
  })

  it('STABILISE_STEPS_MAX: predecessors of predecessors are asked so often in one round', () => {
    const asked = (between: number) => {
      const all = answeredRing({ successors: 4 }, [between + 1], (peer, { id }) =>
        neighbours(id, peer - 1, [])
      )
      stabilise(all.ring, all.place, all.fx)
      return { requests: sentOf(all, 'neighbours-request'), head: all.place.successors[0] }
    }
    expect(asked(STABILISE_STEPS_MAX)).toEqual({ requests: STABILISE_STEPS_MAX + 1, head: ref(1) })
    expect(asked(STABILISE_STEPS_MAX + 1)).toEqual({ requests: STABILISE_STEPS_MAX + 1, head: ref(2) })
  })

  it('JOIN_STEPS_MAX: a joiner walks so far along the ring', () => {
    // This peer has the key 0: the root's predecessor claims to be far behind it, and each next one a step nearer.
    const walked = (steps: number) => {
      const start = 60_000 - steps
      const all = answeredRing({ successors: 4 }, [], (peer, { id }) =>
        peer === 5 ? neighbours(id, start, []) : neighbours(id, 1, [peer === 60_000 ? 5 : peer + 1])
      )
      all.place.member = false
      all.place.joining = true
      all.ring.router = { ...all.ring.router, lookup: () => {} } as unknown as typeof all.ring.router
      join(all.ring, all.place, ref(5), all.fx)
      return all.place.successors[0]
    }
    expect(walked(JOIN_STEPS_MAX - 1)).toBe(ref(5))
    expect(walked(JOIN_STEPS_MAX)).toBeUndefined()
  })

  it('FINGER_PROBES_MAX: so many guesses of a successor are asked', () => {
    const all = answeredRing({ successors: 4 }, [1], (_peer, { type, id }) =>
      type === 'fingers-request'
        ? {
            type: 'fingers',
            id,
            fingers: Array.from({ length: FINGER_PROBES_MAX + 1 }, (_, at) => nodeOfNumber(at + 2))
          }
        : { type: 'pong', id }
    )
    guessFingers(all.ring, all.place, ref(1), all.fx, () => {})
    expect(sentOf(all, 'ping')).toBe(FINGER_PROBES_MAX)
  })

  it('FOREIGN_STEPS_MAX: a peer that always names another one is not followed for ever', () => {
    const all = answeredRing({ successors: 4 }, [1], (peer, { id }) => ({
      type: 'next-hops-answer',
      id,
      replicas: [],
      hops: [{ contact: contactOfNumber(peer + 1), root: false }]
    }))
    all.ring.bootstrap.add(1000)
    probeForeign(all.ring, all.fx)
    expect(sentOf(all, 'next-hops-request')).toBe(FOREIGN_STEPS_MAX)
  })

  it('PROXIMITY_PINGS_MAX: so many of unknown round trip are measured in one round', () => {
    const first = 128 << 8
    const all = answeredRing({ successors: 16, proximity: 'on' }, [1], (_peer, { type, id }) =>
      type === 'neighbours-request'
        ? neighbours(
            id,
            1,
            Array.from({ length: 15 }, (_, at) => first + at + 1),
            16
          )
        : { type: 'pong', id }
    )
    all.ring.router = {
      ...all.ring.router,
      lookup: (_key: unknown, _options: unknown, done: (found: unknown, fx: unknown) => void) =>
        done({ root: contactOfNumber(first), to: keyOfNumber(first) }, all.fx)
    } as unknown as typeof all.ring.router
    searchByProximity(all.ring, all.place, 255, all.fx, () => {})
    expect(sentOf(all, 'ping')).toBe(PROXIMITY_PINGS_MAX)
  })

  it('CONTACTS_ASKED_MAX: so many contacts are asked at a time', () => {
    const all = answeredRing({}, [], () => undefined)
    for (let peer = 1; peer <= 3; peer += 1) {
      all.ring.bootstrap.add(peer)
      all.ring.lost.add(peer + 10)
    }
    all.ring.mode = 'joining'
    askContacts(all.ring, all.fx)
    expect(sentOf(all, 'members-request')).toBe(CONTACTS_ASKED_MAX)
  })
})
