/**
 * What came by, for a while: queries that were seen, ways to whoever asked. A table keeps two generations. What is new
 * goes to the young one; when that is half of the bound, or has lived its time, it becomes the old one and the former
 * old one is forgotten. So an entry lives for one to two times its age, less under load, and nothing ever walks the
 * table.
 */
export class AgingMap<Value> {
  readonly #generationMax: number
  readonly #generationMs: number
  #young = new Map<string, Value>()
  #old = new Map<string, Value>()
  #bornMs: number

  /** At most `entriesMax` entries over both generations, of which each lives for `generationMs`. */
  constructor(entriesMax: number, generationMs: number, nowMs = 0) {
    this.#generationMax = Math.max(1, entriesMax >> 1)
    this.#generationMs = generationMs
    this.#bornMs = nowMs
  }

  get size(): number {
    return this.#young.size + this.#old.size
  }

  get(key: string): Value | undefined {
    return this.#young.get(key) ?? this.#old.get(key)
  }

  set(key: string, value: Value, nowMs: number): void {
    this.age(nowMs)
    // An entry that is set again is young again.
    this.#old.delete(key)
    if (!this.#young.has(key) && this.#young.size >= this.#generationMax) this.#turn(nowMs)
    this.#young.set(key, value)
  }

  delete(key: string): void {
    this.#old.delete(key)
    this.#young.delete(key)
  }

  /** Forgets what has lived long enough. */
  age(nowMs: number): void {
    const elapsedMs = nowMs - this.#bornMs
    if (elapsedMs < this.#generationMs) return
    // What is young came within its generation's time, so after two of them all of it has lived for one.
    if (elapsedMs >= 2 * this.#generationMs) this.#young = new Map()
    this.#turn(nowMs)
  }

  #turn(nowMs: number): void {
    this.#old = this.#young
    this.#young = new Map()
    this.#bornMs = nowMs
  }
}

/** Keys that were seen lately. */
export class SeenKeys {
  readonly #seen: AgingMap<true>

  /** As for an `AgingMap`. */
  constructor(entriesMax: number, generationMs: number) {
    this.#seen = new AgingMap(entriesMax, generationMs)
  }

  get size(): number {
    return this.#seen.size
  }

  /** False: it was seen before, and is none the younger for it. */
  add(key: string, nowMs: number): boolean {
    this.#seen.age(nowMs)
    if (this.#seen.get(key) !== undefined) return false
    this.#seen.set(key, true, nowMs)
    return true
  }
}
