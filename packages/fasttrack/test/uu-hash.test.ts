/** UUHash by what is known of it: giFT-FastTrack's code, and where its published description differs from it. */
import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { smallHashRanges, UU_HASH_BYTES, uuHash } from '../src/uu-hash.ts'

const KIB = 1024
const MIB = 1024 * KIB

/** Bytes that are different everywhere. */
const fileOf = (size: number) => {
  const bytes = new Uint8Array(size)
  for (let at = 0; at < size; at += 1) bytes[at] = (at * 2_654_435_761) >>> 24
  return bytes
}
const hashOf = (bytes: Uint8Array) =>
  uuHash(bytes.length, async (offset, length) => bytes.subarray(offset, offset + length))

describe('UUHash', () => {
  it('is the MD5 of the first 307,200 bytes and, of a file that has no more, the complement of its size', async () => {
    const bytes = fileOf(1024)
    const hash = await hashOf(bytes)
    expect(hash).toHaveLength(UU_HASH_BYTES)
    expect([...hash.subarray(0, 16)]).toEqual([...createHash('md5').update(bytes).digest()])
    expect([...hash.subarray(16)]).toEqual([0xff, 0xfb, 0xff, 0xff])
    expect([...(await hashOf(fileOf(0))).subarray(16)]).toEqual([0xff, 0xff, 0xff, 0xff])
    expect([...(await hashOf(fileOf(307_200))).subarray(16)]).toEqual([0xff, 0x4f, 0xfb, 0xff])
  })

  it('reads beyond that blocks at 1, 2, 4 MiB, and the end', () => {
    expect(smallHashRanges(307_200)).toEqual([])
    expect(smallHashRanges(307_201)).toEqual([[307_200, 1]])
    expect(smallHashRanges(614_400)).toEqual([[307_200, 307_200]])
    expect(smallHashRanges(10 * MIB)).toEqual([
      [MIB, 307_200],
      [2 * MIB, 307_200],
      [4 * MIB, 307_200],
      [8 * MIB, 307_200],
      [10 * MIB - 307_200, 307_200]
    ])
  })

  it('leaves out a block that overlaps the one at the end, where the published description cuts it', () => {
    expect(smallHashRanges(1.5 * MIB)).toEqual([[1.5 * MIB - 307_200, 307_200]])
    const size = MIB + 307_200 + 100_000
    expect(smallHashRanges(size)).toEqual([[size - 307_200, 307_200]])
    expect(smallHashRanges(MIB + 614_400)).toEqual([
      [MIB, 307_200],
      [MIB + 307_200, 307_200]
    ])
  })

  it('says nothing of what lies between: that is how the network was polluted', async () => {
    const bytes = fileOf(3 * MIB)
    const other = Uint8Array.from(bytes)
    const [between, within] = [1_700_000, 1_200_000]
    other[between] = other[between]! ^ 1
    expect(await hashOf(other)).toEqual(await hashOf(bytes))
    other[within] = other[within]! ^ 1
    expect(await hashOf(other)).not.toEqual(await hashOf(bytes))
  })

  it('has the CRC-32 of what it reads, not inverted, exclusive or the size', async () => {
    const bytes = fileOf(400_000)
    const tail = bytes.subarray(307_200)
    let crc = 0xffff_ffff
    for (const byte of tail) {
      crc ^= byte
      for (let bit = 0; bit < 8; bit += 1) crc = (crc & 1) === 1 ? (crc >>> 1) ^ 0xedb8_8320 : crc >>> 1
    }
    const expected = new DataView(new ArrayBuffer(4))
    expected.setUint32(0, (crc ^ 400_000) >>> 0, true)
    expect([...(await hashOf(bytes)).subarray(16)]).toEqual([...new Uint8Array(expected.buffer)])
  })
})
