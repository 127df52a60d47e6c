/**
 * Hashes of a file's tree with their proof, as BEP 52's `hash request` and `hashes` have them: `count` hashes
 * at `height` from `index` on, then the uncle hashes from their subtree up to the root's children. What lies
 * past the file's end is padding.
 */
import {
  BLOCK_BYTES,
  type BlockReader,
  HASH_BYTES,
  type HashRun,
  isHashRun,
  LAYER_HEIGHT,
  proofCount
} from '@servent/overlay'
import type { ServerLimits } from './limits.ts'

export type HashLimits = Pick<ServerLimits, 'hashesMax' | 'hashedBytesMax'>

/** Why these hashes are not given: a sentence, or nothing where they are. */
export function refuseHashes(run: HashRun, limits: HashLimits): string | undefined {
  if (!isHashRun(run)) {
    return 'The tree has no such hashes: count is a power of two, index a multiple of it, both within the layer.'
  }
  if (run.count > limits.hashesMax) return `At most ${limits.hashesMax} hashes are given at a time.`
  const readBytes = run.height < LAYER_HEIGHT ? run.count * 2 ** run.height * BLOCK_BYTES : 0
  if (readBytes > limits.hashedBytesMax) {
    return `Below the layer of 1 MiB, hashes of at most ${limits.hashedBytesMax} bytes are given at a time.`
  }
  return undefined
}

/** Bytes of the answer: the hashes and their proof. */
export const hashAnswerBytes = (run: HashRun): number => (run.count + proofCount(run)) * HASH_BYTES

/** @throws ContentChangedError */
export async function readHashes(reader: BlockReader, run: HashRun): Promise<Uint8Array> {
  const answer = new Uint8Array(hashAnswerBytes(run))
  answer.set(await reader.hashes(run.height, run.index, run.count))
  let height = run.height + Math.log2(run.count)
  let place = run.index / run.count
  for (let offset = run.count * HASH_BYTES; offset < answer.length; offset += HASH_BYTES) {
    const uncle = place % 2 === 0 ? place + 1 : place - 1
    answer.set(await reader.hashes(height, uncle, 1), offset)
    height += 1
    place = Math.floor(place / 2)
  }
  return answer
}
