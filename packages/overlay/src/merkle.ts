/**
 * The SHA-256 Merkle tree of a file as BEP 52 (BitTorrent v2) has it: leaves are the hashes of 16 KiB
 * blocks (the last one may be shorter and is hashed as it is), the number of leaves is padded to a power of
 * two with leaves of 32 zero bytes, and a node is the hash of its two children. The root is BEP 52's
 * `pieces root`. Heights count from the leaves: 0 is the layer of leaves, 6 the layer of 1 MiB.
 *
 * A file's kept layer is the one of 1 MiB hashes, or the root alone where the file has at most 1 MiB: a
 * small file's tree is padded to its own power of two, not to 64 leaves. The hash function comes from the
 * caller, so that this stays pure and a host can use a native one.
 */
import { BLOCK_BYTES } from './content-id.ts'
import { LimitError, VerificationError } from './errors.ts'
import { CONTENT_SIZE_BYTES_MAX } from './limits.ts'

/** Gives 32 bytes in an array of their own, and keeps no reference to what it was given. */
export type Sha256 = (bytes: Uint8Array) => Uint8Array

export const HASH_BYTES = 32
/** 2^6 leaves of 16 KiB make 1 MiB. */
export const LAYER_HEIGHT = 6
export const LAYER_BLOCK_BYTES = BLOCK_BYTES << LAYER_HEIGHT

const LAYER_BLOCK_LEAVES = 1 << LAYER_HEIGHT
/** A file of 4 TiB has 2^28 leaves. */
const HEIGHT_MAX = 28

/** Levels above the leaves: 0 for a file of one block or less. */
export function treeHeight(size: number): number {
  const leaves = leafCount(size)
  return leaves === 1 ? 0 : 32 - Math.clz32(leaves - 1)
}

/** Where the kept layer lies: 6, or lower where the whole tree is. */
export function layerHeight(size: number): number {
  return Math.min(LAYER_HEIGHT, treeHeight(size))
}

/** Hashes in the kept layer: one for each 1 MiB, at least one. */
export function layerCount(size: number): number {
  return Math.max(1, Math.ceil(size / LAYER_BLOCK_BYTES))
}

/** Leaves without padding, at least one: the empty file has one empty block. */
export function leafCount(size: number): number {
  return Math.max(1, Math.ceil(size / BLOCK_BYTES))
}

/** Nodes at a height that have at least one real leaf below them. */
export function nodeCount(size: number, height: number): number {
  return Math.max(1, Math.ceil(size / (BLOCK_BYTES * 2 ** height)))
}

const paddings = new WeakMap<Sha256, Uint8Array[]>()

/** The hash of a subtree of this height that has no leaf of the file in it. */
export function padding(height: number, sha256: Sha256): Uint8Array {
  return Uint8Array.from(paddingOf(height, sha256))
}

function paddingOf(height: number, sha256: Sha256): Uint8Array {
  if (height > HEIGHT_MAX) throw new RangeError(`No tree is ${height} levels high.`)
  let known = paddings.get(sha256)
  if (known === undefined) {
    known = [new Uint8Array(HASH_BYTES)]
    paddings.set(sha256, known)
  }
  while (known.length <= height) {
    const below = known[known.length - 1]!
    known.push(hashPair(below, below, sha256))
  }
  return known[height]!
}

const pair = new Uint8Array(2 * HASH_BYTES)

/** The hash of a node with these two children. */
export function hashPair(left: Uint8Array, right: Uint8Array, sha256: Sha256): Uint8Array {
  pair.set(left, 0)
  pair.set(right, HASH_BYTES)
  return sha256(pair)
}

/**
 * Takes the nodes of one layer from the left and keeps, as a binary counter does, only the roots of the full
 * subtrees that wait for their right half.
 */
class Stack {
  readonly #sha256: Sha256
  /** Height of the nodes that are pushed. */
  readonly #base: number
  readonly #full: Uint8Array[] = []
  count = 0

  constructor(base: number, sha256: Sha256) {
    this.#base = base
    this.#sha256 = sha256
  }

  push(node: Uint8Array): void {
    let level = 0
    let subtree = node
    for (let bits = this.count; bits % 2 === 1; bits = Math.floor(bits / 2)) {
      subtree = hashPair(this.#full[level]!, subtree, this.#sha256)
      level += 1
    }
    this.#full[level] = subtree
    this.count += 1
  }

  /** The root over what was pushed and the padding to its right, `levels` above the pushed nodes. Empties. */
  finish(levels: number): Uint8Array {
    let edge: Uint8Array | undefined
    let bits = this.count
    for (let level = 0; level < levels; level += 1, bits = Math.floor(bits / 2)) {
      if (bits % 2 === 1) {
        edge = hashPair(this.#full[level]!, edge ?? paddingOf(this.#base + level, this.#sha256), this.#sha256)
      } else if (edge !== undefined) {
        edge = hashPair(edge, paddingOf(this.#base + level, this.#sha256), this.#sha256)
      }
    }
    this.count = 0
    return edge ?? this.#full[levels]!
  }
}

/** Hashes of the leaves of a range that begins at a block's edge: 32 bytes for each 16 KiB, at least one. */
export function leafHashes(bytes: Uint8Array, sha256: Sha256): Uint8Array {
  const hashes = new Uint8Array(leafCount(bytes.length) * HASH_BYTES)
  for (let index = 0; index * HASH_BYTES < hashes.length; index += 1) {
    hashes.set(sha256(bytes.subarray(index * BLOCK_BYTES, (index + 1) * BLOCK_BYTES)), index * HASH_BYTES)
  }
  return hashes
}

/**
 * What the kept layer of a file of `size` bytes holds for one of its blocks of 1 MiB (or its shorter last
 * one): the check of a block that arrived.
 *
 * @throws RangeError  the file has no block of this length
 */
export function blockHash(bytes: Uint8Array, size: number, sha256: Sha256): Uint8Array {
  const last = size - (layerCount(size) - 1) * LAYER_BLOCK_BYTES
  if (bytes.length !== last && (bytes.length !== LAYER_BLOCK_BYTES || size <= LAYER_BLOCK_BYTES)) {
    throw new RangeError(`A file of ${size} bytes has no block of ${bytes.length} bytes.`)
  }
  const stack = new Stack(0, sha256)
  for (let offset = 0; offset === 0 || offset < bytes.length; offset += BLOCK_BYTES) {
    stack.push(sha256(bytes.subarray(offset, offset + BLOCK_BYTES)))
  }
  return stack.finish(layerHeight(size))
}

export interface HashedTree {
  /** Bytes. */
  readonly size: number
  /** 32 bytes; of a file of one block, its SHA-256. */
  readonly root: Uint8Array
  /** `layerCount(size)` hashes of 32 bytes. */
  readonly layer: Uint8Array
}

/** Hashes a file as it is read, in chunks cut anywhere. Holds the kept layer and less than one block. */
export class TreeHasher {
  readonly #sha256: Sha256
  readonly #leaves: Stack
  readonly #blocks: Stack
  readonly #leaf = new Uint8Array(BLOCK_BYTES)
  #leafBytes = 0
  #layer = new Uint8Array(HASH_BYTES)
  #layerBytes = 0
  #size = 0
  #finished = false

  constructor(sha256: Sha256) {
    this.#sha256 = sha256
    this.#leaves = new Stack(0, sha256)
    this.#blocks = new Stack(LAYER_HEIGHT, sha256)
  }

  /**
   * @throws LimitError  the file has more than `CONTENT_SIZE_BYTES_MAX` bytes
   * @throws RangeError  `finish` was called before
   */
  update(chunk: Uint8Array): void {
    if (this.#finished) throw new RangeError('A TreeHasher hashes one file.')
    if (this.#size + chunk.length > CONTENT_SIZE_BYTES_MAX) {
      throw new LimitError('CONTENT_SIZE_BYTES_MAX', `A file has at most ${CONTENT_SIZE_BYTES_MAX} bytes.`)
    }
    this.#size += chunk.length
    let offset = 0
    if (this.#leafBytes > 0) {
      offset = Math.min(chunk.length, BLOCK_BYTES - this.#leafBytes)
      this.#leaf.set(chunk.subarray(0, offset), this.#leafBytes)
      this.#leafBytes += offset
      if (this.#leafBytes < BLOCK_BYTES) return
      this.#pushLeaf(this.#leaf)
      this.#leafBytes = 0
    }
    // Whole blocks are hashed where they lie; only what is left over is copied.
    for (; offset + BLOCK_BYTES <= chunk.length; offset += BLOCK_BYTES) {
      this.#pushLeaf(chunk.subarray(offset, offset + BLOCK_BYTES))
    }
    this.#leaf.set(chunk.subarray(offset), 0)
    this.#leafBytes = chunk.length - offset
  }

  finish(): HashedTree {
    if (this.#finished) throw new RangeError('A TreeHasher hashes one file.')
    this.#finished = true
    const size = this.#size
    if (this.#leafBytes > 0 || size === 0) this.#pushLeaf(this.#leaf.subarray(0, this.#leafBytes))
    if (this.#leaves.count > 0) this.#pushBlock(this.#leaves.finish(layerHeight(size)))
    const root = this.#blocks.finish(treeHeight(size) - layerHeight(size))
    return { size, root: Uint8Array.from(root), layer: this.#layer.slice(0, this.#layerBytes) }
  }

  #pushLeaf(block: Uint8Array): void {
    this.#leaves.push(this.#sha256(block))
    // A file of less than 1 MiB has a lower tree, so its only block waits for `finish`; so may a full one.
    if (this.#leaves.count === LAYER_BLOCK_LEAVES) this.#pushBlock(this.#leaves.finish(LAYER_HEIGHT))
  }

  #pushBlock(hash: Uint8Array): void {
    if (this.#layerBytes === this.#layer.length) {
      const larger = new Uint8Array(this.#layer.length * 2)
      larger.set(this.#layer)
      this.#layer = larger
    }
    this.#layer.set(hash, this.#layerBytes)
    this.#layerBytes += HASH_BYTES
    this.#blocks.push(hash)
  }
}

/**
 * The root above a whole kept layer.
 *
 * @throws VerificationError  the layer has not the length that the size asks for
 */
export function rootOfLayer(layer: Uint8Array, size: number, sha256: Sha256): Uint8Array {
  const count = layerCount(size)
  if (layer.length !== count * HASH_BYTES) {
    throw new VerificationError(
      `The layer of ${size} bytes has ${count} hashes, not ${layer.length / HASH_BYTES}.`
    )
  }
  const stack = new Stack(layerHeight(size), sha256)
  for (let offset = 0; offset < layer.length; offset += HASH_BYTES) {
    stack.push(layer.subarray(offset, offset + HASH_BYTES))
  }
  return Uint8Array.from(stack.finish(treeHeight(size) - layerHeight(size)))
}
