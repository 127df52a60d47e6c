/** Real libp2p nodes on loopback with a catalogue and an index in memory, for tests of the service. */
import { createServer, type Server } from 'node:http'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { identify } from '@libp2p/identify'
import type { Libp2p } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { boundedYamux, MemoryStore } from '@servent/libp2p-host'
import { MemoryCatalogue } from '@servent/overlay/testing'
import { createLibp2p } from 'libp2p'
import { fasttrack } from '../src/index.ts'
import type { FastTrackInit, FastTrackService } from '../src/service.ts'
import { NaiveKeywordIndex } from './naive-index.ts'

export interface RealNode {
  readonly libp2p: Libp2p<{ fasttrack: FastTrackService }>
  readonly service: FastTrackService
  readonly catalogue: MemoryCatalogue
  readonly index: NaiveKeywordIndex
  readonly peerId: string
}

const nodes = new Set<RealNode>()
const servers: Server[] = []

export interface RealNodeInit extends Partial<FastTrackInit> {
  readonly noInbound?: boolean
}

export async function startNode({ noInbound = false, ...init }: RealNodeInit = {}): Promise<RealNode> {
  const privateKey = init.privateKey ?? (await generateKeyPair('Ed25519'))
  const catalogue = new MemoryCatalogue()
  const index = new NaiveKeywordIndex()
  const server = createServer((request, response) => {
    response.end(catalogue.contents.get(Number(request.url!.slice(1))))
  })
  servers.push(server)
  const libp2p = await createLibp2p({
    privateKey,
    addresses: { listen: noInbound ? [] : ['/ip4/127.0.0.1/tcp/0'] },
    connectionGater: { denyInboundConnection: () => noInbound, denyDialMultiaddr: () => false },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [boundedYamux()],
    services: {
      identify: identify(),
      fasttrack: fasttrack({
        privateKey,
        index,
        store: new MemoryStore(),
        servePushed: duplex => server.emit('connection', duplex),
        firewalled: () => noInbound,
        ...init
      })
    }
  })
  const service = libp2p.services.fasttrack
  service.attach(catalogue)
  const node = { libp2p, service, catalogue, index, peerId: libp2p.peerId.toString() }
  nodes.add(node)
  return node
}

export async function stopNode(node: RealNode): Promise<void> {
  nodes.delete(node)
  await node.libp2p.stop()
}

export async function stopNodes(): Promise<void> {
  await Promise.all([...nodes].map(stopNode))
  for (const server of servers.splice(0)) server.close()
}

export async function until(condition: () => boolean, forMs = 10_000): Promise<void> {
  for (const endMs = Date.now() + forMs; !condition(); ) {
    if (Date.now() > endMs) throw new Error(`It did not come about within ${forMs} ms: ${condition}`)
    await new Promise(resolve => setTimeout(resolve, 10))
  }
}

export async function gather<Value>(values: AsyncIterable<Value>): Promise<Value[]> {
  const gathered: Value[] = []
  for await (const value of values) gathered.push(value)
  return gathered
}
