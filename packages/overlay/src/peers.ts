/** Peers as machines see them: small integers that the host interned, so that tables can be typed arrays. */

/** A handle that a host gave for a peer. 0 is always this peer itself. */
export type Peer = number

export const SELF: Peer = 0
/** What `intern` gives when the table is full of peers that are held. */
export const NO_PEER: Peer = -1

/** A peer as it goes on the wire: bytes, since machines and codecs never look inside. */
export interface Contact {
  /** The multihash of a PeerId, at most `PEER_ID_BYTES_MAX` bytes. */
  readonly id: Uint8Array
  /** Multiaddrs in binary form without `/p2p`, at most `CONTACT_ADDRESSES_MAX` of `ADDRESS_BYTES_MAX` bytes. */
  readonly addresses: readonly Uint8Array[]
}

export interface PeerTable {
  /** The handle of a peer. Addresses that are new are added to those already known, within their bound. */
  intern(contact: Contact): Peer
  /** SHA-256 of the PeerId's multihash: the peer's place in the key space, 32 bytes. */
  key(peer: Peer): Uint8Array
  contact(peer: Peer): Contact
}
