/** PeerIds and multiaddrs of libp2p to the contacts of `@servent/overlay` and back. */
import type { PeerId } from '@libp2p/interface'
import { peerIdFromMultihash } from '@libp2p/peer-id'
import { CODE_P2P, type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import {
  ADDRESS_BYTES_MAX,
  CONTACT_ADDRESSES_MAX,
  type Contact,
  MalformedError,
  PEER_ID_BYTES_MAX
} from '@servent/overlay'
import * as Digest from 'multiformats/hashes/digest'

/**
 * Addresses lose their `/p2p` of the peer itself, ones over `ADDRESS_BYTES_MAX` and ones past the first
 * `CONTACT_ADDRESSES_MAX` are left out, and so are repeats.
 */
export function contactOf(peerId: PeerId, addresses: readonly Multiaddr[]): Contact {
  const seen = new Set<string>()
  const kept: Uint8Array[] = []
  for (const address of addresses) {
    if (kept.length === CONTACT_ADDRESSES_MAX) break
    const bare = withoutPeerId(address)
    const text = bare.toString()
    if (bare.bytes.length === 0 || bare.bytes.length > ADDRESS_BYTES_MAX || seen.has(text)) continue
    seen.add(text)
    kept.push(bare.bytes)
  }
  return { id: peerId.toMultihash().bytes, addresses: kept }
}

/**
 * @throws MalformedError  the id is no multihash of a PeerId
 */
export function peerIdOfContact(contact: Contact): PeerId {
  if (contact.id.length > PEER_ID_BYTES_MAX) {
    throw new MalformedError(`A PeerId has at most ${PEER_ID_BYTES_MAX} bytes, not ${contact.id.length}.`)
  }
  try {
    return peerIdFromMultihash(Digest.decode(contact.id))
  } catch (error) {
    throw new MalformedError(`These bytes are no PeerId: ${(error as Error).message}`)
  }
}

/** Without `/p2p`. Addresses that cannot be read are left out: contacts come from remote peers. */
export function multiaddrsOfContact(contact: Contact): Multiaddr[] {
  const addresses: Multiaddr[] = []
  for (const bytes of contact.addresses.slice(0, CONTACT_ADDRESSES_MAX)) {
    if (bytes.length === 0 || bytes.length > ADDRESS_BYTES_MAX) continue
    try {
      const address = withoutPeerId(multiaddr(bytes))
      if (address.getComponents().length > 0) addresses.push(address)
    } catch {}
  }
  return addresses
}

/** The multiaddrs of a contact with the PeerId that a dial must prove. */
export function dialTargetOf(peerId: PeerId, contact: Contact): Multiaddr[] {
  return multiaddrsOfContact(contact).map(address => address.encapsulate(`/p2p/${peerId.toString()}`))
}

/** A `/p2p` at the end names the peer itself; one before `/p2p-circuit` names its relay and stays. */
function withoutPeerId(address: Multiaddr): Multiaddr {
  return address.getComponents().at(-1)?.code === CODE_P2P ? address.decapsulateCode(CODE_P2P) : address
}
