import {
  blockHash,
  CONTENT_SIZE_BYTES_MAX,
  HASH_BYTES,
  layerCount,
  layerHeight,
  leafCount,
  leafHashes,
  nodeCount,
  padding,
  rootOfLayer,
  TreeHasher,
  treeHeight
} from '@servent/overlay/machine'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BLOCK, hex, KIB, MIB, madeUp, naiveLayers, sha256 } from './trees.ts'

function hashed(bytes: Uint8Array, chunk = bytes.length) {
  const hasher = new TreeHasher(sha256)
  for (let at = 0; at < bytes.length; at += chunk) hasher.update(bytes.subarray(at, at + chunk))
  return hasher.finish()
}

const SIZES = [
  0,
  1,
  BLOCK - 1,
  BLOCK,
  BLOCK + 1,
  2 * BLOCK,
  3 * BLOCK,
  40_000,
  MIB - 1,
  MIB,
  MIB + 1,
  2 * MIB,
  2 * MIB + 5,
  5 * MIB + BLOCK
]

describe('the root is the one of BEP 52', () => {
  test('of 1 MiB of zeros, as libtorrent has it in test_torrents/v2_multipiece_file.torrent', () => {
    const { root } = hashed(new Uint8Array(MIB))
    expect(hex(root)).toBe('515ea9181744b817744ded9d2e8e9dc6a8450c0b0c52e24b5077f302ffbd9008')
  })

  test('of 64 KiB of zeros, a hash in the piece layer of the same torrent', () => {
    const { root } = hashed(new Uint8Array(64 * KIB))
    expect(hex(root)).toBe('60aae9c7b428f87e0713e88229e18f0adf12cd7b22a0dd8a92bb2485eb7af242')
  })

  test('of one block or less it is the SHA-256 of the bytes', () => {
    expect(hex(hashed(new Uint8Array()).root)).toBe(
      'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
    )
    expect(hex(hashed(new TextEncoder().encode('abc')).root)).toBe(
      'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'
    )
  })

  test.each(SIZES)('of %i bytes, as the plain tree gives it', size => {
    const bytes = madeUp(size)
    const layers = naiveLayers(bytes)
    const { root, layer, size: counted } = hashed(bytes)
    expect(counted).toBe(size)
    expect(hex(root)).toBe(layers.at(-1)![0])
    // The kept layer is that of the plain tree without its padding.
    expect(hex(layer)).toBe(layers[layerHeight(size)]!.slice(0, layerCount(size)).join(''))
    expect(treeHeight(size)).toBe(layers.length - 1)
  })

  test('however the file is cut into chunks', () => {
    const bytes = madeUp(MIB + 3 * BLOCK + 77)
    const expected = hashed(bytes)
    const cuts = fc.array(fc.integer({ min: 0, max: 70_000 }), { minLength: 1, maxLength: 30 })
    fc.assert(
      fc.property(cuts, lengths => {
        const hasher = new TreeHasher(sha256)
        let at = 0
        for (let turn = 0; at < bytes.length; turn += 1) {
          const length = turn < 200 ? lengths[turn % lengths.length]! : bytes.length
          hasher.update(bytes.subarray(at, at + length))
          at += length
        }
        expect(hasher.finish()).toEqual(expected)
      }),
      { numRuns: 25 }
    )
  })
})

describe('the parts of a tree fit together', () => {
  test.each(SIZES)('the layer of %i bytes gives the root, and each block its place in the layer', size => {
    const bytes = madeUp(size)
    const { root, layer } = hashed(bytes)
    expect(hex(rootOfLayer(layer, size, sha256))).toBe(hex(root))
    for (let index = 0; index < layerCount(size); index += 1) {
      const block = bytes.subarray(index * MIB, (index + 1) * MIB)
      expect(hex(blockHash(block, size, sha256))).toBe(
        hex(layer.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES))
      )
    }
  })

  test('leaf hashes are those of the plain tree', () => {
    const bytes = madeUp(3 * BLOCK + 5)
    expect(hex(leafHashes(bytes, sha256))).toBe(naiveLayers(bytes)[0]!.slice(0, 4).join(''))
    expect(hex(leafHashes(new Uint8Array(), sha256))).toBe(hex(sha256(new Uint8Array())))
  })

  test('padding of each height is the hash of two of the height below', () => {
    expect(hex(padding(0, sha256))).toBe('00'.repeat(32))
    expect(hex(padding(3, sha256))).toBe(hex(sha256(Buffer.concat([padding(2, sha256), padding(2, sha256)]))))
  })

  test("what padding gives is the caller's own: writing into it changes no later tree", () => {
    padding(1, sha256).fill(7)
    expect(hex(padding(1, sha256))).toBe(hex(sha256(new Uint8Array(64))))
  })

  test("what a hasher gives is the caller's own", () => {
    const { root, layer } = hashed(madeUp(100))
    root.fill(0)
    expect(hex(layer)).toBe(hex(sha256(madeUp(100))))
  })
})

describe('counts and heights', () => {
  test.each([
    // size, height, layer height, layer count, leaves
    [0, 0, 0, 1, 1],
    [BLOCK, 0, 0, 1, 1],
    [BLOCK + 1, 1, 1, 1, 2],
    [3 * BLOCK, 2, 2, 1, 3],
    [MIB, 6, 6, 1, 64],
    [MIB + 1, 7, 6, 2, 65],
    [3 * MIB, 8, 6, 3, 192],
    [1024 ** 4, 26, 6, 1024 ** 2, 1024 ** 2 * 64],
    [CONTENT_SIZE_BYTES_MAX, 28, 6, 4 * 1024 ** 2, 2 ** 28]
  ])('of %i bytes', (size, height, kept, count, leaves) => {
    expect([treeHeight(size), layerHeight(size), layerCount(size), leafCount(size)]).toEqual([
      height,
      kept,
      count,
      leaves
    ])
    expect(nodeCount(size, 0)).toBe(leaves)
    expect(nodeCount(size, kept)).toBe(count)
    expect(nodeCount(size, height)).toBe(1)
  })
})

describe('limits', () => {
  test('a file of CONTENT_SIZE_BYTES_MAX bytes has a place, one byte more does not', () => {
    // Nobody hashes 4 TiB in a test: the chunk is a claim of a length, and it is refused before it is read.
    const hasher = new TreeHasher(() => new Uint8Array(32))
    const chunk = (length: number) => ({ length, subarray: () => new Uint8Array() }) as unknown as Uint8Array
    hasher.update(new Uint8Array(10))
    expect(() => hasher.update(chunk(CONTENT_SIZE_BYTES_MAX - 9))).toThrow(
      expect.objectContaining({ name: 'LimitError', limit: 'CONTENT_SIZE_BYTES_MAX' })
    )
  })

  test('HEIGHT_MAX is the height of the largest file: 28 levels have padding, 29 have none', () => {
    expect(treeHeight(CONTENT_SIZE_BYTES_MAX)).toBe(28)
    expect(() => padding(28, sha256)).not.toThrow()
    expect(() => padding(29, sha256)).toThrow(RangeError)
  })

  test('a hasher hashes one file', () => {
    const hasher = new TreeHasher(sha256)
    hasher.finish()
    expect(() => hasher.update(new Uint8Array(1))).toThrow(RangeError)
    expect(() => hasher.finish()).toThrow(RangeError)
  })

  test("a block is 1 MiB or the file's last one", () => {
    const size = 2 * MIB + 100
    expect(() => blockHash(new Uint8Array(MIB), size, sha256)).not.toThrow()
    expect(() => blockHash(new Uint8Array(100), size, sha256)).not.toThrow()
    for (const length of [0, 99, 101, MIB - 1, MIB + 1]) {
      expect(() => blockHash(new Uint8Array(length), size, sha256)).toThrow(RangeError)
    }
    // A file under 1 MiB has no block of 1 MiB.
    expect(() => blockHash(new Uint8Array(MIB), 500_000, sha256)).toThrow(RangeError)
  })

  test.each([-32, -1, 1, 32])('a layer that is %i bytes too long or short is refused', by => {
    const layer = new Uint8Array(3 * HASH_BYTES + by)
    expect(() => rootOfLayer(layer, 3 * MIB, sha256)).toThrow(
      expect.objectContaining({ name: 'VerificationError' })
    )
  })
})
