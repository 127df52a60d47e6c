/**
 * Route tables told in parts (QRP, "Gnutella Protocol Changes"): the difference between what a table is and what
 * was said of it, as entries of one, two, four or eight bits, the first slot in the highest ones; compressed as a
 * whole or not, and cut into messages. Tables say "one link away" or "not here" and nothing between, so that only
 * the sign of an entry counts: below zero sets a slot, over it clears it. Entries of one bit turn theirs over.
 *
 * A patch is applied as it comes, and nothing of it is kept: no peer makes this one hold what is not yet whole. It
 * is inflated in small steps, and given up at the first entry past the end of its table.
 */
import { MalformedError } from '@servent/overlay/machine'
import { Unzlib, zlibSync } from 'fflate/browser'
import type { RouteTablePatchMessage } from './messages.ts'
import { QueryRoutingTable } from './query-routing-table.ts'
import { INFLATE_STEP_BYTES, PATCH_DATA_BYTES, PATCH_MESSAGES_MAX, TABLE_INFINITY } from './tier-constants.ts'

export type PatchPart = Pick<RouteTablePatchMessage, 'number' | 'count' | 'compressed' | 'entryBits' | 'data'>

const SET = 1 - TABLE_INFINITY
const CLEAR = TABLE_INFINITY - 1

/** A table that a peer tells of, from its RESET on. */
export class ToldTable {
  readonly table: QueryRoutingTable
  /** A whole patch came. Before that the table says nothing. */
  complete = false
  /** The part that is due. */
  #due = 1
  #count = 0
  #entryBits = 8
  #inflating: Unzlib | undefined
  #slot = 0

  constructor(bits: number) {
    this.table = new QueryRoutingTable(bits)
  }

  /** Whether a patch begins with this part. */
  get between(): boolean {
    return this.#due === 1
  }

  /** @throws MalformedError  the part is not the one that is due, cannot be inflated, or the patch is not as long as the table */
  take(part: PatchPart): void {
    if (part.number !== this.#due || (!this.between && part.count !== this.#count))
      throw new MalformedError('a part of a patch is missing')
    if (this.between) this.#begin(part)
    const last = part.number === part.count
    if (this.#inflating === undefined) this.#apply(part.data)
    else this.#inflate(this.#inflating, part.data, last)
    this.#due = last ? 1 : part.number + 1
    if (!last) return
    if (this.#slot !== this.table.slots) throw new MalformedError('a patch is shorter than its table')
    this.complete = true
    this.#inflating = undefined
  }

  #begin({ count, compressed, entryBits }: PatchPart): void {
    this.#count = count
    this.#entryBits = entryBits
    this.#slot = 0
    this.#inflating = compressed ? new Unzlib(inflated => this.#apply(inflated)) : undefined
  }

  #inflate(inflating: Unzlib, data: Uint8Array, last: boolean): void {
    try {
      for (let at = 0; at < data.length || (at === 0 && last); at += INFLATE_STEP_BYTES) {
        const end = at + INFLATE_STEP_BYTES
        inflating.push(data.subarray(at, end), last && end >= data.length)
      }
    } catch (error) {
      throw new MalformedError(`a patch cannot be inflated: ${(error as Error).message}`)
    }
  }

  #apply(entries: Uint8Array): void {
    const bits = this.#entryBits
    const each = 8 / bits
    // A table of fewer slots than a byte has entries fills a part of it.
    const slotsLeft = Math.ceil((this.table.slots - this.#slot) / each)
    if (entries.length > slotsLeft) throw new MalformedError('a patch is longer than its table')
    for (let index = 0; index < entries.length; index += 1) {
      const byte = entries[index]!
      if (byte !== 0) this.#applyByte(byte, bits, each)
      this.#slot = Math.min(this.table.slots, this.#slot + each)
    }
  }

  #applyByte(byte: number, bits: number, each: number): void {
    for (let place = 0; place < each && this.#slot + place < this.table.slots; place += 1) {
      const slot = this.#slot + place
      // Its bits moved to the top of 32, so that the sign is the sign.
      const entry = (byte << (24 + place * bits)) >> (32 - bits)
      if (entry === 0) continue
      this.table.put(slot, bits === 1 ? !this.table.has(slot) : entry < 0)
    }
  }
}

/**
 * The parts that make of what was told a table as it is now. Both have the same size; `from` is absent after a RESET.
 *
 * `entryBits`: 1 where the other side is known to read that, else 4, which everybody reads.
 */
export function patchOf(
  from: QueryRoutingTable | undefined,
  to: QueryRoutingTable,
  entryBits: 1 | 4
): readonly PatchPart[] {
  const entries = new Uint8Array(Math.ceil((to.slots * entryBits) / 8))
  for (const slot of to.present())
    if (from?.has(slot) !== true) write(entries, slot, entryBits === 1 ? 1 : SET, entryBits)
  if (from !== undefined) {
    for (const slot of from.present())
      if (!to.has(slot)) write(entries, slot, entryBits === 1 ? 1 : CLEAR, entryBits)
  }
  const deflated = zlibSync(entries)
  const compressed = deflated.length < entries.length
  const data = compressed ? deflated : entries
  const partBytes = Math.max(PATCH_DATA_BYTES, Math.ceil(data.length / PATCH_MESSAGES_MAX))
  const count = Math.ceil(data.length / partBytes)
  return Array.from({ length: count }, (_, index) => ({
    number: index + 1,
    count,
    compressed,
    entryBits,
    data: data.subarray(index * partBytes, (index + 1) * partBytes)
  }))
}

function write(entries: Uint8Array, slot: number, value: number, bits: number): void {
  const each = 8 / bits
  const mask = (1 << bits) - 1
  entries[Math.floor(slot / each)]! |= (value & mask) << (8 - bits - (slot % each) * bits)
}
