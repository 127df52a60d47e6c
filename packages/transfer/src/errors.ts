/** What can go wrong with a transfer. Compare `error.name`, never `instanceof`. */

/** A source broke HTTP's or this protocol's rules, or gave wrong bytes: it is not asked for this file again. */
export class SourceLiedError extends Error {
  static override readonly name = 'SourceLiedError'
  override readonly name = 'SourceLiedError'
}

/** A source could not be reached, was lost or too slow: it may be tried again. */
export class SourceLostError extends Error {
  static override readonly name = 'SourceLostError'
  override readonly name = 'SourceLostError'
}

/** A source has no free slot and wants to be asked again later. */
export class SourceBusyError extends Error {
  static override readonly name = 'SourceBusyError'
  override readonly name = 'SourceBusyError'
  readonly retryMs: number
  /** From 1, of `length`, where it keeps a queue. */
  readonly position: number | undefined
  readonly length: number | undefined
  constructor(message: string, retryMs: number, position?: number, length?: number) {
    super(message)
    this.retryMs = retryMs
    this.position = position
    this.length = length
  }
}

/** A source is fetching the file itself, and has nothing yet of what is missing here. */
export class SourceLacksError extends Error {
  static override readonly name = 'SourceLacksError'
  override readonly name = 'SourceLacksError'
}

/** A source does not have the file, or no longer. */
export class SourceGoneError extends Error {
  static override readonly name = 'SourceGoneError'
  override readonly name = 'SourceGoneError'
}

/** The disk took or gave no bytes: a full disk, a folder that may not be written, a failing device. */
export class DiskError extends Error {
  static override readonly name = 'DiskError'
  override readonly name = 'DiskError'
}

/** Nobody who has the file was found or could be reached. What was fetched is kept. */
export class NoSourceError extends Error {
  static override readonly name = 'NoSourceError'
  override readonly name = 'NoSourceError'
}

/** Some files of a folder could not be fetched, as the message names them. The others are there. */
export class PartialFolderError extends Error {
  static override readonly name = 'PartialFolderError'
  override readonly name = 'PartialFolderError'
}

/** There is no download with this id. */
export class NoDownloadError extends Error {
  static override readonly name = 'NoDownloadError'
  override readonly name = 'NoDownloadError'
}

/** The file is being fetched to another place, or a part of it stands there. */
export class DownloadExistsError extends Error {
  static override readonly name = 'DownloadExistsError'
  override readonly name = 'DownloadExistsError'
}

/** The user took the download out of the list while somebody waited for it. */
export class DownloadCancelledError extends Error {
  static override readonly name = 'DownloadCancelledError'
  override readonly name = 'DownloadCancelledError'
}

/** The place that the user named cannot hold the file. */
export class OutputError extends Error {
  static override readonly name = 'OutputError'
  override readonly name = 'OutputError'
}
