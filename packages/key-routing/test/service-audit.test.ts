/** Records whose keepers all died: their publisher finds out, and tells of them again. */
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { type Contact, keyOfContent, keyOfWord } from '@servent/overlay'
import { beforeAll, describe, expect, it } from 'vitest'
import { nameOf } from '../src/records.ts'
import { Announcer } from '../src/service-announcer.ts'
import { Audit, type Audited } from '../src/service-audit.ts'
import {
  AUDIT_BURST_BYTES,
  AUDIT_BYTES_PER_S,
  AUDIT_OLDER_MS,
  AUDIT_PASS_MS,
  PUBLISHED_LIFETIME_MS
} from '../src/service-constants.ts'
import type { PublishOutcome } from '../src/service-outcomes.ts'
import { OwnRecords } from '../src/service-own.ts'
import { bytesOf } from '../src/service-telling.ts'
import { ServiceValues } from '../src/service-values.ts'
import type { StoredRecord } from '../src/store-messages.ts'
import { Validators } from '../src/validators.ts'
import { SmallCatalogue, until } from './mesh.ts'

const START_MS = 1_700_000_000_000
let privateKey: PrivateKey
let self: Contact

beforeAll(async () => {
  privateKey = await generateKeyPair('Ed25519')
  self = { id: privateKey.publicKey.toMultihash().bytes, addresses: [] }
})

/** Goes on when somebody waits, until `endMs`: then nobody's time comes. */
function clockUntil(endMs: number) {
  let ms = START_MS
  return {
    nowMs: () => ms,
    wallMs: () => ms,
    setTimeout: (run: () => void, afterMs: number) =>
      setImmediate(() => {
        if (ms + afterMs > endMs) return
        ms += afterMs
        run()
      }),
    clearTimeout: (timer: unknown) => clearImmediate(timer as NodeJS.Immediate)
  }
}

/** A network that keeps what is not older than what it has, as a root does: the same again is kept, too. */
class Keepers {
  readonly kept = new Map<string, StoredRecord>()
  readonly told: {
    readonly atMs: number
    readonly record: StoredRecord
    readonly outcome: PublishOutcome
  }[] = []

  publish(records: readonly StoredRecord[], atMs: number): PublishOutcome[] {
    return records.map(record => {
      const name = `${record.kind} ${nameOf(record.key)} ${nameOf(record.subject)}`
      const there = this.kept.get(name)
      const outcome = there !== undefined && there.sequence > record.sequence ? 'older' : 'kept'
      if (outcome === 'kept') this.kept.set(name, record)
      this.told.push({ atMs, record, outcome })
      return outcome
    })
  }

  lose(key: Uint8Array): number {
    const names = [...this.kept]
      .filter(([, record]) => nameOf(record.key) === nameOf(key))
      .map(([name]) => name)
    for (const name of names) this.kept.delete(name)
    return names.length
  }
}

const tick = () => new Promise(resolve => setImmediate(resolve))

describe('a file that was announced', () => {
  async function announced(lastsMs: number, files = ['kind of blue', 'in a silent way']) {
    const clock = clockUntil(START_MS + lastsMs)
    const keepers = new Keepers()
    const announcer = new Announcer({
      privateKey,
      clock,
      store: undefined,
      bytesPerS: 2 ** 20,
      self: () => self,
      isReady: () => true,
      publish: async records => keepers.publish(records, clock.nowMs()),
      isKnown: async () => true,
      renewOthers: async () => {},
      audits: { isAmongOthers: () => true, others: () => [] },
      onError: error => {
        throw error
      }
    })
    const catalogue = new SmallCatalogue()
    const shared = files.map(name => catalogue.add(name))
    announcer.attach(catalogue)
    announcer.start()
    await until(() => announcer.progress.files === files.length)
    return { announcer, catalogue, shared, keepers }
  }

  it('is told of again within two passes where a keeper lost it, and what is there is left as it is', async () => {
    const { announcer, shared, keepers } = await announced(600 * AUDIT_PASS_MS)
    const all = keepers.kept.size
    const [lost] = shared
    expect(keepers.lose(keyOfContent(lost!.id)) + keepers.lose(keyOfWord('kind'))).toBe(2)
    await until(() => keepers.kept.size === all)
    await until(() => announcer.counters.filesAnnounced === 3)
    // Announced anew, it is missed no more, however long one looks.
    const audited = announcer.counters.recordsAudited!
    await until(() => announcer.counters.recordsAudited! >= audited + 20 * all)
    expect(announcer.counters).toMatchObject({ recordsMissed: 2, filesAnnounced: 3 })
    expect(announcer.progress.files).toBe(2)
    await announcer.stop()
  })

  it('and is shared no more is not told of again', async () => {
    const { announcer, catalogue, shared, keepers } = await announced(600 * AUDIT_PASS_MS)
    const [file] = shared
    catalogue.remove(file!)
    await until(() => announcer.counters.filesWithdrawn === 1)
    const audited = announcer.counters.recordsAudited!
    await until(() => announcer.counters.recordsAudited! > audited + 8)
    const key = nameOf(keyOfContent(file!.id))
    const [last] = keepers.told.filter(({ record }) => nameOf(record.key) === key).slice(-1)
    expect(last!.record.withdrawn).toBe(true)
    await announcer.stop()
  })
})

describe('a pass over what was announced', () => {
  const things = (count: number, kind: 'provider' | 'word' = 'provider'): Audited[] =>
    Array.from({ length: count }, (_, serial) => ({
      expiresMs: START_MS + PUBLISHED_LIFETIME_MS,
      missed: () => {},
      records: async stamp => [
        {
          ...stamp,
          kind,
          key: Uint8Array.from({ length: 32 }, () => serial % 256),
          publisher: self,
          subject: Uint8Array.from({ length: 32 }, (_, at) => (at === 0 ? serial >> 8 : 1)),
          body: new Uint8Array(200)
        }
      ]
    }))

  async function audited(
    all: Audited[],
    { lastsMs = 10 * AUDIT_PASS_MS, isAmongOthers = true, missed = (_: number): boolean => false } = {}
  ) {
    const clock = clockUntil(START_MS + lastsMs)
    const told: { readonly atMs: number; readonly bytes: number; readonly isHurried: boolean }[] = []
    const stop = new AbortController()
    let hurried = false
    const audit = new Audit({
      clock,
      isAmongOthers: () => isAmongOthers,
      announced: async function* () {
        yield* all
      },
      publish: async records => {
        told.push({ atMs: clock.nowMs() - START_MS, bytes: bytesOf(records), isHurried: hurried })
        hurried = false
        return records.map(() => (missed(told.length) ? 'kept' : 'older'))
      },
      spend: async () => {
        hurried = true
      },
      onError: error => errors.push(error.message)
    })
    const errors: string[] = []
    const ran = audit.run(stop.signal).catch(() => {})
    for (let quiet = 0, last = -1; quiet < 50; quiet = told.length === last ? quiet + 1 : 0) {
      last = told.length
      await tick()
    }
    stop.abort()
    await ran
    return { told, errors, counters: audit.counters }
  }

  it('begins AUDIT_PASS_MS after the one before, however little there is', async () => {
    const { told } = await audited(things(2), { lastsMs: 3.5 * AUDIT_PASS_MS })
    expect(told.map(({ atMs }) => atMs)).toEqual([0, 0, 1, 1, 2, 2, 3, 3].map(pass => pass * AUDIT_PASS_MS))
  })

  it('goes no faster than AUDIT_BYTES_PER_S, but for AUDIT_BURST_BYTES', async () => {
    const { told } = await audited(things(400), { lastsMs: 20 * AUDIT_PASS_MS })
    const bytes = told.reduce((sum, one) => sum + one.bytes, 0)
    const seconds = told.at(-1)!.atMs / 1000
    expect(bytes).toBeGreaterThan(2 * AUDIT_BURST_BYTES)
    expect(bytes).toBeLessThanOrEqual(AUDIT_BURST_BYTES + AUDIT_BYTES_PER_S * (seconds + 1) + told[0]!.bytes)
    expect(bytes).toBeGreaterThan(AUDIT_BYTES_PER_S * seconds)
  })

  it('goes as fast as announcing once something is missed, over everything once more, and then slowly again', async () => {
    const { told, counters } = await audited(things(40), { missed: count => count === 5 })
    const isHurried = told.map(one => one.isHurried)
    expect(isHurried.slice(0, 5)).toEqual(Array(5).fill(false))
    // The rest of the first pass, and the second one, which begins at once.
    expect(isHurried.slice(5, 80)).toEqual(Array(75).fill(true))
    expect(told[79]!.atMs - told[5]!.atMs).toBeLessThan(10)
    expect(isHurried.slice(80).some(Boolean)).toBe(false)
    expect(told[80]!.atMs).toBeGreaterThanOrEqual(AUDIT_PASS_MS)
    expect(counters.recordsMissed).toBe(1)
  })

  it('that misses everything hurries no further than that', async () => {
    const { told } = await audited(things(10), { lastsMs: 2.5 * AUDIT_PASS_MS, missed: () => true })
    // Two passes at a time, and a rest.
    expect(new Set(told.map(({ atMs }) => Math.floor(atMs / AUDIT_PASS_MS))).size).toBe(3)
    expect(told.length).toBeLessThanOrEqual(60)
  })

  it('does not hurry for words, which may only have had no room', async () => {
    const { told, counters } = await audited(things(10, 'word'), { missed: () => true })
    expect(told.some(({ isHurried }) => isHurried)).toBe(false)
    expect(counters.recordsMissed).toBe(told.length)
  })

  it('that fails is begun again after its time', async () => {
    const [first, broken] = things(2)
    const fails = { ...broken!, records: () => Promise.reject(new Error('The catalogue is busy.')) }
    const { told, errors } = await audited([first!, fails], { lastsMs: 2.5 * AUDIT_PASS_MS })
    expect(told.map(({ atMs }) => atMs)).toEqual([0, AUDIT_PASS_MS, 2 * AUDIT_PASS_MS])
    expect(errors).toEqual(Array(3).fill('The catalogue is busy.'))
  })

  it('tells nobody where nobody is, nor of what has expired', async () => {
    expect((await audited(things(5), { isAmongOthers: false })).told).toEqual([])
    const old = things(5).map(one => ({ ...one, expiresMs: START_MS }))
    expect((await audited(old)).told).toEqual([])
  })
})

it('what is provided is remembered with the moment of its record', () => {
  const own = new OwnRecords()
  own.provide(Uint8Array.of(1), START_MS)
  own.provide(Uint8Array.of(2), START_MS + 5)
  expect(own.allProvided.map(({ bytes, toldMs }) => [bytes[0], toldMs])).toEqual([
    [1, START_MS],
    [2, START_MS + 5]
  ])
  own.cancel(Uint8Array.of(1))
  expect(own.allProvided).toHaveLength(1)
})

it('a record that is looked after is AUDIT_OLDER_MS older than what was announced, and valid as long', async () => {
  const stop = new AbortController()
  const expiresMs = START_MS + PUBLISHED_LIFETIME_MS
  const stamps: { sequence: number; expiresMs: number }[] = []
  const audit = new Audit({
    clock: clockUntil(START_MS),
    isAmongOthers: () => true,
    announced: async function* () {
      yield {
        expiresMs,
        missed: () => {},
        records: async stamp => {
          stamps.push(stamp)
          return undefined
        }
      }
    },
    publish: async () => [],
    spend: async () => {},
    onError: () => {}
  })
  const ran = audit.run(stop.signal).catch(() => {})
  await until(() => stamps.length > 0)
  stop.abort()
  await ran
  expect(stamps[0]).toEqual({ sequence: START_MS - AUDIT_OLDER_MS, expiresMs })
})

it('a content that was missed is due at once, and is not looked after until it was told anew; nor is one taken back', async () => {
  const wallMs = START_MS + 5000
  const values = new ServiceValues({
    commands: undefined as never,
    readiness: { wait: async () => 0 },
    clock: { ...clockUntil(START_MS), wallMs: () => wallMs },
    overlay: 'chord',
    self: 'nobody',
    stamp: () => ({ privateKey, self, sequence: wallMs, expiresMs: wallMs + PUBLISHED_LIFETIME_MS }),
    validators: new Validators(undefined, undefined)
  })
  const contents = [1, 2].map(byte => Uint8Array.of(0x12, 1, byte))
  for (const content of contents) values.own.provide(content, START_MS)
  let due = 0
  const all = [
    ...values.audited(() => {
      due += 1
    })
  ]
  const stamp = { sequence: START_MS - AUDIT_OLDER_MS, expiresMs: all[0]!.expiresMs }
  expect(all.map(({ expiresMs }) => expiresMs)).toEqual(Array(2).fill(START_MS + PUBLISHED_LIFETIME_MS))
  expect(await all[0]!.records(stamp)).toMatchObject([{ kind: 'provider', ...stamp }])
  all[0]!.missed()
  expect([due, values.own.dueProvided(wallMs).map(({ bytes }) => bytes)]).toEqual([1, [contents[0]]])
  expect(await all[0]!.records(stamp)).toBeUndefined()
  values.own.cancel(contents[1]!)
  expect(await all[1]!.records(stamp)).toBeUndefined()
})
