/** The life of an overlay's network over TCP, Noise and Yamux on loopback, in real time: the same machines and chance, other PeerIds. */
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { identify } from '@libp2p/identify'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { boundedYamux, type HostComponents, MachineHost, MemoryStore } from '@servent/libp2p-host'
import { peerIdText } from '@servent/overlay'
import type { Contact, MachineTypes } from '@servent/overlay/machine'
import { createLibp2p } from 'libp2p'
import {
  HOST_LIMITS,
  type Life,
  type LifeInit,
  NAMES,
  type Name,
  Peers,
  type Ring,
  storeOfLife,
  watchedOf
} from './life.ts'
import { live } from './life-steps.ts'
import type { Watched } from './watched.ts'

const LOOK_MS = 10
/** A machine with other work takes longer than virtual time does. */
const PATIENCE = 4

/** Whether two peers are on different sides of a partition. */
type Apart = (one: string, other: string) => boolean

/** Keys of one life are no other's: a port that a peer of one gave up may be another's when it is dialled again. */
async function createNode(life: string, place: number, isApart: Apart) {
  const name = new TextEncoder().encode(`${place} ${life}`.padEnd(32)).subarray(0, 32)
  const privateKey = await generateKeyPairFromSeed('Ed25519', name)
  const self = peerIdText(privateKey.publicKey.toMultihash().bytes)
  return await createLibp2p({
    privateKey,
    // What was under way when the network parted is refused where it arrives.
    connectionGater: {
      denyDialPeer: peer => isApart(self, `${peer}`),
      denyInboundEncryptedConnection: peer => isApart(self, `${peer}`),
      denyOutboundEncryptedConnection: peer => isApart(self, `${peer}`)
    },
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [boundedYamux()],
    connectionManager: { inboundConnectionThreshold: 1_000, maxIncomingPendingConnections: 100 },
    services: { identify: identify(), parts: (components: HostComponents) => ({ components }) }
  })
}

interface Node<T extends MachineTypes> {
  readonly libp2p: Awaited<ReturnType<typeof createNode>>
  readonly watched: Watched<T>
  readonly host: MachineHost<T>
}

export async function onTcp<T extends MachineTypes>(init: LifeInit<T>): Promise<Life> {
  const { name: overlayName, protocol, codec, answered } = init.overlay
  const lifeName = `${overlayName} ${init.seed}`
  /** PeerIds of one side, where the network is parted. */
  let side: ReadonlySet<string> | undefined
  const isApart: Apart = (one, other) => side !== undefined && side.has(one) !== side.has(other)
  const created = await Promise.all(NAMES.map((_, place) => createNode(lifeName, place, isApart)))
  const contacts: Contact[] = created.map(({ peerId }) => ({ id: peerId.toMultihash().bytes, addresses: [] }))
  const peers = new Peers(contacts)
  const placeOf = (name: Name) => contacts.indexOf(peers.contactOf(name))
  const stores = new Map(NAMES.map(name => [name, new MemoryStore()]))
  const begin = (name: Name, libp2p: Node<T>['libp2p'], life = 0): Node<T> => {
    const watched = watchedOf(init, peers, name, life)
    const host = new MachineHost<T>(libp2p.services.parts.components, {
      name: overlayName,
      protocol,
      codec,
      machine: watched,
      limits: HOST_LIMITS,
      store: storeOfLife(stores.get(name)!, watched),
      answer: async question => answered(question),
      onNotice: () => {}
    })
    return { libp2p, watched, host }
  }
  const all: Node<T>[] = []
  const lives = new Map<Name, number>()
  const nodes = new Map<Name, Node<T>>()
  const add = (name: Name, node: Node<T>) => {
    all.push(node)
    nodes.set(name, node)
  }
  for (const name of NAMES) add(name, begin(name, created[placeOf(name)]!))
  const nodeOf = (name: Name) => nodes.get(name)!
  const ring: Ring<T> = {
    peers,
    watched: name => nodeOf(name).watched,
    wallMs: () => Date.now(),
    start: name => nodeOf(name).host.start(),
    contact: (name, other) => {
      const { peerId } = nodeOf(other).libp2p
      nodeOf(name).host.addContact(peerId, nodeOf(other).libp2p.getMultiaddrs())
    },
    command: (name, command) => {
      nodeOf(name).host.command(command)
      return nodeOf(name).watched.lastCommand
    },
    // Its machine is told nothing that it could tell others: its connections are gone, and nobody reaches it.
    crash: async name => {
      const { libp2p, watched } = nodeOf(name)
      watched.end()
      for (const connection of libp2p.getConnections()) connection.abort(new Error('The process is gone.'))
      await libp2p.stop()
    },
    stop: name => nodeOf(name).host.stop(),
    restart: async name => {
      const life = (lives.get(name) ?? 0) + 1
      lives.set(name, life)
      // One that was stopped runs still, but for its overlay.
      await nodeOf(name).libp2p.stop()
      add(name, begin(name, await createNode(lifeName, placeOf(name), isApart), life))
      await nodeOf(name).host.start()
    },
    split: names => {
      side = new Set(names.map(name => `${nodeOf(name).libp2p.peerId}`))
      for (const { libp2p } of nodes.values())
        for (const connection of libp2p.getConnections())
          if (isApart(`${libp2p.peerId}`, `${connection.remotePeer}`))
            connection.abort(new Error('The network parted.'))
    },
    divergesFromHere: () => {},
    heal: () => {
      side = undefined
    },
    pass: async (ms, holds) => {
      const untilMs = performance.now() + PATIENCE * ms
      while (!holds() && performance.now() < untilMs)
        await new Promise(resolve => setTimeout(resolve, LOOK_MS))
    }
  }
  try {
    return await live(ring, init.overlay)
  } finally {
    await Promise.all(all.map(({ host }) => host.stop()))
    await Promise.all(all.map(({ libp2p }) => libp2p.stop()))
  }
}
