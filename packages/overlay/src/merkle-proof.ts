/**
 * Runs of hashes with proofs: BEP 52's hash request and its answer. A run has a power of two of hashes at one
 * height and begins at a multiple of that; its proof are the uncle hashes from the run's own subtree up to
 * the two children of the root, lowest first.
 */
import { BLOCK_BYTES } from './content-id.ts'
import { CONTENT_SIZE_BYTES_MAX } from './limits.ts'
import {
  HASH_BYTES,
  hashPair,
  LAYER_BLOCK_BYTES,
  layerHeight,
  nodeCount,
  padding,
  rootOfLayer,
  type Sha256,
  treeHeight
} from './merkle.ts'

export interface HashRun {
  /** Bytes of the file. */
  readonly size: number
  /** Levels above the leaves of 16 KiB. */
  readonly height: number
  /** Of the first hash, counted from the left of its layer. */
  readonly index: number
  /** A power of two, not wider than the layer. */
  readonly count: number
}

export interface ProvenHashes extends HashRun {
  /** 32 bytes: the digest of a tree id. */
  readonly root: Uint8Array
  /** `count` hashes of 32 bytes; those past the file's end are padding. */
  readonly hashes: Uint8Array
  /** Uncle hashes, lowest first, `proofCount` of them. */
  readonly proof: Uint8Array
}

/**
 * Whether a run lies in its tree. A file of one block has no tree, so nothing is a run of it: its id is
 * checked by hashing it, and a root cannot pose as the id of the 64 bytes below it.
 */
export function isHashRun({ size, height, index, count }: HashRun): boolean {
  if (!Number.isSafeInteger(size) || size <= BLOCK_BYTES || size > CONTENT_SIZE_BYTES_MAX) return false
  const levels = treeHeight(size)
  if (!Number.isSafeInteger(height) || height < 0 || height > levels) return false
  const width = 2 ** (levels - height)
  if (
    !Number.isSafeInteger(count) ||
    count < 1 ||
    count > width ||
    2 ** Math.round(Math.log2(count)) !== count
  )
    return false
  return Number.isSafeInteger(index) && index >= 0 && index < width && index % count === 0
}

/** Hashes in the proof of a run. */
export function proofCount({ size, height, count }: HashRun): number {
  return treeHeight(size) - height - Math.log2(count)
}

/**
 * Whether these hashes lie at this place in the tree of a file of `size` bytes with this root. Nothing that a
 * peer sends makes it throw. Padding is checked too, in the run and in the proof: a peer cannot pass a longer
 * file off as a shorter one.
 */
export function verifyHashes(claim: ProvenHashes, sha256: Sha256): boolean {
  const { root, size, hashes, proof } = claim
  if (!isHashRun(claim) || root.length !== HASH_BYTES) return false
  if (hashes.length !== claim.count * HASH_BYTES || proof.length !== proofCount(claim) * HASH_BYTES)
    return false
  let { height, index } = claim
  if (!isPadded(hashes, size, height, index, sha256)) return false
  let nodes = hashes
  while (nodes.length > HASH_BYTES) {
    nodes = parents(nodes, sha256)
    height += 1
    index /= 2
  }
  let node = nodes
  for (let offset = 0; offset < proof.length; offset += HASH_BYTES) {
    const uncle = proof.subarray(offset, offset + HASH_BYTES)
    const left = index % 2 === 0
    if (!isPadded(uncle, size, height, left ? index + 1 : index - 1, sha256)) return false
    node = left ? hashPair(node, uncle, sha256) : hashPair(uncle, node, sha256)
    height += 1
    index = Math.floor(index / 2)
  }
  return equal(node, root)
}

/** Whether every hash of a run that is past the file's end is padding. */
function isPadded(hashes: Uint8Array, size: number, height: number, index: number, sha256: Sha256): boolean {
  const first = Math.max(0, nodeCount(size, height) - index)
  if (first * HASH_BYTES >= hashes.length) return true
  const expected = padding(height, sha256)
  for (let offset = first * HASH_BYTES; offset < hashes.length; offset += HASH_BYTES) {
    if (!equal(hashes.subarray(offset, offset + HASH_BYTES), expected)) return false
  }
  return true
}

function parents(nodes: Uint8Array, sha256: Sha256): Uint8Array {
  const above = new Uint8Array(nodes.length / 2)
  for (let offset = 0; offset < above.length; offset += HASH_BYTES) {
    const left = nodes.subarray(2 * offset, 2 * offset + HASH_BYTES)
    above.set(
      hashPair(left, nodes.subarray(2 * offset + HASH_BYTES, 2 * offset + 2 * HASH_BYTES), sha256),
      offset
    )
  }
  return above
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.every((byte, index) => byte === b[index])
}

/**
 * The upper part of a file's tree, built once from the kept layer so that proofs are then only looked up.
 * It holds as many bytes again as the layer (32 MiB for a TiB) and hashes as many pairs (about a second).
 */
export class UpperTree {
  readonly size: number
  readonly #sha256: Sha256
  /** From the kept layer up to the root, without padding. */
  readonly #layers: Uint8Array[]

  /** @throws VerificationError  the layer has not the length that the size asks for */
  constructor(layer: Uint8Array, size: number, sha256: Sha256) {
    this.size = size
    this.#sha256 = sha256
    this.#layers = [layer]
    const levels = treeHeight(size)
    if (layer.length !== nodeCount(size, layerHeight(size)) * HASH_BYTES) rootOfLayer(layer, size, sha256)
    for (let height = layerHeight(size); height < levels; height += 1) {
      const below = this.#layers.at(-1)!
      if ((below.length / HASH_BYTES) % 2 === 0) {
        this.#layers.push(parents(below, sha256))
        continue
      }
      const padded = new Uint8Array(below.length + HASH_BYTES)
      padded.set(below)
      padded.set(padding(height, sha256), below.length)
      this.#layers.push(parents(padded, sha256))
    }
  }

  get root(): Uint8Array {
    return this.#layers.at(-1)!
  }

  /**
   * The hashes of a run at or above the kept layer, padding past the file's end.
   *
   * @throws RangeError  the run does not lie in this part of the tree
   */
  hashes(height: number, index: number, count: number): Uint8Array {
    const run = { size: this.size, height, index, count }
    if (!isHashRun(run) || height < layerHeight(this.size))
      throw new RangeError('No such run of hashes above the layer.')
    return this.#hashes(height, index, count)
  }

  /**
   * The proof of a run. A run inside one block of 1 MiB below the kept layer needs the leaf hashes of that
   * block (`leafHashes`); others do not.
   *
   * @throws RangeError  no such run, or leaves are needed and missing
   */
  proof(height: number, index: number, count: number, leaves?: Uint8Array): Uint8Array {
    const run = { size: this.size, height, index, count }
    if (!isHashRun(run)) throw new RangeError('No such run of hashes in this tree.')
    const proof = new Uint8Array(proofCount(run) * HASH_BYTES)
    let at = height + Math.log2(count)
    let place = index / count
    const base = layerHeight(this.size)
    let below = at < base ? blockLayers(leaves, base, this.#sha256) : []
    for (let offset = 0; offset < proof.length; offset += HASH_BYTES) {
      const uncle = place % 2 === 0 ? place + 1 : place - 1
      if (at < base) {
        const within = uncle % 2 ** (base - at)
        proof.set(below[at]!.subarray(within * HASH_BYTES, (within + 1) * HASH_BYTES), offset)
      } else {
        below = []
        proof.set(this.#hashes(at, uncle, 1), offset)
      }
      at += 1
      place = Math.floor(place / 2)
    }
    return proof
  }

  #hashes(height: number, index: number, count: number): Uint8Array {
    const layer = this.#layers[height - layerHeight(this.size)]!
    const hashes = new Uint8Array(count * HASH_BYTES)
    hashes.set(layer.subarray(index * HASH_BYTES, (index + count) * HASH_BYTES))
    const real = Math.max(0, Math.min(count, layer.length / HASH_BYTES - index))
    for (let place = real; place < count; place += 1)
      hashes.set(padding(height, this.#sha256), place * HASH_BYTES)
    return hashes
  }
}

/** The layers of one block from its leaves, padded, up to below the kept layer. */
function blockLayers(leaves: Uint8Array | undefined, height: number, sha256: Sha256): Uint8Array[] {
  const most = 2 ** height * HASH_BYTES
  if (
    leaves === undefined ||
    leaves.length === 0 ||
    leaves.length > most ||
    leaves.length % HASH_BYTES !== 0
  ) {
    throw new RangeError(
      `A run below the layer needs the leaf hashes of its block of ${LAYER_BLOCK_BYTES} bytes.`
    )
  }
  const padded = new Uint8Array(most)
  padded.set(leaves)
  const layers: Uint8Array[] = [padded]
  while (layers.length < height) layers.push(parents(layers.at(-1)!, sha256))
  return layers
}

/** The proof of one run, for who has the layer at hand and needs no second one: see `UpperTree.proof`. */
export function proofOf(
  run: HashRun & { layer: Uint8Array; leaves?: Uint8Array },
  sha256: Sha256
): Uint8Array {
  return new UpperTree(run.layer, run.size, sha256).proof(run.height, run.index, run.count, run.leaves)
}
