/** Servers that are known: whom the user named, who was met, and whom servers told of. */
import type { Peer } from '@servent/overlay/machine'
import { HEARSAY_FAILURES_MAX, SERVERS_MAX } from './constants.ts'

export interface KnownServer {
  readonly peer: Peer
  /** The PeerId, in bytes and as text. */
  readonly id: Uint8Array
  readonly peerId: string
  /** By the user: it is never forgotten for others. */
  named: boolean
  /** It has taken this peer in once: more than others say is known of it. */
  met: boolean
  /** Attempts that failed since one went well. */
  failures: number
  /** When it may be tried again. */
  tryMs: number
}

export class KnownServers {
  readonly #servers = new Map<string, KnownServer>()

  get size(): number {
    return this.#servers.size
  }

  get all(): IterableIterator<KnownServer> {
    return this.#servers.values()
  }

  get(peerId: string): KnownServer | undefined {
    return this.#servers.get(peerId)
  }

  /** Gives it a place, which one that the user named finds in any case while others were not. */
  add(server: Pick<KnownServer, 'peer' | 'id' | 'peerId' | 'named'>): KnownServer | undefined {
    const known = this.#servers.get(server.peerId)
    if (known !== undefined) {
      known.named ||= server.named
      return known
    }
    if (this.#servers.size >= SERVERS_MAX && !this.#makeRoom(server.named)) return undefined
    const added = { ...server, met: false, failures: 0, tryMs: Number.NEGATIVE_INFINITY }
    this.#servers.set(server.peerId, added)
    return added
  }

  /** It has taken this peer in. */
  succeeded(known: KnownServer): void {
    known.met = true
    known.failures = 0
  }

  /** Hearsay that fails again and again is forgotten, so that nobody can have others dial for ever. */
  failed(known: KnownServer): void {
    known.failures += 1
    if (!known.named && !known.met && known.failures >= HEARSAY_FAILURES_MAX)
      this.#servers.delete(known.peerId)
  }

  /** A hearsay that fails gives way to another, and any of them to what the user named. */
  #makeRoom(named: boolean): boolean {
    for (const { peerId, named: wasNamed, failures } of this.#servers.values()) {
      if (wasNamed || (!named && failures === 0)) continue
      this.#servers.delete(peerId)
      return true
    }
    return false
  }
}
