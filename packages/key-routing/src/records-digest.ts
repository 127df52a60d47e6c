/**
 * Fingerprints of records and digests of many, by which two holders find what differs between them without
 * naming all that is the same (Merkle, 1987; Dynamo, SOSP 2007, section 4.7 compares key ranges so). A
 * fingerprint stands for one version of one record. Fingerprints are spread evenly, whatever the keys are, so
 * the tree over their digits has even branches where one key holds a thousand records.
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { DIGEST_BRANCHES } from './store-constants.ts'
import type { RecordKind, StoredRecord } from './store-messages.ts'

/** Hexadecimal digits of a fingerprint: 52 bits, so that it is an exact number. */
const FINGERPRINT_DIGITS = 13
const KIND_CODES: Readonly<Record<RecordKind, number>> = { provider: 0, word: 1, value: 2 }
/** Kind and withdrawal, sequence, and length of the publisher's id. */
const HEAD_BYTES = 10

/** What tells this version of this record from all others: a whole number of 52 bits. */
export function fingerprintOf(record: StoredRecord): number {
  const { kind, key, publisher, subject, sequence, withdrawn } = record
  const bytes = new Uint8Array(HEAD_BYTES + key.length + publisher.id.length + subject.length)
  const view = new DataView(bytes.buffer)
  bytes[0] = KIND_CODES[kind] * 2 + (withdrawn === true ? 1 : 0)
  view.setUint32(1, Math.floor(sequence / 2 ** 32))
  view.setUint32(5, sequence % 2 ** 32)
  bytes[9] = publisher.id.length
  bytes.set(key, HEAD_BYTES)
  bytes.set(publisher.id, HEAD_BYTES + key.length)
  bytes.set(subject, HEAD_BYTES + key.length + publisher.id.length)
  return first52Bits(sha256(bytes))
}

/** One number for a sorted list of fingerprints: 0 for none. */
export function digestOf(fingerprints: readonly number[], from = 0, to = fingerprints.length): number {
  if (from >= to) return 0
  const bytes = new Uint8Array(8 * (to - from))
  const view = new DataView(bytes.buffer)
  for (let index = from; index < to; index += 1) {
    view.setUint32(8 * (index - from), Math.floor(fingerprints[index]! / 2 ** 32))
    view.setUint32(8 * (index - from) + 4, fingerprints[index]! % 2 ** 32)
  }
  // No list but the empty one has digest 0.
  return Math.max(1, first52Bits(sha256(bytes)))
}

/** Where the fingerprints with these first digits stand in a sorted list: from the first to the second, left out. */
export function underPrefix(
  fingerprints: readonly number[],
  prefix: readonly number[]
): readonly [from: number, to: number] {
  let low = 0
  for (const digit of prefix) low = low * DIGEST_BRANCHES + digit
  const width = DIGEST_BRANCHES ** (FINGERPRINT_DIGITS - prefix.length)
  return [placeOf(fingerprints, low * width), placeOf(fingerprints, (low + 1) * width)]
}

/** The digest of each branch below a node. */
export function branchDigests(fingerprints: readonly number[], prefix: readonly number[]): number[] {
  const digests: number[] = []
  for (let digit = 0; digit < DIGEST_BRANCHES; digit += 1) {
    const [from, to] = underPrefix(fingerprints, [...prefix, digit])
    digests.push(digestOf(fingerprints, from, to))
  }
  return digests
}

/** The place of the first one that is not smaller. */
function placeOf(sorted: readonly number[], value: number): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (sorted[middle]! < value) low = middle + 1
    else high = middle
  }
  return low
}

function first52Bits(hash: Uint8Array): number {
  const view = new DataView(hash.buffer, hash.byteOffset)
  return view.getUint32(0) * 2 ** 20 + (view.getUint32(4) >>> 12)
}
