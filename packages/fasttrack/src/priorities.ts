/** What goes first on a link. Control never waits behind what is bulky. */
export const CONTROL = 0
export const QUERY = 4
export const RESULTS = 6
export const BULK = 12
