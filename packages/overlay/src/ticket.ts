/**
 * A ticket: one text with which a machine that has never met the network can fetch a file. `servent1`, then
 * base32 without padding of a DAG-CBOR list and the first four bytes of its SHA-256, so that a text that was
 * cut or mistyped is told from a wrong one. No secret is in it.
 */
import * as dagCbor from '@ipld/dag-cbor'
import { sha256 } from '@noble/hashes/sha2.js'
import { base32 } from 'multiformats/bases/base32'
import { ContentId } from './content-id.ts'
import { TicketError } from './errors.ts'
import {
  CONTACT_ADDRESSES_MAX,
  TICKET_ADDRESS_CHARACTERS_MAX,
  TICKET_CHARACTERS_MAX,
  TICKET_PROVIDERS_MAX
} from './limits.ts'
import { isFileName, isPeerIdBytes, peerIdBytes, peerIdText } from './names.ts'

export interface TicketProvider {
  /** PeerId in text form. */
  readonly peerId: string
  /** Multiaddrs in text form, at most `CONTACT_ADDRESSES_MAX`. */
  readonly addresses: readonly string[]
}

export interface Ticket {
  readonly id: ContentId
  /** Bytes. */
  readonly size: number
  /** A base name; never a path. */
  readonly name: string
  /** At most `TICKET_PROVIDERS_MAX`; none where the fetcher finds them itself. */
  readonly providers: readonly TicketProvider[]
}

const PREFIX = 'servent1'
const CHECKSUM_BYTES = 4

/** @throws TicketError  a field breaks its bounds, or the whole is longer than `TICKET_CHARACTERS_MAX` */
export function encodeTicket(ticket: Ticket): string {
  checkTicket(ticket)
  const providers = ticket.providers.map(({ peerId, addresses }) => {
    const multihash = peerIdBytes(peerId)
    if (multihash === undefined) throw new TicketError('A provider of the ticket has no PeerId as 12D3Koo….')
    return [multihash, [...addresses]]
  })
  const body = dagCbor.encode([ticket.id.bytes, ticket.size, ticket.name, providers])
  const bytes = new Uint8Array(body.length + CHECKSUM_BYTES)
  bytes.set(body)
  bytes.set(checksum(body), body.length)
  const text = PREFIX + base32.baseEncode(bytes)
  if (text.length > TICKET_CHARACTERS_MAX) {
    throw new TicketError(
      `A ticket has at most ${TICKET_CHARACTERS_MAX} characters, not ${text.length}. Leave out some addresses.`
    )
  }
  return text
}

/** @throws TicketError  the text is no ticket, is damaged, or breaks a bound */
export function decodeTicket(text: string): Ticket {
  if (text.length > 2 * TICKET_CHARACTERS_MAX) throw notATicket('is too long to be one')
  const trimmed = text.trim().toLowerCase()
  if (!trimmed.startsWith(PREFIX)) throw notATicket('begins otherwise')
  if (trimmed.length > TICKET_CHARACTERS_MAX) throw notATicket('is too long to be one')
  const [id, size, name, providers] = readList(readBody(trimmed.slice(PREFIX.length)), 4)
  const ticket = {
    id: readId(id),
    size: size as number,
    name: name as string,
    providers: readProviders(providers)
  }
  checkTicket(ticket)
  return ticket
}

function readBody(text: string): unknown {
  let bytes: Uint8Array
  try {
    bytes = base32.baseDecode(text)
  } catch {
    throw notATicket('has characters that no ticket has')
  }
  const body = bytes.subarray(0, -CHECKSUM_BYTES)
  const sum = checksum(body)
  if (bytes.length <= CHECKSUM_BYTES || sum.some((byte, index) => byte !== bytes[body.length + index])) {
    throw notATicket('is cut off or mistyped')
  }
  try {
    return dagCbor.decode(body)
  } catch {
    throw damaged()
  }
}

function readProviders(value: unknown): TicketProvider[] {
  if (!Array.isArray(value) || value.length > TICKET_PROVIDERS_MAX) throw damaged()
  return value.map(item => {
    const [multihash, addresses] = readList(item, 2)
    if (!(multihash instanceof Uint8Array) || !isPeerIdBytes(multihash) || !Array.isArray(addresses))
      throw damaged()
    return { peerId: peerIdText(multihash), addresses }
  })
}

function readList(value: unknown, length: number): unknown[] {
  if (!Array.isArray(value) || value.length !== length) throw damaged()
  return value
}

function readId(value: unknown): ContentId {
  try {
    return ContentId.decode(value as Uint8Array)
  } catch {
    throw damaged()
  }
}

/** Everything but the PeerIds. Fields that were read may be of any type. */
function checkTicket(ticket: Ticket): void {
  try {
    ticket.id.checkSize(ticket.size)
  } catch (error) {
    throw new TicketError((error as Error).message)
  }
  if (typeof ticket.name !== 'string' || !isFileName(ticket.name)) {
    throw new TicketError('The name in the ticket is empty, too long, a path, or no well-formed text.')
  }
  if (ticket.providers.length > TICKET_PROVIDERS_MAX)
    throw new TicketError(`A ticket has at most ${TICKET_PROVIDERS_MAX} providers.`)
  for (const { addresses } of ticket.providers) {
    if (addresses.length > CONTACT_ADDRESSES_MAX)
      throw new TicketError(`A provider has at most ${CONTACT_ADDRESSES_MAX} addresses.`)
    if (!addresses.every(isAddress))
      throw new TicketError('An address in the ticket is too long or no multiaddr.')
  }
}

/** The outer form only: whoever dials parses it. */
function isAddress(address: unknown): boolean {
  return (
    typeof address === 'string' &&
    address.length <= TICKET_ADDRESS_CHARACTERS_MAX &&
    /^\/[\x21-\x7e]+$/.test(address)
  )
}

function checksum(body: Uint8Array): Uint8Array {
  return sha256(body).subarray(0, CHECKSUM_BYTES)
}

function notATicket(why: string): TicketError {
  return new TicketError(`A ticket is a text as ${PREFIX}…; this one ${why}. Copy the whole ticket again.`)
}

function damaged(): TicketError {
  return new TicketError(
    'The ticket is whole, but what is in it is not what a ticket holds. Ask for a new one.'
  )
}
