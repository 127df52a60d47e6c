/**
 * Hands out blocks to sources, each block to one at a time: long runs, so that one request brings much, none
 * across a piece of the hash layer. Pure. What a source did not bring goes to whoever asks next.
 */
import { type BlockRun, BlockSet } from './block-set.ts'

export class BlockScheduler {
  /** What is there or on its way. */
  readonly #claimed: BlockSet
  readonly #runMax: number
  readonly #pieceBlocks: number

  /** @param runMax  blocks of one run at most */
  constructor(have: BlockSet, runMax: number, pieceBlocks: number) {
    this.#claimed = new BlockSet(have.count, have.bytes.slice())
    this.#runMax = runMax
    this.#pieceBlocks = pieceBlocks
  }

  /** The next run that nobody fetches, or nothing. */
  next(): BlockRun | undefined {
    const first = this.#claimed.nextMissing(0)
    if (first >= this.#claimed.count) return undefined
    const pieceEnd = (Math.floor(first / this.#pieceBlocks) + 1) * this.#pieceBlocks
    const most = Math.min(this.#claimed.count, first + this.#runMax, pieceEnd)
    let end = first
    while (end < most && !this.#claimed.has(end)) {
      this.#claimed.add(end)
      end += 1
    }
    return { first, end }
  }

  /** Somebody brought this block already. */
  claim(block: number): void {
    this.#claimed.add(block)
  }

  get hasWork(): boolean {
    return !this.#claimed.isFull
  }

  /** A source stopped before these blocks came. */
  giveBack(run: BlockRun): void {
    for (let block = run.first; block < run.end; block += 1) this.#claimed.delete(block)
  }
}
