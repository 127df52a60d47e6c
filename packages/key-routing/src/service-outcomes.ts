/** What became of a record that was brought to its root. */
import type { StoreOutcome } from './store-messages.ts'

export type PublishOutcome = StoreOutcome | 'unreachable'

/** No root has said yes or no, so a moment later may be better: tables are mended, and links become free. */
export function isPassing(outcome: PublishOutcome): boolean {
  return outcome === 'unreachable' || outcome === 'not-root' || outcome === 'busy'
}
