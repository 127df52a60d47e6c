/** What this peer provides: its records by the keys under which others find it, and when each is to be said again. */
import { nameOf, type StoredRecord } from '@servent/key-routing/machine'
import type { Key } from '@servent/overlay/machine'
import { KEYS_PROVIDED_BY_MACHINE_MAX } from './machine-constants.ts'

interface ProvidedKey {
  readonly key: Key
  /** Files with that word by their digest; of a content's key none. */
  readonly files: Map<string, StoredRecord>
  /** By `nowMs`. */
  dueMs: number
}

export class Provided {
  readonly #keys = new Map<string, ProvidedKey>()

  get size(): number {
    return this.#keys.size
  }

  /** False where there is no place for one more key. A record that was taken back goes, and its key with the last. */
  add(record: StoredRecord, dueMs: number): boolean {
    const name = nameOf(record.key)
    const subject = nameOf(record.subject)
    if (record.withdrawn === true) {
      const known = this.#keys.get(name)
      known?.files.delete(subject)
      if (known?.files.size === 0) this.#keys.delete(name)
      return true
    }
    let known = this.#keys.get(name)
    if (known === undefined) {
      if (this.#keys.size >= KEYS_PROVIDED_BY_MACHINE_MAX) return false
      known = { key: record.key, files: new Map(), dueMs }
      this.#keys.set(name, known)
    }
    if (record.kind === 'word') known.files.set(subject, record)
    return true
  }

  /** A key was provided, or is tried again then. */
  setDue(key: Key, dueMs: number): void {
    const known = this.#keys.get(nameOf(key))
    if (known !== undefined) known.dueMs = dueMs
  }

  due(nowMs: number): Key[] {
    return [...this.#keys.values()].filter(({ dueMs }) => dueMs <= nowMs).map(({ key }) => key)
  }

  nextDueMs(): number | undefined {
    let next: number | undefined
    for (const { dueMs } of this.#keys.values()) if (next === undefined || dueMs < next) next = dueMs
    return next
  }

  /** Files of which each has all of these words. */
  filesWith(words: readonly Key[]): StoredRecord[] {
    const [first, ...rest] = words.map(word => this.#keys.get(nameOf(word))?.files)
    if (first === undefined) return []
    return [...first]
      .filter(([subject]) => rest.every(files => files?.has(subject) === true))
      .map(([, record]) => record)
  }
}
