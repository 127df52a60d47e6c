/** Any store against a naive one, over random sequences of everything that can be asked. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { IndexedFile, IndexQuery, KeywordIndex } from '../src/index.ts'
import { digest, file, names, plain } from './files.ts'
import { NaiveIndex } from './naive-index.ts'

const WORDS = ['a', 'b', 'c', 'd', 'A', 'a=b', 'é', "o'x"]
const owner = fc.constantFrom('ann', 'bob', 'cat')
const key = fc.constantFrom('1', '2', '3', 'é', '😀', '\uffee')
const word = fc.constantFrom(...WORDS)
const whole = fc.nat(3)
const bounds = fc.record({ min: whole, max: whole }, { requiredKeys: [] })

const anyFile: fc.Arbitrary<IndexedFile> = fc
  .record({
    key,
    words: fc.array(word, { maxLength: 5 }),
    content: fc.option(fc.nat(2).map(digest), { nil: undefined }),
    size: whole,
    type: fc.constantFrom('audio/flac', 'audio/mpeg', 'video/mp4', ''),
    numbers: fc.record({ bitrate: whole, year: whole }, { requiredKeys: [] }),
    body: fc.uint8Array({ maxLength: 4 })
  })
  .map(({ key, words, content, ...more }) =>
    file(key, words, { ...more, ...(content !== undefined && { content }) })
  )

const anyQuery: fc.Arbitrary<IndexQuery> = fc
  .record(
    {
      words: fc.array(word, { minLength: 1, maxLength: 3 }),
      without: fc.array(word, { maxLength: 2 }),
      type: fc.constantFrom('audio', 'audio/flac', 'video'),
      size: bounds,
      numbers: fc.record({ bitrate: bounds, year: bounds }, { requiredKeys: [] }),
      except: owner
    },
    { requiredKeys: ['words'] }
  )
  .map(query => ({ ...query, limit: 100 }))

const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('add' as const),
      owner,
      files: fc.array(anyFile, { maxLength: 4 })
    })
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('remove' as const), owner, keys: fc.array(key, { maxLength: 3 }) })
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('removeOwner' as const), owner }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('search' as const), query: anyQuery }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('providers' as const), content: fc.nat(2).map(digest) })
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('browse' as const),
      owner,
      after: fc.option(key, { nil: undefined }),
      limit: fc.integer({ min: 1, max: 4 })
    })
  }
)

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

/** What a store says to one step, in a form that can be compared. */
async function outcome(index: KeywordIndex, one: Step): Promise<unknown> {
  if (one.do === 'add') return (await index.add(one.owner, one.files)) ?? (await index.totals())
  if (one.do === 'remove') return await index.remove(one.owner, one.keys)
  if (one.do === 'removeOwner') return [await index.removeOwner(one.owner), await index.totals()]
  if (one.do === 'browse') return (await index.browse(one.owner, one.after, one.limit)).map(plain)
  const hits =
    one.do === 'search' ? (await index.search(one.query)).hits : await index.providers(one.content, 100)
  return [names(hits), new Map(hits.map(hit => [`${hit.owner}/${hit.file.key}`, plain(hit.file)]))]
}

/** @param open  gives an empty store */
export function endsAsNaive(
  name: string,
  numRuns: number,
  open: () => Promise<KeywordIndex> | KeywordIndex,
  stepsMax = 30
): void {
  it(`${name} ends random sequences as a naive index does`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: stepsMax, size: 'max' }), async steps => {
        const index = await open()
        const naive = new NaiveIndex()
        for (const one of steps) expect(await outcome(index, one)).toEqual(await outcome(naive, one))
      }),
      { numRuns }
    )
  }, 60_000)
}
