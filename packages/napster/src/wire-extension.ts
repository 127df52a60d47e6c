/**
 * Messages of ours, numbered from 20000: what OpenNap has no place for. Their bodies are binary. Integers are
 * little-endian, as the header's; `text` is UTF-8 with its length before it in 16 bits, `bytes` likewise;
 * `n × …` has its count before it in 8 bits. A `contact` is the multihash of a PeerId (bytes) and n ×
 * multiaddrs in binary form (bytes). The numbers are OpenNap's for nobody, so a server of another maker
 * answers them with an error, which a client of ours takes for what it is.
 *
 * | type | name | from, to | body |
 * |------|------|----------|------|
 * | 20000 | hello | each side, first | version u8, flags u8 (1: a server), agent text, n × multiaddr, n × contact of linked servers |
 * | 20001 | share-records | client | batch u32, n × (index u32, signed record bytes) |
 * | 20002 | unshare-records | client | batch u32, n × index u32 |
 * | 20003 | share-ack | server | batch u32, n × (place in the batch u8, reason u8: 0 later, 1 unsound, 2 full) of those refused |
 * | 20004 | announce-again | server | nothing: its index lost what the client announced |
 * | 20005 | find | client | query u32, wanted |
 * | 20006 | found | server | query u32, hops u8, result |
 * | 20007 | found-end | server | query u32, n × PeerId of servers that did not answer, reason text |
 * | 20008 | browse-page | client | query u32, user text (nick or PeerId), after text |
 * | 20009 | browse-page-end | server | query u32, next text, reason text; `found` come before |
 * | 20010 | relay | any | kind u8 (0 ping, 1 pong, 2 call), ttl u8, to bytes, from contact, token 16 bytes, index u32 |
 * | 20020 | mesh-find | server to server | id 16 bytes, ttl u8, wait u16 ms, n × PeerId asked already, wanted |
 * | 20021 | mesh-found | back | id 16 bytes, hops u8, result |
 * | 20022 | mesh-end | back | id 16 bytes, n × PeerId of servers that did not answer |
 *
 * `wanted` is what a query looks for: n × word text, n × word text that must not be there, media type text,
 * six bounds (least and most of size, link speed and bitrate; u64, where 2^53 - 1 says that there is none),
 * content bytes (32, or none), limit u16. Words are tokens of `@servent/overlay` cut by whoever asks.
 *
 * A `result` is: nick text, link speed u8, flags u8 (1: nobody can call it), contact, entry bytes. An `entry` is
 * what a server's index keeps of a file: index u32, name text, size u64, md5 text, bitrate u32, frequency u32,
 * seconds u32, signed record bytes (none where a program of another maker shares it). It is made by the server
 * that the sharer is logged in at, from the record that it verified; whoever asked verifies the record again.
 */
import {
  ADDRESS_BYTES_MAX,
  CONTACT_ADDRESSES_MAX,
  type Contact,
  MalformedError,
  MEDIA_TYPE_BYTES_MAX,
  PEER_ID_BYTES_MAX,
  QUERY_RESULTS_MAX,
  QUERY_WORDS_MAX,
  SEALED_RECORD_BYTES_MAX
} from '@servent/overlay/machine'
import { Reader, type Sink } from './bytes.ts'
import {
  BATCH_FILES_MAX,
  FILE_NAME_BYTES_MAX,
  LINK_SPEED_MAX,
  QUERY_ID_BYTES,
  SERVERS_NAMED_MAX,
  TEXT_BYTES_MAX,
  WORD_BYTES_MAX
} from './constants.ts'
import type {
  Bounds,
  Entry,
  ExtensionMessage,
  Found,
  RefusedFile,
  RelayKind,
  ShareRefusal,
  Wanted
} from './messages.ts'

export const EXTENSION_CODES: Readonly<Record<ExtensionMessage['type'], number>> = {
  hello: 20_000,
  'share-records': 20_001,
  'unshare-records': 20_002,
  'share-ack': 20_003,
  'announce-again': 20_004,
  find: 20_005,
  found: 20_006,
  'found-end': 20_007,
  'browse-page': 20_008,
  'browse-page-end': 20_009,
  relay: 20_010,
  'mesh-find': 20_020,
  'mesh-found': 20_021,
  'mesh-end': 20_022
}

const BY_CODE: ReadonlyMap<number, ExtensionMessage['type']> = new Map(
  Object.entries(EXTENSION_CODES).map(([type, code]) => [code, type as ExtensionMessage['type']])
)

const REFUSALS: readonly ShareRefusal[] = ['later', 'unsound', 'full']
const KINDS: readonly RelayKind[] = ['ping', 'pong', 'call']
const CONTENT_BYTES = 32
const NO_BOUND = Number.MAX_SAFE_INTEGER
/** An entry without its record and name. */
const ENTRY_BYTES_MAX = SEALED_RECORD_BYTES_MAX + FILE_NAME_BYTES_MAX + 128
const MD5_CHARACTERS_MAX = 64

export function writeExtension(sink: Sink, message: ExtensionMessage): void {
  switch (message.type) {
    case 'hello':
      sink.u8(message.version)
      sink.u8(message.server ? 1 : 0)
      sink.text(message.agent)
      writeList(sink, message.addresses, address => sink.bytes(address))
      writeList(sink, message.servers, server => writeContact(sink, server))
      break
    case 'share-records':
      sink.u32(message.batch)
      writeList(sink, message.files, ({ index, record }) => {
        sink.u32(index)
        sink.bytes(record)
      })
      break
    case 'unshare-records':
      sink.u32(message.batch)
      writeList(sink, message.indexes, index => sink.u32(index))
      break
    case 'share-ack':
      sink.u32(message.batch)
      writeList(sink, message.refused, ({ place, reason }) => {
        sink.u8(place)
        sink.u8(REFUSALS.indexOf(reason))
      })
      break
    case 'announce-again':
      break
    case 'find':
      sink.u32(message.query)
      writeWanted(sink, message.wanted)
      break
    case 'found':
      sink.u32(message.query)
      sink.u8(message.hops)
      writeFound(sink, message.found)
      break
    case 'found-end':
      sink.u32(message.query)
      writeList(sink, message.unanswered, id => sink.bytes(id))
      sink.text(message.reason)
      break
    case 'browse-page':
      sink.u32(message.query)
      sink.text(message.user)
      sink.text(message.after)
      break
    case 'browse-page-end':
      sink.u32(message.query)
      sink.text(message.next)
      sink.text(message.reason)
      break
    case 'relay':
      sink.u8(KINDS.indexOf(message.kind))
      sink.u8(message.ttl)
      sink.bytes(message.to)
      writeContact(sink, message.from)
      sink.raw(message.token)
      sink.u32(message.index)
      break
    case 'mesh-find':
      sink.raw(message.id)
      sink.u8(message.ttl)
      sink.u16(message.waitMs)
      writeList(sink, message.asked, id => sink.bytes(id))
      writeWanted(sink, message.wanted)
      break
    case 'mesh-found':
      sink.raw(message.id)
      sink.u8(message.hops)
      writeFound(sink, message.found)
      break
    case 'mesh-end':
      sink.raw(message.id)
      writeList(sink, message.unanswered, id => sink.bytes(id))
      break
  }
}

/** @throws MalformedError  the body breaks its format. Nothing comes back where the number is none of these. */
export function readExtension(code: number, body: Uint8Array): ExtensionMessage | undefined {
  const type = BY_CODE.get(code)
  if (type === undefined) return undefined
  const reader = new Reader(body)
  const message = readBody(type, reader)
  reader.done()
  return message
}

function readBody(type: ExtensionMessage['type'], reader: Reader): ExtensionMessage {
  switch (type) {
    case 'hello':
      return {
        type,
        version: reader.u8(),
        server: (reader.u8() & 1) === 1,
        agent: reader.text(TEXT_BYTES_MAX),
        addresses: readAddresses(reader),
        servers: readList(reader, SERVERS_NAMED_MAX, () => readContact(reader))
      }
    case 'share-records':
      return {
        type,
        batch: reader.u32(),
        files: readList(reader, BATCH_FILES_MAX, () => ({
          index: reader.u32(),
          record: reader.bytes(SEALED_RECORD_BYTES_MAX)
        }))
      }
    case 'unshare-records':
      return { type, batch: reader.u32(), indexes: readList(reader, BATCH_FILES_MAX, () => reader.u32()) }
    case 'share-ack':
      return { type, batch: reader.u32(), refused: readRefused(reader) }
    case 'announce-again':
      return { type }
    case 'find':
      return { type, query: reader.u32(), wanted: readWanted(reader) }
    case 'found':
      return { type, query: reader.u32(), hops: reader.u8(), found: readFound(reader) }
    case 'found-end':
      return { type, query: reader.u32(), unanswered: readIds(reader), reason: reader.text(TEXT_BYTES_MAX) }
    case 'browse-page':
      return {
        type,
        query: reader.u32(),
        user: reader.text(TEXT_BYTES_MAX),
        after: readKey(reader)
      }
    case 'browse-page-end':
      return {
        type,
        query: reader.u32(),
        next: readKey(reader),
        reason: reader.text(TEXT_BYTES_MAX)
      }
    case 'relay':
      return {
        type,
        kind: readOne(reader, KINDS),
        ttl: reader.u8(),
        to: reader.bytes(PEER_ID_BYTES_MAX),
        from: readContact(reader),
        token: reader.raw(QUERY_ID_BYTES),
        index: reader.u32()
      }
    case 'mesh-find':
      return {
        type,
        id: reader.raw(QUERY_ID_BYTES),
        ttl: reader.u8(),
        waitMs: reader.u16(),
        asked: readIds(reader),
        wanted: readWanted(reader)
      }
    case 'mesh-found':
      return { type, id: reader.raw(QUERY_ID_BYTES), hops: reader.u8(), found: readFound(reader) }
    case 'mesh-end':
      return { type, id: reader.raw(QUERY_ID_BYTES), unanswered: readIds(reader) }
  }
}

/** Each place once, and none that no batch has. */
function readRefused(reader: Reader): RefusedFile[] {
  let last = -1
  return readList(reader, BATCH_FILES_MAX, () => {
    const place = reader.u8()
    if (place <= last || place >= BATCH_FILES_MAX) throw new MalformedError('places are not in their order')
    last = place
    return { place, reason: readOne(reader, REFUSALS) }
  })
}

export function writeEntry(sink: Sink, entry: Entry): void {
  sink.u32(entry.index)
  sink.text(entry.name)
  sink.u64(entry.size)
  sink.text(entry.md5)
  sink.u32(entry.bitrate)
  sink.u32(entry.frequency)
  sink.u32(entry.seconds)
  sink.bytes(entry.record)
}

/** @throws MalformedError  these bytes are no entry */
export function readEntry(bytes: Uint8Array): Entry {
  const reader = new Reader(bytes)
  const entry = {
    index: reader.u32(),
    name: reader.text(FILE_NAME_BYTES_MAX),
    size: reader.u64(),
    md5: reader.text(MD5_CHARACTERS_MAX),
    bitrate: reader.u32(),
    frequency: reader.u32(),
    seconds: reader.u32(),
    record: reader.bytes(SEALED_RECORD_BYTES_MAX)
  }
  reader.done()
  return entry
}

function writeFound(sink: Sink, { nick, link, firewalled, contact, entry }: Found): void {
  sink.text(nick)
  sink.u8(link)
  sink.u8(firewalled ? 1 : 0)
  writeContact(sink, contact)
  sink.bytes(entry)
}

function readFound(reader: Reader): Found {
  return {
    nick: reader.text(TEXT_BYTES_MAX),
    link: Math.min(reader.u8(), LINK_SPEED_MAX),
    firewalled: (reader.u8() & 1) === 1,
    contact: readContact(reader),
    entry: reader.bytes(ENTRY_BYTES_MAX)
  }
}

function writeWanted(sink: Sink, wanted: Wanted): void {
  writeList(sink, wanted.words, word => sink.text(word))
  writeList(sink, wanted.without, word => sink.text(word))
  sink.text(wanted.mediaType)
  for (const { min, max } of [wanted.size, wanted.link, wanted.bitrate]) {
    sink.u64(min ?? NO_BOUND)
    sink.u64(max ?? NO_BOUND)
  }
  sink.bytes(wanted.content ?? new Uint8Array())
  sink.u16(wanted.limit)
}

function readWanted(reader: Reader): Wanted {
  const words = readList(reader, QUERY_WORDS_MAX, () => readWord(reader))
  const without = readList(reader, QUERY_WORDS_MAX, () => readWord(reader))
  const mediaType = reader.text(MEDIA_TYPE_BYTES_MAX)
  const [size, link, bitrate] = [readBounds(reader), readBounds(reader), readBounds(reader)]
  const content = reader.bytes(CONTENT_BYTES)
  if (content.length !== 0 && content.length !== CONTENT_BYTES)
    throw new MalformedError('a content id has 32 bytes')
  if (content.length === 0 && words.length === 0) throw new MalformedError('there is nothing to look for')
  const limit = reader.u16()
  if (limit < 1 || limit > QUERY_RESULTS_MAX) throw new MalformedError('a limit is out of its range')
  const wanted = { words, without, mediaType, size, link, bitrate, limit }
  return content.length === 0 ? wanted : { ...wanted, content }
}

/** No index takes another. */
function readWord(reader: Reader): string {
  const word = reader.text(WORD_BYTES_MAX)
  if (!/^[^\s\p{Cc}]+$/u.test(word)) throw new MalformedError('a word is empty, or has spaces in it')
  return word
}

/** Of a key of an index; empty for the first page. */
function readKey(reader: Reader): string {
  const key = reader.text(FILE_NAME_BYTES_MAX + 1)
  if (/\p{Cc}/u.test(key)) throw new MalformedError('a key has control characters')
  return key
}

function readBounds(reader: Reader): Bounds {
  const [min, max] = [reader.u64(), reader.u64()]
  return { ...(min === NO_BOUND ? {} : { min }), ...(max === NO_BOUND ? {} : { max }) }
}

function writeContact(sink: Sink, { id, addresses }: Contact): void {
  sink.bytes(id)
  writeList(sink, addresses, address => sink.bytes(address))
}

function readContact(reader: Reader): Contact {
  return { id: reader.bytes(PEER_ID_BYTES_MAX), addresses: readAddresses(reader) }
}

const readAddresses = (reader: Reader): Uint8Array[] =>
  readList(reader, CONTACT_ADDRESSES_MAX, () => reader.bytes(ADDRESS_BYTES_MAX))

const readIds = (reader: Reader): Uint8Array[] =>
  readList(reader, SERVERS_NAMED_MAX, () => reader.bytes(PEER_ID_BYTES_MAX))

function writeList<Item>(sink: Sink, items: readonly Item[], write: (item: Item) => void): void {
  sink.u8(items.length)
  for (const item of items) write(item)
}

function readList<Item>(reader: Reader, most: number, read: () => Item): Item[] {
  return Array.from({ length: reader.count(most) }, read)
}

function readOne<Value>(reader: Reader, values: readonly Value[]): Value {
  const value = values[reader.u8()]
  if (value === undefined) throw new MalformedError('a kind is not known')
  return value
}
