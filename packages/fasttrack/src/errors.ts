/** The overlay would not begin this search; the message says why and what to try. */
export class SearchRefusedError extends Error {
  static override readonly name = 'SearchRefusedError'
  override readonly name = 'SearchRefusedError'
}

/** A peer that cannot be dialled was not brought to call. */
export class PushError extends Error {
  static override readonly name = 'PushError'
  override readonly name = 'PushError'
}
