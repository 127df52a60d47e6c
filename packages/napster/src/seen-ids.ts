/**
 * What was seen lately, by key. Two generations: what is new goes to the young one; when that is half of the
 * bound, or has lived its time, it becomes the old one and the former old one is forgotten. So an entry lives
 * for one to two times its age, less under load, and nothing ever walks the table.
 */
export class SeenIds {
  readonly #generationMax: number
  readonly #generationMs: number
  #young = new Set<string>()
  #old = new Set<string>()
  #bornMs = 0

  constructor(entriesMax: number, generationMs: number) {
    this.#generationMax = Math.max(1, entriesMax >> 1)
    this.#generationMs = generationMs
  }

  get size(): number {
    return this.#young.size + this.#old.size
  }

  /** False: it was seen before. */
  add(key: string, nowMs: number): boolean {
    if (nowMs - this.#bornMs >= this.#generationMs) {
      // What is young came within its generation's time, so after two of them all of it has lived for one.
      if (nowMs - this.#bornMs >= 2 * this.#generationMs) this.#young = new Set()
      this.#turn(nowMs)
    }
    if (this.#young.has(key) || this.#old.has(key)) return false
    if (this.#young.size >= this.#generationMax) this.#turn(nowMs)
    this.#young.add(key)
    return true
  }

  #turn(nowMs: number): void {
    this.#old = this.#young
    this.#young = new Set()
    this.#bornMs = nowMs
  }
}
