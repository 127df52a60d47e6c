/** The port of the index, its bounds and its errors; the stores behind it have entries of their own. */
export * from './errors.ts'
export * from './limits.ts'
export type * from './types.ts'
