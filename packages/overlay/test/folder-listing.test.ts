/** Folder listings: what goes in comes out, in one order; what is no listing or breaks a bound is refused. */
import * as dagCbor from '@ipld/dag-cbor'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  CONTENT_SIZE_BYTES_MAX,
  ContentId,
  decodeFolderListing,
  encodeFolderListing,
  FOLDER_BYTES_MAX,
  FOLDER_DEPTH_MAX,
  FOLDER_ENTRIES_MAX,
  FOLDER_LISTING_BYTES_MAX,
  FOLDER_PATH_BYTES_MAX,
  type FolderEntry,
  folderName,
  listingName,
  NAME_BYTES_MAX
} from '../src/index.ts'

const small = ContentId.fromRoot(new Uint8Array(32).fill(7), 100)
const large = ContentId.fromRoot(new Uint8Array(32).fill(8), CONTENT_SIZE_BYTES_MAX)
const file = (...path: string[]): FolderEntry => ({ path, id: small, size: 100 })
const many = (count: number, name: (index: number) => string[]) =>
  Array.from({ length: count }, (_, index) => file(...name(index)))
const listing = (entries: unknown, version: unknown = 1) =>
  dagCbor.encode(['servent-folder', version, entries])
const refused = (run: () => unknown, why: string | RegExp) => {
  expect(run).toThrowError(expect.objectContaining({ name: 'FolderListingError' }))
  expect(run).toThrowError(why)
}

test('equal folders have one listing, in the order of UTF-8', () => {
  // U+FF5E comes before U+1F3B5 in UTF-8, and after its surrogates in UTF-16.
  const entries = [
    file('a'),
    file('a', 'b', 'c'),
    file('a', 'd'),
    file('a b'),
    file('\uff5e'),
    file('\u{1f3b5}'),
    file('\u{1f3b5}', 'x')
  ]
  const bytes = encodeFolderListing(entries.toReversed())
  expect(bytes).toEqual(encodeFolderListing(entries))
  expect(decodeFolderListing(bytes).map(({ path }) => path)).toEqual(entries.map(({ path }) => path))
  expect(decodeFolderListing(bytes)[0]).toMatchObject({ size: 100 })
  expect(decodeFolderListing(bytes)[0]!.id.equals(small)).toBe(true)
})

test('the format is what its description says', () => {
  expect(encodeFolderListing([file('a')])).toEqual(listing([[['a'], small.bytes, 100]]))
})

test('what is no listing is refused', () => {
  for (const bytes of [
    new Uint8Array(),
    dagCbor.encode('servent-folder'),
    dagCbor.encode(['servent-folder', 1]),
    dagCbor.encode(['another', 1, []]),
    listing('a'),
    listing(['a']),
    listing([['a', small.bytes, 100]]),
    listing([[['a'], 'id', 100]]),
    listing([[['a'], small.bytes, '100']]),
    listing([[['a'], small.bytes.subarray(1), 100]])
  ]) {
    refused(() => decodeFolderListing(bytes), 'no folder listing')
  }
  refused(() => decodeFolderListing(listing([], 2)), 'has version 2')
})

test('entries that cannot be are refused, in and out', () => {
  const both = (entries: FolderEntry[], why: string | RegExp) => {
    refused(() => encodeFolderListing(entries), why)
    refused(
      () => decodeFolderListing(listing(entries.map(({ path, id, size }) => [path, id.bytes, size]))),
      why
    )
  }
  both([], 'at least one file')
  for (const name of ['', '.', '..', 'a/b', 'a\\b', 'a\0', 'x'.repeat(NAME_BYTES_MAX + 1)]) {
    both([file('a', name)], 'A component')
    both([file(name, 'a')], 'A component')
  }
  both([{ path: [7 as never], id: small, size: 100 }], 'A component')
  both([file('a'), file('a')], 'out of order')
  both([{ path: ['a'], id: large, size: 100 }], 'A tree id')
  refused(
    () => decodeFolderListing(listing([file('b'), file('a')].map(({ path }) => [path, small.bytes, 1]))),
    'out of order'
  )
})

test('the number of entries: FOLDER_ENTRIES_MAX, and one past it', () => {
  const all = many(FOLDER_ENTRIES_MAX, index => [`${index}`])
  expect(decodeFolderListing(encodeFolderListing(all))).toHaveLength(FOLDER_ENTRIES_MAX)
  const more = [...all, file('x')]
  refused(() => encodeFolderListing(more), `at most ${FOLDER_ENTRIES_MAX} files`)
  refused(() => decodeFolderListing(listing(more.map(() => 0))), `at most ${FOLDER_ENTRIES_MAX} files`)
})

test('a count past its bound is refused at its head, whatever comes behind', () => {
  const head = [...dagCbor.encode(['servent-folder', 1, []]).slice(0, -1)]
  const list = (count: number) => [0x9a, ...new Uint8Array(Uint32Array.of(count).buffer).reverse()]
  const decode = (...bytes: number[]) => decodeFolderListing(Uint8Array.from([...head, ...bytes]))
  const oneMore = [(FOLDER_ENTRIES_MAX + 1) >> 8, (FOLDER_ENTRIES_MAX + 1) & 255]
  refused(() => decode(0x99, ...oneMore), `at most ${FOLDER_ENTRIES_MAX} files`)
  refused(() => decode(...list(0xffffffff)), `at most ${FOLDER_ENTRIES_MAX} files`)
  refused(() => decode(0x81, 0x83, 0x80 + FOLDER_DEPTH_MAX), 'no folder listing')
  refused(() => decode(0x81, 0x83, ...list(2 ** 20)), `1 to ${FOLDER_DEPTH_MAX} components`)
  // The same with all that they count: lists in lists.
  const full = new Uint8Array(FOLDER_LISTING_BYTES_MAX).fill(0x80)
  const count = full.length - head.length - 5
  full.set([...head, ...list(count)])
  refused(() => decodeFolderListing(full), `at most ${FOLDER_ENTRIES_MAX} files`)
})

test('whatever bytes are changed: a listing that is read has one form, which is written again', () => {
  const bytes = encodeFolderListing([file('a', 'b'), file('x'.repeat(30), 'é', 'c'.repeat(300 - 46))])
  let read = 0
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 3 }),
      fc.nat(bytes.length),
      (changes, cut) => {
        const changed = Uint8Array.from(bytes)
        for (const [at, byte] of changes) changed[at] = byte
        for (const some of [changed, changed.slice(0, cut)]) {
          let entries: FolderEntry[]
          try {
            entries = decodeFolderListing(some)
          } catch (error) {
            expect((error as Error).name).toBe('FolderListingError')
            continue
          }
          read += 1
          expect(encodeFolderListing(entries)).toEqual(some)
          // Any other reader of DAG-CBOR finds the same in it.
          expect(dagCbor.decode(some)).toEqual([
            'servent-folder',
            1,
            entries.map(({ path, id, size }) => [path, id.bytes, size])
          ])
        }
      }
    ),
    { numRuns: 3000 }
  )
  expect(read).toBeGreaterThan(0)
})

test('the bytes: FOLDER_LISTING_BYTES_MAX, and one past it', () => {
  // Names of 200 to 255 bytes have one form, so a listing grows by a byte with each of them.
  const grown = (count: number, extra: number) => {
    let left = extra
    return many(count, index => {
      const more = Math.min(NAME_BYTES_MAX - 200, left)
      left -= more
      return [`${index}`.padStart(6, '0'), 'y'.repeat(200 + more)]
    })
  }
  const bytesOf = (count: number) => encodeFolderListing(grown(count, 0)).length
  const each = bytesOf(1001) - bytesOf(1000)
  const count = 1000 + Math.floor((FOLDER_LISTING_BYTES_MAX - bytesOf(1000)) / each)
  const rest = FOLDER_LISTING_BYTES_MAX - bytesOf(count)
  const full = encodeFolderListing(grown(count, rest))
  expect(full).toHaveLength(FOLDER_LISTING_BYTES_MAX)
  expect(decodeFolderListing(full)).toHaveLength(count)
  const why = `at most ${FOLDER_LISTING_BYTES_MAX} bytes`
  refused(() => encodeFolderListing(grown(count, rest + 1)), why)
  refused(() => decodeFolderListing(new Uint8Array(FOLDER_LISTING_BYTES_MAX + 1)), why)
})

test('the depth: FOLDER_DEPTH_MAX, and one past it', () => {
  const deep = (depth: number) => [file(...Array<string>(depth).fill('a'))]
  expect(decodeFolderListing(encodeFolderListing(deep(FOLDER_DEPTH_MAX)))[0]!.path).toHaveLength(
    FOLDER_DEPTH_MAX
  )
  refused(() => encodeFolderListing(deep(FOLDER_DEPTH_MAX + 1)), `1 to ${FOLDER_DEPTH_MAX} components`)
  refused(() => encodeFolderListing(deep(0)), `1 to ${FOLDER_DEPTH_MAX} components`)
})

test('the bytes of a path: FOLDER_PATH_BYTES_MAX, and one past it; a component has NAME_BYTES_MAX', () => {
  // Seven of 256 bytes with their separators, and the rest in two.
  const path = [...Array<string>(7).fill('a'.repeat(NAME_BYTES_MAX)), 'a'.repeat(NAME_BYTES_MAX - 2)]
  const full = [...path, 'é']
  expect(Buffer.byteLength(full.join('/'))).toBe(FOLDER_PATH_BYTES_MAX)
  expect(decodeFolderListing(encodeFolderListing([file(...full)]))).toHaveLength(1)
  refused(() => encodeFolderListing([file(...path, 'éa')]), `at most ${FOLDER_PATH_BYTES_MAX} bytes`)
})

test('the bytes of all files: FOLDER_BYTES_MAX, and one past it', () => {
  const all = many(FOLDER_BYTES_MAX / CONTENT_SIZE_BYTES_MAX, index => [`${index}`]).map(({ path }) => ({
    path,
    id: large,
    size: CONTENT_SIZE_BYTES_MAX
  }))
  expect(decodeFolderListing(encodeFolderListing(all))).toHaveLength(all.length)
  const one = { path: ['x'], id: small, size: 1 }
  refused(() => encodeFolderListing([...all, one]), `at most ${FOLDER_BYTES_MAX} bytes`)
})

test('a listing is told by its name', () => {
  expect(listingName('Music')).toBe('Music.servent-folder')
  expect(folderName('Music.servent-folder')).toBe('Music')
  expect(folderName('Music.zip')).toBeUndefined()
  expect(folderName('.servent-folder')).toBeUndefined()
  const cut = listingName('é'.repeat(200))
  expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(NAME_BYTES_MAX)
  expect(folderName(cut)).toBe('é'.repeat(120))
})
