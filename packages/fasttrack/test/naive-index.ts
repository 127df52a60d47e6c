/** A keyword index in a few lines: what supernodes of tests ask. It is slow where files are many, and says what is true. */
import type {
  IndexAnswer,
  IndexedFile,
  IndexHit,
  IndexHits,
  IndexQuery,
  IndexQuestion,
  IndexTotals,
  KeywordIndex
} from '@servent/keyword-index'

export class NaiveIndex {
  readonly owners = new Map<string, Map<string, IndexedFile>>()
  /** Who has a word, so that large networks end. */
  readonly #byWord = new Map<string, Map<string, IndexHit>>()

  answer(question: IndexQuestion): IndexAnswer {
    switch (question.type) {
      case 'index-add':
        for (const file of question.files) this.#add(question.owner, file)
        return { type: 'index-added', files: question.files.length }
      case 'index-remove': {
        let files = 0
        for (const key of question.keys) files += this.#remove(question.owner, key)
        return { type: 'index-removed', files }
      }
      case 'index-remove-owner': {
        const keys = [...(this.owners.get(question.owner)?.keys() ?? [])]
        for (const key of keys) this.#remove(question.owner, key)
        this.owners.delete(question.owner)
        return { type: 'index-removed', files: keys.length }
      }
      case 'index-search':
        return { type: 'index-hits', hits: this.#search(question.query), isCapped: false }
      case 'index-providers':
        return {
          type: 'index-providers',
          hits: this.#all()
            .filter(({ file }) => Buffer.compare(file.content ?? Buffer.of(), question.content) === 0)
            .slice(0, question.limit)
        }
      case 'index-browse':
        return { type: 'index-files', files: [...(this.owners.get(question.owner)?.values() ?? [])] }
      case 'index-totals': {
        const hits = this.#all()
        const bytes = hits.reduce((sum, { file }) => sum + file.size, 0)
        return { type: 'index-totals', owners: this.owners.size, files: hits.length, bytes }
      }
    }
  }

  has(owner: string, key: string): boolean {
    return this.owners.get(owner)?.has(key) ?? false
  }

  #all(): IndexHit[] {
    return [...this.owners].flatMap(([owner, files]) => Array.from(files.values(), file => ({ owner, file })))
  }

  #add(owner: string, file: IndexedFile): void {
    this.#remove(owner, file.key)
    const files = this.owners.get(owner) ?? new Map<string, IndexedFile>()
    this.owners.set(owner, files)
    files.set(file.key, file)
    for (const word of file.words) {
      const hits = this.#byWord.get(word) ?? new Map<string, IndexHit>()
      this.#byWord.set(word, hits)
      hits.set(`${owner} ${file.key}`, { owner, file })
    }
  }

  #remove(owner: string, key: string): number {
    const file = this.owners.get(owner)?.get(key)
    if (file === undefined) return 0
    this.owners.get(owner)!.delete(key)
    for (const word of file.words) this.#byWord.get(word)?.delete(`${owner} ${key}`)
    return 1
  }

  #search(query: IndexQuery): IndexHit[] {
    const lists = query.words.map(word => this.#byWord.get(word) ?? new Map<string, IndexHit>())
    const [rarest] = lists.sort((a, b) => a.size - b.size)
    const hits: IndexHit[] = []
    for (const hit of rarest!.values()) {
      if (hits.length >= query.limit) break
      if (fits(query, hit)) hits.push(hit)
    }
    return hits
  }
}

function fits(query: IndexQuery, { owner, file }: IndexHit): boolean {
  const { words, without = [], type, size, numbers = {}, except } = query
  const within = (value: number | undefined, bounds: { min?: number; max?: number } | undefined) =>
    bounds === undefined ||
    (value !== undefined && value !== 0 && value >= (bounds.min ?? 0) && value <= (bounds.max ?? Infinity))
  return (
    owner !== except &&
    words.every(word => file.words.includes(word)) &&
    !without.some(word => file.words.includes(word)) &&
    (type === undefined || file.type === type || file.type.startsWith(`${type}/`)) &&
    (size === undefined || (file.size >= (size.min ?? 0) && file.size <= (size.max ?? Infinity))) &&
    Object.entries(numbers).every(([name, bounds]) => within(file.numbers?.[name as never], bounds))
  )
}

/** The same behind the port that a service has. */
export class NaiveKeywordIndex implements KeywordIndex {
  readonly inner = new NaiveIndex()

  add(owner: string, files: readonly IndexedFile[]): void {
    this.inner.answer({ type: 'index-add', owner, files })
  }

  remove(owner: string, keys: readonly string[]): number {
    return countOf(this.inner.answer({ type: 'index-remove', owner, keys }))
  }

  removeOwner(owner: string): number {
    return countOf(this.inner.answer({ type: 'index-remove-owner', owner }))
  }

  search(query: IndexQuery): IndexHits {
    return this.inner.answer({ type: 'index-search', query }) as IndexHits & IndexAnswer
  }

  providers(content: Uint8Array, limit: number): readonly IndexHit[] {
    const answer = this.inner.answer({ type: 'index-providers', content, limit })
    return answer.type === 'index-providers' ? answer.hits : []
  }

  browse(owner: string): readonly IndexedFile[] {
    const answer = this.inner.answer({ type: 'index-browse', owner, limit: 1000 })
    return answer.type === 'index-files' ? answer.files : []
  }

  totals(): IndexTotals {
    return this.inner.answer({ type: 'index-totals' }) as IndexTotals & IndexAnswer
  }

  close(): void {}
}

const countOf = (answer: IndexAnswer): number => (answer.type === 'index-removed' ? answer.files : 0)
