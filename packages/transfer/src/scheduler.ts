/**
 * Hands out blocks to sources. Pure. A run is as long as its source's rate fills in a few seconds, so that all
 * sources come back for more about as often, and lies within a piece of the hash layer. What a source does not
 * bring goes to whoever asks next.
 *
 * When every block is on its way, a source without work takes part of the run that would be done last; and the
 * last block of a run is fetched by two at once where the second would bring it sooner (BitTorrent's endgame).
 *
 * A download begins at a place by chance, goes on from there, and asks a source that has all for what no source has that
 * is fetching the file itself. So those that fetch one file at a time have different blocks to give to each other, and
 * their common source sends each about once (BitTorrent's rarest first, with two degrees).
 */
import { LAYER_BLOCK_BYTES } from '@servent/overlay'
import { BlockSet, firstBlock } from './block-set.ts'
import type { DownloadLimits } from './limits.ts'

export type SchedulerLimits = Pick<DownloadLimits, 'rangeBytesMax' | 'runSeconds' | 'firstRunBytes'>

/** Sources that fetch one block at a time; those that give nothing do not count. */
const COPIES_MAX = 2
/** Of a source that has given nothing yet, or nothing lately: it may be any. */
const BYTES_PER_SECOND_UNKNOWN = 256 * 1024

/** Bytes a second of a source, now; 0 where it gave nothing lately. */
export type RateOf = () => number

/** Blocks `next` to `end`, `end` not included, that one source is to bring in their order. */
export class Run {
  /** The next that it brings. */
  next: number
  /** It gets smaller when another source takes blocks from the end of the run. */
  end: number
  readonly #rate: RateOf
  /** Another source brought the last block of the run before this one: nothing more is wanted. */
  readonly overtaken: AbortSignal
  readonly #overtaken = new AbortController()

  constructor(first: number, end: number, rate: RateOf) {
    this.next = first
    this.end = end
    this.#rate = rate
    this.overtaken = this.#overtaken.signal
  }

  get left(): number {
    return this.end - this.next
  }

  get bytesPerSecond(): number {
    return this.#rate() || BYTES_PER_SECOND_UNKNOWN
  }

  /** Its source gave nothing lately, or nothing yet. */
  get isStill(): boolean {
    return this.#rate() === 0
  }

  /** @internal */
  overtake(): void {
    this.next = this.end
    this.#overtaken.abort(new Error('Another source was faster.'))
  }
}

export class BlockScheduler {
  /** Verified. */
  readonly #there: BlockSet
  /** Verified or on its way. */
  readonly #claimed: BlockSet
  readonly #runMax: number
  readonly #pieceBlocks: number
  readonly #limits: SchedulerLimits
  readonly #runs = new Set<Run>()
  /** Blocks that some source has which is fetching the file itself. */
  readonly #elsewhere: BlockSet
  readonly #random: () => number
  /** Where the next run begins if it can. */
  #place: number

  /** `random` gives 0 to 1: where it begins, and where it goes on when it can go no further. */
  constructor(have: BlockSet, limits: SchedulerLimits, pieceBlocks: number, random: () => number) {
    this.#there = new BlockSet(have.count, have.bytes.slice())
    this.#claimed = new BlockSet(have.count, have.bytes.slice())
    this.#limits = limits
    this.#runMax = Math.max(1, Math.floor(limits.rangeBytesMax / LAYER_BLOCK_BYTES))
    this.#pieceBlocks = pieceBlocks
    this.#elsewhere = new BlockSet(have.count)
    this.#random = random
    // The last block is there first. Where more is, it goes on behind that.
    const first = have.nextPresent(0)
    this.#place = first < have.count - 1 ? have.nextMissing(first) : this.#anyPlace()
  }

  get isDone(): boolean {
    return this.#there.isFull
  }

  /** Whether there are blocks that nobody fetches. */
  get hasWork(): boolean {
    return !this.#claimed.isFull
  }

  /**
   * What a source of this rate should bring next; nothing where the others are done sooner, or where it has nothing that
   * is missing. End it by `end`. A source that is fetching the file itself has the blocks `has`.
   */
  next(rate: RateOf, has?: BlockSet): Run | undefined {
    if (has !== undefined) this.#elsewhere.addAll(has)
    const run = this.#unclaimed(rate, has) ?? this.#shared(rate, has)
    if (run !== undefined) this.#runs.add(run)
    return run
  }

  /** The next block of a run is verified. False where another source brought it before. */
  brought(run: Run): boolean {
    const block = run.next
    if (run.left === 0 || this.#there.has(block)) return false
    run.next += 1
    this.claim(block)
    for (const other of this.#runs)
      if (other !== run && other.next === block && other.left === 1) other.overtake()
    return true
  }

  /** A block is there that was not handed out. */
  claim(block: number): void {
    this.#there.add(block)
    this.#claimed.add(block)
  }

  /** Its source is done with it. What did not come is handed out again, unless another fetches it too. */
  end(run: Run): void {
    this.#runs.delete(run)
    for (let block = run.next; block < run.end; block += 1) {
      if (this.#there.has(block) || this.#copies(block, false) > 0) continue
      this.#claimed.delete(block)
    }
  }

  #unclaimed(rate: RateOf, has: BlockSet | undefined): Run | undefined {
    // Of who has all, what only such sources have.
    const rare = has === undefined ? this.#first(undefined, this.#elsewhere) : undefined
    const first = rare ?? this.#first(has, undefined)
    if (first === undefined) return undefined
    const { runSeconds, firstRunBytes } = this.#limits
    const bytes = rate() === 0 ? firstRunBytes : rate() * runSeconds
    const blocks = Math.min(this.#runMax, Math.max(1, Math.floor(bytes / LAYER_BLOCK_BYTES)))
    const pieceEnd = (Math.floor(first / this.#pieceBlocks) + 1) * this.#pieceBlocks
    const most = Math.min(this.#claimed.count, first + blocks, pieceEnd)
    let end = first
    while (end < most && !this.#claimed.has(end)) {
      if (has?.has(end) === false || (rare !== undefined && this.#elsewhere.has(end))) break
      this.#claimed.add(end)
      end += 1
    }
    if (has === undefined) this.#place = end
    return new Run(first, end, rate)
  }

  /** A block that nobody fetches, of `has`, without those of `but`: where the last run ended, else by chance. */
  #first(has: BlockSet | undefined, but: BlockSet | undefined): number | undefined {
    const { count } = this.#claimed
    const free = (byte: number): number =>
      ~this.#claimed.bytes[byte]! & (has?.bytes[byte] ?? 0xff) & ~(but?.bytes[byte] ?? 0)
    const isHere = (place: number) => firstBlock(place, place + 1, free) !== undefined
    if (this.#place < count && isHere(this.#place)) return this.#place
    const place = this.#anyPlace()
    return firstBlock(place, count, free) ?? firstBlock(0, place, free)
  }

  #anyPlace(): number {
    const { count } = this.#claimed
    return Math.min(count - 1, Math.floor(this.#random() * count))
  }

  /** Of the run that would be done last: from its end as much as makes both done at one time, or its last block. */
  #shared(rate: RateOf, has: BlockSet | undefined): Run | undefined {
    let last: Run | undefined
    for (const run of this.#runs) {
      if (has?.has(run.end - 1) === false) continue
      if (run.left === 0 || (run.left === 1 && this.#copies(run.next, true) >= COPIES_MAX)) continue
      if (last === undefined || secondsLeft(run) > secondsLeft(last)) last = run
    }
    if (last === undefined) return undefined
    const bytesPerSecond = rate() || BYTES_PER_SECOND_UNKNOWN
    if (LAYER_BLOCK_BYTES / bytesPerSecond >= secondsLeft(last)) return undefined
    if (last.left === 1) return new Run(last.next, last.end, rate)
    const share = bytesPerSecond / (bytesPerSecond + last.bytesPerSecond)
    // The block that is coming in now stays where it is.
    const most = Math.max(1, Math.floor((last.left - 1) * share))
    let taken = 1
    while (taken < most && has?.has(last.end - taken - 1) !== false) taken += 1
    last.end -= taken
    return new Run(last.end, last.end + taken, rate)
  }

  /** Sources that fetch this block now, or of these, those that give something. */
  #copies(block: number, areGiving: boolean): number {
    let count = 0
    for (const run of this.#runs)
      if (block >= run.next && block < run.end && !(areGiving && run.isStill)) count += 1
    return count
  }
}

function secondsLeft(run: Run): number {
  return (run.left * LAYER_BLOCK_BYTES) / run.bytesPerSecond
}
