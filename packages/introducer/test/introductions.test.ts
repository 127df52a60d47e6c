/** A peer and its introducers: honest ones, liars, and none that answers. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import type { ServentDatabase } from '@servent/database'
import { describe, expect, onTestFinished, test } from 'vitest'
import { openAnnouncement } from '../src/announcement.ts'
import { announceTo } from '../src/announcing.ts'
import { base64url, bytesOf, type PeersAnswer, type Question, signAnswer } from '../src/answer.ts'
import {
  type FirstContact,
  INTRODUCERS_MAX,
  Introductions,
  type IntroductionsInit,
  type OwnPlace
} from '../src/index.ts'
import {
  ANSWER_BYTES_MAX,
  ANSWER_PEERS_MAX,
  ANSWER_SKEW_MS_MAX,
  CONTACTS_MAX,
  WHY_CHARACTERS_MAX
} from '../src/limits.ts'
import { questionOf } from '../src/question.ts'
import {
  announce,
  announcementOf,
  GNUTELLA,
  introducer,
  openTestDatabase,
  peer,
  say,
  type TestPeer
} from './support/introducers.ts'

interface Newcomer {
  readonly introductions: Introductions
  readonly rounds: (readonly FirstContact[])[]
  readonly self: TestPeer
  names(): string[]
}

interface NewcomerOptions extends Partial<IntroductionsInit> {
  readonly place?: OwnPlace
  readonly as?: TestPeer
}

async function newcomer(urls: readonly string[], options: NewcomerOptions = {}): Promise<Newcomer> {
  const { as, place, ...given } = options
  const self = as ?? (await peer())
  const rounds: (readonly FirstContact[])[] = []
  const introductions = new Introductions({
    urls,
    privateKey: self.key,
    database: options.database ?? (await openTestDatabase()),
    self: () => place ?? { addresses: [], overlays: GNUTELLA },
    isAlone: () => rounds.length === 0,
    onContacts: async contacts => void rounds.push(contacts),
    ...given
  })
  onTestFinished(() => introductions.stop())
  introductions.start()
  return { introductions, rounds, self, names: () => rounds.flat().map(({ peerId }) => peerId) }
}

const met = (one: Newcomer) => expect.poll(() => one.rounds.length, { timeout: 10_000 }).toBeGreaterThan(0)
const refused = (one: Newcomer, why: string | RegExp) =>
  expect.poll(() => one.introductions.status()[0]?.why, { timeout: 10_000 }).toMatch(why)

/** Something that answers questions as it likes. */
async function liar(
  answerTo: (question: Question, key: PrivateKey, head: PeersAnswer) => Promise<string> | string,
  key?: PrivateKey
) {
  const own = key ?? (await generateKeyPair('Ed25519'))
  const server = createServer(async (request, response) => {
    const query = new URL(request.url!, 'http://x').searchParams
    const question = questionOf({
      overlays: query.getAll('overlay'),
      role: query.get('role') ?? undefined,
      limit: Number(query.get('limit')),
      nonce: query.get('nonce')!
    })
    const head = {
      introducer: own.publicKey.toString(),
      issuedMs: Date.now(),
      seen: '/ip4/127.0.0.1',
      question,
      peers: []
    }
    response.end(await answerTo(question, own, head))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` }
}

const listing = async (peers: readonly TestPeer[]) =>
  Promise.all(
    peers.map(async one => ({
      announcement: base64url(await announcementOf(one)),
      addresses: [one.address],
      provenMs: Date.now()
    }))
  )

test('a newcomer meets who is listed, is listed itself, and is taken off when it stops', async () => {
  const server = await introducer()
  const first = await peer()
  await announce(server, await announcementOf(first))
  const self = await peer('127.0.0.2')
  const one = await newcomer([`${server.url}#${server.peerId}`], {
    as: self,
    place: { addresses: [`${self.address}/p2p/${self.id}`], overlays: GNUTELLA },
    localAddress: '127.0.0.2'
  })
  await met(one)
  expect(one.rounds[0]).toEqual([
    { peerId: first.id, addresses: [first.address], overlays: GNUTELLA, introducer: server.url }
  ])
  await expect.poll(() => server.size()).toBe(2)
  await expect
    .poll(() => one.introductions.status())
    .toEqual([{ url: server.url, peers: 1, listed: [self.address] }])
  await one.introductions.stop()
  expect(server.size()).toBe(1)
})

describe('of an overlay into which not every peer leads', () => {
  const napster = (role: string) => [{ name: 'napster', role }]
  const overlays = [...napster('client'), ...GNUTELLA]
  const leaderRole = (name: string) => (name === 'napster' ? 'server' : undefined)

  test('those who do are asked for, and no others', async () => {
    const server = await introducer()
    const [leader, user, mixed] = [await peer(), await peer(), await peer()]
    await announce(server, await announcementOf(leader, { overlays: napster('server') }))
    await announce(server, await announcementOf(user, { overlays: napster('client') }))
    const both = [...napster('server'), ...GNUTELLA]
    await announce(server, await announcementOf(mixed, { overlays: both }))
    const one = await newcomer([server.url], {
      leaderRole,
      place: { addresses: [], overlays: napster('client') }
    })
    await met(one)
    expect(new Set(one.names())).toEqual(new Set([leader.id, mixed.id]))

    // Who is in both answers is one peer, and introducers that are gone have said as much before.
    const database = await openTestDatabase()
    const two = await newcomer([server.url], { leaderRole, database, place: { addresses: [], overlays } })
    await met(two)
    expect(two.names().sort()).toEqual([leader.id, mixed.id].sort())
    expect(two.introductions.status()).toMatchObject([{ peers: 2 }])
    await server.stop()
    const three = await newcomer([server.url], { leaderRole, database, place: { addresses: [], overlays } })
    await met(three)
    expect(three.names().sort()).toEqual([leader.id, mixed.id].sort())
  })

  test('of two questions one that is answered is enough', async () => {
    const leaders = [await peer()]
    const { url } = await liar(async (question, key, head) =>
      question.role === 'server'
        ? signAnswer({ ...head, peers: await listing(leaders) } as never, key)
        : 'no answer'
    )
    const one = await newcomer([url], { leaderRole, place: { addresses: [], overlays } })
    await met(one)
    expect(one.names()).toEqual([leaders[0]!.id])
  })

  test('they alternate with those of the others, so that a share has of each', async () => {
    const asked: Question[] = []
    const [leaders, others] = [
      [await peer(), await peer()],
      [await peer(), await peer(), await peer()]
    ]
    const { url } = await liar(async (question, key, head) => {
      asked.push(question)
      const peers = await listing(question.role === 'server' ? leaders! : others!)
      return signAnswer({ ...head, peers } as never, key)
    })
    const one = await newcomer([url], { leaderRole, place: { addresses: [], overlays } })
    await met(one)
    expect(asked).toMatchObject([{ overlays: ['napster'], role: 'server' }, { overlays: ['gnutella'] }])
    expect(asked[1]).not.toHaveProperty('role')
    expect(one.names()).toEqual(
      [leaders![0], others![0], leaders![1], others![1], others![2]].map(known => known!.id)
    )
  })
})

test('who cannot be called is told why it is not listed, and meets others none the less', async () => {
  const server = await introducer()
  await announce(server, await announcementOf(await peer()))
  const gone = await peer()
  await gone.libp2p.stop()
  const one = await newcomer([server.url], {
    as: gone,
    place: { addresses: [gone.address], overlays: GNUTELLA }
  })
  await met(one)
  await expect
    .poll(() => one.introductions.status()[0]?.unlisted, { timeout: 8_000 })
    .toMatch(/^It refuses \(422\): Nobody with the key .* Try: forward the port/)
  const deaf = await newcomer([server.url])
  await expect.poll(() => deaf.introductions.status()[0]?.unlisted).toContain('takes no calls')
})

test('a peer on its own network sends an introducer on the Internet none of its private addresses', async () => {
  const self = await peer()
  const sent: string[][] = []
  const client = {
    base: 'http://introducer.example/',
    announce: async (sealed: Uint8Array, family: number) => {
      sent.push([`${family}`, ...(await openAnnouncement(sealed)).addresses])
      return { addresses: [], againMs: 1 }
    }
  }
  const addresses = ['/ip4/127.0.0.1/tcp/6346', '/ip4/192.168.1.5/tcp/6346', '/ip6/2600:1:2:3::1/tcp/6346']
  const to = (seen: string, scope: 'public' | 'private', base = client.base) =>
    announceTo({
      client: { ...client, base } as never,
      place: { addresses, overlays: GNUTELLA },
      ...{ scope, seen, peerId: self.id, privateKey: self.key },
      nextMs: () => 1,
      signal: new AbortController().signal
    })
  // Seen at the address of its router, where its port may be forwarded.
  const { againMs } = await to('/ip4/8.8.8.8', 'public')
  expect(againMs).toBe(60_000)
  expect(sent).toEqual([
    ['4', '/ip4/8.8.8.8/tcp/6346', '/ip6/2600:1:2:3::1/tcp/6346'],
    ['6', '/ip4/8.8.8.8/tcp/6346', '/ip6/2600:1:2:3::1/tcp/6346']
  ])
  await to('/ip6/2600:1:2:3::9', 'public', 'http://[2600::1]:6348/')
  expect(sent.slice(2)).toEqual([['6', '/ip6/2600:1:2:3::1/tcp/6346']])
  await to('/ip4/192.168.1.5', 'private', 'http://192.168.1.2:6348/')
  expect(sent.at(-1)).toEqual(['4', '/ip4/192.168.1.5/tcp/6346', '/ip6/2600:1:2:3::1/tcp/6346'])
})

describe('an introducer that is not believed', () => {
  test.each<[string, Parameters<typeof liar>[0], string | RegExp]>([
    ['unsigned', (_, __, head) => JSON.stringify(head), 'not signed'],
    [
      'signed by another key than it names',
      async (_, key, head) => signAnswer({ ...head, introducer: 'somebody' }, key),
      'another key than it names'
    ],
    [
      'changed on its way',
      async (_, key, head) => (await signAnswer(head, key)).replace('127.0.0.1', '127.0.0.2'),
      'signature of its answer is not valid'
    ],
    [
      'an answer to another question',
      async (question, key, head) =>
        signAnswer({ ...head, question: { ...question, nonce: 'old' } } as never, key),
      'another question'
    ],
    [
      'of another time',
      async (_, key, head) =>
        signAnswer({ ...head, issuedMs: head.issuedMs - ANSWER_SKEW_MS_MAX - 9_000 }, key),
      'Check the clock'
    ],
    [
      'more than ANSWER_PEERS_MAX',
      async (_, key, head) => {
        const peers = Array(ANSWER_PEERS_MAX + 1).fill({ announcement: '', addresses: [], provenMs: 0 })
        return signAnswer({ ...head, peers } as never, key)
      },
      'too long'
    ],
    [
      'more than ANSWER_BYTES_MAX',
      () => ' '.repeat(ANSWER_BYTES_MAX + 1),
      `more than ${ANSWER_BYTES_MAX} bytes`
    ],
    ['nothing that is JSON', () => '<html>', 'not signed']
  ])('%s', async (_, answerTo, why) => {
    const one = await newcomer([(await liar(answerTo)).url])
    await refused(one, why)
    expect(one.names()).toEqual([])
  })

  test('an answer of ANSWER_BYTES_MAX and ANSWER_PEERS_MAX is read, and its own inventions are left out', async () => {
    const [real, other] = [await peer(), await peer()]
    const { url } = await liar(async (_, key, head) => {
      const [good] = await listing([real])
      const bad = [
        { ...good!, announcement: 'AAAA' },
        { ...good!, announcement: base64url(await announcementOf(other, { issuedMs: 1 })) },
        { ...good!, announcement: base64url(await announcementOf(other, { overlays: [] })) }
      ]
      const peers = [...Array(ANSWER_PEERS_MAX - 4).fill(bad[0]), ...bad, good!]
      const signed = await signAnswer({ ...head, peers } as never, key)
      return signed.padEnd(ANSWER_BYTES_MAX)
    })
    const one = await newcomer([url])
    await met(one)
    expect(one.names()).toEqual([real.id])
    expect(one.introductions.status()).toMatchObject([{ peers: 1 }])
  })

  test('one with another key than its URL names, or than it had before', async () => {
    const server = await introducer()
    await announce(server, await announcementOf(await peer()))
    const pinned = await newcomer([`${server.url}#${(await peer()).id}`])
    await refused(pinned, /signs with the key of .* its URL names/)

    const database = await openTestDatabase()
    const before = await newcomer([server.url], { database })
    await met(before)
    await before.introductions.stop()
    await server.stop()
    const usurper = await introducer({ port: server.port })
    const after = await newcomer([server.url], { database })
    await refused(after, /it had the key of/)
    // Its operator says that it is the same introducer.
    await after.introductions.stop()
    const told = await newcomer([`${server.url}#${usurper.peerId}`], { database })
    await expect.poll(() => told.introductions.status()[0]?.peers).toBe(0)
    await told.introductions.stop()
    const later = await newcomer([server.url], { database })
    await expect.poll(() => later.introductions.status()[0]?.peers).toBe(0)
  })

  test('of three the one that gives its own Sybils has a third of the contacts, each introducer its own', async () => {
    const honest = [await introducer(), await introducer()]
    const good = await Promise.all([...Array(4).keys()].map(number => peer(`127.0.1.${number + 1}`)))
    for (const [number, one] of good.entries()) {
      const to = honest[number % 2]!
      const [, , host] = one.address.split('/')
      expect((await announce(to, await announcementOf(one), host)).status).toBe(200)
    }
    const sybils = await Promise.all([...Array(12).keys()].map(number => peer(`127.0.2.${number + 1}`)))
    const { url } = await liar(async (_, key, head) =>
      signAnswer({ ...head, peers: await listing(sybils) } as never, key)
    )
    const one = await newcomer([url, ...honest.map(server => server.url)])
    await met(one)
    const names = new Set(one.names())
    expect(good.every(({ id }) => names.has(id))).toBe(true)
    expect(sybils.filter(({ id }) => names.has(id))).toHaveLength(CONTACTS_MAX / 3)
  })
})

describe('when no introducer answers', () => {
  const meetAndLose = async (database: ServentDatabase) => {
    const server = await introducer()
    const first = await peer()
    await announce(server, await announcementOf(first))
    const before = await newcomer([server.url], { database })
    await met(before)
    await before.introductions.stop()
    await server.stop()
    return { url: server.url, first }
  }

  test('what was said before is taken', async () => {
    const database = await openTestDatabase()
    const { url, first } = await meetAndLose(database)
    const after = await newcomer([url], { database })
    await met(after)
    expect(after.names()).toEqual([first.id])
    expect(after.introductions.status()).toMatchObject([
      { url, why: expect.stringContaining('ECONNREFUSED') }
    ])
  })

  test('also where one answers that knows nobody', async () => {
    const database = await openTestDatabase()
    const { url, first } = await meetAndLose(database)
    const empty = await introducer()
    const after = await newcomer([empty.url, url], { database })
    await met(after)
    expect(after.names()).toEqual([first.id])
  })

  test('for seven days', async () => {
    const database = await openTestDatabase()
    const { url } = await meetAndLose(database)
    database.sql.prepare('UPDATE introductions SET asked_ms = asked_ms - ?').run(7 * 24 * 3_600_000)
    const after = await newcomer([url], { database })
    await refused(after, 'ECONNREFUSED')
    expect(after.rounds).toEqual([])
  })

  test('one that does not answer holds nobody up for long, and one that answers is enough', async () => {
    const silent = await liar(() => new Promise<string>(() => {}))
    const server = await introducer()
    const first = await peer()
    await announce(server, await announcementOf(first))
    const beganMs = performance.now()
    const one = await newcomer([silent.url, server.url])
    await expect.poll(() => one.names(), { timeout: 12_000 }).toEqual([first.id])
    expect(performance.now() - beganMs).toBeLessThan(5_000)
    await expect
      .poll(() => one.introductions.status()[0]?.why, { timeout: 12_000 })
      .toBe('It did not answer in time.')
  })
})

test('of INTRODUCERS_MAX that are named all are asked, and one more is not; the same twice is one', async () => {
  const asked = new Set<string>()
  const many = await Promise.all(
    [...Array(INTRODUCERS_MAX + 1).keys()].map(async number => {
      const { url } = await liar((_, key, head) => {
        asked.add(`${number}`)
        return signAnswer(head, key)
      })
      return url
    })
  )
  const one = await newcomer([many[0]!, ...many])
  await expect.poll(() => asked.size).toBe(INTRODUCERS_MAX)
  expect(one.introductions.status()).toHaveLength(INTRODUCERS_MAX)
  expect(asked.has(`${INTRODUCERS_MAX}`)).toBe(false)
})

test('an introducer that redirects is not followed', async () => {
  const server = await introducer()
  const mover = createServer((_, response) => void response.writeHead(302, { location: server.url }).end())
  await new Promise<void>(resolve => mover.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void mover.close())
  const one = await newcomer([`http://127.0.0.1:${(mover.address() as AddressInfo).port}`])
  await refused(one, 'refuses (302)')
})

test('of what an introducer says of a mistake WHY_CHARACTERS_MAX are kept, and it is left alone as long as it asks', async () => {
  let requests = 0
  const said = { code: 'too-many', message: 'n'.repeat(WHY_CHARACTERS_MAX + 1) }
  const busy = createServer((_, response) => {
    requests += 1
    response.writeHead(429, { 'retry-after': '3600' }).end(JSON.stringify({ error: said }))
  })
  await new Promise<void>(resolve => busy.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void busy.close())
  const one = await newcomer([`http://127.0.0.1:${(busy.address() as AddressInfo).port}`])
  await refused(one, `It refuses (429): ${'n'.repeat(WHY_CHARACTERS_MAX)}`)
  expect(one.introductions.status()[0]!.why).not.toContain('n'.repeat(WHY_CHARACTERS_MAX + 1))
  // Two more rounds have passed by then.
  await new Promise(resolve => setTimeout(resolve, 4_000))
  expect(requests).toBe(1)
})

test('a peer that gets another address, as from its router, is listed there without waiting for its turn', async () => {
  const server = await introducer()
  const [self, other] = [await peer(), await peer()]
  const place = { addresses: [] as string[], overlays: GNUTELLA }
  // A hundred times as fast as the day goes by.
  const clock = {
    nowMs: () => performance.now() * 100,
    wallMs: () => Date.now(),
    setTimeout: (run: () => void, ms: number) => setTimeout(run, ms / 100),
    clearTimeout: (handle: unknown) => clearTimeout(handle as NodeJS.Timeout)
  }
  const one = await newcomer([server.url], { as: self, place, clock, isAlone: () => false })
  const status = () => one.introductions.status()[0]!
  await expect.poll(() => status().unlisted).toContain('takes no calls')
  place.addresses = [self.address]
  await expect.poll(() => status().listed, { timeout: 10_000 }).toEqual([self.address])
  place.addresses = [other.address, self.address]
  await expect
    .poll(
      async () => {
        const [listed] = (await say(server, { path: '/v1/peers' })).answer.peers
        return (await openAnnouncement(bytesOf(listed.announcement))).addresses
      },
      { timeout: 10_000 }
    )
    .toEqual([other.address, self.address])
})
