/** Kinds of lies. */
export const LIES = ['wrong-owner', 'drop', 'poison'] as const

/**
 * `wrong-owner`: to a user's lookup a liar answers that a key is a liar's. `drop`: it takes such a lookup and does nothing
 * with it, while it answers all else. `poison`: what it says of its tables has liars in the places of others, and
 * addresses where nobody is; lookups for tables it answers with liars.
 */
export type Lie = (typeof LIES)[number]
