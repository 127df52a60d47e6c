/**
 * Route table updates on the wire (QRP, "Gnutella Protocol Changes"): descriptor 0x30, of which the first byte is
 * the variant. Other variants may be defined some day; they are passed over.
 */
import { type ByteReader, type ByteSink, MalformedError } from '@servent/overlay/machine'
import type { DescriptorHeader, RouteTablePatchMessage, RouteTableResetMessage } from './messages.ts'
import { ROUTE_TABLE_PATCH, ROUTE_TABLE_RESET, TABLE_BITS_MAX } from './tier-constants.ts'

const ENTRY_BITS: readonly number[] = [1, 2, 4, 8]
const COMPRESSORS: readonly number[] = [0, 1]

/** @throws MalformedError  a field that no table can have */
export function readRouteTable(
  reader: ByteReader,
  header: DescriptorHeader
): RouteTableResetMessage | RouteTablePatchMessage | undefined {
  const variant = reader.u8()
  if (variant === ROUTE_TABLE_RESET) return readReset(reader, header)
  return variant === ROUTE_TABLE_PATCH ? readPatch(reader, header) : undefined
}

function readReset(reader: ByteReader, header: DescriptorHeader): RouteTableResetMessage {
  const slots = reader.u32()
  const infinity = reader.u8()
  const bits = Math.log2(slots)
  if (!Number.isInteger(bits) || bits < 1 || bits > TABLE_BITS_MAX)
    throw new MalformedError(`a route table has 2 to 2^${TABLE_BITS_MAX} slots, a power of two`)
  return { type: 'table-reset', ...header, bits, infinity }
}

function readPatch(reader: ByteReader, header: DescriptorHeader): RouteTablePatchMessage {
  const number = reader.u8()
  const count = reader.u8()
  const compressor = reader.u8()
  const entryBits = reader.u8()
  if (number === 0 || number > count) throw new MalformedError('a message of a patch has no place in it')
  if (!COMPRESSORS.includes(compressor)) throw new MalformedError('nobody knows how a patch is compressed')
  if (!ENTRY_BITS.includes(entryBits)) throw new MalformedError('an entry of a patch has 1, 2, 4 or 8 bits')
  const data = reader.take(reader.left)
  return { type: 'table-patch', ...header, number, count, compressed: compressor === 1, entryBits, data }
}

export function writeReset(sink: ByteSink, { bits, infinity }: RouteTableResetMessage): void {
  sink.u8(ROUTE_TABLE_RESET)
  sink.u32(2 ** bits)
  sink.u8(infinity)
}

export function writePatch(sink: ByteSink, message: RouteTablePatchMessage): void {
  sink.u8(ROUTE_TABLE_PATCH)
  sink.u8(message.number)
  sink.u8(message.count)
  sink.u8(message.compressed ? 1 : 0)
  sink.u8(message.entryBits)
  sink.raw(message.data)
}
