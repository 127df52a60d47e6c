/** What every store does: run on each of them by a test of its own. */
import { CONTENT_SIZE_BYTES_MAX, MEDIA_TYPE_BYTES_MAX, QUERY_WORDS_MAX } from '@servent/overlay/machine'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import {
  ADD_FILES_MAX,
  answerFromIndex,
  FILE_BODY_BYTES_MAX,
  FILE_KEY_BYTES_MAX,
  FILE_NUMBER_MAX,
  FILE_NUMBERS,
  FILE_WORDS_MAX,
  type IndexQuery,
  type KeywordIndex,
  OWNER_BYTES_MAX,
  SEARCH_FILES_MAX,
  WORD_BYTES_MAX
} from '../src/index.ts'
import { digest, file, names, plain } from './files.ts'

export interface StoreUnderTest {
  /** What the cap counts: postings that are touched, or files that have the words. */
  readonly capCounts: 'postings' | 'files'
  /** An empty store. */
  open(init?: { readonly postingsTouchedMax?: number }): Promise<KeywordIndex> | KeywordIndex
  start?(): Promise<void>
  stop?(): Promise<void>
}

export function describeStore(name: string, store: StoreUnderTest): void {
  describe(name, () => {
    const opened: KeywordIndex[] = []
    const open = async (init?: { readonly postingsTouchedMax?: number }): Promise<KeywordIndex> => {
      const index = await store.open(init)
      opened.push(index)
      return index
    }
    beforeAll(async () => await store.start?.(), 60_000)
    afterEach(async () => {
      for (const index of opened.splice(0)) await index.close()
    })
    afterAll(async () => await store.stop?.())

    const found = async (index: KeywordIndex, words: string, more: Partial<IndexQuery> = {}) =>
      names((await index.search({ words: words.split(' '), limit: 100, ...more })).hits)

    /** A call that breaks a limit throws, or its promise is rejected: here both look alike. */
    const refused = async (call: () => unknown) =>
      await expect((async () => await call())()).rejects.toMatchObject({ name: 'IndexInputError' })

    it('finds files that have all words, and says who has them', async () => {
      const index = await open()
      await index.add('ann', [file('1', 'so what'), file('2', 'so long')])
      await index.add('bob', [file('1', 'what now so')])
      expect(await found(index, 'so')).toEqual(['ann/1', 'ann/2', 'bob/1'])
      expect(await found(index, 'what so')).toEqual(['ann/1', 'bob/1'])
      expect(await found(index, 'so so long')).toEqual(['ann/2'])
      expect(await found(index, 'so what long')).toEqual([])
      expect(await found(index, 'nobody')).toEqual([])
    })

    it('gives a file back as it came', async () => {
      const index = await open()
      const numbers = Object.fromEntries(FILE_NUMBERS.map((number, at) => [number, at + 1]))
      const whole = file('Blåbær\t\\ "quoted"\n.flac', 'blabaer quoted', {
        content: digest(7),
        size: CONTENT_SIZE_BYTES_MAX,
        type: 'audio/flac',
        numbers,
        body: Uint8Array.from({ length: 256 }, (_, byte) => byte)
      })
      const bare = file('2', '', { size: 0, type: '', body: new Uint8Array() })
      await index.add('ann', [whole, bare])
      const [hit] = (await index.search({ words: ['quoted'], limit: 1 })).hits
      expect(plain(hit!.file)).toEqual(plain(whole))
      expect((await index.browse('ann', undefined, 10)).map(plain)).toEqual([plain(bare), plain(whole)])
    })

    it('keeps its own bytes of a view into a larger buffer', async () => {
      const index = await open()
      const large = new Uint8Array(64)
      large.fill(9, 8, 12)
      large.fill(8, 32)
      await index.add('ann', [file('1', 'a', { body: large.subarray(8, 12), content: large.subarray(32) })])
      const [hit] = await index.providers(digest(8), 10)
      expect([...hit!.file.body]).toEqual([9, 9, 9, 9])
    })

    it('takes words exactly as they are', async () => {
      const index = await open()
      const words = [
        'artist=miles',
        'artist',
        'Miles',
        'miles',
        "o'neill",
        '"quoted"',
        'back\\slash',
        'a&b|c!(d)',
        '*',
        'or',
        'AND',
        'NOT',
        'naïve',
        'naive',
        '東京',
        '😀',
        '\ue000',
        '\ue0000041',
        'a:b',
        '-x',
        'ß',
        'é',
        'e\u0301',
        '%',
        '_',
        ':*'
      ]
      await index.add(
        'ann',
        words.map((word, at) => file(`${at}`, [word]))
      )
      for (const [at, word] of words.entries())
        expect([word, await found(index, word)]).toEqual([word, [`ann/${at}`]])
    })

    it('leaves out files with other words, and those of one owner', async () => {
      const index = await open()
      await index.add('ann', [
        file('1', 'blue train live'),
        file('2', 'blue train'),
        file('3', 'blue train mono')
      ])
      await index.add('bob', [file('1', 'blue train')])
      expect(await found(index, 'blue', { without: ['live', 'mono'] })).toEqual(['ann/2', 'bob/1'])
      expect(await found(index, 'blue train', { without: ['unknown'] })).toHaveLength(4)
      expect(await found(index, 'blue', { without: ['blue'] })).toEqual([])
      expect(await found(index, 'blue', { except: 'ann' })).toEqual(['bob/1'])
      expect(await found(index, 'blue', { except: 'nobody' })).toHaveLength(4)
    })

    it('bounds types, sizes and numbers; what is not known lies in no bounds', async () => {
      const index = await open()
      await index.add('ann', [
        file('flac', 'a', { type: 'audio/flac', size: 100, numbers: { bitrate: 1000, seconds: 60 } }),
        file('mp3', 'a', { type: 'audio/mpeg', size: 50, numbers: { bitrate: 128 } }),
        file('text', 'a', { type: 'audiobook/plain', size: 0 }),
        file('none', 'a', { type: '' })
      ])
      const of = (more: Partial<IndexQuery>) => found(index, 'a', more)
      expect(await of({ type: 'audio' })).toEqual(['ann/flac', 'ann/mp3'])
      expect(await of({ type: 'audio/flac' })).toEqual(['ann/flac'])
      expect(await of({ type: 'audi_' })).toEqual([])
      expect(await of({ size: { min: 50, max: 100 } })).toEqual(['ann/flac', 'ann/mp3'])
      expect(await of({ size: { max: 49 } })).toEqual(['ann/text'])
      expect(await of({ size: {} })).toHaveLength(4)
      expect(await of({ numbers: { bitrate: { max: 128 } } })).toEqual(['ann/mp3'])
      expect(await of({ numbers: { bitrate: { min: 129 } } })).toEqual(['ann/flac'])
      expect(await of({ numbers: { bitrate: { min: 0 } } })).toEqual(['ann/flac', 'ann/mp3'])
      expect(await of({ numbers: { bitrate: { min: 1 }, seconds: { max: 60 } } })).toEqual(['ann/flac'])
      expect(await of({ numbers: { bitrate: {} } })).toHaveLength(4)
      expect(await of({ type: 'audio', except: 'ann' })).toEqual([])
    })

    it('replaces a file that is announced again, also within one call', async () => {
      const index = await open()
      await index.add('ann', [file('1', 'old'), file('2', 'other'), file('1', 'new', { size: 7 })])
      expect(await found(index, 'old')).toEqual([])
      expect(await found(index, 'new')).toEqual(['ann/1'])
      await index.add('ann', [file('1', 'newer', { content: digest(1) })])
      expect(await found(index, 'new')).toEqual([])
      expect(await found(index, 'newer')).toEqual(['ann/1'])
      expect(names(await index.providers(digest(1), 10))).toEqual(['ann/1'])
      expect(await index.totals()).toEqual({ owners: 1, files: 2, bytes: 2000 })
    })

    it('takes files out, and says how many', async () => {
      const index = await open()
      await index.add('ann', [file('1', 'a'), file('2', 'a', { content: digest(2) }), file('3', 'a')])
      await index.add('bob', [file('1', 'a', { content: digest(2) })])
      expect(await index.remove('ann', ['1', '1', 'none'])).toBe(1)
      expect(await index.remove('nobody', ['1'])).toBe(0)
      expect(await found(index, 'a')).toEqual(['ann/2', 'ann/3', 'bob/1'])
      expect(await index.removeOwner('ann')).toBe(2)
      expect(await index.removeOwner('ann')).toBe(0)
      expect(await found(index, 'a')).toEqual(['bob/1'])
      expect(names(await index.providers(digest(2), 10))).toEqual(['bob/1'])
      expect(await index.totals()).toEqual({ owners: 1, files: 1, bytes: 1000 })
      expect(await index.remove('bob', ['1'])).toBe(1)
      expect(await index.totals()).toEqual({ owners: 0, files: 0, bytes: 0 })
      await index.add('ann', [file('1', 'a')])
      expect(await found(index, 'a')).toEqual(['ann/1'])
    })

    it('changes nothing where nothing is given', async () => {
      const index = await open()
      await index.add('ann', [])
      expect(await index.remove('ann', [])).toBe(0)
      expect(await index.totals()).toEqual({ owners: 0, files: 0, bytes: 0 })
    })

    it('says who has a content, as many as are asked for', async () => {
      const index = await open()
      for (const owner of ['ann', 'bob', 'cat'])
        await index.add(owner, [file('1', 'a', { content: digest(1) })])
      await index.add('ann', [file('2', 'a', { content: digest(2) }), file('3', 'a')])
      expect(names(await index.providers(digest(1), 10))).toEqual(['ann/1', 'bob/1', 'cat/1'])
      expect(await index.providers(digest(1), 2)).toHaveLength(2)
      expect(await index.providers(digest(3), 10)).toEqual([])
    })

    it('browses in the order of keys in UTF-8, page by page', async () => {
      const index = await open()
      // In UTF-16 the last two stand the other way round.
      const keys = ['A', 'a', 'a b', 'ab', 'é', '\uffee', '😀']
      await index.add(
        'ann',
        [...keys].reverse().map(key => file(key, 'x'))
      )
      await index.add('bob', [file('0', 'x')])
      const pages: string[][] = []
      for (let after: string | undefined; ; after = pages.at(-1)!.at(-1)) {
        const page = (await index.browse('ann', after, 3)).map(({ key }) => key)
        if (page.length === 0) break
        pages.push(page)
      }
      expect(pages).toEqual([['A', 'a', 'a b'], ['ab', 'é', '\uffee'], ['😀']])
      expect((await index.browse('ann', 'aa', 1)).map(({ key }) => key)).toEqual(['ab'])
      await index.add('ann', [file('aa', 'x')])
      await index.remove('ann', ['a b'])
      expect((await index.browse('ann', 'a', 2)).map(({ key }) => key)).toEqual(['aa', 'ab'])
      expect(await index.browse('nobody', undefined, 3)).toEqual([])
    })

    it('gives no more than the limit', async () => {
      const index = await open()
      await index.add(
        'ann',
        Array.from({ length: 50 }, (_, at) => file(`${at}`, 'a'))
      )
      const { hits, isCapped } = await index.search({ words: ['a'], limit: 7 })
      expect(hits).toHaveLength(7)
      expect(new Set(names(hits)).size).toBe(7)
      expect(isCapped).toBe(false)
      expect((await index.search({ words: ['a'], limit: 7, type: 'audio' })).hits).toHaveLength(7)
    })

    it('does the calls about one owner in their order', async () => {
      const index = await open()
      const calls = [
        index.add('ann', [file('1', 'a')]),
        index.removeOwner('ann'),
        index.add('ann', [file('2', 'a')]),
        index.add('ann', [file('2', 'b')]),
        index.remove('ann', ['2']),
        index.add('ann', [file('3', 'a')])
      ]
      expect(await Promise.all(calls)).toEqual([undefined, 1, undefined, undefined, 1, undefined])
      expect(await found(index, 'a')).toEqual(['ann/3'])
      expect(await found(index, 'b')).toEqual([])
    })

    it('does what was asked before it is closed', async () => {
      const index = await open()
      const adds = Array.from({ length: 20 }, (_, at) => index.add(`owner-${at}`, [file('1', 'a')]))
      const removed = index.removeOwner('owner-7')
      await index.close()
      await Promise.all(adds)
      expect(await removed).toBe(1)
      await index.close()
    })

    it('stops at the cap on postings touched by one query, and says so', async () => {
      const index = await open({ postingsTouchedMax: 30 })
      await index.add(
        'ann',
        Array.from({ length: 30 }, (_, at) => file(`${at}`, 'a'))
      )
      const asked = { words: ['a'], type: 'video', limit: 5 }
      expect(await index.search(asked)).toEqual({ hits: [], isCapped: false })
      expect(await index.search({ words: ['a'], limit: 100 })).toMatchObject({ isCapped: false })
      await index.add('ann', [file('30', 'a')])
      expect(await index.search(asked)).toEqual({ hits: [], isCapped: true })
      const all = await index.search({ words: ['a'], limit: 100 })
      expect([all.hits.length, all.isCapped]).toEqual([30, true])
      expect(await index.search({ words: ['a'], type: 'audio', limit: 5 })).toMatchObject({ isCapped: false })
    })

    it('counts against the cap what its port says it counts', async () => {
      const index = await open({ postingsTouchedMax: 10 })
      // Every third file has both words: each of the ten is read in one list, and sought in the other.
      await index.add(
        'ann',
        Array.from({ length: 30 }, (_, at) => file(`${at}`, at % 3 === 0 ? 'all third' : 'all'))
      )
      const ask = async (words: string, more: Partial<IndexQuery> = {}) => {
        const { hits, isCapped } = await index.search({ words: words.split(' '), limit: 100, ...more })
        return [hits.length, isCapped]
      }
      const countsFiles = store.capCounts === 'files'
      expect(await ask('third')).toEqual([10, false])
      expect(await ask('all third')).toEqual(countsFiles ? [10, false] : [5, true])
      // A store that reads postings reads those of files with a word that is left out, too.
      expect(await ask('all', { without: ['third'] })).toEqual(countsFiles ? [10, true] : [6, true])
      // What filters refuse counts everywhere.
      expect(await ask('third', { type: 'video' })).toEqual([0, false])
      await index.add('bob', [file('30', 'all third', { type: 'video/mp4' })])
      expect(await ask('third', { type: 'text' })).toEqual([0, true])
      // Never where the limit was reached before.
      expect(await ask('all', { limit: 3 })).toEqual([3, false])
    })

    it('answers what a machine asks', async () => {
      const index = await open()
      const one = file('1', 'a', { content: digest(1) })
      const ask = (question: Parameters<typeof answerFromIndex>[1]) => answerFromIndex(index, question)
      expect(await ask({ type: 'index-add', owner: 'ann', files: [one, file('2', 'a')] })).toEqual({
        type: 'index-added',
        files: 2
      })
      expect(await ask({ type: 'index-remove', owner: 'ann', keys: ['2'] })).toEqual({
        type: 'index-removed',
        files: 1
      })
      expect(await ask({ type: 'index-search', query: { words: ['a'], limit: 5 } })).toMatchObject({
        type: 'index-hits',
        hits: [{ owner: 'ann' }],
        isCapped: false
      })
      expect(await ask({ type: 'index-providers', content: digest(1), limit: 5 })).toMatchObject({
        type: 'index-providers',
        hits: [{ owner: 'ann' }]
      })
      expect(await ask({ type: 'index-browse', owner: 'ann', limit: 5 })).toMatchObject({
        type: 'index-files',
        files: [{ key: '1' }]
      })
      expect(await ask({ type: 'index-browse', owner: 'ann', after: '1', limit: 5 })).toEqual({
        type: 'index-files',
        files: []
      })
      expect(await ask({ type: 'index-totals' })).toEqual({
        type: 'index-totals',
        owners: 1,
        files: 1,
        bytes: 1000
      })
      expect(await ask({ type: 'index-remove-owner', owner: 'ann' })).toEqual({
        type: 'index-removed',
        files: 1
      })
    })

    it('keeps files at every limit, and refuses what is one past it', async () => {
      const index = await open()
      const word = (bytes: number): string => 'ä'.repeat(bytes / 2)
      const largest = file('k'.repeat(FILE_KEY_BYTES_MAX), [], {
        words: [word(WORD_BYTES_MAX), ...Array.from({ length: FILE_WORDS_MAX - 1 }, (_, at) => `w${at}`)],
        type: 't'.repeat(MEDIA_TYPE_BYTES_MAX),
        numbers: { bitrate: FILE_NUMBER_MAX },
        size: CONTENT_SIZE_BYTES_MAX,
        body: new Uint8Array(FILE_BODY_BYTES_MAX).fill(1)
      })
      const owner = 'o'.repeat(OWNER_BYTES_MAX)
      await index.add(owner, [largest])
      const [hit] = (await index.search({ words: [word(WORD_BYTES_MAX)], limit: SEARCH_FILES_MAX })).hits
      expect(hit!.owner).toBe(owner)
      expect(plain(hit!.file)).toEqual(plain(largest))

      const past: Partial<typeof largest>[] = [
        { key: 'k'.repeat(FILE_KEY_BYTES_MAX + 1) },
        { key: `${'k'.repeat(FILE_KEY_BYTES_MAX - 1)}ä` },
        { key: '' },
        { key: 'a\0b' },
        { key: '\ud800' },
        { words: [`a${word(WORD_BYTES_MAX)}`] },
        { words: [''] },
        { words: ['two words'] },
        { words: ['a\u3000b'] },
        { words: ['a\u0007'] },
        { words: ['\udc00'] },
        { words: Array.from({ length: FILE_WORDS_MAX + 1 }, (_, at) => `w${at}`) },
        { type: 't'.repeat(MEDIA_TYPE_BYTES_MAX + 1) },
        { size: CONTENT_SIZE_BYTES_MAX + 1 },
        { size: -1 },
        { size: 0.5 },
        { numbers: { year: FILE_NUMBER_MAX + 1 } },
        { numbers: { year: -1 } },
        { body: new Uint8Array(FILE_BODY_BYTES_MAX + 1) },
        { content: new Uint8Array(31) }
      ]
      for (const change of past)
        await refused(() => index.add('bob', [file('before', 'before'), { ...largest, ...change }]))
      await refused(() => index.add(`${owner}o`, [largest]))
      await refused(() => index.add('', [largest]))
      expect(await index.totals()).toMatchObject({ owners: 1, files: 1 })

      const many = Array.from({ length: ADD_FILES_MAX }, (_, at) => file(`${at}`, 'many'))
      await index.add('cat', many)
      await refused(() => index.add('cat', [...many, file('more', 'many')]))
      expect((await index.search({ words: ['many'], limit: SEARCH_FILES_MAX })).hits).toHaveLength(
        ADD_FILES_MAX
      )
      const keys = many.map(({ key }) => key)
      await refused(() => index.remove('cat', [...keys, 'more']))
      expect(await index.remove('cat', keys)).toBe(ADD_FILES_MAX)

      const words = Array.from({ length: QUERY_WORDS_MAX }, (_, at) => `w${at}`)
      expect((await index.search({ words, limit: 1 })).hits).toHaveLength(1)
      const without = words.map(one => `not-${one}`)
      expect((await index.search({ words, without, limit: 1 })).hits).toHaveLength(1)
      const badQueries: IndexQuery[] = [
        { words: [...words, 'more'], limit: 1 },
        { words, without: [...without, 'more'], limit: 1 },
        { words: [], limit: 1 },
        { words: ['two words'], limit: 1 },
        { words, limit: SEARCH_FILES_MAX + 1 },
        { words, limit: 0 },
        { words, limit: 1, type: 't'.repeat(MEDIA_TYPE_BYTES_MAX + 1) },
        { words, limit: 1, except: `${owner}o` },
        { words, limit: 1, size: { min: -1 } },
        { words, limit: 1, numbers: { year: { max: Number.NaN } } }
      ]
      for (const query of badQueries) await refused(() => index.search(query))
      await refused(() => index.providers(digest(1), SEARCH_FILES_MAX + 1))
      await refused(() => index.providers(new Uint8Array(33), 1))
      await refused(() => index.browse('ann', undefined, SEARCH_FILES_MAX + 1))
      await refused(() => index.browse('ann', 'k'.repeat(FILE_KEY_BYTES_MAX + 1), 1))
      await refused(() => index.removeOwner(`${owner}o`))
    })
  })
}
