/**
 * Gnutella's wire: the 0.6 handshake as text, then descriptors, each a header of 23 bytes and a payload
 * (Gnutella 0.6, 2.1 and 2.2). It does not know what carries it.
 *
 * A link speaks in steps. Who opened it sends CONNECT, gets a status, answers with a status of its own, and
 * may go on with descriptors at once; the other side is the mirror of that. After a status other than 200
 * nothing follows. The stream has no mark by which to find a header again, so a length beyond its bound
 * ends the link (code 501 of Bye, desynchronisation); a payload that breaks the rules inside a sound frame
 * costs that descriptor alone.
 */
import {
  type Codec,
  LimitError,
  type LinkCodec,
  type LinkRole,
  MalformedError,
  StoringSink,
  toHex,
  utf8Length
} from '@servent/overlay/machine'
import { writeHex } from './bytes.ts'
import {
  BYE,
  CONTROL_BYTES_MAX,
  GUID_BYTES,
  HEADER_BYTES,
  OTHER_BYTES_MAX,
  PING,
  PONG,
  PUSH,
  QUERY,
  QUERY_BYTES_MAX,
  QUERY_HIT,
  QUERY_HIT_BYTES_MAX,
  STATUS_OK
} from './constants.ts'
import { checkHandshake, HandshakeReader, handshakeText } from './handshake.ts'
import type { Descriptor, GnutellaMessage } from './messages.ts'
import { descriptorOf, payloadLength, readPayload, writePayload } from './payload.ts'
import { ROUTE_TABLE, ROUTE_TABLE_BYTES_MAX } from './tier-constants.ts'

export const gnutellaCodec: Codec<GnutellaMessage> = {
  /** @throws LimitError  a descriptor made here that no peer would accept; never for what came in */
  byteLength(message) {
    if (message.type === 'connect' || message.type === 'status') return utf8Length(handshakeText(message))
    return HEADER_BYTES + checkedLength(message)
  },
  typeOf: message => message.type,
  open: role => new GnutellaLinkCodec(role)
}

type Emit = (message: GnutellaMessage) => void

/** Where the header holds the length of the payload. */
const LENGTH_AT = 19

/** What comes in next. After `refused`, which we said, and `over`, which the peer said, nothing does. */
type Stage = 'connect' | 'status' | 'descriptors' | 'refused' | 'over' | 'broken'

class GnutellaLinkCodec implements LinkCodec<GnutellaMessage> {
  #stage: Stage
  #text: HandshakeReader | undefined
  /** What came of a descriptor that is not complete. */
  readonly #header = new Uint8Array(HEADER_BYTES)
  readonly #lengthField = new DataView(this.#header.buffer, LENGTH_AT)
  #headerBytes = 0
  #payload: Uint8Array | undefined
  #payloadBytes = 0

  constructor(role: LinkRole) {
    this.#stage = role === 'initiator' ? 'status' : 'connect'
  }

  get bufferedBytes(): number {
    return this.#text === undefined ? this.#headerBytes + this.#payloadBytes : this.#text.bytes
  }

  /** @throws LimitError  a message made here that no peer would accept */
  encode(message: GnutellaMessage): Uint8Array {
    if (message.type === 'connect' || message.type === 'status') {
      if (message.type === 'status' && message.status !== STATUS_OK) this.#stage = 'refused'
      const text = handshakeText(message)
      checkHandshake(text)
      return new TextEncoder().encode(text)
    }
    const length = checkedLength(message)
    const sink = new StoringSink(HEADER_BYTES + length)
    writeHex(sink, message.guid)
    sink.u8(descriptorOf(message))
    sink.u8(message.ttl)
    sink.u8(message.hops)
    sink.u32(length)
    writePayload(sink, message)
    return sink.stored
  }

  /** @throws MalformedError  the handshake breaks its grammar, or a length its bound; the link is of no more use */
  decode(chunk: Uint8Array, emit: Emit): void {
    let at = 0
    while (at < chunk.length) {
      switch (this.#stage) {
        case 'connect':
        case 'status':
          at = this.#readText(this.#stage, chunk, at, emit)
          break
        case 'descriptors':
          at = this.#readDescriptor(chunk, at, emit)
          break
        // The link is being closed; whoever was refused may not have heard of it yet.
        case 'refused':
          return
        case 'over':
          throw new MalformedError('Something follows a refusal.')
        case 'broken':
          throw new MalformedError('This link was malformed before.')
      }
    }
  }

  #readText(expected: 'connect' | 'status', chunk: Uint8Array, at: number, emit: Emit): number {
    this.#text ??= new HandshakeReader(expected)
    const { message, next } = this.#pushText(this.#text, expected, chunk, at)
    if (message === undefined) return next
    this.#text = undefined
    if (message.type === 'connect') this.#stage = 'status'
    else this.#stage = message.status === STATUS_OK ? 'descriptors' : 'over'
    emit(message)
    return next
  }

  #pushText(reader: HandshakeReader, expected: 'connect' | 'status', chunk: Uint8Array, at: number) {
    // Until it has gone well it may throw, and then nothing that follows can be read.
    this.#stage = 'broken'
    const next = reader.push(chunk, at)
    this.#stage = expected
    return { message: reader.message, next }
  }

  #readDescriptor(chunk: Uint8Array, at: number, emit: Emit): number {
    let next = at
    if (this.#payload === undefined) {
      next = this.#fill(this.#header, this.#headerBytes, chunk, next)
      this.#headerBytes += next - at
      if (this.#headerBytes < HEADER_BYTES) return next
      this.#payload = new Uint8Array(this.#checkedFrame())
    }
    const begin = next
    next = this.#fill(this.#payload, this.#payloadBytes, chunk, next)
    this.#payloadBytes += next - begin
    if (this.#payloadBytes === this.#payload.length) this.#endDescriptor(this.#payload, emit)
    return next
  }

  /** Copies what of the chunk is wanted, and gives where it stopped. */
  #fill(target: Uint8Array, filled: number, chunk: Uint8Array, at: number): number {
    const next = Math.min(chunk.length, at + target.length - filled)
    target.set(chunk.subarray(at, next), filled)
    return next
  }

  /** The length of the payload that the header announces, once it is known to be within its bound. */
  #checkedFrame(): number {
    const length = this.#lengthField.getUint32(0, true)
    const { bytesMax } = limitOf(this.#header[GUID_BYTES]!)
    if (length <= bytesMax) return length
    this.#stage = 'broken'
    throw new MalformedError(
      `501 A descriptor of type ${this.#header[GUID_BYTES]} has at most ${bytesMax} bytes, not ${length}: the stream is out of step.`
    )
  }

  #endDescriptor(payload: Uint8Array, emit: Emit): void {
    const header = this.#header
    const guid = toHex(header.subarray(0, GUID_BYTES))
    const descriptor = header[GUID_BYTES]!
    const ttl = header[GUID_BYTES + 1]!
    const hops = header[GUID_BYTES + 2]!
    this.#headerBytes = 0
    this.#payloadBytes = 0
    this.#payload = undefined
    emit(readPayload(descriptor, { guid, ttl, hops, payload }))
  }
}

/** Payload bytes that a type of descriptor may have, and the name of that bound. */
function limitOf(descriptor: number): { readonly name: string; readonly bytesMax: number } {
  return LIMITS.get(descriptor) ?? { name: 'OTHER_BYTES_MAX', bytesMax: OTHER_BYTES_MAX }
}

const CONTROL = { name: 'CONTROL_BYTES_MAX', bytesMax: CONTROL_BYTES_MAX }

const LIMITS: ReadonlyMap<number, { readonly name: string; readonly bytesMax: number }> = new Map([
  [PING, CONTROL],
  [PONG, CONTROL],
  [BYE, CONTROL],
  [PUSH, CONTROL],
  [ROUTE_TABLE, { name: 'ROUTE_TABLE_BYTES_MAX', bytesMax: ROUTE_TABLE_BYTES_MAX }],
  [QUERY, { name: 'QUERY_BYTES_MAX', bytesMax: QUERY_BYTES_MAX }],
  [QUERY_HIT, { name: 'QUERY_HIT_BYTES_MAX', bytesMax: QUERY_HIT_BYTES_MAX }]
])

/** What is checked when it comes in is checked when it goes out. */
function checkedLength(message: Descriptor): number {
  const length = payloadLength(message)
  const { name, bytesMax } = limitOf(descriptorOf(message))
  if (length > bytesMax)
    throw new LimitError(name, `A ${message.type} has at most ${bytesMax} bytes, not ${length}.`)
  return length
}
