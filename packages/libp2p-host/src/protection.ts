/**
 * Keeps libp2p from pruning the connections of neighbours. Over its limit of connections it closes those of
 * peers with the lowest sum of tags first, so neighbours carry a tag while their link is up. It is not a
 * `keep-alive` tag: libp2p would dial such peers again behind the machine's back.
 */
import type { Logger, PeerId, PeerStore } from '@libp2p/interface'

/** Of 0 to 100, as libp2p's documentation has it. */
const NEIGHBOUR_VALUE = 50

/** The tag of an overlay's neighbours. */
export const neighbourTag = (overlay: string): string => `servent-${overlay}`

export class Protection {
  readonly #peerStore: PeerStore
  readonly #tag: string
  readonly #log: Logger
  /** Changes of one peer's tags come one after the other. */
  readonly #changes = new Map<string, Promise<void>>()

  constructor(peerStore: PeerStore, overlay: string, log: Logger) {
    this.#peerStore = peerStore
    this.#tag = neighbourTag(overlay)
    this.#log = log
  }

  protect(peerId: PeerId): void {
    this.#change(peerId, { value: NEIGHBOUR_VALUE })
  }

  release(peerId: PeerId): void {
    this.#change(peerId, undefined)
  }

  async settled(): Promise<void> {
    await Promise.all(this.#changes.values())
  }

  #change(peerId: PeerId, value: { value: number } | undefined): void {
    const key = peerId.toString()
    const before = this.#changes.get(key) ?? Promise.resolve()
    const change = before
      .then(() => this.#peerStore.merge(peerId, { tags: { [this.#tag]: value } }))
      .then(
        () => {},
        (error: Error) => this.#log.error('could not tag neighbour %p - %e', peerId, error)
      )
      .then(() => {
        if (this.#changes.get(key) === change) this.#changes.delete(key)
      })
    this.#changes.set(key, change)
  }
}
