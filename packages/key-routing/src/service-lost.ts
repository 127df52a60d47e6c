/**
 * Records that no root said yes or no to, because it was busy, silent or gone: kept until they are tried again, so
 * that a few such roots hold up nothing else.
 */
import { LOST_FILES_MAX } from './service-constants.ts'
import type { StoredRecord } from './store-messages.ts'

export class LostRecords {
  /** By the index of their file, the longest known first. */
  readonly #byFile = new Map<number, readonly StoredRecord[]>()

  get size(): number {
    return this.#byFile.size
  }

  has(index: number): boolean {
    return this.#byFile.has(index)
  }

  /** Files in a copy, since trying changes what is lost. */
  entries(): [index: number, records: readonly StoredRecord[]][] {
    return [...this.#byFile]
  }

  /** In place of what was lost of the file before. False where there is no room for it. */
  set(index: number, records: readonly StoredRecord[]): boolean {
    this.#byFile.delete(index)
    if (records.length === 0) return true
    if (this.#byFile.size >= LOST_FILES_MAX) return false
    this.#byFile.set(index, records)
    return true
  }
}
