/** What can go wrong when somebody shares. Compare `error.name`, never `instanceof`. */

/** There is nothing at the path. */
export class PathNotFoundError extends Error {
  override readonly name = 'PathNotFoundError'
}

/** The path is something that is never shared. */
export class NotShareableError extends Error {
  override readonly name = 'NotShareableError'
}

/** The path is not among those that were shared. */
export class NotSharedError extends Error {
  override readonly name = 'NotSharedError'
}

/** A setting makes no sense. */
export class LibrarySettingsError extends Error {
  override readonly name = 'LibrarySettingsError'
}

/** The indexing thread ended, and starting it again did not help. */
export class LibraryFailedError extends Error {
  override readonly name = 'LibraryFailedError'
}

/** The library was stopped. */
export class LibraryStoppedError extends Error {
  override readonly name = 'LibraryStoppedError'
}

/**
 * The disk that a file or folder is on does not answer, as a dead network drive does. The code is what the system
 * says of a drive that it has given up itself.
 */
export class DiskSilentError extends Error {
  override readonly name = 'DiskSilentError'
  readonly code = 'ETIMEDOUT'

  constructor() {
    super(DISK_SILENT)
  }
}

/** What is said of paths on it. */
export const DISK_SILENT = 'Its disk does not answer.'

/** An error as it crosses from one thread to the other. */
export interface ErrorMessage {
  readonly name: string
  readonly message: string
}

const KNOWN: Readonly<Record<string, new (message: string) => Error>> = {
  PathNotFoundError,
  NotShareableError,
  NotSharedError,
  LibrarySettingsError,
  LibraryFailedError,
  LibraryStoppedError
}

export function toErrorMessage(error: unknown): ErrorMessage {
  if (error instanceof Error) return { name: error.name, message: error.message }
  return { name: 'Error', message: String(error) }
}

export function fromErrorMessage({ name, message }: ErrorMessage): Error {
  const Known = KNOWN[name]
  if (Known !== undefined) return new Known(message)
  return Object.assign(new Error(message), { name })
}

/** The sentence for what the file system says about a path. */
export function fileReason(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code
  if (code === 'EACCES' || code === 'EPERM') return 'This user may not read it.'
  if (code === 'ENOENT' || code === 'ENOTDIR') return 'It is gone.'
  if (code === 'EMFILE' || code === 'ENFILE') return 'Too many files are open; it is tried again later.'
  if (code === 'ETIMEDOUT') return DISK_SILENT
  if (code === 'ENAMETOOLONG') return 'Its path is too long to be opened.'
  return (error as Error).message
}
