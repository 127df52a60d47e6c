/** The service on real libp2p nodes, on loopback, in lines and stars. */
import { request } from 'node:http'
import type { Duplex } from 'node:stream'
import { text } from 'node:stream/consumers'
import { type OverlaySnapshot, parseQuery } from '@servent/overlay'
import { afterEach, describe, expect, it } from 'vitest'
import type { SeenQuery } from '../src/types.ts'
import { gather, line, neighboursOf, startNode, stopNodes, until } from './real-nodes.ts'

afterEach(stopNodes)

const queriesOf = (snapshot: OverlaySnapshot) => snapshot.queries as SeenQuery[]

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

describe('four nodes in a line', () => {
  it('find by words what is three links away, with a signed record', async () => {
    const [a, b, c, d] = [
      await startNode({ neighbours: 2 }),
      await startNode({ neighbours: 2 }),
      await startNode({ neighbours: 2 }),
      await startNode({ neighbours: 2 })
    ]
    await line(a, b, c, d)
    const file = d.catalogue.add('Kind of Blue.flac', 'so what', { artist: 'Miles Davis' })

    const traffic = { messages: 0, bytes: 0 }
    const [hit] = await gather(a.service.search(parseQuery('davis BLUE'), { traffic }), 1)

    expect(hit).toMatchObject({
      record: { name: 'Kind of Blue.flac', size: 7, provider: d.peerId, tags: { artist: 'Miles Davis' } },
      provider: { peerId: d.peerId, overlay: 'gnutella', push: { overlay: 'gnutella', index: 1 } },
      overlay: 'gnutella',
      hops: 3
    })
    expect(hit!.record.id.equals(file.id)).toBe(true)
    expect(hit!.provider.addresses[0]).toMatch(/^\/ip4\/127\.0\.0\.1\/tcp\//)
    expect(traffic.messages).toBe(2)
    expect(traffic.bytes).toBeGreaterThan(2 * 23)

    const ids = [a, b, c, d].map(({ service }) => queriesOf(service.snapshot())[0]!.queryId)
    expect(new Set(ids).size).toBe(1)
    expect([a, b, c, d].map(({ service }) => queriesOf(service.snapshot())[0]!.forwardedTo)).toEqual([
      [b.peerId],
      [c.peerId],
      [d.peerId],
      []
    ])
  })

  it('go as far as the TTL, and answer only what has all words', async () => {
    const [a, b, c] = [
      await startNode({ neighbours: 2 }),
      await startNode({ neighbours: 2 }),
      await startNode({ neighbours: 2 })
    ]
    await line(a, b, c)
    c.catalogue.add('Kind of Blue.flac', 'so what')
    expect(await gather(a.service.search(parseQuery('blue'), { ttl: 1, timeoutMs: 200 }))).toEqual([])
    expect(await gather(a.service.search(parseQuery('blue trane'), { timeoutMs: 200 }))).toEqual([])
    expect(await gather(a.service.search(parseQuery('blue'), { ttl: 2 }), 1)).toHaveLength(1)
  })

  it.each([
    // A ring of one link, and one of two that brings it.
    ['expanding-ring', 3],
    // A walker, and its hit.
    ['random-walk', 2]
  ] as const)('find by %s what is two links away, in %i messages of who asks', async (search, messages) => {
    const [a, b, c] = [
      await startNode({ neighbours: 2, search, walkers: 1 }),
      await startNode({ neighbours: 2 }),
      await startNode({ neighbours: 2 })
    ]
    await line(a, b, c)
    c.catalogue.add('Kind of Blue.flac', 'so what')
    const traffic = { messages: 0, bytes: 0 }
    const [hit] = await gather(a.service.search(parseQuery('blue'), { traffic }), 1)
    expect(hit).toMatchObject({ record: { name: 'Kind of Blue.flac', provider: c.peerId }, hops: 2 })
    expect(traffic.messages).toBe(messages)
  })

  it('find the providers of a content', async () => {
    const [a, b, c] = [await startNode(), await startNode(), await startNode()]
    await line(a, b, c)
    const file = c.catalogue.add('x', 'the same')
    b.catalogue.add('another name', 'the same')
    b.catalogue.add('another content', 'other')
    const providers = await gather(a.service.findProviders(file.id, { timeoutMs: 500 }))
    expect(providers.map(({ peerId }) => peerId).sort()).toEqual([b.peerId, c.peerId].sort())
  })
})

describe('a search', () => {
  it('ends at its limit, and tells of one file of one provider once', async () => {
    const [a, b] = [await startNode(), await startNode()]
    await line(a, b)
    for (let number = 0; number < 30; number += 1) b.catalogue.add(`song ${number}`, `${number}`)
    expect(await gather(a.service.search(parseQuery('song', { limit: 7 })))).toHaveLength(7)
    const all = await gather(a.service.search(parseQuery('song'), { timeoutMs: 500 }))
    expect(new Set(all.map(({ record }) => record.name)).size).toBe(30)
    expect(all).toHaveLength(30)
  })

  it('that is begun before the links stand is not lost', async () => {
    const [a, b] = [await startNode(), await startNode()]
    b.catalogue.add('song', 'la')
    const searched = gather(a.service.search(parseQuery('song')), 1)
    await line(a, b)
    expect(await searched).toHaveLength(1)
  })

  it('ends where its user leaves, its signal aborts or the overlay stops', async () => {
    const a = await startNode()
    const abort = new AbortController()
    const aborted = gather(a.service.search(parseQuery('song'), { signal: abort.signal }))
    const stopped = gather(a.service.search(parseQuery('song')))
    await until(() => a.service.snapshot().searches === 2)
    abort.abort()
    await expect(aborted).rejects.toThrow('aborted')
    expect(a.service.snapshot().searches).toBe(1)
    await a.libp2p.stop()
    expect(await stopped).toEqual([])
    await expect(gather(a.service.search(parseQuery('song')))).rejects.toMatchObject({
      name: 'OverlayStoppedError'
    })
  })

  it('is refused where peers would ignore it', async () => {
    const a = await startNode()
    await expect(gather(a.service.search(parseQuery('a')))).rejects.toMatchObject({
      name: 'SearchRefusedError'
    })
  })
})

describe('a sharer that refuses every inbound connection', () => {
  it('is found, asked along the path of its hit, and calls', async () => {
    const [seeker, between] = [await startNode({ neighbours: 2 }), await startNode({ neighbours: 2 })]
    const sharer = await startNode({ neighbours: 2, noInbound: true })
    await line(seeker, between, sharer)
    const file = sharer.catalogue.add('Kind of Blue.flac', 'so what')
    const [hit] = await gather(seeker.service.search(parseQuery('blue')), 1)
    expect(hit!.provider).toMatchObject({ peerId: sharer.peerId, addresses: [] })

    const { duplex, peerId } = await seeker.service.push(hit!.provider, file.id, AbortSignal.timeout(5_000))
    expect(peerId).toBe(sharer.peerId)
    expect(await httpGet(duplex, `/${hit!.provider.push!.index}`)).toBe('so what')
    expect(sharer.inbound()).toBe(0)
    expect(seeker.service.snapshot().counters).toMatchObject({ callsTaken: 1, callsUnasked: 0 })
    expect(sharer.service.snapshot().counters).toMatchObject({ callsMade: 1 })
    expect(between.service.snapshot().counters).toMatchObject({ pushesForwarded: 1 })
  })

  it('cannot be asked by a peer that nobody can call either', async () => {
    const between = await startNode()
    const [seeker, sharer] = [await startNode({ noInbound: true }), await startNode({ noInbound: true })]
    await line(between, sharer)
    await line(between, seeker)
    const file = sharer.catalogue.add('song', 'la')
    const [hit] = await gather(seeker.service.search(parseQuery('song')), 1)
    await expect(
      seeker.service.push(hit!.provider, file.id, AbortSignal.timeout(5_000))
    ).rejects.toMatchObject({
      name: 'PushError',
      message: expect.stringContaining('Neither this peer')
    })
  })
})

describe('the life of a service', () => {
  it('says goodbye at its stop, and can be started again with the hosts that it knew', async () => {
    const [a, b] = [await startNode(), await startNode()]
    await line(a, b)
    await b.libp2p.stop()
    await until(() => neighboursOf(a).length === 0)
    expect(a.service.snapshot().counters.byesReceived).toBe(1)
    expect(b.service.snapshot().state).toBe('stopped')
    const { servent } = b.service.snapshot()
    await b.libp2p.start()
    await until(() => neighboursOf(b).includes(a.peerId))
    expect(b.service.snapshot()).toMatchObject({ name: 'gnutella', state: 'running', servent })
  })

  it('keeps to its places, and to fewer when the user says so', async () => {
    const hub = await startNode({ neighbours: 2 })
    const others = [await startNode(), await startNode(), await startNode()]
    for (const other of others) await other.libp2p.dial(hub.libp2p.getMultiaddrs())
    await until(() => neighboursOf(hub).length === 2)
    await until(() => others.every(other => neighboursOf(other).length > 0))
    expect(neighboursOf(hub)).toHaveLength(2)
    hub.service.resize(1)
    expect(neighboursOf(hub)).toHaveLength(1)
    expect(hub.service.snapshot()).toMatchObject({ places: 1, counters: { byesSent: 1 } })
  })
})
