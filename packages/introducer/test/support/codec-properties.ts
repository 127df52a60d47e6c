/**
 * What holds of everything that peers and introducers read of each other: it is read, or refused by its own error; and what
 * was read is written the same again. Strangers sign what they like: bytes are broken with and without a signature on them.
 */
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { RecordEnvelope } from '@libp2p/peer-record'
import fc from 'fast-check'
import { expect } from 'vitest'
import { type Announcement, openAnnouncement, sealAnnouncement } from '../../src/announcement.ts'
import { type AnswerHead, checkPeers, openAnswer, type PeersAnswer, signAnswer } from '../../src/answer.ts'
import { queryOf, questionOf, readQuestion } from '../../src/question.ts'

export const NOW_MS = 1_800_000_000_000
export const key = await generateKeyPairFromSeed('Ed25519', new Uint8Array(32).fill(7))
export const peerId = key.publicKey.toString()

/** As `sealAnnouncement`, of any bytes. */
export async function sealPayload(
  payload: Uint8Array,
  { domain = 'servent-announcement', codec = '/servent/announcement', by = key } = {}
): Promise<Uint8Array> {
  const bytes = new TextEncoder().encode(codec)
  const envelope = await RecordEnvelope.seal(
    { domain, codec: bytes, marshal: () => payload, equals: () => false },
    by
  )
  return envelope.marshal()
}

/** What a reader gives, or nothing where it refused by an error of this name. */
async function read<T>(reader: () => T | Promise<T>, refusal: string): Promise<T | undefined> {
  try {
    return await reader()
  } catch (error) {
    expect((error as Error).name, String(error)).toBe(refusal)
    return undefined
  }
}

const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,31}$/)
const address = fc
  .tuple(fc.ipV4(), fc.integer({ min: 1, max: 65_535 }))
  .map(([host, port]) => `/ip4/${host}/tcp/${port}`)
const announcement: fc.Arbitrary<Announcement> = fc.record({
  peerId: fc.constant(peerId),
  addresses: fc.array(address, { maxLength: 8 }),
  overlays: fc.array(fc.record({ name, role: name }, { noNullPrototype: true }), { maxLength: 16 }),
  issuedMs: fc.nat(Number.MAX_SAFE_INTEGER)
})

/** Bytes overwritten, taken out and put in. */
const damage = fc.array(
  fc.record({ at: fc.nat(2000), take: fc.nat(6), put: fc.uint8Array({ maxLength: 6 }) }),
  { maxLength: 4 }
)
type Damage = typeof damage extends fc.Arbitrary<infer T> ? T : never

function damaged(bytes: Uint8Array, changes: Damage): Uint8Array {
  let broken = [...bytes]
  for (const { at, take, put } of changes) {
    const place = at % (broken.length + 1)
    broken = [...broken.slice(0, place), ...put, ...broken.slice(place + take)]
  }
  return Uint8Array.from(broken)
}

/** A value in which some of the fields are anything at all. */
function corrupted<T extends object>(sound: fc.Arbitrary<T>): fc.Arbitrary<unknown> {
  const fields = fc.dictionary(
    fc.constantFrom(
      'peerId',
      'addresses',
      'overlays',
      'issuedMs',
      'peers',
      'question',
      'introducer',
      'seen',
      'x'
    ),
    fc.jsonValue({ maxDepth: 3 }),
    { maxKeys: 2 }
  )
  return fc.oneof(
    { arbitrary: sound, weight: 2 },
    { arbitrary: fc.tuple(sound, fields).map(([value, wrong]) => ({ ...value, ...wrong })), weight: 5 },
    { arbitrary: fc.jsonValue(), weight: 2 }
  )
}

const question = fc
  .record({
    overlays: fc.array(name, { maxLength: 16 }),
    role: fc.option(name, { nil: undefined }),
    limit: fc.integer({ min: 1, max: 20 }),
    nonce: fc.option(fc.stringMatching(/^[\w-]{1,64}$/), { nil: undefined })
  })
  .map(questionOf)

const answer: fc.Arbitrary<PeersAnswer> = fc.record({
  introducer: fc.constant(peerId),
  issuedMs: fc.integer({ min: NOW_MS - 100_000, max: NOW_MS + 100_000 }),
  seen: fc.constant('/ip4/8.8.8.8'),
  question,
  peers: fc.array(
    fc.record({ announcement: fc.base64String(), addresses: fc.array(address), provenMs: fc.nat() }),
    { maxLength: 20 }
  )
})

/** How often each reader read something, and refused something. */
export type Tally = Record<
  'announcement' | 'payload' | 'answer' | 'question',
  { read: number; refused: number }
>
export const newTally = (): Tally => ({
  announcement: { read: 0, refused: 0 },
  payload: { read: 0, refused: 0 },
  answer: { read: 0, refused: 0 },
  question: { read: 0, refused: 0 }
})

const counted = <T>(of: { read: number; refused: number }, value: T | undefined): T | undefined => {
  if (value === undefined) of.refused += 1
  else of.read += 1
  return value
}

/** Each is run with its own share of runs. */
export async function checkCodecs(settings: fc.Parameters<unknown>, tally: Tally): Promise<void> {
  await fc.assert(
    fc.asyncProperty(announcement, damage, async (said, changes) => {
      const sealed = await sealAnnouncement(said, key)
      expect(await openAnnouncement(sealed)).toEqual(said)
      const broken = damaged(sealed, changes)
      const got = counted(tally.announcement, await read(() => openAnnouncement(broken), 'AnnouncementError'))
      // Nobody but its peer can have it say anything else.
      if (got !== undefined) expect(Buffer.compare(broken, sealed)).toBe(0)
    }),
    settings as fc.Parameters<[Announcement, Damage]>
  )
  await fc.assert(
    fc.asyncProperty(corrupted(announcement), damage, async (said, changes) => {
      const whole = new TextEncoder().encode(JSON.stringify(said))
      for (const payload of [whole, damaged(whole, changes)]) {
        const sealed = await sealPayload(payload)
        const got = counted(tally.payload, await read(() => openAnnouncement(sealed), 'AnnouncementError'))
        if (got !== undefined) expect(Buffer.compare(await sealAnnouncement(got, key), sealed)).toBe(0)
      }
    }),
    settings as fc.Parameters<[unknown, Damage]>
  )
  await fc.assert(
    fc.asyncProperty(corrupted(answer), question, damage, async (said, asked, changes) => {
      const body = await signAnswer(said as AnswerHead, key)
      const broken = new TextDecoder().decode(damaged(new TextEncoder().encode(body), changes))
      for (const text of [body, broken]) {
        const got = await read(() => openAnswer<PeersAnswer>(text, NOW_MS), 'IntroducerError')
        counted(tally.answer, got)
        if (got === undefined) continue
        // Signed is what was written.
        expect(got).toEqual(JSON.parse(JSON.stringify(said)))
        await read(() => checkPeers(got, asked), 'IntroducerError')
        const peers = await read(() => checkPeers(got, got.question), 'IntroducerError')
        for (const peer of peers ?? []) {
          expect(typeof peer.announcement).toBe('string')
          expect(peer.addresses.every(one => typeof one === 'string')).toBe(true)
        }
      }
    }),
    settings as fc.Parameters<[unknown, ReturnType<typeof questionOf>, Damage]>
  )
  await fc.assert(
    fc.asyncProperty(
      question,
      fc.array(fc.tuple(fc.constantFrom('overlay', 'role', 'limit', 'nonce', 'x'), fc.string()), {
        maxLength: 2
      }),
      async (asked, more) => {
        expect(readQuestion(queryOf(asked))).toEqual(asked)
        const query = new URLSearchParams([...queryOf(asked), ...more])
        const got = counted(tally.question, await read(() => readQuestion(query), 'RefusedError'))
        if (got !== undefined) expect(readQuestion(queryOf(got))).toEqual(got)
      }
    ),
    settings as fc.Parameters<[ReturnType<typeof questionOf>, [string, string][]]>
  )
}

/** Each reader has read and refused something, or nothing was tested. */
export function expectBoth(tally: Tally): void {
  for (const [reader, { read: sound, refused }] of Object.entries(tally)) {
    expect([reader, sound > 0, refused > 0]).toEqual([reader, true, true])
  }
}
