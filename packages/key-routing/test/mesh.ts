/** A small overlay of its own for tests of the service: everybody is linked with everybody, on real TCP. */
import { generateKeyPair } from '@libp2p/crypto/keys'
import { identify } from '@libp2p/identify'
import type { Libp2p, PrivateKey } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { boundedYamux, type HostComponents, MemoryStore } from '@servent/libp2p-host'
import {
  betweenRightClosed,
  type Codec,
  compareKeys,
  type Effects,
  type Input,
  type Key,
  type Machine,
  MalformedError,
  PARTIAL_INDEX_MIN,
  type PartialCatalogue,
  type PartialChange,
  type PartialFile,
  type Peer,
  type SharedFile
} from '@servent/overlay'
import { MemoryCatalogue } from '@servent/overlay/testing'
import { createLibp2p } from 'libp2p'
import { writer as newWriter } from 'protons-runtime'
import {
  type BootstrapPeer,
  inspectRecord,
  type KeyRoutedInit,
  KeyRoutedService,
  KeyRouter,
  type KeyRouting,
  type NextHop,
  RecordKeeper,
  type RoutingMessage,
  type RoutingTypes,
  readRouting,
  routingByteLength,
  routingTypeOf,
  STORE_SETTINGS,
  type StoreSnapshot,
  writeRouting
} from '../src/index.ts'

interface MeshTypes extends RoutingTypes {
  snapshot: { readonly store: StoreSnapshot; readonly linked: number }
}

/** Of this peer and those that are linked: all there are, in a mesh. */
class MeshTables implements KeyRouting {
  readonly ready = true
  readonly linked = new Set<Peer>()
  keyOf: (peer: Peer) => Key = () => new Uint8Array(32)

  #around(): Peer[] {
    const own = this.keyOf(0)
    const past = (peer: Peer) => (compareKeys(this.keyOf(peer), own) > 0 ? 0 : 1)
    return [...this.linked].sort((a, b) => past(a) - past(b) || compareKeys(this.keyOf(a), this.keyOf(b)))
  }

  rootOf(key: Key, silent: (peer: Peer) => boolean) {
    const before = this.#around().findLast(peer => !silent(peer)) ?? 0
    const [from, to] = [this.keyOf(before), this.keyOf(0)]
    return betweenRightClosed(key, from, to) ? { from, to } : undefined
  }

  nextHops(key: Key, limit: number, silent: (peer: Peer) => boolean): NextHop[] {
    const around = this.#around()
    const first = around.findIndex((peer, index) =>
      betweenRightClosed(key, this.keyOf(around[index - 1] ?? 0), this.keyOf(peer))
    )
    if (first < 0) return []
    return around
      .slice(first)
      .filter(peer => !silent(peer))
      .slice(0, limit)
      .map(peer => ({ peer, root: true }))
  }

  replicas(_: Key, count: number): Peer[] {
    return this.#around().slice(0, count)
  }

  onSilent(): void {}
}

class MeshMachine implements Machine<MeshTypes> {
  readonly #tables = new MeshTables()
  readonly #router: KeyRouter<MeshTypes>
  readonly #keeper: RecordKeeper

  constructor() {
    this.#router = new KeyRouter<MeshTypes>({
      routing: this.#tables,
      links: {
        onLinked: (peer, _, effects) => {
          this.#tables.linked.add(peer)
          this.#router.calls.hold(peer, 'mesh')
          this.#router.tablesChanged(effects)
        },
        onUnlinked: (peer, _, effects) => {
          this.#tables.linked.delete(peer)
          this.#router.calls.release(peer, 'mesh', effects)
          this.#router.tablesChanged(effects)
        }
      }
    })
    const router = this.#router
    this.#keeper = new RecordKeeper(
      { ...STORE_SETTINGS, inspect: inspectRecord },
      {
        calls: router.calls as never,
        routing: this.#tables,
        findRoot: (key, done, effects) =>
          router.lookup(key, { purpose: 'user' }, done as never, effects as never)
      }
    )
    router.use(this.#keeper)
  }

  handle(input: Input<MeshTypes>, effects: Effects<MeshTypes>): void {
    this.#tables.keyOf = peer => effects.peers.key(peer)
    this.#router.handle(input, effects)
    if (input.type === 'contact') this.#router.calls.open(input.peer, effects)
  }

  heldPeers(hold: (peer: Peer) => void): void {
    for (const peer of this.#tables.linked) hold(peer)
    this.#router.heldPeers(hold)
  }

  snapshot() {
    return { store: this.#keeper.snapshot(), linked: this.#tables.linked.size }
  }
}

/** Frames of four bytes of length and a message. */
const codec: Codec<RoutingMessage> = {
  byteLength: message => 4 + routingByteLength(message),
  typeOf: routingTypeOf,
  open() {
    let buffered = Buffer.alloc(0)
    return {
      get bufferedBytes() {
        return buffered.length
      },
      encode(message) {
        const writer = newWriter()
        writeRouting(message, writer)
        const body = writer.finish()
        const frame = new Uint8Array(4 + body.length)
        new DataView(frame.buffer).setUint32(0, body.length)
        frame.set(body, 4)
        return frame
      },
      decode(chunk, emit) {
        buffered = Buffer.concat([buffered, chunk])
        while (buffered.length >= 4 && buffered.length >= 4 + buffered.readUInt32BE(0)) {
          const end = 4 + buffered.readUInt32BE(0)
          if (end > 100_000) throw new MalformedError('A frame is too long.')
          const body = Uint8Array.from(buffered.subarray(4, end))
          buffered = buffered.subarray(end)
          const message = readRouting(body)
          if (message !== undefined) emit(message)
        }
      }
    }
  }
}

export interface MeshInit extends KeyRoutedInit<MeshTypes> {
  readonly bootstrap?: readonly BootstrapPeer[]
}

export class MeshService extends KeyRoutedService<MeshTypes> {
  constructor(components: HostComponents, init: MeshInit) {
    super(components, init, {
      name: 'chord',
      protocol: '/servent/test-mesh/1.0.0',
      codec,
      createMachine: () => new MeshMachine(),
      membership: () => ({ isMember: true, others: this.linked, sinceMs: this.linked > 0 ? 0 : undefined }),
      bootstrap: init.bootstrap ?? [],
      limits: {},
      describe: ({ store, linked }) => ({ neighbours: [], counters: {}, store, linked })
    })
  }

  get linked(): number {
    return this.host.snapshot().linked
  }
}

/** With files that are being fetched. */
export class SmallCatalogue extends MemoryCatalogue {
  readonly fetched = new Map<string, PartialFile>()
  readonly #watchers = new Set<(change: PartialChange) => void>()

  readonly partials: PartialCatalogue = {
    get: id => this.fetched.get(`${id}`),
    byIndex: index => [...this.fetched.values()].find(file => file.index === index),
    files: () => this.fetched.values(),
    subscribe: listener => {
      this.#watchers.add(listener)
      return () => this.#watchers.delete(listener)
    }
  }

  /** A file is being fetched, or is no more. */
  fetching(type: PartialChange['type'], { sha1: _, ...shared }: SharedFile): void {
    const file = { ...shared, index: PARTIAL_INDEX_MIN + shared.index }
    if (type === 'added') this.fetched.set(`${file.id}`, file)
    else this.fetched.delete(`${file.id}`)
    for (const watcher of this.#watchers) watcher({ type, file })
  }
}

export interface MeshNode {
  readonly libp2p: Libp2p<{ mesh: MeshService }>
  readonly service: MeshService
  readonly catalogue: SmallCatalogue
  readonly peerId: string
  readonly privateKey: PrivateKey
  readonly store: MemoryStore
  readonly port: number
}

const nodes: MeshNode[] = []

export async function startNode({
  port = 0,
  store = new MemoryStore(),
  catalogue = new SmallCatalogue(),
  ...init
}: Partial<MeshInit> & {
  port?: number
  store?: MemoryStore
  catalogue?: SmallCatalogue
} = {}): Promise<MeshNode> {
  const privateKey = init.privateKey ?? (await generateKeyPair('Ed25519'))
  const libp2p = await createLibp2p({
    privateKey,
    addresses: { listen: [`/ip4/127.0.0.1/tcp/${port}`] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [boundedYamux()],
    connectionGater: { denyDialMultiaddr: () => false },
    services: {
      identify: identify(),
      mesh: (components: HostComponents) =>
        new MeshService(components, { publishBytesPerS: 1_000_000, ...init, privateKey, store })
    }
  })
  const service = libp2p.services.mesh
  service.attach(catalogue)
  const own = Number(libp2p.getMultiaddrs()[0]!.toString().split('/')[4])
  const node = { libp2p, service, catalogue, peerId: libp2p.peerId.toString(), privateKey, store, port: own }
  nodes.push(node)
  return node
}

/** Nodes that are all linked with each other. */
export async function startMesh(
  count: number,
  init: Parameters<typeof startNode>[0] = {}
): Promise<MeshNode[]> {
  const mesh: MeshNode[] = []
  for (let index = 0; index < count; index += 1) mesh.push(await startNode(init))
  await linkAll(mesh)
  return mesh
}

export async function linkAll(mesh: readonly MeshNode[]): Promise<void> {
  for (const [index, node] of mesh.entries())
    for (const other of mesh.slice(0, index)) await node.libp2p.dial(other.libp2p.getMultiaddrs())
  await until(() => mesh.every(({ service }) => service.linked === mesh.length - 1))
}

export async function until(holds: () => boolean | Promise<boolean>, ms = 10_000): Promise<void> {
  for (const startMs = performance.now(); performance.now() - startMs < ms; ) {
    if (await holds()) return
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  throw new Error('It did not come to pass in time.')
}

export async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const item of items) found.push(item)
  return found
}

export async function stopNode(node: MeshNode): Promise<void> {
  nodes.splice(nodes.indexOf(node), 1)
  await node.libp2p.stop()
}

export async function stopNodes(): Promise<void> {
  await Promise.all(nodes.splice(0).map(({ libp2p }) => libp2p.stop()))
}
