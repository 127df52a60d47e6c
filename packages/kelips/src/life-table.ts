/**
 * What is known of peers' lives: one packed row of 34 bytes for each, and at most 4 in the index. A view, contacts and
 * providers are such tables. Rows are dense and in no order that means anything: the last one fills a gap.
 */
import type { Key, Peer } from '@servent/overlay/machine'
import { PREFIX_BYTES, RTT_MS_MAX } from './constants.ts'
import { PackedRows, ROW_BYTES, roomAfter, roomFor } from './packed-rows.ts'
import { RowIndex } from './row-index.ts'
import { Signatures } from './signatures.ts'

/** A peer's latest heartbeat, as far as it is known. */
export interface Life {
  readonly startS: number
  readonly beat: number
  /** `PREFIX_BYTES`. */
  readonly value: Uint8Array
  readonly signature: Uint8Array
  readonly level: number
}

/** By the clock that never jumps, a tenth of a second is fine enough for what was heard. */
const HEARD_GRAIN_MS = 100
const TOLD_MOST = 255

// Of a row: first a value of `PREFIX_BYTES`, then these halves of 32 bits, and two bytes.
const PEER = 8
const START = 10
const HEARD = 12
const BEAT = 14
const RTT = 15
const TOLD = 32
const LEVEL = 33

export class LifeTable {
  readonly rowsMax: number
  readonly #keyOf: (peer: Peer) => Key
  readonly #index: RowIndex
  readonly #signatures = new Signatures()
  readonly #rows = new PackedRows()
  #size = 0
  /** Rows that are fresh, by what `FRESH_TOLD_MAX` says. */
  #fresh = 0
  #untold = 0
  readonly #freshTold: number

  constructor(rowsMax: number, freshTold: number, keyOf: (peer: Peer) => Key) {
    this.rowsMax = rowsMax
    this.#freshTold = freshTold
    this.#keyOf = keyOf
    this.#index = new RowIndex(row => hashOf(keyOf(this.peerAt(row))))
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
  find(peer: Peer): number {
    if (this.#size === 0) return -1
    const index = this.#index
    let at = index.home(hashOf(this.#keyOf(peer)))
    let row = index.rowAt(at)
    while (row >= 0 && this.peerAt(row) !== peer) {
      at = index.after(at)
      row = index.rowAt(at)
    }
    return row
  }

  /** By the first bytes of a key: -1 where nobody's begins so. */
  findPrefix(prefix: Uint8Array): number {
    if (this.#size === 0) return -1
    const index = this.#index
    let at = index.home(hashOf(prefix))
    let row = index.rowAt(at)
    while (row >= 0 && !beginsWith(this.#keyOf(this.peerAt(row)), prefix)) {
      at = index.after(at)
      row = index.rowAt(at)
    }
    return row
  }

  /** Makes room for so many rows at once, as far as there may be. */
  reserve(rows: number): void {
    const most = Math.min(rows, this.rowsMax)
    if (most > this.#rows.room) this.#rows.grow(roomAfter(this.#rows.room, most, this.rowsMax))
    this.#index.reserve(most)
  }

  /** -1: there is no room. The peer must not be there. */
  add(peer: Peer, life: Life, nowMs: number): number {
    if (this.#size >= this.rowsMax) return -1
    if (this.#size === this.#rows.room) this.#rows.grow(roomFor(this.#size, this.rowsMax))
    const row = this.#size
    this.#size += 1
    this.#fresh += 1
    this.#untold += 1
    this.#rows.setWord(row, PEER, peer)
    this.#rows.setHalf(row, RTT, 0)
    this.#rows.setByte(row, TOLD, 0)
    this.#index.add(row)
    this.renew(row, life, nowMs)
    return row
  }

  /** Takes a later life of the same peer, or a later heartbeat with the signature that is known. */
  renew(row: number, life: Life, nowMs: number): void {
    this.#rows.setWord(row, START, life.startS)
    this.#rows.setByte(row, LEVEL, life.level)
    this.#signatures.set(row, life.signature, this.#rows.room)
    this.beat(row, life.beat, life.value, nowMs)
  }

  beat(row: number, beat: number, value: Uint8Array, nowMs: number): void {
    this.#rows.setHalf(row, BEAT, beat)
    this.#rows.bytes.set(value, row * ROW_BYTES)
    this.hear(row, nowMs)
  }

  /** It lives now. */
  hear(row: number, nowMs: number): void {
    this.#rows.setWord(row, HEARD, Math.floor(nowMs / HEARD_GRAIN_MS))
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

  peerAt(row: number): Peer {
    return this.#rows.word(row, PEER)
  }

  startAt(row: number): number {
    return this.#rows.word(row, START)
  }

  beatAt(row: number): number {
    return this.#rows.half(row, BEAT)
  }

  /** A view of it, good until the table changes. */
  valueAt(row: number): Uint8Array {
    return this.#rows.view(row, 0, PREFIX_BYTES)
  }

  lifeAt(row: number): Life {
    return {
      startS: this.startAt(row),
      beat: this.beatAt(row),
      value: this.valueAt(row).slice(),
      signature: this.#signatures.at(row),
      level: this.#rows.byte(row, LEVEL)
    }
  }

  /** When its heartbeat last went forward, or it answered itself. */
  heardMs(row: number): number {
    return this.#rows.word(row, HEARD) * HEARD_GRAIN_MS
  }

  /** 0: not measured. */
  rttMs(row: number): number {
    return this.#rows.half(row, RTT)
  }

  setRtt(row: number, ms: number): void {
    this.#rows.setHalf(row, RTT, Math.min(RTT_MS_MAX, Math.max(1, Math.round(ms))))
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

  /** It is news again: a new life of the same peer. */
  freshen(row: number): void {
    if (!this.isFresh(row)) this.#fresh += 1
    if (this.toldAt(row) !== 0) this.#untold += 1
    this.#rows.setByte(row, TOLD, 0)
  }
}

function beginsWith(key: Key, prefix: Uint8Array): boolean {
  for (let at = 0; at < prefix.length; at += 1) if (key[at] !== prefix[at]) return false
  return true
}

/** Members of a group have the first bits in common, so the hash is of those that follow. */
function hashOf(key: Uint8Array): number {
  return ((key[4]! << 24) | (key[5]! << 16) | (key[6]! << 8) | key[7]!) >>> 0
}
