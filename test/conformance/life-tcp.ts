/** Chord's ring over TCP, Noise and Yamux on loopback, in real time: the same machines and chance, other PeerIds. */
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { identify } from '@libp2p/identify'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import type { ChordTypes } from '@servent/chord/machine'
import { chordCodec } from '@servent/chord/wire'
import { boundedYamux, type HostComponents, MachineHost } from '@servent/libp2p-host'
import type { Contact } from '@servent/overlay/machine'
import { createLibp2p } from 'libp2p'
import {
  answered,
  HOST_LIMITS,
  type Life,
  live,
  NAMES,
  type Name,
  Peers,
  type Ring,
  type RingInit,
  watchedOf
} from './chord-life.ts'

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

export async function onTcp(init: RingInit): Promise<Life> {
  const created = await Promise.all(NAMES.map((_, place) => createNode(place)))
  const contacts: Contact[] = created.map(({ peerId }) => ({ id: peerId.toMultihash().bytes, addresses: [] }))
  const peers = new Peers(contacts)
  const nodeOf = (name: Name) => created[contacts.indexOf(peers.contactOf(name))]!
  const watched = watchedOf(init, peers)
  const hostOf = new Map(
    NAMES.map(name => {
      const host = new MachineHost<ChordTypes>(nodeOf(name).services.parts.components, {
        name: 'chord',
        protocol: '/servent/chord/1.0.0',
        codec: chordCodec,
        machine: watched.get(name)!,
        limits: HOST_LIMITS,
        answer: async question => answered(question),
        onNotice: () => {}
      })
      return [name, host] as const
    })
  )
  const ring: Ring = {
    peers,
    watched: name => watched.get(name)!,
    wallMs: () => Date.now(),
    start: name => hostOf.get(name)!.start(),
    contact: (name, other) =>
      hostOf.get(name)!.addContact(nodeOf(other).peerId, nodeOf(other).getMultiaddrs()),
    command: (name, command) => {
      hostOf.get(name)!.command(command)
      return watched.get(name)!.lastCommand
    },
    // Its machine is told nothing that it could tell others: its connections are gone, and nobody reaches it.
    crash: async name => {
      for (const connection of nodeOf(name).getConnections())
        connection.abort(new Error('The process is gone.'))
      await nodeOf(name).stop()
    },
    stop: name => hostOf.get(name)!.stop(),
    pass: async (ms, holds) => {
      const untilMs = performance.now() + PATIENCE * ms
      while (!holds() && performance.now() < untilMs)
        await new Promise(resolve => setTimeout(resolve, LOOK_MS))
    }
  }
  try {
    return await live(ring)
  } finally {
    await Promise.all([...hostOf.values()].map(host => host.stop()))
    await Promise.all(created.map(node => node.stop()))
  }
}
