/** Time as a host sees it: given from outside, so that conformance tests run in virtual time. */

export interface Clock {
  /** Milliseconds on a clock that never jumps. */
  nowMs(): number
  /** Milliseconds since 1970. */
  wallMs(): number
  setTimeout(run: () => void, afterMs: number): unknown
  clearTimeout(handle: unknown): void
  /**
   * Runs after the events that already wait, as `setImmediate` does. A clock without it gives a timer of
   * 0 ms, which Node makes 1 ms long: right, but slower.
   */
  defer?(run: () => void): void
}

export const systemClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  setTimeout: (run, afterMs) => setTimeout(run, afterMs),
  clearTimeout: handle => clearTimeout(handle as NodeJS.Timeout),
  defer: run => {
    setImmediate(run)
  }
}

/** Waits for the work, for at most so long. */
export async function within(clock: Clock, ms: number, work: Promise<unknown>): Promise<void> {
  let timer: unknown
  await Promise.race([
    work,
    new Promise<void>(resolve => {
      timer = clock.setTimeout(resolve, ms)
    })
  ])
  clock.clearTimeout(timer)
}

/**
 * A wait that ends at once where it is called off.
 *
 * @throws whatever the signal aborts with
 */
export async function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  let timer: unknown
  const aborted = Promise.withResolvers<void>()
  const onAbort = () => aborted.resolve()
  signal.addEventListener('abort', onAbort)
  await Promise.race([
    aborted.promise,
    new Promise<void>(resolve => {
      timer = clock.setTimeout(resolve, ms)
    })
  ])
  clock.clearTimeout(timer)
  signal.removeEventListener('abort', onAbort)
  signal.throwIfAborted()
}
