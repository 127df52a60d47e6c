/** How a dial that found no place is told from one that found nobody. */
import type { NoRoom } from '@servent/overlay'

/** Here every connection is in use. */
export class NoRoomError extends Error {
  static override readonly name = 'NoRoomError'
  override readonly name = 'NoRoomError'
}

/**
 * Codes and names of what a dial fails with where a process listens and hangs up, as libp2p does when it has as many
 * connections as it may, and of what a stream does where its connection is being closed for want of room. Where nobody
 * listens a dial is refused instead, or gets no answer at all.
 */
const HUNG_UP: ReadonlySet<unknown> = new Set([
  'ECONNRESET',
  'EPIPE',
  'UnexpectedEOFError',
  'ConnectionClosedError',
  'MuxerClosedError'
])

/**
 * What libp2p makes of the same where the connection stood for a moment, as it does across a network: an error of its own
 * that keeps the text alone.
 */
const WRAPPED: ReadonlySet<string> = new Set(['EncryptionFailedError', 'MuxerUnavailableError'])
const HUNG_UP_TEXT = /ECONNRESET|EPIPE|Unexpected EOF/

/** Nothing where the dial failed for another reason. */
export function whoHasNoRoom(error: unknown): NoRoom | undefined {
  if ((error as Error | undefined)?.name === NoRoomError.name) return 'here'
  return hungUp(error) ? 'there' : undefined
}

/** Of several addresses one is enough: a peer that hangs up at one of them lives. */
function hungUp(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if (error instanceof AggregateError) return error.errors.some(hungUp)
  if (WRAPPED.has(error.name)) return HUNG_UP_TEXT.test(error.message)
  return HUNG_UP.has(error.name) || HUNG_UP.has((error as { code?: unknown }).code)
}
