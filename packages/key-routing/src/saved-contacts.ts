/**
 * Contacts as a machine saves them: each as its id and its addresses, every one behind its length: 1 byte for the id,
 * 1 for how many addresses, 2 for each address.
 */
import {
  ADDRESS_BYTES_MAX,
  CONTACT_ADDRESSES_MAX,
  type Contact,
  PEER_ID_BYTES_MAX
} from '@servent/overlay/machine'

export function encodeContacts(contacts: readonly Contact[]): Uint8Array {
  const bytes: number[] = []
  for (const { id, addresses } of contacts) {
    const kept = addresses.slice(0, CONTACT_ADDRESSES_MAX)
    bytes.push(id.length, ...id, kept.length)
    for (const address of kept) bytes.push(address.length >> 8, address.length & 255, ...address)
  }
  return Uint8Array.from(bytes)
}

/** As many as are whole, and not more than `most`: a file that was cut or written by another version gives what can be read. */
export function decodeContacts(bytes: Uint8Array, most: number): Contact[] {
  const contacts: Contact[] = []
  let at = 0
  const take = (length: number): Uint8Array | undefined => {
    if (at + length > bytes.length) return undefined
    at += length
    return bytes.slice(at - length, at)
  }
  while (at < bytes.length && contacts.length < most) {
    const id = take(take(1)![0]!)
    const count = take(1)?.[0]
    if (id === undefined || id.length === 0 || id.length > PEER_ID_BYTES_MAX || count === undefined) break
    if (count > CONTACT_ADDRESSES_MAX) break
    const addresses: Uint8Array[] = []
    for (let index = 0; index < count; index += 1) {
      const [high, low] = take(2) ?? []
      if (high === undefined || low === undefined || (high << 8) + low > ADDRESS_BYTES_MAX) return contacts
      const address = take((high << 8) + low)
      if (address === undefined) return contacts
      addresses.push(address)
    }
    contacts.push({ id, addresses })
  }
  return contacts
}
