/**
 * What came by, for a while: queries that were seen, ways to providers. Two generations; when the young one is half of the bound,
 * or has lived its time, it becomes the old one and the former old one is forgotten. Nothing ever walks it.
 */
export class AgingMap<Value> {
  readonly #generationMax: number
  readonly #generationMs: number
  #young = new Map<string, Value>()
  #old = new Map<string, Value>()
  #bornMs = 0

  constructor(entriesMax: number, generationMs: number) {
    this.#generationMax = entriesMax >> 1
    this.#generationMs = generationMs
  }

  get size(): number {
    return this.#young.size + this.#old.size
  }

  get(key: string): Value | undefined {
    return this.#young.get(key) ?? this.#old.get(key)
  }

  set(key: string, value: Value, nowMs: number): void {
    this.age(nowMs)
    this.#old.delete(key)
    if (!this.#young.has(key) && this.#young.size >= this.#generationMax) this.#turn(nowMs)
    this.#young.set(key, value)
  }

  age(nowMs: number): void {
    const lived = nowMs - this.#bornMs
    if (lived < this.#generationMs) return
    if (lived >= 2 * this.#generationMs) this.#young = new Map()
    this.#turn(nowMs)
  }

  #turn(nowMs: number): void {
    this.#old = this.#young
    this.#young = new Map()
    this.#bornMs = nowMs
  }
}
