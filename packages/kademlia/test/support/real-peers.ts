/** Peers of `@libp2p/kad-dht` itself on loopback, and what their lookups cost. */
import { identify } from '@libp2p/identify'
import type { Libp2p } from '@libp2p/interface'
import { type KadDHT, kadDHT, passthroughMapper, type SingleKadDHT } from '@libp2p/kad-dht'
import { noise } from '@libp2p/noise'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { boundedYamux } from '@servent/libp2p-host'
import { type Key, keyOfPeer } from '@servent/overlay'
import { createLibp2p } from 'libp2p'
import { KADEMLIA_PROTOCOL } from '../../src/constants.ts'
import { compareXor } from '../../src/xor.ts'

export interface RealPeer {
  readonly node: Libp2p
  readonly dht: KadDHT & SingleKadDHT
  readonly key: Key
}

/** What of its table kad-dht's types do not say. */
interface RoutingTable {
  readonly kBucketSize: number
  closestPeers(key: Key, options: { readonly count: number }): { toString(): string }[]
}

export interface LookupCost {
  readonly isCorrect: boolean
  /** Requests until the nearest had answered. */
  readonly hops: number
  readonly requests: number
}

/** Everybody on this machine has the same address, and all come at once. */
const FROM_ONE_HOST = { inboundConnectionThreshold: 10_000, maxIncomingPendingConnections: 1_000 }

const DIALS_MAX = 5
const QUIET_MS = 5_000
const QUIET_TRIES_MAX = 24
/** A lookup among peers that share one machine. */
const LOOKUP_MS = 120_000

export async function startRealPeers(
  count: number,
  settings: { readonly k: number; readonly alpha: number; readonly disjointPaths: number }
): Promise<RealPeer[]> {
  const peers: RealPeer[] = []
  while (peers.length < count) {
    const node = await createLibp2p({
      addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
      connectionManager: FROM_ONE_HOST,
      connectionMonitor: { enabled: false },
      transports: [tcp()],
      connectionEncrypters: [noise()],
      streamMuxers: [boundedYamux()],
      services: {
        identify: identify(),
        ping: ping(),
        dht: kadDHT({
          protocol: KADEMLIA_PROTOCOL,
          clientMode: false,
          peerInfoMapper: passthroughMapper,
          kBucketSize: settings.k,
          alpha: settings.alpha,
          disjointPaths: settings.disjointPaths
        }) as never
      }
    })
    const dht = (node.services as unknown as { dht: KadDHT & SingleKadDHT }).dht
    const known = peers[Math.floor(peers.length / 2)]
    if (known !== undefined) await meet(node, known.node)
    peers.push({ node, dht, key: keyOfPeer(node.peerId.toMultihash().bytes) })
  }
  await untilQuiet(peers)
  return peers
}

/** A machine that is busy with all of them may miss the time of a dial. */
async function meet(node: Libp2p, known: Libp2p): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await node.dial(known.getMultiaddrs()[0]!)
      return
    } catch (error) {
      if (tries === DIALS_MAX) throw error
    }
  }
}

/** Each looks up its own key and one of each bucket when it has started: tables grow as long as that goes on. */
async function untilQuiet(peers: readonly RealPeer[]): Promise<void> {
  const entries = () => peers.reduce((sum, { dht }) => sum + dht.routingTable.size, 0)
  for (let before = -1, tries = 0; before !== entries() && tries < QUIET_TRIES_MAX; tries += 1) {
    before = entries()
    await new Promise(resolve => setTimeout(resolve, QUIET_MS))
  }
}

export const stopAll = (peers: readonly RealPeer[]) => Promise.all(peers.map(({ node }) => node.stop()))

/** Looks up what these bytes are hashed to; `key` is that. Nothing where the origin is the nearest itself. */
export async function realLookup(
  peers: readonly RealPeer[],
  origin: RealPeer,
  bytes: Uint8Array,
  key: Key
): Promise<LookupCost | undefined> {
  const nearest = [...peers].sort((a, b) => compareXor(key, a.key, b.key))[0]!
  if (nearest === origin) return undefined
  // Whoever is known at first is a step away, whoever else names it.
  const known = origin.dht.routingTable as unknown as RoutingTable
  const steps = new Map(known.closestPeers(key, { count: known.kBucketSize }).map(id => [`${id}`, 1]))
  const stepsTo = (peer: string) => steps.get(peer) ?? 1
  let requests = 0
  let first: string | undefined
  for await (const event of origin.dht.getClosestPeers(bytes, { signal: AbortSignal.timeout(LOOKUP_MS) })) {
    if (event.name === 'SEND_QUERY') requests += 1
    else if (event.name === 'PEER_RESPONSE') {
      for (const { id } of event.closer)
        if (!steps.has(`${id}`)) steps.set(`${id}`, stepsTo(`${event.from}`) + 1)
    } else if (event.name === 'FINAL_PEER') first ??= `${event.peer.id}`
  }
  const found = first ?? ''
  return { isCorrect: found === `${nearest.node.peerId}`, hops: stepsTo(found), requests }
}
