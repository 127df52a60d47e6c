/**
 * Errors that cross packages. Compare `error.name`, never `instanceof`: several copies of this package may
 * be installed. A message says what, why, and what to try.
 */

/** What a remote peer sent breaks its protocol. */
export class MalformedError extends Error {
  static override readonly name = 'MalformedError'
  override readonly name = 'MalformedError'
}

/** A named limit was passed. `limit` is the constant's name. */
export class LimitError extends Error {
  static override readonly name = 'LimitError'
  override readonly name = 'LimitError'
  readonly limit: string
  constructor(limit: string, message: string) {
    super(message)
    this.limit = limit
  }
}

/** A text or bytes are no ContentId, or an id and a size do not go together. */
export class ContentIdError extends Error {
  static override readonly name = 'ContentIdError'
  override readonly name = 'ContentIdError'
}

/** Bytes do not hash to what their id says. */
export class VerificationError extends Error {
  static override readonly name = 'VerificationError'
  override readonly name = 'VerificationError'
}

/** A signed record is malformed, expired, or not signed by its provider. */
export class RecordError extends Error {
  static override readonly name = 'RecordError'
  override readonly name = 'RecordError'
}

/** A query breaks its grammar or has nothing to search for. */
export class QueryError extends Error {
  static override readonly name = 'QueryError'
  override readonly name = 'QueryError'
}

/** Bytes are no folder listing, or a folder breaks the bounds of one. */
export class FolderListingError extends Error {
  static override readonly name = 'FolderListingError'
  override readonly name = 'FolderListingError'
}

/** A text is no ticket. */
export class TicketError extends Error {
  static override readonly name = 'TicketError'
  override readonly name = 'TicketError'
}

/** A shared file is not what it was when it was hashed. */
export class ContentChangedError extends Error {
  static override readonly name = 'ContentChangedError'
  override readonly name = 'ContentChangedError'
}

/** The overlay runs, and there is nobody whom it could ask: no server, no supernode, no neighbour. */
export class NobodyToAskError extends Error {
  static override readonly name = 'NobodyToAskError'
  override readonly name = 'NobodyToAskError'
}

/** The overlay is not running, or stopped after an assertion of its machine failed. */
export class OverlayStoppedError extends Error {
  static override readonly name = 'OverlayStoppedError'
  override readonly name = 'OverlayStoppedError'
}
