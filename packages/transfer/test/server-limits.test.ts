/** Every bound of the file server, at the limit and one past it, on real sockets. */
import { once } from 'node:events'
import { openDatabase } from '@servent/database'
import { afterEach, describe, expect, test } from 'vitest'
import {
  FileServer,
  type FileServerInit,
  Ledger,
  type Participation,
  type ServerLimits
} from '../src/index.ts'
import { Asker } from './helpers/ask.ts'
import { randomBytes, TestShare } from './helpers/share.ts'
import { readAll, socketPair } from './helpers/sockets.ts'

const MiB = 2 ** 20
const share = new TestShare()
const large = share.add('large.bin', randomBytes(24 * MiB))
const other = share.add('other.bin', randomBytes(24 * MiB, 2))
const small = share.add('small.txt', Buffer.from('small'))
const servers: FileServer[] = []

function serving(limits: Partial<ServerLimits>, init: Partial<FileServerInit> = {}): FileServer {
  const server = new FileServer({ catalogue: share, blocks: share, limits, ...init })
  servers.push(server)
  return server
}

afterEach(async () => {
  share.beforeRead = () => {}
  for (const server of servers.splice(0)) await server.stop()
})

async function isOpen(asker: Asker): Promise<boolean> {
  return asker.ask('/').then(
    () => true,
    () => false
  )
}

describe('streams', () => {
  test('of one peer', async () => {
    const server = serving({ connectionsPerPeerMax: 2 })
    const askers = [await Asker.connect(server), await Asker.connect(server), await Asker.connect(server)]
    expect(await Promise.all(askers.map(isOpen))).toEqual([true, true, false])
    expect(await isOpen(await Asker.connect(server, 'another'))).toBe(true)
    askers[0]!.close()
    await once(askers[0]!.socket, 'close')
    await expect.poll(async () => isOpen(await Asker.connect(server))).toBe(true)
  })

  test('in all', async () => {
    const server = serving({ connectionsMax: 2 })
    const askers = [
      await Asker.connect(server, 'a'),
      await Asker.connect(server, 'b'),
      await Asker.connect(server, 'c')
    ]
    expect(await Promise.all(askers.map(isOpen))).toEqual([true, true, false])
  })

  test('in all: one who gave takes the place of one who gave nothing, and of no giver', async () => {
    const ledger = new Ledger(openDatabase(':memory:'))
    for (const giver of ['giver', 'second giver', 'third giver']) ledger.gave(giver, MiB)
    const server = serving({ connectionsMax: 2 }, { ledger })
    const [a, b] = [await Asker.connect(server, 'a'), await Asker.connect(server, 'b')]
    expect(await isOpen(await Asker.connect(server, 'c'))).toBe(false)
    const giver = await Asker.connect(server, 'giver')
    await expect.poll(() => a.socket.destroyed).toBe(true)
    expect([await isOpen(giver), await isOpen(b)]).toEqual([true, true])
    const second = await Asker.connect(server, 'second giver')
    await expect.poll(() => b.socket.destroyed).toBe(true)
    expect(await isOpen(second)).toBe(true)
    expect(await isOpen(await Asker.connect(server, 'third giver'))).toBe(false)
    expect([await isOpen(giver), await isOpen(second)]).toEqual([true, true])
  })

  test('in all: who is being sent to keeps its place', async () => {
    const ledger = new Ledger(openDatabase(':memory:'))
    ledger.gave('giver', MiB)
    const server = serving({ connectionsMax: 1 }, { ledger, maxUploadBytesPerSecond: MiB })
    const sent = await Asker.connect(server, 'a')
    const answer = sent.ask(`/ipfs/${large.id}`).catch(() => undefined)
    await expect.poll(() => server.uploads().map(({ state }) => state)).toEqual(['sending'])
    expect(await isOpen(await Asker.connect(server, 'giver'))).toBe(false)
    expect(server.uploads()).toHaveLength(1)
    sent.close()
    await answer
  })

  test('none after it stopped', async () => {
    const server = serving({})
    await server.stop()
    expect(await isOpen(await Asker.connect(server))).toBe(false)
  })
})

describe('requests', () => {
  test('pipelined as many as may wait, and one past them cuts the stream', async () => {
    const server = serving({ requestsOutstandingMax: 3 })
    for (const count of [3, 4]) {
      const [near, far] = await socketPair()
      server.serve(far, 'peer')
      near.on('error', () => {})
      near.end('GET / HTTP/1.1\r\nHost:\r\n\r\n'.repeat(count))
      const text = (await readAll(near).catch(() => Buffer.alloc(0))).toString()
      const answers = text.split('HTTP/1.1 404').length - 1
      if (count === 3) expect(answers).toBe(3)
      else expect(answers).toBeLessThan(4)
    }
  })

  test('headers at the bound pass, one byte more is refused', async () => {
    const server = serving({ headerBytesMax: 1024 })
    const head = async (bytes: number) => {
      const [near, far] = await socketPair()
      server.serve(far, 'peer')
      // The parser counts the target, the names and the values: here "/", "Host", "Connection", "close" and "X".
      const value = 'x'.repeat(bytes - '/HostConnectioncloseX'.length)
      near.end(`GET / HTTP/1.1\r\nHost:\r\nConnection: close\r\nX: ${value}\r\n\r\n`)
      return (await readAll(near)).toString().slice(9, 12)
    }
    expect(await head(1023)).toBe('404')
    expect(await head(1024)).toBe('431')
  })

  test('nonsense is refused and the stream is cut', async () => {
    const server = serving({})
    const [near, far] = await socketPair()
    server.serve(far, 'peer')
    near.write('\x13BitTorrent protocol')
    expect((await readAll(near)).toString()).toMatch(/^HTTP\/1\.1 400 /)
  })
})

describe('deadlines', () => {
  test('a request that dribbles in is cut at its deadline, and each byte does not renew it', async () => {
    const server = serving({ headerDeadlineMs: 150, idleMs: 10_000 })
    const [near, far] = await socketPair()
    server.serve(far, 'peer')
    near.on('error', () => {})
    const startMs = performance.now()
    near.write('GET /')
    const timer = setInterval(() => near.write('a'), 20)
    await once(near.resume(), 'close')
    clearInterval(timer)
    expect(performance.now() - startMs).toBeGreaterThan(140)
    expect(performance.now() - startMs).toBeLessThan(2_000)
  })

  test('five hundred that dribble do not keep an honest peer waiting, and are all gone in time', async () => {
    const server = serving({ headerDeadlineMs: 500, connectionsPerPeerMax: 10 })
    const honest = await Asker.connect(server, 'honest')
    const closed: Promise<unknown>[] = []
    const sockets = []
    for (let index = 0; index < 250; index += 1) {
      const [near, far] = await socketPair()
      server.serve(far, `slow-${index}`)
      near.on('error', () => {})
      near.write('GET /')
      sockets.push(near)
      closed.push(once(near.resume(), 'close'))
    }
    const startMs = performance.now()
    expect((await honest.ask(`/ipfs/${small.id}`)).body.toString()).toBe('small')
    expect(performance.now() - startMs).toBeLessThan(500)
    await Promise.all(closed)
    expect((await honest.ask(`/ipfs/${small.id}`)).status).toBe(200)
  })

  test('a stream on which nothing is asked is cut after its idle time, before and between requests', async () => {
    const server = serving({ idleMs: 100 })
    const silent = await Asker.connect(server)
    await once(silent.socket.resume(), 'close')
    const asker = await Asker.connect(server)
    expect(await isOpen(asker)).toBe(true)
    await once(asker.socket, 'close')
  })

  test('a client that reads nothing is cut, and its slot is free', async () => {
    const server = serving({ slotsMax: 1, stallMs: 100, rateBytesPerSecondMin: 16 * MiB })
    const stuck = await Asker.connect(server, 'stuck')
    expect(await stuck.hold(`/ipfs/${large.id}`)).toBe(200)
    const asker = await Asker.connect(server, 'honest')
    await expect
      .poll(async () => (await asker.ask(`/ipfs/${small.id}`)).status, { timeout: 10_000, interval: 100 })
      .toBe(200)
  })

  test('a client that leaves frees its slot and the file', async () => {
    const server = serving({ slotsMax: 1 })
    const leaving = await Asker.connect(server, 'leaving')
    await leaving.hold(`/ipfs/${large.id}`)
    expect(server.uploads()).toMatchObject([{ peer: 'leaving', state: 'sending', totalBytes: 24 * MiB }])
    leaving.close()
    await expect.poll(() => server.uploads()).toEqual([])
    expect(share.openReaders).toBe(0)
  })
})

describe('the queue', () => {
  test('says in X-Queue where one stands, and uploads() shows it', async () => {
    const server = serving({ slotsMax: 1, queuePollMinMs: 5_000, queuePollMaxMs: 60_000 })
    const first = await Asker.connect(server, 'first')
    await first.hold(`/ipfs/${large.id}`)
    const second = await Asker.connect(server, 'second')
    const answer = await second.ask(`/ipfs/${other.id}`)
    expect(answer).toMatchObject({
      status: 503,
      headers: { 'retry-after': '5', 'x-queue': 'position=1,length=1,limit=1,pollMin=5,pollMax=60' }
    })
    expect(answer.body.toString()).toMatch(/You have place 1; ask again in 5 to 60 seconds/)
    expect(server.uploads()).toMatchObject([
      { peer: 'first', state: 'sending', id: large.id.toString() },
      { peer: 'second', state: 'queued', id: other.id.toString(), name: 'other.bin', position: 1 }
    ])
    // Heads and hashes need no slot.
    expect((await second.ask(`/ipfs/${other.id}`, {}, 'HEAD')).status).toBe(200)
    expect((await second.ask(`/servent/hashes/${other.id}?height=6&index=0&count=32`)).status).toBe(200)
  })

  test('that is full gives no place', async () => {
    const server = serving({ slotsMax: 1, queuePlacesMax: 1, queuePollMaxMs: 60_000 })
    await (await Asker.connect(server, 'first')).hold(`/ipfs/${large.id}`)
    expect(
      (await (await Asker.connect(server, 'second')).ask(`/ipfs/${other.id}`)).headers['x-queue']
    ).toBeDefined()
    const third = await (await Asker.connect(server, 'third')).ask(`/ipfs/${other.id}`)
    expect(third).toMatchObject({ status: 503, headers: { 'retry-after': '60' } })
    expect(third.headers['x-queue']).toBeUndefined()
  })
})

describe('hashes', () => {
  const path = (count: number, height = 6) =>
    `/servent/hashes/${large.id}?height=${height}&index=0&count=${count}`

  test('as many as may be asked for, and twice as many', async () => {
    const asker = await Asker.connect(serving({ hashesMax: 16 }))
    expect((await asker.ask(path(16))).status).toBe(200)
    expect((await asker.ask(path(32))).status).toBe(400)
  })

  test('below the layer of 1 MiB, of as many bytes as may be read, and twice as many', async () => {
    const asker = await Asker.connect(serving({ hashedBytesMax: MiB }))
    expect((await asker.ask(path(128, 0))).status).toBe(400)
    const one = await asker.ask(path(64, 0))
    expect(one.status).toBe(200)
    expect(one.body).toHaveLength((64 + 5) * 32)
  })

  test('as many at once as may be, of one peer and in all', async () => {
    const server = serving({ hashRequestsMax: 2, hashRequestsPerPeerMax: 1 })
    const held: (() => void)[] = []
    const open = share.open.bind(share)
    share.open = async id => {
      await new Promise<void>(resolve => held.push(resolve))
      return open(id)
    }
    const ask = async (peer: string) => (await Asker.connect(server, peer)).ask(path(32))
    const a = ask('a')
    await expect.poll(() => held.length).toBe(1)
    expect(await ask('a')).toMatchObject({ status: 503, headers: { 'retry-after': '1' } })
    const b = ask('b')
    await expect.poll(() => held.length).toBe(2)
    expect((await ask('c')).status).toBe(503)
    share.open = open
    for (const go of held) go()
    expect([(await a).status, (await b).status, (await ask('c')).status]).toEqual([200, 200, 200])
  })
})

test('a cap on the rate is shared fairly by all uploads', async () => {
  const server = serving({}, { maxUploadBytesPerSecond: 8 * MiB })
  const askers = await Promise.all(['a', 'b'].map(peer => Asker.connect(server, peer)))
  const received = askers.map(asker => {
    let bytes = 0
    asker.socket.on('data', chunk => {
      bytes += chunk.length
    })
    return () => bytes
  })
  const startMs = performance.now()
  const answers = askers.map(asker => asker.ask(`/ipfs/${large.id}`, { range: `bytes=0-${4 * MiB - 1}` }))
  await Promise.race(answers)
  const seconds = (performance.now() - startMs) / 1000
  const [a, b] = received.map(read => read()) as [number, number]
  expect((a + b) / seconds / MiB).toBeLessThan(10)
  expect(Math.min(a, b) / Math.max(a, b)).toBeGreaterThan(0.8)
  await Promise.all(answers)
})

test('a cap for each peer: its uploads share it, and those of others have their own', async () => {
  const server = serving({}, { maxUploadBytesPerSecondPerPeer: 2 * MiB })
  const askers = await Promise.all(['a', 'a', 'b'].map(peer => Asker.connect(server, peer)))
  const startMs = performance.now()
  const secondsOf = askers.map(async asker => {
    await asker.ask(`/ipfs/${large.id}`, { range: `bytes=0-${2 * MiB - 1}` })
    return (performance.now() - startMs) / 1000
  })
  const [one, other, alone] = (await Promise.all(secondsOf)) as [number, number, number]
  expect(Math.max(one, other)).toBeGreaterThan(1.7)
  expect(alone).toBeGreaterThan(0.8)
  expect(alone).toBeLessThan(Math.max(one, other))
})

test('what was sent is on the account of who took it, a part where it left, and a giver goes first', async () => {
  const database = openDatabase(':memory:')
  const ledger = new Ledger(database)
  ledger.gave('giver', 5 * MiB)
  const server = serving({ slotsMax: 1, slotLingerMs: 1 }, { ledger })
  const a = await Asker.connect(server, 'a')
  await a.ask(`/ipfs/${large.id}`, { range: `bytes=0-${MiB - 1}` })
  await expect.poll(() => ledger.of('a').takenBytes).toBe(MiB)
  await a.hold(`/ipfs/${large.id}`)
  const strangers = await Promise.all(['b', 'c'].map(peer => Asker.connect(server, peer)))
  for (const stranger of strangers) expect((await stranger.ask(`/ipfs/${large.id}`)).status).toBe(503)
  const giver = await Asker.connect(server, 'giver')
  const answer = await giver.ask(`/ipfs/${large.id}`)
  expect(answer.status).toBe(503)
  expect(answer.headers).toMatchObject({
    'x-queue': expect.stringMatching(/^position=1,length=3,/),
    'x-servent-standing': 'giver; given=5242880; taken=0'
  })
  expect(server.uploads().map(({ peer, state, standing }) => [peer, state, standing])).toEqual([
    ['a', 'sending', 'newcomer'],
    ['giver', 'queued', 'giver'],
    ['b', 'queued', 'newcomer'],
    ['c', 'queued', 'newcomer']
  ])
  expect(answer.headers['x-servent-level']).toBeUndefined()
  expect(server.uploads()[0]).not.toHaveProperty('level')
  a.close()
  // Whatever it says of itself, it took what went out.
  await expect.poll(() => ledger.of('a').takenBytes).toBeGreaterThan(MiB)
  database.close()
})

test('where participation is known it says who goes first, and the ledger counts all the same', async () => {
  const database = openDatabase(':memory:')
  const ledger = new Ledger(database)
  ledger.gave('local giver', 5 * MiB)
  const levels: Record<string, number> = { high: 200, deity: 900, low: 3 }
  const levelOf = (peer: string) => levels[peer] ?? 10
  const participation: Participation = {
    levelOf,
    standingOf: peer => (levelOf(peer) > 10 ? 'giver' : levelOf(peer) < 10 ? 'freeloader' : 'newcomer'),
    bandOf: level => (level > 500 ? 'Deity' : level > 100 ? 'High' : 'Low')
  }
  const server = serving({ slotsMax: 1, slotLingerMs: 1, connectionsMax: 6 }, { ledger, participation })
  const a = await Asker.connect(server, 'a')
  await a.hold(`/ipfs/${large.id}`)
  const ask = async (peer: string) => (await Asker.connect(server, peer)).ask(`/ipfs/${large.id}`)
  const low = await Asker.connect(server, 'low')
  expect((await low.ask(`/ipfs/${large.id}`)).headers).toMatchObject({
    'x-servent-standing': 'freeloader; given=0; taken=0',
    'x-servent-level': '3; band=Low'
  })
  for (const peer of ['local giver', 'high']) expect((await ask(peer)).status).toBe(503)
  expect((await ask('deity')).headers).toMatchObject({
    'x-queue': expect.stringMatching(/^position=1,length=4,/),
    'x-servent-standing': 'giver; given=0; taken=0',
    'x-servent-level': '900; band=Deity'
  })
  expect(server.uploads().map(({ peer, standing, level, band }) => [peer, standing, level, band])).toEqual([
    ['a', 'newcomer', 10, 'Low'],
    ['deity', 'giver', 900, 'Deity'],
    ['high', 'giver', 200, 'High'],
    ['local giver', 'newcomer', 10, 'Low'],
    ['low', 'freeloader', 3, 'Low']
  ])
  expect(server.uploads()[3]).toMatchObject({ givenBytes: 5 * MiB })
  // For streams, too: a sixth is free, and instead of a seventh a giver takes the place of one who is none.
  expect(await isOpen(await Asker.connect(server, 'n'))).toBe(true)
  expect(await isOpen(await Asker.connect(server, 'o'))).toBe(false)
  const another = await Asker.connect(server, 'deity')
  await expect.poll(() => low.socket.destroyed).toBe(true)
  expect(await isOpen(another)).toBe(true)
  a.close()
  await expect.poll(() => ledger.of('a').takenBytes).toBeGreaterThan(0)
  database.close()
})
