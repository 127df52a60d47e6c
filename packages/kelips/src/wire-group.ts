/**
 * Kelips's own messages as protobuf (`kelips.proto`), written with the runtime of protons.
 */
import {
  bytesFieldLength,
  contactByteLength,
  fixed32FieldLength,
  type StoreOutcome,
  varintFieldLength,
  writeBytes,
  writeContact,
  writeEmbedded,
  writeFixed32,
  writeVarint
} from '@servent/key-routing/machine'
import { KEY_BYTES } from '@servent/overlay/machine'
import type { Writer } from 'protons-runtime'
import type { GroupMessage, Part, Want } from './messages.ts'
import {
  beatByteLength,
  lifeByteLength,
  tupleByteLength,
  writeBeat,
  writeLife,
  writeTuple
} from './wire-entries.ts'

export { beatByteLength, lifeByteLength, tupleByteLength } from './wire-entries.ts'

/** The order of their numbers in the `oneof`, from 2. */
export const GROUP_TYPES: readonly GroupMessage['type'][] = [
  'gossip',
  'join',
  'welcome',
  'state-request',
  'state',
  'find',
  'providers',
  'offer',
  'offered'
]

/** From 1. */
export const PARTS: readonly Part[] = ['members', 'contacts', 'tuples']
export const WANTS: readonly Want[] = ['provider', 'word', 'value', 'peer']
export const OUTCOMES: readonly StoreOutcome[] = [
  'kept',
  'few-copies',
  'older',
  'refused',
  'full',
  'busy',
  'not-root',
  'full-key',
  'full-publisher'
]

function sum<E>(entries: readonly E[], length: (entry: E) => number): number {
  let bytes = 0
  for (const entry of entries) bytes += length(entry)
  return bytes
}

/** Bytes of the message's fields. */
export function groupByteLength(message: GroupMessage): number {
  switch (message.type) {
    case 'gossip':
      return (
        varintFieldLength(message.level) +
        varintFieldLength(message.estimate) +
        sum(message.lives, lifeByteLength) +
        sum(message.beats, beatByteLength) +
        sum(message.tuples, tupleByteLength)
      )
    case 'join':
      return (
        fixed32FieldLength(message.id) +
        varintFieldLength(message.level) +
        varintFieldLength(message.heartbeatMs) +
        lifeByteLength(message.life)
      )
    case 'welcome':
      return (
        fixed32FieldLength(message.id) +
        varintFieldLength(message.level) +
        varintFieldLength(message.estimate) +
        varintFieldLength(message.heartbeatMs) +
        sum(message.lives, lifeByteLength)
      )
    case 'state-request':
      return (
        fixed32FieldLength(message.id) +
        2 +
        varintFieldLength(message.from) +
        varintFieldLength(message.level)
      )
    case 'state':
      return (
        fixed32FieldLength(message.id) +
        sum(message.lives, lifeByteLength) +
        sum(message.tuples, tupleByteLength) +
        varintFieldLength(message.next)
      )
    case 'find':
      return (
        fixed32FieldLength(message.id) +
        bytesFieldLength(KEY_BYTES) +
        2 +
        varintFieldLength(message.after) +
        varintFieldLength(message.ttl)
      )
    case 'providers':
      return (
        fixed32FieldLength(message.id) +
        (message.covers ? 2 : 0) +
        varintFieldLength(message.hops) +
        varintFieldLength(message.timeouts) +
        varintFieldLength(message.total) +
        sum(message.tuples, tupleByteLength) +
        sum(message.nearest, contact => bytesFieldLength(contactByteLength(contact)))
      )
    case 'offer':
      return (
        fixed32FieldLength(message.id) + lifeByteLength(message.life) + sum(message.tuples, tupleByteLength)
      )
    case 'offered':
      return (
        fixed32FieldLength(message.id) +
        (message.outcomes.length === 0 ? 0 : bytesFieldLength(message.outcomes.length)) +
        varintFieldLength(message.known) +
        varintFieldLength(message.refreshS)
      )
  }
}

/** Writes the message's fields. */
export function writeGroup(message: GroupMessage, writer: Writer): void {
  switch (message.type) {
    case 'gossip':
      writeVarint(writer, 1, message.level)
      writeVarint(writer, 2, message.estimate)
      for (const life of message.lives) writeLife(writer, 3, life)
      for (const beat of message.beats) writeBeat(writer, 4, beat)
      for (const tuple of message.tuples) writeTuple(writer, 5, tuple)
      return
    case 'join':
      writeFixed32(writer, 1, message.id)
      writeVarint(writer, 2, message.level)
      writeVarint(writer, 3, message.heartbeatMs)
      writeLife(writer, 4, message.life)
      return
    case 'welcome':
      writeFixed32(writer, 1, message.id)
      writeVarint(writer, 2, message.level)
      writeVarint(writer, 3, message.estimate)
      writeVarint(writer, 4, message.heartbeatMs)
      for (const life of message.lives) writeLife(writer, 5, life)
      return
    case 'state-request':
      writeFixed32(writer, 1, message.id)
      writeVarint(writer, 2, PARTS.indexOf(message.part) + 1)
      writeVarint(writer, 3, message.from)
      writeVarint(writer, 4, message.level)
      return
    case 'state':
      writeFixed32(writer, 1, message.id)
      for (const life of message.lives) writeLife(writer, 2, life)
      for (const tuple of message.tuples) writeTuple(writer, 3, tuple)
      writeVarint(writer, 4, message.next)
      return
    case 'find':
      writeFixed32(writer, 1, message.id)
      writeBytes(writer, 2, message.key)
      writeVarint(writer, 3, WANTS.indexOf(message.want) + 1)
      writeVarint(writer, 4, message.after)
      writeVarint(writer, 5, message.ttl)
      return
    case 'providers':
      writeFixed32(writer, 1, message.id)
      writeVarint(writer, 2, message.covers ? 1 : 0)
      writeVarint(writer, 3, message.hops)
      writeVarint(writer, 4, message.timeouts)
      writeVarint(writer, 5, message.total)
      for (const tuple of message.tuples) writeTuple(writer, 6, tuple)
      for (const contact of message.nearest) writeEmbedded(writer, 7, () => writeContact(writer, contact))
      return
    case 'offer':
      writeFixed32(writer, 1, message.id)
      writeLife(writer, 2, message.life)
      for (const tuple of message.tuples) writeTuple(writer, 3, tuple)
      return
    case 'offered':
      writeFixed32(writer, 1, message.id)
      writeBytes(
        writer,
        2,
        Uint8Array.from(message.outcomes, outcome => OUTCOMES.indexOf(outcome) + 1)
      )
      writeVarint(writer, 3, message.known)
      writeVarint(writer, 4, message.refreshS)
  }
}
