/** GUIDs of descriptors and servents. */
import { type RandomSource, randomBytes, toHex } from '@servent/overlay/machine'
import { GUID_BYTES } from './constants.ts'
import type { Guid } from './messages.ts'

/** Byte 8 of all ones and byte 15 of zeros mark a servent that is not of the first generation (draft 0.6, 2.2.1). */
const MODERN_AT = 8
const RESERVED_AT = 15

export function newGuid(source: RandomSource): Guid {
  const bytes = randomBytes(source, GUID_BYTES)
  bytes[MODERN_AT] = 0xff
  bytes[RESERVED_AT] = 0
  return toHex(bytes)
}
