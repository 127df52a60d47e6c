/** The store in memory: what all stores do, and what is its own. */
import { describe, expect, it } from 'vitest'
import { FILE_KEY_BYTES_MAX, POSTINGS_TOUCHED_MAX } from '../src/index.ts'
import { answerFromIndex, MemoryIndex } from '../src/memory.ts'
import { COMPACTION_DEAD_MIN } from '../src/memory-index.ts'
import { describeStore } from './conformance.ts'
import { digest, file, names } from './files.ts'
import { endsAsNaive } from './random-steps.ts'

describeStore('the store in memory', { capCounts: 'postings', open: init => new MemoryIndex(init) })

endsAsNaive('the store in memory', 300, () => new MemoryIndex())

describe('the store in memory, by itself', () => {
  const fill = (index: MemoryIndex, owner: string, count: number): void => {
    const files = Array.from({ length: count }, (_, at) =>
      file(`${at}`, `all ${at % 2 === 0 ? 'even' : 'odd'} w${at}`)
    )
    for (let at = 0; at < count; at += 1000) index.add(owner, files.slice(at, at + 1000))
  }
  const found = (index: MemoryIndex, words: readonly string[]): string[] =>
    names(index.search({ words, limit: 1000 }).hits)

  // A file of three words is four postings.
  it.each([-1, 0, 1].map(more => COMPACTION_DEAD_MIN / 4 + more))(
    'finds the same when %i of its files have gone',
    gone => {
      const index = new MemoryIndex()
      fill(index, 'ann', gone)
      fill(index, 'bob', 300)
      index.add('cat', [file('1', 'all w1', { content: digest(1) })])
      index.removeOwner('ann')
      expect(found(index, ['all'])).toHaveLength(301)
      expect(found(index, ['w1'])).toEqual(['bob/1', 'cat/1'])
      expect(found(index, ['odd', 'w7'])).toEqual(['bob/7'])
      fill(index, 'dan', 10)
      expect(found(index, ['w1'])).toEqual(['bob/1', 'cat/1', 'dan/1'])
      index.remove('bob', ['1', '3'])
      index.removeOwner('cat')
      expect(found(index, ['w1'])).toEqual(['dan/1'])
      expect(index.providers(digest(1), 10)).toEqual([])
      expect(index.totals().files).toBe(308)
    }
  )

  it('does not grow when one file is announced again and again', () => {
    const index = new MemoryIndex({ postingsTouchedMax: 2 * COMPACTION_DEAD_MIN })
    for (let again = 0; again < 10_000; again += 1) index.add('ann', [file('1', 'a', { size: again })])
    // Dead numbers are touched, too: more than the cap of them would hide the file.
    expect(index.search({ words: ['a'], limit: 10 })).toMatchObject({
      hits: [{ owner: 'ann' }],
      isCapped: false
    })
    expect(index.totals()).toEqual({ owners: 1, files: 1, bytes: 9999 })
  })

  it('gives files in the order in which they came', () => {
    const index = new MemoryIndex()
    fill(index, 'ann', 3000)
    expect(index.search({ words: ['odd', 'all'], limit: 3 }).hits.map(({ file }) => file.key)).toEqual([
      '1',
      '3',
      '5'
    ])
  })

  it('stops a query of common words at the cap', () => {
    // As many as the default cap would take long to index here: the same index with a lower one stops sooner.
    expect(POSTINGS_TOUCHED_MAX).toBe(1_000_000)
    const index = new MemoryIndex({ postingsTouchedMax: 5000 })
    fill(index, 'ann', 10_000)
    expect(index.search({ words: ['even', 'all'], limit: 1 })).toMatchObject({ isCapped: false })
    expect(index.search({ words: ['even', 'odd'], limit: 1 })).toEqual({ hits: [], isCapped: false })
    fill(index, 'bob', 2)
    expect(index.search({ words: ['even', 'odd'], limit: 1 })).toEqual({ hits: [], isCapped: true })
  })

  it('answers what a machine asks at once', () => {
    const index = new MemoryIndex()
    const add = { type: 'index-add', owner: 'ann', files: [file('1', 'a', { content: digest(1) })] } as const
    expect(answerFromIndex(index, add)).toEqual({ type: 'index-added', files: 1 })
    expect(answerFromIndex(index, { type: 'index-search', query: { words: ['a'], limit: 1 } })).toMatchObject(
      {
        type: 'index-hits',
        hits: [{ owner: 'ann', file: { key: '1' } }],
        isCapped: false
      }
    )
    expect(answerFromIndex(index, { type: 'index-providers', content: digest(1), limit: 1 })).toMatchObject({
      type: 'index-providers',
      hits: [{ owner: 'ann' }]
    })
    expect(answerFromIndex(index, { type: 'index-browse', owner: 'ann', limit: 1 })).toMatchObject({
      type: 'index-files',
      files: [{ key: '1' }]
    })
    expect(answerFromIndex(index, { type: 'index-totals' })).toMatchObject({ files: 1 })
    expect(answerFromIndex(index, { type: 'index-remove', owner: 'ann', keys: ['1'] })).toMatchObject({
      files: 1
    })
    answerFromIndex(index, add)
    expect(answerFromIndex(index, { type: 'index-remove-owner', owner: 'ann' })).toEqual({
      type: 'index-removed',
      files: 1
    })
    expect(index.totals()).toEqual({ owners: 0, files: 0, bytes: 0 })
  })

  it('refuses a text that is not well-formed, short or long', () => {
    const index = new MemoryIndex()
    for (const key of ['\ud800', `${'k'.repeat(FILE_KEY_BYTES_MAX / 2)}\ud800`])
      expect(() => index.add('ann', [file(key, 'a')])).toThrow('well-formed')
    expect(index.totals().files).toBe(0)
  })

  it('shows nobody how an entry is kept', () => {
    const index = new MemoryIndex()
    for (const owner of ['ann', 'bob']) index.add(owner, [file('1', 'a', { content: digest(1) })])
    const [hit] = index.search({ words: ['a'], limit: 1 }).hits
    expect(Object.keys(structuredClone(hit!))).toEqual(['owner', 'file'])
  })
})
