/** The store in memory while it moves from one generation to the next: what is found, how much one call does, what is held. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ADD_FILES_MAX, FILE_WORDS_MAX } from '../src/index.ts'
import { MemoryIndex } from '../src/memory.ts'
import { COMPACTION_DEAD_MIN, COMPACTION_DEAD_SHARE, COMPACTION_POSTINGS_MAX } from '../src/memory-index.ts'
import { digest, file, names } from './files.ts'
import { NaiveIndex } from './naive-index.ts'
import { endsAsNaive } from './random-steps.ts'

/** One file of six words, or two of three, are moved by a call; a handful of dead ones begins it. */
const TINY = { compactionPostingsMax: 7, compactionDeadMin: 3 }

endsAsNaive(
  'the store in memory, all but always between two generations,',
  300,
  () => new MemoryIndex(TINY),
  80
)

describe('a compaction', () => {
  const fill = (index: MemoryIndex, owner: string, count: number, words = 'a b'): void => {
    for (let at = 0; at < count; at += ADD_FILES_MAX)
      index.add(
        owner,
        Array.from({ length: Math.min(ADD_FILES_MAX, count - at) }, (_, more) =>
          file(`${at + more}`, `${words} w${at + more}`)
        )
      )
  }

  it('finds each file once, in every state between two generations', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(59), { minLength: 30, maxLength: 200, size: 'max' }), changes => {
        const index = new MemoryIndex(TINY)
        const naive = new NaiveIndex()
        let between = 0
        for (const [at, number] of changes.entries()) {
          // Files come and go: each number is there after every other change of it.
          const key = `${number}`
          if (naive.remove('ann', [key]) > 0) expect(index.remove('ann', [key])).toBe(1)
          else
            for (const store of [index, naive])
              store.add('ann', [file(key, `a n${number % 3} c${at % 2}`, { content: digest(number % 4) })])
          if (index.holdings().isCompacting) between += 1
          for (const words of [['a'], ['a', 'n1'], ['n2', 'c0'], ['c1', 'a', 'n0']]) {
            const query = { words, limit: 100 }
            expect(names(index.search(query).hits)).toEqual(names(naive.search(query).hits))
          }
          const without = { words: ['a'], without: ['n1'], limit: 100 }
          expect(names(index.search(without).hits)).toEqual(names(naive.search(without).hits))
          expect(names(index.providers(digest(1), 100))).toEqual(names(naive.providers(digest(1), 100)))
        }
        expect(index.totals()).toEqual(naive.totals())
        return between > 0 || changes.length < 100
      }),
      { numRuns: 30 }
    )
  })

  it('moves no more by one call than COMPACTION_POSTINGS_MAX, or than twice what that call announces', () => {
    const index = new MemoryIndex()
    const [files, words] = [6000, 3]
    fill(index, 'ann', files)
    fill(index, 'bob', files)
    let { moved } = index.holdings()
    expect(moved).toBe(0)
    /** Postings that a call moves. */
    const movedBy = (call: () => unknown): number => {
      call()
      const before = moved
      moved = index.holdings().moved
      return moved - before
    }
    // Half as many dead ones as living ones: the last of these removals begins it.
    const limit = (2 * files) / 3
    for (let at = 0; at < limit - 1; at += 1) expect(movedBy(() => index.remove('ann', [`${at}`]))).toBe(0)
    expect(index.holdings().isCompacting).toBe(false)
    const first = movedBy(() => index.remove('ann', [`${limit - 1}`]))
    expect(index.holdings().isCompacting).toBe(true)
    expect(first).toBe(COMPACTION_POSTINGS_MAX)
    const query = { words: ['a', 'w5999'], limit: 10 }
    const counts: number[] = []
    for (let call = 0; index.holdings().isCompacting; call += 1) {
      const what = call % 4
      if (what === 0) counts.push(movedBy(() => index.search(query)))
      else if (what === 1) counts.push(movedBy(() => index.remove('bob', [`${call}`])))
      else if (what === 2) counts.push(movedBy(() => index.add('cat', [file(`${call}`, 'a b')])))
      else counts.push(movedBy(() => index.removeOwner(call === 3 ? 'cat' : 'nobody')))
      expect(names(index.search(query).hits)).toEqual(['ann/5999', 'bob/5999'])
      moved = index.holdings().moved
    }
    expect(Math.max(...counts)).toBe(COMPACTION_POSTINGS_MAX)
    expect(counts.length).toBeGreaterThan(10)

    // Anew, and this time an announcement brings more than the limit: it moves twice as much as it brings.
    index.removeOwner('bob')
    expect(index.holdings()).toMatchObject({ isCompacting: true })
    moved = index.holdings().moved
    const many = Array.from({ length: 300 }, (_, at) => file(`${at}`, 'a b c'))
    const more = movedBy(() => index.add('dan', many))
    // The next file may not have fitted any more.
    expect(more).toBeGreaterThan(2 * 300 * (words + 1) - (words + 1))
    expect(more).toBeLessThanOrEqual(2 * 300 * (words + 1))
  })

  it('moves a file with as many words as there may be, whole, within the limit', () => {
    expect(COMPACTION_POSTINGS_MAX).toBeGreaterThan(FILE_WORDS_MAX)
    const index = new MemoryIndex({ compactionPostingsMax: FILE_WORDS_MAX, compactionDeadMin: 1 })
    const words = Array.from({ length: FILE_WORDS_MAX }, (_, at) => `w${at}`)
    index.add('ann', [file('1', words), file('2', words), file('3', words)])
    index.remove('ann', ['1'])
    // One posting more than the limit: it goes alone, for it could not go otherwise.
    const { moved, isCompacting } = index.holdings()
    expect([moved, isCompacting]).toEqual([1, true])
    index.search({ words: ['w1'], limit: 1 })
    expect(index.holdings()).toMatchObject({ moved: 1 + FILE_WORDS_MAX + 1, isCompacting: true })
    index.search({ words: ['w1'], limit: 1 })
    expect(index.holdings()).toMatchObject({ isCompacting: false })
    expect(names(index.search({ words: words.slice(-2), limit: 10 }).hits)).toEqual(['ann/2', 'ann/3'])
  })

  it('holds no more than is said, however files come and go', () => {
    const index = new MemoryIndex()
    let [livingMost, largest, size, living, wasCompacting] = [0, 0, 0, 0, false]
    /** After each call, which changed so many postings at most: that much more it may leave. */
    const check = (changed: number): void => {
      const now = index.holdings()
      const slack = changed + COMPACTION_DEAD_MIN
      livingMost = Math.max(livingMost, now.living)
      largest = Math.max(largest, now.postings / livingMost)
      if (now.isCompacting && !wasCompacting) {
        ;[size, living] = [now.postings, now.living]
        expect(size).toBeLessThanOrEqual(2 * livingMost + slack)
      }
      if (now.isCompacting) expect(now.postings).toBeLessThanOrEqual(1.5 * size + living + slack)
      else if (!wasCompacting)
        expect(now.postings).toBeLessThanOrEqual((1 + COMPACTION_DEAD_SHARE) * now.living + slack)
      expect(now.postings).toBeLessThanOrEqual(4 * livingMost + slack)
      wasCompacting = now.isCompacting
    }
    fill(index, 'stays', 5000)
    for (let round = 0; round < 250; round += 1) {
      const owner = `owner-${round % 7}`
      const count = 1 + ((round * 37) % 900)
      index.add(
        owner,
        Array.from({ length: count }, (_, at) => file(`${at}`, `a b c d r${round}`))
      )
      check(count * 6)
      if (round % 3 > 0) {
        index.removeOwner(`owner-${(round * 3) % 7}`)
        check(count * 6)
      }
    }
    expect(largest).toBeGreaterThan(1.5)
    for (let owner = 0; owner < 7; owner += 1) index.removeOwner(`owner-${owner}`)
    index.removeOwner('stays')
    expect(index.holdings()).toMatchObject({ living: 0, postings: 0, isCompacting: false })
  })

  it('counts what is touched in both generations against one cap', () => {
    const index = new MemoryIndex({ ...TINY, postingsTouchedMax: 41 })
    fill(index, 'ann', 60)
    // A third goes: what lives is 40 files with the word, some of them in each generation.
    index.remove(
      'ann',
      Array.from({ length: 20 }, (_, at) => `${at * 3}`)
    )
    expect(index.holdings().isCompacting).toBe(true)
    index.add('ann', [file('new', 'a')])
    expect(index.holdings().isCompacting).toBe(true)
    const answer = index.search({ words: ['a'], limit: 100 })
    expect(answer.isCapped).toBe(true)
    expect(answer.hits.length).toBeLessThanOrEqual(41)
    // Afterwards nothing of what has gone is touched any more.
    while (index.holdings().isCompacting) index.search({ words: ['b'], limit: 1 })
    const later = index.search({ words: ['a'], limit: 100 })
    expect([later.hits.length, later.isCapped]).toEqual([41, false])
  })
})
