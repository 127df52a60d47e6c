/**
 * The index in memory, for machines' hosts and for the simulator: synchronous, and pure all the way down.
 *
 *     const index = new MemoryIndex()
 *     index.add('12D3KooW…', [{ key: 'So What.flac', words: ['so', 'what'], size: 1, type: 'audio/flac', body }])
 *     index.search({ words: ['what'], limit: 100 }).hits
 */
export { answerFromIndex, type SynchronousIndex } from './answer.ts'
export * from './errors.ts'
export * from './file-numbers.ts'
export * from './limits.ts'
export { fits } from './matching.ts'
export { MemoryIndex, type MemoryIndexInit } from './memory-index.ts'
export type * from './types.ts'
