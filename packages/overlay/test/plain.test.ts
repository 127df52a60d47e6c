import { expect, test } from 'vitest'
import { freezePlain, sameData } from '../src/testing/plain.ts'

class Named {
  readonly name = 'x'
}

test.each<[string, unknown, unknown, boolean]>([
  ['numbers', 1, 1, true],
  ['NaN', Number.NaN, Number.NaN, true],
  ['another number', 1, 2, false],
  ['a number and a text', 1, '1', false],
  ['null and an object', null, {}, false],
  ['bytes', Uint8Array.of(1, 2), Uint8Array.of(1, 2), true],
  ['other bytes', Uint8Array.of(1, 2), Uint8Array.of(1, 3), false],
  ['bytes and a list', Uint8Array.of(1), [1], false],
  ['lists', [1, [2]], [1, [2]], true],
  ['a longer list', [1], [1, 2], false],
  ['maps', new Map([['a', [1]]]), new Map([['a', [1]]]), true],
  ['another map', new Map([['a', [1]]]), new Map([['a', [2]]]), false],
  ['sets', new Set([1]), new Set([1]), true],
  ['another set', new Set([1]), new Set([2]), false],
  ['objects', { a: { b: 1 } }, { a: { b: 1 } }, true],
  ['another value', { a: { b: 1 } }, { a: { b: 2 } }, false],
  ['another key', { a: 1 }, { b: 1 }, false],
  ['a key too many', { a: 1 }, { a: 1, b: undefined }, false],
  ['an instance and a plain object', new Named(), { name: 'x' }, false],
  ['instances', new Named(), new Named(), true]
])('same data: %s', (_, a, b, expected) => {
  expect(sameData(a, b)).toBe(expected)
  expect(sameData(b, a)).toBe(expected)
})

test('plain objects and lists are frozen all the way down, others are left alone', () => {
  const named = new Named()
  const value = { list: [{ deep: 1 }], bytes: Uint8Array.of(1), named, bare: Object.create(null) as object }
  expect(freezePlain(value)).toBe(value)
  expect([value, value.list, value.list[0], value.bare].every(Object.isFrozen)).toBe(true)
  expect([named, value.bytes].some(Object.isFrozen)).toBe(false)
  expect(freezePlain(null)).toBeNull()
})
