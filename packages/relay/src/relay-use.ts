/**
 * The use of relays by a peer that others cannot call: libp2p's own transport dials and takes calls over them, and this
 * sees to what it leaves open. Give libp2p the transport, the service and `listen`:
 *
 *     const relays = new RelayUse()
 *     createLibp2p({ transports: [tcp(), relays.transport], services: { relays: relays.service }, … })
 *
 * - A relay that starts anew is called again, with patience: the transport forgets it.
 * - A peer cannot make itself our relay by handing on a call that nobody asked it to take.
 * - No random walk over the network looks for relays: those among the peers that are met will do.
 */
import { circuitRelayTransport } from '@libp2p/circuit-relay-v2'
import type { Connection, PeerId, Startable, Stream, Transport } from '@libp2p/interface'
import type { HostComponents } from '@servent/libp2p-host'
import {
  RELAY_LOST_MS,
  RELAY_RETRY_LAST_MS,
  RELAY_RETRY_MS,
  RELAYED_CALLS_MAX,
  RELAYS_MAX
} from './limits.ts'

/** Of the wait, added by chance, so that a relay that comes back is not called by all at once. */
const JITTER = 0.3
const DIAL_MS = 10_000

type TransportComponents = Parameters<ReturnType<typeof circuitRelayTransport>>[0]

/** What libp2p's transport has beside the interface of transports, as of 4.2. */
interface CircuitTransport extends Transport {
  onStop(stream: Stream, connection: Connection): Promise<void>
  readonly reservationStore: ReservationStore
}

interface ReservationStore {
  hasReservation(peerId: PeerId): boolean
  addRelay(peerId: PeerId, type: 'discovered'): Promise<unknown>
  addEventListener(name: string, listener: (event: CustomEvent<{ relay: PeerId }>) => void): void
}

export class RelayUse {
  /** One for each relay that this peer is called over. */
  readonly listen: readonly string[] = Array<string>(RELAYS_MAX).fill('/p2p-circuit')
  readonly #relays = new Map<string, PeerId>()
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
    const quiet = new Proxy(components, {
      get: (target, name) => (name === 'randomWalk' ? { walk } : Reflect.get(target, name))
    })
    const transport = circuitRelayTransport({ maxInboundStopStreams: RELAYED_CALLS_MAX })(
      quiet
    ) as unknown as CircuitTransport
    const { reservationStore, onStop } = transport
    transport.onStop = async (stream, connection) => {
      if (reservationStore.hasReservation(connection.remotePeer)) return onStop(stream, connection)
      stream.abort(new Error('This peer takes no calls over that relay.'))
    }
    reservationStore.addEventListener('relay:created-reservation', ({ detail }) => this.#gained(detail.relay))
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
        for (const { timer } of this.#lost.values()) clearTimeout(timer)
        this.#lost.clear()
        this.#relays.clear()
      }
    }
  }

  #gained(relay: PeerId): void {
    const key = relay.toString()
    clearTimeout(this.#lost.get(key)?.timer)
    this.#lost.delete(key)
    this.#relays.set(key, relay)
  }

  #missed(relay: PeerId): void {
    const key = relay.toString()
    this.#relays.delete(key)
    if (!this.#isRunning || this.#lost.has(key)) return
    const lost: Lost = { relay, untilMs: performance.now() + RELAY_LOST_MS, waitMs: RELAY_RETRY_MS }
    this.#lost.set(key, lost)
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
      await this.#components!.connectionManager.openConnection(lost.relay, {
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

interface Lost {
  readonly relay: PeerId
  /** On a clock that does not jump. */
  readonly untilMs: number
  waitMs: number
  timer?: NodeJS.Timeout
}
