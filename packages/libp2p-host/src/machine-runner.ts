/**
 * Calls a machine: one input at a time, in the order in which they came, with its effects recorded and carried
 * out before the next. What effects bring about at once (a queue that overflows, a link that is already gone)
 * waits its turn as an input, so that a machine is never re-entered.
 */
import type { Input, Machine, MachineTypes, Peer, PeerInterner } from '@servent/overlay'
import type { Clock } from './clock.ts'
import { EffectRecorder, type RecordedEffect } from './effects.ts'
import type { TraceStep } from './types.ts'

export interface RunnerInit<T extends MachineTypes> {
  readonly machine: Machine<T>
  readonly peers: PeerInterner
  readonly clock: Clock
  readonly random: () => number
  readonly trace?: ((step: TraceStep<T>) => void) | undefined
  readonly carryOut: (effect: RecordedEffect<T>) => void
  /** Before and after the effects of this input are carried out. */
  readonly onEffects?: (input: Input<T>, phase: 'begin' | 'end') => void
  /** Peers that the host itself needs: of its links and of those being opened. */
  readonly holdPeers: (hold: (peer: Peer) => void) => void
  /** After the last waiting input was handled. */
  readonly onIdle: () => void
  /** The machine broke its contract. The runner has ended; effects of the failing call are dropped. */
  readonly onFailure: (failure: string) => void
}

export class MachineRunner<T extends MachineTypes> {
  readonly #init: RunnerInit<T>
  readonly #recorder: EffectRecorder<T>
  readonly #waiting: Input<T>[] = []
  #running = false
  #ended = false

  constructor(init: RunnerInit<T>) {
    this.#init = init
    this.#recorder = new EffectRecorder(init.peers, init.random)
  }

  /** Handles the input now, or after those that wait where a machine is at work already. */
  dispatch(input: Input<T>): void {
    if (this.#ended) return
    this.#waiting.push(input)
    if (this.#running) return
    this.#running = true
    try {
      for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift())
        this.#step(next)
    } finally {
      this.#running = false
    }
    if (!this.#ended) this.#init.onIdle()
  }

  /** Nothing reaches the machine after this. */
  end(): void {
    this.#ended = true
    this.#waiting.length = 0
  }

  /** Stops the overlay for an error of its machine that shows only while its effects are carried out. */
  fail(input: Input<T>['type'] | 'effects', error: unknown): void {
    if (this.#ended) return
    this.end()
    const detail = error instanceof Error ? (error.stack ?? error.message) : String(error)
    this.#init.onFailure(`The machine failed on ${input}: ${detail}`)
  }

  #step(input: Input<T>): void {
    const { machine, clock, trace, carryOut, onEffects } = this.#init
    const atMs = clock.nowMs()
    this.#recorder.begin(atMs, clock.wallMs())
    try {
      machine.handle(input, this.#recorder)
    } catch (error) {
      this.fail(input.type, error)
      return
    }
    const effects = this.#recorder.take()
    trace?.({ atMs, input, effects, peers: this.#init.peers })
    onEffects?.(input, 'begin')
    for (const effect of effects) {
      if (this.#ended) return
      carryOut(effect)
    }
    onEffects?.(input, 'end')
    this.#sweep()
  }

  /** Forgets peers that nobody holds, between two calls and only when the table is crowded. */
  #sweep(): void {
    const { machine, peers, holdPeers } = this.#init
    if (this.#ended || !peers.crowded) return
    try {
      peers.sweep(hold => {
        holdPeers(hold)
        for (const input of this.#waiting) if ('peer' in input) hold(input.peer)
        machine.heldPeers(hold)
      })
    } catch (error) {
      this.fail('effects', error)
    }
  }
}
