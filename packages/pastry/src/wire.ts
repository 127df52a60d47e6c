/**
 * Pastry's wire: frames of protobuf (`pastry.proto`). Ours alone, since Pastry was never published as a protocol with
 * a wire.
 */
import { routedCodec } from '@servent/key-routing/machine'
import type { Codec } from '@servent/overlay/machine'
import type { NodeMessage, PastryMessage } from './messages.ts'
import { FRAME_BYTES_MAX, FRAME_LENGTH_BYTES_MAX } from './wire-limits.ts'
import { NODE_TYPES, nodeByteLength, readNode, writeNode } from './wire-node.ts'

export const pastryCodec: Codec<PastryMessage> = routedCodec<NodeMessage>(
  { frameBytes: FRAME_BYTES_MAX, lengthBytes: FRAME_LENGTH_BYTES_MAX },
  { types: NODE_TYPES, byteLength: nodeByteLength, write: writeNode, read: readNode }
)
