/** Own records, page by page. */
import { generateKeyPair } from '@libp2p/crypto/keys'
import { openRecord, RECORD_LIFETIME_MS } from '@servent/overlay'
import { MemoryCatalogue } from '@servent/overlay/testing'
import { expect, it } from 'vitest'
import { OwnRecords } from '../src/service-records.ts'

const NOW_MS = 1_800_000_000_000
const newRecords = async () => new OwnRecords(await generateKeyPair('Ed25519'))
const ALL = { after: 0, bytesMax: 100_000, filesMax: 100 }

it('a page has as many as fit in order, one at least, and the next goes on behind it', async () => {
  const records = await newRecords()
  const catalogue = new MemoryCatalogue()
  for (const name of ['a', 'b', 'c', 'd']) catalogue.add(name)
  const indexesOf = async (question: typeof ALL) => {
    const { files, isLast } = await records.page(catalogue, question, NOW_MS)
    return [...files.map(({ index }) => index), isLast]
  }
  expect(await indexesOf(ALL)).toEqual([1, 2, 3, 4, true])
  expect(await indexesOf({ ...ALL, filesMax: 2 })).toEqual([1, 2, false])
  expect(await indexesOf({ ...ALL, after: 2, bytesMax: 1 })).toEqual([3, false])
  expect(await indexesOf({ ...ALL, after: 3 })).toEqual([4, true])
  expect(await indexesOf({ ...ALL, after: 1 })).toEqual([2, 3, 4, true])
  expect((await records.page(undefined, ALL, NOW_MS)).isLast).toBe(true)
})

it('what was read ahead and is shared no more is in no page', async () => {
  const records = await newRecords()
  const catalogue = new MemoryCatalogue()
  const [, second] = [catalogue.add('a'), catalogue.add('b'), catalogue.add('c')]
  await records.page(catalogue, { ...ALL, filesMax: 1 }, NOW_MS)
  catalogue.remove(second!)
  records.forget(second!.index)
  const { files } = await records.page(catalogue, { ...ALL, after: 1 }, NOW_MS)
  expect(files.map(({ index }) => index)).toEqual([3])
})

it('a file that no record can hold is left out, and the others are no worse for it', async () => {
  const records = await newRecords()
  const catalogue = new MemoryCatalogue()
  catalogue.add('x'.repeat(300))
  const sound = catalogue.add('sound')
  const { files } = await records.page(catalogue, ALL, NOW_MS)
  expect(files.map(({ index }) => index)).toEqual([sound.index])
})

it('a record lasts until all is uploaded anew, twice a day', async () => {
  const records = await newRecords()
  const catalogue = new MemoryCatalogue()
  const file = catalogue.add('a')
  for (const laterMs of [0, RECORD_LIFETIME_MS / 4, RECORD_LIFETIME_MS / 4 + 1]) {
    const wallMs = NOW_MS + laterMs
    const record = await openRecord((await records.of(file, wallMs))!, { nowMs: wallMs })
    expect(record.expiresMs - wallMs).toBeGreaterThan(RECORD_LIFETIME_MS / 2)
  }
  expect(await records.of(file, NOW_MS + RECORD_LIFETIME_MS)).not.toEqual(await records.of(file, NOW_MS))
})
