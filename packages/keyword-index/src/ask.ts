/** What a machine asked, put to any index: `answer.ts` says the same of one that answers at once. */
import type { IndexAnswer, IndexQuestion, KeywordIndex } from './types.ts'

/**
 * Does what a question says, and answers it.
 *
 * @throws IndexInputError  the question breaks a limit
 * @throws IndexUnavailableError  the store cannot be reached now
 */
export async function answerFromIndex(index: KeywordIndex, question: IndexQuestion): Promise<IndexAnswer> {
  switch (question.type) {
    case 'index-add':
      await index.add(question.owner, question.files)
      return { type: 'index-added', files: question.files.length }
    case 'index-remove':
      return { type: 'index-removed', files: await index.remove(question.owner, question.keys) }
    case 'index-remove-owner':
      return { type: 'index-removed', files: await index.removeOwner(question.owner) }
    case 'index-search':
      return { type: 'index-hits', ...(await index.search(question.query)) }
    case 'index-providers':
      return { type: 'index-providers', hits: await index.providers(question.content, question.limit) }
    case 'index-browse':
      return {
        type: 'index-files',
        files: await index.browse(question.owner, question.after, question.limit)
      }
    case 'index-totals':
      return { type: 'index-totals', ...(await index.totals()) }
  }
}
