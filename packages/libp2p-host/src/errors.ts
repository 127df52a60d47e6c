/** What can go wrong for who uses an overlay's service. Compare by `name`. */

/** The provider could not be asked to call, or did not call. */
export class PushError extends Error {
  static override readonly name = 'PushError'
  override readonly name = 'PushError'
}
