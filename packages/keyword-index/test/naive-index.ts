/** An index that looks at every file, written for nothing but being right. */
import type { IndexedFile, IndexHits, IndexQuery, KeywordIndex } from '../src/index.ts'
import { FILE_NUMBERS } from '../src/index.ts'

export class NaiveIndex implements KeywordIndex {
  #files: { readonly owner: string; readonly file: IndexedFile }[] = []

  add(owner: string, files: readonly IndexedFile[]): void {
    for (const file of files) {
      this.remove(owner, [file.key])
      this.#files.push({ owner, file })
    }
  }

  remove(owner: string, keys: readonly string[]): number {
    return this.#keep(hit => hit.owner !== owner || !keys.includes(hit.file.key))
  }

  removeOwner(owner: string): number {
    return this.#keep(hit => hit.owner !== owner)
  }

  search(query: IndexQuery): IndexHits {
    const { words, without = [], type, size, numbers = {}, except, limit } = query
    const lies = (number: number, { min = 0, max = Number.POSITIVE_INFINITY } = {}) =>
      min <= number && number <= max
    const hits = this.#files.filter(({ owner, file }) => {
      const knows = FILE_NUMBERS.every(name => {
        const { min, max } = numbers[name] ?? {}
        if (min === undefined && max === undefined) return true
        const number = file.numbers?.[name] ?? 0
        return number !== 0 && lies(number, numbers[name])
      })
      return (
        words.every(word => file.words.includes(word)) &&
        !without.some(word => file.words.includes(word)) &&
        (type === undefined || file.type === type || file.type.split('/')[0] === type) &&
        lies(file.size, size) &&
        knows &&
        owner !== except
      )
    })
    return { hits: hits.slice(0, limit), isCapped: false }
  }

  providers(content: Uint8Array, limit: number) {
    const wanted = content.join()
    return this.#files.filter(({ file }) => file.content?.join() === wanted).slice(0, limit)
  }

  browse(owner: string, after: string | undefined, limit: number): IndexedFile[] {
    const order = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b))
    return this.#files
      .filter(hit => hit.owner === owner && (after === undefined || order(hit.file.key, after) > 0))
      .map(hit => hit.file)
      .sort((a, b) => order(a.key, b.key))
      .slice(0, limit)
  }

  totals() {
    const owners = new Set(this.#files.map(({ owner }) => owner)).size
    const bytes = this.#files.reduce((sum, { file }) => sum + file.size, 0)
    return { owners, files: this.#files.length, bytes }
  }

  close(): void {
    this.#files = []
  }

  #keep(isKept: (hit: { owner: string; file: IndexedFile }) => boolean): number {
    const before = this.#files.length
    this.#files = this.#files.filter(isKept)
    return before - this.#files.length
  }
}
