/** An orderly end within a bound: each part gets its time, and one that hangs or fails keeps none from ending. */
import type { Logger } from 'pino'

/** For each step. All of them together stay under the time that a service manager waits before it kills. */
export const STOP_STEP_MS = 2_500

export type StopStep = readonly [what: string, stop: () => Promise<void>]

/** Resolves in any case. */
export async function stopInOrder(
  logger: Logger,
  steps: readonly StopStep[],
  stepMs = STOP_STEP_MS
): Promise<void> {
  for (const [what, stop] of steps) {
    const late = Promise.withResolvers<never>()
    const timer = setTimeout(() => late.reject(new Error(`It took more than ${stepMs} ms.`)), stepMs)
    try {
      await Promise.race([stop(), late.promise])
    } catch (error) {
      logger.warn({ err: error }, `could not ${what} in good order`)
    } finally {
      clearTimeout(timer)
    }
  }
}
