/** SQLite must find exactly what `matches` finds. */
import { matches, parseQuery, type Query, type SharedFile, tokens } from '@servent/overlay'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { openLibrary, workplace, write } from './helpers.ts'

/** Words of many scripts, and what makes trouble: case, accents, composed and not, ligatures, digits, signs. */
const WORDS = [
  'miles',
  'Davis',
  'DAVIS',
  'café',
  'cafe\u0301',
  'Straße',
  'STRASSE',
  'İstanbul',
  'ısı',
  'ﬁne',
  'ﬀ',
  'Ωmega',
  'ὈΔΥΣΣΕΎΣ',
  '東京',
  '京都',
  '東',
  'ひらがな',
  'カタカナ',
  'ภาษาไทย',
  'Привет',
  'йод',
  'ё',
  'नमस्ते',
  'שָׁלוֹם',
  'مُحَمَّد',
  '한국어',
  'live',
  '2024',
  '①②',
  'x²',
  'naïve',
  'naive',
  'AND',
  'OR',
  'NOT',
  'NEAR',
  "it's",
  'a_b',
  'a-b',
  '"quoted"',
  '*',
  'rock&roll',
  'Ⅻ',
  '𝔊othic',
  '😀',
  'ŋ',
  'ø'
]
const EXTENSIONS = ['.mp3', '.flac', '.txt', '', '.MP3', '.tar.gz']

const name = fc
  .tuple(
    fc.array(fc.constantFrom(...WORDS), { minLength: 1, maxLength: 4 }),
    fc.constantFrom(' ', '_', '.', ''),
    fc.constantFrom(...EXTENSIONS)
  )
  .map(([words, joiner, extension]) => words.join(joiner) + extension)
  .filter(
    text =>
      Buffer.byteLength(text) <= 200 && !text.startsWith('.') && !text.endsWith('~') && !text.includes('/')
  )

const query = fc
  .tuple(
    fc.array(fc.constantFrom(...WORDS), { minLength: 1, maxLength: 3 }),
    fc.option(fc.constantFrom(...WORDS), { nil: undefined, freq: 4 }),
    fc.option(fc.constantFrom('audio', 'audio/mpeg', 'text', 'application/octet-stream'), {
      nil: undefined,
      freq: 3
    }),
    fc.option(fc.constantFrom(0, 3, 6), { nil: undefined, freq: 3 }),
    fc.option(fc.constantFrom(2, 5, 9), { nil: undefined, freq: 3 })
  )
  .map(([words, without, type, minSize, maxSize]) => {
    const text = [
      ...words.map(word => `"${word.replaceAll('"', '')}"`),
      ...(without === undefined ? [] : [`-"${without.replaceAll('"', '')}"`])
    ].join(' ')
    try {
      return parseQuery(text, {
        ...(type && { type }),
        ...(minSize !== undefined && { minSize }),
        ...(maxSize !== undefined && { maxSize }),
        limit: 1000
      })
    } catch {
      return undefined
    }
  })
  .filter(parsed => parsed !== undefined)

describe('matching', () => {
  test('finds exactly the files that the reference finds', async () => {
    const place = workplace()
    const names = [...new Set(fc.sample(name, { numRuns: 600, seed: 7 }).map(text => text.normalize('NFC')))]
    for (const [index, file] of names.entries())
      write(place.folder, { [file]: String(index).padEnd(index % 11, '.') })
    const library = await openLibrary(place, { settings: { watch: false, includeTemporary: true } })
    expect((await library.share(place.folder)).files).toBe(names.length)
    const all: SharedFile[] = []
    for await (const file of library.files()) all.push(file)
    expect(all).toHaveLength(names.length)
    let matched = 0
    await fc.assert(
      fc.asyncProperty(query, async (asked: Query) => {
        const found = (await library.match(asked, 1000)).map(({ name }) => name).sort()
        expect(found).toEqual(
          all
            .filter(file => matches(asked, file))
            .map(({ name }) => name)
            .sort()
        )
        matched += found.length
      }),
      { numRuns: 400 }
    )
    expect(matched).toBeGreaterThan(200)
  })

  test('tokens go through SQLite’s tokenizer as they are', async () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), name), text => {
        for (const token of tokens(text)) expect(token).toMatch(/^(?:[a-z0-9]|[^\u0000-\u007f])+$/u)
      })
    )
  })

  test('stops at its limit, gives each content once, under the name that matches', async () => {
    const place = workplace()
    write(
      place.folder,
      Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`song ${n}.mp3`, `song ${n}`]))
    )
    write(place.folder, { 'other name.mp3': 'song 7', 'song again.mp3': 'song 7' })
    const library = await openLibrary(place, { settings: { watch: false } })
    await library.share(place.folder)
    const song = parseQuery('song')
    expect(await library.match(song, 0)).toHaveLength(0)
    expect(await library.match(song, 10)).toHaveLength(10)
    expect(new Set((await library.match(song, 1000)).map(({ index }) => index)).size).toBe(50)
    expect(await library.match(song, 1000)).toHaveLength(50)
    expect((await library.match(parseQuery('other'), 9)).map(({ name }) => name)).toEqual(['other name.mp3'])
  })

  test('a common word that nothing else fits is looked for to the end, and yields nothing', async () => {
    const place = workplace()
    write(
      place.folder,
      Object.fromEntries(Array.from({ length: 700 }, (_, n) => [`song ${n}.mp3`, `song ${n}`]))
    )
    write(place.folder, { 'song last.txt': 'a longer one than the others' })
    const library = await openLibrary(place, { settings: { watch: false } })
    await library.share(place.folder)
    expect(await library.match(parseQuery('song type:video'), 5)).toEqual([])
    expect(await library.match(parseQuery('song artist=davis'), 5)).toEqual([])
    expect((await library.match(parseQuery('song size:>10'), 5)).map(({ name }) => name)).toEqual([
      'song last.txt'
    ])
  })

  test('a query whose words are no tokens is harmless', async () => {
    const library = await openLibrary(workplace())
    for (const words of [['"'], ['a" OR "b'], ['*'], [''], []]) {
      expect(await library.match({ text: '', words, limit: 5 }, 5)).toEqual([])
    }
  })
})
