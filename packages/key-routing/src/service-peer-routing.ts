/** An overlay as libp2p's peer routing: a peer that takes part in it is the root of its own key. */
import {
  NotFoundError,
  type PeerId,
  type PeerInfo,
  type PeerRouting,
  type RoutingOptions
} from '@libp2p/interface'
import { multiaddrsOfContact, peerIdOfContact } from '@servent/libp2p-host'
import type { Contact, Key } from '@servent/overlay'
import { keyOfPeer } from '@servent/overlay'

type FindRoot = (
  key: Key,
  signal?: AbortSignal
) => Promise<{ readonly root: Contact; readonly replicas: readonly Contact[] } | undefined>

export class KeyPeerRouting implements PeerRouting {
  readonly #findRoot: FindRoot

  constructor(findRoot: FindRoot) {
    this.#findRoot = findRoot
  }

  /** @throws NotFoundError  the peer takes no part in this overlay, or is not found now */
  async findPeer(peerId: PeerId, { signal }: RoutingOptions = {}): Promise<PeerInfo> {
    const found = await this.#findRoot(keyOfPeer(peerId.toMultihash().bytes), signal)
    for (const info of infosOf(found)) if (info.id.equals(peerId)) return info
    throw new NotFoundError(`${peerId} is not found in this overlay.`)
  }

  /** The peers that are responsible for the hash of `key`, the farthest first, as libp2p asks for them. */
  async *getClosestPeers(key: Uint8Array, { signal }: RoutingOptions = {}): AsyncGenerator<PeerInfo, void> {
    yield* infosOf(await this.#findRoot(keyOfPeer(key), signal)).reverse()
  }
}

function infosOf(
  found: { readonly root: Contact; readonly replicas: readonly Contact[] } | undefined
): PeerInfo[] {
  if (found === undefined) return []
  return [found.root, ...found.replicas].map(contact => ({
    id: peerIdOfContact(contact),
    multiaddrs: multiaddrsOfContact(contact)
  }))
}
