import {
  HASH_BYTES,
  isHashRun,
  layerHeight,
  leafHashes,
  type ProvenHashes,
  proofCount,
  proofOf,
  TreeHasher,
  treeHeight,
  UpperTree,
  verifyHashes
} from '@servent/overlay/machine'
import { describe, expect, test } from 'vitest'
import { BLOCK, hex, MIB, madeUp, naiveLayers, sha256 } from './trees.ts'

/** The run and its proof straight out of the plain tree. */
function claimOf(
  layers: string[][],
  size: number,
  height: number,
  index: number,
  count: number
): ProvenHashes {
  const hashes = Buffer.from(layers[height]!.slice(index, index + count).join(''), 'hex')
  const proof: string[] = []
  let place = index / count
  for (let at = height + Math.log2(count); at < layers.length - 1; at += 1, place = Math.floor(place / 2))
    proof.push(layers[at]![place ^ 1]!)
  const root = Buffer.from(layers.at(-1)![0]!, 'hex')
  return { root, size, height, index, count, hashes, proof: Buffer.from(proof.join(''), 'hex') }
}

/** Every run that a tree has. */
function* runsOf(size: number, heights: readonly number[]) {
  const levels = treeHeight(size)
  for (const height of heights) {
    const width = 2 ** (levels - height)
    for (let count = 1; count <= width; count *= 2)
      for (let index = 0; index < width; index += count) yield { size, height, index, count }
  }
}

const SIZE = 5 * MIB + 3 * BLOCK + 1
const BYTES = madeUp(SIZE)
const LAYERS = naiveLayers(BYTES)

function layerOf(bytes: Uint8Array): Uint8Array {
  const hasher = new TreeHasher(sha256)
  hasher.update(bytes)
  return hasher.finish().layer
}

describe('proofs', () => {
  test.each([BLOCK + 1, 3 * BLOCK, MIB - 1, MIB, 2 * MIB + 1, SIZE])(
    'every run of a file of %i bytes is proven and verified',
    size => {
      const bytes = BYTES.subarray(0, size)
      const layers = naiveLayers(bytes)
      const tree = new UpperTree(layerOf(bytes), size, sha256)
      expect(hex(tree.root)).toBe(layers.at(-1)![0])
      const blocks = Array.from({ length: Math.ceil(size / MIB) }, (_, index) =>
        leafHashes(bytes.subarray(index * MIB, (index + 1) * MIB), sha256)
      )
      for (const { height, index, count } of runsOf(
        size,
        [0, 2, 6, 7, 9].filter(at => at <= treeHeight(size))
      )) {
        const claim = claimOf(layers, size, height, index, count)
        // Past the file's end there is nothing to read; any leaf that is asked for there is padding.
        const leaves = blocks[Math.floor((index * 2 ** height) / 64)] ?? new Uint8Array(HASH_BYTES)
        expect(hex(tree.proof(height, index, count, leaves))).toBe(hex(claim.proof))
        expect(claim.proof.length).toBe(proofCount(claim) * HASH_BYTES)
        if (height >= layerHeight(size))
          expect(hex(tree.hashes(height, index, count))).toBe(hex(claim.hashes))
        expect(verifyHashes(claim, sha256)).toBe(true)
      }
    }
  )

  test('proofOf gives one proof from the layer alone', () => {
    const claim = claimOf(LAYERS, SIZE, 6, 2, 2)
    expect(hex(proofOf({ ...claim, layer: layerOf(BYTES) }, sha256))).toBe(hex(claim.proof))
  })

  test('a run below the layer needs the leaves of its block', () => {
    const tree = new UpperTree(layerOf(BYTES), SIZE, sha256)
    for (const leaves of [undefined, new Uint8Array(), new Uint8Array(33), new Uint8Array(65 * HASH_BYTES)]) {
      expect(() => tree.proof(0, 0, 1, leaves)).toThrow(RangeError)
    }
    // 64 leaves are a whole block: its hash is in the layer.
    expect(hex(tree.proof(0, 64, 64))).toBe(hex(claimOf(LAYERS, SIZE, 0, 64, 64).proof))
  })

  test('runs that are none, or below what is kept, are refused', () => {
    const tree = new UpperTree(layerOf(BYTES), SIZE, sha256)
    expect(() => tree.proof(6, 1, 2)).toThrow(RangeError)
    expect(() => tree.hashes(6, 8, 1)).toThrow(RangeError)
    expect(() => tree.hashes(5, 0, 1)).toThrow(RangeError)
    expect(() => new UpperTree(new Uint8Array(HASH_BYTES), SIZE, sha256)).toThrow(
      expect.objectContaining({ name: 'VerificationError' })
    )
  })
})

describe('what is refused', () => {
  const claim = claimOf(LAYERS, SIZE, 6, 4, 2)

  test('a changed bit anywhere', () => {
    for (const field of ['hashes', 'proof', 'root'] as const) {
      for (let at = 0; at < claim[field].length; at += 5) {
        const changed = Uint8Array.from(claim[field])
        changed[at]! ^= 1
        expect(verifyHashes({ ...claim, [field]: changed }, sha256)).toBe(false)
      }
    }
  })

  test('hashes, a proof or a root of another length', () => {
    for (const field of ['hashes', 'proof', 'root'] as const) {
      const bytes = claim[field]
      for (const other of [
        bytes.subarray(1),
        bytes.subarray(32),
        Buffer.concat([bytes, new Uint8Array(1)]),
        Buffer.concat([bytes, new Uint8Array(32)])
      ]) {
        expect(verifyHashes({ ...claim, [field]: other }, sha256)).toBe(false)
      }
    }
  })

  test('another place, another height, another size of tree', () => {
    expect(verifyHashes({ ...claim, index: 2 }, sha256)).toBe(false)
    expect(verifyHashes({ ...claim, height: 5 }, sha256)).toBe(false)
    expect(verifyHashes({ ...claim, height: 7 }, sha256)).toBe(false)
    expect(verifyHashes({ ...claim, size: 2 * SIZE }, sha256)).toBe(false)
    expect(verifyHashes({ ...claim, size: SIZE / 2 }, sha256)).toBe(false)
  })

  test('a size under which a real hash would be padding, in the run or in the proof', () => {
    // The tree of 5 MiB has the same height as that of 8 MiB, so only the padding tells the sizes apart.
    const last = claimOf(LAYERS, SIZE, 6, 5, 1)
    expect(verifyHashes(last, sha256)).toBe(true)
    expect(verifyHashes({ ...last, size: 5 * MIB }, sha256)).toBe(false)
    const sibling = claimOf(LAYERS, SIZE, 6, 4, 1)
    expect(verifyHashes(sibling, sha256)).toBe(true)
    expect(verifyHashes({ ...sibling, size: 5 * MIB }, sha256)).toBe(false)
  })

  test('the twin: the 64 bytes of two child hashes that hash to the root of the larger file', () => {
    const children = Buffer.from(LAYERS.at(-2)!.join(''), 'hex')
    const root = Buffer.from(LAYERS.at(-1)![0]!, 'hex')
    expect(hex(sha256(children))).toBe(hex(root))
    expect(
      verifyHashes(
        { root, size: 64, height: 0, index: 0, count: 1, hashes: root, proof: new Uint8Array() },
        sha256
      )
    ).toBe(false)
    expect(
      verifyHashes(
        { root, size: BLOCK, height: 0, index: 0, count: 1, hashes: root, proof: new Uint8Array() },
        sha256
      )
    ).toBe(false)
  })
})

describe('a run', () => {
  const run = { size: SIZE, height: 6, index: 0, count: 8 }

  test('is as wide as its layer at most', () => {
    expect(isHashRun(run)).toBe(true)
    expect(isHashRun({ ...run, count: 16 })).toBe(false)
    expect(isHashRun({ ...run, index: 7, count: 1 })).toBe(true)
    expect(isHashRun({ ...run, index: 8, count: 1 })).toBe(false)
  })

  test('lies at a multiple of its count, which is a power of two', () => {
    expect(isHashRun({ ...run, index: 4, count: 4 })).toBe(true)
    expect(isHashRun({ ...run, index: 2, count: 4 })).toBe(false)
    for (const count of [0, -1, 3, 5, 6, 7, 1.5, NaN, Infinity])
      expect(isHashRun({ ...run, count })).toBe(false)
    for (const index of [-1, 0.5, NaN, Infinity]) expect(isHashRun({ ...run, index, count: 1 })).toBe(false)
  })

  test('lies at a height of the tree', () => {
    expect(isHashRun({ ...run, height: 9, count: 1 })).toBe(true)
    for (const height of [-1, 10, 0.5, NaN]) expect(isHashRun({ ...run, height, count: 1 })).toBe(false)
  })

  test('is of a file of more than one block and at most CONTENT_SIZE_BYTES_MAX bytes', () => {
    const one = { height: 0, index: 0, count: 1 }
    expect(isHashRun({ ...one, size: BLOCK + 1 })).toBe(true)
    expect(isHashRun({ ...one, size: 2 ** 42 })).toBe(true)
    for (const size of [-1, 0, BLOCK, 2 ** 42 + 1, 1e300, NaN, BLOCK + 1.5])
      expect(isHashRun({ ...one, size })).toBe(false)
  })
})
