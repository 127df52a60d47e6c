/** Machines that are watched: what each sends is seen before it leaves, and nothing of it is changed. */
import type {
  Effects,
  Input,
  Link,
  Machine,
  MachineTypes,
  Peer,
  RequestId,
  SaveQuestion,
  Timer
} from '@servent/overlay/machine'
import type { NodeIndex } from '@servent/simulator'
import type { Tracer } from '../path/trace.ts'

export interface Watch<T extends MachineTypes> {
  /** Before each input; false: the machine does not hear of it. */
  onInput?(input: Input<T>, machine: number): boolean
  /** `machine`: the node that runs it; with its own clock. */
  onSend(message: T['message'], link: Link, machine: number, clock: Pick<Effects<T>, 'nowMs'>): void
  onNotify?(notice: T['notice'], machine: number): void
}

/**
 * Gives machines that behave as theirs do. One watch serves all: a machine is never entered while another is. The tracer
 * hears of what comes to each.
 */
export function watched<T extends MachineTypes>(
  watch: Watch<T>,
  tracer: Tracer
): (machine: Machine<T>, node: NodeIndex) => Machine<T> {
  const effects = new WatchedEffects<T>(watch)
  return (machine, number) => {
    return {
      handle(input, inner) {
        if (input.type === 'message') tracer.arrived(input.message as object, number)
        if (watch.onInput?.(input, number) === false) return
        effects.inner = inner
        effects.machine = number
        machine.handle(input, effects)
      },
      heldPeers: hold => machine.heldPeers(hold),
      snapshot: () => machine.snapshot()
    }
  }
}

/** Effects that go where those within go. */
export class PassedEffects<T extends MachineTypes> implements Effects<T> {
  inner!: Effects<T>

  get peers(): Effects<T>['peers'] {
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
  send(link: Link, message: T['message'], priority: number): void {
    this.inner.send(link, message, priority)
  }
  setTimer(timer: Timer, afterMs: number): void {
    this.inner.setTimer(timer, afterMs)
  }
  cancelTimer(timer: Timer): void {
    this.inner.cancelTimer(timer)
  }
  ask(id: RequestId, question: T['question'] | SaveQuestion): void {
    this.inner.ask(id, question)
  }
  save(key: string, bytes: Uint8Array | undefined): void {
    this.inner.save(key, bytes)
  }
  notify(notice: T['notice']): void {
    this.inner.notify(notice)
  }
}

class WatchedEffects<T extends MachineTypes> extends PassedEffects<T> {
  machine = 0
  readonly #watch: Watch<T>

  constructor(watch: Watch<T>) {
    super()
    this.#watch = watch
  }

  override send(link: Link, message: T['message'], priority: number): void {
    this.#watch.onSend(message, link, this.machine, this.inner)
    super.send(link, message, priority)
  }
  override notify(notice: T['notice']): void {
    this.#watch.onNotify?.(notice, this.machine)
    super.notify(notice)
  }
}
