/** Peers seen, kept in the database: after a restart they can be dialled by their PeerId alone. */
import type { Libp2p } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import type { Logger } from 'pino'
import type { NodeStore, SeenPeer } from './store.ts'

/** Between two times of writing down who is connected. */
const REMEMBER_MS = 10 * 60 * 1000
/** Told to libp2p at the start: more than a node has connections. */
const RECALLED_MAX = 256

export class PeerMemory {
  readonly #network: Libp2p
  readonly #store: NodeStore
  readonly #logger: Logger
  #seen: () => readonly SeenPeer[] = () => []
  #timer: ReturnType<typeof setInterval> | undefined

  constructor(network: Libp2p, store: NodeStore, logger: Logger) {
    this.#network = network
    this.#store = store
    this.#logger = logger
  }

  /** `seen` gives who is connected now. */
  start(seen: () => readonly SeenPeer[]): void {
    this.#seen = seen
    void this.#recall()
    this.#timer = setInterval(() => this.#remember(), REMEMBER_MS).unref()
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    this.#remember()
  }

  #remember(): void {
    try {
      this.#store.rememberPeers(this.#seen(), Date.now())
    } catch (error) {
      // A full disk must not end a node that can do without: the next time comes.
      this.#logger.warn({ err: error }, 'could not remember peers')
    }
  }

  /** One by one and in the background: nothing waits for it. */
  async #recall(): Promise<void> {
    for (const { peerId, addresses } of this.#store.peersSeen(RECALLED_MAX)) {
      try {
        await this.#network.peerStore.merge(peerIdFromString(peerId), {
          multiaddrs: addresses.map(text => multiaddr(text))
        })
      } catch {
        // A peer told of these addresses once; they may be of a kind that this version does not read.
      }
    }
  }
}
