/**
 * A kept layer in parts of 1024 hashes, each with the root above it, so that a check of one block reads
 * 32 KiB and a hash high up in the tree of a TiB folds a thousand hashes and not a million.
 */
import {
  HASH_BYTES,
  hashPair,
  LAYER_HEIGHT,
  layerHeight,
  nodeCount,
  padding,
  treeHeight
} from '@servent/overlay/machine'
import { PART_BYTES, PART_HASHES } from './limits.ts'
import { sha256 } from './sha256.ts'

/** Above the 1 MiB layer, 2^10 hashes have one root. */
const PART_LEVELS = Math.log2(PART_HASHES)

export interface LayerPart {
  readonly hashes: Uint8Array
  /** 32 bytes. */
  readonly root: Uint8Array
}

/** Where parts come from: the catalogue. */
export interface LayerParts {
  part(index: number): LayerPart
  /** The roots of all parts, 32 bytes each. */
  roots(): Uint8Array
}

/** Height of the root of each part: that of the whole tree where there is but one. */
export function partHeight(size: number): number {
  return Math.min(treeHeight(size), LAYER_HEIGHT + PART_LEVELS)
}

/** Cuts a layer into parts, one at a time: a part costs a thousand hashes, and a file of 4 TiB has 4096. */
export function* partsOf(layer: Uint8Array, size: number): Generator<LayerPart, void, undefined> {
  for (let offset = 0; offset < layer.length; offset += PART_BYTES) {
    const hashes = layer.subarray(offset, offset + PART_BYTES)
    yield { hashes, root: fold(hashes, layerHeight(size), partHeight(size)) }
  }
}

/**
 * One hash at or above the kept layer; past the file's end it is padding.
 *
 * @throws RangeError  the height is below the layer or above the root
 */
export function upperHash(parts: LayerParts, size: number, height: number, index: number): Uint8Array {
  const base = layerHeight(size)
  if (height < base || height > treeHeight(size)) {
    throw new RangeError(`The tree of ${size} bytes has no kept hashes ${height} levels above its leaves.`)
  }
  if (index >= nodeCount(size, height)) return padding(height, sha256)
  const top = partHeight(size)
  if (height >= top) {
    const width = 2 ** (height - top)
    return fold(slice(parts.roots(), index * width, width), top, height)
  }
  const width = 2 ** (height - base)
  const first = index * width
  const { hashes } = parts.part(Math.floor(first / PART_HASHES))
  return fold(slice(hashes, first % PART_HASHES, width), base, height)
}

/** Part of a row of hashes, as far as it goes. */
export function slice(hashes: Uint8Array, index: number, count: number): Uint8Array {
  return hashes.subarray(index * HASH_BYTES, (index + count) * HASH_BYTES)
}

/** The node at height `to` above a run of nodes at height `from`; missing ones on the right are padding. */
export function fold(nodes: Uint8Array, from: number, to: number): Uint8Array {
  let level = nodes
  for (let height = from; height < to; height += 1) {
    const above = new Uint8Array(Math.ceil(level.length / HASH_BYTES / 2) * HASH_BYTES)
    for (let offset = 0; offset < above.length; offset += HASH_BYTES) {
      const left = level.subarray(2 * offset, 2 * offset + HASH_BYTES)
      const right = level.subarray(2 * offset + HASH_BYTES, 2 * offset + 2 * HASH_BYTES)
      above.set(hashPair(left, right.length > 0 ? right : padding(height, sha256), sha256), offset)
    }
    level = above
  }
  return level
}
