/**
 * The use of relays by a peer that others cannot call: libp2p's own transport dials and takes calls over them, and this
 * sees to what it leaves open. Give libp2p the transport, the service and `listen`:
 *
 *     const relays = new RelayUse()
 *     createLibp2p({ transports: [tcp(), relays.transport], services: { relays: relays.service }, … })
 *
 * - A relay that starts anew is called again, with patience and where this peer reached it before: the transport forgets
 *   it. One that came by itself, and a fifth one that was lost, are forgotten.
 * - A peer cannot make itself our relay by handing on a call that nobody asked it to take.
 * - A relay may name some addresses of its own under which we are called, and no host by name, nor any private one where
 *   it is not itself reached over a private network.
 * - No random walk over the network looks for relays: those among the peers that are met will do.
 */
import { circuitRelayTransport } from '@libp2p/circuit-relay-v2'
import type { Connection, PeerId, Startable, Stream, Transport } from '@libp2p/interface'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import {
  contactOf,
  dialTargetOf,
  type HostComponents,
  isCircuit,
  isIp,
  isPrivateIp,
  isPublic
} from '@servent/libp2p-host'
import {
  RELAY_LOST_MS,
  RELAY_RETRY_LAST_MS,
  RELAY_RETRY_MS,
  RELAYED_CALLS_MAX,
  RELAYS_LOST_MAX,
  RELAYS_MAX,
  RESERVATION_ADDRESSES_MAX
} from './limits.ts'
import { replaced } from './replaced.ts'

/** Of the wait, added by chance, so that a relay that comes back is not called by all at once. */
const JITTER = 0.3
const DIAL_MS = 10_000
/** Of the hour that a reservation lasts. */
const RENEW_MS = 50 * 60_000
/** Of a tag whose end has passed by this clock. */
const TAG_MS = 60 * 60_000

type TransportComponents = Parameters<ReturnType<typeof circuitRelayTransport>>[0]

/** What libp2p's transport has beside the interface of transports, as of 4.2. */
interface CircuitTransport extends Transport {
  onStop(stream: Stream, connection: Connection): Promise<void>
  readonly reservationStore: ReservationStore
}

interface Held {
  readonly relay: PeerId
  readonly details: {
    readonly connection: string
    readonly reservation: { addrs: Uint8Array[]; expire: bigint }
  }
}

interface ReservationStore {
  hasReservation(peerId: PeerId): boolean
  addRelay(peerId: PeerId, type: 'discovered'): Promise<unknown>
  addEventListener(name: string, listener: (event: CustomEvent<Held>) => void): void
  /** Relays that failed, and are not asked again until another one is lost or found. */
  readonly relayFilter: { remove(item: Uint8Array): boolean }
}

export class RelayUse {
  /** One for each relay that this peer is called over. */
  readonly listen: readonly string[] = Array<string>(RELAYS_MAX).fill('/p2p-circuit')
  /** By PeerId: the address at which this peer reached it, where it did. */
  readonly #relays = new Map<
    string,
    { readonly address: Multiaddr | undefined; readonly timer: NodeJS.Timeout }
  >()
  readonly #lost = new Map<string, Lost>()
  #store: ReservationStore | undefined
  #components: HostComponents | undefined
  #isRunning = false

  /** PeerIds of the relays that this peer can be called over now. */
  relays(): string[] {
    return [...this.#relays.keys()]
  }

  readonly transport = (components: TransportComponents): Transport => {
    const walk = async function* () {}
    const { peerStore } = components
    // The end of a reservation is said by the relay's clock. Where that is an hour behind this one it has passed, and no
    // tag may live for less than nothing.
    const merge: typeof peerStore.merge = (peerId, data, options) =>
      peerStore.merge(peerId, { ...data, tags: living(data.tags) }, options)
    const own = replaced(components, { randomWalk: { walk }, peerStore: replaced(peerStore, { merge }) })
    const transport = circuitRelayTransport({ maxInboundStopStreams: RELAYED_CALLS_MAX })(
      own
    ) as unknown as CircuitTransport
    const { reservationStore, onStop } = transport
    transport.onStop = async (stream, connection) => {
      if (reservationStore.hasReservation(connection.remotePeer)) return onStop(stream, connection)
      stream.abort(new Error('This peer takes no calls over that relay.'))
    }
    reservationStore.addEventListener('relay:created-reservation', ({ detail }) => this.#gained(detail))
    reservationStore.addEventListener('relay:removed', ({ detail }) => this.#missed(detail.relay))
    this.#store = reservationStore
    return transport
  }

  readonly service = (components: HostComponents): Startable => {
    this.#components = components
    return {
      start: () => {
        this.#isRunning = true
      },
      stop: () => {
        this.#isRunning = false
        for (const { timer } of [...this.#lost.values(), ...this.#relays.values()]) clearTimeout(timer)
        this.#lost.clear()
        this.#relays.clear()
      }
    }
  }

  /** Comes before the transport's own listeners take the addresses for theirs. */
  #gained({ relay, details }: Held): void {
    const key = relay.toString()
    const connection = this.#components?.connectionManager
      .getConnections(relay)
      .find(({ id }) => id === details.connection)
    details.reservation.addrs = believable(relay, details.reservation.addrs, connection)
    clearTimeout(this.#lost.get(key)?.timer)
    this.#lost.delete(key)
    clearTimeout(this.#relays.get(key)?.timer)
    const address = connection?.direction === 'outbound' ? connection.remoteAddr : undefined
    this.#relays.set(key, { address, timer: setTimeout(() => this.#renew(relay, details), RENEW_MS).unref() })
  }

  /** By a clock that does not jump, and is nobody else's: the transport would do so by the relay's. */
  #renew(relay: PeerId, { reservation }: Held['details']): void {
    reservation.expire = 0n
    this.#store!.addRelay(relay, 'discovered').catch(() => {
      // The transport tells that the relay is lost.
    })
  }

  #missed(relay: PeerId): void {
    const key = relay.toString()
    const { address, timer } = this.#relays.get(key) ?? {}
    clearTimeout(timer)
    this.#relays.delete(key)
    if (!this.#isRunning || address === undefined || this.#lost.has(key)) return
    const untilMs = performance.now() + RELAY_LOST_MS
    const lost: Lost = {
      relay,
      target: dialTargetOf(relay, contactOf(relay, [address])),
      untilMs,
      waitMs: RELAY_RETRY_MS
    }
    this.#lost.set(key, lost)
    if (this.#lost.size > RELAYS_LOST_MAX) {
      const [oldest, { timer }] = this.#lost.entries().next().value!
      clearTimeout(timer)
      this.#lost.delete(oldest)
    }
    this.#later(key, lost)
  }

  #later(key: string, lost: Lost): void {
    if (performance.now() + lost.waitMs > lost.untilMs) {
      this.#lost.delete(key)
      return
    }
    lost.timer = setTimeout(
      () => void this.#again(key, lost),
      lost.waitMs * (1 + Math.random() * JITTER)
    ).unref()
    lost.waitMs = Math.min(lost.waitMs * 2, RELAY_RETRY_LAST_MS)
  }

  async #again(key: string, lost: Lost): Promise<void> {
    try {
      this.#store!.relayFilter.remove(lost.relay.toMultihash().bytes)
      await this.#components!.connectionManager.openConnection(lost.target, {
        signal: AbortSignal.timeout(DIAL_MS)
      })
      await this.#store!.addRelay(lost.relay, 'discovered')
    } catch (error) {
      // Another relay has taken its place: this one is not needed.
      if ((error as Error).name === 'HadEnoughRelaysError') this.#lost.delete(key)
    }
    if (this.#lost.get(key) === lost) this.#later(key, lost)
  }
}

type Tags = NonNullable<Parameters<HostComponents['peerStore']['merge']>[1]['tags']>

function living(tags: Tags | undefined): Tags {
  const entries = tags instanceof Map ? [...tags] : Object.entries(tags ?? {})
  return Object.fromEntries(
    entries.map(([name, tag]) => [
      name,
      tag?.ttl !== undefined && tag.ttl <= 0 ? { ...tag, ttl: TAG_MS } : tag
    ])
  )
}

/** Of the addresses that a relay names, those under which others may be told to look for this peer. */
function believable(
  relay: PeerId,
  named: readonly Uint8Array[],
  connection: Connection | undefined
): Uint8Array[] {
  const mayBePrivate = connection !== undefined && isPrivateIp(connection.remoteAddr)
  const own = connection === undefined ? [] : [connection.remoteAddr]
  const fit = named.flatMap(bytes => {
    try {
      const address = multiaddr(bytes)
      const peers = address.getComponents().filter(({ name }) => name === 'p2p')
      const isItself = peers.every(({ value }) => value === relay.toString())
      return isIp(address) &&
        isItself &&
        !isCircuit(address) &&
        (mayBePrivate || isPublic(address.toString()))
        ? [address]
        : []
    } catch {
      return []
    }
  })
  // Each once, with the PeerId, and the one at which it was reached first.
  return dialTargetOf(relay, contactOf(relay, [...own, ...fit]))
    .slice(0, RESERVATION_ADDRESSES_MAX)
    .map(address => address.bytes)
}

interface Lost {
  readonly relay: PeerId
  readonly target: Multiaddr[]
  /** On a clock that does not jump. */
  readonly untilMs: number
  waitMs: number
  timer?: NodeJS.Timeout
}
