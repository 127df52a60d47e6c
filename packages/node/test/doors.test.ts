import { Duplex } from 'node:stream'
import { openDatabase } from '@servent/database'
import type { Library } from '@servent/library'
import type { CatalogueChange } from '@servent/overlay'
import { type Downloads, type FileServer, HTTP_PROTOCOL, type Ledger, SERVER_LIMITS } from '@servent/transfer'
import { expect, test } from 'vitest'
import * as connector from '../src/connector.ts'
import { LibraryDoor } from '../src/library-door.ts'
import { HTTP_STREAMS_PER_CONNECTION_MAX } from '../src/network-limits.ts'
import type { Levels } from '../src/participation.ts'
import { Transfers } from '../src/transfers.ts'
import { idOf } from './support/hits.ts'
import { all } from './support/nodes.ts'

test('a library that nobody opened shares nothing, and is opened once', async () => {
  let opened = 0
  let tell: (changes: readonly CatalogueChange[]) => void = () => {}
  const library = {
    totals: { files: 1, bytes: 2 },
    subscribe: (listener: typeof tell) => {
      tell = listener
    },
    stop: async () => {}
  } as unknown as Library
  const door = new LibraryDoor(async () => {
    opened += 1
    if (opened === 1) throw new Error('locked')
    return library
  }, openDatabase(':memory:'))
  const heard: number[] = []
  const unsubscribe = door.subscribe(changes => heard.push(changes.length))
  expect(door.totals).toEqual({ files: 0, bytes: 0 })
  expect([await door.get(idOf(1)), await door.open(idOf(1)), await all(door.files())]).toEqual([
    undefined,
    undefined,
    []
  ])
  expect([await door.byIndex(1), await door.bySha1(new Uint8Array(20))]).toEqual([undefined, undefined])
  expect(await door.match({ text: 'a', words: ['a'], limit: 1 }, 1)).toEqual([])

  await expect(door.opened()).rejects.toThrow('locked')
  expect(await Promise.all([door.opened(), door.opened()])).toEqual([library, library])
  expect([opened, door.totals]).toEqual([2, { files: 1, bytes: 2 }])
  tell([])
  unsubscribe()
  tell([])
  expect(heard).toEqual([0])
})

const closed: string[] = []
const ledger = { close: () => void closed.push('ledger') } as unknown as Ledger

test('a file server is made with the first stream; one that cannot be made ends the stream', async () => {
  const served: string[] = []
  let fails = true
  const transfers = new Transfers({
    openLedger: async () => ledger,
    openLevels: async () => undefined,
    openServer: async () => {
      if (fails) throw new Error('no http')
      return {
        serve: (_: Duplex, peerId: string) => served.push(peerId),
        uploads: () => [],
        stop: async () => {}
      } as unknown as FileServer
    },
    openDownloads: () => Promise.reject(new Error('no disk'))
  })
  const stream = () => new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() })
  const lost = stream()
  const closed = new Promise(resolve => lost.once('close', resolve))
  transfers.serve(lost, 'one')
  await closed
  fails = false
  transfers.serve(stream(), 'two')
  await expect.poll(() => served).toEqual(['two'])
  expect([transfers.uploading(), transfers.downloading()]).toEqual([[], []])
  await expect(transfers.downloads()).rejects.toThrow('no disk')
})

const levels = {
  own: () => ({ level: 10, band: 'Low' }),
  gave: (peer: string) => void told.push(peer),
  stop: async () => void closed.push('levels')
} as unknown as Levels
const told: string[] = []

test('after the end nothing is made any more, and levels end between transfers and their ledger', async () => {
  closed.length = 0
  const transfers = new Transfers({
    openLedger: async () => ledger,
    openLevels: async () => levels,
    openServer: () => Promise.reject(new Error('never')),
    openDownloads: async () =>
      ({ list: () => [], stop: async () => void closed.push('downloads') }) as unknown as Downloads
  })
  await transfers.downloads()
  await transfers.stopDownloads()
  await transfers.stopServer()
  expect(closed).toEqual(['downloads', 'levels', 'ledger'])
  await expect(transfers.downloads()).rejects.toThrow('This node stops.')
})

test('levels are opened once, with the server or with downloads; downloads do not wait for them', async () => {
  const opened: (Levels | undefined)[] = []
  const opening = Promise.withResolvers<Levels>()
  let count = 0
  let gave: (peer: string) => void = () => {}
  told.length = 0
  const transfers = new Transfers({
    openLedger: async () => ledger,
    openLevels: () => {
      count += 1
      return opening.promise
    },
    openServer: async (_, levels) => {
      opened.push(levels)
      return { serve() {}, uploads: () => [], stop: async () => {} } as unknown as FileServer
    },
    openDownloads: async (_, tell) => {
      gave = tell
      return { list: () => [], stop: async () => {} } as unknown as Downloads
    }
  })
  expect(count).toBe(0)
  await transfers.downloads()
  // Too early to be told, and no harm.
  gave('a')
  expect([transfers.participation(), count]).toEqual([undefined, 1])
  transfers.serve(new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() }), 'b')
  opening.resolve(levels)
  await expect.poll(() => opened).toEqual([levels])
  gave('a')
  expect([told, transfers.participation(), count]).toEqual([['a'], { level: 10, band: 'Low' }, 1])
  await transfers.stopDownloads()
  await transfers.stopServer()
})

test('what is said again here, so that transfers need not be loaded, is what they say', () => {
  expect(connector.HTTP_PROTOCOL).toBe(HTTP_PROTOCOL)
  expect(HTTP_STREAMS_PER_CONNECTION_MAX).toBe(SERVER_LIMITS.connectionsPerPeerMax)
})
