/** Tasks of one name have their turn one after the other, in the order in which they entered. */

export interface Turn {
  /** Resolves when all that entered before have left. */
  reached(signal?: AbortSignal): Promise<void>
  /** Always called, also where the turn never came: the next one waits for it. */
  leave(): void
}

export class Turns {
  /** By name: when all that have entered will have left. */
  readonly #last = new Map<string, Promise<unknown>>()

  get size(): number {
    return this.#last.size
  }

  enter(name: string): Turn {
    const before = this.#last.get(name)
    const { promise: left, resolve: leave } = Promise.withResolvers<void>()
    // Whoever leaves early lets nobody pass those who were before.
    const all = Promise.all([before, left])
    this.#last.set(name, all)
    void all.then(() => {
      if (this.#last.get(name) === all) this.#last.delete(name)
    })
    return {
      leave,
      reached: async signal => {
        signal?.throwIfAborted()
        if (signal === undefined) await before
        else if (before !== undefined) await untilAborted(before, signal)
      }
    }
  }
}

/** Throws the signal's reason where that comes first. */
export async function untilAborted(what: Promise<unknown>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const onAbort = (): void => reject(signal.reason)
  signal.addEventListener('abort', onAbort)
  try {
    await Promise.race([what, aborted])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
