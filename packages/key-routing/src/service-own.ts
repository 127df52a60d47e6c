/** Contents that `provide` announced and values that `put` wrote: kept alive by announcing them again in time. */
import { nameOf } from './records.ts'
import {
  OWN_VALUES_MAX,
  PROVIDED_MAX,
  PUBLISHED_LIFETIME_MS,
  PUBLISHED_RENEW_MS
} from './service-constants.ts'

export interface Own {
  readonly bytes: Uint8Array
  /** Milliseconds since 1970. */
  dueMs: number
}

export interface OwnContent extends Own {
  /** When it was told of last, milliseconds since 1970. */
  readonly toldMs: number
}

export interface OwnValue extends Own {
  readonly value: Uint8Array
}

export class OwnRecords {
  /** By multihash, the longest known first. */
  readonly #provided = new Map<string, OwnContent>()
  /** By key. */
  readonly #values = new Map<string, OwnValue>()

  get provided(): number {
    return this.#provided.size
  }

  get values(): number {
    return this.#values.size
  }

  /** One past the bound takes the place of the oldest, which expires. */
  provide(multihash: Uint8Array, wallMs: number): void {
    keep(this.#provided, { bytes: multihash, toldMs: wallMs, dueMs: dueAfter(wallMs) }, PROVIDED_MAX)
  }

  cancel(multihash: Uint8Array): void {
    this.#provided.delete(nameOf(multihash))
  }

  put(key: Uint8Array, value: Uint8Array, wallMs: number): void {
    keep(this.#values, { bytes: key, value, dueMs: dueAfter(wallMs) }, OWN_VALUES_MAX)
  }

  forgetValue(key: Uint8Array): void {
    this.#values.delete(nameOf(key))
  }

  /** Whether this is still what is provided: it was neither cancelled nor provided again. */
  isProvided(one: Own): boolean {
    return this.#provided.get(nameOf(one.bytes)) === one
  }

  /** Whether this is still what was put last under its key. */
  isLatest(one: OwnValue): boolean {
    return this.#values.get(nameOf(one.bytes)) === one
  }

  get allProvided(): readonly OwnContent[] {
    return [...this.#provided.values()]
  }

  dueProvided(wallMs: number): Own[] {
    return [...this.#provided.values()].filter(({ dueMs }) => dueMs <= wallMs)
  }

  dueValues(wallMs: number): OwnValue[] {
    return [...this.#values.values()].filter(({ dueMs }) => dueMs <= wallMs)
  }
}

function dueAfter(wallMs: number): number {
  return wallMs + PUBLISHED_LIFETIME_MS - PUBLISHED_RENEW_MS
}

function keep<O extends Own>(own: Map<string, O>, one: O, max: number): void {
  const name = nameOf(one.bytes)
  own.delete(name)
  const oldest = own.keys().next().value
  if (oldest !== undefined && own.size >= max) own.delete(oldest)
  own.set(name, one)
}
