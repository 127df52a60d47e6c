/**
 * FastTrack's wire: frames of protobuf (`fasttrack.proto`). FastTrack's own was never published and lay under a cipher
 * whose keys went in clear; what its messages say is what these say.
 */
import { framedCodec } from '@servent/key-routing/machine'
import type { Codec } from '@servent/overlay/machine'
import { FRAME_BYTES_MAX, FRAME_LENGTH_BYTES_MAX } from './constants.ts'
import type { FastTrackMessage } from './messages.ts'
import { bodyLength, readBody, TYPES, writeBody } from './wire-messages.ts'

export const fasttrackCodec: Codec<FastTrackMessage> = framedCodec<FastTrackMessage>(
  { frameBytes: FRAME_BYTES_MAX, lengthBytes: FRAME_LENGTH_BYTES_MAX },
  {
    types: TYPES,
    byteLength: bodyLength,
    write: (message, writer) => writeBody(writer, message),
    read: readBody
  }
)
