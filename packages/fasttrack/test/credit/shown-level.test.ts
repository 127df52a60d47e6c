/** A level that is only looked at: the same as is given, and nothing is set aside for it. */
import { expect, test } from 'vitest'
import { LEVEL_KEPT_MS, LEVELS_KEPT_MAX } from '../../src/credit/constants.ts'
import { GiB, view } from './helpers.ts'

test('it is what the peer would be given, as often as it is asked and whatever others are shown', () => {
  const { accounts, participation, signed } = view()
  accounts.gave('friend', GiB)
  signed('one', 'friend', GiB)
  signed('other', 'friend', GiB)
  const shown = (nowMs: number) =>
    ['one', 'other', 'friend', 'stranger'].map(peer => participation.shownLevelOf(peer, nowMs))
  expect(shown(0)).toEqual([409, 409, 409, 10])
  expect(shown(LEVEL_KEPT_MS)).toEqual([409, 409, 409, 10])
  expect(['one', 'other', 'friend'].map(peer => participation.creditOf(peer))).toEqual([0, 0, 0])
  // What is set aside for one is its own, and no other's any more.
  expect(participation.levelOf('one', LEVEL_KEPT_MS)).toBe(409)
  expect(shown(2 * LEVEL_KEPT_MS)).toEqual([409, 10, 10, 10])
})

test('it falls with what was taken', () => {
  const { accounts, participation } = view()
  accounts.gave('friend', GiB)
  accounts.took('friend', 4 * GiB)
  accounts.took('taker', 4 * GiB)
  expect(participation.shownLevelOf('friend', 0)).toBe(25)
  expect(participation.shownLevelOf('taker', 0)).toBe(participation.levelOf('taker', 0))
  expect(participation.shownLevelOf('taker', 0)).toBeLessThan(10)
})

test('it is kept for LEVEL_KEPT_MS, of the latest LEVELS_KEPT_MAX peers, or until a receipt says more', () => {
  const { accounts, participation, signed } = view()
  accounts.gave('friend', GiB)
  expect(participation.shownLevelOf('one', 0)).toBe(10)
  accounts.took('one', 4 * GiB)
  expect(participation.shownLevelOf('one', LEVEL_KEPT_MS - 1)).toBe(10)
  const low = participation.shownLevelOf('one', LEVEL_KEPT_MS)
  expect(low).toBeLessThan(10)
  signed('one', 'friend', GiB)
  const high = participation.shownLevelOf('one', LEVEL_KEPT_MS)
  expect(high).toBeGreaterThan(low)

  accounts.forget('one')
  const others = Array.from({ length: LEVELS_KEPT_MAX }, (_, place) => `other ${place}`)
  for (const peer of others.slice(1)) participation.shownLevelOf(peer, LEVEL_KEPT_MS)
  expect(participation.shownLevelOf('one', LEVEL_KEPT_MS)).toBe(high)
  for (const peer of others) participation.shownLevelOf(peer, LEVEL_KEPT_MS)
  expect(participation.shownLevelOf('one', LEVEL_KEPT_MS)).not.toBe(high)
})
