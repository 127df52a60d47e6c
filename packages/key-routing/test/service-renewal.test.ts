/** Announcing and renewing while some homes are dead or busy: what they cannot take now holds up nothing else. */
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import type { Clock } from '@servent/libp2p-host'
import { type Contact, type Key, keyOfContent, keyOfWord } from '@servent/overlay'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { nameOf } from '../src/records.ts'
import { keyOfMultihash, keyOfValue } from '../src/records-body.ts'
import { Announcer } from '../src/service-announcer.ts'
import { ServiceCommands } from '../src/service-commands.ts'
import {
  CATALOGUE_PASS_MS,
  CATALOGUE_RETRY_MS,
  LOST_FILES_MAX,
  LOST_RETRY_MS,
  PUBLISH_BATCH_FILES,
  PUBLISHED_LIFETIME_MS,
  PUBLISHED_RENEW_MS,
  READ_TRIES_MAX,
  RENEWAL_RETRY_MS
} from '../src/service-constants.ts'
import { LostRecords } from '../src/service-lost.ts'
import { valueRecord } from '../src/service-sealing.ts'
import { ServiceValues } from '../src/service-values.ts'
import type { StoredRecord, StoreOutcome } from '../src/store-messages.ts'
import { recordByteLength } from '../src/store-wire-records.ts'
import { Validators } from '../src/validators.ts'
import { SmallCatalogue, until } from './mesh.ts'

/** Whoever waits a while has its time at once; nothing comes after a pass through which all was announced. */
class HastyClock implements Clock {
  ms = 1_700_000_000_000

  nowMs(): number {
    return this.ms
  }

  wallMs(): number {
    return this.ms
  }

  setTimeout(run: () => void, ms: number): unknown {
    if (ms >= CATALOGUE_PASS_MS) return undefined
    return setImmediate(() => {
      this.ms += ms
      run()
    })
  }

  clearTimeout(timer: unknown): void {
    clearImmediate(timer as NodeJS.Immediate)
  }
}

let privateKey: PrivateKey
let self: Contact

beforeAll(async () => {
  privateKey = await generateKeyPair('Ed25519')
  self = { id: privateKey.publicKey.toMultihash().bytes, addresses: [] }
})

const ended: Announcer[] = []
afterEach(async () => {
  for (const announcer of ended.splice(0)) await announcer.stop()
})

/** A network whose homes of some keys do not answer. */
function network() {
  const clock = new HastyClock()
  const dead = new Set<string>()
  const kept: StoredRecord[] = []
  const batches: { readonly atMs: number; readonly records: readonly StoredRecord[] }[] = []
  const keep = (record: StoredRecord): StoreOutcome | 'unreachable' => {
    if (dead.has(nameOf(record.key)) || dead.has('all')) return 'unreachable'
    kept.push(record)
    return 'kept'
  }
  const publish = async (records: readonly StoredRecord[]) => {
    batches.push({ atMs: clock.ms, records })
    return records.map(keep)
  }
  const catalogue = new SmallCatalogue()
  const announcer = new Announcer({
    privateKey,
    clock,
    store: undefined,
    bytesPerS: 1_000_000,
    self: () => self,
    isReady: () => true,
    publish,
    isKnown: async () => true,
    renewOthers: async () => {},
    onError: error => {
      throw error
    }
  })
  ended.push(announcer)
  const keptOf = (key: Key) => kept.filter(record => nameOf(record.key) === nameOf(key))
  return { clock, dead, kept, batches, catalogue, announcer, keptOf }
}

const FILES = 2 * PUBLISH_BATCH_FILES

describe('a home of a word that is dead', () => {
  it('keeps no file from being announced, and is given what it lacks, and no more, when it is back', async () => {
    const { dead, kept, catalogue, announcer, keptOf, clock } = network()
    for (let index = 0; index < FILES; index += 1) catalogue.add(`common song${index}`)
    dead.add(nameOf(keyOfWord('common')))
    announcer.attach(catalogue)
    const startMs = clock.ms
    announcer.start()
    await until(() => announcer.progress.files === FILES)
    expect(clock.ms - startMs).toBeLessThan(CATALOGUE_RETRY_MS)
    expect(keptOf(keyOfWord('common'))).toEqual([])
    const before = kept.length
    dead.clear()
    await until(() => keptOf(keyOfWord('common')).length === FILES)
    expect(clock.ms - startMs).toBeGreaterThan(LOST_RETRY_MS)
    expect(kept.length).toBe(before + FILES)
  })

  it('keeps no file from being withdrawn either', async () => {
    const { dead, catalogue, announcer, keptOf } = network()
    const files = ['common one', 'common two'].map(name => catalogue.add(name))
    announcer.attach(catalogue)
    announcer.start()
    await until(() => announcer.progress.files === 2)
    dead.add(nameOf(keyOfWord('common')))
    for (const file of files) catalogue.remove(file)
    await until(() => announcer.counters.filesWithdrawn === 2)
    expect(keptOf(keyOfWord('common')).filter(({ withdrawn }) => withdrawn)).toEqual([])
    dead.clear()
    await until(() => keptOf(keyOfWord('common')).filter(({ withdrawn }) => withdrawn).length === 2)
  })

  it('is remembered by the next run as a file that is not announced', async () => {
    const { dead, catalogue, announcer } = network()
    catalogue.add('common one')
    catalogue.add('other two')
    dead.add(nameOf(keyOfWord('common')))
    announcer.attach(catalogue)
    announcer.start()
    await until(() => announcer.progress.files === 2)
    await announcer.stop()
    expect(announcer.progress.files).toBe(1)
  })
})

describe('a home of a content that is dead', () => {
  it('keeps that file alone from being announced', async () => {
    const { dead, catalogue, announcer, keptOf } = network()
    const first = catalogue.add('song first')
    for (let index = 1; index < FILES; index += 1) catalogue.add(`song ${index}`)
    dead.add(nameOf(keyOfContent(first.id)))
    announcer.attach(catalogue)
    announcer.start()
    await until(() => announcer.progress.files === FILES - 1)
    dead.clear()
    await until(() => announcer.progress.files === FILES)
    expect(keptOf(keyOfContent(first.id))).toHaveLength(1)
  })
})

describe('a network that is not there', () => {
  it('is tried with one batch, and again after a while', async () => {
    const { dead, catalogue, announcer, batches } = network()
    for (let index = 0; index < FILES; index += 1) catalogue.add(`song ${index}`)
    dead.add('all')
    announcer.attach(catalogue)
    announcer.start()
    await until(() => batches.length >= 3)
    expect(batches[1]!.atMs - batches[0]!.atMs).toBeGreaterThanOrEqual(CATALOGUE_RETRY_MS)
    expect(announcer.progress.files).toBe(0)
    dead.clear()
    await until(() => announcer.progress.files === FILES)
  })
})

describe('what is lost', () => {
  it(`is remembered of ${LOST_FILES_MAX} files, and one past it is announced as a whole`, () => {
    const lost = new LostRecords()
    const records = [{} as StoredRecord]
    for (let index = 0; index < LOST_FILES_MAX; index += 1) expect(lost.set(index, records)).toBe(true)
    expect(lost.set(LOST_FILES_MAX, records)).toBe(false)
    expect(lost.set(7, records)).toBe(true)
    expect(lost.set(7, [])).toBe(true)
    expect(lost.set(LOST_FILES_MAX, records)).toBe(true)
    expect(lost.size).toBe(LOST_FILES_MAX)
  })
})

describe('getting', () => {
  it('does not pass for whole what too few answered, but where that is asked for', async () => {
    const clock = new HastyClock()
    let reads = 0
    let wholeFrom = Number.POSITIVE_INFINITY
    const commands: ServiceCommands = new ServiceCommands({
      command: () => {
        reads += 1
        const isWhole = reads >= wholeFrom
        commands.onNotice({
          type: 'value-read',
          command: 1,
          holders: 1,
          record,
          ...(!isWhole && { incomplete: true })
        })
        return 1
      }
    })
    const stamp = () => ({ privateKey, self, sequence: 1, expiresMs: clock.ms + PUBLISHED_LIFETIME_MS })
    const key = Uint8Array.of(1)
    const record = await valueRecord(key, Uint8Array.of(5), stamp())
    const validators = new Validators(undefined, undefined)
    const values = new ServiceValues({
      commands,
      readiness: { wait: async () => 0 },
      clock: {
        nowMs: () => clock.ms,
        wallMs: () => clock.ms,
        // The time that is left never ends here, and pauses do at once.
        setTimeout: (run: () => void, ms: number) => (ms > 0 ? queueMicrotask(run) : undefined),
        clearTimeout: () => {}
      },
      overlay: 'chord',
      self: 'nobody',
      stamp,
      validators
    })
    await expect(values.get(key, {})).rejects.toMatchObject({ name: 'QuorumError' })
    expect(reads).toBe(READ_TRIES_MAX)
    const found = await values.get(key, { partial: true })
    expect(found).toMatchObject({ complete: false, value: Uint8Array.of(5) })
    expect(reads).toBe(READ_TRIES_MAX + 1)
    wholeFrom = 2 * READ_TRIES_MAX + 1
    expect(await values.get(key, {})).toMatchObject({ complete: true })
    expect(reads).toBe(2 * READ_TRIES_MAX + 1)
  })
})

describe('renewing', () => {
  it('of one that fails is tried again later, and the others are renewed, within the budget', async () => {
    const clock = new HastyClock()
    const dead = new Set<string>()
    const published: StoredRecord[] = []
    const commands: ServiceCommands = new ServiceCommands({
      command: command => {
        if (command.type === 'publish') {
          const outcomes = command.records.map(record => {
            if (dead.has(nameOf(record.key))) return 'unreachable' as const
            published.push(record)
            return 'kept' as const
          })
          commands.onNotice({ type: 'published', command: 1, outcomes, copies: outcomes.map(() => 1) })
        } else if (command.type === 'read-value') {
          commands.onNotice({ type: 'value-read', command: 1, holders: 0 })
        }
        return 1
      }
    })
    const values = new ServiceValues({
      commands,
      readiness: { wait: async () => 0 },
      // Nothing here waits for its time.
      clock: {
        nowMs: () => clock.ms,
        wallMs: () => clock.ms,
        setTimeout: () => undefined,
        clearTimeout: () => {}
      },
      overlay: 'chord',
      self: 'nobody',
      stamp: () => ({
        privateKey,
        self,
        sequence: clock.ms,
        expiresMs: clock.ms + PUBLISHED_LIFETIME_MS
      }),
      validators: new Validators(undefined, undefined)
    })
    const multihashes = [1, 2, 3].map(byte => Uint8Array.of(0x12, 1, byte))
    const keys = [1, 2, 3].map(byte => Uint8Array.of(byte))
    for (const multihash of multihashes) await values.provide(multihash, {})
    for (const key of keys) await values.put(key, key, {})
    expect(published.splice(0)).toHaveLength(6)
    clock.ms += PUBLISHED_LIFETIME_MS - PUBLISHED_RENEW_MS
    dead.add(nameOf(keyOfMultihash(multihashes[0]!))).add(nameOf(keyOfValue(keys[0]!)))
    const spent: number[] = []
    const spend = async (bytes: number) => {
      spent.push(bytes)
    }
    const { signal } = new AbortController()
    await expect(values.renew(signal, spend)).rejects.toThrow('2 values or contents could not be renewed')
    const renewed = [...multihashes.slice(1).map(keyOfMultihash), ...keys.slice(1).map(keyOfValue)]
    expect(published.map(({ key }) => nameOf(key))).toEqual(renewed.map(nameOf))
    // Each is paid for before it goes.
    expect(spent).toHaveLength(6)
    for (const record of published.splice(0)) expect(spent).toContain(recordByteLength(record))
    await values.renew(signal, spend)
    expect(published).toEqual([])
    dead.clear()
    clock.ms += RENEWAL_RETRY_MS
    await values.renew(signal, spend)
    expect(published).toHaveLength(2)
  })
})
