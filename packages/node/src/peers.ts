/** Who is connected: what libp2p knows of each connection, and what identify said. */
import type { Libp2p, PeerId } from '@libp2p/interface'
import { isRelayed } from '@servent/libp2p-host'
import { OutsideCalls } from './reachability.ts'
import type { SeenPeer } from './store.ts'
import type { PeerView } from './types.ts'

/** What is told of one peer, at most: a peer chooses its own words. */
const PROTOCOLS_MAX = 64
const AGENT_CHARACTERS_MAX = 128
const ADDRESSES_MAX = 16

interface Said {
  readonly protocols: readonly string[]
  readonly agent?: string
  readonly addresses: readonly string[]
}

export class Peers {
  readonly #network: Libp2p
  readonly #said = new Map<string, Said>()
  readonly #outside: OutsideCalls

  constructor(network: Libp2p) {
    this.#network = network
    network.addEventListener('peer:identify', ({ detail }) => {
      const { agentVersion } = detail
      this.#said.set(detail.peerId.toString(), {
        protocols: detail.protocols.slice(0, PROTOCOLS_MAX),
        ...(agentVersion === undefined ? {} : { agent: agentVersion.slice(0, AGENT_CHARACTERS_MAX) }),
        addresses: detail.listenAddrs.slice(0, ADDRESSES_MAX).map(String)
      })
    })
    network.addEventListener('peer:disconnect', (event: CustomEvent<PeerId>) => {
      this.#said.delete(event.detail.toString())
    })
    this.#outside = new OutsideCalls(network, () => network.getMultiaddrs().map(String))
  }

  /** A peer from a public address has called: this node can be reached from outside. */
  get calledFromOutside(): boolean {
    return this.#outside.seen
  }

  /** Connections, the oldest first. */
  views(): PeerView[] {
    const nowMs = Date.now()
    return this.#network
      .getConnections()
      .filter(connection => connection.status === 'open')
      .sort((a, b) => a.timeline.open - b.timeline.open)
      .map(connection => {
        const peerId = connection.remotePeer.toString()
        const said = this.#said.get(peerId)
        return {
          peerId,
          addresses: [connection.remoteAddr.toString()],
          direction: connection.direction,
          relayed: isRelayed(connection),
          connectedMs: Math.max(0, nowMs - connection.timeline.open),
          protocols: said?.protocols ?? [],
          ...(said?.agent === undefined ? {} : { agent: said.agent })
        }
      })
  }

  /** Whether all that goes to and from a peer goes through another one. */
  isRelayed(peerId: string): boolean {
    const own = this.#network.getConnections().filter(({ remotePeer }) => remotePeer.toString() === peerId)
    return own.length > 0 && own.every(isRelayed)
  }

  /** Connected peers with the addresses by which they say that they can be called. */
  seen(): SeenPeer[] {
    return [...this.#said].flatMap(([peerId, { addresses }]) =>
      addresses.length === 0 ? [] : [{ peerId, addresses }]
    )
  }
}
