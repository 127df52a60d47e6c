/**
 * The table of a peer (paper section 2.2): for each length of prefix that others share with it a bucket of at most k
 * of them, the one that was heard of longest ago first. Who enters and who goes the rules of `table-care.ts` say.
 */
import { commonPrefixBits, type Key, type Peer } from '@servent/overlay/machine'
import { compareXor } from './xor.ts'

export interface BucketEntry {
  readonly peer: Peer
  readonly key: Key
  /** Bits of the prefix of its bucket. */
  readonly prefixBits: number
  /** When it last answered or asked, by `nowMs`. */
  heardMs: number
  /** Requests in a row that it did not answer. */
  silences: number
  /** From where it answered last; nothing where that is not known, as of those who were adopted. */
  network: string | undefined
}

/** What a test replaces by something wrong, to see that its observer finds it. */
export interface BucketRules {
  /** Whether a peer enters a bucket that is full. */
  readonly overfills: boolean
  /** In which bucket a peer is put: so many bits further than its prefix says. */
  readonly misplacedBits: number
}

const RIGHT_BUCKETS: BucketRules = { overfills: false, misplacedBits: 0 }

export class Buckets {
  readonly #self: Key
  readonly #k: number
  /** By the length of the common prefix; holes where there never was anybody. */
  readonly #buckets: BucketEntry[][] = []
  #size = 0

  constructor(self: Key, k: number) {
    this.#self = self
    this.#k = k
  }

  get size(): number {
    return this.#size
  }

  /** Lengths of prefixes with a bucket, one past the longest. */
  get length(): number {
    return this.#buckets.length
  }

  /** Which bucket a key belongs into: how many bits it shares with this peer's own. */
  prefixOf(key: Key): number {
    return commonPrefixBits(this.#self, key)
  }

  at(prefixBits: number): readonly BucketEntry[] {
    return this.#buckets[prefixBits] ?? NOBODY
  }

  find(peer: Peer, key: Key): BucketEntry | undefined {
    return this.at(this.prefixOf(key)).find(entry => entry.peer === peer)
  }

  isFull(key: Key): boolean {
    return this.at(this.prefixOf(key)).length >= this.#k
  }

  /** Whether the bucket of a key has as many from one network as it may; `most` 0: it may have any number. */
  isCrowded(key: Key, network: string | undefined, most: number): boolean {
    if (most === 0 || network === undefined) return false
    return this.at(this.prefixOf(key)).filter(entry => entry.network === network).length >= most
  }

  /** Puts it at the end of its bucket: it was heard of last. False where the bucket is full. */
  add(
    peer: Peer,
    key: Key,
    nowMs: number,
    rules: BucketRules = RIGHT_BUCKETS,
    network: string | undefined = undefined
  ): boolean {
    const prefixBits = this.prefixOf(key) + rules.misplacedBits
    while (this.#buckets.length <= prefixBits) this.#buckets.push([])
    const bucket = this.#buckets[prefixBits]!
    if (bucket.length >= this.#k && !rules.overfills) return false
    bucket.push({ peer, key, prefixBits, heardMs: nowMs, silences: 0, network })
    this.#size += 1
    return true
  }

  /** It was heard of: it goes to the end. */
  heard(entry: BucketEntry, nowMs: number): void {
    const bucket = this.#buckets[entry.prefixBits]!
    entry.heardMs = nowMs
    entry.silences = 0
    if (bucket.at(-1) === entry) return
    bucket.splice(bucket.indexOf(entry), 1)
    bucket.push(entry)
  }

  remove(entry: BucketEntry): void {
    const bucket = this.#buckets[entry.prefixBits]!
    bucket.splice(bucket.indexOf(entry), 1)
    this.#size -= 1
    while (this.#buckets.at(-1)?.length === 0) this.#buckets.pop()
  }

  clear(): void {
    this.#buckets.length = 0
    this.#size = 0
  }

  *all(): Iterable<BucketEntry> {
    for (const bucket of this.#buckets) yield* bucket
  }

  /**
   * The nearest to a key, at most so many, the nearest first. Those of the key's own bucket are nearer than all
   * others, those that share more with this peer come next, and then each shorter prefix in its turn.
   */
  closest(key: Key, count: number, except?: Peer): BucketEntry[] {
    const found: BucketEntry[] = []
    const prefix = this.prefixOf(key)
    const take = (entries: readonly BucketEntry[]) => {
      const others = entries.filter(({ peer }) => peer !== except)
      others.sort((a, b) => compareXor(key, a.key, b.key))
      for (const entry of others) if (found.length < count) found.push(entry)
    }
    take(this.at(prefix))
    if (found.length < count && prefix + 1 < this.#buckets.length)
      take(this.#buckets.slice(prefix + 1).flat())
    for (let shorter = Math.min(prefix, this.#buckets.length) - 1; shorter >= 0; shorter -= 1) {
      if (found.length >= count) break
      take(this.#buckets[shorter]!)
    }
    return found
  }
}

const NOBODY: readonly BucketEntry[] = []
