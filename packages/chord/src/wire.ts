/**
 * Chord's wire: a stream of frames, each a varint length and a message of protobuf (`chord.proto`). Ours alone,
 * since Chord was never published as a protocol with a wire. A frame of a kind that is not known is passed over,
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
import type { ChordMessage, RingMessage } from './messages.ts'
import { FRAME_BYTES_MAX, FRAME_LENGTH_BYTES_MAX } from './wire-limits.ts'
import { RING_TYPES, readRing, ringByteLength, writeRing } from './wire-ring.ts'

export const chordCodec: Codec<ChordMessage> = {
  /** @throws LimitError  a message made here that no peer would accept; never for what came in */
  byteLength(message) {
    const length = frameLength(message)
    return varintLength(length) + length
  },
  typeOf: message => (isRing(message) ? message.type : routingTypeOf(message)),
  open: () => new ChordLinkCodec()
}

/** Fields of the `oneof`. */
const ROUTING_FIELD = 1
const FIRST_RING_FIELD = 2

const RING_FIELDS: ReadonlyMap<string, number> = new Map(
  RING_TYPES.map((type, index) => [type, index + FIRST_RING_FIELD])
)

const isRing = (message: ChordMessage): message is RingMessage => RING_FIELDS.has(message.type)

/** Of the frame without its length. */
function frameLength(message: ChordMessage): number {
  const body = isRing(message) ? ringByteLength(message) : routingByteLength(message)
  const length = bytesFieldLength(body)
  if (length <= FRAME_BYTES_MAX) return length
  throw new LimitError(
    'FRAME_BYTES_MAX',
    `A frame has at most ${FRAME_BYTES_MAX} bytes, and this ${message.type} has ${length}.`
  )
}

class ChordLinkCodec implements LinkCodec<ChordMessage> {
  readonly #frames = new FrameReader({ frameBytes: FRAME_BYTES_MAX, lengthBytes: FRAME_LENGTH_BYTES_MAX })

  get bufferedBytes(): number {
    return this.#frames.bufferedBytes
  }

  /** @throws LimitError  a message made here that no peer would accept */
  encode(message: ChordMessage): Uint8Array {
    const writer = writerOf().uint32(frameLength(message))
    if (isRing(message))
      writeEmbedded(writer, RING_FIELDS.get(message.type)!, () => writeRing(message, writer))
    else writeEmbedded(writer, ROUTING_FIELD, () => writeRouting(message, writer))
    return writer.finish()
  }

  /** @throws MalformedError  a frame is too long, or a message breaks its bounds; the link is of no more use */
  decode(chunk: Uint8Array, emit: (message: ChordMessage) => void): void {
    this.#frames.read(chunk, frame => {
      const message = readFrame(frame)
      if (message !== undefined) emit(message)
    })
  }
}

/** Nothing where the frame is of a kind that is not known. */
function readFrame(frame: Uint8Array): ChordMessage | undefined {
  const reader = readerOf(frame)
  let message: ChordMessage | undefined
  try {
    readFields(reader, frame.length, (field, wire) => {
      const type = RING_TYPES[field - FIRST_RING_FIELD]
      if (field !== ROUTING_FIELD && type === undefined) return false
      if (message !== undefined) throw new MalformedError('A frame holds one message.')
      message = readEmbedded(reader, wire, type ?? 'routing message', (inner, end) =>
        type === undefined ? readRouting(inner, end) : readRing(type, inner, end)
      )
      return true
    })
  } catch (error) {
    // What the runtime throws about bytes that end too early.
    throw error instanceof MalformedError ? error : new MalformedError((error as Error).message)
  }
  return message
}
