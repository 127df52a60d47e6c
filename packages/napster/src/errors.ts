/** What can go wrong for who uses the service. Compare by `name`. */

/** There is no server, or it could not answer. */
export class ServerError extends Error {
  static override readonly name = 'ServerError'
  override readonly name = 'ServerError'
}

/** An address of a server does not say who must be there. */
export class PeerIdMissingError extends Error {
  static override readonly name = 'PeerIdMissingError'
  override readonly name = 'PeerIdMissingError'
}
