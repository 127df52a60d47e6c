/**
 * How the peers of a run find the first of each other. On one machine that is in memory; a run over several machines puts a
 * service of its own in its place, where every machine registers the peers that it started, and which lists those of all.
 */

/** A peer that can be joined by. */
export interface RegisteredPeer {
  readonly node: number
  readonly peerId: string
  /** Multiaddr with `/p2p`. */
  readonly address: string
  readonly isServer: boolean
}

export interface Rendezvous {
  /** Known to all from now on. */
  register(peer: RegisteredPeer): Promise<void>
  /** It is gone: nobody is told of it any more. */
  withdraw(node: number): Promise<void>
  /** Those that are there, in the order of their numbers. */
  list(): Promise<readonly RegisteredPeer[]>
}

export class LocalRendezvous implements Rendezvous {
  readonly #peers = new Map<number, RegisteredPeer>()

  async register(peer: RegisteredPeer): Promise<void> {
    this.#peers.set(peer.node, peer)
  }

  async withdraw(node: number): Promise<void> {
    this.#peers.delete(node)
  }

  async list(): Promise<readonly RegisteredPeer[]> {
    return [...this.#peers.values()].sort((a, b) => a.node - b.node)
  }
}
