/**
 * A minute of records, envelopes, tickets, ids and queries that are made and broken at random: a codec reads
 * them, or refuses them by its own error, and what it has read it writes the same again.
 * `SERVENT_FUZZ_MS` gives more time or less, `SERVENT_FUZZ_SEED` repeats a run whose seed was printed.
 */
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import {
  abridge,
  ContentId,
  decodeRecord,
  decodeTicket,
  encodeRecord,
  encodeTicket,
  openRecord,
  parseQuery,
  restoreSealed,
  sealRecord
} from '../src/index.ts'

const FUZZ_MS = Number(process.env.SERVENT_FUZZ_MS ?? 60_000)
const SEED = Number(process.env.SERVENT_FUZZ_SEED ?? Date.now() % 0x7fff_ffff)
const RUNS_AT_A_TIME = 500
const NOW_MS = 1_800_000_000_000

const key = await generateKeyPairFromSeed('Ed25519', new Uint8Array(32).fill(7))
const provider = peerIdFromPrivateKey(key).toString()
const digest = new Uint8Array(32).fill(9)
const record = {
  id: ContentId.fromRoot(digest, 20_000),
  size: 20_000,
  name: 'Kind of Blue.flac',
  type: 'audio/flac',
  tags: { artist: 'Miles Davis' },
  provider,
  sequence: 3,
  expiresMs: NOW_MS + 60_000
}
const plain = encodeRecord(record)
const sealed = await sealRecord(record, key)
const abridged = abridge(sealed)!
const said = { name: record.name, size: record.size, provider: key.publicKey.toMultihash().bytes }
const ticket = encodeTicket({
  ...record,
  providers: [{ peerId: provider, addresses: ['/ip4/127.0.0.1/tcp/6346'] }]
})

/** Bytes overwritten, taken out and put in. */
const damage = fc.array(
  fc.record({ at: fc.nat(2000), take: fc.nat(6), put: fc.uint8Array({ maxLength: 6 }) }),
  { maxLength: 6 }
)

function damaged(
  bytes: Uint8Array,
  changes: readonly { at: number; take: number; put: Uint8Array }[]
): Uint8Array {
  let broken = [...bytes]
  for (const { at, take, put } of changes) {
    const place = at % (broken.length + 1)
    broken = [...broken.slice(0, place), ...put, ...broken.slice(place + take)]
  }
  return Uint8Array.from(broken)
}

/** What a reader gives, or nothing where it refused by an error of this name. */
function read<T>(reader: () => T, refusal: string): T | undefined {
  try {
    return reader()
  } catch (error) {
    expect((error as Error).name).toBe(refusal)
    return undefined
  }
}

it(
  'codecs read what is sound, refuse the rest by their own errors, and write again what they read',
  async () => {
    console.log(`fuzzing with seed ${SEED} for ${FUZZ_MS} ms`)
    const end = performance.now() + FUZZ_MS
    const readOf = { record: 0, ticket: 0, id: 0, query: 0, sealed: 0, abridged: 0 }
    for (let round = 0; round === 0 || performance.now() < end; round += 1) {
      const settings = { seed: SEED + round, numRuns: RUNS_AT_A_TIME }
      fc.assert(
        fc.property(damage, fc.string({ maxLength: 300, unit: 'binary' }), (changes, text) => {
          const bytes = damaged(plain, changes)
          const got = read(() => decodeRecord(bytes), 'RecordError')
          if (got !== undefined) {
            expect(Uint8Array.from(encodeRecord(got))).toEqual(bytes)
            readOf.record += 1
          }
          const id = read(() => ContentId.decode(damaged(record.id.bytes, changes)), 'ContentIdError')
          if (id !== undefined) {
            expect(ContentId.parse(id.toString()).equals(id)).toBe(true)
            readOf.id += 1
          }
          const words = new TextDecoder('latin1').decode(damaged(new TextEncoder().encode(ticket), changes))
          const told = read(() => decodeTicket(words), 'TicketError')
          if (told !== undefined) {
            expect(decodeTicket(encodeTicket(told))).toEqual(told)
            readOf.ticket += 1
          }
          if (read(() => parseQuery(text), 'QueryError') !== undefined) readOf.query += 1
        }),
        settings
      )
      await fc.assert(
        fc.asyncProperty(damage, async changes => {
          const bytes = damaged(sealed, changes)
          try {
            // Whatever was done to the envelope: what opens says what its provider signed.
            expect(await openRecord(bytes, { nowMs: NOW_MS })).toEqual(record)
            readOf.sealed += 1
          } catch (error) {
            expect((error as Error).name).toBe('RecordError')
          }
          try {
            const again = restoreSealed(damaged(abridged, changes), said)
            expect(await openRecord(again, { nowMs: NOW_MS })).toEqual(record)
            readOf.abridged += 1
          } catch (error) {
            expect((error as Error).name).toBe('RecordError')
          }
        }),
        { ...settings, numRuns: 100 }
      )
    }
    console.log(JSON.stringify(readOf))
    for (const count of Object.values(readOf)) expect(count).toBeGreaterThan(0)
  },
  FUZZ_MS + 60_000
)
