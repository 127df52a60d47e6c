/** What became of records that were brought to their roots. */
import type { StoredRecord, StoreOutcome } from './store-messages.ts'

export type PublishOutcome = StoreOutcome | 'unreachable'

/** No root has said yes or no, so a moment later may be better: tables are mended, and links become free. */
export function isPassing(outcome: PublishOutcome): boolean {
  return outcome === 'unreachable' || outcome === 'not-root' || outcome === 'busy'
}

export function isKept(outcome: PublishOutcome | undefined): boolean {
  return outcome === 'kept' || outcome === 'few-copies' || outcome === 'older'
}

/** Those to which no root has said yes or no. */
export function lostOf(
  records: readonly StoredRecord[],
  outcomes: readonly PublishOutcome[]
): StoredRecord[] {
  return records.filter((_, place) => isPassing(outcomes[place] ?? 'unreachable'))
}
