/**
 * What is known of peers' lives: one packed row of 34 bytes for each, and at most 4 in the index. A view, contacts and
 * providers are such tables. Rows are dense and in no order that means anything: the last one fills a gap.
 */
import type { Key, Peer } from '@servent/overlay/machine'
import { PREFIX_BYTES, RTT_MS_MAX } from './constants.ts'
import { grown, RowIndex, roomFor } from './row-index.ts'
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

export class LifeTable {
  readonly rowsMax: number
  readonly #keyOf: (peer: Peer) => Key
  readonly #index: RowIndex
  readonly #signatures = new Signatures()
  #size = 0
  /** Rows that are fresh, by what `FRESH_TOLD_MAX` says. */
  #fresh = 0
  #untold = 0
  readonly #freshTold: number
  #peers = new Int32Array(0)
  #starts = new Uint32Array(0)
  #beats = new Uint16Array(0)
  #heard = new Uint32Array(0)
  #values = new Uint8Array(0)
  #rtts = new Uint16Array(0)
  #told = new Uint8Array(0)
  #levels = new Uint8Array(0)

  constructor(rowsMax: number, freshTold: number, keyOf: (peer: Peer) => Key) {
    this.rowsMax = rowsMax
    this.#freshTold = freshTold
    this.#keyOf = keyOf
    this.#index = new RowIndex(row => hashOf(keyOf(this.#peers[row]!)))
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
    const columns = [
      this.#peers,
      this.#starts,
      this.#beats,
      this.#heard,
      this.#values,
      this.#rtts,
      this.#told
    ]
    return columns.reduce(
      (bytes, column) => bytes + column.byteLength,
      this.#levels.byteLength + this.#index.bytes
    )
  }

  get signatureBytes(): number {
    return this.#signatures.byteLength
  }

  /** -1: it is not there. */
  find(peer: Peer): number {
    if (this.#size === 0) return -1
    return this.#index.find(hashOf(this.#keyOf(peer)), row => this.#peers[row] === peer)
  }

  /** By the first bytes of a key: -1 where nobody's begins so. */
  findPrefix(prefix: Uint8Array): number {
    if (this.#size === 0) return -1
    return this.#index.find(hashOf(prefix), row => {
      const key = this.#keyOf(this.#peers[row]!)
      return prefix.every((byte, at) => byte === key[at])
    })
  }

  /** -1: there is no room. The peer must not be there. */
  add(peer: Peer, life: Life, nowMs: number): number {
    if (this.#size >= this.rowsMax) return -1
    if (this.#size === this.#peers.length) this.#grow(roomFor(this.#size, this.rowsMax))
    const row = this.#size
    this.#size += 1
    this.#fresh += 1
    this.#untold += 1
    this.#peers[row] = peer
    this.#rtts[row] = 0
    this.#told[row] = 0
    this.#index.add(row)
    this.renew(row, life, nowMs)
    return row
  }

  /** Takes a later life of the same peer, or a later heartbeat with the signature that is known. */
  renew(row: number, life: Life, nowMs: number): void {
    this.#starts[row] = life.startS
    this.#levels[row] = life.level
    this.#signatures.set(row, life.signature, this.#peers.length)
    this.beat(row, life.beat, life.value, nowMs)
  }

  beat(row: number, beat: number, value: Uint8Array, nowMs: number): void {
    this.#beats[row] = beat
    this.#values.set(value, row * PREFIX_BYTES)
    this.hear(row, nowMs)
  }

  /** It lives now. */
  hear(row: number, nowMs: number): void {
    this.#heard[row] = Math.floor(nowMs / HEARD_GRAIN_MS)
  }

  remove(row: number): void {
    if (this.isFresh(row)) this.#fresh -= 1
    if (this.#told[row] === 0) this.#untold -= 1
    this.#index.remove(row)
    const last = this.#size - 1
    if (row !== last) {
      this.#index.renumber(last, row)
      this.#peers[row] = this.#peers[last]!
      this.#starts[row] = this.#starts[last]!
      this.#beats[row] = this.#beats[last]!
      this.#heard[row] = this.#heard[last]!
      this.#values.copyWithin(row * PREFIX_BYTES, last * PREFIX_BYTES, (last + 1) * PREFIX_BYTES)
      this.#rtts[row] = this.#rtts[last]!
      this.#told[row] = this.#told[last]!
      this.#levels[row] = this.#levels[last]!
      this.#signatures.move(last, row)
    }
    this.#size = last
  }

  peerAt(row: number): Peer {
    return this.#peers[row]!
  }

  startAt(row: number): number {
    return this.#starts[row]!
  }

  beatAt(row: number): number {
    return this.#beats[row]!
  }

  /** A view of it, good until the table changes. */
  valueAt(row: number): Uint8Array {
    return this.#values.subarray(row * PREFIX_BYTES, (row + 1) * PREFIX_BYTES)
  }

  lifeAt(row: number): Life {
    return {
      startS: this.#starts[row]!,
      beat: this.#beats[row]!,
      value: this.valueAt(row).slice(),
      signature: this.#signatures.at(row),
      level: this.#levels[row]!
    }
  }

  /** When its heartbeat last went forward, or it answered itself. */
  heardMs(row: number): number {
    return this.#heard[row]! * HEARD_GRAIN_MS
  }

  /** 0: not measured. */
  rttMs(row: number): number {
    return this.#rtts[row]!
  }

  setRtt(row: number, ms: number): void {
    this.#rtts[row] = Math.min(RTT_MS_MAX, Math.max(1, Math.round(ms)))
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

  /** It is news again: a new life of the same peer. */
  freshen(row: number): void {
    if (!this.isFresh(row)) this.#fresh += 1
    if (this.#told[row] !== 0) this.#untold += 1
    this.#told[row] = 0
  }

  #grow(rows: number): void {
    this.#peers = grown(this.#peers, rows)
    this.#starts = grown(this.#starts, rows)
    this.#beats = grown(this.#beats, rows)
    this.#heard = grown(this.#heard, rows)
    this.#values = grown(this.#values, rows * PREFIX_BYTES)
    this.#rtts = grown(this.#rtts, rows)
    this.#told = grown(this.#told, rows)
    this.#levels = grown(this.#levels, rows)
  }
}

/** Members of a group have the first bits in common, so the hash is of those that follow. */
function hashOf(key: Uint8Array): number {
  return ((key[4]! << 24) | (key[5]! << 16) | (key[6]! << 8) | key[7]!) >>> 0
}
