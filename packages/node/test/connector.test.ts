import { once } from 'node:events'
import { createServer } from 'node:net'
import { PassThrough } from 'node:stream'
import type { Libp2p } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import type { Provider } from '@servent/overlay'
import { afterEach, expect, test } from 'vitest'
import { type ConnectorInit, HTTP_PROTOCOL, isPusher, NodeConnector, type Pusher } from '../src/connector.ts'
import { fakeOverlay, idOf, PEER_B } from './support/hits.ts'
import { startNetwork, stopNetworks } from './support/networks.ts'

afterEach(stopNetworks)

const signal = () => AbortSignal.timeout(10_000)
const push = { overlay: 'gnutella', servent: '00'.repeat(16), index: 1 } as const

const connectorOf = (network: Libp2p, pusher: ConnectorInit['pusher']) =>
  new NodeConnector({ network, pusher, callBack: async () => undefined })

/** A peer that speaks HTTP in so far as it takes the stream. */
async function provider(): Promise<Provider> {
  const network = await startNetwork()
  await network.handle(HTTP_PROTOCOL, () => {})
  return {
    peerId: `${network.peerId}`,
    addresses: network.getMultiaddrs().map(address => address.decapsulate('/p2p').toString())
  }
}

function pusher() {
  const asked: string[] = []
  const overlay: Pusher = {
    async push(provider) {
      asked.push(provider.peerId)
      return { duplex: new PassThrough(), peerId: provider.peerId }
    }
  }
  return { asked, overlay }
}

test('a provider is dialled where it can be, and held to its PeerId', async () => {
  const one = await provider()
  const { asked, overlay } = pusher()
  const connector = connectorOf(await startNetwork(), () => overlay)
  const connection = await connector.connect({ ...one, push }, idOf(1), signal())
  expect([connection.peerId, connection.relayed, asked]).toEqual([one.peerId, false, []])
  connection.duplex.destroy()
  const impostor = { peerId: PEER_B, addresses: one.addresses }
  await expect(connector.connect(impostor, idOf(1), signal())).rejects.toThrow()
})

test('one that moved is found where libp2p knows it to be', async () => {
  const one = await provider()
  const network = await startNetwork()
  await network.peerStore.merge(peerIdFromString(one.peerId), { multiaddrs: [multiaddr(one.addresses[0]!)] })
  const connector = connectorOf(network, () => undefined)
  const stale = {
    peerId: one.peerId,
    addresses: [`/ip4/127.0.0.1/tcp/${await freePort()}`, 'no address', `/ip4/127.0.0.1/tcp/1/p2p/${PEER_B}`]
  }
  const connection = await connector.connect(stale, idOf(1), signal())
  expect(connection.peerId).toBe(one.peerId)
  connection.duplex.destroy()
})

test('one that cannot be dialled is asked to call, where its hit says how', async () => {
  const { asked, overlay } = pusher()
  const network = await startNetwork()
  const gone = { peerId: PEER_B, addresses: [`/ip4/127.0.0.1/tcp/${await freePort()}`] }
  const connector = connectorOf(network, name => (name === 'gnutella' ? overlay : undefined))
  const connection = await connector.connect({ ...gone, push }, idOf(1), signal())
  expect([connection.peerId, connection.relayed, asked]).toEqual([PEER_B, false, [PEER_B]])
  await expect(connector.connect(gone, idOf(1), signal())).rejects.toThrow()
  await expect(
    connector.connect({ ...gone, push: { ...push, overlay: 'chord' } }, idOf(1), signal())
  ).rejects.toThrow()
  expect(asked).toEqual([PEER_B])
})

test('who has left asks nobody to call', async () => {
  const { asked, overlay } = pusher()
  const connector = connectorOf(await startNetwork(), () => overlay)
  const left = AbortSignal.abort(new Error('left'))
  await expect(connector.connect({ peerId: PEER_B, addresses: [], push }, idOf(1), left)).rejects.toThrow(
    'left'
  )
  expect(asked).toEqual([])
})

test('an overlay that can push is told from one that cannot', () => {
  const overlay = fakeOverlay('gnutella', [])
  expect([
    isPusher(undefined),
    isPusher(overlay),
    isPusher(Object.assign(overlay, pusher().overlay))
  ]).toEqual([false, false, true])
})

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

test('over a relay a provider is asked to call, also where the connection stands already, and once a minute', async () => {
  const relay = await startNetwork({ relay: 'serve' })
  const sharer = await startNetwork({ noInbound: true })
  const fetcher = await startNetwork()
  for (const network of [sharer, fetcher]) await network.dial(relay.getMultiaddrs())
  await expect.poll(() => sharer.getMultiaddrs().length).toBeGreaterThan(0)
  await sharer.handle(HTTP_PROTOCOL, () => {}, { runOnLimitedConnection: true })
  const asked: string[] = []
  const connector = new NodeConnector({
    network: fetcher,
    pusher: () => undefined,
    callBack: async relayed => {
      asked.push(relayed.remotePeer.toString())
      return undefined
    }
  })
  const standing = await fetcher.dial(sharer.getMultiaddrs())
  const provider = { peerId: `${sharer.peerId}`, addresses: [] }
  for (let n = 0; n < 2; n += 1) {
    const connection = await connector.connect(provider, idOf(1), signal())
    expect([connection.relayed, asked]).toEqual([true, [provider.peerId]])
    connection.duplex.destroy()
  }
  // Its own connection is better, once there is one.
  await sharer.dial(
    fetcher.getMultiaddrs().filter(address => !`${address}`.includes('circuit')),
    { force: true }
  )
  await expect.poll(() => fetcher.getConnections(sharer.peerId).length).toBe(2)
  const direct = await connector.connect(provider, idOf(1), signal())
  expect(direct.relayed).toBe(false)
  direct.duplex.destroy()
  await standing.close()
}, 60_000)
