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

  /** Of the same two, in the same direction. */
  of({ giver, taker }: Receipt): Receipt | undefined {
    return giver === this.#self ? this.asGiverTo(taker) : this.asTakerFrom(giver)
  }

  /** Keeps what both have signed, and says whether it did: not what is older than what it has. */
  keep(receipt: Receipt, sealed: Uint8Array): boolean {
    const isGiver = receipt.giver === this.#self
    const receipts = isGiver ? this.#asGiver : this.#asTaker
    const other = isGiver ? receipt.taker : receipt.giver
    if (!isNewer(receipt, this.of(receipt))) return false
    receipts.set(other, { receipt, sealed })
    if (receipts.size > this.#eachMax) {
      const [least] = largestFirst(receipts).slice(-1)
      receipts.delete(isGiver ? least!.receipt.taker : least!.receipt.giver)
      this.#forgotten(least!.receipt)
    }
    return receipts.has(other)
  }

  /**
   * What to show a peer that asks: first what is between the two, so that whoever lost its own copy has it back, then
   * the largest, half of them from each direction where there are as many.
   */
  best(count: number, peer: string): SealedReceipt[] {
    const between = [this.#asTaker.get(peer), this.#asGiver.get(peer)].filter(one => one !== undefined)
    const taken = largestFirst(this.#asTaker).filter(one => !between.includes(one))
    const given = largestFirst(this.#asGiver).filter(one => !between.includes(one))
    const places = Math.max(0, count - between.length)
    const fromTaken = Math.max(Math.ceil(places / 2), places - given.length)
    const others = [
      ...taken.slice(0, fromTaken),
      ...given.slice(0, places - Math.min(taken.length, fromTaken))
    ]
    return [...between, ...others].slice(0, count)
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
