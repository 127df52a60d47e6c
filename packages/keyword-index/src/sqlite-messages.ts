/** What the main thread and the thread of the database say to each other. Plain data only. */
import { IndexInputError, IndexUnavailableError } from './errors.ts'
import type { IndexAnswer, IndexedFile, IndexQuestion } from './types.ts'

export interface OpenMessage {
  readonly type: 'open'
  readonly path: string
  readonly postingsTouchedMax: number | undefined
}

export interface CallMessage {
  readonly type: 'call'
  readonly call: number
  readonly question: IndexQuestion | { readonly type: 'index-clear' }
}

export type ToStore = OpenMessage | CallMessage | { readonly type: 'close' }

/** An error as it crosses from one thread to the other. */
export interface ErrorMessage {
  readonly name: string
  readonly message: string
}

export type FromStore =
  | { readonly type: 'open' }
  | { readonly type: 'answer'; readonly call: number; readonly answer: IndexAnswer | undefined }
  | { readonly type: 'failure'; readonly call: number; readonly error: ErrorMessage }
  /** The database cannot be used: starting the thread again would not help. */
  | { readonly type: 'fatal'; readonly error: ErrorMessage }

export function toErrorMessage(error: unknown): ErrorMessage {
  if (error instanceof Error) return { name: error.name, message: error.message }
  return { name: 'Error', message: String(error) }
}

export function fromErrorMessage({ name, message }: ErrorMessage): Error {
  return name === 'IndexInputError' ? new IndexInputError(message) : new IndexUnavailableError(message)
}

/**
 * A file as it crosses: a view into a larger buffer would take all of that along, and what a caller cuts out of what it
 * received is such a view.
 */
export function packed(file: IndexedFile): IndexedFile {
  const { content, body } = file
  if (isWhole(body) && (content === undefined || isWhole(content))) return file
  return {
    ...file,
    ...(content !== undefined && { content: Uint8Array.from(content) }),
    body: Uint8Array.from(body)
  }
}

const isWhole = (bytes: Uint8Array): boolean => bytes.byteLength === bytes.buffer.byteLength
