/**
 * The peer cache: contacts of the tables and of those remembered, kept for the next start. Each as its id and its
 * addresses, every one behind its length: 1 byte for the id, 1 for how many addresses, 2 for each address.
 */
import {
  ADDRESS_BYTES_MAX,
  CONTACT_ADDRESSES_MAX,
  type Contact,
  NO_PEER,
  PEER_ID_BYTES_MAX,
  type Peer,
  type PeerTable,
  SELF
} from '@servent/overlay/machine'
import { PeerMemory } from './peer-memory.ts'
import { BOOTSTRAP_PEERS_MAX, LOST_PEERS_MAX, SAVED_PEERS_MAX } from './structured-constants.ts'

/** Whom an overlay remembers beside its tables, and what of all that it knows is saved. */
export class PeerCache {
  /** Those that the user chose, and the latest that this peer was told of. */
  readonly bootstrap = new PeerMemory(BOOTSTRAP_PEERS_MAX)
  /** Those of the tables that went silent. */
  readonly lost = new PeerMemory(LOST_PEERS_MAX)
  /** Contacts in it as it was loaded or saved last. */
  #saved = 0
  #turn = 0

  /**
   * One of those remembered, of the two memories by turns as long as both have somebody. Neither may keep the other from
   * its turn: whom a peer that comes back dials of its lost ones its host may tell it of, and they may be gone for good.
   */
  next(): Peer | undefined {
    this.#turn += 1
    const [first, second] = this.#turn % 2 === 1 ? [this.bootstrap, this.lost] : [this.lost, this.bootstrap]
    return first.next() ?? second.next()
  }

  /**
   * What to save, with those of the tables, the most worth first. Nothing where a peer that is out of its network, and
   * so is not `settled`, knows fewer than were saved: the cache of a better time stays.
   */
  encode(known: Iterable<Peer>, settled: boolean, peers: PeerTable): Uint8Array | undefined {
    const kept: Peer[] = []
    for (const some of [this.bootstrap.peers, known, this.lost.peers])
      for (const peer of some)
        if (peer !== SELF && kept.length < SAVED_PEERS_MAX && !kept.includes(peer)) kept.push(peer)
    if (!settled && kept.length < this.#saved) return undefined
    this.#saved = kept.length
    return encodePeers(kept.map(peer => peers.contact(peer)))
  }

  load(bytes: Uint8Array | undefined, peers: PeerTable): void {
    if (bytes === undefined) return
    const contacts = decodePeers(bytes)
    this.#saved = contacts.length
    // The first were worth the most: they go where contacts that come by push nobody out.
    for (const [at, contact] of contacts.entries()) {
      const peer = peers.intern(contact)
      if (peer === NO_PEER || peer === SELF) continue
      if (at < LOST_PEERS_MAX) this.lost.add(peer)
      else this.bootstrap.add(peer)
    }
  }

  heldPeers(hold: (peer: Peer) => void): void {
    for (const peer of this.bootstrap.peers) hold(peer)
    for (const peer of this.lost.peers) hold(peer)
  }
}

export function encodePeers(contacts: readonly Contact[]): Uint8Array {
  const bytes: number[] = []
  for (const { id, addresses } of contacts) {
    const kept = addresses.slice(0, CONTACT_ADDRESSES_MAX)
    bytes.push(id.length, ...id, kept.length)
    for (const address of kept) bytes.push(address.length >> 8, address.length & 255, ...address)
  }
  return Uint8Array.from(bytes)
}

/** As many as are whole: a file that was cut or written by another version gives what can be read. */
export function decodePeers(bytes: Uint8Array): Contact[] {
  const contacts: Contact[] = []
  let at = 0
  const take = (length: number): Uint8Array | undefined => {
    if (at + length > bytes.length) return undefined
    at += length
    return bytes.slice(at - length, at)
  }
  while (at < bytes.length && contacts.length < SAVED_PEERS_MAX) {
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
