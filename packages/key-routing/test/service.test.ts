/** The service on real libp2p nodes: announcing, searching, values, and libp2p's routing. */
import { generateKeyPair } from '@libp2p/crypto/keys'
import { contentRoutingSymbol, peerRoutingSymbol } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { parseQuery, type SharedFile } from '@servent/overlay'
import { base58btc } from 'multiformats/bases/base58'
import { CID } from 'multiformats/cid'
import { sha256 } from 'multiformats/hashes/sha2'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { type LookupCost, VALUE_BYTES_MAX, VALUE_KEY_BYTES_MAX } from '../src/index.ts'
import { ServiceCommands } from '../src/service-commands.ts'
import { all, linkAll, type MeshNode, startMesh, startNode, stopNode, stopNodes, until } from './mesh.ts'

afterEach(stopNodes)

const text = (value: Uint8Array | undefined) => new TextDecoder().decode(value)
const bytes = (value: string) => new TextEncoder().encode(value)
const announced = (node: MeshNode) => {
  const { files, of } = node.service.snapshot().announced!
  return `${files} of ${of}`
}
const published = (node: MeshNode) => node.service.snapshot().counters.recordsPublished

describe('files', () => {
  it('are found by two words and by id, with addresses, and not any more when they are unshared', async () => {
    const [sharer, searcher, ...others] = (await startMesh(5)) as [MeshNode, MeshNode, ...MeshNode[]]
    const file = sharer.catalogue.add('Miles Davis - Kind of Blue.flac', 'kind of blue', { year: '1959' })
    sharer.catalogue.add('Miles Davis - Sketches of Spain.flac')
    await until(() => announced(sharer) === '2 of 2')
    const traffic = { messages: 0, bytes: 0 }
    const hits = await all(searcher.service.search(parseQuery('BLUE davis'), { traffic }))
    expect(hits.map(({ record }) => record.name)).toEqual([file.name])
    expect(hits[0]).toMatchObject({ provider: { peerId: sharer.peerId, overlay: 'chord' }, overlay: 'chord' })
    expect(hits[0]!.provider.addresses).toEqual([`/ip4/127.0.0.1/tcp/${sharer.port}`])
    // Two words have two homes at most, so two of four searchers at least ask others.
    for (const { service } of others) await all(service.search(parseQuery('BLUE davis'), { traffic }))
    expect(traffic.messages).toBeGreaterThan(0)
    expect(traffic.bytes).toBeGreaterThan(100)
    expect(await all(searcher.service.search(parseQuery('davis')))).toHaveLength(2)
    expect(await all(searcher.service.search(parseQuery('davis', { limit: 1 })))).toHaveLength(1)
    expect(await all(searcher.service.search(parseQuery('year=1959')))).toHaveLength(1)
    expect(await all(searcher.service.search(parseQuery('davis green')))).toEqual([])
    const providers = await all(searcher.service.findProviders(file.id))
    expect(providers).toEqual([
      { peerId: sharer.peerId, addresses: [`/ip4/127.0.0.1/tcp/${sharer.port}`], overlay: 'chord' }
    ])
    // What a peer shares itself it does not find.
    expect(await all(sharer.service.search(parseQuery('blue')))).toEqual([])
    sharer.catalogue.remove(file)
    await until(async () => (await all(searcher.service.findProviders(file.id))).length === 0)
    expect(await all(searcher.service.search(parseQuery('blue')))).toEqual([])
    expect(announced(sharer)).toBe('1 of 1')
  })

  it('are announced after a restart where they are due, and not all at once', async () => {
    const [sharer, ...others] = (await startMesh(4)) as [MeshNode, ...MeshNode[]]
    for (const name of ['one red', 'two red', 'three red']) sharer.catalogue.add(name)
    await until(() => announced(sharer) === '3 of 3')
    const first = published(sharer)
    expect(first).toBe(9)
    await stopNode(sharer)
    const { privateKey, store, catalogue, port } = sharer
    const again = await startNode({ privateKey, store, catalogue, port })
    await linkAll([...others, again])
    catalogue.add('four red')
    await until(() => announced(again) === '4 of 4')
    expect(published(again)).toBe(3)
    // A network that has forgotten this peer is told everything again.
    await stopNodes()
    const alone = await startNode({ privateKey, store, catalogue, port })
    await until(() => announced(alone) === '4 of 4' && published(alone)! > 0)
    expect(published(alone)).toBe(12)
  })

  it('that are being fetched are found by their id alone, until that ends; what became a share stays', async () => {
    const [fetcher, searcher] = (await startMesh(4)) as [MeshNode, MeshNode, ...MeshNode[]]
    const { catalogue } = fetcher
    const [first, second] = [catalogue.add('blue train'), catalogue.add('blue monk')]
    for (const file of [first, second]) catalogue.remove(file)
    const found = async (file: SharedFile) => (await all(searcher.service.findProviders(file.id))).length
    for (const file of [first, second]) catalogue.fetching('added', file)
    await until(async () => (await found(first)) === 1 && (await found(second)) === 1)
    expect(await all(searcher.service.search(parseQuery('blue')))).toEqual([])
    expect(announced(fetcher)).toBe('0 of 0')
    catalogue.fetching('removed', first)
    await until(async () => (await found(first)) === 0)
    // The other one is whole and is shared before its download is out of the list.
    const shared = catalogue.add('blue monk')
    catalogue.fetching('removed', second)
    await until(() => announced(fetcher) === '1 of 1')
    await until(async () => (await all(searcher.service.search(parseQuery('monk')))).length === 1)
    expect(await found(shared)).toBe(1)
    expect(fetcher.service.snapshot().counters.filesWithdrawn).toBe(1)
    // And the reverse: what is fetched again is found when it is shared no more.
    catalogue.fetching('added', second)
    catalogue.remove(shared)
    await until(() => fetcher.service.snapshot().counters.filesWithdrawn === 2)
    await until(async () => (await found(second)) === 1)
    expect(await all(searcher.service.search(parseQuery('monk')))).toEqual([])
  })

  it('are announced within the budget, with honest progress on the way', async () => {
    const [sharer] = (await startMesh(2, { publishBytesPerS: 40_000 })) as [MeshNode]
    for (let index = 0; index < 150; index += 1)
      sharer.catalogue.add(`a song with several words ${index}.mp3`)
    await until(() => announced(sharer) !== '0 of 150')
    expect(sharer.service.snapshot().announced!.files).toBeLessThan(150)
    const { files } = sharer.service.snapshot().announced!
    await until(() => sharer.service.snapshot().announced!.files > files, 15_000)
  })
})

describe('values', () => {
  it('are read by others, overwritten by anybody, and survive the death of their owner', async () => {
    const mesh = await startMesh(5)
    const [writer, reader] = mesh as [MeshNode, MeshNode]
    const { copies } = await writer.service.put('colour', bytes('blue'))
    expect(copies).toBeGreaterThanOrEqual(3)
    const found = await reader.service.get('colour')
    expect(found).toMatchObject({ writer: writer.peerId, holders: 2 })
    expect(text(found?.value)).toBe('blue')
    await reader.service.put('colour', bytes('green'))
    expect(text((await writer.service.get('colour'))?.value)).toBe('green')
    const keys = Array.from({ length: 12 }, (_, index) => `key ${index}`)
    for (const key of keys) await writer.service.put(key, bytes(key))
    // Whoever is the root of most of them.
    const [owner] = mesh.slice(1).sort((a, b) => rootsOf(b) - rootsOf(a))
    expect(rootsOf(owner!)).toBeGreaterThan(0)
    await stopNode(owner!)
    for (const key of keys) expect(text((await writer.service.get(key))?.value)).toBe(key)
    expect(await writer.service.get('shape')).toBeUndefined()
  })

  it('have bounds, and a namespace has a validator', async () => {
    const even = async (_: Uint8Array, value: Uint8Array) => {
      if (value[0]! % 2 !== 0) throw new Error('An odd value.')
    }
    const smallest = (_: Uint8Array, values: readonly Uint8Array[]) =>
      values.reduce((best, value, index) => (value[0]! < values[best]![0]! ? index : best), 0)
    const [one, two] = (await startMesh(3, {
      validators: { even },
      selectors: { even: smallest }
    })) as [MeshNode, MeshNode]
    await one.service.put(new Uint8Array(VALUE_KEY_BYTES_MAX).fill(65), new Uint8Array(VALUE_BYTES_MAX))
    const found = await two.service.get(new Uint8Array(VALUE_KEY_BYTES_MAX).fill(65))
    expect(found?.value.length).toBe(VALUE_BYTES_MAX)
    const refused = (put: Promise<unknown>) =>
      expect(put).rejects.toThrow(expect.objectContaining({ name: 'ValueError' }))
    await refused(one.service.put(new Uint8Array(VALUE_KEY_BYTES_MAX + 1), bytes('x')))
    await refused(one.service.put('x', new Uint8Array(VALUE_BYTES_MAX + 1)))
    await refused(one.service.put('', bytes('x')))
    await refused(one.service.put('/nobody/x', bytes('x')))
    await expect(one.service.put('/even/x', Uint8Array.of(3))).rejects.toThrow('An odd value.')
    await one.service.put('/even/x', Uint8Array.of(6))
    await two.service.put('/even/x', Uint8Array.of(4))
    // The selector says which is the better one, not the clock.
    await refused(two.service.put('/even/x', Uint8Array.of(8)))
    expect((await one.service.get('/even/x'))?.value).toEqual(Uint8Array.of(4))
  })

  it('under /pk/ are public keys', async () => {
    const [one, two] = (await startMesh(2)) as [MeshNode, MeshNode]
    const { publicKey } = await generateKeyPair('Ed25519')
    const key = Uint8Array.from([...bytes('/pk/'), ...publicKey.toMultihash().bytes])
    const { publicKeyToProtobuf } = await import('@libp2p/crypto/keys')
    await one.service.put(key, publicKeyToProtobuf(publicKey))
    expect((await two.service.get(key))?.value).toEqual(publicKeyToProtobuf(publicKey))
    await expect(one.service.put(key, publicKeyToProtobuf(one.privateKey.publicKey))).rejects.toThrow(/hash/)
    await expect(one.service.put(key, bytes('x'))).rejects.toThrow(/none/)
  })
})

function rootsOf(node: MeshNode): number {
  return (node.service.snapshot().store as { rootRecords: number }).rootRecords
}

describe('libp2p', () => {
  it('finds content by any form of its CID, with addresses', async () => {
    const mesh = await startMesh(4)
    const [provider, asker] = mesh as [MeshNode, MeshNode]
    const hash = await sha256.digest(bytes('a block'))
    await provider.libp2p.contentRouting.provide(CID.createV1(0x55, hash))
    for (const cid of [CID.createV0(hash), CID.createV1(0x70, hash), CID.createV1(0x55, hash)]) {
      const found = await all(asker.libp2p.contentRouting.findProviders(cid))
      expect(found.map(({ id, multiaddrs }) => [id.toString(), multiaddrs.map(String)])).toEqual([
        [provider.peerId, [`/ip4/127.0.0.1/tcp/${provider.port}`]]
      ])
    }
    const routing = asker.service[contentRoutingSymbol]
    expect((await all(routing.findProviders(CID.createV0(hash))))[0]?.routing).toBe('chord')
    await provider.service[contentRoutingSymbol].cancelReprovide(CID.createV0(hash))
    expect(
      await all(asker.libp2p.contentRouting.findProviders(CID.createV0(await sha256.digest(bytes('no')))))
    ).toEqual([])
  })

  it('puts and gets values', async () => {
    const [one, two] = (await startMesh(3)) as [MeshNode, MeshNode]
    await one.libp2p.contentRouting.put(bytes('key'), bytes('value'))
    expect(text(await two.libp2p.contentRouting.get(bytes('key')))).toBe('value')
    const missing = two.service[contentRoutingSymbol].get(bytes('none'))
    await expect(missing).rejects.toThrow(expect.objectContaining({ name: 'NotFoundError' }))
  })

  it('finds peers and those closest to a key', async () => {
    const mesh = await startMesh(4)
    const [asker, other] = mesh as [MeshNode, MeshNode]
    const routing = asker.service[peerRoutingSymbol]
    const info = await routing.findPeer(peerIdFromString(other.peerId))
    expect([info.id.toString(), info.multiaddrs.map(String)]).toEqual([
      other.peerId,
      [`/ip4/127.0.0.1/tcp/${other.port}`]
    ])
    const stranger = peerIdFromString(
      base58btc.baseEncode(Uint8Array.from([0, 36, 8, 1, 18, 32, ...Array(32).fill(7)]))
    )
    await expect(routing.findPeer(stranger)).rejects.toThrow(
      expect.objectContaining({ name: 'NotFoundError' })
    )
    const closest = await all(routing.getClosestPeers(peerIdFromString(other.peerId).toMultihash().bytes))
    expect(closest).toHaveLength(4)
    // The nearest comes last.
    expect(closest.at(-1)?.id.toString()).toBe(other.peerId)
  })
})

it('a lookup says what it met, and so does one that failed', async () => {
  const [{ service }] = (await startMesh(3)) as [MeshNode]
  const key = new Uint8Array(32).fill(7)
  const cost: LookupCost = {}
  expect(await service.lookup(key, undefined, cost)).toMatchObject({ timeouts: 0 })
  expect(cost).toEqual({ timeouts: 0 })
  const failed = { type: 'lookup-failed', command: 1, reason: 'no-route', hops: 1, timeouts: 2, elapsedMs: 1 }
  const ask = vi.spyOn(ServiceCommands.prototype, 'ask').mockResolvedValue(failed as never)
  expect(await service.lookup(key, undefined, cost).finally(() => ask.mockRestore())).toBeUndefined()
  expect(cost).toEqual({ timeouts: 2 })
})

describe('an overlay that has stopped', () => {
  it('says so to whoever asks it, and ends what was asked before', async () => {
    const [one] = (await startMesh(2)) as [MeshNode]
    await stopNode(one)
    const stopped = expect.objectContaining({ name: 'OverlayStoppedError' })
    await expect(one.service.put('a', bytes('b'))).rejects.toThrow(stopped)
    await expect(all(one.service.search(parseQuery('a')))).rejects.toThrow(stopped)
  })

  it('is not waited for by whoever has no time left', async () => {
    const [one] = (await startMesh(2)) as [MeshNode]
    const given = AbortSignal.abort(new Error('enough'))
    await expect(one.service.get('a', { signal: given })).rejects.toThrow('enough')
    await expect(all(one.service.search(parseQuery('a'), { signal: given }))).rejects.toThrow('enough')
  })
})
