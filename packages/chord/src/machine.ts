/** Chord as a pure machine, as corrected by Zave. */
export * from './constants.ts'
export type * from './messages.ts'
export type * from './types.ts'
