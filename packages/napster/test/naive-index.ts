/** An index that looks at every file: what any store must answer, without its speed. */
import type {
  IndexAnswer,
  IndexedFile,
  IndexHit,
  IndexQuery,
  IndexQuestion,
  KeywordIndex,
  NumberBounds
} from '@servent/keyword-index'
import { IndexUnavailableError } from '@servent/keyword-index'

export class NaiveIndex implements KeywordIndex {
  readonly owners = new Map<string, Map<string, IndexedFile>>()
  /** Every call fails. */
  isAway = false
  calls = 0

  add(owner: string, files: readonly IndexedFile[]): void {
    this.#begin()
    const kept = this.owners.get(owner) ?? new Map<string, IndexedFile>()
    for (const file of files) kept.set(file.key, file)
    this.owners.set(owner, kept)
  }

  remove(owner: string, keys: readonly string[]): number {
    this.#begin()
    return keys.filter(key => this.owners.get(owner)?.delete(key)).length
  }

  removeOwner(owner: string): number {
    this.#begin()
    const { size = 0 } = this.owners.get(owner) ?? {}
    this.owners.delete(owner)
    return size
  }

  search(query: IndexQuery) {
    this.#begin()
    const hits = this.#all().filter(hit => hit.owner !== query.except && fits(query, hit.file))
    return { hits: hits.slice(0, query.limit), isCapped: false }
  }

  providers(content: Uint8Array, limit: number): IndexHit[] {
    this.#begin()
    const same = ({ file }: IndexHit) =>
      file.content !== undefined && Buffer.compare(file.content, content) === 0
    return this.#all().filter(same).slice(0, limit)
  }

  browse(owner: string, after: string | undefined, limit: number): IndexedFile[] {
    this.#begin()
    const files = [...(this.owners.get(owner)?.values() ?? [])].sort((a, b) => (a.key < b.key ? -1 : 1))
    return files.filter(({ key }) => after === undefined || key > after).slice(0, limit)
  }

  totals() {
    this.#begin()
    const all = this.#all()
    return {
      owners: this.owners.size,
      files: all.length,
      bytes: all.reduce((sum, hit) => sum + hit.file.size, 0)
    }
  }

  close(): void {}

  answer(question: IndexQuestion): IndexAnswer {
    switch (question.type) {
      case 'index-add':
        this.add(question.owner, question.files)
        return { type: 'index-added', files: question.files.length }
      case 'index-remove':
        return { type: 'index-removed', files: this.remove(question.owner, question.keys) }
      case 'index-remove-owner':
        return { type: 'index-removed', files: this.removeOwner(question.owner) }
      case 'index-search':
        return { type: 'index-hits', ...this.search(question.query) }
      case 'index-providers':
        return { type: 'index-providers', hits: this.providers(question.content, question.limit) }
      case 'index-browse':
        return { type: 'index-files', files: this.browse(question.owner, question.after, question.limit) }
      case 'index-totals':
        return { type: 'index-totals', ...this.totals() }
    }
  }

  #begin(): void {
    this.calls += 1
    if (this.isAway) throw new IndexUnavailableError('The store is away.')
  }

  #all(): IndexHit[] {
    return [...this.owners].flatMap(([owner, files]) => [...files.values()].map(file => ({ owner, file })))
  }
}

function fits({ words, without = [], type, size, numbers = {} }: IndexQuery, file: IndexedFile): boolean {
  const has = (word: string) => file.words.includes(word)
  if (!words.every(has) || without.some(has)) return false
  if (type !== undefined && file.type !== type && !file.type.startsWith(`${type}/`)) return false
  if (!within(size, file.size)) return false
  return Object.entries(numbers).every(([name, bounds]) => {
    const value = file.numbers?.[name as keyof typeof numbers] ?? 0
    return value !== 0 && within(bounds, value)
  })
}

function within(bounds: NumberBounds | undefined, value: number): boolean {
  return value >= (bounds?.min ?? 0) && value <= (bounds?.max ?? Number.MAX_SAFE_INTEGER)
}
