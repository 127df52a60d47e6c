/** How many peers of one network a bucket takes in, by where their links come from. */
import { commonPrefixBits, keyOfPeer, type LinkOrigin } from '@servent/overlay/machine'
import { testContact } from '@servent/overlay/testing'
import { describe, expect, it } from 'vitest'
import { Solo } from './support/solo.ts'

const own = keyOfPeer(testContact(0).id)
/** Numbers of peers by the bits that they share with this one: those of one bucket. */
const ofPrefix = (prefix: number, count: number): number[] => {
  const found: number[] = []
  for (let number = 1; found.length < count; number += 1)
    if (commonPrefixBits(own, keyOfPeer(testContact(number).id)) === prefix) found.push(number)
  return found
}
const FAR = ofPrefix(0, 6)
const NEARER = ofPrefix(1, 2)

const origin = (network: string, reach: LinkOrigin['reach'] = 'public'): LinkOrigin => ({
  host: `${network}.1`,
  network,
  isRelayed: false,
  reach
})

/** A newcomer asks, is asked, and answers. */
function meet(solo: Solo, number: number, from: LinkOrigin): void {
  solo.link(number, true, from)
  solo.say(number, { type: 'ping', id: 1 })
  const [ping] = solo.sent(number, 'ping')
  if (ping !== undefined) solo.say(number, { type: 'pong', id: ping.id })
}

const limited = () => new Solo({ routing: { peersPerNetwork: 2 } })

describe('a bucket', () => {
  it('takes in two of one network, and others after that', () => {
    const solo = limited()
    for (const number of FAR.slice(0, 3)) meet(solo, number, origin('a'))
    meet(solo, FAR[3]!, origin('b'))
    expect(FAR.map(number => solo.has(number))).toEqual([true, true, false, true, false, false])
  })

  it('counts its own alone', () => {
    const solo = limited()
    for (const number of [...FAR.slice(0, 2), ...NEARER]) meet(solo, number, origin('a'))
    expect(solo.table.length).toBe(4)
  })

  it('has room again when one of them has gone', () => {
    const solo = limited()
    for (const number of FAR.slice(0, 2)) meet(solo, number, origin('a'))
    solo.command({ type: 'lookup', key: keyOfPeer(testContact(FAR[0]!).id) })
    solo.give({ type: 'unreachable', peer: solo.peer(FAR[0]!), reason: 'gone' })
    expect(solo.has(FAR[0]!)).toBe(false)
    meet(solo, FAR[2]!, origin('a'))
    expect(solo.has(FAR[2]!)).toBe(true)
  })

  it('takes in any number where nobody says how many, and of a private network', () => {
    for (const [solo, from] of [
      [new Solo(), origin('a')],
      [limited(), origin('a', 'private')]
    ] as const) {
      for (const number of FAR) meet(solo, number, from)
      expect(solo.table.length).toBe(FAR.length)
    }
  })

  it('learns from where one is that it was given, when that one answers', () => {
    const solo = limited()
    for (const number of FAR.slice(0, 2)) solo.link(number, true, origin('a'))
    solo.adopt(...FAR.slice(0, 2))
    solo.command({ type: 'lookup', key: own })
    solo.answerLookups(...FAR.slice(0, 2))
    meet(solo, FAR[2]!, origin('a'))
    expect(solo.has(FAR[2]!)).toBe(false)
  })
})
