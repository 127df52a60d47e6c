/** The service on real libp2p nodes, on loopback. */
import { request } from 'node:http'
import type { Duplex } from 'node:stream'
import { text } from 'node:stream/consumers'
import { multiaddr } from '@multiformats/multiaddr'
import type { KeywordIndex } from '@servent/keyword-index'
import { parseQuery } from '@servent/overlay'
import { afterEach, describe, expect, it } from 'vitest'
import type { HotlistEvent } from '../src/service-people.ts'
import type { Ended } from '../src/service-search.ts'
import { NaiveIndex } from './naive-index.ts'
import { peerIdOf } from './peer.ts'
import { announced, gather, homeOf, loggedIn, startNode, stopNodes, until } from './real-nodes.ts'

afterEach(stopNodes)

async function httpGet(duplex: Duplex, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request(
      { createConnection: () => duplex, path, headers: { connection: 'close' } },
      response => text(response).then(resolve, reject)
    )
    asked.on('error', reject)
    asked.end()
  })
}

/** Where no server is. */
const nobody = () => multiaddr(`/ip4/127.0.0.1/tcp/1/p2p/${peerIdOf(77)}`)

describe('a server and its users', () => {
  it('find by words, by tags, by content and by what OpenNap could ask for', async () => {
    const server = await startNode({ server: {} })
    const init = { servers: [server.address] }
    const [seeker, sharer] = [
      await startNode(init),
      await startNode({ ...init, nick: 'miles', linkSpeed: 9 })
    ]
    const tags = { artist: 'Miles Davis', bitrate: '320' }
    const file = sharer.catalogue.add('Kind of Blue.mp3', 'so what', tags)
    sharer.catalogue.add('Blue Train.mp3', 'trane', { artist: 'Coltrane' })
    await loggedIn(seeker, sharer)
    await announced(sharer)

    const traffic = { messages: 0, bytes: 0 }
    const ends: Ended[] = []
    const options = { traffic, onEnd: (end: Ended) => ends.push(end) }
    const hits = await gather(seeker.service.search(parseQuery('davis BLUE'), options))
    expect(hits).toMatchObject([
      {
        record: { name: 'Kind of Blue.mp3', size: 7, provider: sharer.peerId, tags },
        provider: {
          peerId: sharer.peerId,
          overlay: 'napster',
          push: { overlay: 'napster', servent: sharer.peerId, index: file.index }
        },
        overlay: 'napster',
        hops: 0
      }
    ])
    expect(hits[0]!.record.id.equals(file.id)).toBe(true)
    expect(hits[0]!.provider.addresses[0]).toMatch(/^\/ip4\/127\.0\.0\.1\/tcp\//)
    expect(ends).toEqual([expect.objectContaining({ unanswered: [], reason: '' })])
    expect(traffic.messages).toBe(3)
    expect(traffic.bytes).toBeGreaterThan(300)

    const names = async (query: string, filters = {}) =>
      (await gather(seeker.service.search(parseQuery(query), filters))).map(({ record }) => record.name)
    expect((await names('blue')).sort()).toEqual(['Blue Train.mp3', 'Kind of Blue.mp3'])
    expect(await names('blue artist=coltrane')).toEqual(['Blue Train.mp3'])
    expect(await names('blue -kind')).toEqual(['Blue Train.mp3'])
    expect(await names('blue size:>6')).toEqual(['Kind of Blue.mp3'])
    expect(await names('blue', { minBitrate: 256 })).toEqual(['Kind of Blue.mp3'])
    expect(await names('blue bitrate=>=192')).toEqual(['Kind of Blue.mp3'])
    expect(await names('blue bitrate=>=321')).toEqual([])
    expect(await names('blue bitrate=<=320', { minBitrate: 321 })).toEqual([])
    expect(await names('blue bitrate=320')).toEqual(['Kind of Blue.mp3'])
    await expect(names('year=1950..1959')).rejects.toMatchObject({ name: 'QueryError' })
    expect(await names('blue', { minLinkSpeed: 9 })).toHaveLength(2)
    expect(await names('blue', { minLinkSpeed: 10 })).toEqual([])
    const providers = await gather(seeker.service.findProviders(file.id))
    expect(providers.map(({ peerId }) => peerId)).toEqual([sharer.peerId])
  })

  it('browse, ask who somebody is, and are told who comes and goes', async () => {
    const server = await startNode({ server: { motd: ['Welcome.'] } })
    const init = { servers: [server.address] }
    const [seeker, sharer] = [
      await startNode({ ...init, nick: 'trane' }),
      await startNode({ ...init, nick: 'miles' })
    ]
    for (let number = 0; number < 70; number += 1) sharer.catalogue.add(`song ${number}.mp3`, `la ${number}`)
    await loggedIn(seeker, sharer)
    await announced(sharer)

    expect(await gather(seeker.service.browse('miles'))).toHaveLength(70)
    expect(await gather(seeker.service.browse(sharer.peerId), 3)).toHaveLength(3)
    await expect(gather(seeker.service.browse('nobody'))).rejects.toMatchObject({ name: 'ServerError' })
    expect(await seeker.service.whois('Miles')).toMatchObject({ nick: 'miles', online: true, shared: 70 })
    expect(await seeker.service.whois('nobody')).toBeUndefined()
    expect(seeker.service.stats()).toMatchObject({ users: expect.any(Number) })
    expect(seeker.service.snapshot()).toMatchObject({ motd: ['Welcome.'], nick: 'trane' })

    const events: HotlistEvent[] = []
    seeker.service.hotlist.subscribe(event => events.push(event))
    seeker.service.hotlist.add('miles')
    await until(() => events.length === 1)
    await sharer.libp2p.stop()
    await until(() => events.length === 2)
    expect(events.map(({ event, nick }) => `${nick} ${event}`)).toEqual(['miles on', 'miles off'])
    expect(seeker.service.hotlist.list()).toEqual(['miles'])
    expect(await gather(seeker.service.search(parseQuery('song')))).toEqual([])
    expect(await seeker.service.whois('miles')).toMatchObject({ online: false, seenAt: expect.any(Number) })
  })

  it('have a sharer call that refuses every inbound connection', async () => {
    const server = await startNode({ server: {} })
    const init = { servers: [server.address] }
    const [seeker, sharer] = [await startNode(init), await startNode({ ...init, noInbound: true })]
    const file = sharer.catalogue.add('Kind of Blue.mp3', 'so what')
    await loggedIn(seeker, sharer)
    await announced(sharer)
    const [hit] = await gather(seeker.service.search(parseQuery('blue')), 1)
    expect(hit!.provider).toMatchObject({ peerId: sharer.peerId, addresses: [] })
    const { duplex, peerId } = await seeker.service.push(hit!.provider, file.id, AbortSignal.timeout(5_000))
    expect(peerId).toBe(sharer.peerId)
    expect(await httpGet(duplex, `/${hit!.provider.push!.index}`)).toBe('so what')
    expect(seeker.service.snapshot().counters).toMatchObject({ callsTaken: 1, callsUnasked: 0 })
    expect(sharer.service.snapshot().counters).toMatchObject({ callsMade: 1 })
  })

  it('rank hosts by measured rates, and then by pings through the server', async () => {
    const server = await startNode({ server: {} })
    const init = { servers: [server.address] }
    const rates = new Map<string, number>()
    const seeker = await startNode({ ...init, rates: peerId => rates.get(peerId) })
    const sharers = [await startNode(init), await startNode(init)]
    for (const { catalogue } of sharers) catalogue.add('song.mp3', 'la')
    await loggedIn(seeker, ...sharers)
    await announced(...sharers)
    const providers = (await gather(seeker.service.search(parseQuery('song')))).map(
      ({ provider }) => provider
    )
    rates.set(sharers[1]!.peerId, 1_000)
    const stranger = { peerId: (await startNode()).peerId, addresses: [] }
    const ranked = await seeker.service.rankHosts([stranger, ...providers])
    expect(ranked.map(({ peerId }) => peerId)).toEqual([
      sharers[1]!.peerId,
      sharers[0]!.peerId,
      stranger.peerId
    ])
  })
})

describe('two servers', () => {
  it('are searched together, and take each other’s users', async () => {
    const one = await startNode({ server: {} })
    const two = await startNode({ server: { peers: [one.address] } })
    const both = [one.address, two.address]
    const [seeker, sharer] = [
      await startNode({ servers: [two.address] }),
      await startNode({ servers: both.slice(0, 1) })
    ]
    sharer.catalogue.add('song.mp3', 'la')
    await loggedIn(seeker, sharer)
    await announced(sharer)
    await until(() => two.service.snapshot().neighbours.some(({ role }) => role === 'mesh'))
    const [hit] = await gather(seeker.service.search(parseQuery('song')))
    expect(hit).toMatchObject({ hops: 1, provider: { peerId: sharer.peerId } })
    // Its server told it of the other one.
    await until(() => (sharer.service.snapshot().serversKnown as number) === 2)

    await one.libp2p.stop()
    await until(() => homeOf(sharer) === two.peerId)
    await announced(sharer)
    const ends: Ended[] = []
    const hits = await gather(seeker.service.search(parseQuery('song'), { onEnd: end => ends.push(end) }))
    expect(hits).toMatchObject([{ hops: 0, provider: { peerId: sharer.peerId } }])
    expect(ends).toMatchObject([{ unanswered: [one.peerId] }])
  })

  it('say that a search was broken off, and why', async () => {
    // Its answer comes when the seeker is gone.
    const asked = Promise.withResolvers<void>()
    const stopped = Promise.withResolvers<void>()
    const index: KeywordIndex = new NaiveIndex()
    index.search = async () => {
      asked.resolve()
      await stopped.promise
      return { hits: [], isCapped: false }
    }
    const server = await startNode({ server: { index } })
    const seeker = await startNode({ servers: [server.address] })
    await loggedIn(seeker)
    const ends: Ended[] = []
    const search = (options = {}) =>
      gather(seeker.service.search(parseQuery('song'), { onEnd: end => ends.push(end), ...options }))
    expect(await search({ timeoutMs: 0 })).toEqual([])
    const broken = search()
    await asked.promise
    await seeker.libp2p.stop()
    stopped.resolve()
    expect(await broken).toEqual([])
    expect(ends.map(({ reason }) => reason)).toEqual([
      expect.stringContaining('time for the search was over'),
      expect.stringContaining('this peer was stopped')
    ])
  })
})

describe('the life of a service', () => {
  it('has a server’s address say who must be there', async () => {
    await expect(startNode({ servers: [multiaddr('/ip4/127.0.0.1/tcp/1')] })).rejects.toMatchObject({
      name: 'PeerIdMissingError'
    })
  })

  it('says that there is no server', async () => {
    const alone = await startNode()
    await expect(gather(alone.service.search(parseQuery('song')))).rejects.toMatchObject({
      name: 'NobodyToAskError',
      message: expect.stringContaining('No server is known')
    })
    const lost = await startNode({ servers: [nobody()] })
    await expect(gather(lost.service.search(parseQuery('song')))).rejects.toMatchObject({
      name: 'NobodyToAskError',
      message: 'There is no server to ask.'
    })
  }, 15_000)

  it('keeps a search that is begun before the login', async () => {
    const server = await startNode({ server: {} })
    server.catalogue.add('song.mp3', 'la')
    await announced(server)
    const seeker = await startNode({ servers: [server.address] })
    expect(await gather(seeker.service.search(parseQuery('song')), 1)).toHaveLength(1)
  })

  it('ends a search where its user leaves, its signal aborts or the overlay stops', async () => {
    const a = await startNode({ servers: [nobody()] })
    const abort = new AbortController()
    const aborted = gather(a.service.search(parseQuery('song'), { signal: abort.signal }))
    const stopped = gather(a.service.search(parseQuery('song')))
    abort.abort()
    await expect(aborted).rejects.toThrow('aborted')
    await a.libp2p.stop()
    expect(await stopped).toEqual([])
    await expect(gather(a.service.search(parseQuery('song')))).rejects.toMatchObject({
      name: 'OverlayStoppedError'
    })
    expect(a.service.snapshot().state).toBe('stopped')
  })

  it('can be started again', async () => {
    const server = await startNode({ server: {} })
    const user = await startNode({ servers: [server.address] })
    user.catalogue.add('song.mp3', 'la')
    await announced(user)
    await user.libp2p.stop()
    await until(() => server.index.totals().files === 0)
    await user.libp2p.start()
    await loggedIn(user)
    await announced(user)
    expect(server.index.totals().files).toBe(1)
  })
})
