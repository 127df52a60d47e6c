/** What peers and introducers read of each other: at its bounds, and whatever strangers sign. */
import { generateKeyPair } from '@libp2p/crypto/keys'
import { CONTACT_ADDRESSES_MAX } from '@servent/overlay'
import { describe, expect, test } from 'vitest'
import { openAnnouncement, sealAnnouncement } from '../src/announcement.ts'
import { type AnswerHead, checkPeers, openAnswer, type PeersAnswer, signAnswer } from '../src/answer.ts'
import {
  ANNOUNCEMENT_BYTES_MAX,
  ANSWER_PEERS_MAX,
  ANSWER_SKEW_MS_MAX,
  NONCE_CHARACTERS_MAX,
  QUERY_OVERLAYS_MAX
} from '../src/limits.ts'
import { readQuestion } from '../src/question.ts'
import {
  checkCodecs,
  expectBoth,
  key,
  NOW_MS,
  newTally,
  peerId,
  sealPayload
} from './support/codec-properties.ts'

test('everything is read, or refused by its own error', async () => {
  const tally = newTally()
  await checkCodecs({ numRuns: 200 }, tally)
  expectBoth(tally)
}, 60_000)

describe('an announcement', () => {
  const said = {
    peerId,
    addresses: ['/ip4/8.8.8.8/tcp/1'],
    overlays: [{ name: 'gnutella', role: 'peer' }],
    issuedMs: 1
  }
  const sealed = (text: string) => sealPayload(new TextEncoder().encode(text))

  test.each([
    ['no JSON', '{'],
    ['nothing', 'null'],
    ['spaces', `${JSON.stringify(said)} `],
    ['another field', JSON.stringify({ ...said, more: 1 })],
    ['overlays that are no list', JSON.stringify({ ...said, overlays: 'gnutella' })],
    ['an overlay that is none', JSON.stringify({ ...said, overlays: [null] })],
    ['no PeerId', JSON.stringify({ ...said, peerId: 5 })],
    ['a time that is none', JSON.stringify({ ...said, issuedMs: '1' })],
    ['addresses that are no list', JSON.stringify({ ...said, addresses: 'none' })],
    ['an address that is no text', JSON.stringify({ ...said, addresses: [5] })],
    ['a role that is no text', JSON.stringify({ ...said, overlays: [{ name: 'gnutella', role: 5 }] })]
  ])('that holds %s is refused', async (_, text) => {
    await expect(openAnnouncement(await sealed(text))).rejects.toMatchObject({ name: 'AnnouncementError' })
  })

  test('is one sequence of bytes: what is no UTF-8 is refused, for it could be anything', async () => {
    const domain = { ...said, addresses: ['/dns4/a\ufffdb/tcp/1'] }
    const whole = new TextEncoder().encode(JSON.stringify(domain))
    const at = whole.indexOf(0xef)
    // The replacement character, which an octet that is no UTF-8 is read as.
    const broken = Uint8Array.from([...whole.subarray(0, at), 0xff, ...whole.subarray(at + 3)])
    await expect(openAnnouncement(await sealPayload(broken))).rejects.toThrow('writes them otherwise')
  })

  test('is of its own kind and domain, and signed by who it names', async () => {
    const payload = new TextEncoder().encode(JSON.stringify(said))
    expect(await openAnnouncement(await sealPayload(payload))).toEqual(said)
    const stranger = await generateKeyPair('Ed25519')
    await expect(sealAnnouncement(said, stranger)).rejects.toThrow('not that of the peer')
    for (const wrong of [{ domain: 'libp2p-peer-record' }, { codec: '/servent/other' }, { by: stranger }]) {
      const other = await sealPayload(payload, wrong)
      await expect(openAnnouncement(other)).rejects.toMatchObject({ name: 'AnnouncementError' })
    }
  })

  test('has ANNOUNCEMENT_BYTES_MAX bytes at most where it is read, and where it is sealed', async () => {
    await expect(openAnnouncement(new Uint8Array(ANNOUNCEMENT_BYTES_MAX))).rejects.toThrow('no envelope')
    await expect(openAnnouncement(new Uint8Array(ANNOUNCEMENT_BYTES_MAX + 1))).rejects.toThrow('at most')
    // Of few bytes as multiaddrs, and of many as texts.
    const address = (length: number) => `/ip4/8.8.8.8${'/tcp/65535'.repeat(length)}`
    const overlays = Array.from({ length: 16 }, () => ({ name: 'n'.repeat(32), role: 'r'.repeat(32) }))
    const sizes: number[] = []
    let refused = 0
    for (let total = 0; total < 300; total += 1) {
      const addresses = Array.from({ length: CONTACT_ADDRESSES_MAX }, (_, place) =>
        address(Math.floor((total + place) / CONTACT_ADDRESSES_MAX))
      )
      await sealAnnouncement({ ...said, overlays, addresses }, key).then(
        bytes => sizes.push(bytes.length),
        error => {
          expect(error).toMatchObject({ name: 'AnnouncementError' })
          expect(error.message).toContain(`at most ${ANNOUNCEMENT_BYTES_MAX} bytes`)
          refused += 1
        }
      )
    }
    expect(Math.max(...sizes)).toBeLessThanOrEqual(ANNOUNCEMENT_BYTES_MAX)
    expect(Math.max(...sizes)).toBeGreaterThan(ANNOUNCEMENT_BYTES_MAX - 32)
    expect(refused).toBeGreaterThan(0)
  })
})

describe('an answer', () => {
  const head: AnswerHead = { introducer: peerId, issuedMs: NOW_MS, seen: '/ip4/8.8.8.8' }
  const opened = async (answer: unknown) => openAnswer(await signAnswer(answer as AnswerHead, key), NOW_MS)

  test.each([
    ['no JSON', ''],
    ['nothing', 'null'],
    ['a number', '5'],
    ['a field of another kind', '{"answer":5,"publicKey":"","signature":""}'],
    ['no key', '{"answer":"{}","publicKey":"AA","signature":""}']
  ])('in a body that holds %s is refused', async (_, body) => {
    await expect(openAnswer(body, NOW_MS)).rejects.toMatchObject({ name: 'IntroducerError' })
  })

  test.each([
    ['nothing', null],
    ['another introducer', { ...head, introducer: 'other' }],
    ['no address', { ...head, seen: undefined }],
    ['no time', { ...head, issuedMs: undefined }],
    ['a list as its time', { ...head, issuedMs: [] }],
    ['a text as its time', { ...head, issuedMs: `${NOW_MS}` }],
    ['a time that there is not', { ...head, issuedMs: 8.64e15 }],
    ['a time that is too early', { ...head, issuedMs: NOW_MS - ANSWER_SKEW_MS_MAX - 1 }],
    ['a time that is too late', { ...head, issuedMs: NOW_MS + ANSWER_SKEW_MS_MAX + 1 }]
  ])('that is signed and says %s is refused', async (_, answer) => {
    await expect(opened(answer)).rejects.toMatchObject({ name: 'IntroducerError' })
  })

  test('of ANSWER_SKEW_MS_MAX earlier or later is believed; what was changed after it was signed is not', async () => {
    for (const by of [-ANSWER_SKEW_MS_MAX, ANSWER_SKEW_MS_MAX])
      expect(await opened({ ...head, issuedMs: NOW_MS + by })).toMatchObject({ seen: head.seen })
    const body = (await signAnswer(head, key)).replace('8.8.8.8', '8.8.8.9')
    await expect(openAnswer(body, NOW_MS)).rejects.toThrow('signature')
  })

  test('that is no JSON is refused, though it was signed', async () => {
    for (const text of ['{', '5', 'undefined']) {
      const signature = await key.sign(new TextEncoder().encode(`servent-introducer-answer\n${text}`))
      const sealed = JSON.parse(await signAnswer(head, key))
      const body = JSON.stringify({
        ...sealed,
        ...(text === 'undefined' ? { answer: undefined } : { answer: text }),
        signature: Buffer.from(signature).toString('base64url')
      })
      await expect(openAnswer(body, NOW_MS)).rejects.toMatchObject({ name: 'IntroducerError' })
    }
  })

  test('names ANSWER_PEERS_MAX peers at most, each with a text and a list of texts, for what was asked', () => {
    const asked = { overlays: [], limit: 20 }
    const one = { announcement: 'a', addresses: ['/ip4/8.8.8.8/tcp/1'], provenMs: 1 }
    const check = (peers: unknown, question: unknown = asked) =>
      checkPeers({ ...head, question, peers } as PeersAnswer, asked)
    expect(check(Array(ANSWER_PEERS_MAX).fill(one))).toHaveLength(ANSWER_PEERS_MAX)
    const wrong = [
      Array(ANSWER_PEERS_MAX + 1).fill(one),
      'none',
      [null],
      [{ ...one, announcement: 5 }],
      [{ ...one, addresses: 'none' }],
      [{ ...one, addresses: [5] }]
    ]
    for (const peers of wrong) expect(() => check(peers)).toThrow('cannot be read')
    expect(() => check([], { ...asked, limit: 19 })).toThrow('another question')
  })
})

test('a question is read at its bounds, and refused one past them', () => {
  const read = (text: string) => () => readQuestion(new URLSearchParams(text))
  expect(read('')()).toEqual({ overlays: [], limit: ANSWER_PEERS_MAX })
  const overlays = (count: number) =>
    Array.from({ length: count }, (_, place) => `overlay=o${place}`).join('&')
  expect(read(overlays(QUERY_OVERLAYS_MAX))().overlays).toHaveLength(QUERY_OVERLAYS_MAX)
  expect(read(`nonce=${'n'.repeat(NONCE_CHARACTERS_MAX)}&role=peer&limit=1`)()).toMatchObject({ limit: 1 })
  for (const wrong of [
    overlays(QUERY_OVERLAYS_MAX + 1),
    'overlay=Gnutella',
    'role=a&role=b',
    'role=-',
    'limit=0',
    `limit=${ANSWER_PEERS_MAX + 1}`,
    'limit=1e1',
    'nonce=',
    'nonce=a%20b',
    `nonce=${'n'.repeat(NONCE_CHARACTERS_MAX + 1)}`,
    'other=1'
  ])
    expect(read(wrong), wrong).toThrow(expect.objectContaining({ name: 'RefusedError', status: 400 }))
})
