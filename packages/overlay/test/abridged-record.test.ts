/** Records abridged by what is said beside them, and made whole again. */
import { generateKeyPair, generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import {
  ABRIDGED_RECORD_BYTES_MAX,
  abridge,
  BLOCK_BYTES,
  ContentId,
  encodeAbridged,
  encodeRecord,
  type FileRecord,
  openRecord,
  peerIdText,
  RECORD_BYTES_MAX,
  restoreSealed,
  type SaidBeside,
  sealRecord,
  TAG_VALUE_BYTES_MAX,
  TAGS_MAX
} from '@servent/overlay'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { sha256 } from './trees.ts'

const KEY = await generateKeyPairFromSeed('Ed25519', new Uint8Array(32).fill(7))
const OTHER = await generateKeyPairFromSeed('Ed25519', new Uint8Array(32).fill(8))
const provider = KEY.publicKey.toMultihash().bytes
const NOW = 1_800_000_000_000
const ROOT = sha256(new Uint8Array([1]))
const refusal = expect.objectContaining({ name: 'RecordError' })

const RECORD: FileRecord = {
  id: ContentId.fromRoot(ROOT, 5_000_000),
  size: 5_000_000,
  name: 'So What.flac',
  type: 'audio/flac',
  tags: { artist: 'Miles Davis', year: '1959' },
  provider: peerIdText(provider),
  sequence: NOW,
  expiresMs: NOW + 86_400_000
}
const SAID: SaidBeside = { name: RECORD.name, size: RECORD.size, provider }
const sealed = await sealRecord(RECORD, KEY)
const abridged = abridge(sealed)!

/** The abridged record with bytes from a place on replaced. */
function changed(at: number, ...bytes: number[]): Uint8Array {
  const copy = Uint8Array.from(abridged)
  copy.set(bytes, at)
  return copy
}

/** Behind the digest and two numbers of six bytes. */
const SIGNATURE_AT = 32 + 6 + 6

describe('a record that is abridged', () => {
  test('is made again byte for byte, and opens', async () => {
    expect(restoreSealed(abridged, SAID)).toEqual(sealed)
    expect(await openRecord(restoreSealed(abridged, SAID), { nowMs: NOW })).toEqual(RECORD)
  })

  test('is the digest, sequence, expiry, signature, type and tags', () => {
    const text = (value: string) => [value.length, ...new TextEncoder().encode(value)]
    expect([...abridged.subarray(0, 32)]).toEqual([...ROOT])
    // 1,800,000,000,000 in groups of seven bits.
    expect([...abridged.subarray(32, 38)]).toEqual([0x80, 0xa0, 0xf1, 0xc2, 0xb1, 0x34])
    expect(abridged[SIGNATURE_AT]).toBe(64)
    expect([...abridged.subarray(SIGNATURE_AT + 65)]).toEqual([
      ...text('audio/flac'),
      ...text('artist'),
      ...text('Miles Davis'),
      ...text('year'),
      ...text('1959')
    ])
  })

  test('has less than half of the bytes', () => {
    expect(abridged.length).toBeLessThan(sealed.length / 2)
  })

  test('is whole again with any name, size, type and tags', async () => {
    const tags = fc.dictionary(
      fc.stringMatching(/^[a-z][a-z0-9._-]{0,9}$/),
      fc.string({ unit: 'grapheme', maxLength: 20 }).filter(text => text.isWellFormed()),
      { maxKeys: TAGS_MAX }
    )
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 2 ** 42 }),
        fc.constantFrom('a', 'Ærø.txt', '水 の 音.mp3'),
        fc.constantFrom('text/plain', 'audio/x-wav'),
        tags,
        fc.maxSafeNat(),
        async (size, name, type, tags, sequence) => {
          const id = ContentId.fromRoot(ROOT, size)
          const record = { ...RECORD, id, size, name, type, tags: { ...tags }, sequence }
          const whole = await sealRecord(record, KEY)
          const again = restoreSealed(abridge(whole)!, { name, size, provider })
          expect(again).toEqual(whole)
        }
      ),
      { numRuns: 40 }
    )
  })

  test('opens for no other name, size or provider', async () => {
    const open = async (said: Partial<SaidBeside>) =>
      await openRecord(restoreSealed(abridged, { ...SAID, ...said }), { nowMs: NOW })
    await expect(open({ name: 'So What.mp3' })).rejects.toEqual(refusal)
    await expect(open({ size: RECORD.size + 1 })).rejects.toEqual(refusal)
    // Of another kind of id by the size rule.
    await expect(open({ size: BLOCK_BYTES })).rejects.toEqual(refusal)
    await expect(open({ provider: OTHER.publicKey.toMultihash().bytes })).rejects.toEqual(refusal)
  })

  test('opens with no byte changed', async () => {
    for (let at = 0; at < abridged.length; at += 1) {
      const open = async () => openRecord(restoreSealed(changed(at, abridged[at]! ^ 1), SAID), { nowMs: NOW })
      await expect(open()).rejects.toEqual(refusal)
    }
  })

  test('is none where the PeerId is not the key', () => {
    const hashed = Uint8Array.of(0x12, 32, ...ROOT)
    expect(() => restoreSealed(abridged, { ...SAID, provider: hashed })).toThrow(refusal)
  })
})

describe('what is no abridged record', () => {
  test.each([
    ['nothing', new Uint8Array(0)],
    ['one that is cut', abridged.subarray(0, abridged.length - 1)],
    ['one with a byte more', Uint8Array.of(...abridged, 0)],
    ['a number of nine bytes', changed(32, ...new Uint8Array(9).fill(0x80))],
    ['a signature past its end', changed(SIGNATURE_AT, 255)],
    ['a type that is none', changed(SIGNATURE_AT + 66, 0x41)],
    ['a text that is no UTF-8', changed(SIGNATURE_AT + 66, 0xff)],
    ['a tag that comes twice', Uint8Array.of(...abridged, 4, 0x79, 0x65, 0x61, 0x72, 1, 0x31)]
  ])('%s is refused', (_, bytes) => {
    expect(() => restoreSealed(bytes, SAID)).toThrow(refusal)
  })

  test('has so many tags', () => {
    const tagged = (count: number) => ({
      ...RECORD,
      tags: Object.fromEntries(Array.from({ length: count }, (_, tag) => [`t${tag}`, 'x']))
    })
    const signature = new Uint8Array(64)
    expect(() => restoreSealed(encodeAbridged(tagged(TAGS_MAX), signature), SAID)).not.toThrow()
    expect(() => restoreSealed(encodeAbridged(tagged(TAGS_MAX + 1), signature), SAID)).toThrow(refusal)
  })

  test('has so many bytes, which no record in its bounds passes', () => {
    const longest: FileRecord = {
      ...RECORD,
      tags: Object.fromEntries(
        Array.from({ length: 14 }, (_, tag) => [`t${tag}`, 'x'.repeat(TAG_VALUE_BYTES_MAX)])
      )
    }
    for (const record of [RECORD, longest])
      expect(encodeAbridged(record, new Uint8Array(64)).length).toBeLessThanOrEqual(
        encodeRecord(record).length - (RECORD_BYTES_MAX - ABRIDGED_RECORD_BYTES_MAX)
      )
    const padded = (length: number) => {
      const bytes = new Uint8Array(length)
      bytes.set(abridged)
      return bytes
    }
    expect(() => restoreSealed(padded(ABRIDGED_RECORD_BYTES_MAX + 1), SAID)).toThrow(
      `An abridged record has at most ${ABRIDGED_RECORD_BYTES_MAX} bytes`
    )
    // Within its bytes something else is wrong with it.
    expect(() => restoreSealed(padded(ABRIDGED_RECORD_BYTES_MAX), SAID)).toThrow('A tag')
  })

  test('has no field that a byte cannot count', () => {
    const long = { ...RECORD, tags: { title: 'x'.repeat(256) } }
    expect(() => encodeAbridged(long, new Uint8Array(64))).toThrow(refusal)
  })
})

test('a record of a provider whose PeerId is not its key cannot be abridged', async () => {
  const rsa = await generateKeyPair('RSA', 2048)
  const whole = await sealRecord({ ...RECORD, provider: rsa.publicKey.toString() }, rsa)
  expect(abridge(whole)).toBeUndefined()
})
