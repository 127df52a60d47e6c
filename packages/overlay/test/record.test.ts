import * as dagCbor from '@ipld/dag-cbor'
import { generateKeyPair, generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { RecordEnvelope } from '@libp2p/peer-record'
import {
  BLOCK_BYTES,
  CONTENT_SIZE_BYTES_MAX,
  ContentId,
  decodeRecord,
  encodeRecord,
  type FileRecord,
  MEDIA_TYPE_BYTES_MAX,
  NAME_BYTES_MAX,
  openRecord,
  RECORD_BYTES_MAX,
  RECORD_LIFETIME_MS_MAX,
  recordInside,
  SEALED_RECORD_BYTES_MAX,
  sealRecord,
  TAG_NAME_BYTES_MAX,
  TAG_VALUE_BYTES_MAX,
  TAGS_MAX,
  unsignedRecord
} from '@servent/overlay'
import fc from 'fast-check'
import { CID } from 'multiformats/cid'
import { describe, expect, test } from 'vitest'
import { hex, sha256 } from './trees.ts'

const KEY = await generateKeyPairFromSeed('Ed25519', new Uint8Array(32).fill(7))
const PROVIDER = peerIdFromPrivateKey(KEY).toString()
const OTHER = await generateKeyPairFromSeed('Ed25519', new Uint8Array(32).fill(8))
const NOW = 1_800_000_000_000
const ROOT = sha256(new Uint8Array([1]))
const refusal = expect.objectContaining({ name: 'RecordError' })

const RECORD: FileRecord = {
  id: ContentId.fromRoot(ROOT, 5_000_000),
  size: 5_000_000,
  name: 'So What.flac',
  type: 'audio/flac',
  tags: { artist: 'Miles Davis', year: '1959' },
  provider: PROVIDER,
  sequence: 3,
  expiresMs: NOW + 60_000
}

/** The map on the wire, with fields changed. */
function payload(changed: Record<string, unknown> = {}): Record<string, unknown> {
  return { ...(dagCbor.decode(encodeRecord(RECORD)) as Record<string, unknown>), ...changed }
}

describe('the codec', () => {
  test('gives back what it was given', () => {
    expect(decodeRecord(encodeRecord(RECORD))).toEqual(RECORD)
  })

  test('gives any record that keeps its bounds back', () => {
    const name = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 30 })
      .filter(
        text =>
          !/[/\\\0]/.test(text) &&
          text !== '.' &&
          text !== '..' &&
          Buffer.byteLength(text) <= NAME_BYTES_MAX &&
          text.isWellFormed()
      )
    const tag = fc.stringMatching(/^[a-z][a-z0-9._-]{0,31}$/)
    const size = fc.oneof(
      fc.nat(BLOCK_BYTES),
      fc.integer({ min: BLOCK_BYTES + 1, max: CONTENT_SIZE_BYTES_MAX })
    )
    fc.assert(
      fc.property(
        name,
        size,
        fc.dictionary(tag, fc.string({ unit: 'grapheme', maxLength: 20 }), { maxKeys: TAGS_MAX }),
        fc.maxSafeNat(),
        fc.maxSafeNat(),
        (some, bytes, tags, sequence, expiresMs) => {
          const record = {
            ...RECORD,
            id: ContentId.fromRoot(ROOT, bytes),
            size: bytes,
            name: some,
            tags: { ...tags },
            sequence,
            expiresMs
          }
          const encoded = encodeRecord(record)
          const decoded = decodeRecord(encoded)
          expect(decoded.id.equals(record.id)).toBe(true)
          expect({ ...decoded, id: null }).toEqual({ ...record, id: null })
          expect(hex(encodeRecord(decoded))).toBe(hex(encoded))
        }
      )
    )
  })

  test('the form on the wire stays what it is', () => {
    expect(hex(sha256(encodeRecord(RECORD)))).toBe(
      '359f8dac5c366adfd9afdb36d6ba911066cc4cc167c3e9cec8e8dc5a3b157260'
    )
  })

  test('anything else than a record is a RecordError', () => {
    const bytes = encodeRecord(RECORD)
    for (let length = 0; length < bytes.length; length += 1)
      expect(() => decodeRecord(bytes.subarray(0, length))).toThrow(refusal)
    expect(() => decodeRecord(Buffer.concat([bytes, new Uint8Array(1)]))).toThrow(refusal)
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), some => {
        expect(() => decodeRecord(some)).toThrow(refusal)
      })
    )
    // Deep nesting, a length that is a lie, an indefinite length.
    for (const some of [
      new Uint8Array(RECORD_BYTES_MAX).fill(0x81),
      Uint8Array.of(0x5a, 0xff, 0xff, 0xff, 0xff),
      Uint8Array.of(0xbf, 0xff)
    ]) {
      expect(() => decodeRecord(some)).toThrow(refusal)
    }
  })

  test('a changed byte gives a RecordError or another record, never the same one', () => {
    const bytes = encodeRecord(RECORD)
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const changed = Uint8Array.from(bytes)
        changed[at]! ^= change
        try {
          expect(hex(encodeRecord(decodeRecord(changed)))).toBe(hex(changed))
        } catch (error) {
          expect(error).toEqual(refusal)
        }
      }),
      { numRuns: 2000 }
    )
  })

  test.each<[string, unknown]>([
    ['no map', [1, 2]],
    ['null', null],
    ['bytes', new Uint8Array(5)],
    ['a text', 'record'],
    ['another version', payload({ v: 2 })],
    ['a version of another type', payload({ v: '1' })],
    ['an id that is no CID', payload({ id: 'bafk' })],
    [
      'an id of another kind',
      payload({ id: CID.parse('bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi') })
    ],
    ['a provider in text', payload({ provider: PROVIDER })],
    ['a provider that is no multihash', payload({ provider: new Uint8Array(38) })],
    ['a provider that is too long', payload({ provider: Uint8Array.of(0, 41, ...new Uint8Array(41)) })],
    ['a name that is no text', payload({ name: 5 })],
    ['a type that is no text', payload({ type: null })],
    ['tags in a list', payload({ tags: ['a'] })],
    ['no tags', payload({ tags: null })],
    ['a tag that is no text', payload({ tags: { year: 1959 } })],
    ['a size in text', payload({ size: '5000000' })],
    ['a size beyond safe integers', payload({ size: 2n ** 60n })],
    ['a sequence below 0', payload({ sequence: -1 })],
    ['a sequence that is not whole', payload({ sequence: 0.5 })],
    ['a sequence beyond safe integers', payload({ sequence: 2n ** 53n })],
    ['an expiry that is missing', (({ expires: _, ...rest }) => rest)(payload())],
    ['a field too many', payload({ more: 1 })]
  ])('%s is refused', (_, value) => {
    expect(() => decodeRecord(dagCbor.encode(value))).toThrow(refusal)
  })

  test('the same record in another form is refused', () => {
    const bytes = encodeRecord(RECORD)
    // The sequence 3 in two bytes instead of one, and the map's keys in another order.
    const at = Buffer.from(bytes).indexOf('sequence') + 'sequence'.length
    expect(bytes[at]).toBe(3)
    expect(() =>
      decodeRecord(Buffer.concat([bytes.subarray(0, at), Uint8Array.of(0x18, 3), bytes.subarray(at + 1)]))
    ).toThrow(refusal)
    // A name whose UTF-8 is not valid would be read with replacement characters.
    const name = Buffer.from(bytes).indexOf('So What')
    const changed = Uint8Array.from(bytes)
    changed[name] = 0xff
    expect(() => decodeRecord(changed)).toThrow(/canonical/)
  })

  test('names of tags that objects know stay out of their prototypes', () => {
    const tags = JSON.parse('{"__proto__":"x"}')
    expect(() => encodeRecord({ ...RECORD, tags })).toThrow(refusal)
    expect(decodeRecord(encodeRecord({ ...RECORD, tags: { constructor: 'x' } })).tags).toEqual({
      constructor: 'x'
    })
  })
})

describe('a name is never a path', () => {
  test.each(['', '.', '..', 'a/b', '/etc/passwd', '..\\x', 'a\\b', 'a\0b', 'lone\ud800', '\udc00'])(
    '%j is refused',
    name => {
      expect(() => encodeRecord({ ...RECORD, name })).toThrow(refusal)
      if (name.isWellFormed()) expect(() => decodeRecord(dagCbor.encode(payload({ name })))).toThrow(refusal)
    }
  )

  test.each(['...', 'a..b', '~', 'C:', '名前', 'a:b', ' '])('%j is a name', name => {
    expect(decodeRecord(encodeRecord({ ...RECORD, name })).name).toBe(name)
  })
})

describe('limits', () => {
  const accepted = (changed: Partial<FileRecord>) =>
    expect(() => decodeRecord(encodeRecord({ ...RECORD, ...changed }))).not.toThrow()
  const refused = (changed: Partial<FileRecord>) =>
    expect(() => encodeRecord({ ...RECORD, ...changed })).toThrow(refusal)
  const tagsOf = (count: number, value = 'v') =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`t${index}`, value]))

  test('NAME_BYTES_MAX counts bytes of UTF-8', () => {
    accepted({ name: 'x'.repeat(NAME_BYTES_MAX) })
    refused({ name: 'x'.repeat(NAME_BYTES_MAX + 1) })
    accepted({ name: '語'.repeat(NAME_BYTES_MAX / 3) })
    refused({ name: `${'語'.repeat(NAME_BYTES_MAX / 3)}x` })
  })

  test('TAGS_MAX, and the bytes of names and values', () => {
    accepted({ tags: tagsOf(TAGS_MAX) })
    refused({ tags: tagsOf(TAGS_MAX + 1) })
    accepted({ tags: { ['n'.repeat(TAG_NAME_BYTES_MAX)]: 'v' } })
    refused({ tags: { ['n'.repeat(TAG_NAME_BYTES_MAX + 1)]: 'v' } })
    accepted({ tags: { n: 'v'.repeat(TAG_VALUE_BYTES_MAX) } })
    refused({ tags: { n: 'v'.repeat(TAG_VALUE_BYTES_MAX + 1) } })
    refused({ tags: { n: `${'語'.repeat(TAG_VALUE_BYTES_MAX / 3)}x` } })
    for (const name of ['', 'N', '1', 'a b', 'ä']) refused({ tags: { [name]: 'v' } })
    refused({ tags: { n: '\ud800' } })
  })

  test('the media type', () => {
    accepted({ type: `a/${'b'.repeat(MEDIA_TYPE_BYTES_MAX - 2)}` })
    refused({ type: `a/${'b'.repeat(MEDIA_TYPE_BYTES_MAX - 1)}` })
    for (const type of ['', 'audio', 'Audio/flac', 'a/b/c', 'a/b; c=d', 'ä/b']) refused({ type })
  })

  test('sizes and the size rule: the 64-byte twin of a larger file is refused', () => {
    accepted({ size: CONTENT_SIZE_BYTES_MAX })
    refused({ size: CONTENT_SIZE_BYTES_MAX + 1 })
    accepted({ size: BLOCK_BYTES + 1 })
    refused({ size: BLOCK_BYTES })
    refused({ size: 64 })
    refused({ id: ContentId.fromRoot(ROOT, 1) })
    expect(() => decodeRecord(dagCbor.encode(payload({ size: 64 })))).toThrow(/two halves/)
  })

  test('whole numbers', () => {
    accepted({ sequence: Number.MAX_SAFE_INTEGER, expiresMs: Number.MAX_SAFE_INTEGER })
    for (const number of [-1, 0.5, NaN, Infinity, Number.MAX_SAFE_INTEGER + 1]) {
      refused({ sequence: number })
      refused({ expiresMs: number })
    }
  })

  test('RECORD_BYTES_MAX', () => {
    const spare = RECORD_BYTES_MAX - encodeRecord({ ...RECORD, tags: tagsOf(15, 'v'.repeat(250)) }).length
    // Each further tag has a name of 3 bytes, a head of 1 and one of 2 for its value.
    const rest = (bytes: number) => ({ tags: { ...tagsOf(15, 'v'.repeat(250)), t99: 'v'.repeat(bytes - 6) } })
    expect(encodeRecord({ ...RECORD, ...rest(spare) })).toHaveLength(RECORD_BYTES_MAX)
    accepted(rest(spare))
    refused(rest(spare + 1))
    expect(() => decodeRecord(new Uint8Array(RECORD_BYTES_MAX + 1))).toThrow(/at most/)
  })

  test('the provider is a PeerId in its usual form', () => {
    for (const provider of [
      '',
      'nobody',
      peerIdFromPrivateKey(KEY).toCID().toString(),
      '1'.repeat(60),
      'l'.repeat(20)
    ])
      refused({ provider })
  })
})

describe('a sealed record', () => {
  const open = (sealed: Uint8Array, nowMs = NOW, provider?: string) =>
    openRecord(sealed, provider === undefined ? { nowMs } : { nowMs, provider })

  test('opens as what was sealed', async () => {
    const sealed = await sealRecord(RECORD, KEY)
    expect(await open(sealed)).toEqual(RECORD)
    expect(await open(sealed, NOW, PROVIDER)).toEqual(RECORD)
  })

  test.each(['secp256k1', 'RSA'] as const)('may be signed by a key of type %s', async type => {
    const key = await generateKeyPair(type as 'RSA')
    const record = { ...RECORD, provider: peerIdFromPrivateKey(key).toString() }
    expect(await open(await sealRecord(record, key))).toEqual(record)
  })

  test('is not sealed with the key of another', async () => {
    await expect(sealRecord(RECORD, OTHER)).rejects.toEqual(refusal)
  })

  test('whose signer is not the provider is refused', async () => {
    await expect(open(await forge(encodeRecord(RECORD), OTHER))).rejects.toThrow(/signed by/)
  })

  test("of another provider than the link's is refused", async () => {
    await expect(
      open(await sealRecord(RECORD, KEY), NOW, peerIdFromPrivateKey(OTHER).toString())
    ).rejects.toEqual(refusal)
  })

  test('with any bit changed is refused', async () => {
    const sealed = await sealRecord(RECORD, KEY)
    for (let at = 0; at < sealed.length; at += 1) {
      const changed = Uint8Array.from(sealed)
      changed[at]! ^= 1
      await expect(open(changed), `byte ${at}`).rejects.toEqual(refusal)
    }
  })

  test('cut off anywhere, or with more behind it, is refused', async () => {
    const sealed = await sealRecord(RECORD, KEY)
    for (let length = 0; length < sealed.length; length += 7)
      await expect(open(sealed.subarray(0, length))).rejects.toEqual(refusal)
    // A further field of the envelope that no signature covers.
    await expect(open(Buffer.concat([sealed, Uint8Array.of(0x7a, 1, 65)]))).rejects.toThrow(/canonical/)
  })

  test('signed for another domain, or holding another type of payload, is refused', async () => {
    await expect(open(await forge(encodeRecord(RECORD), KEY, 'libp2p-peer-record'))).rejects.toThrow(
      /signature/
    )
    await expect(
      open(await forge(encodeRecord(RECORD), KEY, undefined, Uint8Array.of(3, 1)))
    ).rejects.toThrow(/no file record/)
  })

  test('that is no record inside is refused', async () => {
    await expect(open(await forge(Uint8Array.of(0xa0), KEY))).rejects.toEqual(refusal)
  })

  test('of the 64-byte twin of a larger file is refused, though its provider signed it', async () => {
    await expect(open(await forge(dagCbor.encode(payload({ size: 64 })), KEY))).rejects.toThrow(/two halves/)
    await expect(sealRecord({ ...RECORD, size: 64 }, KEY)).rejects.toEqual(refusal)
  })

  test('expires at its time', async () => {
    const sealed = await sealRecord(RECORD, KEY)
    expect(await open(sealed, RECORD.expiresMs - 1)).toEqual(RECORD)
    await expect(open(sealed, RECORD.expiresMs)).rejects.toThrow(/expired/)
  })

  test('is valid for RECORD_LIFETIME_MS_MAX at most', async () => {
    const sealed = await sealRecord({ ...RECORD, expiresMs: NOW + RECORD_LIFETIME_MS_MAX }, KEY)
    await expect(open(sealed, NOW)).resolves.toBeDefined()
    await expect(open(sealed, NOW - 1)).rejects.toThrow(/valid for more/)
  })

  test('has SEALED_RECORD_BYTES_MAX bytes at most', async () => {
    await expect(open(new Uint8Array(SEALED_RECORD_BYTES_MAX))).rejects.toThrow(/envelope/)
    await expect(open(new Uint8Array(SEALED_RECORD_BYTES_MAX + 1))).rejects.toThrow(/at most/)
    // The longest record of an Ed25519 key fits; with the long key and signature of RSA it does not.
    const tags = Object.fromEntries(Array.from({ length: 14 }, (_, index) => [`t${index}`, 'v'.repeat(255)]))
    await expect(sealRecord({ ...RECORD, tags }, KEY)).resolves.toBeDefined()
    const rsa = await generateKeyPair('RSA', 2048)
    await expect(
      sealRecord({ ...RECORD, provider: peerIdFromPrivateKey(rsa).toString(), tags }, rsa)
    ).rejects.toThrow(/at most/)
  })

  test('with a signature of another length is refused: some keys throw at it instead of saying no', async () => {
    const honest = await RecordEnvelope.createFromProtobuf(await sealRecord(RECORD, KEY))
    for (const length of [0, 63, 65]) {
      const envelope = new RecordEnvelope({
        publicKey: honest.publicKey,
        payloadType: honest.payloadType,
        payload: honest.payload,
        signature: new Uint8Array(length).fill(1)
      })
      await expect(open(envelope.marshal())).rejects.toEqual(refusal)
    }
  })
})

async function forge(
  bytes: Uint8Array,
  key: typeof KEY,
  domain = 'servent-file-record',
  codec = new TextEncoder().encode('/servent/file-record')
) {
  const envelope = await RecordEnvelope.seal(
    { domain, codec, marshal: () => bytes, equals: () => false },
    key
  )
  return envelope.marshal()
}

describe('a record that is only handed on', () => {
  test('is read from its envelope without its signature, and one that nobody signed is as long', async () => {
    const sealed = await sealRecord(RECORD, KEY)
    expect(recordInside(sealed)).toEqual(RECORD)
    sealed[sealed.length - 1]! ^= 1
    expect(recordInside(sealed)).toEqual(RECORD)
    const unsigned = unsignedRecord(RECORD)
    expect(unsigned).toHaveLength(sealed.length)
    expect(recordInside(unsigned)).toEqual(RECORD)
    await expect(openRecord(unsigned, { nowMs: NOW })).rejects.toEqual(refusal)
  })

  test('is refused where a second one could be read instead of it', async () => {
    const sealed = await sealRecord(RECORD, KEY)
    const other = unsignedRecord({ ...RECORD, name: 'other.txt' })
    // Between the key and the type of the payload before it, and the signature after it.
    const payload = other.slice(38 + 2 + '/servent/file-record'.length, -66)
    expect(payload[0]).toBe(0x1a)
    const after = (...bytes: number[]) => {
      const whole = Uint8Array.from([...sealed, ...bytes])
      return () => recordInside(whole)
    }
    const { payload: last } = RecordEnvelope.createFromProtobuf(Uint8Array.from([...sealed, ...payload]))
    expect(decodeRecord(last)).toEqual({ ...RECORD, name: 'other.txt' })
    expect(after(...payload)).toThrow('more than one record')
    // As a field whose number has two bytes, behind a number, and behind a length in three bytes.
    expect(after(0x9a, 0, ...payload.subarray(1))).toThrow(refusal)
    expect(after(0x30, 1, ...payload)).toThrow(refusal)
    expect(after(0x32, 0x80, 0x80, 0, ...payload)).toThrow(refusal)
    // A field of nobody's that can be passed over hides nothing.
    expect(after(0x32, 1, 7)()).toEqual(RECORD)
    expect(after(0x32, 1)).toThrow(refusal)
  })

  test('is refused where it is cut short, beyond SEALED_RECORD_BYTES_MAX, or no envelope', async () => {
    const sealed = await sealRecord(RECORD, KEY)
    // Up to where the record ends; the signature after it is not looked at.
    const payloadEnd = sealed.length - 66
    for (let length = 0; length < payloadEnd; length += 1)
      expect(() => recordInside(sealed.subarray(0, length))).toThrow(refusal)
    expect(recordInside(sealed.subarray(0, payloadEnd))).toEqual(RECORD)
    expect(() => recordInside(new Uint8Array(SEALED_RECORD_BYTES_MAX + 1))).toThrow('has at most')
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), bytes => {
        expect(() => recordInside(bytes)).toThrow(refusal)
      })
    )
    fc.assert(
      fc.property(fc.nat(payloadEnd - 1), fc.integer({ min: 1, max: 255 }), (place, change) => {
        const bytes = sealed.slice()
        bytes[place]! ^= change
        let read: FileRecord | undefined
        try {
          read = recordInside(bytes)
        } catch (error) {
          expect(error).toEqual(refusal)
        }
        // What can be read is in its one form.
        if (read !== undefined) expect(encodeRecord(read).length).toBeLessThanOrEqual(RECORD_BYTES_MAX)
      })
    )
  })
})
