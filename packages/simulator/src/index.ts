export { type Random, randomOf, Streams } from './random.ts'
export type * from './types.ts'
