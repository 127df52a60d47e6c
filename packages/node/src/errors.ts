/** What can go wrong with a node, by name. Messages say what, why, and what to try. */

/** A setting is unknown, of the wrong kind or out of range. `key` names it, `where` says who set it. */
export class ConfigError extends Error {
  static override readonly name = 'ConfigError'
  override readonly name = 'ConfigError'
  readonly key: string | undefined
  readonly where: string
  constructor(message: string, where: string, key?: string) {
    super(message)
    this.where = where
    this.key = key
  }
}

/** The identity key cannot be made, read or trusted. */
export class IdentityError extends Error {
  static override readonly name = 'IdentityError'
  override readonly name = 'IdentityError'
}

/** An address to listen on is taken or not of this machine. */
export class ListenError extends Error {
  static override readonly name = 'ListenError'
  override readonly name = 'ListenError'
}

/** There is no such file, row, download or overlay here. */
export class NotFoundError extends Error {
  static override readonly name = 'NotFoundError'
  override readonly name = 'NotFoundError'
}

/** Nobody has a value under this key. */
export class NoValueError extends Error {
  static override readonly name = 'NoValueError'
  override readonly name = 'NoValueError'
}

/** The place that the user named cannot hold the file. */
export class OutputError extends Error {
  static override readonly name = 'OutputError'
  override readonly name = 'OutputError'
}

/** There are too many wishes, or one wants more than it may. */
export class WishError extends Error {
  static override readonly name = 'WishError'
  override readonly name = 'WishError'
}

/** The server knows nobody of this name, or they are not there. */
export class NobodyError extends Error {
  static override readonly name = 'NobodyError'
  override readonly name = 'NobodyError'
}

/** It is no nick, or the hotlist is full. */
export class NickError extends Error {
  static override readonly name = 'NickError'
  override readonly name = 'NickError'
}

/** The prefix of an id fits several. */
export class AmbiguousError extends Error {
  static override readonly name = 'AmbiguousError'
  override readonly name = 'AmbiguousError'
}

/** The node is not running, or is about to stop. */
export class NotRunningError extends Error {
  static override readonly name = 'NotRunningError'
  override readonly name = 'NotRunningError'
}
