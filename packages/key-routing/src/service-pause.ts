/** A wait between two tries. */
import type { Clock } from '@servent/libp2p-host'

/** @throws whatever the signal aborts with */
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
