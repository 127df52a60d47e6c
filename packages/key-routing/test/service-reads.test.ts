/** What searches say of their end: a failure is an error, and not that nobody has it; more that exist are told of. */
import { generateKeyPair } from '@libp2p/crypto/keys'
import { MemoryStore } from '@servent/libp2p-host'
import { type Contact, ContentId, parseQuery, type SharedFile } from '@servent/overlay'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { beforeAll, describe, expect, it } from 'vitest'
import { Announcer } from '../src/service-announcer.ts'
import { ServiceCommands } from '../src/service-commands.ts'
import { LOST_RETRY_MS, PUBLISHED_LIFETIME_MS, READ_TRIES_MAX } from '../src/service-constants.ts'
import { KeyContentRouting } from '../src/service-content-routing.ts'
import { ServiceReads } from '../src/service-reads.ts'
import { providerRecord, type Stamp, wordRecords } from '../src/service-sealing.ts'
import type { SearchExtent } from '../src/service-types.ts'
import type { ServiceValues } from '../src/service-values.ts'
import { COUNT_MAX } from '../src/store-constants.ts'
import type { StoredRecord } from '../src/store-messages.ts'
import type { RoutingNotice } from '../src/types.ts'
import { all, SmallCatalogue, until } from './mesh.ts'

type End = Pick<RoutingNotice & { type: 'records-end' }, 'total' | 'failure'>
const WALL = 1_800_000_000_000
const LEFT_MS = 10_000

let stamp: Stamp
let self: Contact
let file: SharedFile

beforeAll(async () => {
  const privateKey = await generateKeyPair('Ed25519')
  self = { id: privateKey.publicKey.toMultihash().bytes, addresses: [] }
  stamp = { privateKey, self, sequence: 1, expiresMs: WALL + 1000 }
  const id = ContentId.fromRoot(new Uint8Array(32).fill(3), 10)
  file = { index: 1, id, size: 10, name: 'blue song', type: 'text/plain', tags: {}, sha1: new Uint8Array(20) }
})

/** Reads over a machine that tells these records and then this end; without an end, the time is over after them. */
function reads(records: readonly StoredRecord[], ...ends: (End | undefined)[]): ServiceReads {
  let onLate = () => {}
  let tries = 0
  const commands: ServiceCommands = new ServiceCommands({
    command: ({ type }) => {
      if (type === 'give-up') return 1
      // The last of the ends is that of all further tries.
      const end = ends[Math.min(tries, ends.length - 1)]
      tries += 1
      setImmediate(() => {
        const total = end?.total ?? records.length + 1
        if (records.length > 0)
          commands.onNotice({ type: 'records', command: 1, records, total, hops: 1, elapsedMs: 1 })
        const traffic = { messages: 2, bytes: 20 }
        if (end === undefined) setImmediate(onLate)
        else commands.onNotice({ type: 'records-end', command: 1, traffic, ...end })
      })
      return 1
    }
  })
  return new ServiceReads({
    commands,
    readiness: { wait: async () => LEFT_MS },
    clock: {
      nowMs: () => 0,
      wallMs: () => WALL,
      setTimeout: (run, afterMs) => {
        if (afterMs === LEFT_MS) onLate = run
        else setImmediate(run)
      },
      clearTimeout: () => {}
    },
    overlay: 'chord',
    self: 'nobody'
  })
}

const LOST = { total: 0, failure: 'no-route' } as const

describe('a search', () => {
  it('that reached nobody is begun READ_TRIES_MAX times, and not where something came or it failed otherwise', async () => {
    const count = async (...ends: (End | undefined)[]) => {
      const traffic = { messages: 0, bytes: 0 }
      const search = all(reads([], ...ends).search(parseQuery('blue'), { traffic }))
      const why = await search.then(
        () => 'done',
        ({ message }: Error) => message
      )
      return [traffic.messages / 2, why.replace(/.*\(/, '(')]
    }
    const found: End = { total: 0 }
    expect(await count(LOST)).toEqual([READ_TRIES_MAX, '(no-route)'])
    expect(await count(LOST, found)).toEqual([2, 'done'])
    expect(await count({ total: 0, failure: 'budget' })).toEqual([1, '(budget)'])
    // Its time is over in the second try: nobody was reached yet.
    expect(await count(LOST, undefined)).toEqual([1, '(no-route)'])
  })

  it('tells what was found, and then that it came to no end', async () => {
    const extent: SearchExtent = { more: false }
    const traffic = { messages: 0, bytes: 0 }
    const found: string[] = []
    const search = async () => {
      const records = await wordRecords(file, stamp)
      const options = { extent, traffic }
      for await (const { record } of reads(records, LOST).search(parseQuery('blue'), options))
        found.push(record.name)
    }
    await expect(search()).rejects.toMatchObject({
      name: 'LookupError',
      message: expect.stringContaining('no-route')
    })
    expect(found).toEqual(['blue song'])
    expect([extent.more, traffic.messages]).toEqual([true, 2])
    await expect(all(reads([], LOST).findProviders(file.id.multihash, {}))).rejects.toThrow(
      'could be reached'
    )
  })

  it.each<[string, End | undefined, SearchExtent]>([
    ['all of it', { total: 2 }, { more: false, total: 2 }],
    ['one of more', { total: 3 }, { more: true, total: 3 }],
    ['one of more than a key may keep', { total: COUNT_MAX }, { more: true }],
    ['what came in its time', undefined, { more: true }]
  ])('says that it told of %s', async (_, end, expected) => {
    const extent: SearchExtent = { more: false }
    const [hits, records] = [[] as string[], await wordRecords(file, stamp)]
    for await (const { record } of reads(records, end).search(parseQuery('blue'), { extent }))
      hits.push(record.name)
    expect(hits).toEqual(['blue song'])
    expect(extent.more).toBe(expected.more)
    if (end !== undefined) expect(extent).toEqual(expected)
  })

  it('that ends at its limit says that more exist', async () => {
    const extent: SearchExtent = { more: false }
    const records = (await wordRecords(file, stamp)).slice(0, 1)
    const query = parseQuery('blue', { limit: 1 })
    expect(await all(reads(records, { total: 7 }).search(query, { extent }))).toHaveLength(1)
    expect(extent).toEqual({ more: true, total: 7 })
  })

  it('of libp2p ends where it fails, so that other routers go on', async () => {
    const routing = new KeyContentRouting(reads([], LOST), {} as ServiceValues, 'chord')
    const cid = CID.createV1(0x55, Digest.decode(file.id.multihash))
    expect(await all(routing.findProviders(cid))).toEqual([])
  })
})

describe('whether a file is announced', () => {
  const { signal } = new AbortController()

  it('is known where all providers were looked through, or this one is among them', async () => {
    const record = await providerRecord(file.id.multihash, stamp)
    const ask = (records: readonly StoredRecord[], end?: End) =>
      reads(records, end).isAnnounced(file.id, self, signal)
    expect(await ask([record], { total: 300 })).toBe(true)
    expect(await ask([], { total: 0 })).toBe(false)
    const other = { ...record, publisher: { id: Uint8Array.of(9), addresses: [] } }
    expect(await ask([other], { total: 1 })).toBe(false)
    expect(await ask([other], { total: 257 })).toBeUndefined()
    expect(await ask([], LOST)).toBeUndefined()
    expect(await ask([])).toBeUndefined()
  })

  /** A run after another one, which announced three files. */
  async function secondRun(known: (boolean | undefined)[]) {
    const store = new MemoryStore()
    const catalogue = new SmallCatalogue()
    for (const name of ['one', 'two', 'three']) catalogue.add(name)
    let nowMs = WALL
    const asked: string[] = []
    const start = (isKnown: () => boolean | undefined) => {
      const announcer = new Announcer({
        privateKey: stamp.privateKey,
        clock: {
          nowMs: () => nowMs,
          wallMs: () => nowMs,
          setTimeout: (run, ms) =>
            ms > LOST_RETRY_MS
              ? setTimeout(run, 5)
              : setImmediate(() => {
                  nowMs += ms
                  run()
                }),
          clearTimeout: timer => clearTimeout(timer as NodeJS.Timeout)
        },
        store,
        bytesPerS: 1_000_000,
        self: () => self,
        isReady: () => true,
        publish: async records => records.map(() => 'kept' as const),
        isKnown: async ({ name }) => {
          asked.push(name)
          return isKnown()
        },
        renewOthers: async () => {},
        onError: error => {
          throw error
        }
      })
      announcer.attach(catalogue)
      announcer.start()
      return announcer
    }
    const first = start(() => true)
    await until(() => first.progress.files === 3)
    await first.stop()
    expect(nowMs - WALL).toBeLessThan(PUBLISHED_LIFETIME_MS / 2)
    asked.length = 0
    const second = start(() => known.shift())
    await until(() => known.length === 0)
    // One more look through the catalogue.
    await new Promise(resolve => setTimeout(resolve, 30))
    await second.stop()
    return { announced: second.counters.filesAnnounced, asked }
  }

  it('that nobody could say throws nothing away, and is asked again', async () => {
    const { announced, asked } = await secondRun([
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
      true
    ])
    expect(announced).toBe(0)
    expect(asked).toEqual(['one', 'two', 'three', 'one', 'two', 'three'])
  })

  it('where it is not, all is announced again', async () => {
    const { announced, asked } = await secondRun([undefined, false])
    expect(announced).toBe(3)
    expect(asked).toEqual(['one', 'two'])
  })
})
