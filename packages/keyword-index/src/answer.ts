/** What a machine asked, put to an index that answers at once. */
import type { IndexAnswer, IndexedFile, IndexHit, IndexHits, IndexQuestion, IndexTotals } from './types.ts'

/** A store whose calls give what they give at once. */
export interface SynchronousIndex {
  add(owner: string, files: readonly IndexedFile[]): void
  remove(owner: string, keys: readonly string[]): number
  removeOwner(owner: string): number
  search(query: Extract<IndexQuestion, { type: 'index-search' }>['query']): IndexHits
  providers(content: Uint8Array, limit: number): readonly IndexHit[]
  browse(owner: string, after: string | undefined, limit: number): readonly IndexedFile[]
  totals(): IndexTotals
}

/**
 * Does what a question says, and answers it.
 *
 * @throws IndexInputError  the question breaks a limit; its host answers with an error then
 */
export function answerFromIndex(index: SynchronousIndex, question: IndexQuestion): IndexAnswer {
  switch (question.type) {
    case 'index-add':
      index.add(question.owner, question.files)
      return { type: 'index-added', files: question.files.length }
    case 'index-remove':
      return { type: 'index-removed', files: index.remove(question.owner, question.keys) }
    case 'index-remove-owner':
      return { type: 'index-removed', files: index.removeOwner(question.owner) }
    case 'index-search':
      return { type: 'index-hits', ...index.search(question.query) }
    case 'index-providers':
      return { type: 'index-providers', hits: index.providers(question.content, question.limit) }
    case 'index-browse':
      return { type: 'index-files', files: index.browse(question.owner, question.after, question.limit) }
    case 'index-totals':
      return { type: 'index-totals', ...index.totals() }
  }
}
