/** Who is connected: what libp2p knows of each connection, and what identify said. */
import type { Libp2p, PeerId } from '@libp2p/interface'
import { isRelayed } from './connector.ts'
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
  /** A peer from a public address has called: this node can be reached from outside. */
  calledFromOutside = false

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
    network.addEventListener('connection:open', ({ detail }) => {
      if (detail.direction === 'inbound' && isPublic(detail.remoteAddr.toString()))
        this.calledFromOutside = true
    })
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

  /** Connected peers with the addresses by which they say that they can be called. */
  seen(): SeenPeer[] {
    return [...this.#said].flatMap(([peerId, { addresses }]) =>
      addresses.length === 0 ? [] : [{ peerId, addresses }]
    )
  }
}

/** Loopback, private, shared and link-local addresses (RFC 6890) are inside; what is left is the Internet. */
export function isPublic(address: string): boolean {
  const [, family, host = ''] = address.split('/')
  if (family === 'ip6') return !/^(::1$|::$|f[cd]|fe[89ab]|::ffff:)/i.test(host)
  if (family !== 'ip4') return false
  const [a = 0, b = 0] = host.split('.').map(Number)
  const inside =
    a === 0 ||
    a === 10 ||
    a === 127 ||
    (a === 100 && b >= 64 && b < 128) ||
    (a === 169 && b === 254) ||
    (a === 172 && b >= 16 && b < 32) ||
    (a === 192 && b === 168)
  return !inside
}
