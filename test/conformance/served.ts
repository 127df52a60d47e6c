/**
 * Services of structured overlays as whoever embeds them has them: an `Overlay` with a catalogue, values, a store that
 * outlives it. A place is where they run: real libp2p nodes on loopback, or the fakes with their virtual clock.
 */
import { generateKeyPair } from '@libp2p/crypto/keys'
import { identify } from '@libp2p/identify'
import type { PrivateKey } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { boundedYamux, type Clock, type HostComponents, MemoryStore } from '@servent/libp2p-host'
import { FakeNetwork } from '@servent/libp2p-host/testing'
import { type Overlay, peerIdText } from '@servent/overlay'
import { MemoryCatalogue } from '@servent/overlay/testing'
import { randomOf } from '@servent/simulator'
import { createLibp2p } from 'libp2p'

/** What the services of all structured overlays have. */
export interface ServedOverlay extends Overlay {
  start(): void | Promise<void>
  beforeStop?(): Promise<void>
  stop(): Promise<void>
  put(key: string, value: Uint8Array, options?: { signal?: AbortSignal }): Promise<{ copies: number }>
  get(key: string): Promise<{ readonly value: Uint8Array; readonly writer: string } | undefined>
}

export interface ServedInit {
  readonly bootstrap: readonly string[]
  readonly privateKey: PrivateKey
  readonly store: MemoryStore
  /** Holders of a record; where it is left out, what the test's overlay has. */
  readonly replicas?: number
  readonly clock?: Clock
  readonly random?: () => number
}

export type CreateOverlay = (init: ServedInit) => (components: never) => ServedOverlay

/** What is left of a peer when it does not run. */
export interface Kept {
  readonly seed: number
  readonly privateKey: PrivateKey
  readonly store: MemoryStore
  readonly catalogue: MemoryCatalogue
}

export interface ServedPeer {
  readonly peerId: string
  readonly addresses: readonly string[]
  readonly service: ServedOverlay
  readonly kept: Kept
  /** It says goodbye, as far as its overlay does. */
  stop(): Promise<void>
  /** Its process is gone. */
  crash(): Promise<void>
}

export interface Place {
  /** A new peer, or one that comes back. */
  start(create: CreateOverlay, bootstrap: readonly string[], kept?: Kept): Promise<ServedPeer>
  /** Nobody of these reaches anybody else any more, nor is reached: until it is healed. */
  split(side: readonly ServedPeer[]): void
  heal(): void
  /** Lets time pass until work is done. */
  done<T>(work: Promise<T>): Promise<T>
  pass(ms: number): Promise<void>
  nowMs(): number
}

async function keptOf(seed: number, privateKey?: PrivateKey): Promise<Kept> {
  const key = privateKey ?? (await generateKeyPair('Ed25519'))
  return { seed, privateKey: key, store: new MemoryStore(), catalogue: new MemoryCatalogue() }
}

export function overTcp(): Place {
  let side: ReadonlySet<string> | undefined
  const isApart = (one: string, other: string) => side !== undefined && side.has(one) !== side.has(other)
  const running = new Map<string, { abortAll(isBroken: (other: string) => boolean): void }>()
  return {
    start: async (create, bootstrap, known) => {
      const kept = known ?? (await keptOf(0))
      const own = peerIdText(kept.privateKey.publicKey.toMultihash().bytes)
      const deny = (other: { toString(): string }) => isApart(own, `${other}`)
      const node = await createLibp2p({
        privateKey: kept.privateKey,
        addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
        transports: [tcp()],
        connectionEncrypters: [noise()],
        streamMuxers: [boundedYamux()],
        connectionManager: { inboundConnectionThreshold: 1_000, maxIncomingPendingConnections: 100 },
        connectionGater: {
          denyDialPeer: deny,
          denyInboundEncryptedConnection: deny,
          denyOutboundEncryptedConnection: deny
        },
        services: {
          identify: identify(),
          ping: ping(),
          overlay: create({ bootstrap, privateKey: kept.privateKey, store: kept.store }) as never
        }
      })
      const { overlay: service } = node.services as unknown as { overlay: ServedOverlay }
      service.attach(kept.catalogue)
      const peerId = `${node.peerId}`
      const abortAll = (isBroken: (other: string) => boolean) => {
        for (const connection of node.getConnections())
          if (isBroken(`${connection.remotePeer}`)) connection.abort(new Error('The network is gone.'))
      }
      running.set(peerId, { abortAll })
      return {
        peerId,
        addresses: node.getMultiaddrs().map(String),
        service,
        kept,
        stop: async () => {
          running.delete(peerId)
          await node.stop()
        },
        crash: async () => {
          running.delete(peerId)
          service.beforeStop = async () => {}
          abortAll(() => true)
          await node.stop()
        }
      }
    },
    split: peers => {
      side = new Set(peers.map(({ peerId }) => peerId))
      for (const [peerId, { abortAll }] of running) abortAll(other => isApart(peerId, other))
    },
    heal: () => {
      side = undefined
    },
    done: work => work,
    pass: ms => new Promise(resolve => setTimeout(resolve, ms)),
    nowMs: () => performance.now()
  }
}

export function onFakes(): Place {
  const network = new FakeNetwork()
  const nodes = new Map<string, Awaited<ReturnType<FakeNetwork['addNode']>>>()
  let side: readonly string[] = []
  const across = () => {
    const others = [...nodes.keys()].filter(peerId => !side.includes(peerId))
    return side.flatMap(one => others.map(other => [nodes.get(one)!, nodes.get(other)!] as const))
  }
  let seeds = 0
  let lives = 0
  return {
    start: async (create, bootstrap, known) => {
      if (known === undefined) seeds += 1
      const seed = known?.seed ?? seeds
      const node = await network.addNode({ name: `n${seed}`, seed })
      const kept = known ?? (await keptOf(seed, node.privateKey))
      const { clock, privateKey, components } = node
      // A peer that comes back has another chance than before: nobody's ids and secrets come twice.
      lives += 1
      const chance = randomOf(`${seed} ${lives}`)
      const random = () => chance.u32()
      const init: ServedInit = { bootstrap, privateKey, store: kept.store, clock, random }
      const service = create(init)(components as HostComponents as never)
      service.attach(kept.catalogue)
      await network.finish(Promise.resolve(service.start()))
      const peerId = `${node.peerId}`
      nodes.set(peerId, node)
      const end = async () => {
        nodes.delete(peerId)
        network.remove(node)
        await network.finish(service.stop())
      }
      return {
        peerId,
        addresses: node.addresses.map(String),
        service,
        kept,
        stop: async () => {
          await network.finish(service.beforeStop?.() ?? Promise.resolve())
          await network.runFor(100)
          await end()
        },
        crash: end
      }
    },
    split: peers => {
      side = peers.map(({ peerId }) => peerId)
      for (const [one, other] of across()) network.cut(one, other)
    },
    heal: () => {
      for (const [one, other] of across()) network.heal(one, other)
      side = []
    },
    done: work => network.finish(work, 120_000),
    pass: ms => network.runFor(ms),
    nowMs: () => network.clock.nowMs()
  }
}
