/**
 * Chord's wire: frames of protobuf (`chord.proto`). Ours alone, since Chord was never published as a protocol with
 * a wire.
 */
import { routedCodec } from '@servent/key-routing/machine'
import type { Codec } from '@servent/overlay/machine'
import type { ChordMessage, RingMessage } from './messages.ts'
import { FRAME_BYTES_MAX, FRAME_LENGTH_BYTES_MAX } from './wire-limits.ts'
import { RING_TYPES, readRing, ringByteLength, writeRing } from './wire-ring.ts'

export const chordCodec: Codec<ChordMessage> = routedCodec<RingMessage>(
  { frameBytes: FRAME_BYTES_MAX, lengthBytes: FRAME_LENGTH_BYTES_MAX },
  { types: RING_TYPES, byteLength: ringByteLength, write: writeRing, read: readRing }
)
