/** Downloads over real libp2p: TCP, Noise, Yamux with bounded frames, HTTP on one stream. */
import { readFile } from 'node:fs/promises'
import type { Libp2p } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { boundedYamux, streamDuplex } from '@servent/libp2p-host'
import { createLibp2p } from 'libp2p'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Connector, FileServer, HTTP_PROTOCOL } from '../src/index.ts'
import { Desk } from './helpers/desk.ts'
import { randomBytes, TestShare } from './helpers/share.ts'

const MiB = 2 ** 20

function node(): Promise<Libp2p> {
  return createLibp2p({
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [boundedYamux()]
  })
}

let sharing: Libp2p
let fetching: Libp2p
const share = new TestShare()
const server = new FileServer({ catalogue: share, blocks: share })
let streams = 0

beforeAll(async () => {
  ;[sharing, fetching] = await Promise.all([node(), node()])
  await sharing.handle(HTTP_PROTOCOL, (stream, connection) => {
    streams += 1
    server.serve(streamDuplex(stream), connection.remotePeer.toString())
  })
})
afterAll(async () => {
  await server.stop()
  await Promise.all([sharing.stop(), fetching.stop()])
})

const connector: Connector = {
  async connect(_provider, _id, signal) {
    const stream = await fetching.dialProtocol(sharing.getMultiaddrs(), HTTP_PROTOCOL, { signal })
    return { duplex: streamDuplex(stream), peerId: sharing.peerId.toString(), relayed: false }
  }
}

function provider() {
  return { peerId: sharing.peerId.toString(), addresses: sharing.getMultiaddrs().map(String) }
}

test('a file arrives over one stream, and the uploads show to whom', async () => {
  const desk = await Desk.make()
  const bytes = randomBytes(40 * MiB + 3)
  const { id } = share.add('a.bin', bytes)
  const seen = new Set<string>()
  share.beforeRead = () => {
    for (const { peer } of server.uploads()) seen.add(peer)
  }
  const downloads = await desk.open({ connector, limits: { rangeBytesMax: 8 * MiB } })
  const download = await downloads.start({ id, name: 'a.bin', providers: [provider()] })
  const { path } = await download.finished
  expect(Buffer.compare(await readFile(path), bytes)).toBe(0)
  expect(streams).toBe(1)
  expect([...seen]).toEqual([fetching.peerId.toString()])
  await desk.remove()
})

test('a connection that breaks in the middle is made again, and nothing verified is fetched again', async () => {
  const desk = await Desk.make()
  const bytes = randomBytes(32 * MiB, 3)
  const { id } = share.add('b.bin', bytes)
  let breaks = 0
  const reads: number[] = []
  share.beforeRead = async offset => {
    reads.push(offset)
    if (offset < 16 * MiB || offset >= 31 * MiB || breaks > 0) return
    breaks += 1
    for (const connection of sharing.getConnections()) connection.abort(new Error('The line is cut.'))
  }
  const downloads = await desk.open({ connector })
  const download = await downloads.start({ id, name: 'b.bin', providers: [provider()] })
  const { path, sources } = await download.finished
  expect({ breaks, sources }).toEqual({ breaks: 1, sources: 1 })
  expect(Buffer.compare(await readFile(path), bytes)).toBe(0)
  expect(reads.filter(offset => offset < 4 * MiB)).toHaveLength(8)
  await desk.remove()
})

test('two files at once from one peer share a connection', async () => {
  const desk = await Desk.make()
  const files = [4, 5].map(seed => share.add(`${seed}`, randomBytes(12 * MiB, seed)))
  share.beforeRead = () => {}
  const downloads = await desk.open({ connector })
  const begun = await Promise.all(
    files.map(({ id, name }) => downloads.start({ id, name, providers: [provider()] }))
  )
  await Promise.all(begun.map(download => download.finished))
  expect(fetching.getConnections()).toHaveLength(1)
  await desk.remove()
})
