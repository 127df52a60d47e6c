/**
 * A relay's rules: who may be called over it, who may call, and how many bytes come when. Pure: the caller says what
 * time it is, on a clock that does not jump.
 *
 * Budgets are the caller's and its host's: a peer that is called must not lose its own because strangers call it. A budget
 * that is used up makes its owner slow and cuts nobody, so that any file comes through.
 */
import { Buckets, TokenBucket } from '@servent/overlay'
import { BUDGETS_MAX, type RelayLimits } from './limits.ts'
import { Status } from './wire.ts'

const MINUTE_SECONDS = 60

export interface Circuit {
  /** PeerIds in text form. */
  readonly from: string
  readonly to: string
  /** Of `from`. */
  readonly host: string
}

interface Held {
  readonly host: string
  readonly expiresAtMs: number
}

export class RelayTable {
  readonly #limits: RelayLimits
  readonly #reservations = new Map<string, Held>()
  readonly #circuits = new Set<Circuit>()
  readonly #budgets: Buckets
  readonly #hostBudgets: Buckets
  readonly #connects: Buckets
  readonly #total: TokenBucket | undefined

  constructor(limits: RelayLimits, nowMs: number) {
    this.#limits = limits
    const { bytesPerSecond } = limits
    this.#budgets = new Buckets(limits.peerBurstBytes, limits.peerBytesPerSecond, BUDGETS_MAX)
    this.#hostBudgets = new Buckets(limits.hostBurstBytes, limits.hostBytesPerSecond, BUDGETS_MAX)
    this.#connects = new Buckets(
      limits.connectsPerHostBurst,
      limits.connectsPerHostPerMinute / MINUTE_SECONDS,
      BUDGETS_MAX
    )
    if (bytesPerSecond > 0) this.#total = new TokenBucket(bytesPerSecond, bytesPerSecond, nowMs)
  }

  get reservations(): number {
    return this.#reservations.size
  }

  get circuits(): number {
    return this.#circuits.size
  }

  /** `peer` may be called from now on, until `reservationMs` from now, or until `release`. */
  reserve(peer: string, host: string, nowMs: number): Status {
    this.#expire(nowMs)
    const { reservationsMax, reservationsPerHostMax, reservationMs } = this.#limits
    const others = [...this.#reservations].filter(([other]) => other !== peer)
    if (others.length >= reservationsMax) return Status.RESERVATION_REFUSED
    if (others.filter(([, held]) => held.host === host).length >= reservationsPerHostMax) {
      return Status.RESERVATION_REFUSED
    }
    this.#reservations.set(peer, { host, expiresAtMs: nowMs + reservationMs })
    return Status.OK
  }

  /** It has no connection to this relay any more. */
  release(peer: string): void {
    this.#reservations.delete(peer)
  }

  /** A connection of `from`, who calls from `host`, to `to`; or why there is none. It must be closed. */
  connect(from: string, host: string, to: string, nowMs: number): Circuit | Status {
    this.#expire(nowMs)
    if (from === to || !this.#reservations.has(to)) return Status.NO_RESERVATION
    const { circuitsMax, circuitsPerPeerMax, circuitsPerHostMax } = this.#limits
    const { circuitsToPeerMax, circuitsHostToPeerMax } = this.#limits
    if (!this.#connects.of(host, nowMs).take(1, nowMs)) return Status.RESOURCE_LIMIT_EXCEEDED
    const count = (is: (circuit: Circuit) => boolean) => [...this.#circuits].filter(is).length
    if (
      this.#circuits.size >= circuitsMax ||
      count(circuit => circuit.from === from) >= circuitsPerPeerMax ||
      count(circuit => circuit.host === host) >= circuitsPerHostMax ||
      count(circuit => circuit.to === to) >= circuitsToPeerMax ||
      count(circuit => circuit.to === to && circuit.host === host) >= circuitsHostToPeerMax
    ) {
      return Status.RESOURCE_LIMIT_EXCEEDED
    }
    const circuit = { from, to, host }
    this.#circuits.add(circuit)
    return circuit
  }

  close(circuit: Circuit): void {
    this.#circuits.delete(circuit)
  }

  /** Milliseconds that these bytes of a circuit must wait before they go on. They are paid for. */
  spend({ from, host }: Circuit, bytes: number, nowMs: number): number {
    const payers = [this.#budgets.of(from, nowMs), this.#hostBudgets.of(host, nowMs)]
    if (this.#total !== undefined) payers.push(this.#total)
    for (const payer of payers) payer.charge(bytes, nowMs)
    // Where no token is missing after the charge, these bytes were there.
    return Math.max(...payers.map(payer => payer.waitMs(0, nowMs)))
  }

  #expire(nowMs: number): void {
    for (const [peer, { expiresAtMs }] of this.#reservations) {
      if (expiresAtMs <= nowMs) this.#reservations.delete(peer)
    }
  }
}
