/**
 * What libp2p peers add to Gnutella's descriptors: GGEP extensions whose ids begin with our vendor code
 * (GGEP, appendix A), so that they meet no other, and the published `LF`, which sizes over 4 GiB need.
 *
 * | id       | where                    | data |
 * |----------|--------------------------|------|
 * | `SVNT.C` | Pong, trailer of QueryHit, Push | contact: one byte, the length of the PeerId's multihash; the multihash; then for each multiaddr two bytes, its length, little-endian, and the multiaddr without `/p2p` |
 * | `SVNT.A` | each result of QueryHit  | the signed file record, abridged by name, size and contact, which the hit has (`abridged-record.ts` of overlay); the id stands in it, so that no `urn:cid:` does |
 * | `SVNT.R` | each result of QueryHit  | the file record in its signed libp2p envelope, where it cannot be abridged |
 * | `SVNT.N` | Push                     | the nonce that the pushing peer shows, 16 bytes |
 * | `SVNT.P` | trailer of QueryHit      | push proxies: one to four contacts, each behind two bytes with its length |
 * | `SVNT.W` | Query                    | this query is a walker (`walk-wire.ts`) |
 * | `LF`     | each result of QueryHit  | the size in bytes, little-endian, 1 to 8 bytes |
 *
 * Each comes at most once, and never compressed.
 */
import {
  ABRIDGED_RECORD_BYTES_MAX,
  ADDRESS_BYTES_MAX,
  ByteReader,
  type ByteSink,
  CONTACT_ADDRESSES_MAX,
  type Contact,
  CountingSink,
  LimitError,
  MalformedError,
  PEER_ID_BYTES_MAX,
  SEALED_RECORD_BYTES_MAX,
  StoringSink
} from '@servent/overlay/machine'
import { LARGE_FILE_BYTES_MAX, PUSH_NONCE_BYTES, VENDOR } from './constants.ts'
import type { GgepExtension } from './messages.ts'
import { PUSH_PROXIES_MAX } from './tier-constants.ts'

const CONTACT = `${VENDOR}.C`
const RECORD = `${VENDOR}.R`
const ABRIDGED = `${VENDOR}.A`
const NONCE = `${VENDOR}.N`
const PROXIES = `${VENDOR}.P`
const LARGE_FILE = 'LF'

/** The multihash of a SHA-256: its code and its length, and what follows. */
const SHA256_CODE = 0x12
const SHA256_BYTES = 32
/** A multihash that holds its content as it is: a short public key. */
const IDENTITY_CODE = 0x00

/** A block without ours: what they said, and the rest. */
export interface Sorted {
  readonly contact?: Contact
  readonly record?: Uint8Array
  readonly abridged?: Uint8Array
  readonly nonce?: Uint8Array
  readonly proxies?: readonly Contact[]
  /** Bytes. */
  readonly size?: number
  readonly ggep: readonly GgepExtension[]
}

type Ours = Exclude<keyof Sorted, 'ggep'>

/** How each of ours is read. */
const READERS: ReadonlyMap<
  string,
  { readonly name: Ours; readonly read: (data: Uint8Array) => Sorted[Ours] }
> = new Map([
  [CONTACT, { name: 'contact' as const, read: readContact }],
  [RECORD, { name: 'record' as const, read: readRecord }],
  [ABRIDGED, { name: 'abridged' as const, read: readAbridged }],
  [NONCE, { name: 'nonce' as const, read: readNonce }],
  [PROXIES, { name: 'proxies' as const, read: readProxies }],
  [LARGE_FILE, { name: 'size' as const, read: readSize }]
])

/**
 * Takes those of ours that belong to a place out of a block.
 *
 * @throws MalformedError  one comes twice, or breaks its format or a bound
 */
export function sortExtensions(found: readonly GgepExtension[], place: readonly Ours[]): Sorted {
  if (found.length === 0) return { ggep: found }
  const ours: { [name in Ours]?: Sorted[Ours] } = {}
  const ggep: GgepExtension[] = []
  for (const extension of found) {
    const reader = READERS.get(extension.id)
    if (reader === undefined || extension.deflated === true || !place.includes(reader.name))
      ggep.push(extension)
    else if (ours[reader.name] !== undefined)
      throw new MalformedError(`the GGEP extension ${extension.id} comes twice`)
    else ours[reader.name] = reader.read(extension.data)
  }
  return { ...(ours as Omit<Sorted, 'ggep'>), ggep }
}

/**
 * Ours before the rest, as GGEP extensions.
 *
 * @throws LimitError  what no peer would accept
 */
export function joinExtensions(sorted: Sorted): GgepExtension[] {
  const { contact, record, abridged, nonce, proxies, size, ggep } = sorted
  const joined: GgepExtension[] = []
  if (size !== undefined) joined.push({ id: LARGE_FILE, data: writeSize(size) })
  if (contact !== undefined) joined.push({ id: CONTACT, data: writeContact(contact) })
  if (proxies !== undefined) joined.push({ id: PROXIES, data: writeProxies(proxies) })
  if (nonce !== undefined)
    joined.push({
      id: NONCE,
      data: checkLength('PUSH_NONCE_BYTES', nonce, PUSH_NONCE_BYTES, PUSH_NONCE_BYTES)
    })
  if (record !== undefined)
    joined.push({
      id: RECORD,
      data: checkLength('SEALED_RECORD_BYTES_MAX', record, 1, SEALED_RECORD_BYTES_MAX)
    })
  if (abridged !== undefined)
    joined.push({
      id: ABRIDGED,
      data: checkLength('ABRIDGED_RECORD_BYTES_MAX', abridged, 1, ABRIDGED_RECORD_BYTES_MAX)
    })
  joined.push(...ggep)
  return joined
}

function checkLength(name: string, bytes: Uint8Array, least: number, most: number): Uint8Array {
  if (bytes.length < least || bytes.length > most) {
    throw new LimitError(name, `${name} allows ${least} to ${most} bytes, not ${bytes.length}.`)
  }
  return bytes
}

export function readContact(data: Uint8Array): Contact {
  const reader = new ByteReader(data)
  const id = reader.take(reader.u8())
  if (!isPeerId(id)) throw new MalformedError('a contact has no PeerId')
  const addresses: Uint8Array[] = []
  while (reader.left > 0) {
    if (addresses.length === CONTACT_ADDRESSES_MAX)
      throw new MalformedError(`a contact has over ${CONTACT_ADDRESSES_MAX} addresses`)
    const address = reader.take(reader.u16())
    if (address.length === 0 || address.length > ADDRESS_BYTES_MAX)
      throw new MalformedError('an address of a contact has no fit length')
    addresses.push(address)
  }
  return { id, addresses }
}

/** Whether the bytes have the form of a PeerId's multihash; whether there is a key behind them the host finds. */
function isPeerId(id: Uint8Array): boolean {
  if (id.length < 3 || id.length > PEER_ID_BYTES_MAX || id[1] !== id.length - 2) return false
  return id[0] === IDENTITY_CODE || (id[0] === SHA256_CODE && id[1] === SHA256_BYTES)
}

export function writeContact({ id, addresses }: Contact): Uint8Array {
  if (!isPeerId(id))
    throw new LimitError(
      'PEER_ID_BYTES_MAX',
      `A contact's id is the multihash of a PeerId, at most ${PEER_ID_BYTES_MAX} bytes.`
    )
  if (addresses.length > CONTACT_ADDRESSES_MAX) {
    throw new LimitError(
      'CONTACT_ADDRESSES_MAX',
      `A contact has at most ${CONTACT_ADDRESSES_MAX} addresses, not ${addresses.length}.`
    )
  }
  const counted = new CountingSink()
  writeContactTo(counted, id, addresses)
  const stored = new StoringSink(counted.length)
  writeContactTo(stored, id, addresses)
  return stored.stored
}

function writeContactTo(sink: ByteSink, id: Uint8Array, addresses: readonly Uint8Array[]): void {
  sink.u8(id.length)
  sink.raw(id)
  for (const address of addresses) {
    sink.u16(checkLength('ADDRESS_BYTES_MAX', address, 1, ADDRESS_BYTES_MAX).length)
    sink.raw(address)
  }
}

function readProxies(data: Uint8Array): Contact[] {
  const reader = new ByteReader(data)
  const proxies: Contact[] = []
  do {
    if (proxies.length === PUSH_PROXIES_MAX)
      throw new MalformedError(`a hit has over ${PUSH_PROXIES_MAX} push proxies`)
    proxies.push(readContact(reader.take(reader.u16())))
  } while (reader.left > 0)
  return proxies
}

function writeProxies(proxies: readonly Contact[]): Uint8Array {
  if (proxies.length === 0 || proxies.length > PUSH_PROXIES_MAX) {
    throw new LimitError(
      'PUSH_PROXIES_MAX',
      `A hit has 1 to ${PUSH_PROXIES_MAX} push proxies, not ${proxies.length}.`
    )
  }
  const contacts = proxies.map(writeContact)
  const sink = new StoringSink(contacts.reduce((total, { length }) => total + 2 + length, 0))
  for (const contact of contacts) {
    sink.u16(contact.length)
    sink.raw(contact)
  }
  return sink.stored
}

function readRecord(data: Uint8Array): Uint8Array {
  if (data.length === 0 || data.length > SEALED_RECORD_BYTES_MAX)
    throw new MalformedError(`a sealed record has 1 to ${SEALED_RECORD_BYTES_MAX} bytes`)
  return data
}

function readAbridged(data: Uint8Array): Uint8Array {
  if (data.length === 0 || data.length > ABRIDGED_RECORD_BYTES_MAX)
    throw new MalformedError(`an abridged record has 1 to ${ABRIDGED_RECORD_BYTES_MAX} bytes`)
  return data
}

function readNonce(data: Uint8Array): Uint8Array {
  if (data.length !== PUSH_NONCE_BYTES) throw new MalformedError(`a nonce has ${PUSH_NONCE_BYTES} bytes`)
  return data
}

function readSize(data: Uint8Array): number {
  let size = 0
  for (let index = data.length - 1; index >= 0; index -= 1) size = size * 256 + data[index]!
  if (data.length === 0 || data.length > LARGE_FILE_BYTES_MAX || !Number.isSafeInteger(size))
    throw new MalformedError('the size of a large file is wrong')
  return size
}

function writeSize(size: number): Uint8Array {
  const bytes: number[] = []
  for (let rest = size; rest > 0; rest = Math.floor(rest / 256)) bytes.push(rest % 256)
  return Uint8Array.from(bytes)
}
