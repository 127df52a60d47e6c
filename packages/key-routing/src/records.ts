/**
 * Records that one peer keeps for others: by key, by publisher and by fingerprint, within limits of number and
 * bytes for the peer as a whole, each kind, each publisher and each key.
 *
 * A record that does not fit is refused, and what is there stays: a newcomer must not push out what others rely
 * on. There is one exception. Under a key that is full, a publisher with few records takes the place of one of
 * the publisher with the most, so that nobody can have a word for himself.
 */
import { betweenRightClosed, type Key } from '@servent/overlay/machine'
import { LazyMap } from './lazy-map.ts'
import { fingerprintOf } from './records-digest.ts'
import {
  COUNT_MAX,
  FULL_REMEMBERED_MS,
  SEQUENCE_AHEAD_MS_MAX,
  STORED_LIFETIME_MS_MAX,
  type StoreLimits,
  SWEEP_EAGER_MS
} from './store-constants.ts'
import type { Full, RecordKind, StoredRecord } from './store-messages.ts'
import { recordByteLength } from './store-wire-records.ts'

export interface Held {
  readonly record: StoredRecord
  readonly fingerprint: number
  /** Its place in pages: one that came later has a larger one. */
  readonly serial: number
  readonly bytes: number
  /** When this peer last knew that it should hold it, by `nowMs`. */
  confirmedMs: number
  /** This peer has it as the root of its key: if it is not that any more, it must hand it over. */
  root: boolean
  /** When the key's root was seen to have it, and this peer to be no replica: it may go when that is so again. */
  placedMs: number | undefined
}

/** Records of one kind under one key, in the order in which they came. */
export interface KeySlot {
  readonly kind: RecordKind
  readonly key: Key
  readonly held: Map<string, Held>
  bytes: number
  /** When one was last refused, by `nowMs`. */
  fullMs: number | undefined
}

export type PutOutcome = 'kept' | 'same' | 'older' | Full

export interface Page {
  readonly records: StoredRecord[]
  readonly total: number
  readonly next?: number
}

interface Account {
  records: number
  bytes: number
}

export class RecordTable {
  readonly limits: StoreLimits
  readonly #slots = new LazyMap<string, KeySlot>()
  readonly #byFingerprint = new LazyMap<number, Held>()
  readonly #publishers = new LazyMap<string, Account>()
  readonly #kinds: Readonly<Record<RecordKind, Account>> = {
    provider: { records: 0, bytes: 0 },
    word: { records: 0, bytes: 0 },
    value: { records: 0, bytes: 0 }
  }
  #nextSerial = 1
  #records = 0
  #bytes = 0
  #sweptMs = Number.NEGATIVE_INFINITY
  /** Changes with every change of what is held. */
  version = 0

  constructor(limits: StoreLimits) {
    this.limits = limits
  }

  get size(): number {
    return this.#records
  }

  get bytes(): number {
    return this.#bytes
  }

  get publishers(): number {
    return this.#publishers.size
  }

  get slots(): Pick<LazyMap<string, KeySlot>, 'size' | 'values' | 'entries'> {
    return this.#slots
  }

  get kinds(): Readonly<Record<RecordKind, Readonly<Account>>> {
    return this.#kinds
  }

  /** The one that this record is a version of; of a value, the one that is kept under its key. */
  find(record: StoredRecord): Held | undefined {
    return this.#slots.get(slotName(record.kind, record.key))?.held.get(identityOf(record))
  }

  withFingerprint(fingerprint: number): Held | undefined {
    return this.#byFingerprint.get(fingerprint)
  }

  /**
   * Keeps a record, unless it is no newer than the version that is there or does not fit. A value takes the
   * place of the one that is there in any case: which is the better one its validator has said.
   */
  put(record: StoredRecord, nowMs: number, wallMs: number): PutOutcome {
    const name = slotName(record.kind, record.key)
    const slot = this.#slots.get(name)
    const old = slot?.held.get(identityOf(record))
    const fingerprint = fingerprintOf(record)
    if (old?.fingerprint === fingerprint) return 'same'
    if (old !== undefined && record.kind !== 'value' && old.record.sequence >= record.sequence) return 'older'
    const bytes = recordByteLength(record)
    const full = this.#makeRoom(record, bytes, slot, old, nowMs, wallMs)
    if (full !== undefined) {
      if (slot !== undefined) slot.fullMs = nowMs
      return full
    }
    // A sweep that made room may have taken the old one, and the slot with it.
    const current = this.find(record)
    if (current !== undefined) this.#forget(current)
    const own = this.#slots.get(name) ?? this.#newSlot(name, record)
    const serial = old?.serial ?? this.#nextSerial++
    const held = { record, fingerprint, serial, bytes, confirmedMs: nowMs, root: false, placedMs: undefined }
    // In the place of the old one, so that pages stay in the order of their serials.
    own.held.set(identityOf(record), held)
    own.bytes += bytes
    this.#byFingerprint.set(fingerprint, held)
    this.#count(record, 1, bytes)
    return 'kept'
  }

  delete(held: Held): void {
    const name = slotName(held.record.kind, held.record.key)
    const slot = this.#slots.get(name)
    const identity = identityOf(held.record)
    if (slot?.held.get(identity) !== held) return
    this.#forget(held)
    slot.held.delete(identity)
    if (slot.held.size === 0) this.#slots.delete(name)
  }

  /** Records that are neither withdrawn nor expired, after a place, with how many there are in all. */
  page(
    kind: RecordKind,
    key: Key,
    after: number,
    fit: (records: readonly StoredRecord[]) => number,
    nowMs: number,
    wallMs: number
  ): Page {
    const slot = this.#slots.get(slotName(kind, key))
    if (slot === undefined) return { records: [], total: 0 }
    const readable = [...slot.held.values()].filter(held => isReadable(held.record, wallMs))
    const isFull = slot.fullMs !== undefined && nowMs - slot.fullMs < FULL_REMEMBERED_MS
    const total = isFull ? COUNT_MAX : Math.min(COUNT_MAX, readable.length)
    const rest = readable.filter(held => held.serial > after)
    const records = rest.map(held => held.record)
    const count = fit(records)
    const page = { records: records.slice(0, count), total }
    return count > 0 && count < rest.length ? { ...page, next: rest[count - 1]!.serial } : page
  }

  /** All keys in (from, to] with what is held under them. */
  slotsIn(from: Key, to: Key): KeySlot[] {
    const found: KeySlot[] = []
    for (const slot of this.#slots.values()) if (betweenRightClosed(slot.key, from, to)) found.push(slot)
    return found
  }

  /** All records with keys in (from, to], the withdrawn ones too. */
  inRange(from: Key, to: Key): Held[] {
    return this.slotsIn(from, to).flatMap(slot => [...slot.held.values()])
  }

  /** Forgets what has expired, and says how many there were. */
  sweep(nowMs: number, wallMs: number): number {
    this.#sweptMs = nowMs
    let gone = 0
    for (const slot of this.#slots.values()) {
      for (const held of slot.held.values()) {
        if (held.record.expiresMs > wallMs) continue
        this.delete(held)
        gone += 1
      }
    }
    return gone
  }

  #newSlot(name: string, { kind, key }: StoredRecord): KeySlot {
    const slot: KeySlot = { kind, key, held: new Map(), bytes: 0, fullMs: undefined }
    this.#slots.set(name, slot)
    return slot
  }

  #makeRoom(
    record: StoredRecord,
    bytes: number,
    slot: KeySlot | undefined,
    old: Held | undefined,
    nowMs: number,
    wallMs: number
  ): Full | undefined {
    const moreBytes = bytes - (old?.bytes ?? 0)
    const moreRecords = old === undefined ? 1 : 0
    const full = this.#fullFor(record, moreBytes, moreRecords)
    if (full !== undefined) {
      if (nowMs - this.#sweptMs < SWEEP_EAGER_MS || this.sweep(nowMs, wallMs) === 0) return full
      const still = this.#fullFor(record, moreBytes, moreRecords)
      if (still !== undefined) return still
    }
    while (slot !== undefined && !this.#fitsKey(slot, moreBytes, moreRecords)) {
      const place = placeToTake(slot, record)
      if (place === undefined || place === old) return 'full-key'
      slot.fullMs = nowMs
      this.#forget(place)
      slot.held.delete(identityOf(place.record))
    }
    return undefined
  }

  /** Why this peer could not keep so much more, whatever the key. */
  #fullFor({ kind, publisher }: StoredRecord, moreBytes: number, moreRecords: number): Full | undefined {
    const { limits } = this
    const account = this.#publishers.get(nameOf(publisher.id))
    const kindBytesMax = {
      provider: limits.providerBytesMax,
      word: limits.wordBytesMax,
      value: limits.valueBytesMax
    }[kind]
    const fits =
      this.#records + moreRecords <= limits.recordsMax &&
      this.#bytes + moreBytes <= limits.bytesMax &&
      this.#kinds[kind].bytes + moreBytes <= kindBytesMax
    if (!fits) return 'full'
    const isWithin =
      (account?.records ?? 0) + moreRecords <= limits.publisherRecordsMax &&
      (account?.bytes ?? 0) + moreBytes <= limits.publisherBytesMax
    return isWithin ? undefined : 'full-publisher'
  }

  #fitsKey(slot: KeySlot, moreBytes: number, moreRecords: number): boolean {
    return (
      slot.held.size + moreRecords <= this.limits.keyRecordsMax &&
      slot.bytes + moreBytes <= this.limits.keyBytesMax
    )
  }

  #forget({ record, fingerprint, bytes }: Held): void {
    this.#byFingerprint.delete(fingerprint)
    const slot = this.#slots.get(slotName(record.kind, record.key))
    if (slot !== undefined) slot.bytes -= bytes
    this.#count(record, -1, -bytes)
  }

  #count({ kind, publisher }: StoredRecord, records: number, bytes: number): void {
    this.version += 1
    this.#records += records
    this.#bytes += bytes
    const name = nameOf(publisher.id)
    const account = this.#publishers.get(name) ?? { records: 0, bytes: 0 }
    for (const each of [account, this.#kinds[kind]]) {
      each.records += records
      each.bytes += bytes
    }
    if (account.records === 0) this.#publishers.delete(name)
    else this.#publishers.set(name, account)
  }
}

export function isReadable(record: StoredRecord, wallMs: number): boolean {
  return record.withdrawn !== true && record.expiresMs > wallMs
}

/**
 * Whether it has not expired, and lives no longer than any may. Clocks differ a little, and a publisher's may be
 * ahead.
 */
export function isTimely({ expiresMs }: StoredRecord, wallMs: number): boolean {
  return expiresMs > wallMs && expiresMs <= wallMs + STORED_LIFETIME_MS_MAX + SEQUENCE_AHEAD_MS_MAX
}

/**
 * A record of the publisher that has the most under a full key, the one that expires first, where the newcomer's
 * publisher would still have fewer.
 */
function placeToTake(slot: KeySlot, newcomer: StoredRecord): Held | undefined {
  const counts = new Map<string, number>()
  for (const { record } of slot.held.values()) {
    const name = nameOf(record.publisher.id)
    counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  let most: string | undefined
  for (const [name, count] of counts) if (most === undefined || count > counts.get(most)!) most = name
  if (most === undefined || (counts.get(nameOf(newcomer.publisher.id)) ?? 0) + 1 >= counts.get(most)!)
    return undefined
  let first: Held | undefined
  for (const held of slot.held.values()) {
    if (nameOf(held.record.publisher.id) !== most) continue
    if (first === undefined || held.record.expiresMs < first.record.expiresMs) first = held
  }
  return first
}

const KIND_LETTERS: Readonly<Record<RecordKind, string>> = { provider: 'p', word: 'w', value: 'v' }

function slotName(kind: RecordKind, key: Key): string {
  return KIND_LETTERS[kind] + nameOf(key)
}

/** Under one key one publisher has one record of a subject, and there is one value, whoever wrote it. */
function identityOf({ kind, publisher, subject }: StoredRecord): string {
  return kind === 'value' ? '' : `${nameOf(subject)}${nameOf(publisher.id)}`
}

/** A text that is equal where the bytes are: fit for keys of maps. */
export function nameOf(bytes: Uint8Array): string {
  // Typed arrays are spread one by one through their iterator, which takes five times as long.
  return String.fromCharCode.apply(null, bytes as unknown as number[])
}
