/** Contacts as protobuf (`routing.proto`): a PeerId and addresses, each within its bound. */
import {
  ADDRESS_BYTES_MAX,
  CONTACT_ADDRESSES_MAX,
  type Contact,
  isPeerIdBytes,
  MalformedError,
  PEER_ID_BYTES_MAX
} from '@servent/overlay/machine'
import type { Reader, Writer } from 'protons-runtime'
import { bytesFieldLength, readBytes, readFields, writeBytes } from './store-fields.ts'

const NO_BYTES = new Uint8Array(0)

/** Without the tag and length before it. */
export function contactByteLength(contact: Contact): number {
  let length = bytesFieldLength(contact.id.length)
  for (const address of contact.addresses) length += bytesFieldLength(address.length)
  return length
}

export function writeContact(writer: Writer, contact: Contact): void {
  writeBytes(writer, 1, contact.id)
  for (const address of contact.addresses) writeBytes(writer, 2, address)
}

/** @throws MalformedError  no PeerId, an address that is empty or too long, or one address past the bound */
export function readContact(reader: Reader, end: number): Contact {
  let id: Uint8Array = NO_BYTES
  const addresses: Uint8Array[] = []
  readFields(reader, end, (field, wire) => {
    if (field === 1) id = readBytes(reader, wire, PEER_ID_BYTES_MAX, 'PeerId')
    else if (field === 2) {
      if (addresses.length === CONTACT_ADDRESSES_MAX)
        throw new MalformedError(`A contact has at most ${CONTACT_ADDRESSES_MAX} addresses.`)
      addresses.push(readBytes(reader, wire, ADDRESS_BYTES_MAX, 'multiaddr'))
    } else return false
    return true
  })
  if (!isPeerIdBytes(id)) throw new MalformedError('A contact has a PeerId.')
  if (addresses.some(address => address.length === 0)) throw new MalformedError('A multiaddr is empty.')
  return { id, addresses }
}

/** The multihash of a PeerId. */
export function readPeerId(reader: Reader, wire: number): Uint8Array {
  const id = readBytes(reader, wire, PEER_ID_BYTES_MAX, 'PeerId')
  if (!isPeerIdBytes(id)) throw new MalformedError('A PeerId is the multihash of a key.')
  return id
}
