/** Opens streams to peers: a bounded number at a time, each within its time, the others in a queue. */
import type { AbortOptions, Connection, PeerId, PeerStore, Stream } from '@libp2p/interface'
import type { ConnectionManager } from '@libp2p/interface-internal'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { NoRoom, Peer } from '@servent/overlay'
import { type Clock, pause } from './clock.ts'
import { DIAL_ADDRESSES_MAX, DIAL_AGAIN_MS, DIAL_TRIES_MAX } from './limits.ts'
import { reasonOf } from './link.ts'
import { NoRoomError, whoHasNoRoom } from './no-room.ts'
import type { Room } from './room.ts'

/** libp2p starts its parts side by side: the connection manager may start after the overlay does. */
const NOT_STARTED_RETRY_MS = 20

export type OpeningStage = 'waiting' | 'dialing' | 'negotiating'

interface Opening {
  readonly peer: Peer
  readonly peerId: PeerId
  readonly addresses: readonly Multiaddr[]
  readonly abort: AbortController
  stage: OpeningStage
}

export interface OpenerLimits {
  readonly opensMax: number
  readonly opensWaitingMax: number
  readonly openTimeoutMs: number
}

export interface OpenerInit {
  readonly connectionManager: ConnectionManager
  readonly peerStore: PeerStore
  readonly protocol: string
  readonly clock: Clock
  readonly limits: OpenerLimits
  /** Where it is not given, dials are made whether there is a place for their connection or not. */
  readonly room?: Pick<Room, 'take' | 'give'> | undefined
  /** A connection was made for an open, and none was there before. */
  readonly onDialled: (connection: Connection) => void
  /** Exactly one of these two is called for each open that is not cancelled. */
  readonly onOpen: (peer: Peer, stream: Stream, connection: Connection) => void
  /** `noRoom`: who has no place for another connection, where that was why. */
  readonly onFailure: (peer: Peer, reason: string, noRoom: NoRoom | undefined) => void
}

export class Opener {
  readonly #init: OpenerInit
  readonly #openings = new Map<Peer, Opening>()
  readonly #waiting: Opening[] = []
  #active = 0

  constructor(init: OpenerInit) {
    this.#init = init
  }

  /** Peers to which a stream is being opened or waits to be. */
  get peers(): Iterable<Peer> {
    return this.#openings.keys()
  }

  get size(): number {
    return this.#openings.size
  }

  stageOf(peer: Peer): OpeningStage | undefined {
    return this.#openings.get(peer)?.stage
  }

  /** False where too many wait. Nothing happens where the peer is being opened already. */
  open(peer: Peer, peerId: PeerId, addresses: readonly Multiaddr[]): boolean {
    if (this.#openings.has(peer)) return true
    if (
      this.#active >= this.#init.limits.opensMax &&
      this.#waiting.length >= this.#init.limits.opensWaitingMax
    ) {
      return false
    }
    const opening: Opening = { peer, peerId, addresses, abort: new AbortController(), stage: 'waiting' }
    this.#openings.set(peer, opening)
    this.#waiting.push(opening)
    this.#fill()
    return true
  }

  /** Nothing is called back for this peer's open any more; a stream that comes of it is reset. */
  cancel(peer: Peer): void {
    const opening = this.#openings.get(peer)
    if (opening === undefined) return
    this.#openings.delete(peer)
    const place = this.#waiting.indexOf(opening)
    if (place >= 0) this.#waiting.splice(place, 1)
    opening.abort.abort(new Error('The open was called off.'))
  }

  cancelAll(): void {
    for (const peer of [...this.#openings.keys()]) this.cancel(peer)
  }

  #fill(): void {
    while (this.#active < this.#init.limits.opensMax) {
      const opening = this.#waiting.shift()
      if (opening === undefined) return
      this.#active += 1
      this.#run(opening)
    }
  }

  async #run(opening: Opening): Promise<void> {
    const { clock, limits, onOpen, onFailure } = this.#init
    const { peer, abort } = opening
    const timeout = clock.setTimeout(
      () => abort.abort(new Error(`No stream within ${limits.openTimeoutMs} ms.`)),
      limits.openTimeoutMs
    )
    let opened: { stream: Stream; connection: Connection } | undefined
    let failure: unknown
    try {
      opened = await this.#openStream(opening)
    } catch (error) {
      failure = abort.signal.aborted ? abort.signal.reason : error
    }
    clock.clearTimeout(timeout)
    this.#active -= 1
    if (this.#openings.get(peer) !== opening) {
      // Called off. A stream that came of it none the less is not wanted.
      opened?.stream.abort(new Error('The open was called off.'))
    } else {
      this.#openings.delete(peer)
      if (opened !== undefined) onOpen(peer, opened.stream, opened.connection)
      else onFailure(peer, failureOf(failure), whoHasNoRoom(failure))
    }
    this.#fill()
  }

  /** Over the connection that is there, or over one that is dialled. */
  async #openStream(opening: Opening): Promise<{ stream: Stream; connection: Connection }> {
    const { signal } = opening.abort
    const { clock, protocol } = this.#init
    for (let tries = 1; ; ) {
      try {
        opening.stage = 'dialing'
        // Never in the moment of the open itself: a link that comes up in the same turn calls it off.
        const connection = await (this.#held(opening.peerId) ?? this.#connect(opening, { signal }))
        signal.throwIfAborted()
        opening.stage = 'negotiating'
        const stream = await connection.newStream(protocol, { signal, runOnLimitedConnection: true })
        return { stream, connection }
      } catch (error) {
        signal.throwIfAborted()
        if ((error as Error).name === 'NotStartedError') await pause(clock, NOT_STARTED_RETRY_MS, signal)
        else if (whoHasNoRoom(error) !== undefined && tries < DIAL_TRIES_MAX) {
          // Whoever is full has others give way when somebody knocks, and what is being closed is gone by then.
          opening.stage = 'dialing'
          await pause(clock, DIAL_AGAIN_MS * 2 ** (tries - 1), signal)
          tries += 1
        } else throw error
      }
    }
  }

  #held(peerId: PeerId): Connection | undefined {
    return this.#init.connectionManager
      .getConnections(peerId)
      .find(connection => connection.status === 'open' && connection.limits === undefined)
  }

  async #connect({ peerId, addresses }: Opening, options: AbortOptions): Promise<Connection> {
    const { peerStore, onDialled } = this.#init
    const known =
      addresses.length === 0 ? [] : joined(addresses, await storedAddresses(peerStore, peerId, options))
    options.signal?.throwIfAborted()
    // Without addresses libp2p looks into its peer store and asks its peer routing.
    const dialled = await this.#dial(known.length > 0 ? known : peerId, options)
    onDialled(dialled)
    return dialled
  }

  async #dial(to: PeerId | Multiaddr[], options: AbortOptions): Promise<Connection> {
    const { room, connectionManager } = this.#init
    if (room === undefined) return await connectionManager.openConnection(to, options)
    if (!(await room.take())) throw new NoRoomError('Every connection that libp2p may have is in use.')
    try {
      return await connectionManager.openConnection(to, options)
    } finally {
      room.give()
    }
  }
}

/** What identify and earlier dials have put there: a contact from a message may be older. */
async function storedAddresses(
  peerStore: PeerStore,
  peerId: PeerId,
  options: AbortOptions
): Promise<Multiaddr[]> {
  try {
    const peer = await peerStore.get(peerId, options)
    return peer.addresses.map(({ multiaddr }) => multiaddr)
  } catch {
    return []
  }
}

function joined(heard: readonly Multiaddr[], stored: readonly Multiaddr[]): Multiaddr[] {
  const p2p = heard[0]!.getComponents().at(-1)!
  const named = stored.map(address =>
    address.getComponents().at(-1)?.code === p2p.code ? address : address.encapsulate(`/p2p/${p2p.value}`)
  )
  const byText = new Map([...heard, ...named].map(address => [address.toString(), address]))
  return [...byText.values()].slice(0, DIAL_ADDRESSES_MAX)
}

/**
 * A sentence about why an open failed. Dials fail with plain errors of the operating system as well as with
 * libp2p's own, so nothing is read from their class.
 */
function failureOf(error: unknown): string {
  if (!(error instanceof Error)) return reasonOf(new Error(String(error)))
  if (error instanceof AggregateError && error.errors.length > 0) return failureOf(error.errors[0])
  return reasonOf(error)
}
