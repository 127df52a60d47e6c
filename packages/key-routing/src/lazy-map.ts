/**
 * A map whose table is made with its first entry. A machine has many maps that stay empty at most peers, an empty
 * table takes 150 bytes, and a simulation holds a hundred thousand machines.
 */
export class LazyMap<K, V> {
  #map: Map<K, V> | undefined

  get size(): number {
    return this.#map?.size ?? 0
  }

  get(key: K): V | undefined {
    return this.#map?.get(key)
  }

  set(key: K, value: V): void {
    this.#map ??= new Map()
    this.#map.set(key, value)
  }

  delete(key: K): boolean {
    return this.#map?.delete(key) ?? false
  }

  /** In the order in which the keys were set first. */
  keys(): Iterable<K> {
    return this.#map?.keys() ?? NOTHING
  }

  values(): Iterable<V> {
    return this.#map?.values() ?? NOTHING
  }

  entries(): Iterable<[K, V]> {
    return this.#map?.entries() ?? NOTHING
  }
}

const NOTHING: readonly never[] = []
