/** Files by words and who has them. */
export * from './errors.ts'
export * from './limits.ts'
export type * from './types.ts'
