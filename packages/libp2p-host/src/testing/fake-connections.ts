/** The connection manager of a fake node. */
import type { AbortOptions, Connection, PeerId, Stream } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { CODE_P2P, isMultiaddr, type Multiaddr } from '@multiformats/multiaddr'
import type { FakeEvents, FakePeerStore } from './fake-components.ts'
import type { FakeConnection } from './fake-connection.ts'

export type Dial = (to: PeerId, address: Multiaddr | undefined, signal?: AbortSignal) => Promise<Connection>

export class FakeConnections {
  readonly #self: PeerId
  readonly #peerStore: FakePeerStore
  readonly #events: FakeEvents
  readonly #dial: Dial
  readonly #open = new Set<FakeConnection>()

  constructor(self: PeerId, peerStore: FakePeerStore, events: FakeEvents, dial: Dial) {
    this.#self = self
    this.#peerStore = peerStore
    this.#events = events
    this.#dial = dial
  }

  /** Nobody here has to make room. */
  getMaxConnections(): number {
    return Number.POSITIVE_INFINITY
  }

  getConnections(peerId?: PeerId): Connection[] {
    return this.fakes(peerId).map(fake => fake.asConnection)
  }

  fakes(peerId?: PeerId): FakeConnection[] {
    return [...this.#open].filter(fake => peerId === undefined || fake.remotePeer.equals(peerId))
  }

  async openConnection(
    target: PeerId | Multiaddr | Multiaddr[],
    options: AbortOptions = {}
  ): Promise<Connection> {
    const addresses = isMultiaddr(target) ? [target] : Array.isArray(target) ? target : []
    const peerId = addresses.length > 0 ? peerIdOf(addresses[0]!) : (target as PeerId)
    if (peerId.equals(this.#self)) throw new Error('A node cannot dial itself.')
    const held = this.getConnections(peerId)[0]
    if (held !== undefined) return held
    const known = addresses.length > 0 ? addresses : await this.#stored(peerId)
    let failure: unknown = new Error(`No addresses are known of ${peerId}.`)
    for (const address of known) {
      try {
        return await this.#dial(peerId, address, options.signal)
      } catch (error) {
        failure = error
        options.signal?.throwIfAborted()
      }
    }
    throw failure
  }

  async openStream(
    target: PeerId | Multiaddr | Multiaddr[],
    protocol: string,
    options: AbortOptions = {}
  ): Promise<Stream> {
    const connection = await this.openConnection(target, options)
    return await connection.newStream(protocol, options)
  }

  added(connection: FakeConnection): void {
    const isNew = this.fakes(connection.remotePeer).length === 0
    this.#open.add(connection)
    this.#events.safeDispatchEvent('connection:open', { detail: connection.asConnection })
    if (isNew) this.#events.safeDispatchEvent('peer:connect', { detail: connection.remotePeer })
  }

  removed(connection: FakeConnection): void {
    if (!this.#open.delete(connection)) return
    this.#events.safeDispatchEvent('connection:close', { detail: connection.asConnection })
    if (this.fakes(connection.remotePeer).length > 0) return
    this.#events.safeDispatchEvent('peer:disconnect', { detail: connection.remotePeer })
  }

  async #stored(peerId: PeerId): Promise<Multiaddr[]> {
    try {
      const peer = await this.#peerStore.get(peerId)
      return peer.addresses.map(({ multiaddr }) => multiaddr)
    } catch {
      return []
    }
  }
}

function peerIdOf(address: Multiaddr): PeerId {
  const last = address.getComponents().findLast(({ code }) => code === CODE_P2P)
  return peerIdFromString(last?.value ?? '')
}
