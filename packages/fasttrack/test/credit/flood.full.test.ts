/** A million receipts of strangers, as `hostile.test.ts` has fewer of: memory stays, and so does who matters. */
import { expect, test } from 'vitest'
import { TAKERS_MAX } from '../../src/credit/constants.ts'
import { GiB, TiB, view } from './helpers.ts'

test('a flood of a million receipts moves nobody', () => {
  const { accounts, participation, signed } = view()
  accounts.gave('friend', GiB)
  signed('its friend', 'friend', GiB)
  for (let index = 0; index < 1_000_000; index += 1) signed(`g${index % 997}`, `t${index}`, TiB)
  expect(participation.receipts).toBe(TAKERS_MAX)
  expect(participation.levelOf('its friend', 0)).toBe(409)
  expect(participation.levelOf('friend', 5_000)).toBe(409)
  expect(participation.levelOf('g1', 0)).toBe(10)
}, 120_000)
