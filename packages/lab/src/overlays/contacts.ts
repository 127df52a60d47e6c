/** What contacts and keys in messages and tables come to. */
import { type Contact, KEY_BYTES } from '@servent/overlay/machine'

/** Bytes of a contact on the wire, without what frames it. */
export function contactBytes({ id, addresses }: Contact): number {
  return addresses.reduce((sum, address) => sum + address.length, id.length)
}

/** Bytes of an entry of a table: the key and the contact. */
export function entryBytes(contact: Contact): number {
  return KEY_BYTES + contactBytes(contact)
}

/** Identifiers in a message, wherever they stand in it: contacts, and keys by themselves. */
export function idsIn(message: unknown): number {
  if (message instanceof Uint8Array) return message.length === KEY_BYTES ? 1 : 0
  if (message === null || typeof message !== 'object') return 0
  if ('addresses' in message) return 1
  let ids = 0
  // There is a message for every event: no list of its fields is made for it, nor names of the places of an array.
  if (Array.isArray(message)) {
    for (const item of message) ids += idsIn(item)
    return ids
  }
  for (const name in message) {
    const field = (message as Record<string, unknown>)[name]
    if (typeof field === 'object') ids += idsIn(field)
  }
  return ids
}
