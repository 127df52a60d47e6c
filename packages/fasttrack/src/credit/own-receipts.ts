/**
 * The receipts that this peer is a party of, whole and signed: as giver they are its credentials, as taker its word for
 * others. They are what it hands on, and it hands on no others, so that nobody can spread what he has no
 * part in. Pure, and bounded in each direction; the largest stay.
 */
import { OWN_RECEIPTS_MAX } from './constants.ts'
import { isNewer, type Receipt } from './receipt.ts'

export interface SealedReceipt {
  readonly receipt: Receipt
  readonly sealed: Uint8Array
}

export class OwnReceipts {
  readonly #self: string
  readonly #eachMax: number
  readonly #forgotten: (receipt: Receipt) => void
  /** By the other peer. */
  readonly #asGiver = new Map<string, SealedReceipt>()
  readonly #asTaker = new Map<string, SealedReceipt>()

  constructor(
    self: string,
    forgotten: (receipt: Receipt) => void = () => {},
    eachMax: number = OWN_RECEIPTS_MAX
  ) {
    this.#self = self
    this.#forgotten = forgotten
    this.#eachMax = eachMax
  }

  get size(): number {
    return this.#asGiver.size + this.#asTaker.size
  }

  /** What this peer gave to another, as the other has signed. */
  asGiverTo(taker: string): Receipt | undefined {
    return this.#asGiver.get(taker)?.receipt
  }

  /** What this peer took from another, as this one has signed. */
  asTakerFrom(giver: string): Receipt | undefined {
    return this.#asTaker.get(giver)?.receipt
  }

  /** What others signed that this peer gave, and what it signed that it took: the sums, in bytes. */
  totals(): { readonly givenBytes: number; readonly takenBytes: number } {
    return { givenBytes: sum(this.#asGiver), takenBytes: sum(this.#asTaker) }
  }

  /** Keeps what both have signed, and says whether it did: not what is older than what it has. */
  keep(receipt: Receipt, sealed: Uint8Array): boolean {
    const isGiver = receipt.giver === this.#self
    const receipts = isGiver ? this.#asGiver : this.#asTaker
    const other = isGiver ? receipt.taker : receipt.giver
    if (!isNewer(receipt, receipts.get(other)?.receipt)) return false
    receipts.set(other, { receipt, sealed })
    if (receipts.size > this.#eachMax) {
      const [least] = largestFirst(receipts).slice(-1)
      receipts.delete(isGiver ? least!.receipt.taker : least!.receipt.giver)
      this.#forgotten(least!.receipt)
    }
    return receipts.has(other)
  }

  /** The largest, half of them from each direction where there are as many; none of those that `except` signed itself. */
  best(count: number, except: string): SealedReceipt[] {
    const [given, taken] = [this.#asGiver, this.#asTaker].map(receipts =>
      largestFirst(receipts).filter(({ receipt: { giver, taker } }) => giver !== except && taker !== except)
    ) as [SealedReceipt[], SealedReceipt[]]
    const fromTaken = Math.min(taken.length, Math.max(Math.ceil(count / 2), count - given.length))
    return [...taken.slice(0, fromTaken), ...given.slice(0, count - fromTaken)]
  }
}

function largestFirst(receipts: ReadonlyMap<string, SealedReceipt>): SealedReceipt[] {
  return [...receipts.values()].sort((a, b) => b.receipt.bytes - a.receipt.bytes)
}

function sum(receipts: ReadonlyMap<string, SealedReceipt>): number {
  let bytes = 0
  for (const { receipt } of receipts.values()) bytes += receipt.bytes
  return bytes
}
