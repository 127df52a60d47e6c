/** What can go wrong for who uses the service. Compare by `name`. */

/** A search was refused before anything was asked. */
export class SearchRefusedError extends Error {
  static override readonly name = 'SearchRefusedError'
  override readonly name = 'SearchRefusedError'
}
