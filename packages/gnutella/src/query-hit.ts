/**
 * The QueryHit (Gnutella 0.6, 2.2.6): who has files, the files, and a trailer with the vendor's code, flags
 * and extensions before the servent's GUID.
 */
import { ByteReader, type ByteSink, LimitError, MalformedError, toHex } from '@servent/overlay/machine'
import { before, decodeText, writeHex } from './bytes.ts'
import { GUID_BYTES, HIT_RESULTS_MAX, XML_BYTES_MAX } from './constants.ts'
import { joinExtensions, sortExtensions } from './extension.ts'
import { GGEP_MAGIC, readGgep, writeGgep } from './ggep.ts'
import { readExtensions, writeExtensions } from './huge.ts'
import type { DescriptorHeader, GgepExtension, HitFlags, HitResult, QueryHitMessage } from './messages.ts'

const VENDOR_BYTES = 4
/** What the field of the size holds where `LF` tells the size. */
const SIZE_IN_EXTENSION = 0xffff_ffff
const GGEP_FLAG = 0x20
/** Of open data: two bytes of flags, and the length of XML where there is some. */
const FLAG_BYTES = 2
const FLAG_AND_XML_BYTES = 4
const NOTHING = new Uint8Array(0)

type HitFlag = keyof HitFlags

/** The first byte enables a flag and the second one sets it, but for push, where it is the other way round. */
const FLAGS: readonly { readonly name: HitFlag; readonly bit: number; readonly reversed: boolean }[] = [
  { name: 'push', bit: 0x01, reversed: true },
  { name: 'busy', bit: 0x04, reversed: false },
  { name: 'uploaded', bit: 0x08, reversed: false },
  { name: 'measuredSpeed', bit: 0x10, reversed: false }
]

/** @throws MalformedError  a field, a result or an extension breaks the format or a bound */
export function readQueryHit(header: DescriptorHeader, payload: Uint8Array): QueryHitMessage {
  const reader = new ByteReader(payload, 0, Math.max(0, payload.length - GUID_BYTES))
  const count = reader.u8()
  const port = reader.u16()
  const ipv4 = reader.u32BigEndian()
  const speed = reader.u32()
  const results = Array.from({ length: count }, () => readResult(reader))
  const trailer = reader.left === 0 ? { vendor: '', flags: {}, ggep: [] } : readTrailer(reader)
  const servent = toHex(payload.subarray(reader.end))
  return { type: 'query-hit', ...header, ipv4, port, speed, results, ...trailer, servent }
}

function readResult(reader: ByteReader): HitResult {
  const index = reader.u32()
  const field = reader.u32()
  const name = decodeText(reader.untilNul())
  const { urns, ggep } = readExtensions(new ByteReader(reader.untilNul()))
  const { size = field, ...rest } = sortExtensions(ggep, ['size', 'record', 'abridged'])
  return { index, size, name, urns, ...rest }
}

type Trailer = Pick<QueryHitMessage, 'vendor' | 'flags' | 'contact' | 'proxies' | 'ggep' | 'xml'>

function readTrailer(reader: ByteReader): Trailer {
  const vendor = String.fromCharCode(...reader.take(VENDOR_BYTES))
  const open = new ByteReader(reader.take(reader.u8()))
  const [first, second] = open.left < FLAG_BYTES ? [0, 0] : [open.u8(), open.u8()]
  const xmlBytes = open.left < FLAG_AND_XML_BYTES - FLAG_BYTES ? 0 : open.u16()
  // The private area: XML is its last bytes, GGEP begins at its first 0xC3, the rest is the vendor's.
  const area = new ByteReader(reader.take(reader.left))
  if (xmlBytes > area.left) throw new MalformedError('its XML is longer than its private area')
  const xml = area.source.subarray(area.end - xmlBytes)
  const found: GgepExtension[] = []
  if ((first & second & GGEP_FLAG) !== 0)
    readPrivate(new ByteReader(area.source, 0, area.end - xmlBytes), found)
  const trailer = {
    vendor,
    flags: readFlags(first, second),
    ...sortExtensions(found, ['contact', 'proxies'])
  }
  return xmlBytes === 0 ? trailer : { ...trailer, xml }
}

function readPrivate(area: ByteReader, found: GgepExtension[]): void {
  const magic = area.source.indexOf(GGEP_MAGIC)
  area.at = magic < 0 ? area.end : magic
  while (area.left > 0 && area.source[area.at] === GGEP_MAGIC) readGgep(area, found)
}

function readFlags(first: number, second: number): HitFlags {
  const flags: { [name in HitFlag]?: boolean } = {}
  for (const { name, bit, reversed } of FLAGS) {
    const [enabler, setter] = reversed ? [second, first] : [first, second]
    if ((enabler & bit) !== 0) flags[name] = (setter & bit) !== 0
  }
  return flags
}

/** @throws LimitError  what no peer would accept */
export function writeQueryHit(sink: ByteSink, message: QueryHitMessage): void {
  const { results } = message
  if (results.length > HIT_RESULTS_MAX) {
    throw new LimitError(
      'HIT_RESULTS_MAX',
      `A hit has at most ${HIT_RESULTS_MAX} results, not ${results.length}.`
    )
  }
  sink.u8(results.length)
  sink.u16(message.port)
  sink.u32BigEndian(message.ipv4)
  sink.u32(message.speed)
  for (const result of results) writeResult(sink, result)
  if (message.vendor !== '') writeTrailer(sink, message)
  writeHex(sink, message.servent)
}

function writeResult(sink: ByteSink, { index, size, name, urns, record, abridged, ggep }: HitResult): void {
  const large = size >= SIZE_IN_EXTENSION
  sink.u32(index)
  sink.u32(large ? SIZE_IN_EXTENSION : size)
  sink.plain(before(name, /\0/))
  sink.u8(0)
  writeExtensions(
    sink,
    { urns, ggep: joinExtensions({ size: large ? size : undefined, record, abridged, ggep }) },
    'nul-free'
  )
  sink.u8(0)
}

function writeTrailer(sink: ByteSink, trailer: Trailer): void {
  const { vendor, flags, contact, proxies, ggep, xml = NOTHING } = trailer
  const extensions = joinExtensions({ contact, proxies, ggep })
  if (xml.length > XML_BYTES_MAX)
    throw new LimitError(
      'XML_BYTES_MAX',
      `The XML of a hit has at most ${XML_BYTES_MAX} bytes, not ${xml.length}.`
    )
  for (let at = 0; at < VENDOR_BYTES; at += 1) sink.u8(vendor.charCodeAt(at))
  sink.u8(xml.length === 0 ? FLAG_BYTES : FLAG_AND_XML_BYTES)
  writeFlags(sink, flags, extensions.length > 0)
  if (xml.length > 0) sink.u16(xml.length)
  writeGgep(sink, extensions, 'plain')
  sink.raw(xml)
}

function writeFlags(sink: ByteSink, flags: HitFlags, hasGgep: boolean): void {
  let first = hasGgep ? GGEP_FLAG : 0
  let second = first
  for (const { name, bit, reversed } of FLAGS) {
    const value = flags[name]
    if (value === undefined) continue
    if (value || !reversed) first |= bit
    if (value || reversed) second |= bit
  }
  sink.u8(first)
  sink.u8(second)
}
