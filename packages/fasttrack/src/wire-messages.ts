/** The fields of every message, as `fasttrack.proto` has them, each with its bound. */
import {
  ADDRESS_BYTES_MAX,
  CONTACT_ADDRESSES_MAX,
  CONTENT_SIZE_BYTES_MAX,
  isTagName,
  KEY_BYTES,
  MalformedError,
  MEDIA_TYPE_BYTES_MAX,
  PEER_ID_BYTES_MAX,
  QUERY_RESULTS_MAX,
  QUERY_WORDS_MAX,
  SEALED_RECORD_BYTES_MAX,
  TAG_NAME_BYTES_MAX
} from '@servent/overlay/machine'
import {
  HEIRS_MAX,
  HOPS_MAX,
  LOAD_MAX,
  PUSH_NONCE_BYTES,
  QUERY_ID_BYTES,
  QUERY_WORD_BYTES_MAX,
  RESULTS_PER_MESSAGE_MAX,
  SAID_MAX,
  SHARE_FILES_MAX,
  SUPERNODES_MAX,
  SUPERNODES_PER_MESSAGE_MAX,
  TARGETS_MAX,
  TERM_TEXT_BYTES_MAX,
  TERMS_MAX
} from './constants.ts'
import {
  type FastTrackMessage,
  type QueryMessage,
  REFUSALS,
  type SupernodeEntry,
  type Term,
  type UploadedFile,
  type Wanting
} from './messages.ts'
import { COMPARE_NUMBERS, COMPARES, TAG_NAMES, TAG_NUMBERS } from './tags.ts'
import {
  choice,
  contact,
  embedded,
  exactBytes,
  type Fields,
  fieldsLength,
  flag,
  hex,
  type Kind,
  list,
  number,
  packedChoices,
  packedNumbers,
  readAll,
  someBytes,
  text,
  writeAll
} from './wire-fields.ts'

type Body<Type extends FastTrackMessage['type']> = Omit<FastTrackMessage & { type: Type }, 'type'>

const NUMBER_32_MAX = 2 ** 32 - 1
const WANTINGS: readonly Wanting[] = ['probe', 'session', 'spare', 'peering']

const wants = choice(WANTINGS)
const load = number(LOAD_MAX)
const said = number(SAID_MAX)
const index = number(NUMBER_32_MAX)
const record = someBytes(SEALED_RECORD_BYTES_MAX)
const hops = number(HOPS_MAX)
const uploaded: Fields<UploadedFile> = { index: [1, index], record: [2, record] }
export const entry: Fields<SupernodeEntry> = { contact: [1, contact], users: [2, load], seenS: [3, said] }
const words = list(nonEmpty(text(QUERY_WORD_BYTES_MAX)), QUERY_WORDS_MAX)

/** As it stands on the wire. */
interface WireTerm {
  readonly compare: number
  readonly tag: number
  readonly name: string
  readonly text: string
  readonly number: number
}

const wireTerm: Fields<WireTerm> = {
  compare: [1, number(0x05)],
  tag: [2, number(0xff)],
  name: [3, text(TAG_NAME_BYTES_MAX)],
  text: [4, text(TERM_TEXT_BYTES_MAX)],
  number: [5, number(CONTENT_SIZE_BYTES_MAX)]
}

/** A published number, where the tag has one; a text, or a number where there is none. */
const term: Kind<Term> = {
  length: value => embedded(wireTerm).length(toWire(value)),
  write: (writer, field, value) => embedded(wireTerm).write(writer, field, toWire(value)),
  read: (reader, wire, _before, what) => fromWire(embedded(wireTerm).read(reader, wire, undefined, what)),
  absent: what => embedded(wireTerm).absent(what) as never
}

function toWire({ compare, tag, value }: Term): WireTerm {
  const published = TAG_NUMBERS.get(tag)
  return {
    compare: COMPARE_NUMBERS.get(compare)!,
    tag: published ?? 0,
    name: published === undefined ? tag : '',
    text: typeof value === 'string' ? value : '',
    number: typeof value === 'number' ? value : 0
  }
}

function fromWire(wire: WireTerm): Term {
  const compare = COMPARES.get(wire.compare)
  const tag = wire.tag === 0 ? wire.name : TAG_NAMES.get(wire.tag)
  if (compare === undefined || tag === undefined || !isTagName(tag))
    throw new MalformedError('A term compares by what is not known, or no tag.')
  return { compare, tag, value: wire.text === '' ? wire.number : wire.text }
}

function nonEmpty(kind: Kind<string>): Kind<string> {
  return {
    ...kind,
    read: (reader, wire, before, what) => {
      const value = kind.read(reader, wire, before, what)
      if (value === '') throw new MalformedError(`A ${what} is empty.`)
      return value
    }
  }
}

/** A query's fields lie flat on the wire. */
type WireQuery = Omit<QueryMessage, 'type' | 'wanted'> & QueryMessage['wanted']

const query: Fields<WireQuery> = {
  id: [1, hex(QUERY_ID_BYTES)],
  ttl: [2, hops],
  hops: [3, hops],
  words: [4, words],
  without: [5, words],
  mediaType: [6, text(MEDIA_TYPE_BYTES_MAX)],
  terms: [7, list(term, TERMS_MAX)],
  content: [8, exactBytes(KEY_BYTES, true)],
  limit: [9, number(QUERY_RESULTS_MAX)]
}

type Other = Exclude<FastTrackMessage['type'], 'query'>

const FIELDS: { readonly [Type in Other]: Fields<Body<Type>> } = {
  hello: {
    wants: [1, wants],
    isSupernode: [2, flag],
    isReachable: [3, flag],
    uploadKbps: [4, said],
    uptimeS: [5, said],
    addresses: [6, list(someBytes(ADDRESS_BYTES_MAX), CONTACT_ADDRESSES_MAX)],
    supernodesWanted: [7, number(SUPERNODES_MAX)]
  },
  welcome: {
    wants: [1, wants],
    isAccepted: [2, flag],
    isSupernode: [3, flag],
    users: [4, load],
    usersMax: [5, load]
  },
  supernodes: {
    entries: [1, list(embedded(entry), SUPERNODES_PER_MESSAGE_MAX)],
    heirs: [2, list(contact, HEIRS_MAX)]
  },
  share: { batch: [1, index], files: [2, list(embedded(uploaded), SHARE_FILES_MAX)] },
  unshare: { batch: [1, index], indices: [2, packedNumbers(SHARE_FILES_MAX, NUMBER_32_MAX)] },
  shared: {
    batch: [1, index],
    refused: [2, packedNumbers(SHARE_FILES_MAX, NUMBER_32_MAX)],
    reasons: [3, packedChoices(REFUSALS, SHARE_FILES_MAX)]
  },
  results: {
    id: [1, hex(QUERY_ID_BYTES)],
    hops: [2, number(2 * HOPS_MAX)],
    results: [3, list(embedded({ ...uploaded, contact: [3, contact] }), RESULTS_PER_MESSAGE_MAX)]
  },
  'query-end': { id: [1, hex(QUERY_ID_BYTES)] },
  promote: {},
  decline: {},
  'hand-over': { to: [1, list(contact, TARGETS_MAX)] },
  ping: {},
  pong: { users: [1, load], usersMax: [2, load] },
  push: {
    target: [1, someBytes(PEER_ID_BYTES_MAX)],
    index: [2, index],
    contact: [3, contact],
    nonce: [4, exactBytes(PUSH_NONCE_BYTES)],
    ttl: [5, hops]
  }
}

/** In the order of their numbers in the `oneof`, from 1. */
export const TYPES: readonly FastTrackMessage['type'][] = [
  'hello',
  'welcome',
  'supernodes',
  'share',
  'unshare',
  'shared',
  'query',
  'results',
  'query-end',
  'promote',
  'decline',
  'hand-over',
  'ping',
  'pong',
  'push'
]

/** A message as the fields that it has on the wire. */
function wireOf(message: FastTrackMessage): [Fields<object>, object] {
  if (message.type !== 'query') return [FIELDS[message.type] as Fields<object>, message]
  const { wanted, ...rest } = message
  return [query as Fields<object>, { ...rest, ...wanted }]
}

/** Bytes of the message's fields. */
export function bodyLength(message: FastTrackMessage): number {
  return fieldsLength(...wireOf(message))
}

export function writeBody(writer: Parameters<typeof writeAll>[1], message: FastTrackMessage): void {
  const [fields, body] = wireOf(message)
  writeAll(fields, writer, body)
}

/** @throws MalformedError  a field breaks its bound */
export function readBody(
  type: FastTrackMessage['type'],
  reader: Parameters<typeof readAll>[1],
  end: number
): FastTrackMessage {
  if (type !== 'query') {
    const body: object = readAll(FIELDS[type] as Fields<object>, reader, end)
    return { type, ...body } as FastTrackMessage
  }
  const { id, ttl, hops: gone, ...wanted } = readAll(query, reader, end)
  return { type, id, ttl, hops: gone, wanted }
}
