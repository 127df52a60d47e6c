/** FastTrack over TCP: real peers join, upload, search by tags, lose their supernode, are promoted, and call back. */
import { once } from 'node:events'
import { request } from 'node:http'
import { type Clock, systemClock } from '@servent/libp2p-host'
import { parseQuery } from '@servent/overlay'
import { afterEach, describe, expect, it } from 'vitest'
import { BALANCE_MS, ROUND_SETTLE_MS, SEARCH_ENOUGH } from '../src/constants.ts'
import { gather, type RealNode, startNode, stopNode, stopNodes, until } from './real-nodes.ts'

afterEach(stopNodes)

const tables = ({ service }: RealNode) => service.snapshot()
const join = async (node: RealNode, to: RealNode) => {
  await node.libp2p.dial(to.libp2p.getMultiaddrs())
}
const announced = (node: RealNode) => {
  const { files, of } = tables(node).announced!
  return files === of && of > 0
}
const namesOf = async (node: RealNode, text: string, options = {}) =>
  (await gather(node.service.search(parseQuery(text), { timeoutMs: 3000, ...options })))
    .map(({ record }) => record.name)
    .sort()

/** Two supernodes that are linked, and ordinary nodes that joined at the first. */
async function network(count: number): Promise<{ first: RealNode; second: RealNode; others: RealNode[] }> {
  const [first, second] = [await startNode({ role: 'supernode' }), await startNode({ role: 'supernode' })]
  await join(second, first)
  await until(() => tables(first).neighbours.some(({ bond }) => bond === 'peering'))
  const others: RealNode[] = []
  for (let number = 0; number < count; number += 1) {
    const node = await startNode({ role: 'ordinary' })
    node.catalogue.add(`track ${number}.flac`, undefined, {
      artist: number === 0 ? 'Miles Davis' : 'John Coltrane',
      title: `Number ${number}`,
      bitrate: `${128 * (number + 1)}`,
      year: `${1959 + number}`
    })
    await join(node, number % 2 === 0 ? first : second)
    others.push(node)
  }
  await until(() => others.every(node => tables(node).spare !== null && announced(node)), 15_000)
  return { first, second, others }
}

describe('a network of two supernodes', () => {
  it('gives each ordinary node a supernode and a spare, and finds by words and tags what all share', async () => {
    const { others } = await network(3)
    const [a, b, c] = others as [RealNode, RealNode, RealNode]
    for (const node of others) expect(tables(node).supernode).not.toBe(tables(node).spare)
    expect(await namesOf(a, 'track')).toEqual(['track 1.flac', 'track 2.flac'])
    expect(await namesOf(b, 'track artist=miles')).toEqual(['track 0.flac'])
    expect(await namesOf(c, 'artist="john coltrane" bitrate=>=200')).toEqual(['track 1.flac'])
    expect(await namesOf(c, 'track year=1950..1959')).toEqual(['track 0.flac'])
    expect(await namesOf(c, 'track artist=parker')).toEqual([])
    const [file] = b.catalogue.shared.values()
    const providers = await gather(a.service.findProviders(file!.id, { timeoutMs: 3000 }))
    expect(providers.map(({ peerId }) => peerId)).toEqual([b.peerId])
    expect(providers[0]!.addresses.length).toBeGreaterThan(0)
  })

  it('finds no file any more that is not shared, and finds one that is shared since', async () => {
    const { first, second, others } = await network(2)
    const [a, b] = others as [RealNode, RealNode]
    const [file] = b.catalogue.shared.values()
    const has = ({ index }: RealNode, key: number) => index.inner.has(b.peerId, `${key}`)
    b.catalogue.remove(file!)
    const added = b.catalogue.add('Giant Steps.flac', undefined, { artist: 'John Coltrane' })
    await until(() => [first, second].some(node => has(node, added.index)))
    expect([first, second].some(node => has(node, file!.index))).toBe(false)
    expect(await namesOf(a, 'steps giant')).toEqual(['Giant Steps.flac'])
    expect(await namesOf(a, 'track')).toEqual([])
  })

  it('goes on through the spare when the supernode dies', async () => {
    const { first, second, others } = await network(3)
    const home = tables(others[0]!).supernode
    const dying = home === first.peerId ? first : second
    const staying = dying === first ? second : first
    await stopNode(dying)
    await until(() => others.every(node => tables(node).supernode === staying.peerId && announced(node)))
    expect(await namesOf(others[0]!, 'track')).toEqual(['track 1.flac', 'track 2.flac'])
    expect(tables(staying).users).toBe(3)
  })
})

describe('a search that may have two rounds', () => {
  it.each([
    [SEARCH_ENOUGH - 1, true],
    [SEARCH_ENOUGH, false]
  ])(
    'and has found %i files in the first goes on: %s',
    async (files, goesOn) => {
      const [first, second] = [await startNode({ role: 'supernode' }), await startNode({ role: 'supernode' })]
      const [sharer, other] = [await startNode({ role: 'ordinary' }), await startNode({ role: 'ordinary' })]
      for (let number = 0; number < files; number += 1) sharer.catalogue.add(`song ${number}.flac`)
      other.catalogue.add('song elsewhere.flac')
      await join(sharer, first)
      await join(other, second)
      await until(() => announced(sharer) && announced(other))

      // On a slow machine, too, all of the first round is verified before it is decided on the next.
      const setTimeout: Clock['setTimeout'] = (run, afterMs) =>
        systemClock.setTimeout(run, afterMs === ROUND_SETTLE_MS ? 3_000 : afterMs)
      const clock = { ...systemClock, setTimeout }
      const seeker = await startNode({ role: 'ordinary', ttl: 0, rounds: 2, clock })
      await join(seeker, first)
      await until(() => tables(seeker).supernode === first.peerId)
      await join(seeker, second)
      await until(() => tables(seeker).spare === second.peerId, 40_000)
      const found = await namesOf(seeker, 'song', { timeoutMs: 20_000 })
      expect(found).toHaveLength(SEARCH_ENOUGH)
      expect(found.includes('song elsewhere.flac')).toBe(goesOn)
      expect(tables(seeker).supernode).toBe((goesOn ? second : first).peerId)
    },
    90_000
  )
})

describe('a supernode with too many users', () => {
  it('has one of them be a supernode that can be dialled, and both serve all', async () => {
    const first = await startNode({
      role: 'supernode',
      ordinariesPerSupernode: 2,
      promotionDelayMs: BALANCE_MS
    })
    const others: RealNode[] = []
    for (let number = 0; number < 3; number += 1) {
      const node = await startNode({ ordinariesPerSupernode: 2, noInbound: number === 0 })
      node.catalogue.add(`song ${number}.flac`)
      await join(node, first)
      others.push(node)
    }
    await until(() => others.every(announced))
    // It is its turn at the second look at the latest.
    await until(() => others.some(node => tables(node).role === 'supernode'), 30_000)
    const promoted = others.filter(node => tables(node).role === 'supernode')
    expect(promoted).toHaveLength(1)
    expect(promoted[0]).not.toBe(others[0])
    await until(() => tables(promoted[0]!).neighbours.some(({ bond }) => bond === 'peering'), 10_000)
    await until(() => others.every(announced))
    for (const [number, node] of others.entries()) {
      const rest = [0, 1, 2].filter(other => other !== number).map(other => `song ${other}.flac`)
      expect(await namesOf(node, 'song')).toEqual(rest)
    }
  }, 90_000)
})

describe('a sharer that cannot be dialled', () => {
  it('is asked by way of the supernodes to call, and serves what was asked for', async () => {
    const { second } = await network(0)
    const sharer = await startNode({ role: 'ordinary', noInbound: true })
    const file = sharer.catalogue.add('hidden gem.flac')
    await join(sharer, second)
    const { others } = { others: [await startNode({ role: 'ordinary' })] }
    await join(others[0]!, second)
    await until(() => announced(sharer) && tables(others[0]!).supernode !== null)
    const [hit] = await gather(others[0]!.service.search(parseQuery('hidden gem'), { timeoutMs: 3000 }))
    expect(hit?.provider.push).toEqual({ overlay: 'fasttrack', servent: sharer.peerId, index: file.index })
    const { duplex, peerId } = await others[0]!.service.push(
      hit!.provider,
      file.id,
      AbortSignal.timeout(10_000)
    )
    expect(peerId).toBe(sharer.peerId)
    const asked = request({ path: `/${file.index}`, createConnection: () => duplex as never })
    asked.end()
    const [response] = await once(asked, 'response')
    const body = Buffer.concat(await gather<Buffer>(response)).toString()
    expect(body).toBe('content of hidden gem.flac')
    duplex.destroy()
  })
})
