/**
 * Kademlia's messages as bytes: the `Message` of libp2p's kad-dht (spec, "RPC messages"), each after its length as an
 * unsigned varint. `@libp2p/kad-dht` reads what is written here, and passes over the fields that are ours (`kad.proto`):
 * a link carries many requests, so each has an id, and a peer is asked for its files over the same link.
 */
import {
  bytesFieldLength,
  contactByteLength,
  FrameReader,
  ID_MAX,
  readBool,
  readContact,
  readEmbedded,
  readFields,
  readKey,
  readRecordInto,
  readVarint,
  recordsLength,
  type StoredRecord,
  varintFieldLength,
  varintLength,
  writeBytes,
  writeContact,
  writeEmbedded,
  writeRecords,
  writeVarint
} from '@servent/key-routing/machine'
import {
  type Codec,
  type Contact,
  type Key,
  LimitError,
  type LinkCodec,
  MalformedError
} from '@servent/overlay/machine'
import { type Reader, reader as readerOf, type Writer, writer as writerOf } from 'protons-runtime'
import { KEYS_PER_SEARCH_MAX } from './constants.ts'
import {
  CLOSER_PEERS_MAX,
  KAD_FRAME_BYTES_MAX,
  KAD_FRAME_LENGTH_BYTES_MAX,
  PROVIDERS_TOLD_BYTES_MAX,
  PROVIDERS_TOLD_MAX
} from './kad-wire-limits.ts'
import type { KademliaMessage } from './messages.ts'

/** Of `MessageType`; `FILES` is ours. */
const PUT_VALUE = 0
const GET_VALUE = 1
const ADD_PROVIDER = 2
const GET_PROVIDERS = 3
const FIND_NODE = 4
const PING = 5
const FILES = 6

const TYPE_TAG = 8
const TYPE_BYTES = 2

const NUMBERS: Readonly<Record<KademliaMessage['type'], number>> = {
  ping: PING,
  pong: PING,
  'find-node': FIND_NODE,
  'closer-peers': FIND_NODE,
  'get-providers': GET_PROVIDERS,
  providers: GET_PROVIDERS,
  'add-provider': ADD_PROVIDER,
  'get-value': GET_VALUE,
  'value-found': GET_VALUE,
  'put-value': PUT_VALUE,
  'value-put': PUT_VALUE,
  'files-question': FILES,
  'files-answer': FILES
}
const ANSWERS: ReadonlySet<KademliaMessage['type']> = new Set([
  'pong',
  'closer-peers',
  'providers',
  'value-found',
  'value-put',
  'files-answer'
])

/** The fields of a message, whatever its kind; what it has none of is empty. */
interface Fields {
  type: number
  key: Key | undefined
  records: readonly StoredRecord[]
  words: readonly Key[]
  more: boolean
  closer: readonly Contact[]
  providers: readonly Contact[]
  /** 0: none; otherwise one more than the id. */
  request: number
  answers: number
  client: boolean
  table: boolean
}

function fieldsOf(message: KademliaMessage): Fields {
  const isAnswer = ANSWERS.has(message.type)
  const id = 'id' in message ? message.id + 1 : 0
  return {
    type: NUMBERS[message.type],
    key: 'key' in message ? message.key : undefined,
    records: recordsOf(message),
    words: 'words' in message ? message.words : NONE,
    more: 'more' in message && message.more,
    closer: 'closer' in message ? message.closer : NONE,
    providers: providersOf(message),
    request: isAnswer ? 0 : id,
    answers: isAnswer ? id : 0,
    client: 'client' in message && message.client === true,
    table: 'purpose' in message && message.purpose === 'table'
  }
}

const NONE: readonly never[] = []

function recordsOf(message: KademliaMessage): readonly StoredRecord[] {
  if ('records' in message) return message.records
  return 'record' in message && message.record !== undefined ? [message.record] : NONE
}

function providersOf(message: KademliaMessage): readonly Contact[] {
  if ('providers' in message) return message.providers
  return message.type === 'add-provider' ? [message.provider] : NONE
}

function contactsLength(contacts: readonly Contact[]): number {
  let length = 0
  for (const contact of contacts) length += bytesFieldLength(contactByteLength(contact))
  return length
}

/** As many of the providers as one answer may hold. */
export function providersThatFit(contacts: readonly Contact[]): Contact[] {
  const fitting: Contact[] = []
  let bytes = 0
  for (const contact of contacts) {
    bytes += bytesFieldLength(contactByteLength(contact))
    if (fitting.length >= PROVIDERS_TOLD_MAX || bytes > PROVIDERS_TOLD_BYTES_MAX) break
    fitting.push(contact)
  }
  return fitting
}

/** Whether none was left out, as far as that can be told: one more as long as the longest of them would have had room. */
export function isWhole(contacts: readonly Contact[]): boolean {
  const lengths = contacts.map(contact => bytesFieldLength(contactByteLength(contact)))
  const bytes = lengths.reduce((sum, length) => sum + length, 0)
  return contacts.length < PROVIDERS_TOLD_MAX && bytes + Math.max(0, ...lengths) <= PROVIDERS_TOLD_BYTES_MAX
}

function frameLength(message: KademliaMessage): number {
  const fields = fieldsOf(message)
  const length =
    TYPE_BYTES +
    (fields.key === undefined ? 0 : bytesFieldLength(fields.key.length)) +
    recordsLength(fields.records) +
    fields.words.length * (fields.words.length === 0 ? 0 : bytesFieldLength(fields.words[0]!.length)) +
    (fields.more ? 2 : 0) +
    contactsLength(fields.closer) +
    contactsLength(fields.providers) +
    varintFieldLength(fields.request) +
    varintFieldLength(fields.answers) +
    (fields.client ? 2 : 0) +
    (fields.table ? 2 : 0)
  if (length <= KAD_FRAME_BYTES_MAX) return length
  throw new LimitError(
    'KAD_FRAME_BYTES_MAX',
    `A frame has at most ${KAD_FRAME_BYTES_MAX} bytes, and this ${message.type} has ${length}.`
  )
}

export const kademliaCodec: Codec<KademliaMessage> = {
  /** @throws LimitError  a message made here that no peer would accept; never for what came in */
  byteLength(message) {
    const length = frameLength(message)
    return varintLength(length) + length
  },
  typeOf: message => message.type,
  open: () => new KademliaLinkCodec()
}

class KademliaLinkCodec implements LinkCodec<KademliaMessage> {
  readonly #frames = new FrameReader({
    frameBytes: KAD_FRAME_BYTES_MAX,
    lengthBytes: KAD_FRAME_LENGTH_BYTES_MAX
  })

  get bufferedBytes(): number {
    return this.#frames.bufferedBytes
  }

  /** @throws LimitError  a message made here that no peer would accept */
  encode(message: KademliaMessage): Uint8Array {
    const writer = writerOf().uint32(frameLength(message))
    writeFields(writer, fieldsOf(message))
    return writer.finish()
  }

  /** @throws MalformedError  a frame is too long, or a message breaks its bounds; the link is of no more use */
  decode(chunk: Uint8Array, emit: (message: KademliaMessage) => void): void {
    this.#frames.read(chunk, frame => {
      const message = readMessage(frame)
      if (message !== undefined) emit(message)
    })
  }
}

function writeFields(writer: Writer, fields: Fields): void {
  writer.uint32(TYPE_TAG).uint32(fields.type)
  if (fields.key !== undefined) writeBytes(writer, 2, fields.key)
  writeRecords(writer, fields.type === FILES ? 5 : 3, fields.records)
  for (const word of fields.words) writeBytes(writer, 4, word)
  for (const contact of fields.closer) writeEmbedded(writer, 8, () => writeContact(writer, contact))
  for (const contact of fields.providers) writeEmbedded(writer, 9, () => writeContact(writer, contact))
  if (fields.more) writeVarint(writer, 11, 1)
  writeVarint(writer, 12, fields.request)
  writeVarint(writer, 13, fields.answers)
  if (fields.client) writeVarint(writer, 14, 1)
  if (fields.table) writeVarint(writer, 15, 1)
}

/** Nothing where it is of a kind that is not known. */
function readMessage(frame: Uint8Array): KademliaMessage | undefined {
  const reader = readerOf(frame)
  try {
    return messageOf(readAll(reader, frame.length))
  } catch (error) {
    // What the runtime throws about bytes that end too early.
    throw error instanceof MalformedError ? error : new MalformedError((error as Error).message)
  }
}

function readAll(reader: Reader, end: number): Fields {
  const records: StoredRecord[] = []
  const words: Key[] = []
  const closer: Contact[] = []
  const providers: Contact[] = []
  const fields = {
    type: PUT_VALUE,
    key: undefined as Key | undefined,
    more: false,
    request: 0,
    answers: 0,
    client: false,
    table: false
  }
  let recordBytes = 0
  let providerBytes = 0
  readFields(reader, end, (field, wire) => {
    switch (field) {
      case 1:
        fields.type = readVarint(reader, wire, 0xffff, 'type of message')
        break
      case 2:
        fields.key = readKey(reader, wire, 'key')
        break
      case 3:
      case 5:
        recordBytes = readRecordInto(reader, wire, records, recordBytes)
        break
      case 4:
        if (words.length === KEYS_PER_SEARCH_MAX) throw tooMany(KEYS_PER_SEARCH_MAX, 'words')
        words.push(readKey(reader, wire, 'word'))
        break
      case 8:
        if (closer.length === CLOSER_PEERS_MAX) throw tooMany(CLOSER_PEERS_MAX, 'closer peers')
        closer.push(readEmbedded(reader, wire, 'peer', readContact))
        break
      case 9: {
        if (providers.length === PROVIDERS_TOLD_MAX) throw tooMany(PROVIDERS_TOLD_MAX, 'providers')
        const before = reader.pos
        providers.push(readEmbedded(reader, wire, 'peer', readContact))
        // The tag before it has one byte.
        providerBytes += 1 + reader.pos - before
        if (providerBytes > PROVIDERS_TOLD_BYTES_MAX)
          throw tooMany(PROVIDERS_TOLD_BYTES_MAX, 'bytes of providers')
        break
      }
      case 11:
        fields.more = readBool(reader, wire, 'mark of more')
        break
      case 12:
        fields.request = readVarint(reader, wire, ID_MAX + 1, 'id')
        break
      case 13:
        fields.answers = readVarint(reader, wire, ID_MAX + 1, 'id')
        break
      case 14:
        fields.client = readBool(reader, wire, 'mark of a client')
        break
      case 15:
        fields.table = readBool(reader, wire, 'purpose')
        break
      default:
        return false
    }
    return true
  })
  return { ...fields, records, words, closer, providers }
}

function messageOf(fields: Fields): KademliaMessage | undefined {
  if (fields.request > 0 && fields.answers > 0)
    throw new MalformedError('A message is a request or an answer.')
  if (fields.answers > 0) return answerOf(fields, fields.answers - 1)
  if (fields.type === ADD_PROVIDER) {
    const [provider] = fields.providers
    if (provider === undefined || fields.providers.length > 1)
      throw new MalformedError('An ADD_PROVIDER has one provider, and its sender is it.')
    return { type: 'add-provider', key: keyIn(fields), provider }
  }
  if (fields.type > FILES) return undefined
  if (fields.request === 0) throw new MalformedError('A request has an id.')
  return requestOf(fields, fields.request - 1)
}

function requestOf(fields: Fields, id: number): KademliaMessage {
  const { type, records, words } = fields
  const mark = fields.client ? ({ client: true } as const) : {}
  const purpose = fields.table ? 'table' : 'user'
  if (type === PING) return { type: 'ping', id, ...mark }
  if (type === FIND_NODE) return { type: 'find-node', id, key: keyIn(fields), purpose, ...mark }
  if (type === GET_PROVIDERS) return { type: 'get-providers', id, key: keyIn(fields), purpose, ...mark }
  if (type === GET_VALUE) return { type: 'get-value', id, key: keyIn(fields), purpose, ...mark }
  if (type === FILES) {
    if (words.length === 0) throw new MalformedError('A question has words.')
    return { type: 'files-question', id, words, ...mark }
  }
  const record = oneOf(records)
  if (record?.kind !== 'value') throw new MalformedError('A PUT_VALUE has a value.')
  return { type: 'put-value', id, record, ...mark }
}

function answerOf(fields: Fields, id: number): KademliaMessage | undefined {
  const { type, closer, providers, records, more } = fields
  if (type === PING) return { type: 'pong', id }
  if (type === FIND_NODE) return { type: 'closer-peers', id, closer }
  if (type === GET_PROVIDERS) return { type: 'providers', id, closer, providers }
  if (type === FILES) return { type: 'files-answer', id, records, more }
  const record = oneOf(records)
  const kept = record === undefined ? {} : { record }
  if (type === GET_VALUE) return { type: 'value-found', id, closer, ...kept }
  if (type === PUT_VALUE) return { type: 'value-put', id, ...kept }
  return undefined
}

function oneOf(records: readonly StoredRecord[]): StoredRecord | undefined {
  if (records.length > 1) throw tooMany(1, 'values')
  return records[0]
}

function keyIn({ key }: Fields): Key {
  if (key === undefined) throw new MalformedError('The message has no key.')
  return key
}

const tooMany = (max: number, what: string): MalformedError =>
  new MalformedError(`A message has at most ${max} ${what}.`)
