import { FIGURE_TAGS, parseQuery, wordsOfFile, wordsOfTags } from '@servent/overlay/machine'
import { expect, test } from 'vitest'

test('a file is found by its name first, then by its tags, each word once', () => {
  const tags = { title: 'So What', artist: 'Miles Davis', year: '1959' }
  expect(wordsOfFile({ name: '01 so what.mp3', tags })).toEqual([
    '01',
    'so',
    'what',
    'mp3',
    'miles',
    'davis',
    '1959'
  ])
})

test.each([...FIGURE_TAGS])('%s makes no word, nor a query of it alone', tag => {
  expect(wordsOfTags({ [tag]: '44100', album: 'Live 44' })).toEqual(['live', '44'])
  expect(() => parseQuery(`${tag}=44100`)).toThrow(expect.objectContaining({ name: 'QueryError' }))
  expect(parseQuery(`live ${tag}=44100`)).toMatchObject({ words: ['live'], tags: { [tag]: '44100' } })
})
