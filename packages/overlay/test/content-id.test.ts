import { BLOCK_BYTES, CONTENT_SIZE_BYTES_MAX, ContentId } from '@servent/overlay/machine'
import { base32 } from 'multiformats/bases/base32'
import { base36 } from 'multiformats/bases/base36'
import { base58btc } from 'multiformats/bases/base58'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { describe, expect, test } from 'vitest'
import { sha256 } from './trees.ts'

const ROOT = sha256(new TextEncoder().encode('a root'))
const refusal = expect.objectContaining({ name: 'ContentIdError' })

test('the empty file has the id that every IPFS tool gives it', () => {
  const id = ContentId.fromRoot(sha256(new Uint8Array()), 0)
  expect(id.toString()).toBe('bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku')
  expect(JSON.stringify({ id })).toBe('{"id":"bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"}')
})

test('a larger file has a CID with codec raw and multihash bittorrent-pieces-root', () => {
  const id = ContentId.fromRoot(ROOT, BLOCK_BYTES + 1)
  const cid = CID.parse(id.toString())
  expect([cid.version, cid.code, cid.multihash.code, cid.multihash.size]).toEqual([1, 0x55, 0xb702, 32])
  expect(Uint8Array.from(cid.multihash.digest)).toEqual(Uint8Array.from(ROOT))
  expect([id.bytes.length, ContentId.fromRoot(ROOT, 1).bytes.length]).toEqual([38, 36])
  expect(Uint8Array.from(id.multihash)).toEqual(Uint8Array.from(cid.multihash.bytes))
})

test('the kind goes by the size: one block is plain, one byte more a tree', () => {
  expect(ContentId.fromRoot(ROOT, BLOCK_BYTES).kind).toBe('plain')
  expect(ContentId.fromRoot(ROOT, BLOCK_BYTES + 1).kind).toBe('tree')
})

test.each([BLOCK_BYTES, BLOCK_BYTES + 1])(
  'the id of %i bytes is read from each form that it is written in',
  size => {
    const id = ContentId.fromRoot(ROOT, size)
    const cid = CID.decode(id.bytes)
    for (const text of [base32, base36, base58btc].map(base => cid.toString(base as never))) {
      expect(ContentId.parse(text).equals(id)).toBe(true)
      expect(ContentId.parse(text).kind).toBe(id.kind)
    }
    expect(ContentId.decode(id.bytes).toString()).toBe(id.toString())
  }
)

test('an id stays what it is when the bytes that it was made of change', () => {
  const root = Uint8Array.from(ROOT)
  const id = ContentId.fromRoot(root, 1)
  root.fill(0)
  expect(id.toString()).toBe(ContentId.fromRoot(ROOT, 1).toString())
})

test('two ids with the same digest and another kind are not equal', () => {
  expect(ContentId.fromRoot(ROOT, 1).equals(ContentId.fromRoot(ROOT, BLOCK_BYTES + 1))).toBe(false)
})

describe('the size rule', () => {
  const plain = ContentId.fromRoot(ROOT, 1)
  const tree = ContentId.fromRoot(ROOT, BLOCK_BYTES + 1)

  test('the 64-byte twin of a larger file is refused', () => {
    expect(() => tree.checkSize(64)).toThrow(refusal)
  })

  test('a tree has more than a block, a plain content at most one', () => {
    expect(() => tree.checkSize(BLOCK_BYTES)).toThrow(refusal)
    expect(() => tree.checkSize(BLOCK_BYTES + 1)).not.toThrow()
    expect(() => plain.checkSize(BLOCK_BYTES)).not.toThrow()
    expect(() => plain.checkSize(BLOCK_BYTES + 1)).toThrow(refusal)
  })

  test('a size is a whole number from 0 to CONTENT_SIZE_BYTES_MAX', () => {
    expect(() => plain.checkSize(0)).not.toThrow()
    expect(() => tree.checkSize(CONTENT_SIZE_BYTES_MAX)).not.toThrow()
    for (const size of [-1, CONTENT_SIZE_BYTES_MAX + 1, 0.5, NaN, Infinity, '64' as never]) {
      expect(() => tree.checkSize(size)).toThrow(refusal)
      expect(() => ContentId.fromRoot(ROOT, size)).toThrow(refusal)
    }
  })
})

describe('what is no content id', () => {
  const cid = (code: number, multihash: number, digest: Uint8Array = ROOT) =>
    CID.createV1(code, Digest.create(multihash, digest))

  test.each([
    ['no CID', 'hello'],
    ['an empty text', ''],
    ['a text over the bound', `b${'a'.repeat(200)}`],
    ['a CIDv0', CID.createV0(Digest.create(0x12, ROOT) as never).toString()],
    ['a base that is not read', `f01551220${'00'.repeat(32)}`]
  ])('%s is refused', (_, text) => {
    expect(() => ContentId.parse(text)).toThrow(refusal)
  })

  test('another codec, another hash, another length', () => {
    expect(() => ContentId.decode(cid(0x70, 0x12).bytes)).toThrow(refusal)
    expect(() => ContentId.decode(cid(0x55, 0x13).bytes)).toThrow(refusal)
    expect(() => ContentId.decode(cid(0x55, 0x12, ROOT.subarray(1)).bytes)).toThrow(refusal)
    expect(() => ContentId.decode(cid(0x55, 0xb702, Buffer.concat([ROOT, ROOT])).bytes)).toThrow(refusal)
  })

  test('bytes that are cut off, or followed by others', () => {
    const { bytes } = cid(0x55, 0x12)
    for (let length = 0; length < bytes.length; length += 1)
      expect(() => ContentId.decode(bytes.subarray(0, length))).toThrow(refusal)
    expect(() => ContentId.decode(Buffer.concat([bytes, ROOT]))).toThrow(refusal)
  })

  test('a root of another length', () => {
    expect(() => ContentId.fromRoot(ROOT.subarray(1), 1)).toThrow(refusal)
  })

  test('the text at the bound is still read as a CID', () => {
    expect(() => ContentId.parse('b'.padEnd(128, 'a'))).toThrow(/this is none/)
    expect(() => ContentId.parse('b'.padEnd(129, 'a'))).toThrow(/too long/)
  })
})
