/** What must hold of whatever bytes come to a link, whoever sent them. Property tests and the fuzz share it. */
import { expect } from 'vitest'
import { EXTENSION_BYTES_MAX, HEADER_BYTES } from '../src/constants.ts'
import type { NapsterMessage } from '../src/messages.ts'
import { napsterCodec } from '../src/wire.ts'

export interface Outcome {
  readonly messages: readonly NapsterMessage[]
  /** What the link was ended for, if it was. */
  readonly malformed: string | undefined
}

/** Reads chunks and checks that nothing is thrown but `MalformedError`, and no more held than may be. */
export function readAll(chunks: readonly Uint8Array[]): Outcome {
  const link = napsterCodec.open('initiator')
  const messages: NapsterMessage[] = []
  for (const chunk of chunks) {
    try {
      link.decode(chunk, message => messages.push(message))
    } catch (error) {
      expect(error).toMatchObject({ name: 'MalformedError' })
      return { messages, malformed: (error as Error).message }
    }
    expect(link.bufferedBytes).toBeLessThanOrEqual(HEADER_BYTES + EXTENSION_BYTES_MAX)
  }
  return { messages, malformed: undefined }
}

export const encode = (message: NapsterMessage): Uint8Array => napsterCodec.open('initiator').encode(message)

/** A frame with this body, whatever it is. */
export function frame(code: number, body: string | Uint8Array, length?: number): Uint8Array {
  const bytes = typeof body === 'string' ? Buffer.from(body) : Buffer.from(body)
  const header = Buffer.alloc(4)
  header.writeUInt16LE(length ?? bytes.length, 0)
  header.writeUInt16LE(code, 2)
  return Uint8Array.from(Buffer.concat([header, bytes]))
}

/**
 * What came in is priced without an error; written and read again it is the same, from the second time on: what
 * no text can carry was replaced then.
 */
export function checkMessage(message: NapsterMessage): void {
  const priced = napsterCodec.byteLength(message)
  expect(napsterCodec.typeOf(message)).toMatch(/^[a-z-]+$/)
  let bytes: Uint8Array
  try {
    bytes = encode(message)
  } catch (error) {
    // A text that was Latin-1 is longer in UTF-8.
    expect(error).toMatchObject({ name: 'LimitError' })
    return
  }
  expect(bytes).toHaveLength(priced)
  if (message.type === 'malformed') return
  const { messages } = readAll([bytes])
  expect(messages).toHaveLength(1)
  expect(encode(messages[0]!)).toEqual(bytes)
}
