/** Real libp2p nodes on loopback with a catalogue in memory, for tests of the service. */
import { createServer, type Server } from 'node:http'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { identify } from '@libp2p/identify'
import type { Libp2p, PrivateKey } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { boundedYamux, MemoryStore } from '@servent/libp2p-host'
import { MemoryCatalogue } from '@servent/overlay/testing'
import { createLibp2p } from 'libp2p'
import { gnutella } from '../src/index.ts'
import type { GnutellaInit, GnutellaService } from '../src/service.ts'

export interface RealNode {
  readonly libp2p: Libp2p<{ gnutella: GnutellaService }>
  readonly service: GnutellaService
  readonly catalogue: MemoryCatalogue
  readonly privateKey: PrivateKey
  readonly peerId: string
  /** Connections that others opened to it. */
  readonly inbound: () => number
}

export interface RealNodeInit extends Partial<GnutellaInit> {
  readonly noInbound?: boolean
  /** Names of files that it shares from the start. */
  readonly files?: readonly string[]
}

const nodes: RealNode[] = []
const servers: Server[] = []
const strangers: Libp2p[] = []

/** Serves each file's bytes at `/<index>` on streams that it is given. */
function fileServer(catalogue: MemoryCatalogue): Server {
  const server = createServer((request, response) => {
    response.end(catalogue.contents.get(Number(request.url!.slice(1))))
  })
  servers.push(server)
  return server
}

export async function startNode({
  noInbound = false,
  files = [],
  ...init
}: RealNodeInit = {}): Promise<RealNode> {
  const privateKey = init.privateKey ?? (await generateKeyPair('Ed25519'))
  const catalogue = new MemoryCatalogue()
  for (const name of files) catalogue.add(name, `the content of ${name}`)
  const server = fileServer(catalogue)
  const libp2p = await createLibp2p({
    privateKey,
    addresses: { listen: noInbound ? [] : ['/ip4/127.0.0.1/tcp/0'] },
    connectionGater: { denyInboundConnection: () => noInbound, denyDialMultiaddr: () => false },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [boundedYamux()],
    services: {
      identify: identify(),
      gnutella: gnutella({
        privateKey,
        store: new MemoryStore(),
        servePushed: duplex => server.emit('connection', duplex),
        firewalled: () => noInbound,
        ...init
      })
    }
  })
  const service = libp2p.services.gnutella
  service.attach(catalogue)
  const inbound = () => libp2p.getConnections().filter(({ direction }) => direction === 'inbound').length
  const node = { libp2p, service, catalogue, privateKey, peerId: libp2p.peerId.toString(), inbound }
  nodes.push(node)
  return node
}

/** A libp2p node that speaks nothing by itself, in the hand of somebody who may send what they like. */
export async function startStranger(): Promise<Libp2p> {
  const libp2p = await createLibp2p({
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [boundedYamux()],
    services: { identify: identify() }
  })
  strangers.push(libp2p)
  return libp2p
}

/** Each node dials the one before; resolves when their links are up. */
export async function line(...made: readonly RealNode[]): Promise<void> {
  for (const [index, node] of made.entries()) {
    const before = made[index - 1]
    if (before === undefined) continue
    await node.libp2p.dial(before.libp2p.getMultiaddrs())
    await until(
      () => neighboursOf(node).includes(before.peerId) && neighboursOf(before).includes(node.peerId)
    )
  }
}

export function neighboursOf({ service }: RealNode): string[] {
  return service.snapshot().neighbours.map(({ peerId }) => peerId)
}

export async function until(condition: () => boolean, forMs = 5_000): Promise<void> {
  for (const endMs = Date.now() + forMs; !condition(); ) {
    if (Date.now() > endMs) throw new Error(`It did not come about within ${forMs} ms: ${condition}`)
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}

export async function stopNodes(): Promise<void> {
  await Promise.all(nodes.splice(0).map(({ libp2p }) => libp2p.stop()))
  await Promise.all(strangers.splice(0).map(stranger => stranger.stop()))
  for (const server of servers.splice(0)) server.close()
}

export async function gather<Value>(
  values: AsyncIterable<Value>,
  most = Number.POSITIVE_INFINITY
): Promise<Value[]> {
  const gathered: Value[] = []
  for await (const value of values) {
    gathered.push(value)
    if (gathered.length >= most) break
  }
  return gathered
}
