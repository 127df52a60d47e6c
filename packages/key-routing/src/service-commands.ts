/** Commands to the machine as promises and iterables. Their notices find them by the id of the command. */
import type { RequestId } from '@servent/overlay'
import { OverlayStoppedError } from '@servent/overlay'
import type { RoutingCommand, RoutingNotice } from './types.ts'

type Answer = Extract<RoutingNotice, { readonly command: number }>
type Take = (notice: Answer) => void

export interface CommandHost {
  /** @throws OverlayStoppedError  the overlay does not run */
  command(command: RoutingCommand): RequestId
}

export class ServiceCommands {
  readonly #host: CommandHost
  readonly #waiting = new Map<RequestId, { take: Take; fail: (error: Error) => void }>()
  /** The command that is being given: its notices may come before its id is known. */
  #beginning: Take | undefined

  constructor(host: CommandHost) {
    this.#host = host
  }

  onNotice(notice: RoutingNotice): void {
    if (notice.type === 'lookup-step') return
    ;(this.#waiting.get(notice.command)?.take ?? this.#beginning)?.(notice)
  }

  /** The overlay has stopped: nobody is answered any more. */
  stop(): void {
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const { fail } of waiting) fail(new OverlayStoppedError('The overlay has stopped.'))
  }

  /** The one notice that ends a command. */
  async ask<T extends Answer['type']>(
    command: RoutingCommand,
    ends: readonly T[],
    signal: AbortSignal
  ): Promise<Extract<Answer, { type: T }>> {
    for await (const notice of this.follow(command, ends, signal))
      if ((ends as readonly string[]).includes(notice.type)) return notice as Extract<Answer, { type: T }>
    throw new OverlayStoppedError('The overlay gave no answer.')
  }

  /** Every notice of a command, up to one that ends it. Whoever stops reading gives up the command. */
  async *follow(
    command: RoutingCommand,
    ends: readonly Answer['type'][],
    signal: AbortSignal
  ): AsyncGenerator<Answer, void> {
    signal.throwIfAborted()
    const notices: Answer[] = []
    let failure: Error | undefined
    let wake: (() => void) | undefined
    const take: Take = notice => {
      notices.push(notice)
      wake?.()
    }
    const fail = (error: Error): void => {
      failure = error
      wake?.()
    }
    const onAbort = (): void => fail(signal.reason)
    signal.addEventListener('abort', onAbort)
    const id = this.#begin(command, take, fail)
    let isOver = false
    try {
      while (!isOver) {
        const notice = notices.shift()
        if (notice !== undefined) {
          isOver = ends.includes(notice.type)
          yield notice
        } else if (failure !== undefined) throw failure
        else {
          await new Promise<void>(resolve => {
            wake = resolve
          })
          wake = undefined
        }
      }
    } finally {
      signal.removeEventListener('abort', onAbort)
      this.#waiting.delete(id)
      if (!isOver) this.#giveUp(id)
    }
  }

  #begin(command: RoutingCommand, take: Take, fail: (error: Error) => void): RequestId {
    this.#beginning = take
    try {
      const id = this.#host.command(command)
      this.#waiting.set(id, { take, fail })
      return id
    } finally {
      this.#beginning = undefined
    }
  }

  #giveUp(id: RequestId): void {
    try {
      this.#host.command({ type: 'give-up', command: id })
    } catch {
      // The overlay does not run any more, and its commands with it.
    }
  }
}
