/** Real libp2p nodes on loopback with a catalogue in memory, for tests of the service. */
import { createServer, type Server } from 'node:http'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { identify } from '@libp2p/identify'
import type { Libp2p, PrivateKey } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import type { Multiaddr } from '@multiformats/multiaddr'
import { boundedYamux, MemoryStore } from '@servent/libp2p-host'
import { MemoryCatalogue } from '@servent/overlay/testing'
import { createLibp2p } from 'libp2p'
import { napster } from '../src/index.ts'
import type { NapsterService } from '../src/service.ts'
import type { NapsterInit, NapsterServerInit } from '../src/service-init.ts'
import { NaiveIndex } from './naive-index.ts'

export interface RealNode {
  readonly libp2p: Libp2p<{ napster: NapsterService }>
  readonly service: NapsterService
  readonly catalogue: MemoryCatalogue
  readonly index: NaiveIndex
  readonly privateKey: PrivateKey
  readonly peerId: string
  /** With its PeerId. */
  readonly address: Multiaddr
}

export interface RealNodeInit extends Partial<Omit<NapsterInit, 'server'>> {
  readonly noInbound?: boolean
  readonly server?: Partial<NapsterServerInit>
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
  server,
  ...init
}: RealNodeInit = {}): Promise<RealNode> {
  const privateKey = init.privateKey ?? (await generateKeyPair('Ed25519'))
  const catalogue = new MemoryCatalogue()
  const files = fileServer(catalogue)
  const index = new NaiveIndex()
  const libp2p = await createLibp2p({
    privateKey,
    addresses: { listen: noInbound ? [] : ['/ip4/127.0.0.1/tcp/0'] },
    connectionGater: { denyInboundConnection: () => noInbound, denyDialMultiaddr: () => false },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [boundedYamux()],
    services: {
      identify: identify(),
      napster: napster({
        privateKey,
        store: new MemoryStore(),
        servePushed: duplex => files.emit('connection', duplex),
        firewalled: () => noInbound,
        ...(server === undefined ? {} : { server: { index, ...server } }),
        ...init
      })
    }
  })
  const service = libp2p.services.napster
  service.attach(catalogue)
  const address = libp2p.getMultiaddrs()[0]!
  const node = { libp2p, service, catalogue, index, privateKey, peerId: libp2p.peerId.toString(), address }
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

/** PeerId of the server that it is logged in at. */
export const homeOf = ({ service }: RealNode): unknown => service.snapshot().server

export async function loggedIn(...users: readonly RealNode[]): Promise<void> {
  await until(() => users.every(user => homeOf(user) !== null))
}

export async function announced(...users: readonly RealNode[]): Promise<void> {
  await until(() =>
    users.every(({ service, catalogue }) => service.snapshot().announced?.files === catalogue.shared.size)
  )
}

export async function until(condition: () => boolean, forMs = 10_000): Promise<void> {
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
