/**
 * Calls peers back: only who holds the key of its PeerId completes the handshake of Noise, so a connection proves that
 * this peer is reached at this address. Nothing is sent over it, and it is closed at once.
 */
import type { Libp2p, PrivateKey } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { peerIdFromString } from '@libp2p/peer-id'
import { tcp } from '@libp2p/tcp'
import { CODE_P2P, type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { boundedYamux } from '@servent/libp2p-host'
import { createLibp2p } from 'libp2p'

/** Those of `addresses` at which the peer answered, each within `timeoutMs`. */
export type Prove = (
  peerId: string,
  addresses: readonly Multiaddr[],
  timeoutMs: number
) => Promise<readonly Multiaddr[]>

export class Prover {
  readonly #network: Libp2p

  private constructor(network: Libp2p) {
    this.#network = network
  }

  /** It listens nowhere. `connectionsMax` are open at a time. */
  static async start(privateKey: PrivateKey, connectionsMax: number): Promise<Prover> {
    const network = await createLibp2p({
      privateKey,
      addresses: { listen: [] },
      connectionManager: {
        maxConnections: connectionsMax,
        maxParallelDials: connectionsMax,
        // Of one that is gone nothing is tried again.
        reconnectRetries: 0
      },
      connectionMonitor: { enabled: false },
      // It calls private addresses where the introducer's own rules let it: those decide, not libp2p's.
      connectionGater: { denyDialMultiaddr: () => false },
      transports: [tcp()],
      connectionEncrypters: [noise()],
      streamMuxers: [boundedYamux()]
    })
    return new Prover(network)
  }

  /** One after the other: of two calls to one peer at a time libp2p makes one, to both addresses. */
  readonly prove: Prove = async (peerId, addresses, timeoutMs) => {
    const answered: Multiaddr[] = []
    for (const address of addresses)
      if (await this.#answers(peerId, address, timeoutMs)) answered.push(address)
    return answered
  }

  async stop(): Promise<void> {
    await this.#network.stop()
  }

  async #answers(peerId: string, address: Multiaddr, timeoutMs: number): Promise<boolean> {
    const id = peerIdFromString(peerId)
    try {
      // libp2p would try addresses of former calls, too: nobody else may be called for this peer now.
      await this.#network.peerStore.delete(id)
      // `force`: a connection to its other address proves nothing of this one.
      const connection = await this.#network.dial(multiaddr(`${address}/p2p/${peerId}`), {
        signal: AbortSignal.timeout(timeoutMs),
        force: true
      })
      const { remoteAddr, remotePeer } = connection
      connection.abort(new Error('The call has proven what it was for.'))
      return remotePeer.equals(id) && isAt(remoteAddr, address)
    } catch {
      return false
    } finally {
      await this.#network.peerStore.delete(id).catch(() => {})
    }
  }
}

const isAt = (remote: Multiaddr, address: Multiaddr): boolean =>
  remote.decapsulateCode(CODE_P2P).toString() === address.toString()
