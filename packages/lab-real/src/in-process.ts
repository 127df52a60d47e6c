/** Peers in this process: libp2p nodes as they are over TCP, with Noise, Yamux and identify, on its memory transport. */
import { privateKeyFromProtobuf } from '@libp2p/crypto/keys'
import { identify } from '@libp2p/identify'
import type { Ed25519PrivateKey, Libp2p } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { ping } from '@libp2p/ping'
import { multiaddr } from '@multiformats/multiaddr'
import { boundedYamux, type HostComponents, silentComponentLogger } from '@servent/libp2p-host'
import type { Overlay } from '@servent/overlay'
import { createLibp2p, type ServiceFactoryMap } from 'libp2p'
import { Access } from './access.ts'
import { AskedOverlay } from './asked-overlay.ts'
import { DeathGate } from './death-gate.ts'
import { addressOfNumber, memoryNetwork } from './memory-network.ts'
import { QuestionTally } from './question-tally.ts'
import { codecOf, type ServiceInit, serviceOf } from './services.ts'
import { SharedFiles } from './shared-files.ts'
import type {
  LookupAnswer,
  PeerLook,
  PeerSpec,
  RealNetwork,
  RealNetworkInit,
  RealPeer,
  SearchAnswer,
  Wanted
} from './types.ts'

/** As a node has by default. */
const CONNECTIONS_MAX = 200
/** Everybody has the same address, and all come at once. */
const FROM_ONE_HOST = { inboundConnectionThreshold: 10_000, maxIncomingPendingConnections: 1_000 }

let networks = 0

export class InProcessNetwork implements RealNetwork {
  readonly #init: RealNetworkInit
  readonly #name = `servent-lab-${++networks}`
  readonly #peers = new Set<InProcessPeer>()
  /** By PeerId, of all that ever came. */
  readonly #numbers = new Map<string, number>()
  #isClosed = false

  constructor(init: RealNetworkInit) {
    this.#init = init
  }

  async start(spec: PeerSpec): Promise<RealPeer> {
    const { overlay, settings, roundTripMs } = this.#init
    const { node, peerId, files, isServer, contacts, conditions } = spec
    this.#numbers.set(peerId, node)
    const codec = await codecOf(overlay)
    const tally = codec && QuestionTally.of(overlay, peerId, message => codec.byteLength(message))
    const build = await serviceOf(overlay)
    const privateKey = privateKeyFromProtobuf(spec.privateKey) as Ed25519PrivateKey
    const init: ServiceInit = {
      privateKey,
      settings,
      contacts,
      isServer,
      ...(tally && { trace: step => tally.see(step) })
    }
    const services: ServiceFactoryMap = {
      identify: identify(),
      // Its type for services says nothing of it.
      ping: ping() as unknown as ServiceFactoryMap[string],
      overlay: components => {
        const made = build(init, components as unknown as HostComponents)
        made.attach(new SharedFiles(files))
        return made as unknown as Record<string, unknown>
      }
    }
    const gate = new DeathGate()
    const access = new Access({
      roundTripMs: other => roundTripMs(node, this.#numbers.get(other) ?? node),
      conditions
    })
    const libp2p = await createLibp2p({
      privateKey,
      connectionGater: gate,
      logger: silentComponentLogger,
      addresses: { listen: [addressOfNumber(node)] },
      connectionManager: { ...FROM_ONE_HOST, maxConnections: CONNECTIONS_MAX },
      connectionMonitor: { enabled: false },
      transports: [access.around(memoryNetwork(this.#name))],
      connectionEncrypters: [noise()],
      streamMuxers: [boundedYamux()],
      services
    })
    const peer = new InProcessPeer(
      libp2p,
      new AskedOverlay(libp2p.services.overlay as unknown as Overlay, peerId, access, tally),
      access,
      gate,
      () => this.#peers.delete(peer)
    )
    if (this.#isClosed) {
      await peer.kill()
      throw new Error('The network was closed while it started.')
    }
    this.#peers.add(peer)
    // Who joins by a service of its own dials by itself.
    for (const contact of contacts) libp2p.dial(multiaddr(contact)).catch(() => {})
    return peer
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await Promise.all([...this.#peers].map(peer => peer.kill()))
  }
}

class InProcessPeer implements RealPeer {
  readonly peerId: string
  readonly address: string
  readonly #libp2p: Libp2p
  readonly #asked: AskedOverlay
  readonly #access: Access
  readonly #gate: DeathGate
  readonly #onGone: () => void

  constructor(libp2p: Libp2p, asked: AskedOverlay, access: Access, gate: DeathGate, onGone: () => void) {
    this.peerId = `${libp2p.peerId}`
    this.address = `${libp2p.getMultiaddrs()[0]}`
    this.#libp2p = libp2p
    this.#asked = asked
    this.#access = access
    this.#gate = gate
    this.#onGone = onGone
  }

  joined(): Promise<void> {
    return this.#asked.joined()
  }

  settled(): Promise<void> {
    return this.#asked.settled()
  }

  lookup(wanted: Wanted): Promise<LookupAnswer> {
    return this.#asked.lookup(wanted)
  }

  search(words: readonly string[], enough: number | null): Promise<SearchAnswer> {
    return this.#asked.search(words, enough)
  }

  async look(): Promise<PeerLook> {
    return this.#asked.look()
  }

  async cutOff(peerIds: readonly string[]): Promise<void> {
    this.#access.cutOff(peerIds)
  }

  /** Its connections break before its overlay could say goodbye, and it gets no new ones to say it by. */
  async kill(): Promise<void> {
    this.#gate.close()
    this.#onGone()
    this.#asked.end()
    for (const connection of this.#libp2p.getConnections())
      connection.abort(new Error('The process is gone.'))
    await this.#libp2p.stop()
  }
}
