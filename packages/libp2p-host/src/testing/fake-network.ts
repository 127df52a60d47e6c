/**
 * A network in memory and in virtual time, on which `MachineHost` runs unchanged: for conformance tests, where
 * one scenario must give every node the same log of inputs and effects whenever it runs.
 *
 * Connections take four delays to open, streams two, and bytes one; identify tells both ends of each other's
 * addresses and protocols a while after a connection opened. Between two events every promise that can go
 * on does so, and nothing else: work that waits for the real world has no place here.
 */
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import type { Connection, PeerId, PrivateKey } from '@libp2p/interface'
import type { ConnectionManager } from '@libp2p/interface-internal'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import type { Contact } from '@servent/overlay'
import { multiaddrsOfContact, peerIdOfContact } from '../contacts.ts'
import { silentComponentLogger } from '../silent-logger.ts'
import type { HostComponents } from '../types.ts'
import { FakeEvents, FakePeerStore, FakeRegistrar } from './fake-components.ts'
import { FakeConnection, type Wire } from './fake-connection.ts'
import { FakeConnections } from './fake-connections.ts'
import { VirtualClock } from './virtual-clock.ts'

const DELAY_MS = 10
const IDENTIFY_DELAYS = 2
const REFUSAL_DELAYS = 4
/** A run that has more events than this goes round in circles. */
const EVENTS_MAX = 10_000_000

export interface FakeNetworkInit {
  /** One way, between two nodes by their names. */
  readonly delayMs?: number | ((from: string, to: string) => number)
  /** Delays from a connection until identify has told of its other end. Default 2, as long as a stream takes. */
  readonly identifyDelays?: number
  /** Delays until a dial of a node that is gone fails. Default 4, as long as one takes that finds its node. */
  readonly refusalDelays?: number
}

export interface FakeNodeInit {
  readonly name: string
  /** 32 bits: gives the key pair and the random numbers. */
  readonly seed: number
  /** False: it can dial and cannot be dialled. */
  readonly isReachable?: boolean
  /**
   * Who it is to others, where another host is to know the same peers: in place of the PeerId of its key pair,
   * which proves nothing then, and of the next address.
   */
  readonly contact?: Contact
}

export interface FakeNode {
  readonly name: string
  readonly peerId: PeerId
  readonly privateKey: PrivateKey
  readonly addresses: readonly Multiaddr[]
  readonly components: HostComponents
  readonly clock: VirtualClock
  /** A whole number, uniform in [0, 2^32), from the seed. */
  readonly random: () => number
}

interface Place {
  readonly node: FakeNode
  readonly registrar: FakeRegistrar
  readonly peerStore: FakePeerStore
  readonly events: FakeEvents
  readonly connections: FakeConnections
  readonly isReachable: boolean
}

export class FakeNetwork {
  readonly clock = new VirtualClock()
  readonly #delayMs: (from: string, to: string) => number
  readonly #identifyDelays: number
  readonly #refusalDelays: number
  /** By PeerId. */
  readonly #places = new Map<string, Place>()
  /** Names of those that were removed. */
  readonly #gone = new Map<string, string>()
  readonly #wires = new Map<string, Set<Wire>>()
  /** Pairs of names between which nothing can be dialled. */
  readonly #cuts = new Set<string>()
  #nextPort = 4001
  #nextConnection = 1

  constructor(init: FakeNetworkInit = {}) {
    const { delayMs = DELAY_MS, identifyDelays = IDENTIFY_DELAYS, refusalDelays = REFUSAL_DELAYS } = init
    this.#identifyDelays = identifyDelays
    this.#refusalDelays = refusalDelays
    this.#delayMs = typeof delayMs === 'function' ? delayMs : () => delayMs
  }

  async addNode({ name, seed, isReachable = true, contact }: FakeNodeInit): Promise<FakeNode> {
    const privateKey = await generateKeyPairFromSeed('Ed25519', seedBytes(seed))
    const peerId = contact === undefined ? peerIdFromPrivateKey(privateKey) : peerIdOfContact(contact)
    const bare =
      contact === undefined
        ? [multiaddr(`/ip4/127.0.0.1/tcp/${this.#nextPort}`)]
        : multiaddrsOfContact(contact)
    const addresses = bare.map(address => address.encapsulate(`/p2p/${peerId}`))
    this.#nextPort += 1
    const registrar = new FakeRegistrar(() => {})
    const peerStore = new FakePeerStore()
    const events = new FakeEvents()
    const connections = new FakeConnections(peerId, peerStore, events, (to, address, signal) =>
      this.#dial(place, to, address, signal)
    )
    const node: FakeNode = {
      name,
      peerId,
      privateKey,
      addresses,
      clock: this.clock,
      random: seededRandom(seed),
      components: {
        peerId,
        registrar,
        connectionManager: connections as unknown as ConnectionManager,
        peerStore: peerStore as unknown as HostComponents['peerStore'],
        addressManager: {
          getAddresses: () => (isReachable ? [...addresses] : [])
        } as unknown as HostComponents['addressManager'],
        logger: silentComponentLogger,
        events
      }
    }
    const place: Place = { node, registrar, peerStore, events, connections, isReachable }
    this.#places.set(peerId.toString(), place)
    return node
  }

  /** Tells a node of another one, as mDNS and the like do. */
  discover(node: FakeNode, other: FakeNode): void {
    const detail = { id: other.peerId, multiaddrs: [...other.addresses] }
    this.#place(node).events.safeDispatchEvent('peer:discovery', { detail })
  }

  /** Breaks every connection between two nodes; both notice at once. Until `heal` neither reaches the other. */
  cut(a: FakeNode, b: FakeNode): void {
    this.#cuts.add(pairOf(a, b))
    this.#down(a, b)
  }

  heal(a: FakeNode, b: FakeNode): void {
    this.#cuts.delete(pairOf(a, b))
  }

  /** What is under way between two nodes is lost, and neither is told: a connection that is half open. */
  silence(a: FakeNode, b: FakeNode): void {
    for (const wire of this.#wires.get(pairOf(a, b)) ?? []) wire.isSilent = true
  }

  /**
   * Takes a node away without a goodbye, as a power cut does to a process whose machine still runs: others
   * notice one delay later, unless they are `silence`d. A node of the same seed may come in its place.
   */
  remove(node: FakeNode): void {
    const place = this.#place(node)
    this.#places.delete(node.peerId.toString())
    this.#gone.set(node.peerId.toString(), node.name)
    const connections = place.connections.fakes()
    // All of them first: its machine, which hears of each, is not to tell the others.
    for (const connection of connections) connection.vanish()
    for (const connection of connections) connection.down()
  }

  /** Runs what is due within the next so many milliseconds, and lets them pass. */
  async runFor(ms: number): Promise<void> {
    const untilMs = this.clock.nowMs() + ms
    await settle()
    for (let events = 0; (this.clock.nextAtMs ?? Number.POSITIVE_INFINITY) <= untilMs; events += 1) {
      if (events > EVENTS_MAX) throw new Error(`More than ${EVENTS_MAX} events within ${ms} ms.`)
      this.clock.step()
      await settle()
    }
    this.clock.advanceTo(untilMs)
  }

  /**
   * Runs until something holds.
   *
   * @throws Error  it does not within so many milliseconds
   */
  async runUntil(holds: () => boolean, withinMs = 60_000): Promise<void> {
    const untilMs = this.clock.nowMs() + withinMs
    await settle()
    while (!holds()) {
      const nextAtMs = this.clock.nextAtMs
      if (nextAtMs === undefined || nextAtMs > untilMs) {
        throw new Error(`It did not come to pass within ${withinMs} ms: ${holds}`)
      }
      this.clock.step()
      await settle()
    }
  }

  /** Runs until a promise is settled that virtual time moves on, as that of `host.start()`. */
  async finish<T>(work: Promise<T>, withinMs = 60_000): Promise<T> {
    let isDone = false
    const done = () => {
      isDone = true
    }
    work.then(done, done)
    await this.runUntil(() => isDone, withinMs)
    return await work
  }

  async #dial(
    from: Place,
    to: PeerId,
    address: Multiaddr | undefined,
    signal?: AbortSignal
  ): Promise<Connection> {
    const target = this.#places.get(to.toString())
    const name = target?.node.name ?? this.#gone.get(to.toString()) ?? 'nobody'
    const delays = target === undefined ? this.#refusalDelays : 4
    await this.#pass(delays * this.#delayMs(from.node.name, name), signal)
    const isThere =
      target?.isReachable === true &&
      this.#places.get(from.node.peerId.toString()) === from &&
      !this.#cuts.has(pairOf(from.node, target.node)) &&
      (address === undefined || target.node.addresses.some(known => known.equals(address)))
    // A plain error, as the operating system's are.
    if (!isThere) throw new Error(`connect ECONNREFUSED ${address ?? to}`)
    return this.#join(from, target)
  }

  #join(from: Place, to: Place): Connection {
    const wire: Wire = {
      clock: this.clock,
      delayMs: () => this.#delayMs(from.node.name, to.node.name),
      isSilent: false,
      isDown: false
    }
    const pair = pairOf(from.node, to.node)
    const wires = this.#wires.get(pair) ?? new Set()
    this.#wires.set(pair, wires.add(wire))
    const id = String(this.#nextConnection)
    this.#nextConnection += 1
    const end = (place: Place, other: Place, direction: 'inbound' | 'outbound') =>
      new FakeConnection({
        id: `${id}-${direction}`,
        self: place.node.peerId,
        remotePeer: other.node.peerId,
        remoteAddr: other.node.addresses[0]!,
        direction,
        registrar: place.registrar,
        wire,
        onClosed: connection => place.connections.removed(connection)
      })
    const outbound = end(from, to, 'outbound')
    const inbound = end(to, from, 'inbound')
    FakeConnection.join(outbound, inbound)
    from.connections.added(outbound)
    to.connections.added(inbound)
    for (const [connection, place, other] of [
      [outbound, from, to],
      [inbound, to, from]
    ] as const) {
      this.clock.setTimeout(() => identify(place, other, connection), this.#identifyDelays * wire.delayMs())
    }
    return outbound.asConnection
  }

  #down(a: FakeNode, b: FakeNode): void {
    for (const wire of this.#wires.get(pairOf(a, b)) ?? []) wire.isDown = true
    this.#wires.delete(pairOf(a, b))
    for (const [node, other] of [
      [a, b],
      [b, a]
    ] as const) {
      const connections = this.#places.get(node.peerId.toString())?.connections
      for (const connection of connections?.fakes(other.peerId) ?? []) connection.down()
    }
  }

  #pass(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted()
      const timer = this.clock.setTimeout(resolve, ms)
      signal?.addEventListener('abort', () => {
        this.clock.clearTimeout(timer)
        reject(signal.reason)
      })
    })
  }

  #place(node: FakeNode): Place {
    const place = this.#places.get(node.peerId.toString())
    if (place?.node !== node) throw new Error(`${node.name} is no node of this network.`)
    return place
  }
}

async function identify(place: Place, other: Place, connection: FakeConnection): Promise<void> {
  if (connection.status !== 'open') return
  const protocols = other.registrar.getProtocols()
  // As libp2p's does, with the record that the other one signed.
  const addresses = (other.isReachable ? [...other.node.addresses] : []).map(multiaddr => ({
    multiaddr,
    isCertified: true
  }))
  await place.peerStore.merge(other.node.peerId, { addresses, protocols })
  for (const protocol of protocols) {
    for (const topology of place.registrar.getTopologies(protocol)) {
      await topology.onConnect?.(other.node.peerId, connection.asConnection)
    }
  }
}

/** Lets every promise that can go on do so. */
function settle(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}

function pairOf(a: FakeNode, b: FakeNode): string {
  return a.name < b.name ? `${a.name}|${b.name}` : `${b.name}|${a.name}`
}

function seedBytes(seed: number): Uint8Array {
  const bytes = new Uint8Array(32)
  new DataView(bytes.buffer).setUint32(0, seed)
  return bytes
}

/** Mulberry32: small, and good enough to make choices differ. */
function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
}
