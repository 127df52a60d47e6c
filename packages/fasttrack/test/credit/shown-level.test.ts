/** A level that is only looked at: the same as is given, and nothing is set aside for it. */
import { expect, test } from 'vitest'
import { GiB, view } from './helpers.ts'

test('it is what the peer would be given, as often as it is asked and whatever others are shown', () => {
  const { accounts, participation, signed } = view()
  accounts.gave('friend', GiB)
  signed('one', 'friend', GiB)
  signed('other', 'friend', GiB)
  const shown = () => ['one', 'other', 'friend', 'stranger'].map(peer => participation.shownLevelOf(peer))
  expect(shown()).toEqual([409, 409, 409, 10])
  expect(shown()).toEqual([409, 409, 409, 10])
  expect(['one', 'other', 'friend'].map(peer => participation.creditOf(peer))).toEqual([0, 0, 0])
  // What is set aside for one is its own, and no other's any more.
  expect(participation.levelOf('one', 0)).toBe(409)
  expect(shown()).toEqual([409, 10, 10, 10])
})

test('it falls with what was taken', () => {
  const { accounts, participation } = view()
  accounts.gave('friend', GiB)
  accounts.took('friend', 4 * GiB)
  accounts.took('taker', 4 * GiB)
  expect(participation.shownLevelOf('friend')).toBe(25)
  expect(participation.shownLevelOf('taker')).toBe(participation.levelOf('taker', 0))
  expect(participation.shownLevelOf('taker')).toBeLessThan(10)
})
