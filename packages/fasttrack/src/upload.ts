/** How far the own records have come on their way to a supernode, or into the own index. */
import { type Link, TokenBucket } from '@servent/overlay/machine'
import { CHANGES_WAITING_MAX, SHARE_BYTES_MAX } from './constants.ts'
import type { Refusal, UploadedFile } from './messages.ts'

/** A supernode indexes its own files itself. */
export const OWN_INDEX = 'own-index'

export type UploadTarget = Link | typeof OWN_INDEX

interface Batch {
  readonly number: number
  readonly indices: readonly number[]
  readonly isRemoval: boolean
  readonly sentMs: number
}

export class Upload {
  target: UploadTarget | undefined
  /** Tells answers that come for an earlier upload from those for this one. */
  generation = 0
  /** All files up to this index were asked for. */
  cursor = -1
  /** The last of them was. */
  isRead = false
  /** The next page is asked for. */
  isReading = false
  batch: Batch | undefined
  nextBatch = 1
  /** Changes since, that are not sent yet. */
  added: UploadedFile[] = []
  removed: number[] = []
  /** In the index of the target. */
  readonly kept = new Set<number>()
  /** Not in it, and why. */
  readonly refused = new Map<number, Refusal>()
  renewMs = 0
  readonly budget: TokenBucket

  constructor(bytesPerSecond: number) {
    this.budget = new TokenBucket(Math.max(bytesPerSecond, SHARE_BYTES_MAX), bytesPerSecond, 0)
  }

  /** Whether all that is shared is with the target. */
  get isComplete(): boolean {
    const { target, isRead, batch, added, removed } = this
    return target !== undefined && isRead && batch === undefined && added.length + removed.length === 0
  }

  /** How many were refused for which reason. */
  get reasons(): Partial<Record<Refusal, number>> {
    const reasons: Partial<Record<Refusal, number>> = {}
    for (const refusal of this.refused.values()) reasons[refusal] = (reasons[refusal] ?? 0) + 1
    return reasons
  }

  /** From the first file on, to a target. */
  restart(target: UploadTarget | undefined, isSame: boolean): void {
    this.target = target
    this.generation += 1
    this.cursor = -1
    this.isRead = false
    this.isReading = false
    this.batch = undefined
    this.added = []
    // To the same target what was taken away must still be said, and what is there stays there.
    if (!isSame) {
      this.removed = []
      this.kept.clear()
    }
    this.refused.clear()
  }

  /** False: too much waits, and all must be uploaded again. */
  change(added: readonly UploadedFile[], removed: readonly number[]): boolean {
    const gone = new Set(removed)
    this.added = this.added.filter(({ index }) => !gone.has(index))
    // What is not read yet comes when it is.
    this.added.push(...added.filter(({ index }) => index <= this.cursor || this.isRead))
    this.removed.push(...removed)
    return this.added.length + this.removed.length <= CHANGES_WAITING_MAX
  }
}
