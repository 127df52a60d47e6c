/**
 * The peers of a run while they come, live and go: who is where, as the simulator has it, and each with the real peer that
 * stands for its number. What the simulator's churn does to simulated peers it does to these, on the clock on the wall.
 */
import { generateKeyPairFromSeed, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import type { Places, World } from '@servent/lab/backend'
import { peerIdText } from '@servent/overlay'
import type { NodeIndex, Population, Random, Streams } from '@servent/simulator'
import { type Conditions, TIMER_MS_MAX } from './access.ts'
import { contentOf } from './contents.ts'
import type { Rendezvous } from './rendezvous.ts'
import type { Truth } from './truth.ts'
import type { PeerLook, RealNetwork, RealPeer } from './types.ts'

/** The number of whoever was turned away: nobody has it. */
const NOBODY: NodeIndex = -1

export interface CrowdInit {
  readonly seed: string
  readonly network: RealNetwork
  readonly rendezvous: Rendezvous
  readonly truth: Truth
  readonly world: World
  readonly places: Places
  readonly random: Streams
  /** Files are announced: else nobody looks for any. */
  readonly shares: boolean
  /** Peers that are there at a time, or on their way: who comes beyond is turned away. */
  readonly nodesMax: number
  /** What the network does to a peer. */
  readonly conditionsOf: (node: NodeIndex) => Conditions
  /** Whom a newcomer is told of in the place of whoever was drawn; nothing: of nobody. */
  readonly introduced: (drawn: NodeIndex, newcomer: NodeIndex) => NodeIndex | undefined
  /** Microseconds since the run began. */
  readonly nowUs: () => number
  /** A peer could not come, or not go, which ends the run. */
  readonly onError: (error: Error) => void
}

interface Member {
  readonly node: NodeIndex
  readonly isServer: boolean
  readonly bornUs: number
  diedUs: number | undefined
  peer: RealPeer | undefined
  /** When it began to be measured; nothing: with nothing. */
  first: PeerLook | undefined
  /** When it went. */
  last: PeerLook | undefined
}

export class Crowd implements Population {
  readonly #init: CrowdInit
  readonly #all: Member[] = []
  readonly #contacts = new Map<NodeIndex, NodeIndex[]>()
  /** Comings and goings that are under way. */
  readonly #changes = new Set<Promise<void>>()
  readonly #timers = new Set<NodeJS.Timeout>()
  #turnedAway = 0

  constructor(init: CrowdInit) {
    this.#init = init
  }

  get nowUs(): number {
    return this.#init.nowUs()
  }

  get size(): number {
    return this.#all.length
  }

  get random(): Streams {
    return this.#init.random
  }

  /** How many came beyond `nodesMax`. */
  get turnedAway(): number {
    return this.#turnedAway
  }

  get members(): readonly Member[] {
    return this.#all
  }

  peerOf(node: NodeIndex): RealPeer | undefined {
    return this.#all[node]?.peer
  }

  addServer(): NodeIndex {
    return this.#add(true)
  }

  addNode(): NodeIndex {
    const present = this.#all.filter(({ isServer, diedUs }) => !isServer && diedUs === undefined).length
    if (present >= this.#init.nodesMax) {
      this.#turnedAway += 1
      return NOBODY
    }
    const node = this.#add(false)
    this.#init.places.take(node)
    return node
  }

  /** Contacts that are named in the same breath are told to it. */
  start(node: NodeIndex): void {
    if (node === NOBODY) return
    this.#contacts.set(node, [])
    this.#change(async () => {
      await Promise.resolve()
      await named('A peer could not come', this.#begin(node))
    })
  }

  contact(node: NodeIndex, other: NodeIndex): void {
    const told = this.#init.introduced(other, node)
    if (told !== undefined) this.#contacts.get(node)?.push(told)
  }

  /** Kills it: the other sides of its connections learn it by themselves. */
  crash(node: NodeIndex): void {
    const member = this.#all[node]!
    member.diedUs = this.nowUs
    const { places, truth, rendezvous } = this.#init
    if (!member.isServer) places.leave(node)
    truth.left(node)
    this.#change(async () => {
      await rendezvous.withdraw(node)
      if (member.peer === undefined) return
      member.last = await named(`Peer ${node} told nothing before its death`, member.peer.look())
      await named(`Peer ${node} could not be killed`, member.peer.kill())
    })
  }

  /** No plan lets peers leave in good order. */
  stop(node: NodeIndex): void {
    this.crash(node)
  }

  revive(node: NodeIndex): void {
    throw new Error(`Peer ${node} cannot come back: who comes is somebody new.`)
  }

  alive(node: NodeIndex): boolean {
    const member = this.#all[node]
    return member?.peer !== undefined && member.diedUs === undefined
  }

  aliveNodes(): readonly NodeIndex[] {
    return this.#all.flatMap(({ node, isServer }) => (!isServer && this.alive(node) ? [node] : []))
  }

  get aliveCount(): number {
    return this.aliveNodes().length
  }

  pickAlive(random: Random): NodeIndex | undefined {
    const alive = this.aliveNodes()
    return alive.length === 0 ? undefined : alive[random.below(alive.length)]
  }

  at(us: number, act: () => void): void {
    const ms = Math.max(0, us - this.nowUs) / 1000
    if (ms > TIMER_MS_MAX) return
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      act()
    }, ms)
    this.#timers.add(timer)
  }

  /** Nobody comes or goes any more, and nothing is waited for. */
  end(): void {
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers.clear()
  }

  /** All that is under way is done. */
  async settled(): Promise<void> {
    while (this.#changes.size > 0) await Promise.all(this.#changes)
  }

  #add(isServer: boolean): NodeIndex {
    const node = this.#all.length
    this.#all.push({
      node,
      isServer,
      bornUs: this.nowUs,
      diedUs: undefined,
      peer: undefined,
      first: undefined,
      last: undefined
    })
    return node
  }

  async #begin(node: NodeIndex): Promise<void> {
    const { seed, network, rendezvous, truth, world, places, shares, conditionsOf } = this.#init
    const member = this.#all[node]!
    const told = this.#contacts.get(node)!
    this.#contacts.delete(node)
    const privateKey = await keyOfNode(seed, node)
    const peerId = peerIdText(privateKey.publicKey.toMultihash().bytes)
    const there = await rendezvous.list()
    const servers = there.filter(({ isServer }) => isServer)
    // Who joins by servers has known them from its start.
    const contacts = servers.length > 0 ? servers : there.filter(one => told.includes(one.node))
    const files = shares && !member.isServer ? (world.filesAt[places.placeOf(node)] ?? []) : []
    truth.came(node, peerId)
    const peer = await network.start({
      node,
      isServer: member.isServer,
      privateKey: privateKeyToProtobuf(privateKey),
      peerId,
      contacts: contacts.map(({ address }) => address),
      files: files.map(file => contentOf(seed, file)),
      conditions: conditionsOf(node)
    })
    // It was to go before it was there.
    if (member.diedUs !== undefined) return peer.kill()
    member.peer = peer
    await rendezvous.register({ node, peerId, address: peer.address, isServer: member.isServer })
    if (member.isServer) return
    const whileAlive = (tell: () => void) => () => {
      if (this.alive(node)) tell()
    }
    // It went, or the run is over.
    const onGone = () => {}
    peer.joined().then(
      whileAlive(() => truth.joined(node, peerId)),
      onGone
    )
    peer.settled().then(
      whileAlive(() => truth.settled(node, peerId)),
      onGone
    )
  }

  #change(work: () => Promise<void>): void {
    const change = work().catch(this.#init.onError)
    this.#changes.add(change)
    change.finally(() => this.#changes.delete(change))
  }
}

/** What fails in it says what it was. */
async function named<T>(what: string, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    throw new Error(`${what}: ${(error as Error).message}`, { cause: error })
  }
}

/** The same peers for every overlay and backend. */
async function keyOfNode(seed: string, node: NodeIndex) {
  const bytes = new Uint8Array(32)
  new TextEncoder().encodeInto(`${node} ${seed}`, bytes)
  return generateKeyPairFromSeed('Ed25519', bytes)
}
