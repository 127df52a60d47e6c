/** Payloads of the descriptors (Gnutella 0.6, 2.2): bytes to messages and back. QueryHit has a file of its own. */
import { ByteReader, type ByteSink, CountingSink, faultOf, toHex } from '@servent/overlay/machine'
import { before, decodeText, writeHex } from './bytes.ts'
import { BYE, GUID_BYTES, PING, PONG, PUSH, QUERY, QUERY_HIT } from './constants.ts'
import { joinExtensions, sortExtensions } from './extension.ts'
import { writeGgep } from './ggep.ts'
import { readExtensions, writeExtensions } from './huge.ts'
import type {
  ByeMessage,
  Descriptor,
  DescriptorHeader,
  PingMessage,
  PongMessage,
  PushMessage,
  QueryMessage
} from './messages.ts'
import { readRouteTable, writePatch, writeReset } from './qrp-wire.ts'
import { readQueryHit, writeQueryHit } from './query-hit.ts'
import { ROUTE_TABLE } from './tier-constants.ts'

/** A header as it came, its payload with it. */
export type ReceivedHeader = DescriptorHeader & { readonly payload: Uint8Array }

/** Total: a payload that breaks the rules of its type gives a `malformed` message. */
export function readPayload(descriptor: number, header: ReceivedHeader): Descriptor {
  try {
    return readKnown(descriptor, header) ?? { type: 'other', descriptor, ...header }
  } catch (error) {
    return { type: 'malformed', descriptor, reason: faultOf(error), ...header }
  }
}

function readKnown(descriptor: number, header: ReceivedHeader): Descriptor | undefined {
  const reader = new ByteReader(header.payload)
  switch (descriptor) {
    case PING:
      return readPing(reader, header)
    case PONG:
      return readPong(reader, header)
    case BYE:
      return readBye(reader, header)
    case PUSH:
      return readPush(reader, header)
    case QUERY:
      return readQuery(reader, header)
    case QUERY_HIT:
      return readQueryHit(header, header.payload)
    case ROUTE_TABLE:
      return readRouteTable(reader, header)
    default:
      return undefined
  }
}

function readPing(reader: ByteReader, header: DescriptorHeader): PingMessage {
  return { type: 'ping', ...header, ggep: readExtensions(reader).ggep }
}

function readPong(reader: ByteReader, header: DescriptorHeader): PongMessage {
  const port = reader.u16()
  const ipv4 = reader.u32BigEndian()
  const files = reader.u32()
  const kibibytes = reader.u32()
  const ours = sortExtensions(readExtensions(reader).ggep, ['contact'])
  return { type: 'pong', ...header, ipv4, port, files, kibibytes, ...ours }
}

/** The first two bytes are flags in network order, whatever an old servent means by them (MinSpeed proposal). */
function readQuery(reader: ByteReader, header: DescriptorHeader): QueryMessage {
  const flags = reader.u16BigEndian()
  const text = decodeText(reader.untilNul())
  return { type: 'query', ...header, flags, text, ...readExtensions(reader) }
}

function readPush(reader: ByteReader, header: DescriptorHeader): PushMessage {
  const servent = toHex(reader.take(GUID_BYTES))
  const index = reader.u32()
  const ipv4 = reader.u32BigEndian()
  const port = reader.u16()
  const ours = sortExtensions(readExtensions(reader).ggep, ['contact', 'nonce'])
  return { type: 'push', ...header, servent, index, ipv4, port, ...ours }
}

/** Headers may follow the first line; a NUL at the end is not insisted on, since this is the last message. */
function readBye(reader: ByteReader, header: DescriptorHeader): ByeMessage {
  const code = reader.u16()
  return { type: 'bye', ...header, code, reason: firstLine(decodeText(reader.take(reader.left))) }
}

function firstLine(text: string): string {
  return before(text, /[\0\r\n]/)
}

/** The number of a message's type in the header. */
export function descriptorOf(message: Descriptor): number {
  return message.type === 'other' || message.type === 'malformed'
    ? message.descriptor
    : DESCRIPTORS[message.type]
}

const DESCRIPTORS: Readonly<Record<Exclude<Descriptor['type'], 'other' | 'malformed'>, number>> = {
  ping: PING,
  pong: PONG,
  bye: BYE,
  push: PUSH,
  query: QUERY,
  'query-hit': QUERY_HIT,
  'table-reset': ROUTE_TABLE,
  'table-patch': ROUTE_TABLE
}

/** @throws LimitError  a message made here that no peer would accept */
export function payloadLength(message: Descriptor): number {
  if (message.payload !== undefined) return message.payload.length
  const sink = new CountingSink()
  writePayload(sink, message)
  return sink.length
}

/** @throws LimitError  a message made here that no peer would accept */
export function writePayload(sink: ByteSink, message: Descriptor): void {
  if (message.type === 'other' || message.type === 'malformed') sink.raw(message.payload)
  else if (message.payload !== undefined) sink.raw(message.payload)
  else if (message.type === 'ping') writeGgep(sink, message.ggep, 'plain')
  else if (message.type === 'pong') writePong(sink, message)
  else if (message.type === 'query') writeQuery(sink, message)
  else if (message.type === 'query-hit') writeQueryHit(sink, message)
  else if (message.type === 'push') writePush(sink, message)
  else if (message.type === 'table-reset') writeReset(sink, message)
  else if (message.type === 'table-patch') writePatch(sink, message)
  else writeBye(sink, message)
}

function writePong(sink: ByteSink, message: PongMessage): void {
  sink.u16(message.port)
  sink.u32BigEndian(message.ipv4)
  sink.u32(message.files)
  sink.u32(message.kibibytes)
  writeGgep(sink, joinExtensions(message), 'plain')
}

function writeQuery(sink: ByteSink, message: QueryMessage): void {
  sink.u16BigEndian(message.flags)
  sink.plain(before(message.text, /\0/))
  sink.u8(0)
  writeExtensions(sink, message, 'plain')
}

function writePush(sink: ByteSink, message: PushMessage): void {
  writeHex(sink, message.servent)
  sink.u32(message.index)
  sink.u32BigEndian(message.ipv4)
  sink.u16(message.port)
  writeGgep(sink, joinExtensions(message), 'plain')
}

function writeBye(sink: ByteSink, message: ByeMessage): void {
  sink.u16(message.code)
  sink.plain(firstLine(message.reason))
  sink.u8(0)
}
