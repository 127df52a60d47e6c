/** Real libp2p nodes on loopback, each with a puppet on a host. */
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { identify } from '@libp2p/identify'
import type { Libp2p, PrivateKey, Stream } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { tcp } from '@libp2p/tcp'
import type { Peer } from '@servent/overlay'
import { createLibp2p } from 'libp2p'
import { boundedYamux, contactOf, type HostComponents, type HostInit, MachineHost } from '../../src/index.ts'
import { comparePeerIds } from '../../src/tie-break.ts'
import { Puppet, type PuppetEffects, type PuppetMessage, type PuppetTypes, puppetCodec } from './puppet.ts'

export const PROTOCOL = '/servent/puppet/1.0.0'

export type PuppetInit = Partial<Omit<HostInit<PuppetTypes>, 'machine' | 'codec'>>

export interface TestNode {
  readonly libp2p: Libp2p
  readonly puppet: Puppet
  readonly host: MachineHost<PuppetTypes>
  readonly components: HostComponents
  stop(): Promise<void>
}

const running = new Set<TestNode>()

/** Keys by number; `keys` that ask for an order give the lower PeerId first. */
export async function keyOf(seed: number): Promise<PrivateKey> {
  return generateKeyPairFromSeed('Ed25519', new Uint8Array(32).fill(seed))
}

export async function keysInOrder(...seeds: number[]): Promise<PrivateKey[]> {
  const keys = await Promise.all(seeds.map(keyOf))
  const idOf = (key: PrivateKey) => peerIdFromPrivateKey(key).toMultihash().bytes
  return keys.sort((a, b) => comparePeerIds(idOf(a), idOf(b)))
}

/**
 * A node whose limits on connections fit tests: by default libp2p takes 5 connections a second from one
 * address, and all of a test's nodes share one.
 */
export async function startLibp2p(privateKey?: PrivateKey, listen: string[] = ['/ip4/127.0.0.1/tcp/0']) {
  return await createLibp2p({
    ...(privateKey !== undefined && { privateKey }),
    addresses: { listen },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [boundedYamux()],
    connectionManager: { inboundConnectionThreshold: 1_000, maxIncomingPendingConnections: 100 },
    services: { identify: identify(), components: (components: HostComponents) => ({ components }) }
  })
}

export async function startNode(init: PuppetInit = {}, privateKey?: PrivateKey): Promise<TestNode> {
  const libp2p = await startLibp2p(privateKey)
  const { components } = libp2p.services.components
  const puppet = new Puppet()
  const host = new MachineHost<PuppetTypes>(components, {
    name: 'gnutella',
    protocol: PROTOCOL,
    machine: puppet,
    codec: puppetCodec,
    answer: async question => `answer to ${question}`,
    onNotice: () => {},
    ...init
  })
  await host.start()
  const node: TestNode = {
    libp2p,
    puppet,
    host,
    components,
    stop: async () => {
      if (!running.delete(node)) return
      puppet.checkExpectations()
      await host.beforeStop()
      await libp2p.stop()
    }
  }
  running.add(node)
  return node
}

export async function stopAll(): Promise<void> {
  await Promise.all([...running].map(node => node.stop()))
}

/** Lets the puppet of `node` act as the machine that it is. */
export function act(node: TestNode, run: (effects: PuppetEffects) => void): void {
  node.host.command(run)
  node.puppet.checkExpectations()
}

export function handleOf(node: TestNode, of: TestNode): Peer {
  let peer: Peer = -1
  act(node, effects => {
    peer = effects.peers.intern(contactOf(of.libp2p.peerId, of.libp2p.getMultiaddrs()))
  })
  return peer
}

export function open(node: TestNode, to: TestNode): void {
  const peer = handleOf(node, to)
  act(node, effects => effects.open(peer))
}

/** Both ends of a new link from the first node to the second. */
export async function link(from: TestNode, to: TestNode): Promise<{ out: number; in: number }> {
  const known = new Set([...from.puppet.of('link-up'), ...to.puppet.of('link-up')])
  open(from, to)
  const [up, accepted] = await Promise.all([
    from.puppet.until('link-up', input => !known.has(input) && isOf(from, input.peer, to)),
    to.puppet.until('link-up', input => !known.has(input) && isOf(to, input.peer, from))
  ])
  return { out: up.link, in: accepted.link }
}

function isOf(node: TestNode, peer: Peer, other: TestNode): boolean {
  return node.host.peerIdOf(peer)?.equals(other.libp2p.peerId) === true
}

export function send(node: TestNode, link: number, message: PuppetMessage, priority = 0): void {
  act(node, effects => effects.send(link, message, priority))
}

/** A stream of the protocol from a libp2p node without a host: for peers that break rules. */
export async function rawStream(from: Libp2p, to: TestNode): Promise<Stream> {
  return await from.dialProtocol(to.libp2p.getMultiaddrs(), PROTOCOL)
}
