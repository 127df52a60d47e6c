/** Records are signed once, and anew when they near their end or are of something else. */
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  ContentId,
  openRecord,
  peerIdText,
  RECORD_LIFETIME_MS,
  RECORD_RENEW_MS,
  SEALED_MAX,
  SealedRecords,
  type SharedFile
} from '../src/index.ts'

const NOW_MS = 1_800_000_000_000
let privateKey: PrivateKey
beforeAll(async () => {
  privateKey = await generateKeyPair('Ed25519')
})
const idOf = (key: PrivateKey) => key.publicKey.toMultihash().bytes

describe('records of own files', () => {
  const file = (index: number, name = 'blue.txt'): SharedFile => ({
    index,
    id: ContentId.fromRoot(new Uint8Array(32).fill(1), 5),
    size: 5,
    name,
    type: 'text/plain',
    tags: { artist: 'Davis' },
    sha1: new Uint8Array(20)
  })

  it('are signed, and sealed once until a quarter of their time is left', async () => {
    const records = new SealedRecords(privateKey)
    const first = await records.of(file(1), NOW_MS)
    expect(await openRecord(first, { nowMs: NOW_MS, provider: peerIdText(idOf(privateKey)) })).toMatchObject({
      name: 'blue.txt',
      tags: { artist: 'Davis' },
      expiresMs: NOW_MS + RECORD_LIFETIME_MS
    })
    expect(await records.of(file(1), NOW_MS + RECORD_LIFETIME_MS - RECORD_RENEW_MS)).toBe(first)
    const later = await records.of(file(1), NOW_MS + RECORD_LIFETIME_MS - RECORD_RENEW_MS + 1)
    expect(later).not.toBe(first)
    const renewed = await openRecord(later, { nowMs: NOW_MS + RECORD_LIFETIME_MS })
    expect(renewed.sequence).toBeGreaterThan(NOW_MS)
  })

  it('are sealed anew with more time left where more is asked for, and where the clock was set back', async () => {
    const records = new SealedRecords(privateKey, RECORD_LIFETIME_MS / 2)
    const first = await records.of(file(1), NOW_MS)
    expect(await records.of(file(1), NOW_MS + RECORD_LIFETIME_MS / 2)).toBe(first)
    expect(await records.of(file(1), NOW_MS + RECORD_LIFETIME_MS / 2 + 1)).not.toBe(first)
    const second = await records.of(file(2), NOW_MS)
    const back = await records.of(file(2), NOW_MS - 1)
    expect(back).not.toBe(second)
    expect((await openRecord(back, { nowMs: NOW_MS })).expiresMs).toBe(NOW_MS - 1 + RECORD_LIFETIME_MS)
  })

  it('are sealed anew when the file has another name or was forgotten', async () => {
    const records = new SealedRecords(privateKey)
    const first = await records.of(file(1), NOW_MS)
    expect(await records.of(file(1, 'green.txt'), NOW_MS)).not.toBe(first)
    const second = await records.of(file(1), NOW_MS)
    records.forget(1)
    expect(await records.of(file(1), NOW_MS)).not.toBe(second)
  })

  it('are sealed anew when the index is another content, though it has the name', async () => {
    const records = new SealedRecords(privateKey)
    const id = ContentId.fromRoot(new Uint8Array(32).fill(2), 5)
    await records.of(file(1), NOW_MS)
    const record = await records.of({ ...file(1), id }, NOW_MS)
    expect((await openRecord(record, { nowMs: NOW_MS })).id.equals(id)).toBe(true)
  })

  it('are kept, SEALED_MAX of them, those used last', { timeout: 60_000 }, async () => {
    const records = new SealedRecords(privateKey)
    const first = await records.of(file(0), NOW_MS)
    const second = await records.of(file(1), NOW_MS)
    for (let index = 2; index < SEALED_MAX; index += 1) await records.of(file(index), NOW_MS)
    expect(await records.of(file(0), NOW_MS)).toBe(first)
    expect(records.size).toBe(SEALED_MAX)
    await records.of(file(SEALED_MAX), NOW_MS)
    expect(records.size).toBe(SEALED_MAX)
    expect(await records.of(file(0), NOW_MS)).toBe(first)
    expect(await records.of(file(1), NOW_MS)).not.toBe(second)
  })
})
