/** Shared by the tests of trees: a native hash, made-up files, and the tree as the text of BEP 52 says it. */
import { createHash } from 'node:crypto'

export const KIB = 1024
export const MIB = 1024 * 1024
export const BLOCK = 16 * KIB

export const sha256 = (bytes: Uint8Array): Uint8Array => createHash('sha256').update(bytes).digest()

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

/** Bytes without a short period, the same for the same size. */
export function madeUp(size: number): Uint8Array {
  const bytes = new Uint8Array(size)
  let state = size + 1
  for (let index = 0; index < size; index += 1) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) | 0
    bytes[index] = state >>> 16
  }
  return bytes
}

/** Every layer of the whole padded tree, from the leaves to the root, as hexadecimal texts. Slow and plain. */
export function naiveLayers(bytes: Uint8Array): string[][] {
  const leaves: string[] = []
  for (let at = 0; at === 0 || at < bytes.length; at += BLOCK)
    leaves.push(hex(sha256(bytes.subarray(at, at + BLOCK))))
  while (Math.log2(leaves.length) % 1 !== 0) leaves.push('00'.repeat(32))
  const layers = [leaves]
  while (layers.at(-1)!.length > 1) {
    const below = layers.at(-1)!
    const above: string[] = []
    for (let at = 0; at < below.length; at += 2)
      above.push(hex(sha256(Buffer.from(below[at]! + below[at + 1]!, 'hex'))))
    layers.push(above)
  }
  return layers
}
