/**
 * Vendor messages (0x31; draft 0.6, 2.2.8): four characters that name who made the message up, a selector and a version
 * of 16 bits each, little-endian, and what that version of it says.
 */
import { ByteReader, StoringSink } from '@servent/overlay/machine'
import { decodeText } from './bytes.ts'
import { VENDOR_MESSAGE } from './constants.ts'
import type { DescriptorHeader, OtherMessage } from './messages.ts'

const VENDOR_CHARACTERS = 4
const PREFIX_BYTES = VENDOR_CHARACTERS + 2 + 2

export interface VendorMessage {
  readonly vendor: string
  readonly selector: number
  readonly version: number
  readonly data: Uint8Array
}

export function vendorMessage(
  { guid, ttl }: Pick<DescriptorHeader, 'guid' | 'ttl'>,
  { vendor, selector, version, data }: VendorMessage
): OtherMessage {
  const sink = new StoringSink(PREFIX_BYTES + data.length)
  sink.plain(vendor)
  sink.u16(selector)
  sink.u16(version)
  sink.raw(data)
  return { type: 'other', descriptor: VENDOR_MESSAGE, guid, ttl, hops: 0, payload: sink.stored }
}

/** Nothing: a message of another kind, or too short to be one. */
export function vendorMessageOf({ descriptor, payload }: OtherMessage): VendorMessage | undefined {
  if (descriptor !== VENDOR_MESSAGE || payload.length < PREFIX_BYTES) return undefined
  const reader = new ByteReader(payload)
  return {
    vendor: decodeText(reader.take(VENDOR_CHARACTERS)),
    selector: reader.u16(),
    version: reader.u16(),
    data: reader.take(reader.left)
  }
}
