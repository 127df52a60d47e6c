/** Signed records and answers: sealed once, opened with care, and never of what was not asked for. */
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import {
  abridge,
  ContentId,
  type FileRecord,
  openRecord,
  PARTIAL_INDEX_MIN,
  type PartialCatalogue,
  parseQuery,
  peerIdText,
  restoreSealed,
  SealedRecords,
  sealRecord
} from '@servent/overlay'
import { MemoryCatalogue } from '@servent/overlay/testing'
import { beforeAll, describe, expect, it } from 'vitest'
import { urnOfCid, urnOfSha1 } from '../src/huge.ts'
import type { HitResult } from '../src/messages.ts'
import { Answers } from '../src/service-answers.ts'
import { WantedFiles } from '../src/service-records.ts'
import type { GnutellaQuestion } from '../src/types.ts'

const NOW_MS = 1_800_000_000_000
let privateKey: PrivateKey
let other: PrivateKey
beforeAll(async () => {
  privateKey = await generateKeyPair('Ed25519')
  other = await generateKeyPair('Ed25519')
})

const idOf = (key: PrivateKey) => key.publicKey.toMultihash().bytes
const contactOf = (key: PrivateKey) => ({ id: idOf(key), addresses: [] })

function answersOf(
  catalogue?: MemoryCatalogue,
  wants = (_: number, __: FileRecord) => true,
  key = privateKey
) {
  const records = new SealedRecords(key)
  return new Answers({ records, catalogue: () => catalogue, wallMs: () => NOW_MS, wants })
}
const match = async (answers: Answers, text: string, urns: string[] = [], limit = 64) => {
  const answer = await answers.to({ type: 'match', text, urns, limit })
  return answer.type === 'match' ? answer.results : []
}
const recordOf = (key: PrivateKey, fields: Partial<FileRecord> = {}): FileRecord => ({
  id: ContentId.fromRoot(new Uint8Array(32).fill(1), 5),
  size: 5,
  name: 'blue.txt',
  type: 'text/plain',
  tags: {},
  provider: peerIdText(idOf(key)),
  sequence: 1,
  expiresMs: NOW_MS + 1000,
  ...fields
})
const resultOf = (record: Uint8Array | undefined, index = 1): HitResult => ({
  index,
  size: 5,
  name: 'blue.txt',
  urns: [],
  ggep: [],
  ...(record === undefined ? {} : { record })
})

/** Of a result of this peer. */
const sealedOf = ({ abridged, name, size }: HitResult) =>
  restoreSealed(abridged!, { name, size, provider: idOf(privateKey) })

describe('what this peer answers', () => {
  it('are files with all words, each with its SHA-1 and abridged record', async () => {
    const catalogue = new MemoryCatalogue()
    const file = catalogue.add('Kind of Blue.flac', 'so what')
    catalogue.add('Blue Train.flac', 'trane')
    const results = await match(answersOf(catalogue), 'KIND blue')
    expect(results).toMatchObject([
      { index: 1, size: 7, name: 'Kind of Blue.flac', urns: [urnOfSha1(file.sha1)] }
    ])
    expect(results[0]).not.toHaveProperty('record')
    expect((await openRecord(sealedOf(results[0]!), { nowMs: NOW_MS })).id.equals(file.id)).toBe(true)
  })

  it('has a whole record, and its id, where the PeerId is not the key', async () => {
    const rsa = await generateKeyPair('RSA', 2048)
    const catalogue = new MemoryCatalogue()
    const file = catalogue.add('Kind of Blue.flac', 'so what')
    const [result] = await match(answersOf(catalogue, undefined, rsa), 'blue')
    expect(result!.urns).toEqual([urnOfCid(`${file.id}`), urnOfSha1(file.sha1)])
    expect(result).not.toHaveProperty('abridged')
    expect((await openRecord(result!.record!, { nowMs: NOW_MS })).id.equals(file.id)).toBe(true)
  })

  it('is abridged once for each record', async () => {
    const catalogue = new MemoryCatalogue()
    catalogue.add('blue', '1')
    const answers = answersOf(catalogue)
    const [[one], [again]] = [await match(answers, 'blue'), await match(answers, 'blue')]
    expect(one!.abridged).toBe(again!.abridged)
  })

  it('are files that a URN names, whatever the words, each once', async () => {
    const catalogue = new MemoryCatalogue()
    const [one, two] = [catalogue.add('one', '1'), catalogue.add('two', '2')]
    const urns = [urnOfCid(`${one.id}`), urnOfSha1(two.sha1), 'urn:cid:nonsense', 'urn:sha1:short', 'urn:x:y']
    expect((await match(answersOf(catalogue), '', urns)).map(({ name }) => name)).toEqual(['one', 'two'])
    expect((await match(answersOf(catalogue), 'two', urns)).map(({ name }) => name)).toEqual(['one', 'two'])
    expect((await match(answersOf(catalogue), 'two', urns, 1)).map(({ name }) => name)).toEqual(['one'])
  })

  it('are files that are being fetched, by their id alone', async () => {
    const catalogue = new MemoryCatalogue()
    const shared = catalogue.add('one', '1')
    const { sha1: _, ...file } = { ...catalogue.add('two', '2'), index: PARTIAL_INDEX_MIN + 5, name: 'blue' }
    const both = [file, { ...file, id: shared.id, index: PARTIAL_INDEX_MIN }]
    const partials: PartialCatalogue = {
      get: id => both.find(one => one.id.equals(id)),
      byIndex: index => both.find(one => one.index === index),
      files: () => both,
      subscribe: () => () => {}
    }
    const answers = answersOf(Object.assign(new MemoryCatalogue(), { partials }))
    const urn = urnOfCid(`${file.id}`)
    const results = await match(answers, '', [urn])
    expect(results).toMatchObject([{ index: PARTIAL_INDEX_MIN + 5, size: 1, name: 'blue', urns: [] }])
    expect((await openRecord(sealedOf(results[0]!), { nowMs: NOW_MS })).id.equals(file.id)).toBe(true)
    expect(await match(answers, 'blue')).toEqual([])
    expect(await match(answers, '', [urnOfCid('nonsense')])).toEqual([])
    // What is shared as well is answered as such.
    const too = answersOf(Object.assign(catalogue, { partials }))
    expect(await match(too, '', [urnOfCid(`${shared.id}`)])).toMatchObject([{ index: shared.index }])
  })

  it('is nothing for what is no query, and without a catalogue', async () => {
    const catalogue = new MemoryCatalogue()
    catalogue.add('one', '1')
    expect(await match(answersOf(catalogue), 'size:nonsense')).toEqual([])
    expect(await match(answersOf(), 'one')).toEqual([])
  })

  it('leaves out a file that no record can hold', async () => {
    const catalogue = new MemoryCatalogue()
    catalogue.add('blue', '1', { 'NO TAG': 'x' })
    catalogue.add('blue', '2')
    expect((await match(answersOf(catalogue), 'blue')).map(({ index }) => index)).toEqual([2])
  })
})

describe('a hit of others', () => {
  const verify = async (results: HitResult[], wants?: (search: number, record: FileRecord) => boolean) => {
    const question: GnutellaQuestion = {
      type: 'verify',
      search: 1,
      claim: { contact: contactOf(privateKey), results }
    }
    const answer = await answersOf(undefined, wants).to(question)
    return answer.type === 'verify' ? answer.files.map(({ index }) => index) : []
  }
  const sealed = async (key: PrivateKey, fields?: Partial<FileRecord>) =>
    sealRecord(recordOf(key, fields), key)

  it('is believed where its contact signed it, it has not expired, and the search wants it', async () => {
    const good = await sealed(privateKey)
    expect(await verify([resultOf(good)])).toEqual([1])
    expect(await verify([resultOf(good)], () => false)).toEqual([])
  })

  it('is not where somebody else signed it, it has expired, was changed, or is none', async () => {
    const good = await sealed(privateKey)
    const changed = good.slice()
    changed[good.length - 1]! ^= 1
    const results = [
      resultOf(await sealed(other), 1),
      resultOf(await sealed(privateKey, { expiresMs: NOW_MS }), 2),
      resultOf(changed, 3),
      resultOf(undefined, 4),
      resultOf(Uint8Array.of(1, 2), 5),
      resultOf(good, 6)
    ]
    expect(await verify(results)).toEqual([6])
  })

  it('is believed abridged, under the name and size that it was signed with', async () => {
    const abridged = abridge(await sealed(privateKey))!
    const said = { ...resultOf(undefined), abridged }
    const results = [
      said,
      { ...said, index: 2, name: 'blue.mp3' },
      { ...said, index: 3, size: 6 },
      { ...said, index: 4, abridged: Uint8Array.of(1, 2) },
      { ...said, index: 5, abridged: abridge(await sealed(other))! }
    ]
    expect(await verify(results)).toEqual([1])
  })

  it('of the cache is vouched for until the first of its records expires, and not where one is unsound', async () => {
    const good = resultOf(await sealed(privateKey, { expiresMs: NOW_MS + 500 }))
    const later = resultOf(await sealed(privateKey))
    const off = resultOf(await sealed(privateKey, { name: 'green.txt' }))
    const claim = (...results: HitResult[]) => ({ contact: contactOf(privateKey), results })
    const claims = [
      claim(later, good),
      claim(later, off, good),
      claim(later, resultOf(undefined)),
      claim(later)
    ]
    const vouch = await answersOf().to({ type: 'vouch', text: 'blue', urns: [], claims })
    expect(vouch).toEqual({ type: 'vouch', expiresMs: [NOW_MS + 500, 0, 0, NOW_MS + 1000] })
  })

  it('is wanted by its id, its words, or a SHA-1, which no record tells', () => {
    const record = recordOf(privateKey)
    const wants = (text: string, ...urns: string[]) => new WantedFiles({ text, urns }).includes(record)
    expect(wants('', urnOfCid(`${record.id}`))).toBe(true)
    expect(wants('', urnOfSha1(new Uint8Array(20)))).toBe(true)
    expect(wants('blue')).toBe(true)
    expect(wants('green')).toBe(false)
    expect(wants('', urnOfCid(`${ContentId.fromRoot(new Uint8Array(32), 1)}`))).toBe(false)
    expect(new WantedFiles({ text: 'blue', urns: [] }, 3).query).toEqual(parseQuery('blue', { limit: 3 }))
  })
})
