import { AgingMap, SeenKeys } from '@servent/overlay/machine'
import { describe, expect, it } from 'vitest'

describe('a table of two generations', () => {
  it('keeps an entry for one life at least and two at most', () => {
    const table = new AgingMap<string>(100, 1000)
    table.set('a', 'A', 0)
    table.age(999)
    expect(table.get('a')).toBe('A')
    table.age(1000)
    expect(table.get('a')).toBe('A')
    table.age(2000)
    expect(table.get('a')).toBeUndefined()
  })

  it('forgets all at once what two lives went by for unnoticed', () => {
    const table = new AgingMap<string>(100, 1000)
    table.set('a', 'A', 0)
    table.age(2000)
    expect(table.size).toBe(0)
  })

  it('makes an entry young that is set again', () => {
    const table = new AgingMap<string>(100, 1000)
    table.set('a', 'A', 0)
    table.set('a', 'B', 1500)
    expect(table.size).toBe(1)
    table.age(2600)
    expect(table.get('a')).toBe('B')
  })

  it('holds as many as it may, and turns early under load', () => {
    const table = new AgingMap<number>(10, 1000)
    for (let index = 0; index < 100; index += 1) {
      table.set(`${index}`, index, 0)
      expect(table.size).toBeLessThanOrEqual(10)
    }
    expect([95, 96, 97, 98, 99].map(index => table.get(`${index}`))).toEqual([95, 96, 97, 98, 99])
    table.set('99', 0, 0)
    expect(table.get('99')).toBe(0)
  })
})

it('a key that is seen again is none the younger for it', () => {
  const seen = new SeenKeys(10, 1_000)
  expect([seen.add('a', 0), seen.add('a', 999), seen.add('a', 1_500)]).toEqual([true, false, false])
  expect(seen.add('a', 4_000)).toBe(true)
  for (let number = 0; number < 100; number += 1) seen.add(`${number}`, 4_000)
  expect(seen.size).toBeLessThanOrEqual(10)
  expect(seen.add('99', 4_000)).toBe(false)
})
