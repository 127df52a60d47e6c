/** What is inside records: statements in their one form, held against the record around them, signed and verified. */
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import {
  ADDRESS_BYTES_MAX,
  CONTACT_ADDRESSES_MAX,
  ContentId,
  keyOfContent,
  keyOfWord,
  NAME_BYTES_MAX,
  RECORD_LIFETIME_MS_MAX,
  type SharedFile,
  TAGS_MAX
} from '@servent/overlay'
import { testContact } from '@servent/overlay/testing'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  FILE_WORDS_MAX,
  inspectRecord,
  MULTIHASH_BYTES_MAX,
  RECORD_BODY_BYTES_MAX,
  SEQUENCE_AHEAD_MS_MAX,
  STORED_LIFETIME_MS_MAX,
  type StoredRecord,
  VALUE_BYTES_MAX,
  VALUE_KEY_BYTES_MAX
} from '../src/machine.ts'
import {
  decodeProvider,
  decodeValue,
  decodeWithdrawal,
  encodeStatement,
  namespaceOf,
  readEnvelope,
  wordsOf
} from '../src/records-body.ts'
import { isGenuine, providerRecord, valueRecord, withdrawals, wordRecords } from '../src/service-sealing.ts'
import { Validators } from '../src/validators.ts'

const WALL = 1_800_000_000_000
const bytes = (text: string) => new TextEncoder().encode(text)
let privateKey: PrivateKey
let file: SharedFile

const stamp = (sequence = WALL) => ({
  privateKey,
  self: { id: privateKey.publicKey.toMultihash().bytes, addresses: testContact(1).addresses },
  sequence,
  expiresMs: WALL + 1000
})

beforeAll(async () => {
  privateKey = await generateKeyPair('Ed25519')
  const id = ContentId.fromRoot(new Uint8Array(32).fill(3), 10)
  const sha1 = new Uint8Array(20)
  file = {
    index: 1,
    id,
    size: 10,
    name: 'Kind of Blue.flac',
    type: 'audio/flac',
    tags: { artist: 'Miles' },
    sha1
  }
})

describe('records of a file', () => {
  it('stand under its content and each of its words, and are genuine', async () => {
    const words = await wordRecords(file, stamp())
    expect(words.map(({ key }) => key)).toEqual(['kind', 'of', 'blue', 'flac', 'miles'].map(keyOfWord))
    const provider = await providerRecord(file.id.multihash, stamp())
    expect(provider.key).toEqual(keyOfContent(file.id))
    const withdrawn = await withdrawals(file, stamp(WALL + 1))
    expect(withdrawn.map(({ key, kind }) => [kind, key])).toEqual(
      [provider, ...words].map(({ key, kind }) => [kind, key])
    )
    for (const record of [provider, ...words, ...withdrawn]) {
      expect(inspectRecord(record, WALL)).toBe(true)
      expect(await isGenuine(record, WALL)).toBe(true)
    }
  })

  it('are not genuine where anything around the statement is changed', async () => {
    const [word] = await wordRecords(file, stamp())
    const provider = await providerRecord(file.id.multihash, stamp())
    const [withdrawn] = await withdrawals(file, stamp())
    const other = new Uint8Array(32).fill(8)
    const lies: Partial<StoredRecord>[] = [
      { key: other },
      { subject: other },
      { sequence: WALL + 1 },
      { expiresMs: WALL + 1001 },
      { publisher: testContact(5) },
      { kind: 'value' },
      { body: new Uint8Array(20) },
      { body: new Uint8Array(0) }
    ]
    for (const record of [word!, provider]) {
      for (const lie of [...lies, { withdrawn: true } as const])
        expect(inspectRecord({ ...record, ...lie }, WALL), JSON.stringify(lie)).toBe(false)
    }
    const { withdrawn: _, ...alive } = withdrawn!
    expect(inspectRecord(alive, WALL)).toBe(false)
    expect(inspectRecord({ ...word!, kind: 'provider' }, WALL)).toBe(false)
  })

  it('are not genuine where the signature is not the publisher’s', async () => {
    const record = await providerRecord(file.id.multihash, stamp())
    const body = Uint8Array.from(record.body)
    body[body.length - 1]! ^= 1
    expect(inspectRecord({ ...record, body }, WALL)).toBe(true)
    expect(await isGenuine({ ...record, body }, WALL)).toBe(false)
    // Another key signs a statement in this peer's name.
    const stranger = await generateKeyPair('Ed25519')
    const forged = await providerRecord(file.id.multihash, { ...stamp(), privateKey: stranger })
    expect(inspectRecord(forged, WALL)).toBe(true)
    expect(await isGenuine(forged, WALL)).toBe(false)
  })

  it(`are of at most ${FILE_WORDS_MAX} words, those of the name first`, () => {
    const name = Array.from({ length: FILE_WORDS_MAX - 1 }, (_, index) => `n${index}`).join(' ')
    expect(wordsOf({ name, tags: { a: 'x y' } })).toHaveLength(FILE_WORDS_MAX)
    expect(wordsOf({ name, tags: { a: 'x y' } })).not.toContain('y')
    expect(wordsOf({ name, tags: { a: 'x' } })).toContain('x')
    expect(wordsOf({ name: `${name} a b c`, tags: {} })).toHaveLength(FILE_WORDS_MAX)
    // No peer keeps the files of one sampling frequency for all others.
    expect(wordsOf({ name: 'x', tags: { frequency: '44100', bitrate: '128' } })).toEqual(['x'])
  })

  it('fit their bounds at their longest, and live as long as a file record may', async () => {
    const tags = Object.fromEntries(
      Array.from({ length: TAGS_MAX }, (_, index) => [`tag${index}`, 'v'.repeat(150)])
    )
    const [word] = await wordRecords({ ...file, name: 'n'.repeat(NAME_BYTES_MAX), tags }, stamp())
    expect(word!.body.length).toBeLessThan(RECORD_BODY_BYTES_MAX)
    expect(STORED_LIFETIME_MS_MAX).toBe(RECORD_LIFETIME_MS_MAX)
  })
})

describe('a value', () => {
  it('is genuine under its key, at its largest too', async () => {
    const key = new Uint8Array(VALUE_KEY_BYTES_MAX).fill(1)
    const record = await valueRecord(key, new Uint8Array(VALUE_BYTES_MAX), stamp())
    expect(record.body.length).toBeLessThanOrEqual(RECORD_BODY_BYTES_MAX)
    expect(await isGenuine(record, WALL)).toBe(true)
    const long = await valueRecord(key, new Uint8Array(VALUE_BYTES_MAX + 1), stamp())
    expect(inspectRecord(long, WALL)).toBe(false)
    const wide = await valueRecord(new Uint8Array(VALUE_KEY_BYTES_MAX + 1), bytes('v'), stamp())
    expect(inspectRecord(wide, WALL)).toBe(false)
  })

  it('is not genuine under another key, as another kind, or as a withdrawal', async () => {
    const record = await valueRecord(bytes('key'), bytes('v'), stamp())
    expect(inspectRecord(record, WALL)).toBe(true)
    expect(inspectRecord({ ...record, key: keyOfWord('key') }, WALL)).toBe(false)
    expect(inspectRecord({ ...record, kind: 'word' }, WALL)).toBe(false)
    expect(inspectRecord({ ...record, withdrawn: true }, WALL)).toBe(false)
  })

  it('has a sequence that is not far in the future, whatever its key', async () => {
    const at = async (key: string, sequence: number) =>
      inspectRecord(await valueRecord(bytes(key), bytes('v'), stamp(sequence)), WALL)
    expect(await at('key', WALL + SEQUENCE_AHEAD_MS_MAX)).toBe(true)
    expect(await at('key', WALL + SEQUENCE_AHEAD_MS_MAX + 1)).toBe(false)
    expect(await at('/ns/key', WALL + SEQUENCE_AHEAD_MS_MAX)).toBe(true)
    expect(await at('/ns/key', WALL + SEQUENCE_AHEAD_MS_MAX + 1)).toBe(false)
    expect(await at('/pk/key', Number.MAX_SAFE_INTEGER)).toBe(false)
  })

  it('has the namespace that its key begins with', () => {
    const of = (key: string) => namespaceOf(bytes(key))
    expect([of('/pk/x'), of('/ns/a/b'), of('/ns/'), of('//x'), of('ns/x'), of('/ns'), of('')]).toEqual([
      'pk',
      'ns',
      undefined,
      undefined,
      undefined,
      undefined,
      undefined
    ])
  })

  it('is chosen by its selector, else by the newest sequence, and of equals the one with the larger writer', async () => {
    const validators = new Validators({ ns: async () => {} }, { ns: (_, values) => values.length - 1 })
    const make = (key: string, value: string, sequence: number) =>
      valueRecord(bytes(key), bytes(value), stamp(sequence))
    const plain = [
      await make('k', 'a', WALL + 5),
      await make('k', 'b', WALL + 9),
      await make('k', 'c', WALL + 7)
    ]
    expect(await validators.select(plain, WALL)).toBe(1)
    const own = [await make('/ns/k', 'a', 9), await make('/ns/k', 'b', 5), await make('/ns/k', 'b', 7)]
    // The last one's value is the best, and its newest record stays.
    expect(await validators.select(own, WALL)).toBe(2)
    expect(await validators.select([own[2]!, own[1]!], WALL)).toBe(0)
    const bad = { ...plain[1]!, body: new Uint8Array(9) }
    expect(await validators.select([plain[0]!, bad], WALL)).toBe(0)
    expect(await validators.select([bad], WALL)).toBe(-1)
    const other = await generateKeyPair('Ed25519')
    const self = { id: other.publicKey.toMultihash().bytes, addresses: [] }
    const theirs = await valueRecord(bytes('k'), bytes('z'), { ...stamp(WALL + 9), privateKey: other, self })
    const [first, second] = [
      await validators.select([plain[1]!, theirs], WALL),
      await validators.select([theirs, plain[1]!], WALL)
    ]
    expect(first).toBe(1 - second)
  })
})

describe('statements', () => {
  const common = { publisher: testContact(1).id, sequence: 1, expiresMs: 2 }

  it('are read as they were written', () => {
    const provider = { ...common, multihash: Uint8Array.of(1), addresses: [Uint8Array.of(2)] }
    expect(decodeProvider(encodeStatement(provider))).toEqual(provider)
    const withdrawal = { ...common, subject: new Uint8Array(32) }
    expect(decodeWithdrawal(encodeStatement(withdrawal))).toEqual(withdrawal)
    const value = { ...common, key: Uint8Array.of(1), value: new Uint8Array(0) }
    expect(decodeValue(encodeStatement(value))).toEqual(value)
  })

  it.each([
    ['multihash', MULTIHASH_BYTES_MAX, (n: number) => ({ multihash: new Uint8Array(n), addresses: [] })],
    [
      'addresses',
      CONTACT_ADDRESSES_MAX,
      (n: number) => ({ multihash: Uint8Array.of(1), addresses: Array(n).fill(Uint8Array.of(1)) })
    ],
    [
      'an address',
      ADDRESS_BYTES_MAX,
      (n: number) => ({ multihash: Uint8Array.of(1), addresses: [new Uint8Array(n).fill(1)] })
    ]
  ])('%s: taken at the limit, refused one past it', (_, max, make) => {
    expect(() => decodeProvider(encodeStatement({ ...common, ...make(max) }))).not.toThrow()
    expect(() => decodeProvider(encodeStatement({ ...common, ...make(max + 1) }))).toThrow(/too (long|many)/)
  })

  it.each<[string, Record<string, unknown>]>([
    ['another version', { v: 2 }],
    ['a publisher that is none', { publisher: Uint8Array.of(1) }],
    ['a sequence that is no number', { sequence: 'x' }],
    ['a negative expiry', { expiresMs: -1 }],
    ['a field too many', { more: 1 }],
    ['an empty multihash', { multihash: new Uint8Array(0) }],
    ['an empty address', { addresses: [new Uint8Array(0)] }]
  ])('with %s are malformed', (_, change) => {
    const statement = { ...common, multihash: Uint8Array.of(1), addresses: [], ...change }
    expect(() => decodeProvider(encodeStatement(statement as never))).toThrow(
      expect.objectContaining({ name: 'MalformedError' })
    )
  })

  it('that are no map, or in no envelope, are malformed', () => {
    for (const payload of [Uint8Array.of(1), Uint8Array.of(0x80), new Uint8Array(0)])
      expect(() => decodeValue(payload)).toThrow(expect.objectContaining({ name: 'MalformedError' }))
    expect(() => readEnvelope(Uint8Array.of(0x0a, 5, 1))).toThrow(
      expect.objectContaining({ name: 'MalformedError' })
    )
  })
})
