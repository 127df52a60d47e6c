/** Two tiers on real libp2p nodes over TCP, on loopback: ultrapeers, leaves, and one that nobody can dial. */
import { request } from 'node:http'
import type { Duplex } from 'node:stream'
import { text } from 'node:stream/consumers'
import { parseQuery } from '@servent/overlay'
import { afterEach, describe, expect, it } from 'vitest'
import type { SeenTiers } from '../src/types.ts'
import {
  gather,
  neighboursOf,
  type RealNode,
  type RealNodeInit,
  startNode,
  stopNodes,
  until
} from './real-nodes.ts'

afterEach(stopNodes)

const tiersOf = ({ service }: RealNode) => service.snapshot().tiers as SeenTiers
const dial = (from: RealNode, to: RealNode) => from.libp2p.dial(to.libp2p.getMultiaddrs())
const linked = (from: RealNode, to: RealNode) => until(() => neighboursOf(from).includes(to.peerId), 15_000)
const counter = ({ service }: RealNode, name: string) =>
  (service.snapshot().counters as Record<string, number>)[name]!

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

/** Two ultrapeers that are linked, and a leaf of both for each of these. */
async function network(...leaves: readonly RealNodeInit[]) {
  const first = await startNode({ role: 'ultrapeer' })
  const second = await startNode({ role: 'ultrapeer', files: ['ultrapeers own this.txt'] })
  await dial(second, first)
  await linked(second, first)
  const made: RealNode[] = []
  for (const init of leaves) {
    const leaf = await startNode({ role: 'leaf', ...init })
    made.push(leaf)
    await dial(leaf, first)
    // The other ultrapeer it hears of in the handshake.
    await linked(leaf, first)
    await linked(leaf, second)
  }
  const count = leaves.length
  await until(() =>
    [first, second].every(one => tiersOf(one).leaves === count && tiersOf(one).leavesUnrouted === 0)
  )
  return { first, second, leaves: made }
}

describe('two ultrapeers and three leaves, one of them firewalled', () => {
  it('find files of leaves and of ultrapeers, and ask only who may have them', async () => {
    const { leaves } = await network(
      {},
      { files: ['Kind of Blue.flac'], noInbound: true },
      { files: ['other.txt'] }
    )
    const [asker, sharer, other] = leaves as [RealNode, RealNode, RealNode]

    const [hit] = await gather(asker.service.search(parseQuery('blue kind')), 1)
    expect(hit).toMatchObject({ record: { name: 'Kind of Blue.flac', provider: sharer.peerId }, hops: 2 })
    const own = await gather(sharer.service.search(parseQuery('ultrapeers')), 1)
    expect(own).toMatchObject([{ record: { name: 'ultrapeers own this.txt' }, hops: 1 }])
    const file = [...sharer.catalogue.shared.values()][0]!
    const [provider] = await gather(asker.service.findProviders(file.id), 1)
    expect(provider).toMatchObject({ peerId: sharer.peerId })

    // The third one was never asked: its table says that it has nothing of the kind.
    expect(other.catalogue.matchesAsked).toBe(0)
    expect(counter(other, 'queriesReceived')).toBe(0)
  }, 30_000)

  it('have the firewalled one called by a push that its ultrapeers hand on', async () => {
    const { leaves } = await network({}, { files: ['song'], noInbound: true })
    const [asker, sharer] = leaves as [RealNode, RealNode]
    const [hit] = await gather(asker.service.search(parseQuery('song')), 1)
    const pushed = await asker.service.push(hit!.provider, hit!.record.id, AbortSignal.timeout(10_000))
    expect(pushed.peerId).toBe(sharer.peerId)
    expect(await httpGet(pushed.duplex, '/1')).toBe('the content of song')
    expect(sharer.inbound()).toBe(0)
  }, 30_000)

  it('go on when an ultrapeer is killed: its leaves find another', async () => {
    const { first, second, leaves } = await network({}, { files: ['song'], noInbound: true })
    const [asker, sharer] = leaves as [RealNode, RealNode]
    await first.libp2p.stop()
    await until(() => leaves.every(leaf => !neighboursOf(leaf).includes(first.peerId)))
    expect(await gather(asker.service.search(parseQuery('song')), 1)).toHaveLength(1)
    const third = await startNode({ role: 'ultrapeer' })
    await dial(third, second)
    await linked(third, second)
    // They ask the one that is left for others.
    for (const leaf of leaves) await linked(leaf, third)
    await second.libp2p.stop()
    await until(() => leaves.every(leaf => !neighboursOf(leaf).includes(second.peerId)))
    expect(await gather(asker.service.search(parseQuery('song')), 1)).toHaveLength(1)
    expect(neighboursOf(sharer)).toEqual([third.peerId])
  }, 60_000)
})

describe('what a leaf shares', () => {
  it('is told when it is added, without what is being read meanwhile being lost', async () => {
    const node = await startNode({ role: 'leaf', files: ['one.txt'] })
    await until(() => (tiersOf(node).table?.fill ?? 0) > 0)
    const before = tiersOf(node).table!.fill
    node.catalogue.add('two.txt', 'two')
    await until(() => tiersOf(node).table!.fill > before)
  })
})

describe('two nodes that know only each other', () => {
  it('begin a network: one becomes the ultrapeer of the other', async () => {
    const [one, other] = [
      await startNode({ role: 'auto', files: ['song'] }),
      await startNode({ role: 'auto' })
    ]
    await dial(one, other)
    await until(
      () => neighboursOf(one).includes(other.peerId) && neighboursOf(other).includes(one.peerId),
      15_000
    )
    expect([tiersOf(one).tier, tiersOf(other).tier].sort()).toEqual(['leaf', 'ultrapeer'])
    expect(await gather(other.service.search(parseQuery('song')), 1)).toHaveLength(1)
  }, 30_000)
})
