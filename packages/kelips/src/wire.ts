/**
 * Kelips's wire: frames of protobuf (`kelips.proto`). Ours alone, since the paper says what goes over the wire and not
 * how.
 */
import { routedCodec } from '@servent/key-routing/machine'
import type { Codec } from '@servent/overlay/machine'
import type { GroupMessage, KelipsMessage } from './messages.ts'
import { GROUP_TYPES, groupByteLength, writeGroup } from './wire-group.ts'
import { readGroup } from './wire-group-read.ts'
import { FRAME_BYTES_MAX, FRAME_LENGTH_BYTES_MAX } from './wire-limits.ts'

export const kelipsCodec: Codec<KelipsMessage> = routedCodec<GroupMessage>(
  { frameBytes: FRAME_BYTES_MAX, lengthBytes: FRAME_LENGTH_BYTES_MAX },
  { types: GROUP_TYPES, byteLength: groupByteLength, write: writeGroup, read: readGroup }
)
