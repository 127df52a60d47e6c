/**
 * The receipts that this peer holds of others, by who took and by who gave. Pure, and bounded so that whoever floods
 * it pays with its own places: a taker has `receiptsPerTakerMax`, of which its largest stay, and takers make way by what
 * they really gave this peer. A crowd of keys that gave nothing share the places that are left, and the oldest
 * goes first. One receipt costs at most a look at all takers and at all receipts of one.
 *
 * What this peer gave and took itself is not here and cannot be evicted: it is measured, and needs nobody's word.
 */
import { RECEIPTS_PER_TAKER_MAX, TAKERS_MAX } from './constants.ts'
import { isNewer, type Receipt } from './receipt.ts'

/** What this peer measured of another, as transfer's ledger keeps it. */
export interface Account {
  /** Verified bytes that this peer got from it. */
  readonly givenBytes: number
  /** Bytes that were sent to it. */
  readonly takenBytes: number
}

/** By PeerId in text form. Must be as cheap as a look into a map. */
export type OwnAccounts = (peer: string) => Account

/** The newest receipt of a pair: its taker vouches for its giver. */
export interface Vouch extends Receipt {
  bytes: number
  sequence: number
  /** Of `bytes`, what is set aside for peers that credit reaches over this edge. */
  usedBytes: number
}

export interface BookLimits {
  readonly takersMax: number
  readonly receiptsPerTakerMax: number
}

/** `own`: about this peer itself, which knows better. `full`: whatever is held matters more. */
export type Heard = 'kept' | 'old' | 'own' | 'full'

export class ReceiptBook {
  readonly #self: string
  readonly #own: OwnAccounts
  readonly #limits: BookLimits
  readonly #forgotten: (receipt: Receipt) => void
  /** By taker, who was heard of first comes first; then by giver. */
  readonly #byTaker = new Map<string, Map<string, Vouch>>()
  readonly #byGiver = new Map<string, Map<string, Vouch>>()
  /** Evicted while something was set aside on them: who comes again finds that still spent. The latest. */
  readonly #retired = new Map<string, Vouch>()
  #size = 0

  /** `forgotten` is told of each receipt that made way. */
  constructor(
    self: string,
    own: OwnAccounts,
    limits: Partial<BookLimits> = {},
    forgotten: (receipt: Receipt) => void = () => {}
  ) {
    this.#self = self
    this.#own = own
    this.#limits = { takersMax: TAKERS_MAX, receiptsPerTakerMax: RECEIPTS_PER_TAKER_MAX, ...limits }
    this.#forgotten = forgotten
  }

  /** Receipts that are held. */
  get size(): number {
    return this.#size
  }

  of(taker: string, giver: string): Vouch | undefined {
    return this.#byTaker.get(taker)?.get(giver)
  }

  /** What this peer took from others. */
  takenBy(taker: string): Iterable<Vouch> {
    return this.#byTaker.get(taker)?.values() ?? []
  }

  /** What this peer gave to others. */
  givenBy(giver: string): Iterable<Vouch> {
    return this.#byGiver.get(giver)?.values() ?? []
  }

  /** Everybody whom a receipt names. */
  peers(): Set<string> {
    return new Set([...this.#byTaker.keys(), ...this.#byGiver.keys()])
  }

  /** Whether a receipt would be kept, so that nobody verifies what is not. */
  judge(receipt: Receipt): Heard {
    const { giver, taker, bytes } = receipt
    if (giver === this.#self || taker === this.#self) return 'own'
    const known = this.of(taker, giver)
    if (known !== undefined) return isNewer(receipt, known) ? 'kept' : 'old'
    const retired = this.#retired.get(nameOf(receipt))
    if (retired !== undefined && !isNewer({ ...receipt, sequence: receipt.sequence + 1 }, retired))
      return 'old'
    const receipts = this.#byTaker.get(taker)
    if (receipts === undefined) {
      if (this.#byTaker.size < this.#limits.takersMax) return 'kept'
      return this.#rank(taker) < this.#rank(this.#leastTaker()) ? 'full' : 'kept'
    }
    if (receipts.size < this.#limits.receiptsPerTakerMax) return 'kept'
    return bytes <= least(receipts).bytes ? 'full' : 'kept'
  }

  /** Of a receipt that was verified. */
  hear(receipt: Receipt): Heard {
    const judged = this.judge(receipt)
    if (judged !== 'kept') return judged
    const { giver, taker, bytes, sequence } = receipt
    const known = this.of(taker, giver)
    if (known !== undefined) {
      known.bytes = bytes
      known.sequence = sequence
      return 'kept'
    }
    this.#makeRoom(taker)
    const name = nameOf(receipt)
    const vouch = this.#retired.get(name) ?? { giver, taker, bytes, sequence, usedBytes: 0 }
    this.#retired.delete(name)
    vouch.bytes = bytes
    vouch.sequence = sequence
    put(this.#byTaker, taker, giver, vouch)
    put(this.#byGiver, giver, taker, vouch)
    this.#size += 1
    return 'kept'
  }

  #makeRoom(taker: string): void {
    const receipts = this.#byTaker.get(taker)
    if (receipts === undefined) {
      if (this.#byTaker.size < this.#limits.takersMax) return
      for (const vouch of [...this.takenBy(this.#leastTaker())]) this.#forget(vouch)
    } else if (receipts.size >= this.#limits.receiptsPerTakerMax) this.#forget(least(receipts))
  }

  #forget(vouch: Vouch): void {
    const { giver, taker } = vouch
    drop(this.#byTaker, taker, giver)
    drop(this.#byGiver, giver, taker)
    this.#size -= 1
    if (vouch.usedBytes > 0) {
      this.#retired.set(nameOf(vouch), vouch)
      const retiredMax = this.#limits.takersMax
      if (this.#retired.size > retiredMax) this.#retired.delete(this.#retired.keys().next().value!)
    }
    this.#forgotten(vouch)
  }

  /** What a peer's word weighs here: what it gave. */
  #rank(taker: string): number {
    return this.#own(taker).givenBytes
  }

  /** Among equals, who was heard of first. In a flood of strangers that is soon found: nobody gave less than nothing. */
  #leastTaker(): string {
    let found = ''
    let foundRank = Infinity
    for (const taker of this.#byTaker.keys()) {
      const rank = this.#rank(taker)
      if (rank >= foundRank) continue
      found = taker
      foundRank = rank
      if (rank === 0) break
    }
    return found
  }
}

function least(receipts: ReadonlyMap<string, Vouch>): Vouch {
  let found: Vouch | undefined
  for (const vouch of receipts.values()) {
    if (found === undefined || vouch.bytes < found.bytes) found = vouch
  }
  return found!
}

function put(index: Map<string, Map<string, Vouch>>, peer: string, other: string, vouch: Vouch): void {
  const receipts = index.get(peer) ?? new Map<string, Vouch>()
  receipts.set(other, vouch)
  index.set(peer, receipts)
}

function drop(index: Map<string, Map<string, Vouch>>, peer: string, other: string): void {
  const receipts = index.get(peer)!
  receipts.delete(other)
  if (receipts.size === 0) index.delete(peer)
}

function nameOf({ taker, giver }: Receipt): string {
  return `${taker} ${giver}`
}
