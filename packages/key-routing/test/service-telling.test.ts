/** What holders have no room for: what is said of it, what is not sent again, and how far announcing is. */
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { keyOfContent, keyOfWord, type SharedFile } from '@servent/overlay'
import { beforeAll, describe, expect, it } from 'vitest'
import { nameOf } from '../src/records.ts'
import { Announced } from '../src/service-announced.ts'
import {
  FULL_KEYS_MAX,
  PACE_BATCHES_MAX,
  PACE_MS,
  PUBLISH_BATCH_BYTES,
  PUBLISH_BATCH_BYTES_MOST,
  PUBLISH_BATCH_FILES,
  PUBLISH_BATCH_S,
  PUBLISHED_LIFETIME_MS,
  REFUSED_RETRY_MS
} from '../src/service-constants.ts'
import { LostRecords } from '../src/service-lost.ts'
import { Pace } from '../src/service-pace.ts'
import { Refusals, reasonOf } from '../src/service-refusals.ts'
import { providerRecord, wordRecords } from '../src/service-sealing.ts'
import { Batch, bytesOf, type Prepared, Telling } from '../src/service-telling.ts'
import { FILE_WORDS_MAX, PUBLISH_RECORDS_MAX } from '../src/store-constants.ts'
import type { StoredRecord, StoreOutcome } from '../src/store-messages.ts'
import { SmallCatalogue } from './mesh.ts'

let privateKey: PrivateKey

beforeAll(async () => {
  privateKey = await generateKeyPair('Ed25519')
})

const START_MS = 1_700_000_000_000
const { signal } = new AbortController()

/** Whose clock goes on when somebody waits, and by `answerMs` with each command. */
function network({ bytesPerS = 2 ** 20, answerMs = 0 } = {}) {
  let ms = START_MS
  const told: StoredRecord[][] = []
  const full = new Map<string, StoreOutcome>()
  const clock = {
    nowMs: () => ms,
    wallMs: () => ms,
    setTimeout: (run: () => void, afterMs: number) => {
      ms += afterMs
      return setImmediate(run)
    },
    clearTimeout: (timer: unknown) => clearImmediate(timer as NodeJS.Immediate)
  }
  const announced = new Announced(undefined)
  let isReady = true
  const made = new Telling(
    {
      clock,
      bytesPerS,
      isReady: () => isReady,
      publish: async records => {
        told.push([...records])
        ms += answerMs
        return records.map(({ key }) => full.get(nameOf(key)) ?? 'kept')
      }
    },
    announced,
    new LostRecords()
  )
  const prepare = async (file: SharedFile, tag = 1): Promise<Prepared> => {
    const expiresMs = ms + PUBLISHED_LIFETIME_MS
    const stamp = { privateKey, self: contact(), sequence: ms, expiresMs }
    const records = [await providerRecord(file.id.multihash, stamp), ...(await wordRecords(file, stamp))]
    return { file, tag, records, expiresMs }
  }
  const announce = async (files: readonly SharedFile[], tag = 1) => {
    const batch = new Batch()
    for (const file of files) batch.add(await prepare(file, tag))
    return made.announce(batch, signal)
  }
  return {
    telling: made,
    announced,
    told,
    full,
    prepare,
    announce,
    pass: (afterMs: number) => {
      ms += afterMs
    },
    lose: () => {
      isReady = false
    }
  }
}

const contact = () => ({ id: privateKey.publicKey.toMultihash().bytes, addresses: [] })
const wordsIn = (records: readonly StoredRecord[], word: string) =>
  records.filter(({ key }) => nameOf(key) === nameOf(keyOfWord(word))).length

describe('a word that is full', () => {
  it('hides no file that has another word, and is not told of new files for an hour', async () => {
    const { telling, told, full, announce, pass } = network()
    const catalogue = new SmallCatalogue()
    full.set(nameOf(keyOfWord('common')), 'full-key')
    const one = catalogue.add('common one')
    await announce([one, catalogue.add('common two')])
    expect(telling.progress(2)).toEqual({ files: 2, of: 2, partly: 2 })
    await announce([catalogue.add('common three')])
    expect(told.map(records => wordsIn(records, 'common'))).toEqual([2, 0])
    expect(telling.progress(3)).toEqual({ files: 3, of: 3, partly: 3 })
    // What may be there already is renewed, after a change of name or address, too.
    await announce([one], 2)
    expect(wordsIn(told[2]!, 'common')).toBe(1)
    full.clear()
    pass(REFUSED_RETRY_MS)
    await announce([catalogue.add('common five')])
    expect(wordsIn(told[3]!, 'common')).toBe(1)
    expect(telling.progress(4)).toEqual({ files: 4, of: 4, partly: 3 })
    expect(telling.counters).toMatchObject({ filesAnnounced: 5, recordsFull: 4, filesRefused: 0 })
  })

  it('that is the only one has the file refused', async () => {
    const { telling, full, announce } = network()
    full.set(nameOf(keyOfWord('common')), 'full-key')
    await announce([new SmallCatalogue().add('common')])
    expect(telling.progress(1)).toEqual({
      files: 0,
      of: 1,
      refused: 1,
      why: 'others fill all of their words'
    })
  })
})

describe('a file that nobody has room for', () => {
  it.each([
    ['full', 'the peers that their keys belong to are full'],
    ['full-publisher', 'the peers that their keys belong to keep no more of one peer'],
    ['refused', 'others do not take their records; is the clock right?']
  ] as const)('%s: is counted, with why, and has its turn again in an hour', async (outcome, why) => {
    const { telling, full, announce, pass } = network()
    const file = new SmallCatalogue().add('some song')
    full.set(nameOf(keyOfContent(file.id)), outcome)
    const nowMs = START_MS
    await announce([file])
    expect(telling.progress(1)).toEqual({ files: 0, of: 1, refused: 1, why })
    expect(telling.refusals.isRefused(file.index, 1, nowMs + REFUSED_RETRY_MS - 1)).toBe(true)
    // By another name it is another matter.
    expect(telling.refusals.isRefused(file.index, 2, nowMs)).toBe(false)
    expect(telling.refusals.isRefused(file.index, 1, nowMs + REFUSED_RETRY_MS)).toBe(false)
    full.clear()
    pass(REFUSED_RETRY_MS)
    await announce([file])
    expect(telling.progress(1)).toEqual({ files: 1, of: 1 })
  })

  it('says what most of them met', () => {
    const refusals = new Refusals()
    for (const index of [1, 2]) refusals.refuse(index, 0, 'full-publisher', 0)
    for (const index of [3, 4, 5]) refusals.refuse(index, 0, 'unfit', 0)
    expect([refusals.files, refusals.why]).toEqual([5, 'no record can hold their names and tags'])
    for (const index of [3, 4]) refusals.forget(index)
    expect([refusals.files, refusals.why]).toEqual([
      3,
      'the peers that their keys belong to keep no more of one peer'
    ])
    expect(reasonOf(['kept', 'full-key', 'full'])).toBe('full-key')
  })
})

it(`keys that are full are remembered up to ${FULL_KEYS_MAX}, and of one more the oldest is forgotten`, () => {
  const refusals = new Refusals()
  for (let key = 0; key < FULL_KEYS_MAX; key += 1) refusals.keyIsFull(`key ${key}`, 0)
  expect(refusals.isKeyFull('key 0', 0)).toBe(true)
  refusals.keyIsFull('one more', 0)
  expect([refusals.isKeyFull('key 0', 0), refusals.isKeyFull('key 1', 0)]).toEqual([false, true])
})

describe('while files are left', () => {
  it('the budget is what holds announcing back where it waits for that', async () => {
    const { telling, announce } = network({ bytesPerS: 1000 })
    const catalogue = new SmallCatalogue()
    for (let turn = 0; turn < 80; turn += 1) await announce([catalogue.add(`song ${turn}`)])
    const { files, of, filesPerS, leftMs, limit } = telling.progress(180)
    expect({ files, of, limit }).toEqual({ files: 80, of: 180, limit: { name: 'publishRate', perS: 1000 } })
    // A file has three records of about 1.1 kB together.
    expect(filesPerS).toBeGreaterThan(0.5)
    expect(filesPerS).toBeLessThan(2)
    expect(leftMs! / 1000).toBeCloseTo(100 / filesPerS!, 0)
  })

  it('it is the answers where those come late, and nobody where nobody is there', async () => {
    const { telling, announce, lose, pass } = network({ answerMs: 500 })
    const catalogue = new SmallCatalogue()
    for (let turn = 0; turn < 4; turn += 1) await announce([catalogue.add(`song ${turn}`)])
    expect(telling.progress(8)).toEqual({
      files: 4,
      of: 8,
      filesPerS: 2,
      leftMs: 2000,
      limit: { name: 'answers' }
    })
    lose()
    expect(telling.progress(8).limit).toEqual({ name: 'nobody' })
    pass(PACE_MS)
    expect(telling.progress(8)).toEqual({ files: 4, of: 8, limit: { name: 'nobody' } })
  })

  it('those that are refused are done with too: it is said what holds back, and how long it takes', async () => {
    const { telling, announce, full } = network({ answerMs: 500 })
    const catalogue = new SmallCatalogue()
    for (let turn = 0; turn < 4; turn += 1) {
      const file = catalogue.add(`song ${turn}`)
      full.set(nameOf(keyOfContent(file.id)), 'full-publisher')
      await announce([file])
    }
    expect(telling.progress(8)).toMatchObject({
      files: 0,
      refused: 4,
      filesPerS: 2,
      leftMs: 2000,
      limit: { name: 'answers' }
    })
  })

  it(`the pace is that of ${PACE_BATCHES_MAX} batches`, () => {
    const pace = new Pace()
    const batch = { files: 1000, startMs: 0, waitedMs: 0, toldMs: 1 }
    pace.add(batch)
    for (let at = 1; at < PACE_BATCHES_MAX; at += 1) pace.add({ ...batch, startMs: at * 1000, files: 1 })
    expect(pace.view(1, 1000 * PACE_BATCHES_MAX)?.filesPerS).toBeGreaterThan(10)
    pace.add({ ...batch, startMs: 1000 * PACE_BATCHES_MAX, files: 1 })
    expect(pace.view(60, 1000 * (PACE_BATCHES_MAX + 1))).toEqual({
      filesPerS: 1,
      leftMs: 60_000,
      isPaid: false
    })
  })
})

describe('a batch', () => {
  it.each([
    [1, PUBLISH_BATCH_BYTES],
    [64 * 1024, PUBLISH_BATCH_S * 64 * 1024],
    [2 ** 26, PUBLISH_BATCH_BYTES_MOST]
  ])('of a budget of %i bytes a second has about %i bytes', (bytesPerS, bytes) => {
    expect(network({ bytesPerS }).telling.batchBytes).toBe(bytes)
  })

  it('is whole with its bytes or files, and before one more could be too many records', async () => {
    const { telling, prepare } = network({ bytesPerS: 1 })
    const small = await prepare(new SmallCatalogue().add('song'))
    const batch = new Batch()
    for (let file = 1; file < PUBLISH_BATCH_FILES; file += 1) batch.add(small)
    expect([telling.isWhole(batch), batch.bytes]).toEqual([
      false,
      (PUBLISH_BATCH_FILES - 1) * bytesOf(small.records)
    ])
    batch.add(small)
    expect(telling.isWhole(batch)).toBe(true)
    const large = network({ bytesPerS: 2 ** 26 }).telling
    const of = (records: number, bytes = 1): Batch => Object.assign(new Batch(), { records, bytes })
    expect(large.isWhole(of(PUBLISH_RECORDS_MAX - FILE_WORDS_MAX - 1))).toBe(false)
    expect(large.isWhole(of(PUBLISH_RECORDS_MAX - FILE_WORDS_MAX))).toBe(true)
    expect(large.isWhole(of(1, PUBLISH_BATCH_BYTES_MOST - 1))).toBe(false)
    expect(large.isWhole(of(1, PUBLISH_BATCH_BYTES_MOST))).toBe(true)
  })
})
