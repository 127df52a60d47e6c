/**
 * Connections that this host dialled for its links, which it closes again when nothing uses them any more. libp2p
 * keeps every connection until it has more than it may, and a peer that has as many refuses whoever comes: an
 * overlay that links with many peers for a moment each would fill its neighbours with connections of no use.
 *
 * What others use or value is left alone: a connection with a stream of whatever protocol, and one to a peer that
 * carries a tag.
 */
import type { Connection, Logger, PeerStore } from '@libp2p/interface'
import type { Clock } from './clock.ts'
import { DIALLED_UNUSED_MS } from './limits.ts'

export interface DialledInit {
  readonly clock: Clock
  readonly peerStore: PeerStore
  readonly log: Logger
}

interface Dialled {
  readonly connection: Connection
  timer: unknown
}

export class DialledConnections {
  readonly #init: DialledInit
  /** By id, as long as they are open. */
  readonly #open = new Map<string, Dialled>()

  constructor(init: DialledInit) {
    this.#init = init
  }

  add(connection: Connection): void {
    const { id, status } = connection
    if (status !== 'open' || this.#open.has(id)) return
    this.#open.set(id, { connection, timer: undefined })
    connection.addEventListener('close', () => this.#forget(id), { once: true })
  }

  /** A link over this connection has ended. Where nobody uses it a while later, it is closed. */
  linkEnded(id: string): void {
    const dialled = this.#open.get(id)
    if (dialled === undefined) return
    const { clock, log } = this.#init
    clock.clearTimeout(dialled.timer)
    dialled.timer = clock.setTimeout(() => {
      this.#closeUnused(dialled.connection).catch((error: Error) => {
        log('could not close a connection of no use - %e', error)
      })
    }, DIALLED_UNUSED_MS)
  }

  /** The host stops, and leaves connections to libp2p. */
  stop(): void {
    for (const id of [...this.#open.keys()]) this.#forget(id)
  }

  #forget(id: string): void {
    this.#init.clock.clearTimeout(this.#open.get(id)?.timer)
    this.#open.delete(id)
  }

  async #closeUnused(connection: Connection): Promise<void> {
    const isUnused = () => connection.status === 'open' && connection.streams.length === 0
    if (!isUnused()) return
    const tags = await this.#init.peerStore.get(connection.remotePeer).then(
      peer => peer.tags.size,
      () => 0
    )
    if (tags === 0 && isUnused()) await connection.close()
  }
}
