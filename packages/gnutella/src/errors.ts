/** What can go wrong for who uses the service. Compare by `name`. */

/** The provider could not be asked to call, or did not call. */
export class PushError extends Error {
  static override readonly name = 'PushError'
  override readonly name = 'PushError'
}

/** A search was refused before anything was asked. */
export class SearchRefusedError extends Error {
  static override readonly name = 'SearchRefusedError'
  override readonly name = 'SearchRefusedError'
}
