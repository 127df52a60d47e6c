/**
 * Files by words and who has them: the port, what may go wrong, and its bounds. The stores behind it have entries of
 * their own (`/memory`, `/sqlite`, `/postgres`), so that nobody who needs one of them loads the others.
 *
 *     const index = await SqliteIndex.open({ path: '/var/lib/servent/index.db' })
 *     const answer = await answerFromIndex(index, { type: 'index-search', query: { words: ['what'], limit: 100 } })
 */
export { answerFromIndex } from './ask.ts'
export * from './errors.ts'
export * from './file-numbers.ts'
export * from './limits.ts'
export { OpeningIndex, type OpeningIndexInit } from './opening-index.ts'
export type * from './types.ts'
