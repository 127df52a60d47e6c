/** What must hold of whatever bytes come to a link, whoever sent them. Property tests and the fuzz share it. */
import type { LinkRole } from '@servent/overlay/machine'
import { expect } from 'vitest'
import { HANDSHAKE_BYTES_MAX, HEADER_BYTES, QUERY_HIT_BYTES_MAX } from '../src/constants.ts'
import type { Descriptor, GnutellaMessage } from '../src/messages.ts'
import { gnutellaCodec } from '../src/wire.ts'
import { encode, openLink } from './bytes-of.ts'

/** The most that a link ever holds of a message that is not complete. */
const BUFFERED_BYTES_MAX = Math.max(HEADER_BYTES + QUERY_HIT_BYTES_MAX, HANDSHAKE_BYTES_MAX)

export interface Outcome {
  readonly messages: readonly GnutellaMessage[]
  /** What the link was ended for, if it was. */
  readonly malformed: string | undefined
}

/** Reads chunks and checks on the way that nothing is thrown but `MalformedError`, and no more held than may be. */
export function readAll(
  role: LinkRole,
  phase: 'handshake' | 'descriptors',
  chunks: readonly Uint8Array[]
): Outcome {
  const link = phase === 'handshake' ? gnutellaCodec.open(role) : openLink(role)
  const messages: GnutellaMessage[] = []
  for (const chunk of chunks) {
    try {
      link.decode(chunk, message => messages.push(message))
    } catch (error) {
      expect(error).toMatchObject({ name: 'MalformedError' })
      return { messages, malformed: (error as Error).message }
    }
    expect(link.bufferedBytes).toBeLessThanOrEqual(BUFFERED_BYTES_MAX)
  }
  return { messages, malformed: undefined }
}

/**
 * Every message that came in is written again: descriptors byte for byte, and their fields, once they are
 * encoded anew, are read as the same.
 */
export function checkMessage(message: GnutellaMessage): void {
  const bytes = encodeIfFit(message)
  // A host prices what came in, so that never fails, though it might not be sent on.
  const priced = gnutellaCodec.byteLength(message)
  if (bytes !== undefined) expect(priced).toBe(bytes.length)
  if (
    message.type === 'connect' ||
    message.type === 'status' ||
    message.type === 'malformed' ||
    message.type === 'other'
  )
    return
  expect(bytes?.subarray(HEADER_BYTES)).toEqual(message.payload)
  const { payload: _, ...made } = message
  const anew = encodeIfFit(made)
  if (anew === undefined) return
  expect(gnutellaCodec.byteLength(made)).toBe(anew.length)
  const { messages } = readAll('responder', 'descriptors', [anew])
  expect(messages).toHaveLength(1)
  const { payload: __, ...read } = messages[0] as Descriptor
  expect(read).toEqual(made)
}

/**
 * What was read may be longer when it is made here: a text that is no UTF-8 grows, so do URNs from GGEP, and
 * repeated headers become one line.
 */
function encodeIfFit(message: GnutellaMessage): Uint8Array | undefined {
  try {
    return encode(message)
  } catch (error) {
    expect(error).toMatchObject({ name: 'LimitError' })
    return undefined
  }
}
