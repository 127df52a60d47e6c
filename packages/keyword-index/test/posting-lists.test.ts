/** Chains of chunks, galloping, maps of common words, and where several lists meet. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Intersection } from '../src/intersection.ts'
import { CHUNK_IDS, NO_ID, PostingCursor, PostingLists } from '../src/posting-lists.ts'

function listsOf(words: Readonly<Record<string, readonly number[]>>): PostingLists {
  const lists = new PostingLists()
  const at = Object.entries(words).flatMap(([word, ids]) => ids.map(id => [id, word] as const))
  // As files come: by number, with all their words.
  for (const [id, word] of at.sort(([a], [b]) => a - b)) put(lists, id, word)
  return lists
}

const put = (lists: PostingLists, id: number, ...words: string[]): unknown => lists.add([{ words }], id)

function open(lists: PostingLists, word: string): PostingCursor {
  const cursor = new PostingCursor()
  lists.open(lists.find(word)!, cursor)
  return cursor
}

function read(lists: PostingLists, word: string): number[] {
  const cursor = open(lists, word)
  const ids: number[] = []
  for (let id = cursor.next(); id !== NO_ID; id = cursor.next()) ids.push(id)
  return ids
}

/** The intersection, with the cursors in the order in which a search has them. */
function meet(lists: PostingLists, words: readonly string[], touchedMax = Number.MAX_SAFE_INTEGER) {
  const [lead, ...others] = [...words].sort(
    (a, b) => lists.count(lists.find(a)!) - lists.count(lists.find(b)!)
  )
  const common = others.filter(word => lists.isCommon(lists.find(word)!))
  const order = [lead!, ...common, ...others.filter(word => !common.includes(word))]
  const both = new Intersection(
    order.map(word => open(lists, word)),
    order.length,
    touchedMax
  )
  const ids: number[] = []
  for (let id = both.next(); id !== NO_ID; id = both.next()) ids.push(id)
  return { ids, isCapped: both.left < 0, after: both.next() }
}

const every = (step: number, below: number): number[] =>
  Array.from({ length: Math.ceil(below / step) }, (_, at) => at * step)

describe('a posting list', () => {
  // 2, 6, 14, … numbers fill chunks of 2, 4, 8, … places; from 8190 on each has CHUNK_IDS.
  const ends = [0, 1, 2, 3, 5, 6, 7, 13, 14, 15, 4094, 8190, 8190 + CHUNK_IDS, 8190 + 2 * CHUNK_IDS]

  it.each(ends.flatMap(count => [count, count + 1]).filter(count => count > 0))(
    'of %i numbers is read and sought from end to end',
    count => {
      const ids = every(3, 3 * count)
      const lists = listsOf({ a: ids })
      expect(lists.count(lists.find('a')!)).toBe(count)
      expect(read(lists, 'a')).toEqual(ids)
      const cursor = open(lists, 'a')
      for (const id of ids) {
        if (id > 0) expect(cursor.seek(id - 1)).toBe(id)
        expect(cursor.seek(id)).toBe(id)
      }
      expect(cursor.seek(3 * count)).toBe(NO_ID)
      expect(cursor.seek(3 * count + 1)).toBe(NO_ID)
      expect(open(lists, 'a').seek(3 * count)).toBe(NO_ID)
    }
  )

  it('takes a word of one file once', () => {
    const lists = new PostingLists()
    for (const id of [0, 0, 1, 1, 1, 7]) put(lists, id, 'a')
    expect(read(lists, 'a')).toEqual([0, 1, 7])
  })

  it('is found under its own word among thousands', () => {
    const lists = new PostingLists()
    for (let id = 0; id < 5000; id += 1) put(lists, id, `w${id % 1000}`)
    expect(lists.find('w1000')).toBeUndefined()
    expect(read(lists, 'w7')).toEqual([7, 1007, 2007, 3007, 4007])
  })

  it('is whole when the lists of all have outgrown 2^20 places, from where on they grow by half', () => {
    const lists = new PostingLists()
    const each = 1000
    for (let first = 0; first < 1_200_000; first += each)
      lists.add(
        every(1, each).map(at => ({ words: [(first + at) % 5 === 0 ? 'fifth' : 'other'] })),
        first
      )
    expect(lists.places).toBeGreaterThan(2 ** 20)
    expect([lists.count(lists.find('fifth')!), lists.count(lists.find('other')!)]).toEqual([240_000, 960_000])
    const cursor = open(lists, 'fifth')
    for (let id = 0; id < 1_200_000; id += 5) if (cursor.next() !== id) expect.fail(`${id} is not there`)
    expect(cursor.next()).toBe(NO_ID)
  })

  it('gallops to what a search from the beginning finds', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.nat(20_000), { minLength: 1, maxLength: 2000, size: 'max' }),
        fc.array(fc.nat(20_100), { maxLength: 50 }),
        (numbers, targets) => {
          const ids = numbers.sort((a, b) => a - b)
          const cursor = open(listsOf({ a: ids }), 'a')
          for (const target of targets.sort((a, b) => a - b))
            expect(cursor.seek(target)).toBe(ids.find(id => id >= target) ?? NO_ID)
        }
      ),
      { numRuns: 50 }
    )
  })
})

describe('a map of bits', () => {
  it('comes to a word that many files have, and goes when it has become rare', () => {
    const lists = new PostingLists()
    const isCommon = (): boolean => lists.isCommon(lists.find('a')!)
    for (let id = 0; id < 2000; id += 1) put(lists, id, 'a')
    expect(isCommon()).toBe(true)
    expect(meet(lists, ['a', 'a']).ids).toEqual(every(1, 2000))
    for (let id = 0; id < 5000; id += 1) put(lists, 1_000_000 + 300 * id, 'a')
    expect(isCommon()).toBe(false)
    expect(read(lists, 'a')).toHaveLength(7000)
    // The next word that becomes common takes the place of that map among all.
    for (let id = 3_000_000; id < 3_100_000; id += 1) put(lists, id, 'b')
    expect([isCommon(), lists.isCommon(lists.find('b')!)]).toEqual([false, true])
    expect(meet(lists, ['b', 'b']).ids).toHaveLength(100_000)
    expect(meet(lists, ['a', 'b']).ids).toEqual([])
  })

  it('does not come to a word that few have', () => {
    const lists = listsOf({ a: every(1000, 1_000_000), b: every(1, 400) })
    expect(lists.isCommon(lists.find('a')!)).toBe(false)
    expect(lists.isCommon(lists.find('b')!)).toBe(false)
  })

  it('ends before numbers that only the other word has', () => {
    const lists = listsOf({ common: every(1, 2000), rare: [5, 1999, 2000, 100_000] })
    expect(lists.isCommon(lists.find('common')!)).toBe(true)
    expect(meet(lists, ['common', 'rare']).ids).toEqual([5, 1999])
  })
})

describe('an intersection', () => {
  it('is what naive sets have in common, whatever is common and whatever is rare', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom(1, 2, 3, 7, 50, 400), fc.nat(30)), { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 500, max: 20_000 }),
        (steps, below) => {
          const words = Object.fromEntries(
            steps.map(([step, shift], at) => [`w${at}`, every(step, below).map(id => id + shift)])
          )
          const lists = listsOf(words)
          const sets = Object.values(words).map(ids => new Set(ids))
          const [first, ...others] = sets
          expect(meet(lists, Object.keys(words))).toEqual({
            ids: [...first!].filter(id => others.every(set => set.has(id))),
            isCapped: false,
            after: NO_ID
          })
        }
      ),
      { numRuns: 100 }
    )
  })

  it('stops at the cap on touched postings, and not one before', () => {
    // Twenty numbers of each list, no map: each meeting touches one posting in both.
    const lists = listsOf({ a: every(1, 20), b: every(1, 20) })
    expect(meet(lists, ['a', 'b'], 40)).toMatchObject({ isCapped: false, ids: every(1, 20) })
    expect(meet(lists, ['a', 'b'], 39)).toMatchObject({ isCapped: true, ids: every(1, 19) })
    expect(meet(lists, ['a'], 20)).toMatchObject({ isCapped: false, ids: every(1, 20) })
    expect(meet(lists, ['a'], 19)).toMatchObject({ isCapped: true, ids: every(1, 19), after: NO_ID })
  })

  it('reads no more of a list beside a map than the cap allows', () => {
    const lists = listsOf({ even: every(2, 20_000), odd: every(2, 20_000).map(id => id + 1) })
    expect(lists.isCommon(lists.find('odd')!)).toBe(true)
    expect(meet(lists, ['even', 'odd'], 10_000)).toEqual({ ids: [], isCapped: false, after: NO_ID })
    expect(meet(lists, ['even', 'odd'], 9_999)).toEqual({ ids: [], isCapped: true, after: NO_ID })
  })
})
