/** The overlay would not begin this search; the message says why and what to try. */
export class SearchRefusedError extends Error {
  static override readonly name = 'SearchRefusedError'
  override readonly name = 'SearchRefusedError'
}
