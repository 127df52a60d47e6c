/** What a query means: words, tags, numbers and sizes, at the index and at whoever searches. */
import { ContentId, type FileRecord, matches, parseQuery } from '@servent/overlay/machine'
import { describe, expect, it } from 'vitest'
import { indexedFile, indexQuery, isWanted } from '../src/index-entry.ts'
import type { Term, Wanted } from '../src/messages.ts'
import { wantedContent, wantedOf } from '../src/wanted.ts'
import { NaiveIndex } from './naive-index.ts'
import { WANTED } from './peer.ts'

const file = (name: string, tags: Record<string, string> = {}, size = 1000): FileRecord => ({
  id: ContentId.fromRoot(new Uint8Array(32).fill(name.length), size),
  size,
  name,
  type: name.endsWith('.avi') ? 'video/x-msvideo' : 'audio/flac',
  tags,
  provider: 'somebody',
  sequence: 1,
  expiresMs: 4e12
})

const FILES = [
  file('So What.flac', {
    artist: 'Miles Davis',
    album: 'Kind of Blue',
    year: '1959',
    seconds: '562.3',
    bitrate: '320',
    rating: '4'
  }),
  file(
    'Giant Steps.flac',
    { artist: 'John Coltrane', year: '1960-01-01', bitrate: '128', seconds: '283' },
    5_000
  ),
  file('Davis walks.avi', { title: 'Miles of road', resolution: '1920x1080', genre: 'Documentary' }, 90_000),
  file('untagged Miles.flac', {}, 2_000)
]

const index = new NaiveIndex()
for (const [key, record] of FILES.entries())
  index.answer({ type: 'index-add', owner: 'o', files: [indexedFile(key, record, new Uint8Array(1))] })

/** Names that whoever searches is shown: what the index gives, held against all of the query. */
function found(wanted: Wanted): string[] {
  const asked = indexQuery(wanted, 100)!
  const answer = index.answer({ type: 'index-search', query: asked })
  if (answer.type !== 'index-hits') throw new Error('Not hits.')
  return answer.hits
    .map(({ file: { key } }) => FILES[Number(key)]!)
    .filter(record => isWanted(wanted, record))
    .map(({ name }) => name)
    .sort()
}
const search = (text: string) => found(wantedOf(parseQuery(text)))
const term = (compare: Term['compare'], tag: string, value: Term['value'], words = ['miles']) =>
  found({ ...WANTED, words, terms: [{ compare, tag, value }] })

describe('a query', () => {
  it.each([
    ['miles', ['Davis walks.avi', 'So What.flac', 'untagged Miles.flac']],
    ['miles -davis', ['untagged Miles.flac']],
    ['artist=miles', ['So What.flac']],
    ['artist="davis miles"', ['So What.flac']],
    ['miles type:video', ['Davis walks.avi']],
    ['miles size:>1500', ['Davis walks.avi', 'untagged Miles.flac']],
    ['miles size:<=2000', ['So What.flac', 'untagged Miles.flac']],
    ['flac bitrate=>=192', ['So What.flac']],
    ['flac bitrate=<=192', ['Giant Steps.flac']],
    ['flac year=1955..1959', ['So What.flac']],
    ['flac year=1960', ['Giant Steps.flac']],
    ['flac seconds=>=300 rating=>=4', ['So What.flac']],
    ['miles resolution=>=1280x720', ['Davis walks.avi']],
    ['artist=miles bitrate=>=192', ['So What.flac']],
    ['nothing', []]
  ])('%s finds what it says', (text, names) => {
    expect(search(text)).toEqual(names)
  })

  it('agrees with the meaning of a query where there are no bounds on numbers', () => {
    for (const text of [
      'miles',
      'davis artist=miles',
      'type:audio flac',
      'genre=documentary',
      'miles -road'
    ]) {
      const query = parseQuery(text)
      const names = FILES.filter(record => matches(query, record)).map(({ name }) => name)
      expect(search(text)).toEqual(names.sort())
    }
  })
})

describe('a comparison', () => {
  it('equal is the whole value, near all its words, substring a part of it', () => {
    expect(term('equal', 'artist', 'miles davis')).toEqual(['So What.flac'])
    expect(term('equal', 'artist', 'miles')).toEqual([])
    expect(term('near', 'artist', 'davis')).toEqual(['So What.flac'])
    expect(term('substring', 'artist', 'les dav')).toEqual(['So What.flac'])
    expect(term('substring', 'artist', 'les dov')).toEqual([])
    expect(term('near', 'comment', 'davis')).toEqual([])
  })

  it('of numbers needs the number to be known', () => {
    expect(term('at-least', 'year', 0)).toEqual(['So What.flac'])
    expect(term('equal', 'bitrate', 320)).toEqual(['So What.flac'])
    expect(term('at-most', 'codec', 5)).toEqual([])
  })
})

describe('what is asked of the index', () => {
  it('is nothing where no word is left: numbers and parts of words only narrow a search', () => {
    const terms = [
      { compare: 'at-least', tag: 'bitrate', value: 192 },
      { compare: 'substring', tag: 'artist', value: 'mil' }
    ] as const
    expect(indexQuery({ ...WANTED, words: [], terms }, 5)).toBeUndefined()
    expect(() => parseQuery('bitrate=>=192')).toThrow('There is nothing to search for')
    // Whoever makes a query without the grammar may take a bound for a word.
    const query = { text: '', words: ['192'], tags: { bitrate: '>=192' }, limit: 5 }
    expect(wantedOf(query)).toMatchObject({
      words: [],
      terms: [{ compare: 'at-least' }]
    })
  })

  it('bounds numbers as the index has them, a resolution by its width', () => {
    const wanted = wantedOf(parseQuery('miles bitrate=128..320 resolution=>=1280x720 size:10..20'))
    expect(indexQuery(wanted, 7, 'me')).toEqual({
      words: ['miles'],
      without: [],
      size: { min: 10, max: 20 },
      numbers: { bitrate: { min: 128, max: 320 }, width: { min: 1280 } },
      except: 'me',
      limit: 7
    })
    const far = { compare: 'at-most', tag: 'year', value: 2 ** 40 } as const
    expect(indexQuery({ ...WANTED, terms: [far] }, 1)!.numbers).toEqual({ year: { max: 2 ** 31 - 1 } })
  })

  it('a value that is no number is a text, and one that is too large none', () => {
    expect(wantedOf(parseQuery('x year=unknown')).terms).toEqual([
      { compare: 'near', tag: 'year', value: 'unknown' }
    ])
    expect(wantedOf(parseQuery('x year=a..b')).terms).toEqual([
      { compare: 'near', tag: 'year', value: 'a..b' }
    ])
    expect(wantedOf(parseQuery('x seconds=>=2147483647')).terms).toEqual([
      { compare: 'at-least', tag: 'seconds', value: 2 ** 31 - 1 }
    ])
    for (const tooLarge of ['2147483648', '10000000000'])
      expect(wantedOf(parseQuery(`x seconds=>=${tooLarge}`)).terms).toEqual([
        { compare: 'near', tag: 'seconds', value: `>=${tooLarge}` }
      ])
  })

  it('a content is found by its digest alone', () => {
    const { id } = FILES[0]!
    expect(isWanted(wantedContent(id), FILES[0]!)).toBe(true)
    expect(isWanted(wantedContent(id), FILES[1]!)).toBe(false)
  })
})
