/** Bounds on numbers in a query's tags. */
import { describe, expect, test } from 'vitest'
import { areWithin, boundsOfFigure, boundsOfQuery, FIGURE_MAX, figureOf, parseQuery } from '../src/index.ts'

test.each<[string, number | undefined]>([
  ['320', 320],
  [' 354.2', 354],
  ['1920x1080', 1920],
  ['1959-08-17', 1959],
  [`${FIGURE_MAX}`, FIGURE_MAX],
  [`${FIGURE_MAX + 1}`, undefined],
  ['10000000000', undefined],
  ['fast', undefined],
  ['', undefined],
  ['-1', undefined]
])('%j begins with the figure %j', (value, figure) => {
  expect(figureOf(value)).toBe(figure)
})

test.each([
  ['>=192', { min: 192 }],
  ['<= 300', { max: 300 }],
  ['1950..1959', { min: 1950, max: 1959 }],
  ['192', undefined],
  ['>=fast', undefined],
  ['a..b', undefined],
  ['1950..', undefined],
  ['>192', undefined]
])('%j bounds %j', (value, bounds) => {
  expect(boundsOfFigure(value)).toEqual(bounds)
})

describe('a query', () => {
  const read = (text: string) => {
    const { query, bounds } = boundsOfQuery(parseQuery(text))
    return { words: query.words, tags: query.tags, bounds: Object.fromEntries(bounds) }
  }

  test('loses the tags that are bounds, and keeps the others', () => {
    expect(read('miles bitrate=>=192 year=1950..1959 artist=davis seconds=300')).toEqual({
      words: ['miles'],
      tags: { artist: 'davis', seconds: '300' },
      bounds: { bitrate: { min: 192 }, year: { min: 1950, max: 1959 } }
    })
    expect(read('artist=">=192"')).toMatchObject({ words: ['192'], bounds: {} })
  })

  test('of tags alone loses the words of its bounds', () => {
    expect(read('artist=davis year=1950..1959')).toMatchObject({ words: ['davis'] })
    expect(read('year=1950..1959')).toMatchObject({ words: [] })
    expect(read('davis 1959 year=1950..1959')).toMatchObject({ words: ['davis', '1959'] })
  })
})

test('tags are within bounds where they have each figure, at its ends too', () => {
  const { bounds } = boundsOfQuery(parseQuery('miles bitrate=>=192 year=1950..1959'))
  const within = (bitrate: string, year: string) => areWithin(bounds, { bitrate, year })
  expect([within('192', '1950'), within('320', '1959-08-17')]).toEqual([true, true])
  expect([within('191', '1950'), within('192', '1949'), within('192', '1960')]).toEqual([false, false, false])
  expect(areWithin(bounds, { bitrate: '320' })).toBe(false)
  expect(areWithin(new Map(), {})).toBe(true)
})
