/**
 * File tuples (IPTPS section 2): who has something under a key. The paper's tuple maps a file's name to its homenode;
 * here the homenode of a file is its provider, who keeps the signed record itself. A row has 34 bytes and at most 4
 * in the index; the signature of its provider lies beside it.
 *
 * A tuple lives as long as its provider's heartbeat goes on and its own time is not over: one heartbeat keeps all
 * tuples of a provider alive.
 */

import type { RecordKind } from '@servent/key-routing/machine'
import type { Peer, RandomSource } from '@servent/overlay/machine'
import { PREFIX_BYTES } from './constants.ts'
import { PackedRows, ROW_BYTES, ROW_HALVES, roomFor } from './packed-rows.ts'
import { RowIndex } from './row-index.ts'
import { Signatures } from './signatures.ts'

export interface Tuple {
  readonly kind: RecordKind
  /** The first `PREFIX_BYTES` of the key. */
  readonly prefix: Uint8Array
  /** Of two tuples of one provider, kind and key, the larger number is the newer one. */
  readonly sequence: number
  /** Milliseconds since 1970, whole seconds. */
  readonly expiresMs: number
  /** Its provider has taken it back: it is kept so that no older one comes back, and not told of. */
  readonly withdrawn: boolean
  readonly signature: Uint8Array
}

export const KINDS: readonly RecordKind[] = ['provider', 'word', 'value']

const WITHDRAWN = 4
const TOLD_MOST = 255

// Of a row: first the prefix of the key, then these halves of 32 or 64 bits, and two bytes.
const ORIGIN = 8
const SEQUENCE = 10
const EXPIRES = 14
const TOLD = 32
const FLAGS = 33

/** Of a table that nothing was drawn for: odd numbers whose bits have no pattern, powers of 2^32 by the golden ratio. */
const FACTORS = new Uint32Array(PREFIX_BYTES / 2)
for (let at = 0, power = 1; at < FACTORS.length; at += 1) {
  power = Math.imul(power, 0x9e3779b1)
  FACTORS[at] = power
}

/** A sequence as four halves, and back. */
const sequence = new Float64Array(1)
const sequenceHalves = new Uint16Array(sequence.buffer)

export class TupleTable {
  readonly rowsMax: number
  readonly #freshTold: number
  readonly #rows = new PackedRows()
  /** One for each two bytes of a prefix. */
  readonly #factors = FACTORS.slice()
  readonly #index = new RowIndex(row => this.#hashOf(this.#rows.bytes, row * ROW_BYTES))
  readonly #signatures = new Signatures()
  #size = 0
  #fresh = 0
  #untold = 0

  constructor(rowsMax: number, freshTold: number) {
    this.rowsMax = rowsMax
    this.#freshTold = freshTold
  }

  /**
   * Draws what prefixes are hashed by. Whoever knew it could choose keys that all lie at one place, where each search
   * would go through all of them. While there are no rows.
   */
  scatter(source: RandomSource): void {
    for (const [at, factor] of this.#factors.entries()) this.#factors[at] = factor ^ source.random()
  }

  get size(): number {
    return this.#size
  }

  get fresh(): number {
    return this.#fresh
  }

  /** Rows that went into no message yet. */
  get untold(): number {
    return this.#untold
  }

  /** Of rows and index, without signatures. */
  get byteLength(): number {
    return this.#rows.byteLength + this.#index.bytes
  }

  get signatureBytes(): number {
    return this.#signatures.byteLength
  }

  /** -1: it is not there. */
  find(kind: RecordKind, prefix: Uint8Array, origin: Peer): number {
    for (const row of this.#under(kind, prefix)) if (this.originAt(row) === origin) return row
    return -1
  }

  /** Rows of a kind under a key, the withdrawn ones too: in their order, whatever was drawn. */
  under(kind: RecordKind, prefix: Uint8Array): number[] {
    return [...this.#under(kind, prefix)].sort((one, other) => one - other)
  }

  /**
   * The upper 16 bits are as likely alike for any two prefixes as for two numbers that were drawn (Dietzfelbinger et al.,
   * "A reliable randomized algorithm for the closest-pair problem", J. Algorithms 1997, section 2).
   */
  #hashOf(bytes: Uint8Array, from: number): number {
    let sum = 0
    for (let at = 0; at < PREFIX_BYTES; at += 2)
      sum += Math.imul(this.#factors[at >> 1]!, (bytes[from + at]! << 8) | bytes[from + at + 1]!)
    return sum >>> 0
  }

  *#under(kind: RecordKind, prefix: Uint8Array): Iterable<number> {
    const code = KINDS.indexOf(kind)
    const index = this.#index
    for (let at = index.home(this.#hashOf(prefix, 0)); ; at = index.after(at)) {
      const row = index.rowAt(at)
      if (row < 0) return
      if ((this.#rows.byte(row, FLAGS) & 3) === code && this.#isUnder(row, prefix)) yield row
    }
  }

  /** -1: there is no room. It must not be there. */
  add(tuple: Tuple, origin: Peer): number {
    if (this.#size >= this.rowsMax) return -1
    if (this.#size === this.#rows.room) this.#rows.grow(roomFor(this.#size, this.rowsMax))
    const row = this.#size
    this.#size += 1
    this.#rows.bytes.set(tuple.prefix, row * ROW_BYTES)
    this.#rows.setWord(row, ORIGIN, origin)
    // As told as can be, until it is renewed.
    this.#rows.setByte(row, TOLD, TOLD_MOST)
    this.#index.add(row)
    this.renew(row, tuple)
    return row
  }

  /** Takes a newer version, which is news. */
  renew(row: number, tuple: Tuple): void {
    sequence[0] = tuple.sequence
    this.#rows.halves.set(sequenceHalves, row * ROW_HALVES + SEQUENCE)
    this.#rows.setWord(row, EXPIRES, Math.floor(tuple.expiresMs / 1000))
    this.#rows.setByte(row, FLAGS, KINDS.indexOf(tuple.kind) + (tuple.withdrawn ? WITHDRAWN : 0))
    this.#signatures.set(row, tuple.signature, this.#rows.room)
    if (!this.isFresh(row)) this.#fresh += 1
    if (this.toldAt(row) !== 0) this.#untold += 1
    this.#rows.setByte(row, TOLD, 0)
  }

  remove(row: number): void {
    if (this.isFresh(row)) this.#fresh -= 1
    if (this.toldAt(row) === 0) this.#untold -= 1
    this.#index.remove(row)
    const last = this.#size - 1
    if (row !== last) {
      this.#index.renumber(last, row)
      this.#rows.move(last, row)
      this.#signatures.move(last, row)
    }
    this.#size = last
  }

  tupleAt(row: number): Tuple {
    return {
      kind: KINDS[this.#rows.byte(row, FLAGS) & 3]!,
      prefix: this.prefixAt(row).slice(),
      sequence: this.sequenceAt(row),
      expiresMs: this.expiresMs(row),
      withdrawn: this.isWithdrawn(row),
      signature: this.#signatures.at(row)
    }
  }

  /** A view of it, good until the table changes. */
  prefixAt(row: number): Uint8Array {
    return this.#rows.view(row, 0, PREFIX_BYTES)
  }

  originAt(row: number): Peer {
    return this.#rows.word(row, ORIGIN)
  }

  sequenceAt(row: number): number {
    const from = row * ROW_HALVES + SEQUENCE
    for (let half = 0; half < 4; half += 1) sequenceHalves[half] = this.#rows.halves[from + half]!
    return sequence[0]!
  }

  expiresMs(row: number): number {
    return this.#rows.word(row, EXPIRES) * 1000
  }

  isWithdrawn(row: number): boolean {
    return (this.#rows.byte(row, FLAGS) & WITHDRAWN) !== 0
  }

  isFresh(row: number): boolean {
    return this.toldAt(row) < this.#freshTold
  }

  toldAt(row: number): number {
    return this.#rows.byte(row, TOLD)
  }

  /** It went into so many messages. */
  told(row: number, messages: number): void {
    const wasFresh = this.isFresh(row)
    if (this.toldAt(row) === 0 && messages > 0) this.#untold -= 1
    this.#rows.setByte(row, TOLD, Math.min(TOLD_MOST, this.toldAt(row) + messages))
    if (wasFresh && !this.isFresh(row)) this.#fresh -= 1
  }

  #isUnder(row: number, prefix: Uint8Array): boolean {
    for (let at = 0; at < PREFIX_BYTES; at += 1) if (this.#rows.byte(row, at) !== prefix[at]) return false
    return true
  }
}
