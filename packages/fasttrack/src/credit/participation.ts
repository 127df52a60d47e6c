/**
 * Participation levels as KaZaA published them for FastTrack: 0 to 1000, beginning at 10, uploaded megabytes by
 * downloaded ones times 100, in six bands. There each peer reported its own, and KaZaA Lite wrote 1000. Here each peer
 * computes everybody's from its own point of view, over credit that nobody can write for himself (`credit-graph.ts`).
 *
 * Every byte that counts was verified against its file's tree, so KaZaA's double credit for files with an
 * integrity rating is that of all files or of none: it is left out.
 *
 * Whoever passes for a newcomer is at `NEWCOMER_LEVEL`, exactly. So a new key gains nothing for those above it, and for
 * those below it what newcomers are given, and no more.
 *
 * What follows for an owner of many keys, whose keys together really gave `B` bytes to this peer and to those who gave it
 * something: they are served before strangers for 10 `B` at most, as one key would be, since a level is above 10 while
 * ten times the credit is more than what was taken, and credit that was taken on stays spent. Beyond that each is a
 * newcomer like any other. An upload under way is counted when it ends, so each of its slots may go that far over.
 *
 * What was taken counts over two hops as well, so whoever signs what it took from a peer that took from here owes here too.
 * A taker that signs nothing escapes that; its giver then has no receipt, and knows it by its own measure all the same.
 */
import { type ClaimLimits, Claims } from './claims.ts'
import {
  LEVEL_KEPT_MS,
  LEVEL_MAX,
  LEVEL_OF_EVEN,
  LEVELS_KEPT_MAX,
  NEWCOMER_GIVEN_BYTES,
  NEWCOMER_LEVEL,
  NEWCOMER_TAKEN_BYTES,
  SHOWN_PEERS
} from './constants.ts'
import { CreditGraph, type GraphLimits } from './credit-graph.ts'
import type { Receipt } from './receipt.ts'
import { type BookLimits, type Heard, type OwnAccounts, ReceiptBook } from './receipt-book.ts'

export type Band = 'Low' | 'Medium' | 'High' | 'Guru' | 'Deity' | 'Supreme Being'

/** The highest level of each band. */
const BANDS: readonly (readonly [number, Band])[] = [
  [50, 'Low'],
  [100, 'Medium'],
  [200, 'High'],
  [500, 'Guru'],
  [900, 'Deity'],
  [LEVEL_MAX, 'Supreme Being']
]

/** KaZaA's help: the name of a level. */
export function bandOf(level: number): Band {
  return BANDS.find(([highest]) => level <= highest)![1]
}

/**
 * KaZaA's help: given / taken * 100, 0 to `LEVEL_MAX`, rounded down. Who gave or took less than a newcomer is taken
 * for counts as one.
 */
export function participationLevel(givenBytes: number, takenBytes: number): number {
  const given = Math.max(givenBytes, NEWCOMER_GIVEN_BYTES)
  const taken = Math.max(takenBytes, NEWCOMER_TAKEN_BYTES)
  return Math.min(LEVEL_MAX, Math.floor((given * LEVEL_OF_EVEN) / taken))
}

export interface PeerParticipation {
  readonly peer: string
  readonly level: number
  readonly band: Band
}

export type ParticipationLimits = BookLimits & GraphLimits & ClaimLimits & { readonly levelsKeptMax: number }

export interface ParticipationInit {
  /** This peer, in text form. */
  readonly self: string
  readonly own: OwnAccounts
  readonly limits?: Partial<ParticipationLimits>
  /** Told of each receipt that made way for others. */
  readonly forgotten?: (receipt: Receipt) => void
}

interface KeptLevel {
  readonly level: number
  readonly atMs: number
}

export class Participation {
  readonly #graph: CreditGraph
  readonly #claims: Claims
  readonly #book: ReceiptBook
  readonly #levelsKeptMax: number
  /** Who was looked at last comes last. */
  readonly #levels = new Map<string, KeptLevel>()
  readonly #shown = new Map<string, KeptLevel>()

  /** @throws RangeError  a setting is out of its bounds */
  constructor({ self, own, limits = {}, forgotten }: ParticipationInit) {
    this.#book = new ReceiptBook(self, own, limits, forgotten)
    this.#graph = new CreditGraph(self, own, this.#book, limits)
    this.#claims = new Claims(this.#graph, own, limits, peer => this.#forget(peer))
    this.#levelsKeptMax = limits.levelsKeptMax ?? LEVELS_KEPT_MAX
  }

  /** Receipts of others that are held. */
  get receipts(): number {
    return this.#book.size
  }

  /**
   * How a peer stands that asks for something, with credit set aside for it: ask only for peers that want to be
   * served. Cheap: it is computed anew after `LEVEL_KEPT_MS`.
   */
  levelOf(peer: string, nowMs: number): number {
    const known = keptLevel(this.#levels, peer, nowMs)
    if (known !== undefined) return known
    const owedBytes = this.#graph.owes(peer)
    // More than what leads to the top is no use, and stays free for others.
    const wantedBytes = (Math.max(owedBytes, NEWCOMER_TAKEN_BYTES) * LEVEL_MAX) / LEVEL_OF_EVEN
    const givenBytes = this.#claims.claim(peer, wantedBytes, NEWCOMER_GIVEN_BYTES, nowMs)
    const level = participationLevel(givenBytes, owedBytes)
    this.#keep(this.#levels, peer, { level, atMs: nowMs })
    return level
  }

  /**
   * How a peer stands, with nothing set aside for it: for an order of things that cost it nothing, as searches. Keys of one
   * owner may each be shown the same credit here. As cheap as `levelOf`: who asks may have it asked often.
   */
  shownLevelOf(peer: string, nowMs: number): number {
    const known = keptLevel(this.#shown, peer, nowMs)
    if (known !== undefined) return known
    const owedBytes = this.#graph.owes(peer)
    const heldBytes = this.#claims.of(peer)
    const wantedBytes = (Math.max(owedBytes, NEWCOMER_TAKEN_BYTES) * LEVEL_MAX) / LEVEL_OF_EVEN
    const { bytes } = this.#graph.reach(peer, Math.max(0, wantedBytes - heldBytes))
    const level = participationLevel(heldBytes + bytes, owedBytes)
    this.#keep(this.#shown, peer, { level, atMs: nowMs })
    return level
  }

  /** As an upload queue of three levels has it: above a newcomer, a newcomer, below one. */
  standingOf(peer: string, nowMs: number): 'giver' | 'newcomer' | 'freeloader' {
    const level = this.levelOf(peer, nowMs)
    if (level === NEWCOMER_LEVEL) return 'newcomer'
    return level > NEWCOMER_LEVEL ? 'giver' : 'freeloader'
  }

  /** Credit in bytes that stands behind a peer now. Sums over any peers fit through any cut around them. */
  creditOf(peer: string): number {
    return this.#claims.of(peer)
  }

  judge(receipt: Receipt): Heard {
    return this.#book.judge(receipt)
  }

  /** Of a receipt that was verified. */
  hear(receipt: Receipt): Heard {
    const heard = this.#book.hear(receipt)
    if (heard === 'kept') {
      this.#forget(receipt.giver)
      this.#forget(receipt.taker)
    }
    return heard
  }

  /** After a start, when all receipts that were kept have been heard: what was spent is spent. */
  restore(): void {
    this.#claims.restore(this.#book.peers(), NEWCOMER_GIVEN_BYTES)
  }

  /** The latest `SHOWN_PEERS` that asked and have credit. Looking sets nothing aside. */
  active(): PeerParticipation[] {
    return this.#claims
      .leased()
      .slice(-SHOWN_PEERS)
      .map(peer => {
        const level = participationLevel(this.#claims.of(peer), this.#graph.owes(peer))
        return { peer, level, band: bandOf(level) }
      })
  }

  #keep(levels: Map<string, KeptLevel>, peer: string, level: KeptLevel): void {
    levels.delete(peer)
    levels.set(peer, level)
    if (levels.size > this.#levelsKeptMax) levels.delete(levels.keys().next().value!)
  }

  #forget(peer: string): void {
    this.#levels.delete(peer)
    this.#shown.delete(peer)
  }
}

function keptLevel(levels: ReadonlyMap<string, KeptLevel>, peer: string, nowMs: number): number | undefined {
  const known = levels.get(peer)
  return known !== undefined && nowMs - known.atMs < LEVEL_KEPT_MS ? known.level : undefined
}
