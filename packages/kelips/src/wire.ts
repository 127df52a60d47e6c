/**
 * Kelips's wire: a stream of frames, each a varint length and a message of protobuf (`kelips.proto`). Ours alone,
 * since the paper says what goes over the wire and not how. A frame of a kind that is not known is passed over,
 * so that later versions can add some; anything else that is not as it should be ends the link.
 */
import {
  bytesFieldLength,
  FrameReader,
  readEmbedded,
  readFields,
  readRouting,
  routingByteLength,
  routingTypeOf,
  varintLength,
  writeEmbedded,
  writeRouting
} from '@servent/key-routing/machine'
import { type Codec, LimitError, type LinkCodec, MalformedError } from '@servent/overlay/machine'
import { reader as readerOf, writer as writerOf } from 'protons-runtime'
import type { GroupMessage, KelipsMessage } from './messages.ts'
import { GROUP_TYPES, groupByteLength, writeGroup } from './wire-group.ts'
import { readGroup } from './wire-group-read.ts'
import { FRAME_BYTES_MAX, FRAME_LENGTH_BYTES_MAX } from './wire-limits.ts'

export const kelipsCodec: Codec<KelipsMessage> = {
  /** @throws LimitError  a message made here that no peer would accept; never for what came in */
  byteLength(message) {
    const length = frameLength(message)
    return varintLength(length) + length
  },
  typeOf: message => (isGroup(message) ? message.type : routingTypeOf(message)),
  open: () => new KelipsLinkCodec()
}

/** Fields of the `oneof`. */
const ROUTING_FIELD = 1
const FIRST_GROUP_FIELD = 2

const GROUP_FIELDS: ReadonlyMap<string, number> = new Map(
  GROUP_TYPES.map((type, index) => [type, index + FIRST_GROUP_FIELD])
)

const isGroup = (message: KelipsMessage): message is GroupMessage => GROUP_FIELDS.has(message.type)

/** Of the frame without its length. */
function frameLength(message: KelipsMessage): number {
  const body = isGroup(message) ? groupByteLength(message) : routingByteLength(message)
  const length = bytesFieldLength(body)
  if (length <= FRAME_BYTES_MAX) return length
  throw new LimitError(
    'FRAME_BYTES_MAX',
    `A frame has at most ${FRAME_BYTES_MAX} bytes, and this ${message.type} has ${length}.`
  )
}

class KelipsLinkCodec implements LinkCodec<KelipsMessage> {
  readonly #frames = new FrameReader({ frameBytes: FRAME_BYTES_MAX, lengthBytes: FRAME_LENGTH_BYTES_MAX })

  get bufferedBytes(): number {
    return this.#frames.bufferedBytes
  }

  /** @throws LimitError  a message made here that no peer would accept */
  encode(message: KelipsMessage): Uint8Array {
    const writer = writerOf().uint32(frameLength(message))
    if (isGroup(message))
      writeEmbedded(writer, GROUP_FIELDS.get(message.type)!, () => writeGroup(message, writer))
    else writeEmbedded(writer, ROUTING_FIELD, () => writeRouting(message, writer))
    return writer.finish()
  }

  /** @throws MalformedError  a frame is too long, or a message breaks its bounds; the link is of no more use */
  decode(chunk: Uint8Array, emit: (message: KelipsMessage) => void): void {
    this.#frames.read(chunk, frame => {
      const message = readFrame(frame)
      if (message !== undefined) emit(message)
    })
  }
}

/** Nothing where the frame is of a kind that is not known. */
function readFrame(frame: Uint8Array): KelipsMessage | undefined {
  const reader = readerOf(frame)
  let message: KelipsMessage | undefined
  try {
    readFields(reader, frame.length, (field, wire) => {
      const type = GROUP_TYPES[field - FIRST_GROUP_FIELD]
      if (field !== ROUTING_FIELD && type === undefined) return false
      if (message !== undefined) throw new MalformedError('A frame holds one message.')
      message = readEmbedded(reader, wire, type ?? 'routing message', (inner, end) =>
        type === undefined ? readRouting(inner, end) : readGroup(type, inner, end)
      )
      return true
    })
  } catch (error) {
    // What the runtime throws about bytes that end too early.
    throw error instanceof MalformedError ? error : new MalformedError((error as Error).message)
  }
  return message
}
