/**
 * UUHash, by which links of the old network name files: MD5 of the first 300 KiB, then four bytes that stand for the rest
 * (giFT-FastTrack, `fst_hash.c`). Most of a large file is in neither: whoever likes can write other bytes there, and the network was full of such
 * files. It finds a file by an old link, and proves nothing of it; contents are verified by their `ContentId` alone.
 *
 * The four bytes, little-endian, are a CRC-32 (reflected, polynomial 04C11DB7, begun with FFFFFFFF and never inverted)
 * over blocks of 300 KiB at 1 MiB, 2 MiB, 4 MiB and so on, and over what ends the file, exclusive or its size. A block that
 * overlaps the one at the end is left out.
 */
import { md5 } from '@noble/hashes/legacy.js'

export const UU_HASH_BYTES = 20
/** Of each block that is read. */
const CHUNK_BYTES = 307_200
const FIRST_OFFSET = 2 ** 20

/** Gives the bytes of a range that lies within the file. */
export type ReadRange = (offset: number, length: number) => Promise<Uint8Array>

/** 20 bytes. What `read` rejects with goes to the caller. */
export async function uuHash(size: number, read: ReadRange): Promise<Uint8Array> {
  const first = await read(0, Math.min(size, CHUNK_BYTES))
  const hash = new Uint8Array(UU_HASH_BYTES)
  hash.set(md5(first))
  let crc = 0xffff_ffff
  for (const [offset, length] of smallHashRanges(size)) crc = addCrc(crc, await read(offset, length))
  // A size has more than 32 bits where a file is larger than 4 GiB: the old programs took the lower ones.
  new DataView(hash.buffer).setUint32(16, (crc ^ (size % 2 ** 32)) >>> 0, true)
  return hash
}

/** What the last four bytes stand for, in its order. */
export function smallHashRanges(size: number): [offset: number, length: number][] {
  if (size <= CHUNK_BYTES) return []
  const endLength = Math.min(CHUNK_BYTES, size - CHUNK_BYTES)
  const ranges: [number, number][] = []
  for (let offset = FIRST_OFFSET; offset + CHUNK_BYTES <= size - endLength; offset *= 2)
    ranges.push([offset, CHUNK_BYTES])
  ranges.push([size - endLength, endLength])
  return ranges
}

const TABLE = crcTable()

function crcTable(): Uint32Array {
  const table = new Uint32Array(256)
  for (let byte = 0; byte < 256; byte += 1) {
    let value = byte
    for (let bit = 0; bit < 8; bit += 1) value = (value & 1) === 1 ? (value >>> 1) ^ 0xedb8_8320 : value >>> 1
    table[byte] = value
  }
  return table
}

function addCrc(crc: number, bytes: Uint8Array): number {
  let sum = crc
  for (const byte of bytes) sum = (sum >>> 8) ^ TABLE[(sum ^ byte) & 0xff]!
  return sum >>> 0
}
