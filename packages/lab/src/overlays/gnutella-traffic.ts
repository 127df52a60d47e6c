/**
 * What one query costs all peers together: every query and hit with its id that any machine sends. Machines are
 * the overlay's own; this stands between them and the simulation and only counts.
 */
import {
  type GnutellaCommand,
  type GnutellaMessage,
  type GnutellaTables,
  type GnutellaTypes,
  gnutellaCodec
} from '@servent/gnutella/machine'
import type { Effects, Input, Link, Machine, Peer, RequestId, Timer } from '@servent/overlay/machine'

/** Counters of one lookup or search. */
export interface QueryCost {
  messages: number
  bytes: number
}

export class QueryTraffic {
  readonly #byCommand = new WeakMap<GnutellaCommand, QueryCost>()
  readonly #byGuid = new Map<string, QueryCost>()
  readonly #effects = new CountingEffects(message => this.#sent(message))
  #asking: QueryCost | undefined
  #frozen = false
  /** A flood sends one message many times. */
  #measured: GnutellaMessage | undefined
  #measuredBytes = 0

  /** Counts for the query that this command will ask. */
  expect(command: GnutellaCommand, cost: QueryCost): void {
    this.#byCommand.set(command, cost)
  }

  /** From now on no timer of any machine goes off: upkeep stands still. */
  freeze(): void {
    this.#frozen = true
  }

  observe(machine: Machine<GnutellaTypes>): Machine<GnutellaTypes> {
    return {
      handle: (input, effects) => this.#handle(machine, input, effects),
      heldPeers: hold => machine.heldPeers(hold),
      snapshot: (): GnutellaTables => machine.snapshot()
    }
  }

  #handle(
    machine: Machine<GnutellaTypes>,
    input: Input<GnutellaTypes>,
    effects: Effects<GnutellaTypes>
  ): void {
    if (this.#frozen && input.type === 'timer') return
    this.#asking = input.type === 'command' ? this.#byCommand.get(input.command) : undefined
    this.#effects.inner = effects
    machine.handle(input, this.#effects)
  }

  #sent(message: GnutellaMessage): void {
    if (message.type !== 'query' && message.type !== 'query-hit') return
    if (this.#asking !== undefined && message.type === 'query') this.#byGuid.set(message.guid, this.#asking)
    const cost = this.#byGuid.get(message.guid)
    if (cost === undefined) return
    if (message !== this.#measured) {
      this.#measured = message
      this.#measuredBytes = gnutellaCodec.byteLength(message)
    }
    cost.messages += 1
    cost.bytes += this.#measuredBytes
  }
}

/** Hands everything on. One for all machines: a machine is never entered while another one is. */
class CountingEffects implements Effects<GnutellaTypes> {
  inner!: Effects<GnutellaTypes>
  readonly #onSend: (message: GnutellaMessage) => void

  constructor(onSend: (message: GnutellaMessage) => void) {
    this.#onSend = onSend
  }

  get peers(): Effects<GnutellaTypes>['peers'] {
    return this.inner.peers
  }
  nowMs(): number {
    return this.inner.nowMs()
  }
  wallMs(): number {
    return this.inner.wallMs()
  }
  random(): number {
    return this.inner.random()
  }
  open(peer: Peer): void {
    this.inner.open(peer)
  }
  close(link: Link, reason: string): void {
    this.inner.close(link, reason)
  }
  send(link: Link, message: GnutellaMessage, priority: number): void {
    this.#onSend(message)
    this.inner.send(link, message, priority)
  }
  setTimer(timer: Timer, afterMs: number): void {
    this.inner.setTimer(timer, afterMs)
  }
  cancelTimer(timer: Timer): void {
    this.inner.cancelTimer(timer)
  }
  ask(id: RequestId, question: Parameters<Effects<GnutellaTypes>['ask']>[1]): void {
    this.inner.ask(id, question)
  }
  save(key: string, bytes: Uint8Array | undefined): void {
    this.inner.save(key, bytes)
  }
  notify(notice: GnutellaTypes['notice']): void {
    this.inner.notify(notice)
  }
}
