/**
 * FastTrack's wire: a stream of frames, each a varint length and a message of protobuf (`fasttrack.proto`). FastTrack's own was
 * never published and lay under a cipher whose keys went in clear; what its messages say is what these say. A frame of
 * a kind that is not known is passed over; anything else that is not as it should be ends the link.
 */
import {
  bytesFieldLength,
  FrameReader,
  readEmbedded,
  readFields,
  varintLength,
  writeEmbedded
} from '@servent/key-routing/machine'
import { type Codec, LimitError, type LinkCodec, MalformedError } from '@servent/overlay/machine'
import { reader as readerOf, writer as writerOf } from 'protons-runtime'
import { FRAME_BYTES_MAX, FRAME_LENGTH_BYTES_MAX } from './constants.ts'
import type { FastTrackMessage } from './messages.ts'
import { bodyLength, readBody, TYPES, writeBody } from './wire-messages.ts'

export const fasttrackCodec: Codec<FastTrackMessage> = {
  /** @throws LimitError  a message made here that no peer would accept; never for what came in */
  byteLength(message) {
    const length = frameLength(message)
    return varintLength(length) + length
  },
  typeOf: message => message.type,
  open: () => new FastTrackLinkCodec()
}

const FIELD_OF: ReadonlyMap<string, number> = new Map(TYPES.map((type, place) => [type, place + 1]))

/** Of the frame without its length. */
function frameLength(message: FastTrackMessage): number {
  const length = bytesFieldLength(bodyLength(message))
  if (length <= FRAME_BYTES_MAX) return length
  throw new LimitError(
    'FRAME_BYTES_MAX',
    `A frame has at most ${FRAME_BYTES_MAX} bytes, and this ${message.type} has ${length}.`
  )
}

class FastTrackLinkCodec implements LinkCodec<FastTrackMessage> {
  readonly #frames = new FrameReader({ frameBytes: FRAME_BYTES_MAX, lengthBytes: FRAME_LENGTH_BYTES_MAX })

  get bufferedBytes(): number {
    return this.#frames.bufferedBytes
  }

  /** @throws LimitError  a message made here that no peer would accept */
  encode(message: FastTrackMessage): Uint8Array {
    const writer = writerOf().uint32(frameLength(message))
    writeEmbedded(writer, FIELD_OF.get(message.type)!, () => writeBody(writer, message))
    return writer.finish()
  }

  /** @throws MalformedError  a frame is too long, or a message breaks its bounds; the link is of no more use */
  decode(chunk: Uint8Array, emit: (message: FastTrackMessage) => void): void {
    this.#frames.read(chunk, frame => {
      const message = readFrame(frame)
      if (message !== undefined) emit(message)
    })
  }
}

/** Nothing where the frame is of a kind that is not known. */
function readFrame(frame: Uint8Array): FastTrackMessage | undefined {
  const reader = readerOf(frame)
  let message: FastTrackMessage | undefined
  try {
    readFields(reader, frame.length, (field, wire) => {
      const type = TYPES[field - 1]
      if (type === undefined) return false
      if (message !== undefined) throw new MalformedError('A frame holds one message.')
      message = readEmbedded(reader, wire, type, (inner, end) => readBody(type, inner, end))
      return true
    })
  } catch (error) {
    // What the runtime throws about bytes that end too early.
    throw error instanceof MalformedError ? error : new MalformedError((error as Error).message)
  }
  return message
}
