/** What strangers try against an introducer: each time it says why not, calls nobody, and goes on for others. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Ed25519PrivateKey } from '@libp2p/interface'
import { RecordEnvelope } from '@libp2p/peer-record'
import { multiaddr } from '@multiformats/multiaddr'
import { systemClock } from '@servent/libp2p-host'
import { CONTACT_ADDRESSES_MAX } from '@servent/overlay'
import { describe, expect, onTestFinished, test } from 'vitest'
import { openAnnouncement, sealAnnouncement } from '../src/announcement.ts'
import { startIntroducer } from '../src/index.ts'
import { Introducer } from '../src/introducer.ts'
import {
  ANNOUNCED_OVERLAYS_MAX,
  ANNOUNCEMENT_BYTES_MAX,
  ANNOUNCEMENT_SKEW_MS_MAX,
  NAME_CHARACTERS_MAX,
  NONCE_CHARACTERS_MAX,
  PEER_LIST_LIMITS,
  PROVEN_ADDRESSES_MAX,
  QUERY_OVERLAYS_MAX,
  REQUEST_BODY_BYTES_MAX,
  REQUEST_HEADER_BYTES_MAX,
  REQUESTS_PER_CONNECTION_MAX,
  SERVER_LIMITS,
  TARGET_CHARACTERS_MAX,
  WITHDRAWALS_REMEMBERED_MAX
} from '../src/limits.ts'
import { ListStore } from '../src/list-store.ts'
import { Withdrawals } from '../src/withdrawals.ts'
import {
  announce,
  announcementOf,
  GNUTELLA,
  introducer,
  openTestDatabase,
  peer,
  type SayOptions,
  say,
  type TestIntroducer
} from './support/introducers.ts'

const JSON_TYPE = { 'content-type': 'application/json' }
const post = (server: TestIntroducer, body: string, more: SayOptions = {}) =>
  say(server, { method: 'POST', path: '/v1/announce', headers: JSON_TYPE, body, ...more })
const codeOf = (said: { json: { error: { code: string } } }) => said.json.error.code

describe('an introducer calls nobody but who asks', () => {
  test('a third party is not called, by whatever address it is named', async () => {
    const server = await introducer()
    const [one, victim] = [await peer('127.0.0.1'), await peer('127.0.0.9')]
    const port = victim.address.split('/').at(-1)
    const ways = [
      victim.address,
      `/ip6/::ffff:127.0.0.9/tcp/${port}`,
      `/dns4/localhost/tcp/${port}`,
      `${one.address}/p2p/${one.id}/p2p-circuit`,
      `/ip4/127.0.0.1/tcp/${port}/p2p/${victim.id}`,
      `/ip4/127.0.0.1/udp/${port}`
    ]
    for (const address of ways) {
      const said = await announce(server, await announcementOf(one, { addresses: [address] }))
      expect([address, said.status, codeOf(said)]).toEqual([address, 403, 'no-address'])
    }
    expect(victim.calls()).toBe(0)
    expect(server.size()).toBe(0)
  })

  test('of a list of addresses those of its own host are called, PROVEN_ADDRESSES_MAX at most', async () => {
    const called: string[] = []
    const own = await introducerWith(async (_, addresses) => {
      called.push(...addresses.map(String))
      return addresses
    })
    const key = await generateKeyPair('Ed25519')
    const addresses = [5, 6, 7].map(port => `/ip4/8.8.8.8/tcp/${port}`)
    const sealed = await sealAnnouncement(
      {
        peerId: own.idOf(key),
        addresses: ['/ip4/8.8.4.4/tcp/4', ...addresses, '/ip4/10.0.0.1/tcp/9'],
        overlays: GNUTELLA,
        issuedMs: Date.now()
      },
      key
    )
    const answer = await own.introducer.announce(sealed, multiaddr('/ip4/8.8.8.8'))
    expect(called).toEqual(addresses.slice(0, PROVEN_ADDRESSES_MAX))
    expect(answer.addresses).toEqual(called)
  })

  test('a public introducer takes nobody from a private network', async () => {
    const own = await introducerWith(async (_, addresses) => addresses)
    const key = await generateKeyPair('Ed25519')
    const addresses = ['/ip4/192.168.1.5/tcp/1', '/ip4/8.8.8.8/tcp/1']
    const sealed = await sealAnnouncement(
      { peerId: own.idOf(key), addresses, overlays: GNUTELLA, issuedMs: Date.now() },
      key
    )
    await expect(own.introducer.announce(sealed, multiaddr('/ip4/192.168.1.5'))).rejects.toMatchObject({
      code: 'private-address',
      status: 403
    })
    // An address of a /64 is its neighbour's: machines call from one, and are called at another.
    const six = await sealAnnouncement(
      {
        peerId: own.idOf(key),
        addresses: ['/ip6/2600:1:2:3::1/tcp/1', '/ip6/2600:1:2:4::1/tcp/1'],
        overlays: GNUTELLA,
        issuedMs: Date.now()
      },
      key
    )
    const answer = await own.introducer.announce(six, multiaddr('/ip6/2600:1:2:3::77'))
    expect(answer.addresses).toEqual(['/ip6/2600:1:2:3::1/tcp/1'])
  })

  test('a peer with both families has both listed, each proven from its own', async () => {
    const own = await introducerWith(async (_, addresses) => addresses)
    const key = await generateKeyPair('Ed25519')
    const addresses = ['/ip4/8.8.8.8/tcp/1', '/ip6/2600:1:2:3::1/tcp/1']
    const sealed = (issuedMs: number) =>
      sealAnnouncement({ peerId: own.idOf(key), addresses, overlays: GNUTELLA, issuedMs }, key)
    const nowMs = Date.now()
    const first = await own.introducer.announce(await sealed(nowMs), multiaddr('/ip4/8.8.8.8'))
    expect(first.addresses).toEqual([addresses[0]])
    const second = await own.introducer.announce(await sealed(nowMs + 1), multiaddr('/ip6/2600:1:2:3::1'))
    expect([...second.addresses].sort()).toEqual(addresses)
  })

  test('proofsMax at a time, proofsPerNetworkMax of one network, and one of each peer', async () => {
    const waiting: (() => void)[] = []
    const own = await introducerWith(
      (_, addresses) => new Promise(resolve => waiting.push(() => resolve(addresses))),
      { proofsMax: 2, proofsPerNetworkMax: 1 }
    )
    const from = async (host: string, key = '') => {
      const privateKey = await own.keyNamed(key || host)
      const sealed = await sealAnnouncement(
        {
          peerId: own.idOf(privateKey),
          addresses: [`/ip4/${host}/tcp/1`],
          overlays: GNUTELLA,
          issuedMs: Date.now()
        },
        privateKey
      )
      return own.introducer.announce(sealed, multiaddr(`/ip4/${host}`)).then(
        () => 'listed',
        error => error.code as string
      )
    }
    const first = from('8.8.8.1')
    await expect.poll(() => waiting.length).toBe(1)
    expect(await from('8.8.8.2')).toBe('busy')
    expect(await from('9.9.9.9', '8.8.8.1')).toBe('busy')
    const second = from('8.8.9.1')
    await expect.poll(() => waiting.length).toBe(2)
    expect(await from('8.8.10.1')).toBe('busy')
    for (const go of waiting) go()
    expect(await Promise.all([first, second])).toEqual(['listed', 'listed'])
  })
})

describe('announcements that are not what they say', () => {
  test('unsigned, forged, cut, extended or of another kind', async () => {
    const server = await introducer()
    const one = await peer()
    const sealed = await announcementOf(one)
    const flipped = Uint8Array.from(sealed)
    flipped[sealed.length - 1]! ^= 1
    const other = await generateKeyPair('Ed25519')
    const envelope = RecordEnvelope.createFromProtobuf(sealed)
    const posing = await RecordEnvelope.seal(
      {
        domain: 'servent-announcement',
        codec: envelope.payloadType,
        marshal: () => envelope.payload,
        equals: () => false
      },
      other
    )
    const kind = await RecordEnvelope.seal(
      {
        domain: 'libp2p-peer-record',
        codec: envelope.payloadType,
        marshal: () => envelope.payload,
        equals: () => false
      },
      one.key
    )
    const bad = [
      new Uint8Array(),
      flipped,
      sealed.subarray(0, -1),
      Uint8Array.of(...sealed, 0x7a, 1, 1),
      posing.marshal(),
      kind.marshal()
    ]
    for (const bytes of bad) {
      const said = await announce(server, bytes)
      expect([said.status, codeOf(said)]).toEqual([400, 'malformed'])
    }
    expect([one.calls(), server.size()]).toEqual([0, 0])
  })

  test('replayed by others, replayed here, too old, too far ahead', async () => {
    const server = await introducer()
    const one = await peer()
    const sealed = await announcementOf(one)
    expect(codeOf(await announce(server, sealed, '127.0.0.3'))).toBe('no-address')
    expect((await announce(server, sealed)).status).toBe(200)
    expect(await announce(server, sealed)).toMatchObject({
      status: 403,
      json: { error: { code: 'replayed' } }
    })
    for (const sign of [-1, 1]) {
      const issuedMs = Date.now() + sign * (ANNOUNCEMENT_SKEW_MS_MAX + 5_000)
      const late = await announce(server, await announcementOf(await peer(), { issuedMs }))
      expect(codeOf(late)).toBe('clock')
      const near = Date.now() + sign * (ANNOUNCEMENT_SKEW_MS_MAX - 5_000)
      const said = await announce(server, await announcementOf(await peer(), { issuedMs: near }))
      expect(said.status).toBe(200)
    }
    // Nobody takes another off the list by what it said before it came back.
    const left = await announcementOf(one, { overlays: [], issuedMs: 1 + Date.now() })
    const back = await announcementOf(one, { issuedMs: 2 + Date.now() })
    expect((await announce(server, back)).status).toBe(200)
    expect(codeOf(await announce(server, left))).toBe('replayed')
  })

  test('fields at their bounds, and one past them', async () => {
    const key = await generateKeyPair('Ed25519')
    const { idOf } = await introducerWith(async (_, addresses) => addresses)
    const base = { peerId: idOf(key), addresses: ['/ip4/8.8.8.8/tcp/1'], overlays: GNUTELLA, issuedMs: 1 }
    const seal = (given: object) => sealAnnouncement({ ...base, ...given }, key)
    const overlays = (count: number) =>
      Array.from({ length: count }, (_, number) => ({ name: `o${number}`, role: 'peer' }))
    const addresses = (count: number) =>
      Array.from({ length: count }, (_, number) => `/ip4/8.8.8.8/tcp/${number + 1}`)
    const named = (length: number) => [{ name: 'n'.repeat(length), role: 'peer' }]
    const whole = await seal({
      overlays: overlays(ANNOUNCED_OVERLAYS_MAX),
      addresses: addresses(CONTACT_ADDRESSES_MAX)
    })
    expect(await openAnnouncement(whole)).toMatchObject({ peerId: base.peerId })
    await seal({ overlays: named(NAME_CHARACTERS_MAX) })
    for (const given of [
      { overlays: overlays(ANNOUNCED_OVERLAYS_MAX + 1) },
      { overlays: named(NAME_CHARACTERS_MAX + 1) },
      { overlays: [{ name: 'Gnutella', role: 'peer' }] },
      { addresses: addresses(CONTACT_ADDRESSES_MAX + 1) },
      { addresses: ['not one'] },
      { addresses: [`/dns4/${'a'.repeat(300)}/tcp/1`] },
      { issuedMs: 1.5 },
      { issuedMs: -1 },
      { peerId: idOf(await generateKeyPair('Ed25519')) }
    ]) {
      await expect(seal(given)).rejects.toMatchObject({ name: 'AnnouncementError' })
    }
    await expect(openAnnouncement(new Uint8Array(ANNOUNCEMENT_BYTES_MAX))).rejects.toThrow('envelope')
    await expect(openAnnouncement(new Uint8Array(ANNOUNCEMENT_BYTES_MAX + 1))).rejects.toThrow('at most')
  })
})

describe('a peer that leaves', () => {
  const sealed = (
    key: Ed25519PrivateKey,
    issuedMs: number,
    isThere = true,
    addresses = ['/ip4/8.8.8.8/tcp/1']
  ) =>
    sealAnnouncement(
      { peerId: key.publicKey.toString(), addresses, overlays: isThere ? GNUTELLA : [], issuedMs },
      key
    )
  const here = multiaddr('/ip4/8.8.8.8')

  test('while it is called back stays away', async () => {
    const waiting: (() => void)[] = []
    const own = await introducerWith(
      (_, addresses) => new Promise(resolve => waiting.push(() => resolve(addresses)))
    )
    const key = await own.keyNamed('one')
    const nowMs = Date.now()
    const announced = own.introducer.announce(await sealed(key, nowMs), here).catch(error => error.code)
    await expect.poll(() => waiting.length).toBe(1)
    await own.introducer.announce(await sealed(key, nowMs + 1, false), here)
    waiting[0]!()
    expect(await announced).toBe('replayed')
    expect(own.introducer.size()).toBe(0)
  })

  test('is not listed again by what it said before; by what it says later it is', async () => {
    const own = await introducerWith(async (_, addresses) => addresses)
    const key = await own.keyNamed('one')
    const nowMs = Date.now()
    await own.introducer.announce(await sealed(key, nowMs + 1, false), here)
    await expect(own.introducer.announce(await sealed(key, nowMs), here)).rejects.toMatchObject({
      code: 'replayed'
    })
    await own.introducer.announce(await sealed(key, nowMs + 2), here)
    expect(own.introducer.size()).toBe(1)
  })

  test('over one family has its addresses of that family dropped, and those of the other kept', async () => {
    let isDown = false
    const own = await introducerWith(async (_, addresses) => (isDown ? [] : addresses))
    const key = await own.keyNamed('one')
    const both = ['/ip4/8.8.8.8/tcp/1', '/ip6/2600:1:2:3::1/tcp/1']
    const moved = ['/ip4/8.8.8.8/tcp/2', '/ip6/2600:1:2:3::1/tcp/1']
    const nowMs = Date.now()
    await own.introducer.announce(await sealed(key, nowMs, true, both), here)
    await own.introducer.announce(await sealed(key, nowMs + 1, true, both), multiaddr('/ip6/2600:1:2:3::1'))
    isDown = true
    const again = own.introducer.announce(await sealed(key, nowMs + 2, true, moved), here)
    await expect(again).rejects.toMatchObject({ code: 'unreachable' })
    const question = { overlays: [], limit: 20 }
    const { peers } = own.introducer.peers(question, multiaddr('/ip4/9.9.9.9'))
    expect(peers.map(({ addresses }) => addresses)).toEqual([[both[1]]])
  })

  test('is remembered among WITHDRAWALS_REMEMBERED_MAX, and while its announcements might be taken', () => {
    const left = new Withdrawals()
    for (let peer = 0; peer <= WITHDRAWALS_REMEMBERED_MAX; peer += 1) left.add(`${peer}`, 1_000, 1_000)
    expect(left.size).toBe(WITHDRAWALS_REMEMBERED_MAX)
    expect([left.of('0', 1_000), left.of('1', 1_000)]).toEqual([undefined, 1_000])
    expect(left.of('1', 1_000 + ANNOUNCEMENT_SKEW_MS_MAX)).toBe(1_000)
    expect(left.of('1', 1_001 + ANNOUNCEMENT_SKEW_MS_MAX)).toBeUndefined()
  })
})

test('the database holds what the list holds, however many come and go', async () => {
  const own = await introducerWith(async (_, addresses) => addresses, {}, { peersMax: 3 })
  for (let number = 0; number < 9; number += 1) {
    const key = await generateKeyPair('Ed25519')
    const host = `${number < 4 ? '8.8' : `${number + 60}.1`}.${number}.1`
    const addresses = [`/ip4/${host}/tcp/1`]
    const sealed = await sealAnnouncement(
      { peerId: own.idOf(key), addresses, overlays: GNUTELLA, issuedMs: Date.now() },
      key
    )
    await own.introducer.announce(sealed, multiaddr(`/ip4/${host}`)).catch(() => {})
  }
  expect(own.introducer.size()).toBe(3)
  expect(own.database.sql.prepare('SELECT count(*) AS n FROM introducer_peers').get()).toEqual({ n: 3 })
})

describe('one network', () => {
  test('cannot fill the list, and is told so before it is called', async () => {
    const server = await introducer({ listLimits: { perPrivateHostMax: 2 } })
    const sybils = await Promise.all(Array.from({ length: 5 }, () => peer('127.0.0.1')))
    const said = []
    for (const one of sybils) said.push(await announce(server, await announcementOf(one)))
    expect(said.map(({ status }) => status)).toEqual([200, 200, 503, 503, 503])
    expect(codeOf(said[2]!)).toBe('network-full')
    expect(sybils.map(one => one.calls())).toEqual([1, 1, 0, 0, 0])
    const honest = await peer('127.0.5.1')
    expect((await announce(server, await announcementOf(honest), '127.0.5.1')).status).toBe(200)
  })

  test('is slowed down by rate, for announcements sooner, while others are answered', async () => {
    const server = await introducer({
      serverLimits: { requestsBurst: 5, announcementsBurst: 2, privateFactor: 1 }
    })
    const announced = []
    for (let time = 0; time < 3; time += 1) announced.push(await post(server, '{}'))
    expect(announced.map(({ status }) => status)).toEqual([400, 400, 429])
    expect(codeOf(announced[2]!)).toBe('too-many')
    expect(Number(announced[2]!.headers['retry-after'])).toBe(10)
    // Those announcements were two of its five requests.
    const asked = []
    for (let time = 0; time < 4; time += 1) asked.push((await say(server, { path: '/v1/peers' })).status)
    expect(asked).toEqual([200, 200, 200, 429])
    expect((await say(server, { path: '/v1/peers', from: '127.0.0.2' })).status).toBe(200)
  })

  test('that goes on asking is told to wait refusalsBurst times; then what it sends is not read, until it owes no more', async () => {
    let nowMs = 0
    const server = await introducer({
      serverLimits: { requestsBurst: 2, refusalsBurst: 3, refusalsPerMinute: 6, privateFactor: 1 },
      clock: { ...systemClock, nowMs: () => nowMs }
    })
    // Opened before it owed anything.
    const socket = await open(server.port)
    let text = ''
    socket.setEncoding('utf8').on('data', chunk => {
      text += chunk
    })
    const statuses = []
    for (let time = 0; time < 5; time += 1) statuses.push((await say(server)).status)
    expect(statuses).toEqual([200, 200, 429, 429, 429])
    await expect(say(server)).rejects.toThrow()
    // Not one byte of it is waited for.
    await once((await open(server.port)).resume(), 'close')
    socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
    await once(socket, 'close')
    expect(text).toBe('')
    expect((await say(server, { from: '127.0.0.2' })).status).toBe(200)
    nowMs = 9_999
    await expect(say(server)).rejects.toThrow()
    nowMs = 10_000
    expect([(await say(server)).status, (await say(server).catch(() => undefined))?.status]).toEqual([
      200, 200
    ])
  })

  test('three thousand requests at once: it serves its rate, refuses some, reads no others, and answers another network meanwhile', async () => {
    const server = await introducer({ serverLimits: { requestsBurst: 100, privateFactor: 1 } })
    const startMs = performance.now()
    const statuses = await flood(server, 3_000, 20)
    const elapsedS = (performance.now() - startMs) / 1000
    const served = statuses.filter(status => status === 200).length
    expect(statuses.length).toBe(3_000)
    expect(served).toBeGreaterThanOrEqual(100)
    expect(served).toBeLessThanOrEqual(101 + (elapsedS * SERVER_LIMITS.requestsPerMinute) / 60)
    const { refusalsBurst, refusalsPerMinute } = SERVER_LIMITS
    const refused = statuses.filter(status => status === 429).length
    expect(refused).toBeGreaterThanOrEqual(refusalsBurst)
    expect(refused).toBeLessThanOrEqual(refusalsBurst + 1 + (elapsedS * refusalsPerMinute) / 60)
    expect(statuses.filter(status => status === CLOSED)).toHaveLength(3_000 - served - refused)
    const beganMs = performance.now()
    expect((await say(server, { path: '/v1/peers', from: '127.0.0.2' })).status).toBe(200)
    expect(performance.now() - beganMs).toBeLessThan(2_000)
  }, 60_000)
})

describe('large and slow requests', () => {
  test('a body of REQUEST_BODY_BYTES_MAX is read, one more is not, whether it says so or not', async () => {
    const server = await introducer()
    const body = (bytes: number) => `{"announcement":"${'A'.repeat(bytes - 19)}"}`
    expect(body(REQUEST_BODY_BYTES_MAX)).toHaveLength(REQUEST_BODY_BYTES_MAX)
    expect((await post(server, body(REQUEST_BODY_BYTES_MAX))).status).toBe(400)
    expect((await post(server, body(REQUEST_BODY_BYTES_MAX + 1))).status).toBe(413)
    const chunked = { ...JSON_TYPE, 'transfer-encoding': 'chunked' }
    const unsaid = await post(server, body(REQUEST_BODY_BYTES_MAX + 1), { headers: chunked })
    expect(codeOf(unsaid)).toBe('too-large')
    expect((await post(server, '['.repeat(REQUEST_BODY_BYTES_MAX))).status).toBe(400)
  })

  test('headers of REQUEST_HEADER_BYTES_MAX, a target, overlays and a nonce at their bounds', async () => {
    const server = await introducer()
    const status = async (path: string, headers = {}) => (await say(server, { path, headers })).status
    const padded = (length: number) => `/v1/peers?nonce=${'n'.repeat(length - 16)}`
    expect(await status(`/v1/peers?nonce=${'n'.repeat(NONCE_CHARACTERS_MAX)}`)).toBe(200)
    expect(await status(`/v1/peers?nonce=${'n'.repeat(NONCE_CHARACTERS_MAX + 1)}`)).toBe(400)
    expect(await status(padded(TARGET_CHARACTERS_MAX))).toBe(400)
    expect(await status(padded(TARGET_CHARACTERS_MAX + 1))).toBe(414)
    const overlays = (count: number) => `/v1/peers?${'overlay=a&'.repeat(count)}limit=1`
    expect(await status(overlays(QUERY_OVERLAYS_MAX))).toBe(200)
    expect(await status(overlays(QUERY_OVERLAYS_MAX + 1))).toBe(400)
    expect(await status('/health', { x: 'x'.repeat(REQUEST_HEADER_BYTES_MAX - 500) })).toBe(200)
    await expect(status('/health', { x: 'x'.repeat(REQUEST_HEADER_BYTES_MAX + 1) })).rejects.toThrow()
    expect(await status('/health')).toBe(200)
  })

  test('REQUESTS_PER_CONNECTION_MAX over one connection', async () => {
    const server = await introducer()
    const socket = await open(server.port)
    let text = ''
    socket.setEncoding('utf8').on('data', chunk => {
      text += chunk
    })
    socket.write('GET /health HTTP/1.1\r\nhost: x\r\n\r\n'.repeat(REQUESTS_PER_CONNECTION_MAX + 1))
    await expect.poll(() => text.split('HTTP/1.1 503').length - 1).toBe(1)
    expect(text.split('HTTP/1.1 200').length - 1).toBe(REQUESTS_PER_CONNECTION_MAX)
  })

  test('who dribbles is cut off, also in a body, and others are answered', async () => {
    const server = await introducer({ serverLimits: { headersMs: 500, requestMs: 1_000, idleMs: 700 } })
    const began = performance.now()
    const sockets = await Promise.all(Array.from({ length: 50 }, () => open(server.port)))
    const heads =
      'POST /v1/announce HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 900\r\n'
    const timers = sockets.map((socket, number) => {
      // Half of them come as far as the body.
      let at = 0
      const text = number % 2 === 0 ? heads : `${heads}\r\n{`
      if (number % 2 === 1) socket.write(text)
      return setInterval(() => {
        socket.write(number % 2 === 0 ? text[at]! : ' ')
        at = (at + 1) % text.length
      }, 100)
    })
    const closed = Promise.all(sockets.map(socket => once(socket.resume(), 'close')))
    expect((await say(server, { path: '/v1/peers' })).status).toBe(200)
    await closed
    for (const timer of timers) clearInterval(timer)
    expect(performance.now() - began).toBeLessThan(6_000)
    expect((await say(server, { path: '/v1/peers' })).status).toBe(200)
  })

  test('connectionsPerPrivateHostMax of one host, connectionsMax in all; a place is free again at once', async () => {
    const server = await introducer({
      serverLimits: { connectionsMax: 4, connectionsPerPrivateHostMax: 2, connectionsPerNetworkMax: 1 }
    })
    const held = [await open(server.port), await open(server.port)]
    const third = await open(server.port)
    await once(third.resume(), 'close')
    expect((await say(server, { path: '/health', from: '127.0.0.2' })).status).toBe(200)
    const more = [await open(server.port, '127.0.0.2'), await open(server.port, '127.0.0.3')]
    await once((await open(server.port, '127.0.0.4')).resume(), 'close')
    more[0]!.destroy()
    held[0]!.destroy()
    await expect
      .poll(async () => (await say(server, { path: '/health' }).catch(() => undefined))?.status)
      .toBe(200)
  })

  test('what is no HTTP is cut off', async () => {
    const server = await introducer()
    const socket = await open(server.port)
    socket.write('\x16\x03\x01 hello\r\n\r\n')
    await once(socket.resume(), 'close')
    expect((await say(server, { path: '/health' })).status).toBe(200)
  })
})

test('a port that is taken is an error, and leaves nothing running', async () => {
  const server = await introducer()
  const database = await openTestDatabase()
  const again = startIntroducer({
    privateKey: await generateKeyPair('Ed25519'),
    ...{ database, host: '127.0.0.1', port: server.port }
  })
  await expect(again).rejects.toMatchObject({ code: 'EADDRINUSE' })
})

/** One on public addresses, whose calls are made up. */
async function introducerWith(
  prove: ConstructorParameters<typeof Introducer>[0]['prove'],
  limits: Partial<typeof SERVER_LIMITS> = {},
  listLimits: Partial<typeof PEER_LIST_LIMITS> = {}
) {
  const keys = new Map<string, Ed25519PrivateKey>()
  const database = await openTestDatabase()
  return {
    database,
    introducer: new Introducer({
      privateKey: await generateKeyPair('Ed25519'),
      prove,
      store: new ListStore(database),
      scope: 'public',
      listLimits: { ...PEER_LIST_LIMITS, ...listLimits },
      serverLimits: { ...SERVER_LIMITS, ...limits },
      clock: { ...performanceClock, wallMs: () => Date.now() },
      random: { random: () => 0 }
    }),
    idOf: (key: { publicKey: { toString(): string } }) => key.publicKey.toString(),
    keyNamed: async (name: string) => {
      const key = keys.get(name) ?? (await generateKeyPair('Ed25519'))
      keys.set(name, key)
      return key
    }
  }
}

const performanceClock = {
  nowMs: () => performance.now(),
  setTimeout: (run: () => void, ms: number) => setTimeout(run, ms),
  clearTimeout: (handle: unknown) => clearTimeout(handle as NodeJS.Timeout)
}

async function open(port: number, from = '127.0.0.1'): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port, localAddress: from })
  socket.on('error', () => {})
  onTestFinished(() => void socket.destroy())
  await once(socket, 'connect')
  return socket
}

/** Of a request whose connection was closed. */
const CLOSED = 0

/** `count` requests over `wide` connections at a time, as fast as they are answered. */
async function flood(server: TestIntroducer, count: number, wide: number): Promise<number[]> {
  const statuses: number[] = []
  let left = count
  await Promise.all(
    Array.from({ length: wide }, async () => {
      while (left > 0) {
        left -= 1
        const said = await say(server, { path: '/v1/peers' }).catch(() => undefined)
        statuses.push(said?.status ?? CLOSED)
      }
    })
  )
  return statuses
}
