/**
 * File tuples (IPTPS section 2): who has something under a key. The paper's tuple maps a file's name to its homenode;
 * here the homenode of a file is its provider, who keeps the signed record itself. A row has 34 bytes and at most 4
 * in the index; the signature of its provider lies beside it.
 *
 * A tuple lives as long as its provider's heartbeat goes on and its own time is not over: one heartbeat keeps all
 * tuples of a provider alive.
 */

import type { RecordKind } from '@servent/key-routing/machine'
import type { Peer } from '@servent/overlay/machine'
import { PREFIX_BYTES } from './constants.ts'
import { grown, RowIndex, roomFor } from './row-index.ts'
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

export class TupleTable {
  readonly rowsMax: number
  readonly #freshTold: number
  readonly #index = new RowIndex(row => hashOf(this.#keys, row * PREFIX_BYTES))
  readonly #signatures = new Signatures()
  #size = 0
  #fresh = 0
  #untold = 0
  #keys = new Uint8Array(0)
  #origins = new Int32Array(0)
  #sequences = new Float64Array(0)
  #expires = new Uint32Array(0)
  #told = new Uint8Array(0)
  #flags = new Uint8Array(0)

  constructor(rowsMax: number, freshTold: number) {
    this.rowsMax = rowsMax
    this.#freshTold = freshTold
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
    const columns = [this.#keys, this.#origins, this.#sequences, this.#expires, this.#told, this.#flags]
    return columns.reduce((bytes, column) => bytes + column.byteLength, this.#index.bytes)
  }

  get signatureBytes(): number {
    return this.#signatures.byteLength
  }

  /** -1: it is not there. */
  find(kind: RecordKind, prefix: Uint8Array, origin: Peer): number {
    const code = KINDS.indexOf(kind)
    return this.#index.find(
      hashOf(prefix, 0),
      row => this.#origins[row] === origin && (this.#flags[row]! & 3) === code && this.#isUnder(row, prefix)
    )
  }

  /** Rows of a kind under a key, the withdrawn ones too. */
  under(kind: RecordKind, prefix: Uint8Array): number[] {
    const code = KINDS.indexOf(kind)
    const rows: number[] = []
    this.#index.find(hashOf(prefix, 0), row => {
      if ((this.#flags[row]! & 3) === code && this.#isUnder(row, prefix)) rows.push(row)
      return false
    })
    return rows
  }

  /** -1: there is no room. It must not be there. */
  add(tuple: Tuple, origin: Peer): number {
    if (this.#size >= this.rowsMax) return -1
    if (this.#size === this.#origins.length) this.#grow(roomFor(this.#size, this.rowsMax))
    const row = this.#size
    this.#size += 1
    this.#keys.set(tuple.prefix, row * PREFIX_BYTES)
    this.#origins[row] = origin
    // As told as can be, until it is renewed.
    this.#told[row] = TOLD_MOST
    this.#index.add(row)
    this.renew(row, tuple)
    return row
  }

  /** Takes a newer version, which is news. */
  renew(row: number, tuple: Tuple): void {
    this.#sequences[row] = tuple.sequence
    this.#expires[row] = Math.floor(tuple.expiresMs / 1000)
    this.#flags[row] = KINDS.indexOf(tuple.kind) + (tuple.withdrawn ? WITHDRAWN : 0)
    this.#signatures.set(row, tuple.signature, this.#origins.length)
    if (!this.isFresh(row)) this.#fresh += 1
    if (this.#told[row] !== 0) this.#untold += 1
    this.#told[row] = 0
  }

  remove(row: number): void {
    if (this.isFresh(row)) this.#fresh -= 1
    if (this.#told[row] === 0) this.#untold -= 1
    this.#index.remove(row)
    const last = this.#size - 1
    if (row !== last) {
      this.#index.renumber(last, row)
      this.#keys.copyWithin(row * PREFIX_BYTES, last * PREFIX_BYTES, (last + 1) * PREFIX_BYTES)
      this.#origins[row] = this.#origins[last]!
      this.#sequences[row] = this.#sequences[last]!
      this.#expires[row] = this.#expires[last]!
      this.#told[row] = this.#told[last]!
      this.#flags[row] = this.#flags[last]!
      this.#signatures.move(last, row)
    }
    this.#size = last
  }

  tupleAt(row: number): Tuple {
    return {
      kind: KINDS[this.#flags[row]! & 3]!,
      prefix: this.prefixAt(row).slice(),
      sequence: this.#sequences[row]!,
      expiresMs: this.expiresMs(row),
      withdrawn: this.isWithdrawn(row),
      signature: this.#signatures.at(row)
    }
  }

  /** A view of it, good until the table changes. */
  prefixAt(row: number): Uint8Array {
    return this.#keys.subarray(row * PREFIX_BYTES, (row + 1) * PREFIX_BYTES)
  }

  originAt(row: number): Peer {
    return this.#origins[row]!
  }

  sequenceAt(row: number): number {
    return this.#sequences[row]!
  }

  expiresMs(row: number): number {
    return this.#expires[row]! * 1000
  }

  isWithdrawn(row: number): boolean {
    return (this.#flags[row]! & WITHDRAWN) !== 0
  }

  isFresh(row: number): boolean {
    return this.#told[row]! < this.#freshTold
  }

  toldAt(row: number): number {
    return this.#told[row]!
  }

  /** It went into so many messages. */
  told(row: number, messages: number): void {
    const wasFresh = this.isFresh(row)
    if (this.#told[row] === 0 && messages > 0) this.#untold -= 1
    this.#told[row] = Math.min(TOLD_MOST, this.#told[row]! + messages)
    if (wasFresh && !this.isFresh(row)) this.#fresh -= 1
  }

  #isUnder(row: number, prefix: Uint8Array): boolean {
    const from = row * PREFIX_BYTES
    for (let at = 0; at < PREFIX_BYTES; at += 1) if (this.#keys[from + at] !== prefix[at]) return false
    return true
  }

  #grow(rows: number): void {
    this.#keys = grown(this.#keys, rows * PREFIX_BYTES)
    this.#origins = grown(this.#origins, rows)
    this.#sequences = grown(this.#sequences, rows)
    this.#expires = grown(this.#expires, rows)
    this.#told = grown(this.#told, rows)
    this.#flags = grown(this.#flags, rows)
  }
}

/** Keys of one group begin alike. */
function hashOf(keys: Uint8Array, from: number): number {
  return ((keys[from + 4]! << 24) | (keys[from + 5]! << 16) | (keys[from + 6]! << 8) | keys[from + 7]!) >>> 0
}
