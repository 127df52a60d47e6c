/** The life of an overlay's network over TCP, Noise and Yamux on loopback, in real time: the same machines and chance, other PeerIds. */
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { identify } from '@libp2p/identify'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { boundedYamux, type HostComponents, MachineHost, MemoryStore } from '@servent/libp2p-host'
import type { Contact, MachineTypes } from '@servent/overlay/machine'
import { createLibp2p } from 'libp2p'
import {
  HOST_LIMITS,
  type Life,
  type LifeInit,
  live,
  NAMES,
  type Name,
  Peers,
  type Ring,
  storeOfLife,
  watchedOf
} from './life.ts'
import type { Watched } from './watched.ts'

const LOOK_MS = 10
/** A machine with other work takes longer than virtual time does. */
const PATIENCE = 4

async function createNode(place: number) {
  return await createLibp2p({
    privateKey: await generateKeyPairFromSeed('Ed25519', new Uint8Array(32).fill(place + 1)),
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
  const created = await Promise.all(NAMES.map((_, place) => createNode(place)))
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
      add(name, begin(name, await createNode(placeOf(name)), 1))
      await nodeOf(name).host.start()
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
