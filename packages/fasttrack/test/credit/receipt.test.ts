/** A receipt's bytes and its two signatures: what is refused, by which rule, at each bound and one past it. */
import * as dagCbor from '@ipld/dag-cbor'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { RecordEnvelope } from '@libp2p/peer-record'
import { peerIdBytes } from '@servent/overlay'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import {
  RECEIPT_BYTES_MAX,
  RECEIPT_GIVEN_BYTES_MAX,
  SEALED_RECEIPT_BYTES_MAX,
  SEALED_STATEMENT_BYTES_MAX
} from '../../src/credit/constants.ts'
import { decodeReceipt, encodeReceipt, isNewer, type Receipt } from '../../src/credit/receipt.ts'
import {
  openReceipt,
  openStatement,
  peekReceipt,
  sealReceipt,
  sealStatement
} from '../../src/credit/receipt-sealing.ts'

let giverKey: PrivateKey
let takerKey: PrivateKey
let receipt: Receipt

const idOf = (key: PrivateKey) => key.publicKey.toString()

beforeAll(async () => {
  giverKey = await generateKeyPair('Ed25519')
  takerKey = await generateKeyPair('Ed25519')
  receipt = { giver: idOf(giverKey), taker: idOf(takerKey), bytes: 1000, sequence: 7 }
})

function fields(change: Record<string, unknown> = {}): Record<string, unknown> {
  const { giver, taker, bytes, sequence } = receipt
  return { v: 1, giver: peerIdBytes(giver), taker: peerIdBytes(taker), bytes, sequence, ...change }
}

describe('the bytes', () => {
  test('are read as they were written, whatever the numbers', () => {
    const count = (max: number, min = 0) => fc.maxSafeInteger().filter(n => n >= min && n <= max)
    fc.assert(
      fc.property(count(RECEIPT_GIVEN_BYTES_MAX, 1), count(Number.MAX_SAFE_INTEGER), (bytes, sequence) => {
        const one = { ...receipt, bytes, sequence }
        expect(decodeReceipt(encodeReceipt(one))).toEqual(one)
      })
    )
  })

  test('are these', () => {
    expect(dagCbor.decode(encodeReceipt(receipt))).toEqual(fields())
  })

  test.each([
    ['is of 1 to', { bytes: 0 }],
    ['is of 1 to', { bytes: -1 }],
    ['is of 1 to', { bytes: 1.5 }],
    ['is of 1 to', { bytes: RECEIPT_GIVEN_BYTES_MAX + 1 }],
    ['is of 1 to', { bytes: 'many' }],
    ['no whole number', { sequence: -1 }],
    ['no whole number', { sequence: null }],
    ['version 2', { v: 2 }],
    ['version none', { v: 'one' }],
    ['no PeerId', { giver: 'me' }],
    ['no PeerId', { taker: new Uint8Array(5) }],
    ['canonical', { note: 'more' }]
  ])('are refused: %s %o', (message, change) => {
    expect(() => decodeReceipt(dagCbor.encode(fields(change)))).toThrow(message)
  })

  test('are refused where they are no map, or nothing at all', () => {
    expect(() => decodeReceipt(dagCbor.encode(7))).toThrow('no map')
    expect(() => decodeReceipt(dagCbor.encode(null))).toThrow('no map')
    expect(() => decodeReceipt(new Uint8Array(0))).toThrow('no DAG-CBOR')
    expect(() => decodeReceipt(encodeReceipt(receipt).subarray(1))).toThrow('no DAG-CBOR')
  })

  test('are the most that one receipt can speak of, and not one byte more', () => {
    const most = { ...receipt, bytes: RECEIPT_GIVEN_BYTES_MAX }
    expect(decodeReceipt(encodeReceipt(most))).toEqual(most)
    expect(() => encodeReceipt({ ...most, bytes: most.bytes + 1 })).toThrow('is of 1 to')
  })

  test('are not looked at where they are too many', () => {
    expect(() => decodeReceipt(new Uint8Array(RECEIPT_BYTES_MAX))).not.toThrow('at most')
    expect(() => decodeReceipt(new Uint8Array(RECEIPT_BYTES_MAX))).toThrow('no DAG-CBOR')
    expect(() => decodeReceipt(new Uint8Array(RECEIPT_BYTES_MAX + 1))).toThrow('at most')
  })

  test('of a peer that signs for itself are refused, and of one that is none', () => {
    expect(() => encodeReceipt({ ...receipt, taker: receipt.giver })).toThrow('are one peer')
    expect(() => encodeReceipt({ ...receipt, taker: 'me' })).toThrow('no PeerId')
    expect(() => encodeReceipt({ ...receipt, giver: 'me' })).toThrow('no PeerId')
    const same = fields({ taker: peerIdBytes(receipt.giver) })
    expect(() => decodeReceipt(dagCbor.encode(same))).toThrow('are one peer')
  })
})

describe('the newest', () => {
  test('is later and of no fewer bytes; nothing else takes a place', () => {
    const { bytes, sequence } = receipt
    const newer = (change: Partial<Receipt>) => isNewer({ ...receipt, ...change }, receipt)
    expect(isNewer(receipt, undefined)).toBe(true)
    expect(newer({ sequence: sequence + 1 })).toBe(true)
    expect(newer({ sequence: sequence + 1, bytes: bytes + 1 })).toBe(true)
    expect(newer({})).toBe(false)
    expect(newer({ bytes: bytes + 1 })).toBe(false)
    expect(newer({ sequence: sequence - 1, bytes: bytes + 1 })).toBe(false)
    expect(newer({ sequence: sequence + 1, bytes: bytes - 1 })).toBe(false)
  })
})

/** An envelope by whomever, of whatever. */
async function envelope(domain: string, type: string, payload: Uint8Array, key: PrivateKey) {
  const codec = new TextEncoder().encode(type)
  return (
    await RecordEnvelope.seal({ domain, codec, marshal: () => payload, equals: () => false }, key)
  ).marshal()
}

const TAKER = ['servent-receipt-taker-v1', '/servent/receipt-statement'] as const
const GIVER = ['servent-receipt-giver-v1', '/servent/receipt'] as const

describe('the signatures', () => {
  test('of both sides make a receipt', async () => {
    const statement = await sealStatement(receipt, takerKey)
    expect(await openStatement(statement)).toEqual(receipt)
    const sealed = await sealReceipt(statement, giverKey)
    expect(await openReceipt(sealed)).toEqual(receipt)
    expect(peekReceipt(sealed)).toEqual(receipt)
    expect(statement.length).toBeLessThan(SEALED_STATEMENT_BYTES_MAX)
    expect(sealed.length).toBeLessThan(SEALED_RECEIPT_BYTES_MAX)
  })

  test('of secp256k1 do as well', async () => {
    const key = await generateKeyPair('secp256k1')
    const one = { ...receipt, giver: idOf(key) }
    expect(await openReceipt(await sealReceipt(await sealStatement(one, takerKey), key))).toEqual(one)
  })

  test('a statement alone is no receipt, and a receipt is no statement', async () => {
    const statement = await sealStatement(receipt, takerKey)
    await expect(openReceipt(statement)).rejects.toThrow("no giver's half")
    const sealed = await sealReceipt(statement, giverKey)
    await expect(openStatement(sealed)).rejects.toThrow("no taker's half")
    await expect(sealReceipt(sealed, giverKey)).rejects.toThrow("no taker's half")
  })

  test('nobody signs for somebody else’s key', async () => {
    await expect(sealStatement(receipt, giverKey)).rejects.toThrow('The taker of the receipt is')
    const statement = await sealStatement(receipt, takerKey)
    await expect(sealReceipt(statement, takerKey)).rejects.toThrow('The giver of the receipt is')
    // The same by hand, with everything else right.
    const stated = await envelope(...TAKER, encodeReceipt(receipt), giverKey)
    await expect(openStatement(stated)).rejects.toThrow('The taker of the receipt is')
    const sealed = await envelope(...GIVER, statement, takerKey)
    await expect(openReceipt(sealed)).rejects.toThrow('The giver of the receipt is')
    await expect(openReceipt(await envelope(...GIVER, stated, giverKey))).rejects.toThrow(
      'The taker of the receipt is'
    )
  })

  test('of another domain do not count', async () => {
    const other = await envelope('servent-file-record', TAKER[1], encodeReceipt(receipt), takerKey)
    await expect(openStatement(other)).rejects.toThrow("taker's signature")
    const statement = await sealStatement(receipt, takerKey)
    const swapped = await envelope(TAKER[0], GIVER[1], statement, giverKey)
    await expect(openReceipt(swapped)).rejects.toThrow("giver's signature")
    await expect(openReceipt(await envelope(...GIVER, other, giverKey))).rejects.toThrow("taker's signature")
  })

  test('no bit of a receipt can be turned', async () => {
    const sealed = await sealReceipt(await sealStatement(receipt, takerKey), giverKey)
    for (let at = 0; at < sealed.length; at += 1) {
      const forged = sealed.slice()
      forged[at]! ^= 1
      await expect(openReceipt(forged), `byte ${at}`).rejects.toMatchObject({ name: 'ReceiptError' })
    }
  })

  test('a signature that cannot even be looked at is none', async () => {
    const statement = RecordEnvelope.createFromProtobuf(await sealStatement(receipt, takerKey))
    const { publicKey, payload, payloadType } = statement
    const empty = new RecordEnvelope({ publicKey, payload, payloadType, signature: new Uint8Array(1) })
    await expect(openStatement(empty.marshal())).rejects.toThrow("taker's signature")
    const key = await generateKeyPair('secp256k1')
    const other = { ...receipt, taker: idOf(key) }
    const broken = new RecordEnvelope({
      publicKey: key.publicKey,
      payload: encodeReceipt(other),
      payloadType,
      signature: new Uint8Array(3)
    })
    await expect(openStatement(broken.marshal())).rejects.toThrow("taker's signature")
  })

  test('an envelope with more in it than is signed is refused', async () => {
    const statement = await sealStatement(receipt, takerKey)
    const sealed = await sealReceipt(statement, giverKey)
    // Field 9, two bytes: protobuf readers skip what they do not know.
    const more = (bytes: Uint8Array) => Uint8Array.from([...bytes, 0x4a, 2, 1, 1])
    await expect(openReceipt(more(sealed))).rejects.toThrow('canonical')
    await expect(openStatement(more(statement))).rejects.toThrow('canonical')
    await expect(openStatement(new Uint8Array([0xff]))).rejects.toThrow('no envelope')
  })

  test('of a key that is too long for the bounds are refused when made and before they are read', async () => {
    const key = await generateKeyPair('RSA', 2048)
    const one = { ...receipt, taker: idOf(key) }
    await expect(sealStatement(one, key)).rejects.toThrow(`at most ${SEALED_STATEMENT_BYTES_MAX} bytes`)
    await expect(openStatement(new Uint8Array(SEALED_STATEMENT_BYTES_MAX))).rejects.not.toThrow('at most')
    await expect(openStatement(new Uint8Array(SEALED_STATEMENT_BYTES_MAX + 1))).rejects.toThrow('at most')
    await expect(openReceipt(new Uint8Array(SEALED_RECEIPT_BYTES_MAX))).rejects.not.toThrow('at most')
    await expect(openReceipt(new Uint8Array(SEALED_RECEIPT_BYTES_MAX + 1))).rejects.toThrow('at most')
  })
})
