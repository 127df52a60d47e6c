/** How the tests of the codec write bytes and read links. */
import type { LinkRole } from '@servent/overlay/machine'
import type { Descriptor, GnutellaMessage } from '../src/messages.ts'
import { gnutellaCodec } from '../src/wire.ts'

/** Texts are taken in UTF-8, texts in `<…>` as hexadecimal: `bytesOf('abc', '<00 1c>')`. */
export function bytesOf(...parts: readonly (string | Uint8Array)[]): Uint8Array {
  const pieces = parts.map(part => {
    if (typeof part !== 'string') return part
    const hex = /^<([0-9a-f\s]*)>$/i.exec(part)?.[1]
    return hex === undefined ? Buffer.from(part) : Buffer.from(hex.replace(/\s/g, ''), 'hex')
  })
  return Uint8Array.from(Buffer.concat(pieces))
}

export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

export const GUID = '00112233445566 77ff99aabbccddee00'.replace(/\s/g, '')

/** A descriptor's frame: a header of 23 bytes, TTL 7, hops 0, and the payload. */
export function frameOf(descriptor: number, payload: Uint8Array, { ttl = 7, hops = 0 } = {}): Uint8Array {
  const length = Buffer.alloc(4)
  length.writeUInt32LE(payload.length)
  return bytesOf(`<${GUID}>`, Uint8Array.of(descriptor, ttl, hops), length, payload)
}

/** A link of either role that has its handshake behind it. */
export function openLink(role: LinkRole = 'responder') {
  const link = gnutellaCodec.open(role)
  const status = { type: 'status', status: 200, reason: 'OK', headers: {} } as const
  const text = gnutellaCodec.open('initiator')
  if (role === 'responder') link.decode(text.encode({ type: 'connect', headers: {} }), () => {})
  link.decode(text.encode(status), () => {})
  return link
}

export function decodeAll(
  link: { decode(chunk: Uint8Array, emit: (m: GnutellaMessage) => void): void },
  ...chunks: readonly Uint8Array[]
): GnutellaMessage[] {
  const messages: GnutellaMessage[] = []
  for (const chunk of chunks) link.decode(chunk, message => messages.push(message))
  return messages
}

/** The message of one descriptor. */
export function decodeOne(descriptor: number, ...payload: readonly (string | Uint8Array)[]): GnutellaMessage {
  return decodeAll(openLink(), frameOf(descriptor, bytesOf(...payload)))[0]!
}

export function encode(message: GnutellaMessage): Uint8Array {
  return gnutellaCodec.open('initiator').encode(message)
}

/** What another peer reads of a descriptor that was made here, without the bytes it came in. */
export function roundTrip(message: Descriptor): GnutellaMessage {
  const { payload: _, ...read } = decodeAll(openLink(), encode(message))[0] as Descriptor
  return read as GnutellaMessage
}

export const ED25519_ID = bytesOf('<00 24 08 01 12 20>', new Uint8Array(32).fill(7))
/** /ip4/127.0.0.1/tcp/6346 */
export const ADDRESS = bytesOf('<04 7f 00 00 01 06 18 ca>')
