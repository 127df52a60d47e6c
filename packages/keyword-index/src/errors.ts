/** What can go wrong with an index. Compare `error.name`, never `instanceof`. */

/** An argument breaks a limit of the index; nothing was changed. */
export class IndexInputError extends Error {
  override readonly name = 'IndexInputError'
}

/** The store cannot be reached now, or does not answer in its time; it may be asked again. */
export class IndexUnavailableError extends Error {
  override readonly name = 'IndexUnavailableError'
}
