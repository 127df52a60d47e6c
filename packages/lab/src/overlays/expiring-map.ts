/**
 * What is remembered of questions for as long as messages of them may still come, and no longer: whoever asked may
 * have died, and then nothing ever says that it is over.
 */

interface Kept<V> {
  readonly value: V
  readonly untilUs: number
}

/** All entries live equally long, so those that were set first go first. */
export class ExpiringMap<K, V> {
  readonly #lifeUs: number
  readonly #nowUs: () => number
  readonly #entries = new Map<K, Kept<V>>()

  constructor(lifeUs: number, nowUs: () => number) {
    this.#lifeUs = lifeUs
    this.#nowUs = nowUs
  }

  get size(): number {
    return this.#entries.size
  }

  get(key: K): V | undefined {
    return this.#entries.get(key)?.value
  }

  delete(key: K): void {
    this.#entries.delete(key)
  }

  /** Takes away what has had its time. */
  set(key: K, value: V): void {
    const nowUs = this.#nowUs()
    for (const [first, { untilUs }] of this.#entries) {
      if (untilUs >= nowUs) break
      this.#entries.delete(first)
    }
    // A key that is set anew lives from now on.
    this.#entries.delete(key)
    this.#entries.set(key, { value, untilUs: nowUs + this.#lifeUs })
  }
}
