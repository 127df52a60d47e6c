import { sameBytes } from '@servent/overlay/machine'
import { expect, it } from 'vitest'

const bytes = (...of: number[]): Uint8Array => Uint8Array.from(of)

it('compares lengths and every byte', () => {
  const own = bytes(1, 2, 3)
  expect(sameBytes(own, own)).toBe(true)
  expect(sameBytes(own, bytes(1, 2, 3))).toBe(true)
  expect(sameBytes(bytes(), bytes())).toBe(true)
  expect(sameBytes(own, bytes(1, 2))).toBe(false)
  expect(sameBytes(own, bytes(1, 2, 3, 0))).toBe(false)
  expect(sameBytes(own, bytes(1, 2, 4))).toBe(false)
  expect(sameBytes(own, bytes(0, 2, 3))).toBe(false)
})
