/** What a stranger can do to a value of a namespace who signs a record of their own around it: nothing that harms. */
import { generateKeyPair, publicKeyToProtobuf } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { beforeAll, describe, expect, it } from 'vitest'
import { providerRecord, type Signatures, valueRecord } from '../src/service-sealing.ts'
import { SEQUENCE_AHEAD_MS_MAX, STORED_LIFETIME_MS_MAX } from '../src/store-constants.ts'
import { Validators } from '../src/validators.ts'

const WALL = 1_800_000_000_000
const HOUR_MS = 3_600_000
const bytes = (text: string) => new TextEncoder().encode(text)
let owner: PrivateKey
let stranger: PrivateKey

beforeAll(async () => {
  owner = await generateKeyPair('Ed25519')
  stranger = await generateKeyPair('Ed25519')
})

function wrap(privateKey: PrivateKey, key: Uint8Array, value: Uint8Array, lifeMs: number, sequence = WALL) {
  const self = { id: privateKey.publicKey.toMultihash().bytes, addresses: [] }
  return valueRecord(key, value, { privateKey, self, sequence, expiresMs: WALL + lifeMs })
}

/** The larger text is the newer value. */
const newest = (_: Uint8Array, values: readonly Uint8Array[]) => {
  const texts = values.map(value => new TextDecoder().decode(value))
  return texts.indexOf(texts.toSorted().at(-1)!)
}
const validators = new Validators({ ns: async () => {} }, { ns: newest })

describe('a value that a stranger has wrapped anew', () => {
  it('is not ended by a shorter life, whatever the sequence', async () => {
    const key = Uint8Array.from([...bytes('/pk/'), ...owner.publicKey.toMultihash().bytes])
    const value = publicKeyToProtobuf(owner.publicKey)
    const own = await wrap(owner, key, value, HOUR_MS, WALL - HOUR_MS)
    const short = await wrap(stranger, key, value, 1000, WALL + SEQUENCE_AHEAD_MS_MAX)
    expect(await validators.select([own, short], WALL)).toBe(0)
    expect(await validators.select([short, own], WALL)).toBe(1)
    const far = await wrap(stranger, key, value, HOUR_MS * 2, Number.MAX_SAFE_INTEGER)
    expect(await validators.select([own, far], WALL)).toBe(0)
    expect(await validators.verify(far, WALL)).toBe(false)
    // A longer life harms nobody.
    const long = await wrap(stranger, key, value, HOUR_MS + 1, WALL - 2 * HOUR_MS)
    expect(await validators.select([own, long], WALL)).toBe(1)
  })

  it('does not come back where its selector says that another one is newer', async () => {
    const key = bytes('/ns/key')
    const old = await wrap(stranger, key, bytes('1'), STORED_LIFETIME_MS_MAX, WALL + SEQUENCE_AHEAD_MS_MAX)
    const current = await wrap(owner, key, bytes('2'), 1000)
    expect(await validators.select([old, current], WALL)).toBe(1)
  })

  it('is told apart from one that lives as long by sequence and writer, alike by all', async () => {
    const key = bytes('/ns/key')
    const one = await wrap(owner, key, bytes('1'), HOUR_MS, WALL - 1)
    const two = await wrap(stranger, key, bytes('1'), HOUR_MS, WALL)
    expect(await validators.select([one, two], WALL)).toBe(1)
    const twin = await wrap(owner, key, bytes('1'), HOUR_MS, WALL)
    const first = await validators.select([two, twin], WALL)
    expect(await validators.select([twin, two], WALL)).toBe(1 - first)
  })
})

describe('a namespace', () => {
  it('without a validator or a selector has no values, and the error says what to give', async () => {
    const half = new Validators({ ns: async () => {} })
    const record = await wrap(owner, bytes('/ns/key'), bytes('1'), HOUR_MS)
    expect(await half.verify(record, WALL)).toBe(false)
    await expect(half.validate(bytes('/ns/key'), bytes('1'))).rejects.toThrow('Give one as selectors.ns')
    await expect(half.validate(bytes('/no/key'), bytes('1'))).rejects.toThrow('Give one as validators.no')
  })

  it('whose selector throws has the newest record', async () => {
    const broken = new Validators(
      { ns: async () => {} },
      {
        ns: () => {
          throw new Error('no choice')
        }
      }
    )
    const one = await wrap(owner, bytes('/ns/key'), bytes('1'), HOUR_MS, WALL - 1)
    const two = await wrap(owner, bytes('/ns/key'), bytes('2'), HOUR_MS, WALL)
    expect(await broken.select([one, two], WALL)).toBe(1)
  })
})

describe('a record that is verified', () => {
  it('has not expired, and lives no longer than any may', async () => {
    const max = STORED_LIFETIME_MS_MAX + SEQUENCE_AHEAD_MS_MAX
    const at = async (lifeMs: number) =>
      validators.verify(await wrap(owner, bytes('key'), bytes('1'), lifeMs), WALL)
    expect([await at(1), await at(0), await at(max), await at(max + 1)]).toEqual([true, false, true, false])
    const self = { id: owner.publicKey.toMultihash().bytes, addresses: [] }
    const provided = await providerRecord(Uint8Array.of(0x12, 1, 7), {
      privateKey: owner,
      self,
      sequence: 1,
      expiresMs: WALL
    })
    expect(await validators.verify(provided, WALL - 1)).toBe(true)
    expect(await validators.verify(provided, WALL)).toBe(false)
  })

  it('shares a signature with others of its body, and nothing else', async () => {
    const signatures: Signatures = new Map()
    const record = await wrap(owner, bytes('key'), bytes('1'), HOUR_MS)
    expect(await validators.verify(record, WALL, signatures)).toBe(true)
    expect(await validators.verify({ ...record, sequence: WALL + 1 }, WALL, signatures)).toBe(false)
    const publisher = { id: stranger.publicKey.toMultihash().bytes, addresses: [] }
    expect(await validators.verify({ ...record, publisher }, WALL, signatures)).toBe(false)
    expect(signatures.size).toBe(1)
  })
})
