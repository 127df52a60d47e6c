/**
 * The codec of a wire of ours: a stream of frames, each a varint length and a message of protobuf, whose `oneof`
 * has a field for each kind of message. A frame of a kind that is not known is passed over, so that later versions
 * can add some; anything else that is not as it should be ends the link.
 */
import { type Codec, LimitError, type LinkCodec, MalformedError } from '@servent/overlay/machine'
import { type Reader, reader as readerOf, type Writer, writer as writerOf } from 'protons-runtime'
import type { RoutingMessage } from './messages.ts'
import { bytesFieldLength, readEmbedded, readFields, varintLength, writeEmbedded } from './store-fields.ts'
import { readRouting, routingByteLength, writeRouting } from './wire.ts'
import { type FrameLimits, FrameReader } from './wire-frames.ts'

/** Messages of an overlay, by kinds. Bounds of what stands in a message are its own business. */
export interface MessageKinds<Message extends { readonly type: string }> {
  /** In the order of their numbers in the `oneof`. */
  readonly types: readonly Message['type'][]
  /** Bytes of the message's fields. */
  byteLength(message: Message): number
  /** Writes the message's fields. */
  write(message: Message, writer: Writer): void
  /** @throws MalformedError  a bound is broken, or something is missing */
  read(type: Message['type'], reader: Reader, end: number): Message
}

/** A codec of messages whose fields in the `oneof` begin with 1. `FRAME_BYTES_MAX` is `limits.frameBytes`. */
export function framedCodec<Message extends { readonly type: string }>(
  limits: FrameLimits,
  kinds: MessageKinds<Message>
): Codec<Message> {
  const { types } = kinds
  const fieldOf = new Map<string, number>(types.map((type, place) => [type, place + 1]))
  return codecOf<Message>(limits, {
    fieldOf: message => fieldOf.get(message.type)!,
    byteLength: message => kinds.byteLength(message),
    write: (message, writer) => kinds.write(message, writer),
    nameOf: field => types[field - 1],
    read: (field, reader, end) => kinds.read(types[field - 1]!, reader, end)
  })
}

/** A codec of a structured overlay: messages of routing are field 1, and its own have the fields from 2. */
export function routedCodec<Message extends { readonly type: string }>(
  limits: FrameLimits,
  kinds: MessageKinds<Message>
): Codec<Message | RoutingMessage> {
  const { types } = kinds
  const fieldOf = new Map<string, number>(types.map((type, place) => [type, place + FIRST_OWN_FIELD]))
  const isOwn = (message: Message | RoutingMessage): message is Message => fieldOf.has(message.type)
  return codecOf<Message | RoutingMessage>(limits, {
    fieldOf: message => fieldOf.get(message.type) ?? ROUTING_FIELD,
    byteLength: message => (isOwn(message) ? kinds.byteLength(message) : routingByteLength(message)),
    write(message, writer) {
      if (isOwn(message)) kinds.write(message, writer)
      else writeRouting(message, writer)
    },
    nameOf: field => (field === ROUTING_FIELD ? 'routing message' : types[field - FIRST_OWN_FIELD]),
    read: (field, reader, end) =>
      field === ROUTING_FIELD
        ? readRouting(reader, end)
        : kinds.read(types[field - FIRST_OWN_FIELD]!, reader, end)
  })
}

const ROUTING_FIELD = 1
const FIRST_OWN_FIELD = 2

/** Messages by their fields in the `oneof`. */
interface Fields<Message> {
  fieldOf(message: Message): number
  byteLength(message: Message): number
  write(message: Message, writer: Writer): void
  /** Of a field, for people; nothing where no message of this version has it. */
  nameOf(field: number): string | undefined
  /** Nothing where a later version added what is in it. */
  read(field: number, reader: Reader, end: number): Message | undefined
}

function codecOf<Message extends { readonly type: string }>(
  limits: FrameLimits,
  fields: Fields<Message>
): Codec<Message> {
  const frameLength = (message: Message): number => {
    const length = bytesFieldLength(fields.byteLength(message))
    if (length <= limits.frameBytes) return length
    throw new LimitError(
      'FRAME_BYTES_MAX',
      `A frame has at most ${limits.frameBytes} bytes, and this ${message.type} has ${length}.`
    )
  }
  return {
    /** @throws LimitError  a message made here that no peer would accept; never for what came in */
    byteLength(message) {
      const length = frameLength(message)
      return varintLength(length) + length
    },
    typeOf: message => message.type,
    open: () => new FramedLinkCodec(limits, fields, frameLength)
  }
}

class FramedLinkCodec<Message> implements LinkCodec<Message> {
  readonly #frames: FrameReader
  readonly #fields: Fields<Message>
  readonly #frameLength: (message: Message) => number

  constructor(limits: FrameLimits, fields: Fields<Message>, frameLength: (message: Message) => number) {
    this.#frames = new FrameReader(limits)
    this.#fields = fields
    this.#frameLength = frameLength
  }

  get bufferedBytes(): number {
    return this.#frames.bufferedBytes
  }

  /** @throws LimitError  a message made here that no peer would accept */
  encode(message: Message): Uint8Array {
    const writer = writerOf().uint32(this.#frameLength(message))
    const fields = this.#fields
    writeEmbedded(writer, fields.fieldOf(message), () => fields.write(message, writer))
    return writer.finish()
  }

  /** @throws MalformedError  a frame is too long, or a message breaks its bounds; the link is of no more use */
  decode(chunk: Uint8Array, emit: (message: Message) => void): void {
    this.#frames.read(chunk, frame => {
      const message = readFrame(frame, this.#fields)
      if (message !== undefined) emit(message)
    })
  }
}

/** Nothing where the frame is of a kind that is not known. */
function readFrame<Message>(frame: Uint8Array, fields: Fields<Message>): Message | undefined {
  const reader = readerOf(frame)
  let message: Message | undefined
  try {
    readFields(reader, frame.length, (field, wire) => {
      const name = fields.nameOf(field)
      if (name === undefined) return false
      if (message !== undefined) throw new MalformedError('A frame holds one message.')
      message = readEmbedded(reader, wire, name, (inner, end) => fields.read(field, inner, end))
      return true
    })
  } catch (error) {
    // What the runtime throws about bytes that end too early.
    throw error instanceof MalformedError ? error : new MalformedError((error as Error).message)
  }
  return message
}
