/**
 * Messages of lookups as protobuf (`routing.proto`), written with the runtime of protons: the fields of a
 * `RoutingMessage`, which an overlay's wire embeds. What breaks a bound is refused before it is copied.
 *
 * Fields and kinds of message that are not known are passed over, so that a later version can add some; who asked
 * hears nothing, as from a peer that does not serve it. A value that is not known of an enumeration is refused:
 * the rest of its message cannot be understood without it.
 */
import { MalformedError } from '@servent/overlay/machine'
import { type Reader, reader as readerOf, type Writer } from 'protons-runtime'
import type { LookupMessage, RoutingMessage } from './messages.ts'
import { bytesFieldLength, readEmbedded, readFields, writeEmbedded } from './store-fields.ts'
import { readStore, storeByteLength, writeStore } from './store-wire.ts'
import { fieldsLength, LOOKUP_TYPES, READERS, writeFields } from './wire-lookup.ts'

/** After the messages of lookups, in the `oneof`. */
const STORE_FIELD = LOOKUP_TYPES.length + 1

const isLookupMessage = (message: RoutingMessage): message is LookupMessage =>
  (LOOKUP_TYPES as readonly string[]).includes(message.type)

/** A word for metrics. */
export function routingTypeOf(message: RoutingMessage): RoutingMessage['type'] {
  return message.type
}

/** Bytes of a `RoutingMessage`, without what its overlay writes around it. */
export function routingByteLength(message: RoutingMessage): number {
  return bytesFieldLength(isLookupMessage(message) ? fieldsLength(message) : storeByteLength(message))
}

/** Writes the fields of a `RoutingMessage`. */
export function writeRouting(message: RoutingMessage, writer: Writer): void {
  if (isLookupMessage(message)) {
    writeEmbedded(writer, LOOKUP_TYPES.indexOf(message.type) + 1, () => writeFields(message, writer))
  } else {
    writeEmbedded(writer, STORE_FIELD, () => writeStore(message, writer))
  }
}

/**
 * Reads a `RoutingMessage` from bytes, or up to `end` from a reader. Nothing where it is of no known kind.
 *
 * @throws MalformedError  more than one message, or a bound is broken
 */
export function readRouting(from: Reader | Uint8Array, end?: number): RoutingMessage | undefined {
  const reader = from instanceof Uint8Array ? readerOf(from) : from
  let message: RoutingMessage | undefined
  try {
    readFields(reader, end ?? reader.len, (field, wire) => {
      const type = LOOKUP_TYPES[field - 1]
      if (type === undefined && field !== STORE_FIELD) return false
      if (message !== undefined) throw new MalformedError('There is more than one message.')
      message =
        type === undefined
          ? readEmbedded(reader, wire, 'message about records', readStore)
          : readEmbedded(reader, wire, type, READERS[type])
      return true
    })
  } catch (error) {
    // What the runtime throws about bytes that end too early.
    throw error instanceof MalformedError ? error : new MalformedError((error as Error).message)
  }
  return message
}
