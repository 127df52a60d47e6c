/** Who enters the table of a machine and who leaves it, how it joins, and what it refreshes. */
import { commonPrefixBits, keyOfPeer } from '@servent/overlay/machine'
import { testContact } from '@servent/overlay/testing'
import { describe, expect, it } from 'vitest'
import {
  BUCKET_PEERS_MAX,
  DISJOINT_PATHS_MAX,
  JOIN_AGAIN_MS,
  kademliaSettings,
  NEWCOMERS_MAX,
  PATH_REQUESTS_MAX,
  PING_AGAIN_MS,
  REFRESHED_PREFIX_BITS_MAX,
  SILENCES_MAX
} from '../src/machine.ts'
import { Solo } from './support/solo.ts'

const own = keyOfPeer(testContact(0).id)
/** Numbers of peers by the bits that they share with this one. */
const ofPrefix = (prefix: number, count: number): number[] => {
  const found: number[] = []
  for (let number = 1; found.length < count; number += 1)
    if (commonPrefixBits(own, keyOfPeer(testContact(number).id)) === prefix) found.push(number)
  return found
}
const FAR = ofPrefix(0, 200)
const KEY = keyOfPeer(testContact(1).id)

describe('a newcomer', () => {
  it('enters once it has answered a ping, and not by asking', () => {
    const solo = new Solo()
    solo.say(FAR[0]!, { type: 'find-node', id: 1, key: KEY, purpose: 'user' })
    expect(solo.has(FAR[0]!)).toBe(false)
    const [ping] = solo.sent(FAR[0]!, 'ping')
    solo.say(FAR[0]!, { type: 'pong', id: ping!.id })
    expect(solo.has(FAR[0]!)).toBe(true)
  })

  it('that says it is a client is answered, and not asked', () => {
    const solo = new Solo()
    solo.say(FAR[0]!, { type: 'find-node', id: 1, key: KEY, purpose: 'user', client: true })
    expect(solo.sent(FAR[0]!, 'closer-peers')).toHaveLength(1)
    expect(solo.sent(FAR[0]!, 'ping')).toEqual([])
  })

  it('of a full bucket enters only where the one heard of longest ago does not answer', () => {
    const [first, second, newcomer] = FAR as [number, number, number]
    for (const isAlive of [true, false]) {
      const solo = new Solo({ k: 2 })
      solo.adopt(first, second)
      solo.effects.advance(PING_AGAIN_MS)
      solo.say(second, { type: 'ping', id: 1 })
      solo.say(newcomer, { type: 'ping', id: 1 })
      solo.say(newcomer, { type: 'pong', id: solo.sent(newcomer, 'ping')[0]!.id })
      expect(solo.has(newcomer)).toBe(false)
      const [ping] = solo.sent(first, 'ping')
      expect(solo.sent(second, 'ping')).toEqual([])
      if (isAlive) solo.say(first, { type: 'pong', id: ping!.id })
      else for (let tries = 0; tries < 2; tries += 1) solo.fire('calls', 20_000)
      expect([first, second, newcomer].map(number => solo.has(number))).toEqual([isAlive, true, !isAlive])
    }
  })

  it('of a full bucket whose peers were all heard of lately is not even asked', () => {
    const [first, second, newcomer] = FAR as [number, number, number]
    const solo = new Solo({ k: 2 })
    solo.adopt(first, second)
    solo.effects.advance(PING_AGAIN_MS - 1)
    solo.say(newcomer, { type: 'ping', id: 1 })
    expect(solo.sent(newcomer, 'ping')).toEqual([])
  })

  it('NEWCOMERS_MAX are asked at a time, and not one more', () => {
    const solo = new Solo()
    for (const number of FAR.slice(0, NEWCOMERS_MAX + 1)) solo.say(number, { type: 'ping', id: 1 })
    expect(solo.sent(FAR[NEWCOMERS_MAX - 1]!, 'ping')).toHaveLength(1)
    expect(solo.sent(FAR[NEWCOMERS_MAX]!, 'ping')).toEqual([])
    expect(solo.machine.snapshot().newcomers).toBe(NEWCOMERS_MAX)
  })
})

describe('a peer of the table', () => {
  it('leaves after SILENCES_MAX requests without an answer, and not after one less', () => {
    const [silent, other] = FAR as [number, number]
    const solo = new Solo()
    solo.adopt(silent, other)
    for (let times = 1; times <= SILENCES_MAX; times += 1) {
      expect(solo.has(silent)).toBe(true)
      solo.effects.take()
      solo.command({ type: 'lookup', key: KEY })
      solo.answerLookups(other)
      solo.fire('calls', 20_000)
    }
    expect([solo.has(silent), solo.has(other)]).toEqual([false, true])
    expect(solo.machine.snapshot().remembered).toContain(solo.peer(silent))
  })

  it('that cannot be reached leaves at once; while maintenance stands still nobody does', () => {
    const [gone, other] = FAR as [number, number]
    const solo = new Solo()
    solo.adopt(gone, other)
    solo.give({ type: 'unreachable', peer: solo.peer(gone), reason: 'refused' })
    expect(solo.has(gone)).toBe(false)
    solo.command({ type: 'maintenance', on: false })
    solo.give({ type: 'unreachable', peer: solo.peer(other), reason: 'refused' })
    expect(solo.has(other)).toBe(true)
  })
})

describe('joining', () => {
  it('looks up the own key by the first that answers, and is a member then', () => {
    const solo = new Solo()
    expect(solo.machine.mode).toBe('joining')
    solo.link(FAR[0]!)
    solo.give({ type: 'contact', peer: solo.peer(FAR[0]!) })
    solo.answerLookups(FAR[0]!)
    const [lookup] = solo.sent(FAR[0]!, 'find-node')
    expect([lookup!.key, lookup!.purpose]).toEqual([own, 'table'])
    solo.say(FAR[0]!, { type: 'closer-peers', id: lookup!.id, closer: [] })
    expect(solo.notices('mode').map(({ mode }) => mode)).toEqual(['joining', 'member'])
    // And then a key of each bucket that there is.
    const [, refresh] = solo.sent(FAR[0]!, 'find-node')
    expect(commonPrefixBits(own, refresh!.key)).toBe(0)
  })

  it('asks a contact again that did not answer', () => {
    const solo = new Solo()
    solo.give({ type: 'contact', peer: solo.peer(FAR[0]!) })
    solo.give({ type: 'unreachable', peer: solo.peer(FAR[0]!), reason: 'refused' })
    solo.effects.take()
    solo.fire('kad/join', 2 * JOIN_AGAIN_MS)
    expect(solo.effects.log).toContainEqual({ type: 'open', peer: solo.peer(FAR[0]!) })
  })

  it('begins anew by those that it remembers when everybody of its table is gone', () => {
    const solo = new Solo()
    solo.adopt(FAR[0]!)
    solo.effects.take()
    solo.give({ type: 'unreachable', peer: solo.peer(FAR[0]!), reason: 'refused' })
    expect(solo.machine.mode).toBe('joining')
    expect(solo.machine.snapshot().remembered).toEqual([solo.peer(FAR[0]!)])
  })

  it('finds those of the last run again', () => {
    const before = new Solo({ saveMs: 60_000 })
    before.adopt(FAR[0]!, FAR[1]!)
    before.give({ type: 'stop' })
    const save = before.effects.log.find(({ type }) => type === 'save') as { bytes: Uint8Array }
    const after = new Solo({}, new Map([['kademlia/peers', save.bytes]]))
    const opened = after.effects.log.filter(({ type }) => type === 'open')
    expect(opened).toHaveLength(2)
  })

  it('as a client bears a mark in every request, and answers none', () => {
    const solo = new Solo({ mode: 'client' })
    solo.adopt(FAR[0]!)
    expect(solo.machine.mode).toBe('client')
    solo.command({ type: 'lookup', key: KEY })
    expect(solo.sent(FAR[0]!, 'find-node')[0]!.client).toBe(true)
    solo.effects.take()
    solo.say(FAR[0]!, { type: 'ping', id: 1 })
    solo.say(FAR[0]!, { type: 'find-node', id: 2, key: KEY, purpose: 'user' })
    expect(solo.effects.sent()).toEqual([])
  })
})

describe('refreshing', () => {
  it('looks up a key of every bucket in which nothing was looked up, one after the other', () => {
    const [one, two] = [FAR[0]!, ofPrefix(2, 1)[0]!]
    const solo = new Solo()
    solo.adopt(one, two)
    solo.effects.take()
    solo.fire('kad/refresh', 300_000)
    const prefixes: number[] = []
    for (let round = 0; round < 5; round += 1) {
      prefixes.push(...solo.sent(two, 'find-node').map(({ key }) => commonPrefixBits(own, key)))
      const answering = solo.effects.take()
      for (const effect of answering)
        if (effect.type === 'send' && effect.message.type === 'find-node')
          solo.give({
            type: 'message',
            link: effect.link,
            message: { type: 'closer-peers', id: effect.message.id, closer: [] }
          })
    }
    expect(prefixes).toEqual([0, 1, 2])
    expect(solo.effects.log.filter(({ type }) => type === 'send')).toEqual([])
  })

  it('goes as deep as REFRESHED_PREFIX_BITS_MAX, and not one bit deeper', () => {
    const [deep] = ofPrefix(REFRESHED_PREFIX_BITS_MAX + 1, 1)
    const solo = new Solo()
    solo.adopt(deep!)
    solo.fire('kad/refresh', 300_000)
    const prefixes: number[] = []
    for (;;) {
      const asked = solo.sent(deep!, 'find-node')
      if (asked.length === 0) break
      solo.effects.take()
      for (const { id, key } of asked) {
        prefixes.push(commonPrefixBits(own, key))
        solo.say(deep!, { type: 'closer-peers', id, closer: [] })
      }
    }
    expect(prefixes).toEqual(Array.from({ length: REFRESHED_PREFIX_BITS_MAX + 1 }, (_, bits) => bits))
  })
})

describe('settings', () => {
  it.each([
    ['k', BUCKET_PEERS_MAX],
    ['alpha', PATH_REQUESTS_MAX],
    ['disjointPaths', DISJOINT_PATHS_MAX]
  ] as const)('%s has its largest value, and one past it is taken for it', (name, max) => {
    expect(kademliaSettings({ [name]: max })[name]).toBe(max)
    expect(kademliaSettings({ [name]: max + 1 })[name]).toBe(max)
    expect(kademliaSettings({ [name]: 0 })[name]).toBe(1)
  })

  it('[BUCKET_PEERS_MAX, PATH_REQUESTS_MAX, DISJOINT_PATHS_MAX] hold the defaults of kad-dht', () => {
    const { k, alpha, disjointPaths, refreshMs } = kademliaSettings()
    expect([k, alpha, disjointPaths, refreshMs]).toEqual([20, 10, 10, 300_000])
  })
})
